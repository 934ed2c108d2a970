/*
 * widen_avx2.c - blocks and codes of weights as floats, and rows of x in eight bits.
 */
#include "lib/kernel/isa.h"

#if defined(__AVX2__)

#include "lib/kernel/avx2.h"
#include "lib/kernel/blocks.h"

G4_INLINE void put_8(enum g4_dtype dtype, float *y, __m128i code, float scale, float min,
                     float factor)
{
    const __m256 v = _mm256_cvtepi32_ps(_mm256_cvtepi8_epi32(code)), s = _mm256_set1_ps(scale);
    const __m256 w =
        has_min(dtype) ? _mm256_fmadd_ps(v, s, _mm256_set1_ps(min)) : _mm256_mul_ps(v, s);
    _mm256_storeu_ps(y, _mm256_mul_ps(w, _mm256_set1_ps(factor)));
}

G4_INLINE void put_16(enum g4_dtype dtype, float *y, __m128i code, float scale, float min,
                      float factor)
{
    put_8(dtype, y, code, scale, min, factor);
    put_8(dtype, y + 8, _mm_srli_si128(code, 8), scale, min, factor);
}

G4_INLINE void put_bf16(float *y, __m128i a, __m128i b, float factor)
{
    const __m256 s = _mm256_set1_ps(factor);
    const __m256i va = _mm256_slli_epi32(_mm256_cvtepu16_epi32(a), 16);
    const __m256i vb = _mm256_slli_epi32(_mm256_cvtepu16_epi32(b), 16);
    _mm256_storeu_ps(y, _mm256_mul_ps(_mm256_castsi256_ps(va), s));
    _mm256_storeu_ps(y + 8, _mm256_mul_ps(_mm256_castsi256_ps(vb), s));
}

#include "lib/kernel/widen_blocks.h"

G4_INLINE __m256i bits_of(__m256 x)
{
    return _mm256_and_si256(_mm256_castps_si256(x), _mm256_set1_epi32(0x7fffffff));
}

static uint32_t largest_of(__m256i v)
{
    __m128i m = _mm_max_epu32(_mm256_castsi256_si128(v), _mm256_extracti128_si256(v, 1));
    m = _mm_max_epu32(m, _mm_shuffle_epi32(m, 0x4e));
    m = _mm_max_epu32(m, _mm_shuffle_epi32(m, 0xb1));
    return (uint32_t)_mm_cvtsi128_si32(m);
}

static int sum_of(__m256i v)
{
    __m128i s = _mm_add_epi32(_mm256_castsi256_si128(v), _mm256_extracti128_si256(v, 1));
    s = _mm_add_epi32(s, _mm_shuffle_epi32(s, 0x4e));
    return _mm_cvtsi128_si32(_mm_add_epi32(s, _mm_shuffle_epi32(s, 0xb1)));
}

/* round(x * inverse), halves away from zero; 0 where `mask` is. */
G4_INLINE __m256i round_8(__m256 x, __m256 inverse, __m256 mask)
{
    const __m256 v = _mm256_mul_ps(_mm256_and_ps(x, mask), inverse);
    const __m256 sign = _mm256_and_ps(v, _mm256_set1_ps(-0.0f));
    return _mm256_cvttps_epi32(_mm256_add_ps(v, _mm256_or_ps(_mm256_set1_ps(0.5f), sign)));
}

static void to_q8_avx2(const struct g4_q8 *q8, size_t i, const float *x, size_t n)
{
    const __m256i order = _mm256_setr_epi32(0, 4, 1, 5, 2, 6, 3, 7);
    int8_t *q = q8->q + i * q8->ldq;
    float *d = q8->d + i * q8->ldd, *m = q8->m + i * q8->ldd;
    for (size_t k = 0; k < n; k += GROUP, d++, m++) {
        const __m256 x0 = _mm256_loadu_ps(x + k), x1 = _mm256_loadu_ps(x + k + 8);
        const __m256 x2 = _mm256_loadu_ps(x + k + 16), x3 = _mm256_loadu_ps(x + k + 24);
        const struct q8_scale scale =
            q8_scale(largest_of(_mm256_max_epu32(_mm256_max_epu32(bits_of(x0), bits_of(x1)),
                                                 _mm256_max_epu32(bits_of(x2), bits_of(x3)))));
        const __m256 inverse = _mm256_set1_ps(scale.inverse);
        const __m256 mask = _mm256_castsi256_ps(_mm256_set1_epi32(scale.zero ? 0 : -1));
        const __m256i q0 = round_8(x0, inverse, mask), q1 = round_8(x1, inverse, mask);
        const __m256i q2 = round_8(x2, inverse, mask), q3 = round_8(x3, inverse, mask);
        const __m256i bytes =
            _mm256_packs_epi16(_mm256_packs_epi32(q0, q1), _mm256_packs_epi32(q2, q3));
        _mm256_storeu_si256((void *)(q + k), _mm256_permutevar8x32_epi32(bytes, order));
        *d = scale.d;
        *m = scale.d *
             (float)sum_of(_mm256_add_epi32(_mm256_add_epi32(q0, q1), _mm256_add_epi32(q2, q3)));
    }
}

void g4_kernels_init_widen_avx2(struct g4_kernels *kernels)
{
    set_widen(kernels);
    kernels->to_q8 = to_q8_avx2;
}

#else

void g4_kernels_init_widen_avx2(struct g4_kernels *kernels)
{
    (void)kernels;
}

#endif

/*
 * widen_avx512.c - blocks and codes of weights as floats, and rows of x in eight bits.
 */
#include "lib/kernel/isa.h"

#if defined(__AVX512F__)

#include <math.h>

#include "lib/kernel/avx512.h"
#include "lib/kernel/blocks.h"

G4_INLINE void put_16(enum g4_dtype dtype, float *y, __m128i code, float scale, float min,
                      float factor)
{
    const __m512 v = _mm512_cvtepi32_ps(_mm512_cvtepi8_epi32(code)), s = _mm512_set1_ps(scale);
    const __m512 w =
        has_min(dtype) ? _mm512_fmadd_ps(v, s, _mm512_set1_ps(min)) : _mm512_mul_ps(v, s);
    _mm512_storeu_ps(y, _mm512_mul_ps(w, _mm512_set1_ps(factor)));
}

G4_INLINE void put_bf16(float *y, __m128i a, __m128i b, float factor)
{
    const __m512i v = _mm512_slli_epi32(_mm512_cvtepu16_epi32(_mm256_set_m128i(b, a)), 16);
    _mm512_storeu_ps(y, _mm512_mul_ps(_mm512_castsi512_ps(v), _mm512_set1_ps(factor)));
}

#include "lib/kernel/widen_blocks.h"

/* round(x * inverse), halves away from zero. */
G4_INLINE __m512i round_16(__m512 x, __m512 inverse)
{
    const __m512 v = _mm512_mul_ps(x, inverse), half = _mm512_set1_ps(0.5f);
    const __m512 sign = _mm512_and_ps(v, _mm512_set1_ps(-0.0f));
    return _mm512_cvttps_epi32(_mm512_add_ps(v, _mm512_or_ps(half, sign)));
}

static void to_q8_avx512(const struct g4_q8 *q8, size_t i, const float *x, size_t n)
{
    int8_t *q = q8->q + i * q8->ldq;
    float *d = q8->d + i * q8->ldd, *m = q8->m + i * q8->ldd;
    for (size_t k = 0; k < n; k += GROUP, d++, m++) {
        const __m512 a = _mm512_loadu_ps(x + k), b = _mm512_loadu_ps(x + k + 16);
        const __m512i bits = _mm512_max_epu32(_mm512_castps_si512(_mm512_abs_ps(a)),
                                              _mm512_castps_si512(_mm512_abs_ps(b)));
        const struct q8_scale scale = q8_scale(_mm512_reduce_max_epu32(bits));
        const __m512 inverse = _mm512_set1_ps(scale.inverse);
        const __mmask16 finite = scale.zero ? 0 : 0xffff;
        const __m512i qa = round_16(_mm512_maskz_mov_ps(finite, a), inverse);
        const __m512i qb = round_16(_mm512_maskz_mov_ps(finite, b), inverse);
        _mm_storeu_si128((void *)(q + k), _mm512_cvtepi32_epi8(qa));
        _mm_storeu_si128((void *)(q + k + 16), _mm512_cvtepi32_epi8(qb));
        *d = scale.d;
        *m = scale.d * (float)_mm512_reduce_add_epi32(_mm512_add_epi32(qa, qb));
    }
}

void g4_kernels_init_widen_avx512(struct g4_kernels *kernels)
{
    set_widen(kernels);
    kernels->to_q8 = to_q8_avx512;
}

#else

void g4_kernels_init_widen_avx512(struct g4_kernels *kernels)
{
    (void)kernels;
}

#endif

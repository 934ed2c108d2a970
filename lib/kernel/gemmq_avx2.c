/*
 * gemmq_avx2.c - products of many rows with quantised weights: the arithmetic of gemmq.h in
 * registers of 32 bytes.
 */
#include "lib/kernel/isa.h"

#if defined(__AVX2__)

#include "lib/kernel/panels_avx2.h"

enum {
    PARTS = 2,
    MR = 8,
    TOGETHER = 1,
    AT_ONCE = 8,
    MAGIC = 0x4b400000, /* the bits of the float 3 * 2^22: adding n to them adds n to it */
};

/* The sum of q is m / d, but for rounding. Returns in which groups m is not finite: it may be so of
 * a finite d. */
G4_INLINE uint32_t find_starts(int offset, int32_t *start, const float *d, const float *m,
                               size_t groups)
{
    const fvec vd = load(d, groups), vm = load(m, groups),
               infinite = _mm256_set1_ps(__builtin_inff());
    const fvec size = _mm256_andnot_ps(_mm256_set1_ps(-0.0f), vm);
    const fvec some = _mm256_cmp_ps(vd, _mm256_setzero_ps(), _CMP_NEQ_UQ);
    const ivec sum = and_bits(_mm256_cvtps_epi32(_mm256_div_ps(vm, vd)), _mm256_castps_si256(some));
    const ivec more = _mm256_mullo_epi32(sum, words_of(offset));
    _mm256_storeu_si256((void *)start, _mm256_sub_epi32(words_of(MAGIC), more));
    return (uint32_t)_mm256_movemask_ps(_mm256_cmp_ps(size, infinite, _CMP_NLT_UQ));
}

/* Of the halves of eight groups, in the order of k. */
G4_INLINE void find_half_starts(int offset, int32_t *start, const int8_t *q)
{
    for (size_t i = 0; i < GROUPS; i += 4, start += 8, q += 4 * GROUP) {
        ivec t[4];
#pragma GCC unroll UNROLL
        for (size_t g = 0; g < 4; g++) { /* the first half below, the last one above */
            const ivec v = _mm256_loadu_si256((const void *)(q + g * GROUP));
            t[g] =
                _mm256_madd_epi16(_mm256_maddubs_epi16(bytes_of(offset), v), _mm256_set1_epi16(1));
        }
        const ivec sums =
            _mm256_hadd_epi32(_mm256_hadd_epi32(t[0], t[1]), _mm256_hadd_epi32(t[2], t[3]));
        const ivec order = _mm256_setr_epi32(0, 4, 1, 5, 2, 6, 3, 7);
        _mm256_storeu_si256((void *)start,
                            _mm256_sub_epi32(words_of(MAGIC),
                                             _mm256_permutevar8x32_epi32(sums, order)));
    }
}

/* Products of neighbours added in 16 bits. The sign of signed codes goes to q, which is never -128:
 * at most 2 * 128 * 127. */
G4_INLINE ivec pairs(enum g4_dtype dtype, ivec code, ivec q)
{
    if (!is_signed(dtype))
        return _mm256_maddubs_epi16(code, q);
    return _mm256_maddubs_epi16(_mm256_abs_epi8(code), _mm256_sign_epi8(q, code));
}

/* t[0] += codes from .. from+3 of a strip by those of a row of x. As many pairs are added in 16
 * bits as fit there: four of codes below 32, two of those below 64. */
G4_INLINE void add_fours(enum g4_dtype dtype, ivec t[TOGETHER], ivec code[TOGETHER][FOURS],
                         const int8_t *q, size_t from)
{
    const size_t fit = is_signed(dtype) ? 1 : dtype == G4_DTYPE_Q6_K ? 2 : 4;
    ivec sum = bytes_of(0);
#pragma GCC unroll UNROLL
    for (size_t i = from; i < from + 4; i++) {
        const ivec x = words_of((int)load_u32((const unsigned char *)q + 4 * i));
        const ivec p = pairs(dtype, code[0][i], x);
        sum = i % fit == 0 ? p : _mm256_add_epi16(sum, p);
        if (i % fit == fit - 1)
            t[0] = _mm256_add_epi32(t[0], _mm256_madd_epi16(sum, _mm256_set1_epi16(1)));
    }
}

/* A sum that began with MAGIC. */
G4_INLINE fvec float_of(ivec t)
{
    return _mm256_sub_ps(_mm256_castsi256_ps(t), _mm256_set1_ps(12582912.0f));
}

G4_INLINE ivec codes_at(const unsigned char *panel, size_t i)
{
    return _mm256_load_si256((const void *)(panel + i * sizeof(ivec)));
}

G4_INLINE fvec floats_at(const unsigned char *panel, size_t i)
{
    return _mm256_load_ps((const void *)(panel + i * sizeof(fvec)));
}

G4_INLINE fvec spread(const float *v)
{
    return _mm256_set1_ps(*v);
}

G4_INLINE fvec multiply_add(fvec a, fvec b, fvec c)
{
    return _mm256_fmadd_ps(a, b, c);
}

G4_INLINE void store_parts(float *y, size_t left, const fvec *part, size_t apart)
{
    store(y, left, _mm256_add_ps(part[0], part[apart]));
}

#include "lib/kernel/gemmq.h"

void g4_kernels_init_gemmq_avx2(struct g4_kernels *kernels)
{
    struct g4_gemm_q8 *gemm = &kernels->gemm_q8;
    *gemm = (struct g4_gemm_q8){
        .name = "avx2",
        .rows_to_pack = 8,
        .rows_at_most = SIZE_MAX,
    };
    set_gemm_q8(gemm);
}

#else

void g4_kernels_init_gemmq_avx2(struct g4_kernels *kernels)
{
    (void)kernels;
}

#endif

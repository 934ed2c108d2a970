/*
 * sums_avx512.h - registers of 64 bytes for sums.h and gemmq.h. Included by files for AVX-512 and
 * what is above it only.
 */
#ifndef G4_KERNEL_SUMS_AVX512_H
#define G4_KERNEL_SUMS_AVX512_H

#include "lib/kernel/panels_avx512.h"

enum {
    PARTS = 4,
    MR = 16,
    AT_ONCE = 16,
    MAGIC = 0x4b400000, /* the bits of the float 3 * 2^22: adding n to them adds n to it */
};

/* The sum of q is m / d; the reciprocal is good to 2^-14 and the sum at most 32 * 127, so rounding
 * gives it exactly. Returns in which groups m is not finite: it may be so of a finite d. */
G4_INLINE uint32_t find_starts(int offset, int32_t *start, const float *d, const float *m,
                               size_t groups)
{
    const __mmask16 here = mask16(groups);
    const fvec vd = _mm512_maskz_loadu_ps(here, d), vm = _mm512_maskz_loadu_ps(here, m);
    const fvec size = _mm512_abs_ps(vm), infinite = _mm512_set1_ps(__builtin_inff());
    const __mmask16 some = _mm512_cmp_ps_mask(vd, _mm512_setzero_ps(), _CMP_NEQ_UQ);
    const ivec sum = _mm512_maskz_cvtps_epi32(some, _mm512_mul_ps(vm, _mm512_rcp14_ps(vd)));
    const ivec more = _mm512_mullo_epi32(sum, words_of(offset));
    _mm512_storeu_si512(start, _mm512_sub_epi32(words_of(MAGIC), more));
    return _mm512_cmp_ps_mask(size, infinite, _CMP_NLT_UQ);
}

G4_INLINE void find_half_starts(int offset, int32_t *start, const int8_t *q)
{
    const ivec pairs_of = _mm512_set1_epi8((char)offset), one = _mm512_set1_epi16(1);
    const ivec order = _mm512_set_epi32(15, 11, 7, 3, 14, 10, 6, 2, 13, 9, 5, 1, 12, 8, 4, 0);
    ivec t[4];
#pragma GCC unroll UNROLL
    for (size_t i = 0; i < 4; i++) /* a quarter for each half of a group */
        t[i] =
            _mm512_madd_epi16(_mm512_maddubs_epi16(pairs_of, _mm512_loadu_si512(q + 64 * i)), one);
    const ivec s01 =
        _mm512_add_epi32(_mm512_unpacklo_epi32(t[0], t[1]), _mm512_unpackhi_epi32(t[0], t[1]));
    const ivec s23 =
        _mm512_add_epi32(_mm512_unpacklo_epi32(t[2], t[3]), _mm512_unpackhi_epi32(t[2], t[3]));
    const ivec sums =
        _mm512_add_epi32(_mm512_unpacklo_epi64(s01, s23), _mm512_unpackhi_epi64(s01, s23));
    const ivec start16 = _mm512_sub_epi32(_mm512_set1_epi32(MAGIC), sums);
    _mm512_storeu_si512(start, _mm512_permutexvar_epi32(order, start16));
}

/* A sum that began with MAGIC. */
G4_INLINE fvec float_of(ivec t)
{
    return _mm512_sub_ps(_mm512_castsi512_ps(t), _mm512_set1_ps(12582912.0f));
}

G4_INLINE fvec floats_at(const unsigned char *panel, size_t i)
{
    return _mm512_load_ps(panel + i * sizeof(fvec));
}

G4_INLINE fvec spread(const float *v)
{
    return _mm512_set1_ps(*v);
}

G4_INLINE fvec multiply_add(fvec a, fvec b, fvec c)
{
    return _mm512_fmadd_ps(a, b, c);
}

G4_INLINE void store_parts(float *y, size_t left, const fvec *part, size_t apart)
{
    store(y, left,
          _mm512_add_ps(_mm512_add_ps(part[0], part[apart]),
                        _mm512_add_ps(part[2 * apart], part[3 * apart])));
}

#endif

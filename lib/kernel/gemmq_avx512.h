/*
 * gemmq_avx512.h - the arithmetic of gemmq.h in registers of 64 bytes. gemmq_avx512.c and
 * gemmq_avx512vnni.c are this file compiled without and with the instruction that multiplies bytes
 * and adds four products.
 */
#ifndef G4_KERNEL_GEMMQ_AVX512_H
#define G4_KERNEL_GEMMQ_AVX512_H

#include "lib/kernel/isa.h"
#include "lib/kernel/sums_avx512.h"

enum { TOGETHER = 2 };

#if defined(__AVX512VNNI__)

/* t[s] += codes from .. from+3 of a strip by those of a row of x. */
G4_INLINE void add_fours(enum g4_dtype dtype, ivec t[TOGETHER], ivec code[TOGETHER][FOURS],
                         const int8_t *q, size_t from)
{
    (void)dtype;
#pragma GCC unroll UNROLL
    for (size_t i = from; i < from + 4; i++) {
        const ivec x = _mm512_set1_epi32((int)load_u32((const unsigned char *)q + 4 * i));
#pragma GCC unroll UNROLL
        for (size_t s = 0; s < TOGETHER; s++)
            t[s] = _mm512_dpbusd_epi32(t[s], code[s][i], x);
    }
}

#else

/* Products of neighbours added in 16 bits. The sign of signed codes goes to q, which is never -128:
 * at most 2 * 128 * 127. */
G4_INLINE ivec pairs(enum g4_dtype dtype, ivec code, ivec q)
{
    if (!is_signed(dtype))
        return _mm512_maddubs_epi16(code, q);
    const __mmask64 negative = _mm512_movepi8_mask(code);
    return _mm512_maddubs_epi16(_mm512_abs_epi8(code),
                                _mm512_mask_sub_epi8(q, negative, _mm512_setzero_si512(), q));
}

/* t[s] += codes from .. from+3 of a strip by those of a row of x. As many pairs are added in 16
 * bits as fit there: four of codes below 32, two of those below 64. */
G4_INLINE void add_fours(enum g4_dtype dtype, ivec t[TOGETHER], ivec code[TOGETHER][FOURS],
                         const int8_t *q, size_t from)
{
    const ivec one = _mm512_set1_epi16(1);
    const size_t fit = is_signed(dtype) ? 1 : dtype == G4_DTYPE_Q6_K ? 2 : 4;
    ivec sum[TOGETHER];
#pragma GCC unroll UNROLL
    for (size_t i = from; i < from + 4; i++) {
        const ivec x = _mm512_set1_epi32((int)load_u32((const unsigned char *)q + 4 * i));
#pragma GCC unroll UNROLL
        for (size_t s = 0; s < TOGETHER; s++) {
            const ivec p = pairs(dtype, code[s][i], x);
            sum[s] = i % fit == 0 ? p : _mm512_add_epi16(sum[s], p);
            if (i % fit == fit - 1)
                t[s] = _mm512_add_epi32(t[s], _mm512_madd_epi16(sum[s], one));
        }
    }
}

#endif

G4_INLINE ivec codes_at(const unsigned char *panel, size_t i)
{
    return _mm512_load_si512(panel + i * sizeof(ivec));
}

#include "lib/kernel/gemmq.h"

#endif

/*
 * gemvq_avx512.h - the arithmetic of gemvq.h in registers of 64 bytes. gemvq_avx512.c and
 * gemvq_avx512vnni.c are this file compiled without and with the instruction that multiplies bytes
 * and adds four products; both give the same bits.
 */
#ifndef G4_KERNEL_GEMVQ_AVX512_H
#define G4_KERNEL_GEMVQ_AVX512_H

#include "lib/kernel/blocks_avx512.h"
#include "lib/kernel/isa.h"

#if defined(__AVX512VNNI__)
enum { VNNI = 1 };
#else
enum { VNNI = 0 };
#endif

/* sum += products of four neighbours; codes are unsigned. */
G4_INLINE ivec dot(ivec sum, ivec code, ivec q)
{
#if defined(__AVX512VNNI__)
    return _mm512_dpbusd_epi32(sum, code, q);
#else
    const ivec pairs = _mm512_maddubs_epi16(code, q); /* at most 2 * 63 * 127: no more saturates */
    return _mm512_add_epi32(sum, _mm512_madd_epi16(pairs, _mm512_set1_epi16(1)));
#endif
}

/* The same of signed codes without VNNI: their sign goes to q, which is never -128. */
G4_INLINE ivec dot_signed(ivec sum, ivec code, ivec q)
{
    const __mmask64 negative = _mm512_movepi8_mask(code);
    return dot(sum, _mm512_abs_epi8(code),
               _mm512_mask_sub_epi8(q, negative, _mm512_setzero_si512(), q));
}

/* What codes are too large by when dot sees them: VNNI takes signed ones with 128 added. */
G4_INLINE int dot_offset(enum g4_dtype dtype)
{
    return VNNI && is_signed(dtype) ? 128 : code_offset(dtype);
}

struct x_unit {
    ivec a, b;
    ivec start_a, start_b; /* minus what the offset adds; all in start_a where a and b share sums */
};

G4_INLINE struct x_unit load_x(enum g4_dtype dtype, const int8_t *q, size_t here)
{
    const unsigned char *p = (const unsigned char *)q;
    const ivec zero = _mm512_setzero_si512();
    const ivec offset = _mm512_set1_epi8((char)dot_offset(dtype));
    struct x_unit x = {.start_a = zero, .start_b = zero};
    split_groups(load_bytes(p, 0, here * GROUP), load_bytes(p, 64, here * GROUP), &x.a, &x.b);
    if (dtype == G4_DTYPE_Q6_K) {
        x.start_a = _mm512_sub_epi32(zero, dot(zero, offset, x.a));
        x.start_b = _mm512_sub_epi32(zero, dot(zero, offset, x.b));
    } else if (dot_offset(dtype)) {
        x.start_a = _mm512_sub_epi32(zero, dot(dot(zero, offset, x.a), offset, x.b));
    }
    return x;
}

G4_INLINE ivec products(enum g4_dtype dtype, const struct unit *unit, size_t r,
                        const struct x_unit *x)
{
    ivec a = unit->a[r], b = unit->b[r];
    if (is_signed(dtype)) {
        if (!VNNI)
            return dot_signed(dot_signed(x->start_a, a, x->a), b, x->b);
        a = _mm512_xor_si512(a, _mm512_set1_epi8(-128));
        b = _mm512_xor_si512(b, _mm512_set1_epi8(-128));
    }
    if (dtype != G4_DTYPE_Q6_K)
        return dot(dot(x->start_a, a, x->a), b, x->b);
    /* sums of four, at most 4 * 32 * 127, fit into 16 bits */
    const ivec sums = _mm512_packs_epi32(dot(x->start_a, a, x->a), dot(x->start_b, b, x->b));
    return _mm512_madd_epi16(sums, unit->within[r]);
}

G4_INLINE ivec sum_rows(const ivec t[4])
{
    const ivec s01 =
        _mm512_add_epi32(_mm512_unpacklo_epi32(t[0], t[1]), _mm512_unpackhi_epi32(t[0], t[1]));
    const ivec s23 =
        _mm512_add_epi32(_mm512_unpacklo_epi32(t[2], t[3]), _mm512_unpackhi_epi32(t[2], t[3]));
    return _mm512_add_epi32(_mm512_unpacklo_epi64(s01, s23), _mm512_unpackhi_epi64(s01, s23));
}

G4_INLINE fvec spread(const float *v, size_t here)
{
    const __m128 four =
        here == UNIT ? _mm_loadu_ps(v) : _mm_maskz_loadu_ps((__mmask8)((1u << here) - 1), v);
    return _mm512_permutexvar_ps(_mm512_set_epi32(3, 3, 3, 3, 2, 2, 2, 2, 1, 1, 1, 1, 0, 0, 0, 0),
                                 _mm512_castps128_ps512(four));
}

G4_INLINE fvec zero_floats(void)
{
    return _mm512_setzero_ps();
}

G4_INLINE fvec to_floats(ivec v)
{
    return _mm512_cvtepi32_ps(v);
}

G4_INLINE fvec multiply(fvec a, fvec b)
{
    return _mm512_mul_ps(a, b);
}

G4_INLINE fvec multiply_add(fvec a, fvec b, fvec c)
{
    return _mm512_fmadd_ps(a, b, c);
}

/* Lanes r, 4 + r, 8 + r, 12 + r together. */
G4_INLINE __m128 sum_groups(fvec v)
{
    const __m128 g0 = _mm512_castps512_ps128(v), g1 = _mm512_extractf32x4_ps(v, 1);
    const __m128 g2 = _mm512_extractf32x4_ps(v, 2), g3 = _mm512_extractf32x4_ps(v, 3);
    return _mm_add_ps(_mm_add_ps(g0, g1), _mm_add_ps(g2, g3));
}

#include "lib/kernel/gemvq.h"

#endif

/*
 * gemvq_avx2.c - products with blocks of quantised weights: the arithmetic of gemvq.h in registers
 * of 32 bytes.
 */
#include "lib/kernel/isa.h"

#if defined(__AVX2__)

#include "lib/kernel/blocks_avx2.h"

/* Products of neighbours added in 16 bits: at most 2 * 63 * 127 of unsigned codes, 2 * 128 * 127 of
 * signed ones, so nothing saturates. */
G4_INLINE ivec pairs(ivec code, ivec q)
{
    return _mm256_maddubs_epi16(code, q);
}

/* The sign of the codes goes to q, which is never -128. */
G4_INLINE ivec pairs_signed(ivec code, ivec q)
{
    return pairs(_mm256_abs_epi8(code), _mm256_sign_epi8(q, code));
}

G4_INLINE ivec add_pairs(ivec v)
{
    return _mm256_madd_epi16(v, _mm256_set1_epi16(1));
}

struct x_unit {
    ivec a, b;
    ivec excess_a, excess_b; /* pairs that the offset adds; together in excess_a unless Q6_K */
};

G4_INLINE struct x_unit load_x(enum g4_dtype dtype, const int8_t *q, size_t here)
{
    const ivec offset = _mm256_set1_epi8((char)code_offset(dtype));
    struct x_unit x = {
        .a = load_two(q, q + 32, here > 1),
        .b = load_two(q + 16, q + 48, here > 1),
    };
    if (code_offset(dtype)) {
        x.excess_a = pairs(offset, x.a);
        x.excess_b = pairs(offset, x.b);
        if (dtype != G4_DTYPE_Q6_K)
            x.excess_a = _mm256_add_epi16(x.excess_a, x.excess_b);
    }
    return x;
}

G4_INLINE ivec products(enum g4_dtype dtype, const struct unit *unit, size_t r,
                        const struct x_unit *x)
{
    const ivec a = unit->a[r], b = unit->b[r];
    if (is_signed(dtype))
        return _mm256_add_epi32(add_pairs(pairs_signed(a, x->a)), add_pairs(pairs_signed(b, x->b)));
    const ivec pa = pairs(a, x->a), pb = pairs(b, x->b);
    if (dtype == G4_DTYPE_Q6_K)
        return _mm256_add_epi32(
            _mm256_madd_epi16(_mm256_sub_epi16(pa, x->excess_a), unit->within_a[r]),
            _mm256_madd_epi16(_mm256_sub_epi16(pb, x->excess_b), unit->within_b[r]));
    const ivec sum = _mm256_add_epi16(pa, pb); /* at most 4 * 31 * 127 */
    return add_pairs(code_offset(dtype) ? _mm256_sub_epi16(sum, x->excess_a) : sum);
}

G4_INLINE ivec sum_rows(const ivec t[4])
{
    const ivec s01 =
        _mm256_add_epi32(_mm256_unpacklo_epi32(t[0], t[1]), _mm256_unpackhi_epi32(t[0], t[1]));
    const ivec s23 =
        _mm256_add_epi32(_mm256_unpacklo_epi32(t[2], t[3]), _mm256_unpackhi_epi32(t[2], t[3]));
    return _mm256_add_epi32(_mm256_unpacklo_epi64(s01, s23), _mm256_unpackhi_epi64(s01, s23));
}

G4_INLINE fvec spread(const float *v, size_t here)
{
    const __m128 first = _mm_broadcast_ss(v);
    return _mm256_set_m128(here > 1 ? _mm_broadcast_ss(v + 1) : _mm_setzero_ps(), first);
}

G4_INLINE fvec zero_floats(void)
{
    return _mm256_setzero_ps();
}

G4_INLINE fvec to_floats(ivec v)
{
    return _mm256_cvtepi32_ps(v);
}

G4_INLINE fvec multiply(fvec a, fvec b)
{
    return _mm256_mul_ps(a, b);
}

G4_INLINE fvec multiply_add(fvec a, fvec b, fvec c)
{
    return _mm256_fmadd_ps(a, b, c);
}

/* Lanes r and 4 + r together. */
G4_INLINE __m128 sum_groups(fvec v)
{
    return _mm_add_ps(_mm256_castps256_ps128(v), _mm256_extractf128_ps(v, 1));
}

#include "lib/kernel/gemvq.h"

void g4_kernels_init_gemvq_avx2(struct g4_kernels *kernels)
{
    set_gemv_q8(kernels);
}

#else

void g4_kernels_init_gemvq_avx2(struct g4_kernels *kernels)
{
    (void)kernels;
}

#endif

/*
 * gemvq_neon.h - the arithmetic of gemvq.h in registers of 16 bytes. gemvq_neon.c and
 * gemvq_dotprod.c are this file compiled without and with the instruction that multiplies bytes and
 * adds four products; both give the same bits.
 */
#ifndef G4_KERNEL_GEMVQ_NEON_H
#define G4_KERNEL_GEMVQ_NEON_H

#include "lib/kernel/blocks_neon.h"
#include "lib/kernel/isa.h"

/* sum += products of neighbours. Two of them need 16 bits: at most 2 * 128 * 127. */
G4_INLINE ivec dot(ivec sum, int8x16_t code, int8x16_t q)
{
#if defined(__ARM_FEATURE_DOTPROD)
    return vdotq_s32(sum, code, q);
#else
    const int16x8_t low = vmull_s8(vget_low_s8(code), vget_low_s8(q));
    return vpadalq_s16(vpadalq_s16(sum, low), vmull_high_s8(code, q));
#endif
}

struct x_unit {
    int8x16_t a, b;
    ivec start_a, start_b; /* minus what the offset adds; all in start_a where a and b share sums */
};

G4_INLINE struct x_unit load_x(enum g4_dtype dtype, const int8_t *q, size_t here)
{
    const int8x16_t offset = vdupq_n_s8((int8_t)-code_offset(dtype));
    const ivec zero = vdupq_n_s32(0);
    struct x_unit x = {vld1q_s8(q), vld1q_s8(q + 16), zero, zero};
    (void)here;
    if (dtype == G4_DTYPE_Q6_K) {
        x.start_a = dot(zero, offset, x.a);
        x.start_b = dot(zero, offset, x.b);
    } else if (code_offset(dtype)) {
        x.start_a = dot(dot(zero, offset, x.a), offset, x.b);
    }
    return x;
}

G4_INLINE ivec products(enum g4_dtype dtype, const struct unit *unit, size_t r,
                        const struct x_unit *x)
{
    const struct codes *w = &unit->codes[r];
    if (dtype != G4_DTYPE_Q6_K)
        return dot(dot(x->start_a, w->a, x->a), w->b, x->b);
    const ivec a = vmulq_n_s32(dot(x->start_a, w->a, x->a), unit->within[r][0]);
    return vmlaq_n_s32(a, dot(x->start_b, w->b, x->b), unit->within[r][1]);
}

G4_INLINE ivec sum_rows(const ivec t[4])
{
    return vpaddq_s32(vpaddq_s32(t[0], t[1]), vpaddq_s32(t[2], t[3]));
}

G4_INLINE fvec spread(const float *v, size_t here)
{
    (void)here;
    return vdupq_n_f32(*v);
}

G4_INLINE fvec zero_floats(void)
{
    return vdupq_n_f32(0);
}

G4_INLINE fvec to_floats(ivec v)
{
    return vcvtq_f32_s32(v);
}

G4_INLINE fvec multiply(fvec a, fvec b)
{
    return vmulq_f32(a, b);
}

G4_INLINE fvec multiply_add(fvec a, fvec b, fvec c)
{
    return vfmaq_f32(c, a, b);
}

/* One group a register: lane r is row r's already. */
G4_INLINE fvec sum_groups(fvec v)
{
    return v;
}

#include "lib/kernel/gemvq.h"

#endif

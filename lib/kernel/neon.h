/*
 * neon.h - vectors of 4 floats: loading any stored type, and exp. Included by *_neon.c, *_dotprod.c
 * and *_i8mm.c only.
 *
 * Loads and stores take the number of elements left; past the end nothing is touched and lanes are
 * 0.
 */
#ifndef G4_KERNEL_NEON_H
#define G4_KERNEL_NEON_H

#include <arm_neon.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "lib/kernel/inline.h"
#include "lib/tensor/dtype.h"

G4_INLINE float32x4_t load(const float *x, size_t left)
{
    float some[4] = {0};
    if (left >= 4)
        return vld1q_f32(x);
    memcpy(some, x, left * sizeof *x);
    return vld1q_f32(some);
}

G4_INLINE void store(float *y, size_t left, float32x4_t v)
{
    if (left >= 4)
        vst1q_f32(y, v);
    else
        memcpy(y, &v, left * sizeof *y);
}

/* How many of `left` lie behind the first n. */
G4_INLINE size_t behind(size_t left, size_t n)
{
    return left > n ? left - n : 0;
}

G4_INLINE size_t element_bytes(enum g4_dtype dtype)
{
    return dtype == G4_DTYPE_F32 ? 4 : 2;
}

/* Stored elements, widened. dtype is a constant wherever this is called. */
G4_INLINE float32x4_t load_stored(enum g4_dtype dtype, const void *w, size_t left)
{
    uint16_t some[4] = {0};
    if (dtype == G4_DTYPE_F32 && left >= 4) {
        float32x4_t v;
        memcpy(&v, w, sizeof v); /* a row may begin at any byte */
        return v;
    }
    if (dtype == G4_DTYPE_F32)
        return load(w, left);
    memcpy(some, w, left >= 4 ? sizeof some : left * 2);
    const uint16x4_t half = vld1_u16(some);
    if (dtype == G4_DTYPE_F16)
        return vcvt_f32_f16(vreinterpret_f16_u16(half));
    return vreinterpretq_f32_u32(vshll_n_u16(half, 16));
}

/* 2^n for whole n in -126..127. */
G4_INLINE float32x4_t power_of_two(int32x4_t n)
{
    return vreinterpretq_f32_s32(vshlq_n_s32(vaddq_s32(n, vdupq_n_s32(127)), 23));
}

/*
 * exp(x): x = n ln 2 + r with |r| <= ln 2 / 2; e^r by a polynomial of degree 6, times 2^n in two
 * steps, so that results may be subnormal or overflow. Relative error at most 0.9e-7; -inf gives 0,
 * what overflows gives inf, NaN stays.
 */
G4_INLINE float32x4_t exp4(float32x4_t x)
{
    x = vminq_f32(vdupq_n_f32(110.0f), vmaxq_f32(vdupq_n_f32(-110.0f), x));
    const float32x4_t n = vrndnq_f32(vmulq_n_f32(x, 1.44269504f));
    float32x4_t r = vfmsq_f32(x, n, vdupq_n_f32(0.693359375f)); /* ln 2 in two parts */
    r = vfmsq_f32(r, n, vdupq_n_f32(-2.12194440e-4f));
    float32x4_t p = vdupq_n_f32(1.9875691500e-4f);
    p = vfmaq_f32(vdupq_n_f32(1.3981999507e-3f), p, r);
    p = vfmaq_f32(vdupq_n_f32(8.3334519073e-3f), p, r);
    p = vfmaq_f32(vdupq_n_f32(4.1665795894e-2f), p, r);
    p = vfmaq_f32(vdupq_n_f32(1.6666665459e-1f), p, r);
    p = vfmaq_f32(vdupq_n_f32(5.0000001201e-1f), p, r);
    p = vfmaq_f32(r, p, vmulq_f32(r, r));
    p = vaddq_f32(p, vdupq_n_f32(1.0f));
    const int32x4_t whole = vcvtq_s32_f32(n), half = vshrq_n_s32(whole, 1);
    p = vmulq_f32(p, power_of_two(half));
    return vmulq_f32(p, power_of_two(vsubq_s32(whole, half)));
}

/* Nearest, ties to even; NaN stays a (quiet) NaN. */
G4_INLINE uint16x4_t round_to_bf16(float32x4_t v)
{
    const uint32x4_t bits = vreinterpretq_u32_f32(v);
    const uint32x4_t odd = vandq_u32(vshrq_n_u32(bits, 16), vdupq_n_u32(1));
    const uint32x4_t rounded = vaddq_u32(bits, vaddq_u32(vdupq_n_u32(0x7fff), odd));
    const uint32x4_t quiet = vorrq_u32(bits, vdupq_n_u32(0x400000));
    return vshrn_n_u32(vbslq_u32(vceqq_f32(v, v), rounded, quiet), 16);
}

#endif

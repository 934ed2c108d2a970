/*
 * widen_neon.c - blocks of weights as floats, and rows of x in eight bits.
 *
 * Products of a half, a scale and a code are exact in float32, and the minimum is added with one
 * rounding, so that the bits are those of lib/tensor/quant.h in whatever order.
 */
#include "lib/kernel/isa.h"

#if defined(__ARM_NEON)

#include "lib/kernel/blocks_neon.h"

/* y[16] = (code * scale + min) * factor; without min where the type has none. */
G4_INLINE void put_16(enum g4_dtype dtype, float *y, int8x16_t code, float scale, float min,
                      float factor)
{
    const int16x8_t low = vmovl_s8(vget_low_s8(code)), high = vmovl_high_s8(code);
    const int32x4_t whole[4] = {vmovl_s16(vget_low_s16(low)), vmovl_high_s16(low),
                                vmovl_s16(vget_low_s16(high)), vmovl_high_s16(high)};
#pragma GCC unroll UNROLL
    for (size_t i = 0; i < 4; i++) {
        const float32x4_t v = vcvtq_f32_s32(whole[i]);
        const float32x4_t w =
            has_min(dtype) ? vfmaq_n_f32(vdupq_n_f32(min), v, scale) : vmulq_n_f32(v, scale);
        vst1q_f32(y + 4 * i, vmulq_n_f32(w, factor));
    }
}

G4_INLINE void widen_blocks(enum g4_dtype dtype, float *y, const void *w, size_t n, float factor)
{
    const size_t groups = groups_of_block(dtype);
    const unsigned char *p = w;
    for (size_t i = 0; i < n; i += groups * GROUP, p += block_size(dtype)) {
        struct block_scales s;
        load_block_scales(dtype, p, &s);
#pragma GCC unroll UNROLL
        for (size_t g = 0; g < groups; g++) {
            const struct codes codes = load_codes(dtype, p, g);
            const int8x16_t offset = vdupq_n_s8((int8_t)code_offset(dtype));
            const float min = has_min(dtype) ? s.min[g] : 0;
            float *to = y + i + g * GROUP;
            put_16(dtype, to, vsubq_s8(codes.a, offset), s.scale[2 * g], min, factor);
            put_16(dtype, to + 16, vsubq_s8(codes.b, offset), s.scale[2 * g + 1], min, factor);
        }
    }
}

#define WIDEN(name, dtype)                                                                         \
    static void widen_##name##_neon(float *y, const void *w, size_t n, float factor)               \
    {                                                                                              \
        widen_blocks(dtype, y, w, n, factor);                                                      \
    }

PRODUCT_TYPES(WIDEN)

/* The largest |x| of 32, as bits. */
G4_INLINE uint32_t largest_bits(const float *x)
{
    uint32x4_t largest = vdupq_n_u32(0);
#pragma GCC unroll UNROLL
    for (size_t i = 0; i < GROUP; i += 4)
        largest = vmaxq_u32(largest, vreinterpretq_u32_f32(vabsq_f32(vld1q_f32(x + i))));
    return vmaxvq_u32(largest);
}

/* round(x * inverse), halves away from zero, of eight numbers. */
G4_INLINE int16x8_t round_8(const float *x, float inverse)
{
    const uint32x4_t sign = vdupq_n_u32(0x80000000u);
    int32x4_t whole[2];
#pragma GCC unroll UNROLL
    for (size_t i = 0; i < 2; i++) {
        const float32x4_t v = vmulq_n_f32(vld1q_f32(x + 4 * i), inverse);
        whole[i] = vcvtq_s32_f32(vaddq_f32(v, vbslq_f32(sign, v, vdupq_n_f32(0.5f))));
    }
    return vcombine_s16(vmovn_s32(whole[0]), vmovn_s32(whole[1]));
}

/* One group of x. Returns d; *sum = the sum of q. */
G4_INLINE float round_group(int8_t *q, const float *x, int *sum)
{
    const uint32_t bits = largest_bits(x);
    float largest;
    memcpy(&largest, &bits, sizeof largest);
    *sum = 0;
    if (bits < 0x0d800000 || bits >= 0x7f800000) { /* below 2^-100; infinite or NaN */
        memset(q, 0, GROUP);
        return bits < 0x0d800000 ? 0.0f : largest;
    }
    const float d = largest / 127.0f, inverse = 1.0f / d;
    int16x8_t all = vdupq_n_s16(0);
#pragma GCC unroll UNROLL
    for (size_t i = 0; i < GROUP; i += 8) {
        const int16x8_t rounded = round_8(x + i, inverse);
        vst1_s8(q + i, vmovn_s16(rounded));
        all = vaddq_s16(all, rounded);
    }
    *sum = vaddlvq_s16(all);
    return d;
}

static void to_q8_neon(const struct g4_q8 *q8, size_t i, const float *x, size_t n)
{
    for (size_t k = 0; k < n; k += GROUP) {
        int sum;
        const float d = round_group(q8->q + i * q8->ldq + k, x + k, &sum);
        q8->d[i * q8->ldd + k / GROUP] = d;
        q8->m[i * q8->ldd + k / GROUP] = d * (float)sum;
    }
}

#define SET_WIDEN(name, dtype_) kernels->dtype[dtype_].widen = widen_##name##_neon;

void g4_kernels_init_widen_neon(struct g4_kernels *kernels)
{
    PRODUCT_TYPES(SET_WIDEN)
    kernels->to_q8 = to_q8_neon;
}

#else

void g4_kernels_init_widen_neon(struct g4_kernels *kernels)
{
    (void)kernels;
}

#endif

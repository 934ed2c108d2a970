/*
 * vec_neon.c - the element-wise slots, 4 floats at a time.
 *
 * Formulas and largest errors are those of vec_avx2.c. The kernel check asserts them.
 */
#include "lib/kernel/isa.h"

#if defined(__ARM_NEON)

#include <float.h>
#include <math.h>

#include "lib/kernel/neon.h"

enum { SUM_BLOCK = 1024 }; /* elements added in float before float64 takes over */

static float inverse_rms(const float *x, size_t n, float eps)
{
    float32x4_t s[4] = {vdupq_n_f32(0), vdupq_n_f32(0), vdupq_n_f32(0), vdupq_n_f32(0)};
    for (size_t i = 0; i < n; i += 16) {
#pragma GCC unroll UNROLL
        for (size_t j = 0; j < 4; j++) {
            const float32x4_t a = load(x + i + 4 * j, behind(n - i, 4 * j));
            s[j] = vfmaq_f32(s[j], a, a);
        }
    }
    const double sum = vaddvq_f32(vaddq_f32(vaddq_f32(s[0], s[1]), vaddq_f32(s[2], s[3])));
    return (float)(1.0 / sqrt(sum / (double)n + eps));
}

static void rms_norm_neon(float *y, const float *x, const float *w, size_t n, float eps)
{
    const float r = inverse_rms(x, n, eps);
    for (size_t i = 0; i < n; i += 4) {
        float32x4_t v = vmulq_n_f32(load(x + i, n - i), r);
        if (w)
            v = vmulq_f32(v, load(w + i, n - i));
        store(y + i, n - i, v);
    }
}

static void rms_norm_add_neon(float *y, const float *x, const float *w, size_t n, float eps,
                              float scale)
{
    const float r = inverse_rms(x, n, eps);
    for (size_t i = 0; i < n; i += 4) {
        float32x4_t v = vmulq_n_f32(load(x + i, n - i), r);
        if (w)
            v = vmulq_f32(v, load(w + i, n - i));
        store(y + i, n - i, vfmaq_n_f32(load(y + i, n - i), v, scale));
    }
}

/* 1 + exp(-x), what a sigmoid divides by. */
G4_INLINE float32x4_t one_plus_exp_minus(float32x4_t x)
{
    return vaddq_f32(vdupq_n_f32(1.0f), exp4(vnegq_f32(x)));
}

/* 0.5 x (1 + tanh(u)) = x sigmoid(2 u) */
static void gelu_mul_neon(float *y, const float *gate, const float *up, size_t n)
{
    const float32x4_t c1 = vdupq_n_f32(2 * 0.7978845608028654f);
    const float c3 = 2 * 0.7978845608028654f * 0.044715f;
    for (size_t i = 0; i < n; i += 4) {
        const float32x4_t g = load(gate + i, n - i);
        const float32x4_t u = vmulq_f32(g, vfmaq_n_f32(c1, vmulq_f32(g, g), c3));
        const float32x4_t gelu = vdivq_f32(g, one_plus_exp_minus(u));
        store(y + i, n - i, vmulq_f32(gelu, load(up + i, n - i)));
    }
}

static void silu_neon(float *y, const float *x, size_t n)
{
    for (size_t i = 0; i < n; i += 4) {
        const float32x4_t v = load(x + i, n - i);
        store(y + i, n - i, vdivq_f32(v, one_plus_exp_minus(v)));
    }
}

static void glu_neon(float *y, const float *a, const float *b, size_t n)
{
    for (size_t i = 0; i < n; i += 4)
        store(y + i, n - i, vdivq_f32(load(a + i, n - i), one_plus_exp_minus(load(b + i, n - i))));
}

/* tanh(x): an odd polynomial up to 0.625, above it 1 - 2 / (exp(2 |x|) + 1) with the sign of x. */
G4_INLINE float32x4_t tanh4(float32x4_t x)
{
    const float32x4_t one = vdupq_n_f32(1.0f), two = vdupq_n_f32(2.0f);
    const float32x4_t a = vabsq_f32(x), x2 = vmulq_f32(x, x);
    float32x4_t p = vdupq_n_f32(-5.70498872745e-3f);
    p = vfmaq_f32(vdupq_n_f32(2.06390887954e-2f), p, x2);
    p = vfmaq_f32(vdupq_n_f32(-5.37397155531e-2f), p, x2);
    p = vfmaq_f32(vdupq_n_f32(1.33314422036e-1f), p, x2);
    p = vfmaq_f32(vdupq_n_f32(-3.33332819422e-1f), p, x2);
    p = vfmaq_f32(x, vmulq_f32(p, x2), x);
    const float32x4_t e = exp4(vaddq_f32(a, a));
    const float32x4_t far = vsubq_f32(one, vdivq_f32(two, vaddq_f32(e, one)));
    const uint32x4_t sign = vdupq_n_u32(0x80000000u);
    return vbslq_f32(vcltq_f32(a, vdupq_n_f32(0.625f)), p, vbslq_f32(sign, x, far));
}

static void softcap_neon(float *y, const float *x, float cap, size_t n)
{
    const float32x4_t c = vdupq_n_f32(cap);
    for (size_t i = 0; i < n; i += 4)
        store(y + i, n - i, vmulq_f32(c, tanh4(vdivq_f32(load(x + i, n - i), c))));
}

static float max_neon(const float *x, size_t n)
{
    float32x4_t m = vdupq_n_f32(-INFINITY);
    size_t i = 0;
    for (; i + 4 <= n; i += 4)
        m = vmaxnmq_f32(vld1q_f32(x + i), m); /* m where x is NaN */
    float max = vmaxvq_f32(m);
    for (; i < n; i++)
        max = x[i] > max ? x[i] : max;
    return max;
}

/* Lanes of v that exist; the others 0. */
G4_INLINE float32x4_t existing(float32x4_t v, size_t left)
{
    static const uint32_t lane[4] = {0, 1, 2, 3};
    if (left >= 4)
        return v;
    const uint32x4_t mask = vcltq_u32(vld1q_u32(lane), vdupq_n_u32((uint32_t)left));
    return vreinterpretq_f32_u32(vandq_u32(vreinterpretq_u32_f32(v), mask));
}

static float exp_sum_neon(float *y, const float *x, float max, size_t n)
{
    const float32x4_t m = vdupq_n_f32(max);
    double sum = 0;
    for (size_t from = 0; from < n; from += SUM_BLOCK) {
        const size_t to = n - from < SUM_BLOCK ? n : from + SUM_BLOCK;
        float32x4_t part = vdupq_n_f32(0);
        for (size_t i = from; i < to; i += 4) {
            const float32x4_t e = exp4(vsubq_f32(load(x + i, to - i), m));
            store(y + i, to - i, e);
            part = vaddq_f32(part, existing(e, to - i));
        }
        sum += vaddvq_f32(part);
    }
    return (float)sum;
}

static float exp_sum_bf16_neon(uint16_t *y, const float *x, float max, size_t n)
{
    const float32x4_t m = vdupq_n_f32(max), least = vdupq_n_f32(FLT_MIN);
    double sum = 0;
    for (size_t from = 0; from < n; from += SUM_BLOCK) {
        const size_t to = n - from < SUM_BLOCK ? n : from + SUM_BLOCK;
        float32x4_t part = vdupq_n_f32(0);
        for (size_t i = from; i < to; i += 4) {
            const float32x4_t e = exp4(vsubq_f32(load(x + i, to - i), m));
            const uint32x4_t normal = vcgeq_f32(e, least);
            const uint16x4_t h = vand_u16(round_to_bf16(e), vmovn_u32(normal));
            memcpy(y + i, &h, to - i >= 4 ? sizeof h : (to - i) * sizeof *y);
            part = vaddq_f32(part, existing(e, to - i));
        }
        sum += vaddvq_f32(part);
    }
    return (float)sum;
}

static void clamp_neon(float *y, const float *x, float lo, float hi, size_t n)
{
    const float32x4_t l = vdupq_n_f32(lo), h = vdupq_n_f32(hi);
    for (size_t i = 0; i < n; i += 4)
        store(y + i, n - i, vminq_f32(h, vmaxq_f32(l, load(x + i, n - i))));
}

static void scale_neon(float *y, const float *x, float s, size_t n)
{
    for (size_t i = 0; i < n; i += 4)
        store(y + i, n - i, vmulq_n_f32(load(x + i, n - i), s));
}

static void add_scale_neon(float *y, const float *x, float s, size_t n)
{
    for (size_t i = 0; i < n; i += 4)
        store(y + i, n - i, vmulq_n_f32(vaddq_f32(load(y + i, n - i), load(x + i, n - i)), s));
}

static void axpy_neon(float *y, const float *x, float s, size_t n)
{
    for (size_t i = 0; i < n; i += 4)
        store(y + i, n - i, vfmaq_n_f32(load(y + i, n - i), load(x + i, n - i), s));
}

static void mul_add_neon(float *y, const float *a, const float *b, size_t n)
{
    for (size_t i = 0; i < n; i += 4)
        store(y + i, n - i, vfmaq_f32(load(y + i, n - i), load(a + i, n - i), load(b + i, n - i)));
}

static float dot_neon(const float *x, const float *y, size_t n)
{
    float32x4_t s[4] = {vdupq_n_f32(0), vdupq_n_f32(0), vdupq_n_f32(0), vdupq_n_f32(0)};
    for (size_t i = 0; i < n; i += 16) {
#pragma GCC unroll UNROLL
        for (size_t j = 0; j < 4; j++) {
            const size_t left = behind(n - i, 4 * j);
            s[j] = vfmaq_f32(s[j], load(x + i + 4 * j, left), load(y + i + 4 * j, left));
        }
    }
    return vaddvq_f32(vaddq_f32(vaddq_f32(s[0], s[1]), vaddq_f32(s[2], s[3])));
}

static void rope_neon(float *x, const float *cos_row, const float *sin_row, size_t half)
{
    for (size_t j = 0; j < half; j += 4) {
        const size_t left = half - j;
        const float32x4_t a = load(x + j, left), b = load(x + half + j, left);
        const float32x4_t c = load(cos_row + j, left), s = load(sin_row + j, left);
        store(x + j, left, vfmsq_f32(vmulq_f32(a, c), b, s));
        store(x + half + j, left, vfmaq_f32(vmulq_f32(a, s), b, c));
    }
}

static void to_bf16_neon(uint16_t *y, const float *x, size_t n)
{
    for (size_t i = 0; i < n; i += 4) {
        const uint16x4_t h = round_to_bf16(load(x + i, n - i));
        memcpy(y + i, &h, n - i >= 4 ? sizeof h : (n - i) * sizeof *y);
    }
}

void g4_kernels_init_vec_neon(struct g4_kernels *kernels)
{
    kernels->rms_norm = rms_norm_neon;
    kernels->rms_norm_add = rms_norm_add_neon;
    kernels->gelu_mul = gelu_mul_neon;
    kernels->silu = silu_neon;
    kernels->glu = glu_neon;
    kernels->softcap = softcap_neon;
    kernels->max = max_neon;
    kernels->exp_sum = exp_sum_neon;
    kernels->exp_sum_bf16 = exp_sum_bf16_neon;
    kernels->clamp = clamp_neon;
    kernels->scale = scale_neon;
    kernels->add_scale = add_scale_neon;
    kernels->axpy = axpy_neon;
    kernels->mul_add = mul_add_neon;
    kernels->dot = dot_neon;
    kernels->rope = rope_neon;
    kernels->to_bf16 = to_bf16_neon;
}

#else

void g4_kernels_init_vec_neon(struct g4_kernels *kernels)
{
    (void)kernels;
}

#endif

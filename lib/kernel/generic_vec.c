/*
 * generic_vec.c - the specification of the element-wise slots, in plain C and libm.
 */
#include <float.h>
#include <math.h>
#include <string.h>

#include "lib/kernel/isa.h"
#include "lib/tensor/half.h"

/* 1 / sqrt(mean(x^2) + eps) */
static float inverse_rms(const float *x, size_t n, float eps)
{
    double sum = 0;
    for (size_t i = 0; i < n; i++)
        sum += (double)x[i] * x[i];
    return (float)(1.0 / sqrt(sum / (double)n + eps));
}

static void rms_norm_generic(float *y, const float *x, const float *w, size_t n, float eps)
{
    const float r = inverse_rms(x, n, eps);
    for (size_t i = 0; i < n; i++)
        y[i] = x[i] * r * (w ? w[i] : 1.0f);
}

static void rms_norm_add_generic(float *y, const float *x, const float *w, size_t n, float eps,
                                 float scale)
{
    const float r = inverse_rms(x, n, eps);
    for (size_t i = 0; i < n; i++)
        y[i] += scale * (x[i] * r * (w ? w[i] : 1.0f));
}

static void layer_norm_generic(float *y, const float *x, const float *w, const float *b, size_t n,
                               float eps)
{
    double sum = 0, squares = 0;
    for (size_t i = 0; i < n; i++)
        sum += x[i];
    const double mean = sum / (double)n;
    for (size_t i = 0; i < n; i++)
        squares += (x[i] - mean) * (x[i] - mean);
    const double r = 1.0 / sqrt(squares / (double)n + eps);
    for (size_t i = 0; i < n; i++)
        y[i] = (float)((x[i] - mean) * r) * (w ? w[i] : 1.0f) + (b ? b[i] : 0.0f);
}

static void gelu_mul_generic(float *y, const float *gate, const float *up, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        const float g = gate[i];
        const float t = tanhf(0.7978845608028654f * (g + 0.044715f * g * g * g));
        y[i] = 0.5f * g * (1.0f + t) * up[i];
    }
}

static float sigmoid(float x)
{
    return 1.0f / (1.0f + expf(-x));
}

static void silu_generic(float *y, const float *x, size_t n)
{
    for (size_t i = 0; i < n; i++)
        y[i] = x[i] * sigmoid(x[i]);
}

static void glu_generic(float *y, const float *a, const float *b, size_t n)
{
    for (size_t i = 0; i < n; i++)
        y[i] = a[i] * sigmoid(b[i]);
}

static void softcap_generic(float *y, const float *x, float cap, size_t n)
{
    for (size_t i = 0; i < n; i++)
        y[i] = cap * tanhf(x[i] / cap);
}

static float max_generic(const float *x, size_t n)
{
    float m = -INFINITY;
    for (size_t i = 0; i < n; i++)
        m = x[i] > m ? x[i] : m;
    return m;
}

static float exp_sum_generic(float *y, const float *x, float m, size_t n)
{
    double sum = 0;
    for (size_t i = 0; i < n; i++) {
        y[i] = expf(x[i] - m);
        sum += y[i];
    }
    return (float)sum;
}

static float exp_sum_bf16_generic(uint16_t *y, const float *x, float m, size_t n)
{
    double sum = 0;
    for (size_t i = 0; i < n; i++) { /* forwards: y may lie on x */
        float v;
        memcpy(&v, x + i, sizeof v);
        v = expf(v - m);
        sum += v;
        const uint16_t h = v < FLT_MIN ? 0 : g4_f32_to_bf16(v);
        memcpy(y + i, &h, sizeof h);
    }
    return (float)sum;
}

static void clamp_generic(float *y, const float *x, float lo, float hi, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        const float v = x[i] < lo ? lo : x[i];
        y[i] = v > hi ? hi : v;
    }
}

static void scale_generic(float *y, const float *x, float s, size_t n)
{
    for (size_t i = 0; i < n; i++)
        y[i] = x[i] * s;
}

static void add_scale_generic(float *y, const float *x, float s, size_t n)
{
    for (size_t i = 0; i < n; i++)
        y[i] = (y[i] + x[i]) * s;
}

static void axpy_generic(float *y, const float *x, float s, size_t n)
{
    for (size_t i = 0; i < n; i++)
        y[i] += x[i] * s;
}

static void mul_add_generic(float *y, const float *a, const float *b, size_t n)
{
    for (size_t i = 0; i < n; i++)
        y[i] += a[i] * b[i];
}

static float dot_generic(const float *x, const float *y, size_t n)
{
    double sum = 0;
    for (size_t i = 0; i < n; i++)
        sum += (double)x[i] * y[i];
    return (float)sum;
}

static void rope_generic(float *x, const float *cos_row, const float *sin_row, size_t half)
{
    for (size_t j = 0; j < half; j++) {
        const float a = x[j], b = x[j + half];
        x[j] = a * cos_row[j] - b * sin_row[j];
        x[j + half] = b * cos_row[j] + a * sin_row[j];
    }
}

static void to_bf16_generic(uint16_t *y, const float *x, size_t n)
{
    for (size_t i = 0; i < n; i++)
        y[i] = g4_f32_to_bf16(x[i]);
}

void g4_kernels_init_generic_vec(struct g4_kernels *kernels)
{
    kernels->rms_norm = rms_norm_generic;
    kernels->rms_norm_add = rms_norm_add_generic;
    kernels->layer_norm = layer_norm_generic;
    kernels->gelu_mul = gelu_mul_generic;
    kernels->silu = silu_generic;
    kernels->glu = glu_generic;
    kernels->softcap = softcap_generic;
    kernels->max = max_generic;
    kernels->exp_sum = exp_sum_generic;
    kernels->exp_sum_bf16 = exp_sum_bf16_generic;
    kernels->clamp = clamp_generic;
    kernels->scale = scale_generic;
    kernels->add_scale = add_scale_generic;
    kernels->axpy = axpy_generic;
    kernels->mul_add = mul_add_generic;
    kernels->dot = dot_generic;
    kernels->rope = rope_generic;
    kernels->to_bf16 = to_bf16_generic;
}

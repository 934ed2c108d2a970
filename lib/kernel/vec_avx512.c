/*
 * vec_avx512.c - the element-wise slots, 16 floats at a time.
 *
 * Largest errors over all floats, relative to the exact result: exp 0.9e-7, tanh 1.4e-7, silu and
 * sigmoid 1.6e-7 (a float's own rounding is 0.6e-7); gelu 1.2e-7 of |x|. The kernel check asserts
 * them with some room.
 */
#include "lib/kernel/isa.h"

#if defined(__AVX512F__)

#include <math.h>

#include "lib/kernel/avx512.h"

enum { SUM_BLOCK = 1024 }; /* elements added in float before float64 takes over */

static float inverse_rms(const float *x, size_t n, float eps)
{
    __m512 s0 = _mm512_setzero_ps(), s1 = s0;
    for (size_t i = 0; i < n; i += 32) {
        const __m512 a = load(x + i, n - i), b = load(x + i + 16, n - i > 16 ? n - i - 16 : 0);
        s0 = _mm512_fmadd_ps(a, a, s0);
        s1 = _mm512_fmadd_ps(b, b, s1);
    }
    const double sum = _mm512_reduce_add_ps(_mm512_add_ps(s0, s1));
    return (float)(1.0 / sqrt(sum / (double)n + eps));
}

static void rms_norm_avx512(float *y, const float *x, const float *w, size_t n, float eps)
{
    const __m512 r = _mm512_set1_ps(inverse_rms(x, n, eps));
    for (size_t i = 0; i < n; i += 16) {
        __m512 v = _mm512_mul_ps(load(x + i, n - i), r);
        if (w)
            v = _mm512_mul_ps(v, load(w + i, n - i));
        store(y + i, n - i, v);
    }
}

static void rms_norm_add_avx512(float *y, const float *x, const float *w, size_t n, float eps,
                                float scale)
{
    const __m512 r = _mm512_set1_ps(inverse_rms(x, n, eps)), s = _mm512_set1_ps(scale);
    for (size_t i = 0; i < n; i += 16) {
        __m512 v = _mm512_mul_ps(load(x + i, n - i), r);
        if (w)
            v = _mm512_mul_ps(v, load(w + i, n - i));
        store(y + i, n - i, _mm512_fmadd_ps(s, v, load(y + i, n - i)));
    }
}

static void layer_norm_avx512(float *y, const float *x, const float *w, const float *b, size_t n,
                              float eps)
{
    __m512 s0 = _mm512_setzero_ps(), s1 = s0;
    for (size_t i = 0; i < n; i += 32) {
        s0 = _mm512_add_ps(s0, load(x + i, n - i));
        s1 = _mm512_add_ps(s1, load(x + i + 16, n - i > 16 ? n - i - 16 : 0));
    }
    const double sum = _mm512_reduce_add_ps(_mm512_add_ps(s0, s1));
    const __m512 mean = _mm512_set1_ps((float)(sum / (double)n));
    s0 = _mm512_setzero_ps();
    for (size_t i = 0; i < n; i += 16) {
        const __m512 d = _mm512_maskz_sub_ps(mask16(n - i), load(x + i, n - i), mean);
        s0 = _mm512_fmadd_ps(d, d, s0);
    }
    const double squares = _mm512_reduce_add_ps(s0);
    const __m512 r = _mm512_set1_ps((float)(1.0 / sqrt(squares / (double)n + eps)));
    for (size_t i = 0; i < n; i += 16) {
        __m512 v = _mm512_mul_ps(_mm512_sub_ps(load(x + i, n - i), mean), r);
        if (w)
            v = _mm512_mul_ps(v, load(w + i, n - i));
        if (b)
            v = _mm512_add_ps(v, load(b + i, n - i));
        store(y + i, n - i, v);
    }
}

/* 1 + exp(-x), what a sigmoid divides by. */
G4_INLINE __m512 one_plus_exp_minus(__m512 x)
{
    return _mm512_add_ps(_mm512_set1_ps(1.0f), exp16(_mm512_sub_ps(_mm512_setzero_ps(), x)));
}

/* 0.5 x (1 + tanh(u)) = x sigmoid(2 u) */
static void gelu_mul_avx512(float *y, const float *gate, const float *up, size_t n)
{
    const __m512 c1 = _mm512_set1_ps(2 * 0.7978845608028654f);
    const __m512 c3 = _mm512_set1_ps(2 * 0.7978845608028654f * 0.044715f);
    for (size_t i = 0; i < n; i += 16) {
        const __m512 g = load(gate + i, n - i);
        const __m512 u = _mm512_mul_ps(g, _mm512_fmadd_ps(_mm512_mul_ps(g, g), c3, c1));
        const __m512 gelu = _mm512_div_ps(g, one_plus_exp_minus(u));
        store(y + i, n - i, _mm512_mul_ps(gelu, load(up + i, n - i)));
    }
}

static void silu_avx512(float *y, const float *x, size_t n)
{
    for (size_t i = 0; i < n; i += 16) {
        const __m512 v = load(x + i, n - i);
        store(y + i, n - i, _mm512_div_ps(v, one_plus_exp_minus(v)));
    }
}

static void glu_avx512(float *y, const float *a, const float *b, size_t n)
{
    for (size_t i = 0; i < n; i += 16)
        store(y + i, n - i,
              _mm512_div_ps(load(a + i, n - i), one_plus_exp_minus(load(b + i, n - i))));
}

/* tanh(x): an odd polynomial up to 0.625, above it 1 - 2 / (exp(2 |x|) + 1) with the sign of x. */
G4_INLINE __m512 tanh16(__m512 x)
{
    const __m512 sign = _mm512_set1_ps(-0.0f), one = _mm512_set1_ps(1.0f),
                 two = _mm512_set1_ps(2.0f);
    const __m512 a = _mm512_andnot_ps(sign, x), x2 = _mm512_mul_ps(x, x);
    __m512 p = _mm512_set1_ps(-5.70498872745e-3f);
    p = _mm512_fmadd_ps(p, x2, _mm512_set1_ps(2.06390887954e-2f));
    p = _mm512_fmadd_ps(p, x2, _mm512_set1_ps(-5.37397155531e-2f));
    p = _mm512_fmadd_ps(p, x2, _mm512_set1_ps(1.33314422036e-1f));
    p = _mm512_fmadd_ps(p, x2, _mm512_set1_ps(-3.33332819422e-1f));
    p = _mm512_fmadd_ps(_mm512_mul_ps(p, x2), x, x);
    const __m512 e = exp16(_mm512_add_ps(a, a));
    const __m512 far = _mm512_sub_ps(one, _mm512_div_ps(two, _mm512_add_ps(e, one)));
    const __mmask16 near = _mm512_cmp_ps_mask(a, _mm512_set1_ps(0.625f), _CMP_LT_OQ);
    return _mm512_mask_mov_ps(_mm512_or_ps(far, _mm512_and_ps(sign, x)), near, p);
}

static void softcap_avx512(float *y, const float *x, float cap, size_t n)
{
    const __m512 c = _mm512_set1_ps(cap);
    for (size_t i = 0; i < n; i += 16)
        store(y + i, n - i, _mm512_mul_ps(c, tanh16(_mm512_div_ps(load(x + i, n - i), c))));
}

static float max_avx512(const float *x, size_t n)
{
    __m512 m = _mm512_set1_ps(-INFINITY);
    for (size_t i = 0; i < n; i += 16) {
        const __m512 v = _mm512_mask_loadu_ps(m, mask16(n - i), x + i);
        m = _mm512_max_ps(v, m); /* m where v is NaN */
    }
    return _mm512_reduce_max_ps(m);
}

static float exp_sum_avx512(float *y, const float *x, float max, size_t n)
{
    const __m512 m = _mm512_set1_ps(max);
    double sum = 0;
    for (size_t from = 0; from < n; from += SUM_BLOCK) {
        const size_t to = n - from < SUM_BLOCK ? n : from + SUM_BLOCK;
        __m512 part = _mm512_setzero_ps();
        for (size_t i = from; i < to; i += 16) {
            const __m512 e = exp16(_mm512_sub_ps(load(x + i, to - i), m));
            store(y + i, to - i, e);
            part = _mm512_mask_add_ps(part, mask16(to - i), part, e);
        }
        sum += _mm512_reduce_add_ps(part);
    }
    return (float)sum;
}

static void clamp_avx512(float *y, const float *x, float lo, float hi, size_t n)
{
    const __m512 l = _mm512_set1_ps(lo), h = _mm512_set1_ps(hi);
    for (size_t i = 0; i < n; i += 16)
        store(y + i, n - i, _mm512_min_ps(h, _mm512_max_ps(l, load(x + i, n - i))));
}

static void scale_avx512(float *y, const float *x, float s, size_t n)
{
    const __m512 f = _mm512_set1_ps(s);
    for (size_t i = 0; i < n; i += 16)
        store(y + i, n - i, _mm512_mul_ps(load(x + i, n - i), f));
}

static void add_scale_avx512(float *y, const float *x, float s, size_t n)
{
    const __m512 f = _mm512_set1_ps(s);
    for (size_t i = 0; i < n; i += 16)
        store(y + i, n - i,
              _mm512_mul_ps(_mm512_add_ps(load(y + i, n - i), load(x + i, n - i)), f));
}

static void axpy_avx512(float *y, const float *x, float s, size_t n)
{
    const __m512 f = _mm512_set1_ps(s);
    for (size_t i = 0; i < n; i += 16)
        store(y + i, n - i, _mm512_fmadd_ps(load(x + i, n - i), f, load(y + i, n - i)));
}

static void mul_add_avx512(float *y, const float *a, const float *b, size_t n)
{
    for (size_t i = 0; i < n; i += 16)
        store(y + i, n - i,
              _mm512_fmadd_ps(load(a + i, n - i), load(b + i, n - i), load(y + i, n - i)));
}

static float dot_avx512(const float *x, const float *y, size_t n)
{
    __m512 s0 = _mm512_setzero_ps(), s1 = s0;
    for (size_t i = 0; i < n; i += 32) {
        const size_t second = n - i > 16 ? n - i - 16 : 0;
        s0 = _mm512_fmadd_ps(load(x + i, n - i), load(y + i, n - i), s0);
        s1 = _mm512_fmadd_ps(load(x + i + 16, second), load(y + i + 16, second), s1);
    }
    return _mm512_reduce_add_ps(_mm512_add_ps(s0, s1));
}

static void rope_avx512(float *x, const float *cos_row, const float *sin_row, size_t half)
{
    for (size_t j = 0; j < half; j += 16) {
        const size_t left = half - j;
        const __m512 a = load(x + j, left), b = load(x + half + j, left);
        const __m512 c = load(cos_row + j, left), s = load(sin_row + j, left);
        store(x + j, left, _mm512_fmsub_ps(a, c, _mm512_mul_ps(b, s)));
        store(x + half + j, left, _mm512_fmadd_ps(b, c, _mm512_mul_ps(a, s)));
    }
}

static void to_bf16_avx512(uint16_t *y, const float *x, size_t n)
{
    const __m512i half = _mm512_set1_epi32(0x7fff), one = _mm512_set1_epi32(1);
    const __m512i quiet = _mm512_set1_epi32(0x400000);
    for (size_t i = 0; i < n; i += 16) {
        const __m512 v = load(x + i, n - i);
        const __m512i bits = _mm512_castps_si512(v);
        const __m512i odd = _mm512_and_si512(_mm512_srli_epi32(bits, 16), one);
        const __m512i rounded = _mm512_add_epi32(bits, _mm512_add_epi32(half, odd));
        const __mmask16 nan = _mm512_cmp_ps_mask(v, v, _CMP_UNORD_Q);
        const __m512i result = _mm512_mask_or_epi32(rounded, nan, bits, quiet);
        _mm256_mask_storeu_epi16(y + i, mask16(n - i),
                                 _mm512_cvtepi32_epi16(_mm512_srli_epi32(result, 16)));
    }
}

void g4_kernels_init_vec_avx512(struct g4_kernels *kernels)
{
    kernels->rms_norm = rms_norm_avx512;
    kernels->rms_norm_add = rms_norm_add_avx512;
    kernels->layer_norm = layer_norm_avx512;
    kernels->gelu_mul = gelu_mul_avx512;
    kernels->silu = silu_avx512;
    kernels->glu = glu_avx512;
    kernels->softcap = softcap_avx512;
    kernels->max = max_avx512;
    kernels->exp_sum = exp_sum_avx512;
    kernels->clamp = clamp_avx512;
    kernels->scale = scale_avx512;
    kernels->add_scale = add_scale_avx512;
    kernels->axpy = axpy_avx512;
    kernels->mul_add = mul_add_avx512;
    kernels->dot = dot_avx512;
    kernels->rope = rope_avx512;
    kernels->to_bf16 = to_bf16_avx512;
}

#else

void g4_kernels_init_vec_avx512(struct g4_kernels *kernels)
{
    (void)kernels;
}

#endif

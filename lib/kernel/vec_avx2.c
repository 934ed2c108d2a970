/*
 * vec_avx2.c - the element-wise slots, 8 floats at a time.
 *
 * Largest errors over all floats, relative to the exact result: exp 0.9e-7, tanh 1.4e-7, silu and
 * sigmoid 1.6e-7 (a float's own rounding is 0.6e-7); gelu 1.2e-7 of |x|. The kernel check asserts
 * them with some room.
 */
#include "lib/kernel/isa.h"

#if defined(__AVX2__)

#include <math.h>

#include "lib/kernel/avx2.h"

enum { SUM_BLOCK = 1024 }; /* elements added in float before float64 takes over */

static float inverse_rms(const float *x, size_t n, float eps)
{
    __m256 s0 = _mm256_setzero_ps(), s1 = s0;
    for (size_t i = 0; i < n; i += 16) {
        const __m256 a = load(x + i, n - i), b = load(x + i + 8, n - i > 8 ? n - i - 8 : 0);
        s0 = _mm256_fmadd_ps(a, a, s0);
        s1 = _mm256_fmadd_ps(b, b, s1);
    }
    const double sum = reduce_add(_mm256_add_ps(s0, s1));
    return (float)(1.0 / sqrt(sum / (double)n + eps));
}

static void rms_norm_avx2(float *y, const float *x, const float *w, size_t n, float eps)
{
    const __m256 r = _mm256_set1_ps(inverse_rms(x, n, eps));
    for (size_t i = 0; i < n; i += 8) {
        __m256 v = _mm256_mul_ps(load(x + i, n - i), r);
        if (w)
            v = _mm256_mul_ps(v, load(w + i, n - i));
        store(y + i, n - i, v);
    }
}

static void rms_norm_add_avx2(float *y, const float *x, const float *w, size_t n, float eps,
                              float scale)
{
    const __m256 r = _mm256_set1_ps(inverse_rms(x, n, eps)), s = _mm256_set1_ps(scale);
    for (size_t i = 0; i < n; i += 8) {
        __m256 v = _mm256_mul_ps(load(x + i, n - i), r);
        if (w)
            v = _mm256_mul_ps(v, load(w + i, n - i));
        store(y + i, n - i, _mm256_fmadd_ps(s, v, load(y + i, n - i)));
    }
}

static void layer_norm_avx2(float *y, const float *x, const float *w, const float *b, size_t n,
                            float eps)
{
    __m256 s0 = _mm256_setzero_ps(), s1 = s0;
    for (size_t i = 0; i < n; i += 16) {
        s0 = _mm256_add_ps(s0, load(x + i, n - i));
        s1 = _mm256_add_ps(s1, load(x + i + 8, n - i > 8 ? n - i - 8 : 0));
    }
    const double sum = reduce_add(_mm256_add_ps(s0, s1));
    const __m256 mean = _mm256_set1_ps((float)(sum / (double)n));
    s0 = _mm256_setzero_ps();
    for (size_t i = 0; i < n; i += 8) {
        const __m256 d = _mm256_and_ps(_mm256_sub_ps(load(x + i, n - i), mean),
                                       _mm256_castsi256_ps(mask8(n - i)));
        s0 = _mm256_fmadd_ps(d, d, s0);
    }
    const double squares = reduce_add(s0);
    const __m256 r = _mm256_set1_ps((float)(1.0 / sqrt(squares / (double)n + eps)));
    for (size_t i = 0; i < n; i += 8) {
        __m256 v = _mm256_mul_ps(_mm256_sub_ps(load(x + i, n - i), mean), r);
        if (w)
            v = _mm256_mul_ps(v, load(w + i, n - i));
        if (b)
            v = _mm256_add_ps(v, load(b + i, n - i));
        store(y + i, n - i, v);
    }
}

/* 1 + exp(-x), what a sigmoid divides by. */
G4_INLINE __m256 one_plus_exp_minus(__m256 x)
{
    return _mm256_add_ps(_mm256_set1_ps(1.0f), exp8(_mm256_sub_ps(_mm256_setzero_ps(), x)));
}

/* 0.5 x (1 + tanh(u)) = x sigmoid(2 u) */
static void gelu_mul_avx2(float *y, const float *gate, const float *up, size_t n)
{
    const __m256 c1 = _mm256_set1_ps(2 * 0.7978845608028654f);
    const __m256 c3 = _mm256_set1_ps(2 * 0.7978845608028654f * 0.044715f);
    for (size_t i = 0; i < n; i += 8) {
        const __m256 g = load(gate + i, n - i);
        const __m256 u = _mm256_mul_ps(g, _mm256_fmadd_ps(_mm256_mul_ps(g, g), c3, c1));
        const __m256 gelu = _mm256_div_ps(g, one_plus_exp_minus(u));
        store(y + i, n - i, _mm256_mul_ps(gelu, load(up + i, n - i)));
    }
}

static void silu_avx2(float *y, const float *x, size_t n)
{
    for (size_t i = 0; i < n; i += 8) {
        const __m256 v = load(x + i, n - i);
        store(y + i, n - i, _mm256_div_ps(v, one_plus_exp_minus(v)));
    }
}

static void glu_avx2(float *y, const float *a, const float *b, size_t n)
{
    for (size_t i = 0; i < n; i += 8)
        store(y + i, n - i,
              _mm256_div_ps(load(a + i, n - i), one_plus_exp_minus(load(b + i, n - i))));
}

/* tanh(x): an odd polynomial up to 0.625, above it 1 - 2 / (exp(2 |x|) + 1) with the sign of x. */
G4_INLINE __m256 tanh8(__m256 x)
{
    const __m256 sign = _mm256_set1_ps(-0.0f), one = _mm256_set1_ps(1.0f),
                 two = _mm256_set1_ps(2.0f);
    const __m256 a = _mm256_andnot_ps(sign, x), x2 = _mm256_mul_ps(x, x);
    __m256 p = _mm256_set1_ps(-5.70498872745e-3f);
    p = _mm256_fmadd_ps(p, x2, _mm256_set1_ps(2.06390887954e-2f));
    p = _mm256_fmadd_ps(p, x2, _mm256_set1_ps(-5.37397155531e-2f));
    p = _mm256_fmadd_ps(p, x2, _mm256_set1_ps(1.33314422036e-1f));
    p = _mm256_fmadd_ps(p, x2, _mm256_set1_ps(-3.33332819422e-1f));
    p = _mm256_fmadd_ps(_mm256_mul_ps(p, x2), x, x);
    const __m256 e = exp8(_mm256_add_ps(a, a));
    const __m256 far = _mm256_sub_ps(one, _mm256_div_ps(two, _mm256_add_ps(e, one)));
    const __m256 near = _mm256_cmp_ps(a, _mm256_set1_ps(0.625f), _CMP_LT_OQ);
    return _mm256_blendv_ps(_mm256_or_ps(far, _mm256_and_ps(sign, x)), p, near);
}

static void softcap_avx2(float *y, const float *x, float cap, size_t n)
{
    const __m256 c = _mm256_set1_ps(cap);
    for (size_t i = 0; i < n; i += 8)
        store(y + i, n - i, _mm256_mul_ps(c, tanh8(_mm256_div_ps(load(x + i, n - i), c))));
}

static float max_avx2(const float *x, size_t n)
{
    __m256 m = _mm256_set1_ps(-INFINITY);
    size_t i = 0;
    for (; i + 8 <= n; i += 8)
        m = _mm256_max_ps(_mm256_loadu_ps(x + i), m); /* m where x is NaN */
    float lane[8], max = -INFINITY;
    _mm256_storeu_ps(lane, m);
    for (size_t j = 0; j < 8; j++)
        max = lane[j] > max ? lane[j] : max;
    for (; i < n; i++)
        max = x[i] > max ? x[i] : max;
    return max;
}

static float exp_sum_avx2(float *y, const float *x, float max, size_t n)
{
    const __m256 m = _mm256_set1_ps(max);
    double sum = 0;
    for (size_t from = 0; from < n; from += SUM_BLOCK) {
        const size_t to = n - from < SUM_BLOCK ? n : from + SUM_BLOCK;
        __m256 part = _mm256_setzero_ps();
        for (size_t i = from; i < to; i += 8) {
            const __m256 e = exp8(_mm256_sub_ps(load(x + i, to - i), m));
            store(y + i, to - i, e);
            part = _mm256_add_ps(part, _mm256_and_ps(e, _mm256_castsi256_ps(mask8(to - i))));
        }
        sum += reduce_add(part);
    }
    return (float)sum;
}

static void clamp_avx2(float *y, const float *x, float lo, float hi, size_t n)
{
    const __m256 l = _mm256_set1_ps(lo), h = _mm256_set1_ps(hi);
    for (size_t i = 0; i < n; i += 8)
        store(y + i, n - i, _mm256_min_ps(h, _mm256_max_ps(l, load(x + i, n - i))));
}

static void scale_avx2(float *y, const float *x, float s, size_t n)
{
    const __m256 f = _mm256_set1_ps(s);
    for (size_t i = 0; i < n; i += 8)
        store(y + i, n - i, _mm256_mul_ps(load(x + i, n - i), f));
}

static void add_scale_avx2(float *y, const float *x, float s, size_t n)
{
    const __m256 f = _mm256_set1_ps(s);
    for (size_t i = 0; i < n; i += 8)
        store(y + i, n - i,
              _mm256_mul_ps(_mm256_add_ps(load(y + i, n - i), load(x + i, n - i)), f));
}

static void axpy_avx2(float *y, const float *x, float s, size_t n)
{
    const __m256 f = _mm256_set1_ps(s);
    for (size_t i = 0; i < n; i += 8)
        store(y + i, n - i, _mm256_fmadd_ps(load(x + i, n - i), f, load(y + i, n - i)));
}

static void mul_add_avx2(float *y, const float *a, const float *b, size_t n)
{
    for (size_t i = 0; i < n; i += 8)
        store(y + i, n - i,
              _mm256_fmadd_ps(load(a + i, n - i), load(b + i, n - i), load(y + i, n - i)));
}

static float dot_avx2(const float *x, const float *y, size_t n)
{
    __m256 s0 = _mm256_setzero_ps(), s1 = s0;
    for (size_t i = 0; i < n; i += 16) {
        const size_t second = n - i > 8 ? n - i - 8 : 0;
        s0 = _mm256_fmadd_ps(load(x + i, n - i), load(y + i, n - i), s0);
        s1 = _mm256_fmadd_ps(load(x + i + 8, second), load(y + i + 8, second), s1);
    }
    return reduce_add(_mm256_add_ps(s0, s1));
}

static void rope_avx2(float *x, const float *cos_row, const float *sin_row, size_t half)
{
    for (size_t j = 0; j < half; j += 8) {
        const size_t left = half - j;
        const __m256 a = load(x + j, left), b = load(x + half + j, left);
        const __m256 c = load(cos_row + j, left), s = load(sin_row + j, left);
        store(x + j, left, _mm256_fmsub_ps(a, c, _mm256_mul_ps(b, s)));
        store(x + half + j, left, _mm256_fmadd_ps(b, c, _mm256_mul_ps(a, s)));
    }
}

static void to_bf16_avx2(uint16_t *y, const float *x, size_t n)
{
    const __m256i half = _mm256_set1_epi32(0x7fff), one = _mm256_set1_epi32(1);
    const __m256i quiet = _mm256_set1_epi32(0x400000);
    for (size_t i = 0; i < n; i += 8) {
        const __m256 v = load(x + i, n - i);
        const __m256i bits = _mm256_castps_si256(v);
        const __m256i odd = _mm256_and_si256(_mm256_srli_epi32(bits, 16), one);
        const __m256i rounded = _mm256_add_epi32(bits, _mm256_add_epi32(half, odd));
        const __m256i nan = _mm256_castps_si256(_mm256_cmp_ps(v, v, _CMP_UNORD_Q));
        __m256i result = _mm256_blendv_epi8(rounded, _mm256_or_si256(bits, quiet), nan);
        result = _mm256_srli_epi32(result, 16);
        const __m128i packed =
            _mm_packus_epi32(_mm256_castsi256_si128(result), _mm256_extracti128_si256(result, 1));
        if (n - i >= 8)
            _mm_storeu_si128((__m128i *)(void *)(y + i), packed);
        else
            memcpy(y + i, &packed, (n - i) * sizeof *y);
    }
}

void g4_kernels_init_vec_avx2(struct g4_kernels *kernels)
{
    kernels->rms_norm = rms_norm_avx2;
    kernels->rms_norm_add = rms_norm_add_avx2;
    kernels->layer_norm = layer_norm_avx2;
    kernels->gelu_mul = gelu_mul_avx2;
    kernels->silu = silu_avx2;
    kernels->glu = glu_avx2;
    kernels->softcap = softcap_avx2;
    kernels->max = max_avx2;
    kernels->exp_sum = exp_sum_avx2;
    kernels->clamp = clamp_avx2;
    kernels->scale = scale_avx2;
    kernels->add_scale = add_scale_avx2;
    kernels->axpy = axpy_avx2;
    kernels->mul_add = mul_add_avx2;
    kernels->dot = dot_avx2;
    kernels->rope = rope_avx2;
    kernels->to_bf16 = to_bf16_avx2;
}

#else

void g4_kernels_init_vec_avx2(struct g4_kernels *kernels)
{
    (void)kernels;
}

#endif

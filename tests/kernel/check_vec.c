/*
 * check_vec.c - the element-wise slots: against generic at odd sizes, against float64 over the
 * range.
 */
#include <float.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "lib/tensor/half.h"
#include "tests/kernel/check.h"

/* Arguments of one call of a slot; a slot uses those it has. */
struct call {
    float *y;
    const float *a, *b;
    size_t n;
};

typedef void call_fn(const struct g4_kernels *kernels, const struct call *call);

static void call_rms_norm(const struct g4_kernels *k, const struct call *c)
{
    if (c->n > 0)
        k->rms_norm(c->y, c->a, c->b, c->n, 1e-6f);
}

static void call_rms_norm_plain(const struct g4_kernels *k, const struct call *c)
{
    if (c->n > 0)
        k->rms_norm(c->y, c->a, NULL, c->n, 1e-6f);
}

static void call_rms_norm_add(const struct g4_kernels *k, const struct call *c)
{
    if (c->n > 0)
        k->rms_norm_add(c->y, c->a, c->n % 2 ? c->b : NULL, c->n, 1e-6f, 0.5f);
}

static void call_layer_norm(const struct g4_kernels *k, const struct call *c)
{
    if (c->n > 0)
        k->layer_norm(c->y, c->a, c->b, NULL, c->n, 1e-3f);
}

static void call_layer_norm_bias(const struct g4_kernels *k, const struct call *c)
{
    if (c->n > 0)
        k->layer_norm(c->y, c->a, NULL, c->b, c->n, 1e-3f);
}

static void call_gelu_mul(const struct g4_kernels *k, const struct call *c)
{
    k->gelu_mul(c->y, c->a, c->b, c->n);
}

static void call_silu(const struct g4_kernels *k, const struct call *c)
{
    k->silu(c->y, c->a, c->n);
}

static void call_glu(const struct g4_kernels *k, const struct call *c)
{
    k->glu(c->y, c->a, c->b, c->n);
}

static void call_softcap(const struct g4_kernels *k, const struct call *c)
{
    k->softcap(c->y, c->a, 0.3f, c->n);
}

static void call_max(const struct g4_kernels *k, const struct call *c)
{
    const float max = k->max(c->a, c->n);
    if (c->n > 0)
        c->y[0] = max;
    else if (max != -INFINITY)
        abort();
}

/* The sum is made comparable with the rest: relative to n. */
static void call_exp_sum(const struct g4_kernels *k, const struct call *c)
{
    const float sum = k->exp_sum(c->y, c->a, 0.25f, c->n);
    if (c->n > 0)
        c->y[c->n - 1] += sum / (float)c->n;
}

static void call_clamp(const struct g4_kernels *k, const struct call *c)
{
    k->clamp(c->y, c->a, -0.5f, 0.25f, c->n);
}

static void call_scale(const struct g4_kernels *k, const struct call *c)
{
    k->scale(c->y, c->a, 0.7f, c->n);
}

static void call_add_scale(const struct g4_kernels *k, const struct call *c)
{
    k->add_scale(c->y, c->a, 0.7f, c->n);
}

static void call_axpy(const struct g4_kernels *k, const struct call *c)
{
    k->axpy(c->y, c->a, 0.7f, c->n);
}

static void call_mul_add(const struct g4_kernels *k, const struct call *c)
{
    k->mul_add(c->y, c->a, c->b, c->n);
}

static void call_dot(const struct g4_kernels *k, const struct call *c)
{
    const float dot = k->dot(c->a, c->b, c->n);
    if (c->n > 0)
        c->y[0] = dot / (float)c->n;
    else if (dot != 0.0f)
        abort();
}

static void call_rope(const struct g4_kernels *k, const struct call *c)
{
    k->rope(c->y, c->a, c->b, c->n / 2);
}

static void call_to_bf16(const struct g4_kernels *k, const struct call *c)
{
    k->to_bf16((uint16_t *)(void *)c->y, c->a, c->n);
}

/* y against generic, for every size and alignment, apart from and (in_place) on top of a and b. */
static void compare(struct check *c, call_fn *fn, bool over_a, bool over_b)
{
    for (const size_t *n = check_sizes; *n != SIZE_MAX; n++) {
        for (size_t shift = 0; shift < 16; shift++) {
            struct area a = area_floats(*n, 4 * shift, 1),
                        b = area_floats(*n, 4 * (shift * 3 % 16), 2);
            struct area y = area_floats(*n, 4 * (shift * 5 % 16), 3), want = area_copy(&y, 0);
            fn(c->generic, &(struct call){want.data, a.data, b.data, *n});
            fn(c->isa, &(struct call){y.data, a.data, b.data, *n});
            check_fence(c, &y, "y");
            const struct call over[] = {{y.data, a.data, b.data, *n},
                                        {a.data, a.data, b.data, *n},
                                        {b.data, a.data, b.data, *n}};
            struct area a_before = area_copy(&a, 0);
            for (size_t way = 0; way < 3; way++) {
                const float *got = over[way].y, *expected = want.data;
                if ((way == 1 && !over_a) || (way == 2 && !over_b))
                    continue;
                if (way == 2)
                    memcpy(a.data, a_before.data, a.bytes);
                if (way > 0)
                    fn(c->isa, &over[way]);
                for (size_t i = 0; i < *n; i++)
                    check_value(c, got[i], expected[i], 1.0, "y");
            }
            area_close(&a);
            area_close(&b);
            area_close(&y);
            area_close(&want);
            area_close(&a_before);
        }
    }
}

static void check_rms_norm(struct check *c)
{
    compare(c, call_rms_norm, true, false);
    compare(c, call_rms_norm_plain, true, false);
}

static void check_rms_norm_add(struct check *c)
{
    compare(c, call_rms_norm_add, false, false);
}

static void check_layer_norm(struct check *c)
{
    compare(c, call_layer_norm, true, false);
    compare(c, call_layer_norm_bias, true, false);
}

static void check_max(struct check *c)
{
    compare(c, call_max, false, false);
}

static void check_clamp(struct check *c)
{
    compare(c, call_clamp, true, false);
}

static void check_scale(struct check *c)
{
    compare(c, call_scale, true, false);
}

static void check_add_scale(struct check *c)
{
    compare(c, call_add_scale, false, false);
}

static void check_axpy(struct check *c)
{
    compare(c, call_axpy, false, false);
}

static void check_mul_add(struct check *c)
{
    compare(c, call_mul_add, false, false);
}

static void check_dot(struct check *c)
{
    compare(c, call_dot, false, false);
}

static void check_rope(struct check *c)
{
    compare(c, call_rope, false, false);
}

/* Rounding to bf16: odd sizes, then ties, specials, and NaN. */
static void check_to_bf16(struct check *c)
{
    compare(c, call_to_bf16, false, false);
    enum { N = 1 << 17 };
    struct area x = area_open(N * 4, 4), y = area_open(N * 2, 2);
    float *in = x.data;
    const uint16_t *out = y.data;
    for (uint32_t i = 0; i < N; i++) { /* every upper half, with lower halves around the tie */
        static const uint32_t low[] = {0x8000, 0x7fff};
        const uint32_t bits = i >> 1 << 16 | low[i & 1];
        memcpy(&in[i], &bits, 4);
    }
    c->isa->to_bf16(y.data, x.data, N);
    for (size_t i = 0; i < N; i++)
        if (out[i] != g4_f32_to_bf16(in[i]))
            check_fail(c, "%a becomes 0x%04x, not 0x%04x", (double)in[i], out[i],
                       g4_f32_to_bf16(in[i]));
    area_close(&x);
    area_close(&y);
}

/* A function over a range, against float64: |error| / max(|want|, floor(x)). */
enum { SWEEP = 200001 };

struct sweep {
    void (*run)(const struct g4_kernels *kernels, float *y, const float *x, size_t n);
    double (*want)(double x);
    double lo, hi;
    double floor;       /* results smaller than this count as this large */
    double floor_slope; /* plus this times |x| */
};

static void sweep_range(struct check *c, const struct sweep *s)
{
    struct area x = area_open(SWEEP * 4, 0), y = area_open(SWEEP * 4, 0);
    float *in = x.data;
    const float *out = y.data;
    for (size_t i = 0; i < SWEEP; i++) {
        in[i] = (float)(s->lo + (s->hi - s->lo) * (double)i / (SWEEP - 1));
        if (i % 8 == 7 && in[i] != 0) /* and small ones, where relative errors hide */
            in[i] = ldexpf(in[i], -(int)(i / 8 % 40));
    }
    s->run(c->isa, y.data, x.data, SWEEP);
    for (size_t i = 0; i < SWEEP; i++) {
        const double want = s->want(in[i]);
        check_value(c, out[i], want,
                    fmax(fabs(want), s->floor + s->floor_slope * fabs((double)in[i])), "range");
    }
    area_close(&x);
    area_close(&y);
}

/* -inf, inf, NaN, 0 and huge numbers give what the formula says. */
static void sweep_specials(struct check *c, const struct sweep *s)
{
    static const float special[] = {-INFINITY, INFINITY, NAN,     0.0f,    -0.0f,
                                    1e30f,     -1e30f,   FLT_MAX, -FLT_MAX};
    float x[32], y[32];
    for (size_t i = 0; i < 32; i++)
        x[i] = special[i % (sizeof special / sizeof *special)];
    s->run(c->isa, y, x, 32);
    for (size_t i = 0; i < 32; i++) {
        const double want = (double)(float)s->want(x[i]);
        if (!(y[i] == want || (isnan(y[i]) && isnan(want))))
            check_fail(c, "f(%g) = %g, expected %g", (double)x[i], (double)y[i], want);
    }
}

static void run_exp(const struct g4_kernels *k, float *y, const float *x, size_t n)
{
    k->exp_sum(y, x, 0.0f, n);
}

static void run_silu(const struct g4_kernels *k, float *y, const float *x, size_t n)
{
    k->silu(y, x, n);
}

static float *ones(size_t n)
{
    float *one = malloc(n * sizeof *one);
    if (!one)
        abort();
    for (size_t i = 0; i < n; i++)
        one[i] = 1.0f;
    return one;
}

static void run_sigmoid(const struct g4_kernels *k, float *y, const float *x, size_t n)
{
    float *one = ones(n);
    k->glu(y, one, x, n);
    free(one);
}

static void run_gelu(const struct g4_kernels *k, float *y, const float *x, size_t n)
{
    float *one = ones(n);
    k->gelu_mul(y, x, one, n);
    free(one);
}

static void run_tanh(const struct g4_kernels *k, float *y, const float *x, size_t n)
{
    k->softcap(y, x, 1.0f, n);
}

static double want_sigmoid(double x)
{
    return 1 / (1 + exp(-x));
}

static double want_silu(double x)
{
    return x == -INFINITY ? NAN : x * want_sigmoid(x);
}

static double want_gelu(double x)
{
    return x == -INFINITY ? NAN
                          : 0.5 * x * (1 + tanh(0.7978845608028654 * (x + 0.044715 * x * x * x)));
}

static void check_exp_sum(struct check *c)
{
    static const struct sweep falling = {run_exp, exp, -110, 0, FLT_MIN, 0};
    static const struct sweep rising = {run_exp, exp, 0, 88, FLT_MIN, 0};
    compare(c, call_exp_sum, true, false);
    sweep_range(c, &falling);
    sweep_range(c, &rising);
    const float x[3] = {-INFINITY, 0.0f, -1e30f};
    float y[3];
    const float sum = c->isa->exp_sum(y, x, 0.0f, 3);
    if (y[0] != 0.0f || y[1] != 1.0f || y[2] != 0.0f || sum != 1.0f)
        check_fail(c, "exp(-inf, 0, -1e30) = %g %g %g, sum %g", (double)y[0], (double)y[1],
                   (double)y[2], (double)sum);
}

/* Every length and place, elsewhere and on top of x; over the range; what is not there. */
static void check_exp_sum_bf16(struct check *c)
{
    for (const size_t *n = check_sizes; *n != SIZE_MAX; n++) {
        for (size_t shift = 0; shift < 8; shift++) {
            struct area x = area_floats(*n, 4 * shift, 1), y = area_open(*n * 2, 2 * shift);
            struct area before = area_copy(&x, 0);
            const float *in = before.data;
            const uint16_t *out = y.data;
            double want = 0;
            const float sum = c->isa->exp_sum_bf16(y.data, x.data, 0.75f, *n);
            for (size_t i = 0; i < *n; i++) {
                const double e = exp((double)in[i] - 0.75);
                check_value(c, (double)g4_bf16_to_f32(out[i]), e, e, "y");
                want += e;
            }
            check_value(c, (double)sum, want, want / 200, "sum"); /* off by 2e-5 at most */
            check_fence(c, &y, "y");
            const float again = c->isa->exp_sum_bf16(x.data, x.data, 0.75f, *n);
            if (again != sum || memcmp(x.data, y.data, y.bytes) != 0)
                check_fail(c, "another result on top of x (n %zu)", *n);
            area_close(&x);
            area_close(&y);
            area_close(&before);
        }
    }
    enum { N = 8001 };
    float x[N];
    uint16_t y[N];
    for (size_t i = 0; i < N; i++) /* up to the smallest normal number */
        x[i] = -87.3f * (float)i / (N - 1);
    c->isa->exp_sum_bf16(y, x, 0.0f, N);
    for (size_t i = 0; i < N; i++)
        check_value(c, (double)g4_bf16_to_f32(y[i]), exp((double)x[i]), exp((double)x[i]), "range");
    const float odd[4] = {-INFINITY, 0.0f, -1e30f, -120.0f};
    const float sum = c->isa->exp_sum_bf16(y, odd, 0.0f, 4);
    if (y[0] != 0 || y[1] != 0x3f80 || y[2] != 0 || y[3] != 0 || sum != 1.0f)
        check_fail(c, "exp(-inf, 0, -1e30, -120) = 0x%04x 0x%04x 0x%04x 0x%04x, sum %g", y[0], y[1],
                   y[2], y[3], (double)sum);
}

static void check_silu(struct check *c)
{
    static const struct sweep s = {run_silu, want_silu, -87, 95, FLT_MIN, 0};
    compare(c, call_silu, true, false);
    sweep_range(c, &s);
}

static void check_glu(struct check *c)
{
    static const struct sweep s = {run_sigmoid, want_sigmoid, -87, 95, FLT_MIN, 0};
    compare(c, call_glu, true, true);
    sweep_range(c, &s);
    sweep_specials(c, &s);
}

/* The tanh form cancels for negative x: errors are relative to |x|. */
static void check_gelu_mul(struct check *c)
{
    static const struct sweep s = {run_gelu, want_gelu, -20, 20, 0, 1};
    compare(c, call_gelu_mul, true, true);
    sweep_range(c, &s);
    const float x[2] = {1e20f, -1e20f}, up[2] = {2.0f, 2.0f};
    float y[2];
    c->isa->gelu_mul(y, x, up, 2);
    if (y[0] != 2e20f || y[1] != 0.0f)
        check_fail(c, "gelu(1e20) * 2 = %g, gelu(-1e20) * 2 = %g", (double)y[0], (double)y[1]);
}

static void check_softcap(struct check *c)
{
    static const struct sweep s = {run_tanh, tanh, -12, 12, FLT_MIN, 0};
    compare(c, call_softcap, true, false);
    sweep_range(c, &s);
    sweep_specials(c, &s);
}

#define RANGE 2.5e-7, "the result"

const struct check_slot check_vec_slots[] = {
    {"rms_norm", check_rms_norm, 0, 1e-6, "1"},
    {"rms_norm_add", check_rms_norm_add, 0, 1e-6, "1"},
    {"layer_norm", check_layer_norm, 0, 1e-6, "1"},
    {"gelu_mul", check_gelu_mul, 0, 2.5e-7, "|x|"},
    {"silu", check_silu, 0, RANGE},
    {"glu", check_glu, 0, RANGE},
    {"softcap", check_softcap, 0, RANGE},
    {"max", check_max, 0, 0, "nothing"},
    {"exp_sum", check_exp_sum, 0, RANGE},
    {"exp_sum_bf16", check_exp_sum_bf16, 0, 3.92e-3, "the result"}, /* 2^-8 and 1e-5 */
    {"clamp", check_clamp, 0, 0, "nothing"},
    {"scale", check_scale, 0, 0, "nothing"},
    {"add_scale", check_add_scale, 0, 0, "nothing"},
    {"axpy", check_axpy, 0, 2e-7, "1"},
    {"mul_add", check_mul_add, 0, 2e-7, "1"},
    {"dot", check_dot, 0, 2e-7, "n"},
    {"rope", check_rope, 0, 2e-7, "1"},
    {"to_bf16", check_to_bf16, 0, 0, "nothing"},
    {NULL, NULL, 0, 0, NULL},
};

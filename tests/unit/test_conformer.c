/*
 * test_conformer.c - the blocks against the recipe written down plainly in float64, with made-up
 * weights small enough to reason about: window 4, cap and clips that bite.
 */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "encoders/audio/conformer.h"

enum { DIM = 12, HEADS = 3, HEAD = 4, WIDE = 4 * DIM, TAPS = 5, WINDOW = 4, LAYERS = 2, N = 75 };

static const struct g4_audio_config config = {
    .present = true,
    .hidden_size = DIM,
    .num_hidden_layers = LAYERS,
    .num_attention_heads = HEADS,
    .conv_kernel_size = TAPS,
    .attention_context_left = WINDOW + 1,
    .attention_logit_cap = 2.0f,
    .residual_weight = 0.5f,
    .rms_norm_eps = 1e-3f,
};

static uint32_t seed;

static float uniform(float low, float high)
{
    seed = seed * 1664525u + 1013904223u;
    return low + (high - low) * (float)(seed >> 8) / 16777216.0f;
}

/* Values that live as long as the program. */
static float *numbers(size_t n, float low, float high)
{
    static float store[65536];
    static size_t used;
    assert_true(used + n <= sizeof store / sizeof *store);
    float *x = store + used;
    used += n;
    for (size_t i = 0; i < n; i++)
        x[i] = uniform(low, high);
    return x;
}

static struct g4_matrix matrix(size_t rows, size_t cols)
{
    return (struct g4_matrix){.data = numbers(rows * cols, -0.6f, 0.6f),
                              .dtype = G4_DTYPE_F32,
                              .rows = rows,
                              .cols = cols,
                              .stride = cols * sizeof(float)};
}

static struct g4_linear clipped(size_t rows, size_t cols)
{
    return (struct g4_linear){.w = matrix(rows, cols),
                              .in_min = -1.2f,
                              .in_max = 1.1f,
                              .out_min = -1.5f,
                              .out_max = 1.6f};
}

static struct g4_audio_ff feed_forward(void)
{
    return (struct g4_audio_ff){numbers(DIM, 0.5f, 2), clipped(WIDE, DIM), clipped(DIM, WIDE),
                                numbers(DIM, 0.5f, 2)};
}

static const struct g4_audio_block *blocks(void)
{
    static struct g4_audio_block made[LAYERS];
    if (made[0].norm_out)
        return made;
    seed = 7;
    for (size_t i = 0; i < LAYERS; i++) {
        struct g4_audio_block *b = &made[i];
        b->feed_forward1 = feed_forward();
        b->feed_forward2 = feed_forward();
        b->norm_pre_attn = numbers(DIM, 0.5f, 2);
        b->norm_post_attn = numbers(DIM, 0.5f, 2);
        b->norm_out = numbers(DIM, 0.5f, 2);
        b->q_proj = clipped(DIM, DIM);
        b->k_proj = clipped(DIM, DIM);
        b->v_proj = clipped(DIM, DIM);
        b->post = clipped(DIM, DIM);
        b->relative_k_proj = matrix(DIM, DIM);
        b->per_dim_scale = numbers(HEAD, -1, 3);
        b->conv_pre_norm = numbers(DIM, 0.5f, 2);
        b->linear_start = clipped(2 * DIM, DIM);
        b->depthwise = numbers((size_t)DIM * TAPS, -1, 1);
        b->conv_norm = numbers(DIM, 0.5f, 2);
        b->linear_end = clipped(DIM, DIM);
    }
    return made;
}

/* ------------------------------------------------------------------------ the recipe, plainly */

static void rms(double *y, const double *x, const float *w, double eps)
{
    double sum = 0;
    for (int i = 0; i < DIM; i++)
        sum += x[i] * x[i];
    for (int i = 0; i < DIM; i++)
        y[i] = x[i] / sqrt(sum / DIM + eps) * (w ? (double)w[i] : 1.0);
}

static double clamp(double x, float low, float high)
{
    return fmin(fmax(x, (double)low), (double)high);
}

static void linear(double *y, const struct g4_linear *l, const double *x)
{
    const float *w = l->w.data;
    for (size_t r = 0; r < l->w.rows; r++) {
        y[r] = 0;
        for (size_t c = 0; c < l->w.cols; c++)
            y[r] += (double)w[r * l->w.cols + c] * clamp(x[c], l->in_min, l->in_max);
        y[r] = clamp(y[r], l->out_min, l->out_max);
    }
}

static double sigmoid(double x)
{
    return 1 / (1 + exp(-x));
}

static void plain_ff(double (*x)[DIM], const struct g4_audio_ff *ff)
{
    for (int t = 0; t < N; t++) {
        double h[DIM], wide[WIDE];
        rms(h, x[t], ff->pre_layer_norm, 1e-6);
        linear(wide, &ff->ffw_layer_1, h);
        for (int i = 0; i < WIDE; i++)
            wide[i] *= sigmoid(wide[i]);
        linear(h, &ff->ffw_layer_2, wide);
        rms(h, h, ff->post_layer_norm, 1e-6);
        for (int i = 0; i < DIM; i++)
            x[t][i] += 0.5 * h[i];
    }
}

/* Score of query q for key k, `ago` tokens before it, in the head that begins at column `at`. */
static double plain_score(const struct g4_audio_block *b, const double *q, const double *k, int ago,
                          int at)
{
    const float *relative = b->relative_k_proj.data;
    double s = 0;
    for (int i = at; i < at + HEAD; i++) {
        double r = 0, scale = log1p(exp((double)b->per_dim_scale[i - at])) / (sqrt(HEAD) * log(2));
        for (int j = 0; j < DIM / 2; j++) {
            double angle = ago * pow(10000, -j / (DIM / 2 - 1.0));
            r += (double)relative[i * DIM + j] * sin(angle);
            r += (double)relative[i * DIM + DIM / 2 + j] * cos(angle);
        }
        s += q[i] * scale * (k[i] * log(1 + exp(1)) / log(2) + r);
    }
    return 2 * tanh(s / 2);
}

static void plain_attention(double (*x)[DIM], const struct g4_audio_block *b)
{
    static double q[N][DIM], k[N][DIM], v[N][DIM];
    double h[DIM];
    for (int t = 0; t < N; t++) {
        rms(h, x[t], b->norm_pre_attn, 1e-6);
        linear(q[t], &b->q_proj, h);
        linear(k[t], &b->k_proj, h);
        linear(v[t], &b->v_proj, h);
    }
    for (int t = 0; t < N; t++) {
        double a[DIM] = {0};
        for (int at = 0; at < DIM; at += HEAD) {
            double p[WINDOW], sum = 0;
            for (int ago = 0; ago < WINDOW && ago <= t; ago++)
                sum += p[ago] = exp(plain_score(b, q[t], k[t - ago], ago, at));
            for (int ago = 0; ago < WINDOW && ago <= t; ago++)
                for (int i = at; i < at + HEAD; i++)
                    a[i] += p[ago] / sum * v[t - ago][i];
        }
        linear(h, &b->post, a);
        rms(h, h, b->norm_post_attn, 1e-6);
        for (int i = 0; i < DIM; i++)
            x[t][i] += h[i];
    }
}

static void plain_lconv(double (*x)[DIM], const struct g4_audio_block *b)
{
    static double g[N][DIM];
    double h[DIM], u[2 * DIM];
    for (int t = 0; t < N; t++) {
        rms(h, x[t], b->conv_pre_norm, 1e-3);
        linear(u, &b->linear_start, h);
        for (int i = 0; i < DIM; i++)
            g[t][i] = u[i] * sigmoid(u[DIM + i]);
    }
    for (int t = 0; t < N; t++) {
        for (int i = 0; i < DIM; i++) {
            h[i] = 0;
            for (int ago = 0; ago < TAPS && ago <= t; ago++)
                h[i] += (double)b->depthwise[i * TAPS + TAPS - 1 - ago] * g[t - ago][i];
        }
        rms(h, h, b->conv_norm, 1e-3);
        for (int i = 0; i < DIM; i++)
            h[i] *= sigmoid(h[i]);
        linear(u, &b->linear_end, h);
        for (int i = 0; i < DIM; i++)
            x[t][i] += u[i];
    }
}

static void plain_block(double (*x)[DIM], const struct g4_audio_block *b)
{
    plain_ff(x, &b->feed_forward1);
    plain_attention(x, b);
    plain_lconv(x, b);
    plain_ff(x, &b->feed_forward2);
    for (int t = 0; t < N; t++)
        rms(x[t], x[t], b->norm_out, 1e-6);
}

/* ------------------------------------------------------------------------ tests */

static float *input(void)
{
    static float x[N * DIM];
    seed = 99;
    for (int i = 0; i < N * DIM; i++)
        x[i] = uniform(-2, 2);
    return x;
}

/* On the level of this machine, but with products of float32 factors, so that the tolerance can be
 * a narrow one everywhere. */
static void run_blocks(const struct g4_audio_block *of, bool softplus_applied, float *x, size_t n,
                       int threads, const struct g4_trace *trace)
{
    struct g4_exec exec;
    struct g4_conformer conformer;
    assert_int_equal(g4_exec_open(&exec, threads, NULL), 0);
    struct g4_kernels precise = *exec.kernels;
    precise.float_products = true;
    exec.kernels = &precise;
    assert_int_equal(g4_conformer_open(&conformer, &exec, &config, of, softplus_applied, NULL), 0);
    assert_int_equal(g4_conformer_plan(&conformer, n, NULL), 0);
    g4_conformer_run(&conformer, x, n, trace);
    g4_conformer_close(&conformer);
    g4_exec_close(&exec);
}

static void run(float *x, size_t n, int threads, const struct g4_trace *trace)
{
    run_blocks(blocks(), false, x, n, threads, trace);
}

static const double TOLERANCE = 2e-5;

static void compare_layer(void *ctx, const char *name, int index, const float *data, size_t ld,
                          size_t rows, size_t cols)
{
    double(*x)[DIM] = ctx;
    assert_string_equal(name, "layer");
    assert_int_equal(rows, N);
    assert_int_equal(cols, DIM);
    plain_block(x, &blocks()[index]);
    for (size_t t = 0; t < rows; t++)
        for (size_t i = 0; i < cols; i++)
            assert_true(fabs((double)data[t * ld + i] - x[t][i]) < TOLERANCE);
}

static void follows_the_recipe(void **state)
{
    (void)state;
    static double expected[N][DIM];
    float *x = input();
    for (int i = 0; i < N * DIM; i++)
        expected[i / DIM][i % DIM] = (double)x[i];
    const struct g4_trace trace = {compare_layer, expected};
    run(x, N, 2, &trace);
}

/* GGUF files hold the softplus of the published numbers. */
static void takes_scales_that_are_applied(void **state)
{
    (void)state;
    static float applied[LAYERS][HEAD], published[N * DIM];
    static struct g4_audio_block stored[LAYERS];
    memcpy(stored, blocks(), sizeof stored);
    for (size_t i = 0; i < LAYERS; i++) {
        for (size_t k = 0; k < HEAD; k++)
            applied[i][k] = (float)log1p(exp((double)stored[i].per_dim_scale[k]));
        stored[i].per_dim_scale = applied[i];
    }
    memcpy(published, input(), sizeof published);
    run(published, N, 2, NULL);
    float *x = input();
    run_blocks(stored, true, x, N, 2, NULL);
    for (size_t i = 0; i < (size_t)N * DIM; i++)
        assert_true(fabs((double)x[i] - (double)published[i]) < TOLERANCE);
    x = input();
    run_blocks(stored, false, x, N, 2, NULL);
    double worst = 0;
    for (size_t i = 0; i < (size_t)N * DIM; i++)
        worst = fmax(worst, fabs((double)x[i] - (double)published[i]));
    assert_true(worst > 0.5);
}

/* Nothing looks ahead: a shorter sound gives the beginning of the longer one, but for the rounding
 * of gemv, which takes the shortest ones. */
static void looks_back_only(void **state)
{
    (void)state;
    float whole[N * DIM];
    memcpy(whole, input(), sizeof whole);
    run(whole, N, 1, NULL);
    for (size_t n = 1; n < N; n += 9) {
        float *part = input();
        run(part, n, 1, NULL);
        for (size_t i = 0; i < n * DIM; i++)
            assert_true(fabs((double)part[i] - (double)whole[i]) < TOLERANCE);
    }
}

/* A block reaches WINDOW - 1 tokens back in the attention and then TAPS - 1 in the convolution. */
static void forgets_beyond_the_window(void **state)
{
    (void)state;
    const size_t reach = LAYERS * (WINDOW - 1 + TAPS - 1);
    float before[N * DIM];
    memcpy(before, input(), sizeof before);
    run(before, N, 1, NULL);
    float *x = input();
    for (int i = 0; i < DIM; i++)
        x[10 * DIM + i] += 1;
    run(x, N, 1, NULL);
    assert_memory_equal(x, before, 10 * DIM * sizeof *x);
    assert_memory_not_equal(x + 10 * DIM, before + 10 * DIM, DIM * sizeof *x);
    assert_memory_not_equal(x + (10 + reach) * DIM, before + (10 + reach) * DIM, DIM * sizeof *x);
    const size_t beyond = 10 + reach + 1;
    assert_memory_equal(x + beyond * DIM, before + beyond * DIM, (N - beyond) * DIM * sizeof *x);
}

static void threads_do_not_matter(void **state)
{
    (void)state;
    float one[N * DIM];
    memcpy(one, input(), sizeof one);
    run(one, N, 1, NULL);
    for (int threads = 2; threads <= 4; threads++) {
        float *many = input();
        run(many, N, threads, NULL);
        assert_memory_equal(one, many, sizeof one);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(follows_the_recipe),    cmocka_unit_test(takes_scales_that_are_applied),
        cmocka_unit_test(looks_back_only),       cmocka_unit_test(forgets_beyond_the_window),
        cmocka_unit_test(threads_do_not_matter),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

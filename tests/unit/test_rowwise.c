/*
 * test_rowwise.c - norms, activations, rotary positions and convolutions of lib/nn, row by row
 * against plain formulas in float64.
 */
#include "lib/nn/act.h"
#include "lib/nn/conv.h"
#include "lib/nn/norm.h"
#include "lib/nn/rope.h"
#include "tests/unit/nn_fixture.h"

enum { N = 70, DIM = 301, LD = 310 };

static float *run_norms(const struct g4_exec *exec, const void *ctx, size_t *n)
{
    float *x = filled(N * LD, 1), *w = filled(DIM, 2), *b = filled(DIM, 3), *r = filled(N * LD, 4);
    float *y = floats(3 * N * LD), *want = floats(3 * N * LD);
    float *added = y + N * LD, *layer = added + N * LD;
    (void)ctx;
    for (size_t i = 0; i < N; i++) {
        double mean = 0, squares = 0, variance = 0;
        for (size_t c = 0; c < DIM; c++) {
            mean += x[i * LD + c] / (double)DIM;
            squares += (double)x[i * LD + c] * x[i * LD + c] / DIM;
        }
        for (size_t c = 0; c < DIM; c++)
            variance += (x[i * LD + c] - mean) * (x[i * LD + c] - mean) / DIM;
        for (size_t c = 0; c < DIM; c++) {
            const double rms = x[i * LD + c] / sqrt(squares + 1e-6) * w[c];
            want[i * LD + c] = (float)rms;
            want[(N + i) * LD + c] = (float)(r[i * LD + c] + 0.5 * rms);
            want[(2 * N + i) * LD + c] =
                (float)((x[i * LD + c] - mean) / sqrt(variance + 1e-6) * w[c] + b[c]);
        }
        memcpy(added + i * LD, r + i * LD, DIM * sizeof *r);
    }
    g4_rms_norm(exec, y, LD, x, LD, N, DIM, w, 1e-6f);
    g4_rms_norm_add(exec, added, LD, x, LD, N, DIM, w, 1e-6f, 0.5f);
    g4_layer_norm(exec, layer, LD, x, LD, N, DIM, w, b, 1e-6f);
    assert_close(y, want, 3 * N * LD, 1e-6, "norms");
    free(x);
    free(w);
    free(b);
    free(r);
    free(want);
    *n = 3 * N * LD;
    return y;
}

static double sigmoid(double x)
{
    return 1 / (1 + exp(-x));
}

static float *run_acts(const struct g4_exec *exec, const void *ctx, size_t *n)
{
    enum { SIZE = N * LD };
    float *x = filled(N * 2 * LD, 1), *u = filled(SIZE, 2), *y = floats(4 * SIZE),
          *want = floats(4 * SIZE);
    (void)ctx;
    for (size_t i = 0; i < N * 2 * LD; i++)
        x[i] *= 6;
    for (size_t i = 0; i < N; i++) {
        for (size_t c = 0; c < DIM; c++) {
            const size_t at = i * LD + c;
            const double g = x[i * 2 * LD + c], h = x[i * 2 * LD + DIM + c];
            const double gelu =
                0.5 * g * (1 + tanh(0.7978845608028654 * (g + 0.044715 * g * g * g)));
            want[at] = (float)(gelu * u[at]);
            want[SIZE + at] = (float)(g * sigmoid(g));
            want[2 * SIZE + at] = (float)(g * sigmoid(h));
            y[3 * SIZE + at] = u[at];
            want[3 * SIZE + at] = (float)((u[at] + g) * 0.25 * 3);
        }
    }
    g4_gelu_mul(exec, y, LD, x, 2 * LD, u, LD, N, DIM);
    g4_silu(exec, y + SIZE, LD, x, 2 * LD, N, DIM);
    g4_glu(exec, y + 2 * SIZE, LD, x, 2 * LD, N, DIM);
    g4_add_scale(exec, y + 3 * SIZE, LD, x, 2 * LD, N, DIM, 0.25f);
    g4_scale(exec, y + 3 * SIZE, LD, N, DIM, 3.0f);
    assert_close(y, want, 4 * SIZE, 2e-6, "activations");
    free(x);
    free(u);
    free(want);
    *n = 4 * SIZE;
    return y;
}

static float *run_rope(const struct g4_exec *exec, const void *ctx, size_t *n)
{
    enum { ROWS = 9, HEADS = 3, HALF = 12, TURNING = 5, WIDTH = 30, ROW = HEADS * WIDTH + 1 };
    float *x = filled(ROWS * ROW, 1), *want = floats(ROWS * ROW), freq[HALF];
    float cos_table[ROWS * HALF], sin_table[ROWS * HALF];
    int32_t position[ROWS];
    (void)ctx;
    memcpy(want, x, ROWS * ROW * sizeof *x);
    g4_rope_freq(freq, HALF, TURNING, 2 * HALF, 10000.0);
    for (size_t i = 0; i < ROWS; i++) {
        position[i] = (int32_t)(i * 1000);
        for (size_t h = 0; h < HEADS; h++) {
            float *head = want + i * ROW + h * WIDTH;
            for (size_t c = 0; c < TURNING; c++) {
                const float f = (float)pow(10000.0, -(double)c / HALF);
                const double angle = (float)position[i] * f, a = head[c], b = head[c + HALF];
                head[c] = (float)(a * cos(angle) - b * sin(angle));
                head[c + HALF] = (float)(b * cos(angle) + a * sin(angle));
            }
        }
    }
    g4_rope_table(exec, cos_table, sin_table, position, ROWS, freq, HALF);
    g4_rope(exec, x, ROW, ROWS, HEADS, WIDTH, cos_table, sin_table, HALF);
    assert_close(x, want, ROWS * ROW, 3e-7, "rope");
    free(want);
    *n = ROWS * ROW;
    return x;
}

struct picture {
    size_t rows, cols, in, out;
};

static float *run_conv(const struct g4_exec *exec, const void *ctx, size_t *n)
{
    const struct picture *p = ctx;
    const size_t rows = (p->rows + 1) / 2, cols = (p->cols + 1) / 2, taps = p->in * 9;
    float *in = filled(p->rows * p->cols * p->in, 1), *w = filled(p->out * taps, 2);
    float *out = floats(rows * cols * p->out), *want = floats(rows * cols * p->out);
    float *patches = floats(g4_conv3x3_scratch(p->cols, p->in));
    round_to_factors(exec->kernels, in, p->rows * p->cols * p->in);
    round_to_factors(exec->kernels, w, p->out * taps);
    const struct g4_matrix kernel = {
        .data = w, .dtype = G4_DTYPE_F32, .rows = p->out, .cols = taps, .stride = taps * sizeof *w};
    for (size_t at = 0; at < rows * cols * p->out; at++) {
        const size_t o = at % p->out, j = at / p->out % cols, i = at / p->out / cols;
        double sum = 0;
        for (size_t t = 0; t < taps; t++) {
            const size_t c = t / 9, y = 2 * i + t % 9 / 3, x = 2 * j + t % 3; /* plus 1 */
            if (y >= 1 && y <= p->rows && x >= 1 && x <= p->cols)
                sum += (double)w[o * taps + t] * in[((y - 1) * p->cols + x - 1) * p->in + c];
        }
        want[at] = (float)sum;
    }
    g4_conv3x3_stride2(exec, out, in, p->rows, p->cols, p->in, &kernel, patches);
    assert_close(out, want, rows * cols * p->out, 1e-5, "conv");
    free(in);
    free(w);
    free(want);
    free(patches);
    *n = rows * cols * p->out;
    return out;
}

static float *run_depthwise(const struct g4_exec *exec, const void *ctx, size_t *n)
{
    enum { ROWS = 75, CHANNELS = 1100, TAPS = 5 };
    float *x = filled(ROWS * CHANNELS, 1), *w = filled(CHANNELS * TAPS, 2);
    float *y = filled(ROWS * CHANNELS, 3), *want = floats(ROWS * CHANNELS);
    (void)ctx;
    for (size_t t = 0; t < ROWS; t++)
        for (size_t c = 0; c < CHANNELS; c++)
            for (size_t i = 0; i < TAPS; i++)
                if (t + i >= TAPS - 1)
                    want[t * CHANNELS + c] +=
                        w[c * TAPS + i] * x[(t + i - TAPS + 1) * CHANNELS + c];
    g4_depthwise_causal(exec, y, x, ROWS, CHANNELS, w, TAPS);
    assert_close(y, want, ROWS * CHANNELS, 1e-6, "depthwise");
    free(x);
    free(w);
    free(want);
    *n = ROWS * CHANNELS;
    return y;
}

static void test_norms(void **state)
{
    (void)state;
    on_every_level(run_norms, NULL);
}

static void test_acts(void **state)
{
    (void)state;
    on_every_level(run_acts, NULL);
}

static void test_rope(void **state)
{
    (void)state;
    on_every_level(run_rope, NULL);
}

static void test_conv(void **state)
{
    static const struct picture pictures[] = {
        {1, 1, 1, 1}, {7, 128, 1, 128}, {50, 64, 12, 32}, {2, 3, 5, 4}, {33, 2, 3, 40},
    };
    (void)state;
    for (size_t i = 0; i < sizeof pictures / sizeof *pictures; i++)
        on_every_level(run_conv, &pictures[i]);
}

static void test_depthwise(void **state)
{
    (void)state;
    on_every_level(run_depthwise, NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_norms), cmocka_unit_test(test_acts),      cmocka_unit_test(test_rope),
        cmocka_unit_test(test_conv),  cmocka_unit_test(test_depthwise),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

/* test_subsample.c - the convolutions by blocks against the formula over the whole. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "encoders/audio/mel.h"
#include "encoders/audio/subsample.h"
#include "lib/tensor/half.h"

enum { DIM = 6, C0 = 3, C1 = 2, MELS = G4_AUDIO_MELS, MELS1 = MELS / 2, MELS2 = MELS / 4 };

static const struct g4_audio_config config = {
    .present = true,
    .hidden_size = DIM,
    .conv_channels = {C0, C1},
    .rms_norm_eps = 1e-4f,
};

static float kernel0[C0 * 9], kernel1[C1 * C0 * 9], norm0[C0], norm1[C1];
static float projection[DIM * MELS2 * C1];

static void fill(float *x, size_t n, uint32_t seed)
{
    for (size_t i = 0; i < n; i++) {
        seed = seed * 1664525u + 1013904223u;
        x[i] = (float)(seed >> 8) / 8388608.0f - 1.0f;
    }
}

static struct g4_audio_weights weights(void)
{
    fill(kernel0, C0 * 9, 1);
    fill(kernel1, C1 * C0 * 9, 2);
    fill(norm0, C0, 3);
    fill(norm1, C1, 4);
    fill(projection, DIM * MELS2 * C1, 5);
    return (struct g4_audio_weights){
        .conv = {{kernel0, G4_DTYPE_F32, C0, 9, 9 * sizeof(float)},
                 {kernel1, G4_DTYPE_F32, C1, C0 * 9, C0 * 9 * sizeof(float)}},
        .conv_norm = {norm0, norm1},
        .input_proj = {projection, G4_DTYPE_F32, DIM, MELS2 * C1, MELS2 * C1 * sizeof(float)},
    };
}

static const struct g4_kernels *kernels(void)
{
    const struct g4_kernels *best = g4_kernels_best(NULL);
    assert_non_null(best);
    return best;
}

/* x as products of many rows take it: with two channels a norm makes much of little. */
static double factor(double x)
{
    return kernels()->float_products ? x : (double)g4_bf16_to_f32(g4_f32_to_bf16((float)x));
}

/* out [ceil(rows/2), cols/2, to] of in [rows, cols, from], summed as the formula says. */
static double *plain_conv(const double *in, size_t rows, size_t cols, size_t from, size_t to,
                          const float *kernel, const float *norm)
{
    const size_t rows_out = (rows + 1) / 2, cols_out = cols / 2;
    double *out = calloc(rows_out * cols_out * to, sizeof *out);
    assert_non_null(out);
    for (size_t at = 0; at < rows_out * cols_out; at++) {
        double *y = out + at * to, mean = 0, variance = 0;
        for (size_t o = 0; o < to; o++)
            for (size_t c = 0; c < from; c++)
                for (size_t a = 0; a < 3; a++)
                    for (size_t b = 0; b < 3; b++) {
                        size_t i = 2 * (at / cols_out) + a - 1, j = 2 * (at % cols_out) + b - 1;
                        if (i < rows && j < cols) /* -1 wraps to something large */
                            y[o] += factor((double)kernel[((o * from + c) * 3 + a) * 3 + b]) *
                                    factor(in[(i * cols + j) * from + c]);
                    }
        for (size_t o = 0; o < to; o++)
            mean += y[o] / (double)to;
        for (size_t o = 0; o < to; o++)
            variance += (y[o] - mean) * (y[o] - mean) / (double)to;
        for (size_t o = 0; o < to; o++)
            y[o] = fmax(0, (y[o] - mean) / sqrt(variance + 1e-4) * (double)norm[o]);
    }
    return out;
}

static double *plain(const float *features, size_t frames)
{
    double *in = calloc(frames * MELS, sizeof *in);
    assert_non_null(in);
    for (size_t i = 0; i < frames * MELS; i++)
        in[i] = (double)features[i];
    double *half = plain_conv(in, frames, MELS, 1, C0, kernel0, norm0);
    double *quarter = plain_conv(half, (frames + 1) / 2, MELS1, C0, C1, kernel1, norm1);
    const size_t tokens = (frames + 3) / 4;
    double *rows = calloc(tokens * DIM, sizeof *rows);
    assert_non_null(rows);
    for (size_t i = 0; i < tokens * DIM; i++)
        for (size_t k = 0; k < MELS2 * C1; k++)
            rows[i] += factor(quarter[i / DIM * MELS2 * C1 + k]) *
                       factor((double)projection[i % DIM * MELS2 * C1 + k]);
    free(in);
    free(half);
    free(quarter);
    return rows;
}

static float *run(const float *features, size_t frames, int threads)
{
    struct g4_exec exec;
    struct g4_subsample subsample = {0};
    struct g4_audio_weights w = weights();
    const size_t tokens = (frames + 3) / 4;
    float *rows = malloc(tokens * DIM * sizeof *rows);
    assert_non_null(rows);
    assert_int_equal(g4_exec_open(&exec, threads, NULL), 0);
    assert_int_equal(g4_subsample_plan(&subsample, &exec, &config, &w, tokens, NULL), 0);
    g4_subsample_run(&subsample, rows, features, frames);
    g4_subsample_release(&subsample);
    g4_exec_close(&exec);
    return rows;
}

/* Every number where products are exact; elsewhere all together, since factors of a few rows are
 * not rounded. */
static void assert_near(const float *rows, const double *expected, size_t n)
{
    double difference = 0, whole = 0;
    for (size_t i = 0; i < n; i++) {
        const double d = (double)rows[i] - expected[i];
        assert_true(!kernels()->float_products || fabs(d) < 1e-3);
        difference += d * d;
        whole += expected[i] * expected[i];
    }
    assert_true(sqrt(difference / whole) < 1e-2);
}

/* Lengths around the rounding, and around the blocks of 64 tokens = 256 frames. */
static void equals_the_formula(void **state)
{
    (void)state;
    const size_t lengths[] = {1, 2, 3, 4, 5, 8, 9, 255, 256, 257, 259, 260, 261, 512, 517, 770};
    float *features = malloc(770 * MELS * sizeof *features);
    assert_non_null(features);
    fill(features, 770 * MELS, 6);
    for (size_t l = 0; l < sizeof lengths / sizeof *lengths; l++) {
        float *rows = run(features, lengths[l], 1);
        double *expected = plain(features, lengths[l]);
        assert_near(rows, expected, (lengths[l] + 3) / 4 * DIM);
        free(rows);
        free(expected);
    }
    free(features);
}

static void threads_do_not_matter(void **state)
{
    (void)state;
    const size_t frames = 1001;
    float *features = malloc(frames * MELS * sizeof *features);
    assert_non_null(features);
    fill(features, frames * MELS, 7);
    float *one = run(features, frames, 1);
    for (int threads = 2; threads <= 4; threads++) {
        float *many = run(features, frames, threads);
        assert_memory_equal(one, many, (frames + 3) / 4 * DIM * sizeof *one);
        free(many);
    }
    free(one);
    free(features);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(equals_the_formula),
        cmocka_unit_test(threads_do_not_matter),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

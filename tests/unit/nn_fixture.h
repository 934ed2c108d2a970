/*
 * nn_fixture.h - what the tests of lib/nn share: numbers to work on, and every level of this
 * machine.
 */
#ifndef G4_TESTS_NN_FIXTURE_H
#define G4_TESTS_NN_FIXTURE_H

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "lib/nn/exec.h"
#include "lib/nn/scratch.h"
#include "lib/tensor/half.h"

/* Numbers in -1..1, the same in every run. */
static inline void fill(float *x, size_t n, uint32_t seed)
{
    uint32_t state = seed * 2654435761u + 1;
    for (size_t i = 0; i < n; i++) {
        state = state * 1664525u + 1013904223u;
        x[i] = (float)(int32_t)(state >> 8 & 0xffff) / 32768.0f - 1.0f;
    }
}

static inline float *floats(size_t n)
{
    float *x = calloc(n ? n : 1, sizeof *x);
    assert_non_null(x);
    return x;
}

static inline float *filled(size_t n, uint32_t seed)
{
    float *x = floats(n);
    fill(x, n, seed);
    return x;
}

/* The same numbers as bf16; x is rounded to them. */
static inline uint16_t *as_bf16(float *x, size_t n)
{
    uint16_t *h = calloc(n ? n : 1, sizeof *h);
    assert_non_null(h);
    for (size_t i = 0; i < n; i++) {
        h[i] = g4_f32_to_bf16(x[i]);
        x[i] = g4_bf16_to_f32(h[i]);
    }
    return h;
}

/* x as a factor of a product of many rows. */
static inline float as_factor(const struct g4_kernels *kernels, float x)
{
    return kernels->float_products ? x : g4_bf16_to_f32(g4_f32_to_bf16(x));
}

/* Makes numbers of which nothing is lost when they become factors. */
static inline void round_to_factors(const struct g4_kernels *kernels, float *x, size_t n)
{
    for (size_t i = 0; i < n; i++)
        x[i] = as_factor(kernels, x[i]);
}

static inline void assert_close(const float *a, const float *b, size_t n, double tolerance,
                                const char *what)
{
    double worst = 0;
    size_t at = 0;
    for (size_t i = 0; i < n; i++) {
        const double d = fabs((double)a[i] - b[i]);
        if (!(d <= worst)) {
            worst = d;
            at = i;
        }
    }
    if (!(worst <= tolerance))
        fail_msg("%s: [%zu] is %g, expected %g, difference %g > %g", what, at, (double)a[at],
                 (double)b[at], worst, tolerance);
}

/* The generic product of bf16 factors, which reads their zeros too. */
static inline void multiply_with_zeros(float *y, size_t ldy, const void *x, size_t ldx, size_t m,
                                       const void *panel, size_t cols, size_t k, bool add)
{
    struct g4_kernels generic;
    g4_kernels_init(&generic, G4_CPU_GENERIC, false);
    generic.gemm_bf16.multiply(y, ldy, x, ldx, m, panel, cols, g4_round_up(k, 32), add);
}

/* Tables beside those of the levels: OpenBLAS; bf16 factors, which not every machine has a better
 * level for; the same with the long steps that tile registers take; and panels of quantised weights
 * for any number of rows. */
enum { WITH_BLAS = -1, WITH_BF16 = -2, WITH_STEPS = -3, WITH_PANELS = -4 };

static inline void init_table(struct g4_kernels *kernels, int level)
{
    g4_kernels_init(kernels, level < 0 ? G4_CPU_GENERIC : (enum g4_cpu)level, level == WITH_BLAS);
    if (level == WITH_BF16 || level == WITH_STEPS)
        kernels->float_products = false;
    if (level == WITH_STEPS) {
        kernels->gemm_bf16.step = 32;
        kernels->gemm_bf16.multiply = multiply_with_zeros;
    }
    if (level == WITH_PANELS) {
        kernels->gemm_q8.rows_to_pack = 2;
        kernels->gemm_q8.rows_at_most = SIZE_MAX;
    }
}

/* What was not written is NaN. */
static inline void spoil_scratch(const struct g4_exec *exec)
{
    memset(exec->scratch, 0xff,
           (size_t)g4_pool_threads(exec->pool) * exec->scratch_size +
               G4_SCRATCH_SHARED_FLOATS * sizeof(float));
}

/* Runs fn on every level of this machine and on the tables above, each with 1 and 3 threads. fn
 * gives its result in a new array of *n floats: the bytes must not depend on the threads. */
typedef float *fixture_fn(const struct g4_exec *exec, const void *ctx, size_t *n);

static inline void on_levels(fixture_fn *fn, const void *ctx, int from, int to, int step)
{
    struct g4_exec one, three;
    struct g4_err err = {0};
    struct g4_kernels kernels;
    assert_int_equal(g4_exec_open(&one, 1, &err), 0);
    assert_int_equal(g4_exec_open(&three, 3, &err), 0);
    for (int level = from; level <= to; level += step) {
        size_t n1, n3;
        init_table(&kernels, level);
        one.kernels = three.kernels = &kernels;
        spoil_scratch(&one);
        spoil_scratch(&three);
        float *a = fn(&one, ctx, &n1), *b = fn(&three, ctx, &n3);
        assert_int_equal(n1, n3);
        assert_memory_equal(a, b, n1 * sizeof *a);
        free(a);
        free(b);
    }
    g4_exec_close(&one);
    g4_exec_close(&three);
}

static inline void on_every_level(fixture_fn *fn, const void *ctx)
{
    on_levels(fn, ctx, WITH_PANELS, (int)g4_cpu_detect(), 1);
}

/* The lowest level with instructions of its own, and the best: for what takes long. */
static inline void on_two_levels(fixture_fn *fn, const void *ctx)
{
    const int best = (int)g4_cpu_detect(), low = best > 0 ? 1 : 0;
    on_levels(fn, ctx, low, best, best > low ? best - low : 1);
}

#endif

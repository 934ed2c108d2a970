/*
 * test_linear.c - g4_linear against a sum in float64: shapes around every block border, every type
 * of weights, scales, limits, bias, row views; the same bytes for any number of threads; a row's
 * bits in batches of 1..16, and of quantised weights in larger ones.
 */
#include "lib/nn/linear.h"
#include "lib/tensor/quant.h"
#include "tests/unit/block_fixture.h"
#include "tests/unit/nn_fixture.h"

struct shape {
    size_t n, rows, cols, pad; /* pad: floats between rows of x and y */
    bool bf16, limits, bias, exact;
};

static float clamped(float x, float lo, float hi)
{
    return fminf(fmaxf(x, lo), hi);
}

/* Many rows of a layer that need not be exact are multiplied as factors of the level. */
static void expected(float *y, const struct shape *s, const struct g4_linear *l, const float *w,
                     const float *x, const struct g4_kernels *kernels)
{
    struct g4_kernels precise = *kernels;
    if (s->n <= G4_GEMV_ROWS || s->exact)
        precise.float_products = true;
    for (size_t i = 0; i < s->n; i++) {
        for (size_t r = 0; r < s->rows; r++) {
            double sum = 0;
            for (size_t k = 0; k < s->cols; k++)
                sum += (double)as_factor(&precise, w[r * s->cols + k]) *
                       as_factor(&precise,
                                 clamped(x[i * (s->cols + s->pad) + k], l->in_min, l->in_max));
            y[i * (s->rows + s->pad) + r] =
                clamped((float)sum, l->out_min, l->out_max) + (l->bias ? l->bias[r] : 0.0f);
        }
    }
}

/* Of a sum of k products of numbers up to 1, most of it the rounding of partial sums that grow like
 * sqrt(k). */
static double tolerance(size_t k)
{
    return 1e-6 + 3e-7 * (double)(k < 2000 ? k : 2000);
}

static float *run_shape(const struct g4_exec *exec, const void *ctx, size_t *n)
{
    const struct shape *s = ctx;
    const size_t ldx = s->cols + s->pad, ldy = s->rows + s->pad;
    float *w = filled(s->rows * s->cols, 1), *x = filled(s->n * ldx, 2), *bias = filled(s->rows, 3);
    float *y = floats(s->n * ldy), *want = floats(s->n * ldy), *tmp = floats(s->n * s->cols);
    uint16_t *half = s->bf16 ? as_bf16(w, s->rows * s->cols) : NULL;
    const struct g4_linear layer = {
        .w = {.data = half ? (const void *)half : w,
              .dtype = half ? G4_DTYPE_BF16 : G4_DTYPE_F32,
              .rows = s->rows,
              .cols = s->cols,
              .stride = s->cols * (half ? 2 : 4)},
        .in_min = s->limits ? -0.5f : -INFINITY,
        .in_max = s->limits ? 0.75f : INFINITY,
        .out_min = s->limits ? -1.0f : -INFINITY,
        .out_max = s->limits ? 1.5f : INFINITY,
        .bias = s->bias ? bias : NULL,
        .exact = s->exact,
    };
    expected(want, s, &layer, w, x, exec->kernels);
    g4_linear(exec, &layer, y, ldy, x, ldx, s->n, s->limits ? tmp : NULL);
    assert_close(y, want, s->n * ldy, tolerance(s->cols), "y");
    free(w);
    free(x);
    free(bias);
    free(want);
    free(tmp);
    free(half);
    *n = s->n * ldy;
    return y;
}

static void test_shapes(void **state)
{
    static const struct shape shapes[] = {
        {0, 5, 7, 0, false, false, false, false},      {1, 1, 1, 0, true, false, false, false},
        {1, 333, 70, 3, true, true, false, false},     {3, 65, 257, 0, false, false, true, false},
        {16, 130, 513, 1, true, true, false, false},   {17, 33, 65, 0, true, false, false, false},
        {100, 129, 300, 5, false, true, false, false}, {97, 128, 1000, 0, true, false, true, false},
        {300, 40, 31, 0, true, true, false, false},    {531, 257, 97, 0, false, false, true, false},
        {40, 1, 600, 2, true, false, false, false},    {193, 1030, 40, 0, true, true, false, false},
        {60, 90, 777, 1, false, true, true, true},     {33, 40, 1601, 0, true, false, false, true},
        {17, 3, 40000, 0, true, true, false, false},   /* columns in several passes */
        {1300, 3, 9001, 2, false, false, true, false}, /* rows in several passes */
    };
    (void)state;
    for (size_t i = 0; i < sizeof shapes / sizeof *shapes; i++)
        on_every_level(run_shape, &shapes[i]);
}

/* ------------------------------------------------------------------------------ every type */

/* A matrix of random blocks; with groups > 0 scales beside it. */
struct stored {
    enum g4_dtype dtype;
    size_t rows, cols;
    size_t groups; /* scales in a row */
    bool shared;   /* one row of scales for all */
    enum g4_dtype scale_dtype;
};

struct stored_matrix {
    struct g4_matrix w;
    unsigned char *data, *scales;
    float *values; /* [rows, cols] */
};

static float scale_value(size_t i)
{
    return (i % 3 == 1 ? -1.0f : 1.0f) * (0.5f + (float)(i % 7) / 8.0f); /* exact in bf16 */
}

static struct stored_matrix stored_open(const struct stored *s)
{
    struct stored_matrix m = {{.dtype = s->dtype, .rows = s->rows, .cols = s->cols}, 0, 0, 0};
    assert_true(g4_dtype_row_bytes(s->dtype, s->cols, &m.w.stride));
    m.w.stride += 3; /* rows need not touch, nor be aligned */
    m.data = malloc(s->rows * m.w.stride);
    m.values = floats(s->rows * s->cols);
    assert_non_null(m.data);
    m.w.data = m.data;
    for (size_t r = 0; r < s->rows; r++) {
        fill_blocks(s->dtype, m.data + r * m.w.stride, s->cols, (uint32_t)r + 11);
        g4_dequantise(s->dtype, m.values + r * s->cols, m.data + r * m.w.stride, s->cols);
    }
    if (s->groups == 0)
        return m;
    const size_t bytes = g4_dtype_info(s->scale_dtype)->bytes, rows = s->shared ? 1 : s->rows;
    m.scales = malloc(rows * s->groups * bytes + 1);
    assert_non_null(m.scales);
    m.w.scales = (struct g4_scales){m.scales + 1, s->scale_dtype, s->cols / s->groups,
                                    s->shared ? 0 : s->groups * bytes};
    for (size_t i = 0; i < rows * s->groups; i++) {
        const float scale = scale_value(i);
        const uint16_t half = g4_f32_to_bf16(scale);
        memcpy(m.scales + 1 + i * bytes, bytes == 4 ? (const void *)&scale : &half, bytes);
    }
    for (size_t r = 0; r < s->rows; r++)
        for (size_t k = 0; k < s->cols; k++)
            m.values[r * s->cols + k] *=
                scale_value((s->shared ? 0 : r * s->groups) + k / m.w.scales.group);
    return m;
}

static void stored_close(struct stored_matrix *m)
{
    free(m->data);
    free(m->scales);
    free(m->values);
}

/* Rows of x that eight bits hold exactly: what is left is the rounding of sums. */
static float *whole_numbers(size_t n, size_t k)
{
    float *x = filled(n * k, 6);
    for (size_t i = 0; i < n * k; i++)
        x[i] = i % k % 32 == 0 ? 127.0f : floorf(x[i] * 127.0f);
    return x;
}

/* Whether so many rows are multiplied in eight bits: then their bits do not depend on how many. */
static bool in_eight_bits(const struct g4_exec *exec, const struct g4_matrix *w, size_t n)
{
    const struct g4_gemm_q8 *gemm = &exec->kernels->gemm_q8;
    return exec->kernels->dtype[w->dtype].gemv_q8 &&
           !(w->scales.data && w->scales.group < w->cols) &&
           (n <= G4_GEMV_ROWS || (gemm->pack[w->dtype] && n <= gemm->rows_at_most));
}

/* y against values in float64. Factors of bf16 lose up to 2^-9 of each. */
static void assert_products(const struct g4_exec *exec, const struct stored_matrix *m,
                            const float *y, const float *x, size_t n)
{
    const size_t rows = m->w.rows, cols = m->w.cols;
    const bool few = n <= G4_GEMV_ROWS || in_eight_bits(exec, &m->w, n);
    const double limit = few || exec->kernels->float_products ? 2e-6 : 0x1p-9;
    for (size_t i = 0; i < n * rows; i++) {
        double want = 0, size = 1e-30;
        for (size_t k = 0; k < cols; k++) {
            const double term =
                (double)m->values[i % rows * cols + k] * (double)x[i / rows * cols + k];
            want += term;
            size += fabs(term);
        }
        if (!(fabs(y[i] - want) <= limit * size))
            fail_msg("%s [%zu, %zu], n %zu: y[%zu] is %g, expected %g, error %g > %g",
                     g4_dtype_info(m->w.dtype)->name, rows, cols, n, i, (double)y[i], want,
                     fabs(y[i] - want) / size, limit);
    }
}

static float *run_stored(const struct g4_exec *exec, const void *ctx, size_t *n)
{
    static const size_t counts[] = {1, 3, 16, 17, 40};
    const struct stored *s = ctx;
    struct stored_matrix m = stored_open(s);
    float *x = whole_numbers(40, s->cols), *y = NULL;
    for (size_t c = 0; c < sizeof counts / sizeof *counts; c++) {
        *n = counts[c] * s->rows;
        free(y);
        y = floats(*n);
        g4_matmul(exec, &m.w, y, s->rows, x, s->cols, counts[c]);
        assert_products(exec, &m, y, x, counts[c]);
    }
    free(x);
    stored_close(&m);
    return y;
}

static size_t columns(enum g4_dtype dtype, size_t about)
{
    const size_t block = g4_dtype_info(dtype)->block;
    return (about + block - 1) / block * block;
}

static void test_every_type(void **state)
{
    (void)state;
    for (int dtype = 0; dtype < G4_DTYPE_WEIGHTS; dtype++) {
        const struct stored one = {dtype, 1, columns(dtype, 1), 0, false, 0};
        const struct stored some = {dtype, 19, columns(dtype, 420), 0, false, 0};
        on_every_level(run_stored, &one);
        on_every_level(run_stored, &some);
    }
}

/* One row's product, alone and in every batch of up to 16: the same bits. */
static float *run_batches(const struct g4_exec *exec, const void *ctx, size_t *n)
{
    const struct stored *s = ctx;
    struct stored_matrix m = stored_open(s);
    float *x = filled(G4_GEMV_ROWS * s->cols, 5);
    float *alone = floats(G4_GEMV_ROWS * s->rows), *y = floats(G4_GEMV_ROWS * s->rows);
    for (size_t i = 0; i < G4_GEMV_ROWS; i++)
        g4_matmul(exec, &m.w, alone + i * s->rows, s->rows, x + i * s->cols, s->cols, 1);
    for (size_t count = 1; count <= G4_GEMV_ROWS; count++) {
        g4_matmul(exec, &m.w, y, s->rows, x, s->cols, count);
        assert_memory_equal(y, alone, count * s->rows * sizeof *y);
    }
    free(x);
    free(alone);
    stored_close(&m);
    *n = G4_GEMV_ROWS * s->rows;
    return y;
}

/* The same of many rows where products are in eight bits: panels of every fill, several groups of
 * them, parts of the rows. */
static float *run_many(const struct g4_exec *exec, const void *ctx, size_t *n)
{
    enum { MOST = 260, SHOWN = 20 };
    static const size_t counts[] = {17, 31, 48, 65, MOST};
    const struct stored *s = ctx;
    struct stored_matrix m = stored_open(s);
    float *x = filled(MOST * s->cols, 5), *alone = floats(MOST * s->rows);
    float *y = floats(MOST * s->rows), *shown = floats(SHOWN * s->rows);
    for (size_t i = 0; i < MOST; i++)
        g4_matmul(exec, &m.w, alone + i * s->rows, s->rows, x + i * s->cols, s->cols, 1);
    for (size_t i = 0; i < sizeof counts / sizeof *counts; i++) {
        if (!in_eight_bits(exec, &m.w, counts[i]))
            continue;
        memset(y, 0xff, MOST * s->rows * sizeof *y);
        g4_matmul(exec, &m.w, y, s->rows, x, s->cols, counts[i]);
        assert_memory_equal(y, alone, counts[i] * s->rows * sizeof *y);
    }
    memcpy(shown, y, SHOWN * s->rows * sizeof *y);
    free(x);
    free(y);
    free(alone);
    stored_close(&m);
    *n = in_eight_bits(exec, &m.w, SHOWN) ? SHOWN * s->rows : 0;
    return shown;
}

static void test_many(void **state)
{
    (void)state;
    for (int dtype = G4_DTYPE_FLOATS; dtype < G4_DTYPE_CODES; dtype++) {
        const struct stored s = {
            dtype, dtype == G4_DTYPE_Q4_0 ? 391 : 37, columns(dtype, 290), 0, false, 0};
        /* one of each layout of panels at every level; the kernel check has all of them */
        const bool layout = dtype == G4_DTYPE_Q4_0 || dtype == G4_DTYPE_Q8_0 ||
                            dtype == G4_DTYPE_Q4_K || dtype == G4_DTYPE_Q6_K;
        (layout ? on_every_level : on_two_levels)(run_many, &s);
    }
}

/* Limits of a layer of blocks: what clamping by hand gives. */
static float *run_limits(const struct g4_exec *exec, const void *ctx, size_t *n)
{
    const struct stored *s = ctx;
    static const size_t counts[] = {1, 9, 33};
    struct stored_matrix m = stored_open(s);
    struct g4_linear layer = {m.w, -0.25f, 0.5f, -0.125f, 0.125f, filled(s->rows, 3), false};
    float *x = filled(33 * s->cols, 5), *clamped = floats(33 * s->cols),
          *tmp = floats(33 * s->cols);
    float *y = floats(33 * s->rows), *want = floats(33 * s->rows);
    for (size_t i = 0; i < 33 * s->cols; i++)
        clamped[i] = fminf(fmaxf(x[i], layer.in_min), layer.in_max);
    for (size_t i = 0; i < 3; i++) {
        g4_matmul(exec, &m.w, want, s->rows, clamped, s->cols, counts[i]);
        g4_linear(exec, &layer, y, s->rows, x, s->cols, counts[i], tmp);
        for (size_t j = 0; j < counts[i] * s->rows; j++) {
            want[j] = fminf(fmaxf(want[j], -0.125f), 0.125f) + layer.bias[j % s->rows];
            assert_true(y[j] == want[j]);
        }
    }
    free((void *)(uintptr_t)layer.bias);
    free(x);
    free(clamped);
    free(tmp);
    free(want);
    stored_close(&m);
    *n = 33 * s->rows;
    return y;
}

static void test_limits(void **state)
{
    static const struct stored matrices[] = {
        {G4_DTYPE_Q4_0, 45, 16384 + 32 * 7, 0, false, 0}, /* rows of x are rounded in pieces */
        {G4_DTYPE_Q6_K, 33, 512, 0, false, 0},
    };
    (void)state;
    on_every_level(run_limits, &matrices[0]);
    on_every_level(run_limits, &matrices[1]);
}

static void test_batches(void **state)
{
    (void)state;
    for (int dtype = 0; dtype < G4_DTYPE_WEIGHTS; dtype++) {
        const struct stored s = {dtype, 37, columns(dtype, 333), 0, false, 0};
        on_every_level(run_batches, &s);
    }
}

static void test_scales(void **state)
{
    static const struct stored matrices[] = {
        {G4_DTYPE_I4, 19, 352, 1, false, G4_DTYPE_F32},  /* per row */
        {G4_DTYPE_I8, 300, 77, 1, false, G4_DTYPE_BF16}, /* across groups of columns of y */
        {G4_DTYPE_I2, 19, 60, 5, false, G4_DTYPE_F32},
        {G4_DTYPE_I4, 19, 416, 13, false, G4_DTYPE_BF16}, /* 32 columns each */
        {G4_DTYPE_I4, 7, 42, 14, false, G4_DTYPE_BF16},   /* groups of 3 cut bytes */
        {G4_DTYPE_SFP8, 19, 333, 1, true, G4_DTYPE_F32},  /* per tensor */
        {G4_DTYPE_I8, 19, 96, 3, true, G4_DTYPE_F32},
        {G4_DTYPE_Q4_0, 19, 96, 1, false, G4_DTYPE_F32}, /* blocks with one more scale */
        {G4_DTYPE_Q8_0, 19, 96, 3, false, G4_DTYPE_F32},
        {G4_DTYPE_BF16, 19, 96, 2, false, G4_DTYPE_F32},
    };
    (void)state;
    for (size_t i = 0; i < sizeof matrices / sizeof *matrices; i++)
        on_every_level(run_stored, &matrices[i]);
}

/* Rows so long that widened ones are cut, and that eight-bit ones come in batches, of so many rows
 * that there are panels, and so long that no panel fits. */
static void test_long_rows(void **state)
{
    static const struct stored matrices[] = {
        {G4_DTYPE_Q2_K, 3, 3 * 65536 + 256, 0, false, 0},
        {G4_DTYPE_I4, 2, 65536 + 6, 1, false, G4_DTYPE_F32},
        {G4_DTYPE_Q4_0, 2, 600000 / 32 * 32, 0, false, 0},
        {G4_DTYPE_Q4_0, 2, 2000000 / 32 * 32, 0, false, 0},
        {G4_DTYPE_Q8_0, 7, 40000 / 32 * 32, 0, false, 0},
    };
    (void)state;
    for (size_t i = 0; i < sizeof matrices / sizeof *matrices; i++) {
        struct stored_matrix m = stored_open(&matrices[i]);
        struct g4_exec exec;
        struct g4_err err;
        assert_int_equal(g4_exec_open(&exec, 2, &err), 0);
        const size_t rows = m.w.rows, n = in_eight_bits(&exec, &m.w, 20) ? 20 : G4_GEMV_ROWS;
        float *x = whole_numbers(n, m.w.cols), *y = floats(n * rows), *alone = floats(rows);
        g4_matmul(&exec, &m.w, y, rows, x, m.w.cols, n);
        assert_products(&exec, &m, y, x, n);
        for (size_t r = 0; r < n; r++) {
            g4_matmul(&exec, &m.w, alone, rows, x + r * m.w.cols, m.w.cols, 1);
            assert_memory_equal(alone, y + r * rows, rows * sizeof *y);
        }
        g4_exec_close(&exec);
        free(x);
        free(y);
        free(alone);
        stored_close(&m);
    }
}

/* Numbers that eight bits do not hold: each of x is off by at most half a step of its group. An
 * exact layer keeps them. */
static float *run_rounded(const struct g4_exec *exec, const void *ctx, size_t *n)
{
    const struct stored *s = ctx;
    struct stored_matrix m = stored_open(s);
    float *x = filled(s->cols, 8), *y = floats(s->rows), *exact = floats(s->rows);
    g4_matmul(exec, &m.w, y, s->rows, x, s->cols, 1);
    g4_matmul_exact(exec, &m.w, exact, s->rows, x, s->cols, 1);
    assert_products(exec, &m, exact, x, 1);
    for (size_t r = 0; r < s->rows; r++) {
        double want = 0, limit = 0;
        for (size_t k = 0; k < s->cols; k++) {
            const double w = m.values[r * s->cols + k];
            want += w * (double)x[k];
            limit += fabs(w) * 0.505 / 127; /* |x| < 1 */
        }
        if (!(fabs(y[r] - want) <= limit))
            fail_msg("%s: y[%zu] is %g, expected %g, error above %g", g4_dtype_info(s->dtype)->name,
                     r, (double)y[r], want, limit);
    }
    *n = s->rows;
    free(x);
    free(exact);
    stored_close(&m);
    return y;
}

static void test_rounded(void **state)
{
    (void)state;
    for (int dtype = G4_DTYPE_FLOATS; dtype < G4_DTYPE_CODES; dtype++) {
        const struct stored s = {dtype, 33, 512, 0, false, 0};
        on_every_level(run_rounded, &s);
    }
}

/* Columns of a row from anywhere to anywhere, with their scales. */
static float *run_parts(const struct g4_exec *exec, const void *ctx, size_t *n)
{
    const struct stored *s = ctx;
    struct stored_matrix m = stored_open(s);
    float *y = floats(s->cols + 1);
    for (size_t from = 0; from <= s->cols; from += from < 40 ? 1 : 37) {
        for (size_t count = 0; count <= s->cols - from; count += count < 8 ? 1 : 61) {
            const float *want = m.values + (s->rows - 1) * s->cols + from;
            y[count] = 123;
            g4_matrix_part(exec, &m.w, s->rows - 1, from, count, 0.5f, y);
            assert_true(y[count] == 123);
            for (size_t i = 0; i < count; i++)
                assert_true(y[i] == want[i] * 0.5f);
        }
    }
    g4_matrix_row(exec, &m.w, 0, 1.0f, y);
    assert_memory_equal(y, m.values, s->cols * sizeof *y);
    stored_close(&m);
    *n = s->cols;
    return y;
}

static void test_parts(void **state)
{
    (void)state;
    for (int dtype = 0; dtype < G4_DTYPE_WEIGHTS; dtype++) {
        const size_t cols = columns(dtype, 500);
        const struct stored plain = {dtype, 2, cols, 0, false, 0};
        const struct stored scaled = {dtype, 3, cols, cols % 8 ? 2 : 8, false, G4_DTYPE_BF16};
        on_every_level(run_parts, &plain);
        on_every_level(run_parts, &scaled);
    }
}

/* Many products at once, of every way, some with the same rows of x: the bits of each alone. */
static float *run_together(const struct g4_exec *exec, const void *ctx, size_t *n)
{
    enum { PRODUCTS = 75, ROWS = 70, COLS = 256, MOST = 20 };
    static const enum g4_dtype dtypes[] = {G4_DTYPE_Q4_0, G4_DTYPE_Q6_K, G4_DTYPE_BF16,
                                           G4_DTYPE_Q2_K, G4_DTYPE_Q8_0};
    static const size_t counts[] = {1, 1, 2, 0, 16, 16, 17, 3, MOST, 1, 5};
    struct stored_matrix m[5];
    struct g4_matmul products[PRODUCTS];
    float *x = filled(2 * MOST * COLS, 9), *y = floats(PRODUCTS * MOST * ROWS);
    float *alone = floats(PRODUCTS * MOST * ROWS);
    (void)ctx;
    for (size_t i = 0; i < 5; i++) {
        const struct stored s = {dtypes[i], ROWS, COLS, 0, false, 0};
        m[i] = stored_open(&s);
    }
    for (size_t i = 0; i < PRODUCTS; i++) {
        struct g4_matmul *p = &products[i];
        *p = (struct g4_matmul){.w = &m[i / 2 % 5].w,
                                .y = y + i * MOST * ROWS,
                                .ldy = ROWS,
                                .x = x + i / 3 % 2 * MOST * COLS,
                                .ldx = COLS,
                                .n = counts[i / 2 % 11]};
        g4_matmul(exec, p->w, alone + i * MOST * ROWS, ROWS, p->x, COLS, p->n);
    }
    g4_matmul_all(exec, products, PRODUCTS);
    *n = PRODUCTS * MOST * ROWS;
    assert_memory_equal(y, alone, *n * sizeof *y);
    for (size_t i = 0; i < 5; i++)
        stored_close(&m[i]);
    free(x);
    free(alone);
    return y;
}

static void test_together(void **state)
{
    (void)state;
    on_every_level(run_together, NULL);
}

static void test_row_views(void **state)
{
    struct g4_exec exec;
    struct g4_err err;
    float w[6] = {1, 2, 3, 4, 5, 6}, y[2];
    const struct g4_matrix matrix = {
        .data = w, .dtype = G4_DTYPE_F32, .rows = 3, .cols = 2, .stride = 8};
    const struct g4_matrix part = g4_matrix_rows(&matrix, 1, 2);
    (void)state;
    assert_int_equal(part.rows, 2);
    assert_ptr_equal(part.data, w + 2);
    assert_int_equal(g4_exec_open(&exec, 1, &err), 0);
    g4_matrix_row(&exec, &part, 1, 0.5f, y);
    assert_true(y[0] == 2.5f && y[1] == 3.0f);
    g4_exec_close(&exec);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_shapes),     cmocka_unit_test(test_batches),
        cmocka_unit_test(test_every_type), cmocka_unit_test(test_scales),
        cmocka_unit_test(test_long_rows),  cmocka_unit_test(test_rounded),
        cmocka_unit_test(test_parts),      cmocka_unit_test(test_together),
        cmocka_unit_test(test_row_views),  cmocka_unit_test(test_many),
        cmocka_unit_test(test_limits),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

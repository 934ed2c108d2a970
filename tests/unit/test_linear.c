/*
 * test_linear.c - g4_linear against a sum in float64: shapes around every block border, types,
 * limits, bias, row views; the same bytes for any number of threads; a row's bits in batches
 * of 1..16.
 */
#include "lib/nn/linear.h"
#include "tests/unit/nn_fixture.h"

struct shape {
    size_t n, rows, cols, pad; /* pad: floats between rows of x and y */
    bool bf16, limits, bias;
};

static float clamped(float x, float lo, float hi)
{
    return fminf(fmaxf(x, lo), hi);
}

static void expected(float *y, const struct shape *s, const struct g4_linear *l, const float *w,
                     const float *x)
{
    for (size_t i = 0; i < s->n; i++) {
        for (size_t r = 0; r < s->rows; r++) {
            double sum = 0;
            for (size_t k = 0; k < s->cols; k++)
                sum += (double)w[r * s->cols + k] *
                       clamped(x[i * (s->cols + s->pad) + k], l->in_min, l->in_max);
            y[i * (s->rows + s->pad) + r] =
                clamped((float)sum, l->out_min, l->out_max) + (l->bias ? l->bias[r] : 0.0f);
        }
    }
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
    };
    expected(want, s, &layer, w, x);
    g4_linear(exec, &layer, y, ldy, x, ldx, s->n, s->limits ? tmp : NULL);
    assert_close(y, want, s->n * ldy, 3e-7 * (double)s->cols + 1e-6, "y");
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
        {0, 5, 7, 0, false, false, false},      {1, 1, 1, 0, true, false, false},
        {1, 333, 70, 3, true, true, false},     {3, 65, 257, 0, false, false, true},
        {16, 130, 513, 1, true, true, false},   {17, 33, 65, 0, true, false, false},
        {100, 129, 300, 5, false, true, false}, {97, 128, 1000, 0, true, false, true},
        {300, 40, 31, 0, true, true, false},    {531, 257, 97, 0, false, false, true},
        {40, 1, 600, 2, true, false, false},    {193, 1030, 40, 0, true, true, false},
    };
    (void)state;
    for (size_t i = 0; i < sizeof shapes / sizeof *shapes; i++)
        on_every_level(run_shape, &shapes[i]);
}

/* One row's product, alone and in every batch of up to 16: the same bits. */
static float *run_batches(const struct g4_exec *exec, const void *ctx, size_t *n)
{
    enum { ROWS = 150, COLS = 333 };
    float *w = filled(ROWS * COLS, 4), *x = filled(G4_GEMV_ROWS * COLS, 5);
    float *alone = floats(G4_GEMV_ROWS * ROWS), *y = floats(G4_GEMV_ROWS * ROWS);
    uint16_t *half = as_bf16(w, ROWS * COLS);
    const struct g4_matrix matrix = {
        .data = half, .dtype = G4_DTYPE_BF16, .rows = ROWS, .cols = COLS, .stride = COLS * 2};
    (void)ctx;
    for (size_t i = 0; i < G4_GEMV_ROWS; i++)
        g4_matmul(exec, &matrix, alone + i * ROWS, ROWS, x + i * COLS, COLS, 1);
    for (size_t count = 1; count <= G4_GEMV_ROWS; count++) {
        g4_matmul(exec, &matrix, y, ROWS, x, COLS, count);
        assert_memory_equal(y, alone, count * ROWS * sizeof *y);
    }
    free(w);
    free(x);
    free(half);
    free(alone);
    *n = G4_GEMV_ROWS * ROWS;
    return y;
}

static void test_batches(void **state)
{
    (void)state;
    on_every_level(run_batches, NULL);
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
        cmocka_unit_test(test_shapes),
        cmocka_unit_test(test_batches),
        cmocka_unit_test(test_row_views),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

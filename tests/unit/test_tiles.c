/*
 * test_tiles.c - the product by tile registers with the registers modelled in C, against the
 * generic product: every number of rows and columns, steps along k with their zeros, sums added to
 * y, nothing written beside it. The model refuses what the processor would.
 */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "lib/kernel/kernel.h"
#include "lib/tensor/half.h"

struct tile_shapes;

/* The eight registers, and whether they have shapes. */
static struct {
    bool shaped;
    size_t rows[8], row_bytes[8];
    unsigned char data[8][16][64];
} tiles;

static void model_begin(const struct tile_shapes *shapes);

static void model_end(void)
{
    tiles.shaped = false;
}

static void model_zero(int t)
{
    assert_true(tiles.shaped && tiles.rows[t] > 0);
    memset(tiles.data[t], 0, sizeof tiles.data[t]);
}

static void model_load(int t, const void *p, size_t stride)
{
    assert_true(tiles.shaped && tiles.rows[t] > 0);
    memset(tiles.data[t], 0, sizeof tiles.data[t]);
    for (size_t i = 0; i < tiles.rows[t]; i++)
        memcpy(tiles.data[t][i], (const unsigned char *)p + i * stride, tiles.row_bytes[t]);
}

static void model_store(int t, void *p, size_t stride)
{
    assert_true(tiles.shaped && tiles.rows[t] > 0);
    for (size_t i = 0; i < tiles.rows[t]; i++)
        memcpy((unsigned char *)p + i * stride, tiles.data[t][i], tiles.row_bytes[t]);
}

static float bf16_at(int t, size_t row, size_t i)
{
    uint16_t h;
    memcpy(&h, tiles.data[t][row] + i * sizeof h, sizeof h);
    return g4_bf16_to_f32(h);
}

static void model_dot(int c, int a, int b)
{
    /* else the instruction is undefined */
    assert_true(tiles.shaped && c != a && c != b && a != b);
    assert_true(tiles.rows[c] > 0 && tiles.rows[c] == tiles.rows[a]);
    assert_true(tiles.row_bytes[c] == tiles.row_bytes[b] && tiles.row_bytes[c] % 4 == 0);
    assert_true(tiles.row_bytes[a] == 4 * tiles.rows[b]);
    for (size_t i = 0; i < tiles.rows[c]; i++) {
        for (size_t j = 0; j < tiles.row_bytes[c] / 4; j++) {
            float sum;
            memcpy(&sum, tiles.data[c][i] + 4 * j, sizeof sum);
            for (size_t l = 0; l < tiles.rows[b]; l++) {
                sum = fmaf(bf16_at(a, i, 2 * l), bf16_at(b, l, 2 * j), sum);
                sum = fmaf(bf16_at(a, i, 2 * l + 1), bf16_at(b, l, 2 * j + 1), sum);
            }
            memcpy(tiles.data[c][i] + 4 * j, &sum, sizeof sum);
        }
    }
}

#define TILES_BEGIN(shapes)      model_begin(shapes)
#define TILES_END()              model_end()
#define TILE_ZERO(t)             model_zero(t)
#define TILE_LOAD(t, p, stride)  model_load(t, p, stride)
#define TILE_STORE(t, p, stride) model_store(t, p, stride)
#define TILE_DOT(c, a, b)        model_dot(c, a, b)

#include "lib/kernel/tiles_amx.h"

static void model_begin(const struct tile_shapes *shapes)
{
    assert_true(shapes->palette == 1 && shapes->start_row == 0);
    for (size_t i = 0; i < sizeof shapes->reserved; i++)
        assert_int_equal(shapes->reserved[i], 0);
    for (size_t t = 0; t < 16; t++) {
        const size_t rows = shapes->rows[t], bytes = shapes->row_bytes[t];
        assert_true(rows <= 16 && bytes <= 64 && bytes % 4 == 0 && (rows == 0) == (bytes == 0));
        assert_true(t < 8 || rows == 0);
        if (t < 8) {
            tiles.rows[t] = rows;
            tiles.row_bytes[t] = bytes;
        }
    }
    memset(tiles.data, 0, sizeof tiles.data);
    tiles.shaped = true;
}

static float number(uint32_t *state)
{
    *state = *state * 1664525u + 1013904223u;
    return (float)(int32_t)(*state >> 8 & 0xffff) / 32768.0f - 1.0f;
}

static void *room(size_t bytes)
{
    void *p = malloc(bytes ? bytes : 1); /* exact: the sanitisers see one byte too many */
    assert_non_null(p);
    return p;
}

/* As the record of this product, with generic's functions. */
static struct g4_gemm record(void)
{
    struct g4_kernels kernels;
    g4_kernels_init(&kernels, G4_CPU_GENERIC, false);
    struct g4_gemm gemm = kernels.gemm_bf16;
    assert_int_equal(gemm.nr, TILES_NR);
    gemm.step = TILE_STEP;
    return gemm;
}

static void check_product(const struct g4_gemm *gemm, size_t m, size_t cols, size_t k, bool add)
{
    const size_t padded = (k + gemm->step - 1) / gemm->step * gemm->step;
    const size_t pad = m % 3, ldx = padded + pad, ldy = cols + pad;
    const size_t x_count = m ? (m - 1) * ldx + padded : 0, y_count = m ? (m - 1) * ldy + cols : 0;
    uint16_t *x = room(x_count * sizeof *x), *panel = room(padded * gemm->nr * sizeof *panel);
    float *row = room(k * sizeof *row), *w = room(cols * k * sizeof *w);
    float *y = room(y_count * sizeof *y), *want = room(y_count * sizeof *want);
    uint32_t seed = (uint32_t)(m * 1000 + cols * 10 + k);
    memset(x, 0x11, x_count * sizeof *x);
    for (size_t r = 0; r < m; r++) {
        for (size_t i = 0; i < k; i++)
            row[i] = number(&seed);
        gemm->convert(gemm, x + r * ldx, row, k);
    }
    for (size_t i = 0; i < cols * k; i++)
        w[i] = number(&seed);
    for (size_t i = 0; i < y_count; i++)
        y[i] = want[i] = number(&seed);
    gemm->pack_rows[G4_DTYPE_F32](gemm, panel, w, k * sizeof *w, cols, k);

    gemm->multiply(want, ldy, x, ldx, m, panel, cols, k, add);
    tiles_multiply(y, ldy, x, ldx, m, panel, cols, k, add);
    assert_false(tiles.shaped);
    for (size_t i = 0; i < y_count; i++) {
        const double limit = i % ldy < cols ? 2e-6 * (1 + (double)k / 8) : 0;
        if (!(fabs((double)y[i] - (double)want[i]) <= limit))
            fail_msg("m %zu, cols %zu, k %zu, add %d: y[%zu] is %g, expected %g", m, cols, k, add,
                     i, (double)y[i], (double)want[i]);
    }
    free(x);
    free(panel);
    free(row);
    free(w);
    free(y);
    free(want);
}

static void test_rows_and_columns(void **state)
{
    const struct g4_gemm gemm = record();
    (void)state;
    for (size_t m = 0; m <= 67; m++)
        for (size_t cols = 1; cols <= TILES_NR; cols += cols < 4 || cols > 28 ? 1 : 6)
            check_product(&gemm, m, cols, 40, m % 2 == 1);
}

static void test_depths(void **state)
{
    static const size_t depths[] = {0, 1, 2, 31, 32, 33, 63, 64, 65, 100, 256};
    const struct g4_gemm gemm = record();
    (void)state;
    for (size_t i = 0; i < sizeof depths / sizeof *depths; i++)
        for (size_t m = 15; m <= 49; m += 17)
            for (int add = 0; add < 2; add++) {
                check_product(&gemm, m, TILES_NR, depths[i], add);
                check_product(&gemm, m, 17, depths[i], add);
            }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_rows_and_columns),
        cmocka_unit_test(test_depths),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

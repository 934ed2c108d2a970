/*
 * gemv.c - a matrix times a few rows of floats: an item is a block of rows of W, which it streams
 * once. Stored floats are multiplied where they lie; of other types an item widens its rows of W, a
 * tile at a time, and goes on as with floats. The order of a sum depends on the type and the shape
 * of W alone: not on n, nor on the tile.
 */
#include <assert.h>

#include "lib/nn/product.h"
#include "lib/nn/scratch.h"
#include "lib/nn/widen.h"

enum {
    ITEM_LEAST = 64 * 1024,  /* elements of W in an item: fewer cost more than they do */
    ITEM_MOST = 512 * 1024,  /* more would leave threads idle at the end */
    ITEMS = 16,              /* of a matrix between these */
    ITEM_ROWS = 8,           /* kernels take rows of W by fours and eights */
    TILE_FLOATS = 32 * 1024, /* of a widened tile: it stays in the second cache */
    TILE_COLS = 64 * 1024,   /* most columns of a tile: wider matrices take several */
};

/* ------------------------------------------------------------------------------ stored floats */

static void run_stored(const struct g4_product *p, size_t row, size_t rows)
{
    const struct g4_matrix *w = &p->layer->w;
    p->exec->kernels->dtype[w->dtype].gemv(p->y + row, p->ldy, p->x, p->ldx, p->n,
                                           g4_matrix_at(w, row, 0), w->stride, rows, w->cols);
}

/* ------------------------------------------------------------------------------ widened tiles */

/* y[n, rows] = or += x[n, cols] tile[rows, cols]^T. sums: n * rows floats, used to add. */
static void multiply_tile(const struct g4_product *p, float *y, const float *x, const float *tile,
                          size_t rows, size_t cols, bool add, float *sums)
{
    const struct g4_kernels *kernels = p->exec->kernels;
    const size_t stride = cols * sizeof *tile;
    if (!add) {
        kernels->dtype[G4_DTYPE_F32].gemv(y, p->ldy, x, p->ldx, p->n, tile, stride, rows, cols);
        return;
    }
    kernels->dtype[G4_DTYPE_F32].gemv(sums, rows, x, p->ldx, p->n, tile, stride, rows, cols);
    for (size_t r = 0; r < p->n; r++)
        kernels->axpy(y + r * p->ldy, sums + r * rows, 1.0f, rows);
}

static void run_widened(const struct g4_product *p, size_t row, size_t rows, int worker)
{
    const struct g4_matrix *w = &p->layer->w;
    const size_t most = g4_min_size(w->cols, TILE_COLS);
    const size_t tile_rows = g4_max_size(TILE_FLOATS / most, 1);
    float *tile = g4_scratch(p->exec, worker);
    float *sums = tile + TILE_COLS; /* used where a row has several tiles, so of one row each */
    for (size_t r = 0; r < rows; r += tile_rows) {
        const size_t count = g4_min_size(tile_rows, rows - r);
        for (size_t k = 0; k < w->cols; k += most) {
            const size_t cols = g4_min_size(most, w->cols - k);
            g4_widen_rows(p->exec, w, row + r, count, k, cols, tile);
            multiply_tile(p, p->y + row + r, p->x + k, tile, count, cols, k > 0, sums);
        }
    }
}

/* ------------------------------------------------------------------------------ items */

size_t g4_gemv_rows(const struct g4_matrix *w)
{
    const size_t share = w->rows / ITEMS * w->cols;
    const size_t elements = g4_min_size(g4_max_size(share, ITEM_LEAST), ITEM_MOST);
    return g4_round_up(g4_max_size(elements / w->cols, ITEM_ROWS), ITEM_ROWS);
}

void g4_gemv_item(const struct g4_product *p, size_t row, size_t rows, int worker)
{
    static_assert((int)TILE_FLOATS <= TILE_COLS && TILE_COLS + G4_GEMV_ROWS <= G4_SCRATCH_FLOATS,
                  "room for a tile and the sums of its row");
    const struct g4_matrix *w = &p->layer->w;
    if (p->exec->kernels->dtype[w->dtype].gemv && !g4_scales_within_rows(w))
        run_stored(p, row, rows);
    else
        run_widened(p, row, rows, worker);
    g4_product_finish(p, p->y + row, p->n, row, rows);
}

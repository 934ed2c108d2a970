/*
 * gemm.c - matrix times many rows.
 *
 * An item is a group of columns of y (rows of W) times a part of the rows of x. For every block of
 * k it packs its rows of W into panels once, then takes the rows of x by blocks small enough to
 * stay in the second cache while the panels pass over them:
 *
 *     for k0 by kc:  panels = pack(W[group, k0..])
 *         for r0 by X_ROWS:  xs = clamp(x[r0.., k0..])
 *             for each panel:  y[r0.., panel] (+)= xs panel
 */
#include <assert.h>
#include <string.h>

#include "lib/nn/product.h"
#include "lib/nn/scratch.h"

enum {
    GROUP_COLS = 256, /* columns of y in an item (at least one panel) */
    X_ROWS = 96,      /* rows of x copied at a time */
    X_PAD = 16,       /* floats between copied rows: rows a power of two apart share cache sets */
    PART_ROWS = 256,  /* fewest rows of x that pay for packing W again */
    ITEMS = 32,       /* split rows only while there are fewer items than this */
};

struct job {
    struct g4_product product;
    size_t block;            /* columns of y in a group */
    size_t parts, part_rows; /* of the rows of x */
};

/* xs[m, k] = clamp(x[r0.., k0..]) */
static void copy_rows(const struct g4_product *p, float *xs, size_t ldxs, size_t r0, size_t m,
                      size_t k0, size_t k)
{
    const struct g4_linear *layer = p->layer;
    const bool limits = g4_limits(layer->in_min, layer->in_max);
    for (size_t r = 0; r < m; r++) {
        const float *x = p->x + (r0 + r) * p->ldx + k0;
        if (limits)
            p->exec->kernels->clamp(xs + r * ldxs, x, layer->in_min, layer->in_max, k);
        else
            memcpy(xs + r * ldxs, x, k * sizeof *x);
    }
}

static void run_item(void *ctx, size_t item, int worker)
{
    const struct job *j = ctx;
    const struct g4_product *p = &j->product;
    const struct g4_kernels *kernels = p->exec->kernels;
    const struct g4_matrix *w = &p->layer->w;
    const size_t nr = kernels->gemm_nr, kc = kernels->gemm_kc, ldxs = kc + X_PAD;
    const size_t col = item / j->parts * j->block, cols = g4_min_size(j->block, w->rows - col);
    const size_t from = item % j->parts * j->part_rows, to = g4_min_size(p->n, from + j->part_rows);
    float *panels = g4_scratch(p->exec, worker);
    float *xs = panels + j->block * kc;

    for (size_t k0 = 0; k0 < w->cols; k0 += kc) {
        const size_t k = g4_min_size(kc, w->cols - k0);
        for (size_t c = 0; c < cols; c += nr)
            kernels->dtype[w->dtype].pack_rows(panels + c * k, nr, g4_matrix_at(w, col + c, k0),
                                               w->stride, g4_min_size(nr, cols - c), k);
        for (size_t r0 = from; r0 < to; r0 += X_ROWS) {
            const size_t m = g4_min_size(X_ROWS, to - r0);
            float *y = p->y + r0 * p->ldy + col;
            copy_rows(p, xs, ldxs, r0, m, k0, k);
            for (size_t c = 0; c < cols; c += nr)
                kernels->gemm(y + c, p->ldy, xs, ldxs, m, panels + c * k, g4_min_size(nr, cols - c),
                              k, k0 > 0);
            if (k0 + k == w->cols)
                g4_product_finish(p, y, m, col, cols);
        }
    }
}

void g4_product_gemm(const struct g4_product *product)
{
    const struct g4_kernels *kernels = product->exec->kernels;
    struct job j = {.product = *product};
    j.block = g4_round_up(GROUP_COLS, kernels->gemm_nr);
    assert(j.block * kernels->gemm_kc + X_ROWS * (kernels->gemm_kc + X_PAD) <= G4_SCRATCH_FLOATS);

    const size_t n = product->n, groups = g4_pieces(product->layer->w.rows, j.block);
    const size_t parts = g4_min_size(g4_pieces(ITEMS, groups), g4_pieces(n, PART_ROWS));
    j.part_rows = g4_round_up(g4_pieces(n, parts), X_ROWS);
    j.parts = g4_pieces(n, j.part_rows);
    g4_pool_run(product->exec->pool, run_item, &j, groups * j.parts);
}

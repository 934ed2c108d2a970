/*
 * gemm.c - matrix times many rows.
 *
 * A pass takes as many rows of x as fit into the shared scratch (of absurdly long ones, a part of
 * their columns), and has two jobs. The first makes factors of them, once:
 *
 *     xs = convert(clamp(x))
 *
 * In the second an item is a group of columns of y (rows of W) times a part of the rows. For every
 * block of k it packs its rows of W into panels, then takes the rows of xs by blocks small enough
 * to stay in the second cache while the panels pass over them:
 *
 *     for k0 by kc:  panels = pack(W[group, k0..])
 *         for r0 by X_ROWS:
 *             for each panel:  y[r0.., panel] (+)= xs[r0.., k0..] panel
 */
#include <assert.h>

#include "lib/nn/product.h"
#include "lib/nn/scratch.h"
#include "lib/nn/widen.h"

enum {
    GROUP_COLS = 256,  /* columns of y in an item (at least one panel) */
    X_ROWS = 96,       /* rows of xs at a time */
    CONVERT_ROWS = 16, /* rows of x in an item of the first job */
    LONG_ROWS = 256,   /* so many rows of x should fit into a pass; else their columns are split */
    ITEMS = 32,        /* split rows only while there are fewer items than this ... */
    ITEMS_PER_THREAD = 4, /* ... or than this for each: every part packs W once more */
    LINE = 64,            /* bytes of a cache line */
    TILE_COLS = 256,      /* columns of W widened at a time: whole blocks of every type */
};

struct job {
    struct g4_product product;
    const struct g4_gemm *gemm;
    size_t size;       /* bytes of a factor */
    unsigned char *xs; /* factors of the pass, rows ldxs bytes apart */
    size_t ldxs;       /* an odd number of lines: rows do not share sets of the cache */
    size_t first, n;   /* rows of x in the pass */
    size_t k_first, k; /* columns of x in the pass */
    size_t block;      /* columns of y in a group */
    size_t parts, part_rows;
};

static void convert_item(void *ctx, size_t item, int worker)
{
    const struct job *j = ctx;
    const struct g4_product *p = &j->product;
    const struct g4_linear *layer = p->layer;
    const bool limits = g4_limits(layer->in_min, layer->in_max);
    const size_t from = item * CONVERT_ROWS, to = g4_min_size(j->n, from + CONVERT_ROWS);
    float *clamped = g4_scratch(p->exec, worker);
    for (size_t r = from; r < to; r++) {
        const float *x = p->x + (j->first + r) * p->ldx + j->k_first;
        for (size_t i = 0; i < j->k; i += j->gemm->kc) {
            const size_t k = g4_min_size(j->gemm->kc, j->k - i);
            if (limits)
                p->exec->kernels->clamp(clamped, x + i, layer->in_min, layer->in_max, k);
            j->gemm->convert(j->gemm, j->xs + r * j->ldxs + i * j->size, limits ? clamped : x + i,
                             k);
        }
    }
}

/* A panel of rows col .. col+rows-1 of W, columns k0 .. k0+k-1; of types that cannot be packed as
 * they are by way of tile[nr, TILE_COLS]. */
static void pack_panel(const struct job *j, unsigned char *panel, size_t col, size_t rows,
                       size_t k0, size_t k, float *tile)
{
    const struct g4_gemm *gemm = j->gemm;
    const struct g4_matrix *w = &j->product.layer->w;
    if (w->dtype < G4_DTYPE_FLOATS && !g4_scales_within_rows(w)) {
        gemm->pack_rows[w->dtype](gemm, panel, g4_matrix_at(w, col, k0), w->stride, rows, k);
        return;
    }
    for (size_t i = 0; i < k; i += TILE_COLS) {
        const size_t cols = g4_min_size(TILE_COLS, k - i);
        g4_widen_rows(j->product.exec, w, col, rows, k0 + i, cols, tile);
        gemm->pack_rows[G4_DTYPE_F32](gemm, panel + i * gemm->nr * j->size, tile,
                                      cols * sizeof *tile, rows, cols);
    }
}

static void product_item(void *ctx, size_t item, int worker)
{
    const struct job *j = ctx;
    const struct g4_product *p = &j->product;
    const struct g4_gemm *gemm = j->gemm;
    const size_t nr = gemm->nr, width = p->layer->w.rows;
    const size_t col = item / j->parts * j->block, cols = g4_min_size(j->block, width - col);
    const size_t from = item % j->parts * j->part_rows, to = g4_min_size(j->n, from + j->part_rows);
    float *tile = g4_scratch(p->exec, worker);
    unsigned char *panels = (unsigned char *)(tile + nr * TILE_COLS);

    for (size_t i = 0; i < j->k; i += gemm->kc) {
        const size_t k = g4_min_size(gemm->kc, j->k - i);
        const size_t panel = nr * g4_round_up(k, gemm->step) * j->size; /* bytes */
        for (size_t c = 0; c < cols; c += nr)
            pack_panel(j, panels + c / nr * panel, col + c, g4_min_size(nr, cols - c),
                       j->k_first + i, k, tile);
        for (size_t r = from; r < to; r += X_ROWS) {
            const size_t m = g4_min_size(X_ROWS, to - r);
            const void *xs = j->xs + r * j->ldxs + i * j->size;
            float *y = p->y + (j->first + r) * p->ldy + col;
            for (size_t c = 0; c < cols; c += nr)
                gemm->multiply(y + c, p->ldy, xs, j->ldxs / j->size, m, panels + c / nr * panel,
                               g4_min_size(nr, cols - c), k, j->k_first + i > 0);
            if (j->k_first + i + k == p->layer->w.cols)
                g4_product_finish(p, y, m, col, cols);
        }
    }
}

/* Columns of x in a pass. */
static size_t pass_columns(const struct job *j)
{
    const size_t most = G4_SCRATCH_SHARED_FLOATS * sizeof(float) / LONG_ROWS / j->size,
                 kc = j->gemm->kc;
    return g4_min_size(j->product.layer->w.cols, most / kc * kc);
}

/* Rows of x in a pass of k columns, and where they lie. */
static size_t pass_rows(struct job *j, size_t k)
{
    const size_t lines = g4_pieces(g4_round_up(k, j->gemm->step) * j->size, LINE);
    j->ldxs = (lines + 1 - lines % 2) * LINE;
    const size_t most = G4_SCRATCH_SHARED_FLOATS * sizeof(float) / j->ldxs / X_ROWS * X_ROWS;
    assert(most > 0);
    return g4_round_up(g4_pieces(j->product.n, g4_pieces(j->product.n, most)), X_ROWS);
}

static void run_pass(struct job *j)
{
    struct g4_pool *pool = j->product.exec->pool;
    const size_t groups = g4_pieces(j->product.layer->w.rows, j->block);
    const size_t items = g4_min_size(ITEMS, ITEMS_PER_THREAD * (size_t)g4_pool_threads(pool));
    const size_t parts =
        g4_min_size(g4_pieces(items, groups), g4_pieces(j->n, j->gemm->rows_to_pack));
    j->part_rows = g4_round_up(g4_pieces(j->n, parts), X_ROWS);
    j->parts = g4_pieces(j->n, j->part_rows);
    g4_pool_run(pool, convert_item, j, g4_pieces(j->n, CONVERT_ROWS));
    g4_pool_run(pool, product_item, j, groups * j->parts);
}

void g4_product_gemm(const struct g4_product *product)
{
    const struct g4_kernels *kernels = product->exec->kernels;
    struct job j = {.product = *product};
    j.gemm = product->layer->exact ? &kernels->gemm_f32 : g4_kernels_gemm(kernels);
    j.size = g4_dtype_info(j.gemm->type)->bytes;
    j.block = g4_round_up(GROUP_COLS, j.gemm->nr);
    j.xs = (unsigned char *)g4_scratch_shared(product->exec);
    assert(j.block * j.size * j.gemm->kc + j.gemm->nr * TILE_COLS * sizeof(float) <=
           G4_SCRATCH_FLOATS * sizeof(float));
    assert(TILE_COLS % j.gemm->step == 0);

    const size_t columns = product->layer->w.cols, k = pass_columns(&j), rows = pass_rows(&j, k);
    for (j.first = 0; j.first < product->n; j.first += rows) {
        j.n = g4_min_size(rows, product->n - j.first);
        for (j.k_first = 0; j.k_first < columns; j.k_first += k) {
            j.k = g4_min_size(k, columns - j.k_first);
            run_pass(&j);
        }
    }
}

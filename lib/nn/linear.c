/*
 * linear.c - matrix times rows: a gemv for a few rows, a packed gemm for many.
 *
 * gemv: items are blocks of rows of W; each streams its part of W once.
 * gemm: an item is a group of columns of y (rows of W) times a part of the rows of x. For every
 * block of k it packs its rows of W into panels once, then takes the rows of x by blocks small
 * enough to stay in the second cache while the panels pass over them:
 *
 *     for k0 by kc:  panels = pack(W[group, k0..])
 *         for r0 by X_ROWS:  xs = clamp(x[r0.., k0..])
 *             for each panel:  y[r0.., panel] (+)= xs panel
 *
 * Items and the order of every sum follow from the shapes alone, never from the number of threads.
 */
#include "lib/nn/linear.h"

#include <assert.h>
#include <math.h>
#include <string.h>

#include "lib/nn/scratch.h"

enum {
    GROUP_COLS = 256, /* columns of y in a gemm item (at least one panel) */
    X_ROWS = 96,      /* rows of x copied at a time */
    X_PAD = 16,       /* floats between copied rows: rows a power of two apart share cache sets */
    PART_ROWS = 256,  /* fewest rows of x that pay for packing W again */
    GEMM_ITEMS = 32,  /* split rows only while there are fewer items than this */
    GEMV_ELEMENTS = 128 * 1024, /* of W in a gemv item */
};

struct job {
    const struct g4_exec *exec;
    const struct g4_linear *layer;
    float *y;
    size_t ldy;
    const float *x;
    size_t ldx, n;
    size_t block;            /* gemv: rows of W in an item; gemm: columns of y in a group */
    size_t parts, part_rows; /* gemm: of the rows of x */
};

/* Address of W[row, k]; k at the start of a storage block. */
static const void *weight(const struct g4_matrix *w, size_t row, size_t k)
{
    const struct g4_dtype_info *info = g4_dtype_info(w->dtype);
    return (const unsigned char *)w->data + row * w->stride + k / info->block * info->bytes;
}

static bool finite_limits(float lo, float hi)
{
    return lo > -INFINITY || hi < INFINITY;
}

/* What follows the product, on y[m, cols] whose first column is output `col`. */
static void finish(const struct job *j, float *y, size_t m, size_t col, size_t cols)
{
    const struct g4_kernels *kernels = j->exec->kernels;
    const struct g4_linear *layer = j->layer;
    const bool limits = finite_limits(layer->out_min, layer->out_max);
    for (size_t r = 0; r < m; r++) {
        float *row = y + r * j->ldy;
        if (limits)
            kernels->clamp(row, row, layer->out_min, layer->out_max, cols);
        if (layer->bias)
            kernels->axpy(row, layer->bias + col, 1.0f, cols);
    }
}

static void gemv_item(void *ctx, size_t item, int worker)
{
    const struct job *j = ctx;
    const struct g4_matrix *w = &j->layer->w;
    const size_t row = item * j->block, rows = g4_min_size(j->block, w->rows - row);
    (void)worker;
    j->exec->kernels->dtype[w->dtype].gemv(j->y + row, j->ldy, j->x, j->ldx, j->n,
                                           weight(w, row, 0), w->stride, rows, w->cols);
    finish(j, j->y + row, j->n, row, rows);
}

static void gemv(struct job *j, float *tmp)
{
    const struct g4_linear *layer = j->layer;
    const size_t k = layer->w.cols;
    if (finite_limits(layer->in_min, layer->in_max)) {
        for (size_t r = 0; r < j->n; r++)
            j->exec->kernels->clamp(tmp + r * k, j->x + r * j->ldx, layer->in_min, layer->in_max,
                                    k);
        j->x = tmp;
        j->ldx = k;
    }
    j->block = g4_max_size(GEMV_ELEMENTS / k, 8);
    g4_pool_run(j->exec->pool, gemv_item, j, g4_pieces(layer->w.rows, j->block));
}

/* xs[m, k] = clamp(x[r0.., k0..]) */
static void copy_rows(const struct job *j, float *xs, size_t ldxs, size_t r0, size_t m, size_t k0,
                      size_t k)
{
    const struct g4_linear *layer = j->layer;
    const bool limits = finite_limits(layer->in_min, layer->in_max);
    for (size_t r = 0; r < m; r++) {
        const float *x = j->x + (r0 + r) * j->ldx + k0;
        if (limits)
            j->exec->kernels->clamp(xs + r * ldxs, x, layer->in_min, layer->in_max, k);
        else
            memcpy(xs + r * ldxs, x, k * sizeof *x);
    }
}

static void gemm_item(void *ctx, size_t item, int worker)
{
    const struct job *j = ctx;
    const struct g4_kernels *kernels = j->exec->kernels;
    const struct g4_matrix *w = &j->layer->w;
    const size_t nr = kernels->gemm_nr, kc = kernels->gemm_kc, ldxs = kc + X_PAD;
    const size_t col = item / j->parts * j->block, cols = g4_min_size(j->block, w->rows - col);
    const size_t from = item % j->parts * j->part_rows, to = g4_min_size(j->n, from + j->part_rows);
    float *panels = g4_scratch(j->exec, worker);
    float *xs = panels + j->block * kc;

    for (size_t k0 = 0; k0 < w->cols; k0 += kc) {
        const size_t k = g4_min_size(kc, w->cols - k0);
        for (size_t c = 0; c < cols; c += nr)
            kernels->dtype[w->dtype].pack_rows(panels + c * k, nr, weight(w, col + c, k0),
                                               w->stride, g4_min_size(nr, cols - c), k);
        for (size_t r0 = from; r0 < to; r0 += X_ROWS) {
            const size_t m = g4_min_size(X_ROWS, to - r0);
            float *y = j->y + r0 * j->ldy + col;
            copy_rows(j, xs, ldxs, r0, m, k0, k);
            for (size_t c = 0; c < cols; c += nr)
                kernels->gemm(y + c, j->ldy, xs, ldxs, m, panels + c * k, g4_min_size(nr, cols - c),
                              k, k0 > 0);
            if (k0 + k == w->cols)
                finish(j, y, m, col, cols);
        }
    }
}

static void gemm(struct job *j)
{
    const struct g4_kernels *kernels = j->exec->kernels;
    j->block = g4_round_up(GROUP_COLS, kernels->gemm_nr);
    assert(j->block * kernels->gemm_kc + X_ROWS * (kernels->gemm_kc + X_PAD) <= G4_SCRATCH_FLOATS);

    const size_t groups = g4_pieces(j->layer->w.rows, j->block);
    const size_t parts = g4_min_size(g4_pieces(GEMM_ITEMS, groups), g4_pieces(j->n, PART_ROWS));
    j->part_rows = g4_round_up(g4_pieces(j->n, parts), X_ROWS);
    j->parts = g4_pieces(j->n, j->part_rows);
    g4_pool_run(j->exec->pool, gemm_item, j, groups * j->parts);
}

void g4_linear(const struct g4_exec *exec, const struct g4_linear *layer, float *y, size_t ldy,
               const float *x, size_t ldx, size_t n, float *tmp)
{
    struct job j = {.exec = exec, .layer = layer, .y = y, .ldy = ldy, .x = x, .ldx = ldx, .n = n};
    assert(layer->w.data && layer->w.cols > 0 && layer->w.dtype < G4_DTYPE_WEIGHTS);
    if (n == 0 || layer->w.rows == 0)
        return;
    if (n <= G4_GEMV_ROWS)
        gemv(&j, tmp);
    else
        gemm(&j);
}

void g4_matmul(const struct g4_exec *exec, const struct g4_matrix *w, float *y, size_t ldy,
               const float *x, size_t ldx, size_t n)
{
    const struct g4_linear layer = {
        .w = *w,
        .in_min = -INFINITY,
        .in_max = INFINITY,
        .out_min = -INFINITY,
        .out_max = INFINITY,
    };
    g4_linear(exec, &layer, y, ldy, x, ldx, n, NULL);
}

void g4_matrix_row(const struct g4_exec *exec, const struct g4_matrix *w, size_t r, float scale,
                   float *y)
{
    assert(r < w->rows);
    exec->kernels->dtype[w->dtype].widen(y, weight(w, r, 0), w->cols, scale);
}

struct g4_matrix g4_matrix_rows(const struct g4_matrix *w, size_t from, size_t count)
{
    struct g4_matrix part = *w;
    assert(from <= w->rows && count <= w->rows - from);
    part.data = weight(w, from, 0);
    part.rows = count;
    return part;
}

/*
 * gemv.c - matrices times a few rows: items are blocks of rows of a W; each streams its part of W
 * once. Several products run as one: threads meet once, not after every product.
 *
 * Three ways, by the type of W: float32 products with stored floats; integer products with blocks,
 * for which the rows of x are rounded to eight bits once, beforehand; and for the other types an
 * item widens its rows of W, a tile at a time, and goes on as with floats. Which way is taken, and
 * the order of a sum, depend on the type and the shape of W alone: not on n, nor on the tile.
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
    GROUP = 32,              /* elements of x that share a scale */
    PARTS = 32,              /* products in a run */
};

static const size_t ROOM = G4_SCRATCH_SHARED_FLOATS * sizeof(float); /* for rows in eight bits */

/* A product of a run. */
struct part {
    struct g4_product product;
    struct g4_q8 q8; /* of the rows of x; q NULL: not this way */
    size_t block;    /* rows of W in an item */
    size_t first;    /* its first item */
};

struct run {
    struct part part[PARTS];
    size_t count, items;
    size_t used; /* bytes of the shared scratch */
};

/* ------------------------------------------------------------------------------ stored floats */

static void run_stored(const struct part *part, size_t row, size_t rows)
{
    const struct g4_product *p = &part->product;
    const struct g4_matrix *w = &p->layer->w;
    p->exec->kernels->dtype[w->dtype].gemv(p->y + row, p->ldy, p->x, p->ldx, p->n,
                                           g4_matrix_at(w, row, 0), w->stride, rows, w->cols);
}

/* ------------------------------------------------------------------------------ eight bits */

static void run_q8(const struct part *part, size_t row, size_t rows)
{
    const struct g4_product *p = &part->product;
    const struct g4_matrix *w = &p->layer->w;
    p->exec->kernels->dtype[w->dtype].gemv_q8(p->y + row, p->ldy, &part->q8, p->n,
                                              g4_matrix_at(w, row, 0), w->stride, rows, w->cols);
}

/* Bytes of a row of x in eight bits: codes in whole lines, two scales for a group. */
static size_t q8_bytes(size_t k)
{
    return g4_round_up(k, 64) + g4_round_up(2 * (k / GROUP) * sizeof(float), 64);
}

static bool by_q8(const struct g4_product *p)
{
    const struct g4_matrix *w = &p->layer->w;
    return p->exec->kernels->dtype[w->dtype].gemv_q8 && !g4_scales_within_rows(w) &&
           !p->layer->exact && q8_bytes(w->cols) <= ROOM;
}

static bool same_rows(const struct g4_product *a, const struct g4_product *b)
{
    return a->x == b->x && a->ldx == b->ldx && a->n == b->n && a->layer->w.cols == b->layer->w.cols;
}

/* Rounds the rows of x into the shared scratch, unless they are those of the product before. */
static void round_rows(struct run *run, struct part *part)
{
    const struct g4_product *p = &part->product;
    const struct part *before = run->count > 0 ? part - 1 : NULL;
    const size_t k = p->layer->w.cols, ldq = g4_round_up(k, 64), ldd = k / GROUP;
    if (before && before->q8.q && same_rows(&before->product, p)) {
        part->q8 = before->q8;
        return;
    }
    unsigned char *room = (unsigned char *)g4_scratch_shared(p->exec) + run->used;
    float *scales = (float *)(void *)(room + p->n * ldq);
    part->q8 = (struct g4_q8){(int8_t *)room, scales, scales + p->n * ldd, ldq, ldd};
    for (size_t r = 0; r < p->n; r++)
        p->exec->kernels->to_q8(&part->q8, r, p->x + r * p->ldx, k);
    run->used += p->n * q8_bytes(k);
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

static void run_widened(const struct part *part, size_t row, size_t rows, int worker)
{
    const struct g4_product *p = &part->product;
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

/* ------------------------------------------------------------------------------ a run */

static void run_item(void *ctx, size_t item, int worker)
{
    const struct run *run = ctx;
    const struct part *part = &run->part[run->count - 1];
    while (item < part->first)
        part--;
    const struct g4_product *p = &part->product;
    const struct g4_matrix *w = &p->layer->w;
    const size_t row = (item - part->first) * part->block;
    const size_t rows = g4_min_size(part->block, w->rows - row);
    if (part->q8.q)
        run_q8(part, row, rows);
    else if (p->exec->kernels->dtype[w->dtype].gemv && !g4_scales_within_rows(w))
        run_stored(part, row, rows);
    else
        run_widened(part, row, rows, worker);
    g4_product_finish(p, p->y + row, p->n, row, rows);
}

static void finish_run(struct run *run, const struct g4_exec *exec)
{
    g4_pool_run(exec->pool, run_item, run, run->items);
    run->count = run->items = run->used = 0;
}

/* Rows of W in an item. */
static size_t item_rows(const struct g4_matrix *w)
{
    const size_t share = w->rows / ITEMS * w->cols;
    const size_t elements = g4_min_size(g4_max_size(share, ITEM_LEAST), ITEM_MOST);
    return g4_round_up(g4_max_size(elements / w->cols, ITEM_ROWS), ITEM_ROWS);
}

/* Takes rows `from` and on of a product into the run. Returns how many: 0 when it is full. */
static size_t add_rows(struct run *run, const struct g4_product *product, size_t from)
{
    struct part *part = &run->part[run->count];
    const struct g4_matrix *w = &product->layer->w;
    size_t n = product->n - from;
    if (run->count == PARTS)
        return 0;
    if (by_q8(product)) {
        const size_t room = (ROOM - run->used) / q8_bytes(w->cols);
        if (room < n && run->count > 0)
            return 0;
        n = g4_min_size(n, room);
    }
    *part = (struct part){.product = *product, .first = run->items};
    part->product.x += from * product->ldx;
    part->product.y += from * product->ldy;
    part->product.n = n;
    part->block = item_rows(w);
    if (by_q8(product))
        round_rows(run, part);
    run->items += g4_pieces(w->rows, part->block);
    run->count++;
    return n;
}

void g4_products_gemv(const struct g4_product *products, size_t count)
{
    static_assert((int)TILE_FLOATS <= TILE_COLS && TILE_COLS + G4_GEMV_ROWS <= G4_SCRATCH_FLOATS,
                  "room for a tile and the sums of its row");
    struct run run;
    run.count = run.items = run.used = 0;
    for (size_t i = 0; i < count; i++) {
        for (size_t done = 0; done < products[i].n;) {
            const size_t rows = add_rows(&run, &products[i], done);
            done += rows;
            if (rows == 0)
                finish_run(&run, products[i].exec);
        }
    }
    if (run.count > 0)
        finish_run(&run, products[0].exec);
}

void g4_product_gemv(const struct g4_product *product, float *tmp)
{
    const struct g4_linear *layer = product->layer;
    const size_t k = layer->w.cols;
    struct g4_product p = *product;
    if (g4_limits(layer->in_min, layer->in_max)) {
        for (size_t r = 0; r < p.n; r++)
            p.exec->kernels->clamp(tmp + r * k, p.x + r * p.ldx, layer->in_min, layer->in_max, k);
        p.x = tmp;
        p.ldx = k;
    }
    g4_products_gemv(&p, 1);
}

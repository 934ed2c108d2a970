/*
 * q8.c - products with rows of x in eight bits.
 *
 *     round:     xq = to_q8(clamp(x))
 *     multiply:  y = gemv_q8(xq, W)                        a few rows of x
 *                for panels of a group of rows of W:       more
 *                    panel = pack(W[..])
 *                for r0 by x_rows: for each panel:
 *                    y[r0 .., panel] = xq[r0 ..] panel
 */
#include "lib/nn/q8.h"

#include <assert.h>

#include "lib/nn/scratch.h"
#include "lib/nn/widen.h"

enum {
    GROUP = 32,             /* elements of x that share a scale */
    LINE = 64,              /* bytes of a cache line */
    ROUND_ELEMENTS = 16384, /* of x in an item of rounding */
    ITEMS = 32,             /* the rows of x are cut only while there are fewer items than this */
    BLOCK_LEAST = 64,       /* rows of W in an item with many rows of x, */
    BLOCK_MOST = 256,       /* between these, */
    PANELS_MOST =
        512 * 1024,      /* while the panels have so many bytes: they stay in the second cache */
    X_MOST = 256 * 1024, /* and so do as many bytes of x */
    X_ROWS_LEAST = 32,   /* rows of x at a time: panels should be worth fetching */
    X_ROWS_MOST = 128,
    PART_LEAST = 128, /* rows of x in an item: fewer do not pay for packing the same part again */
};

static const size_t ROOM = G4_SCRATCH_SHARED_FLOATS * sizeof(float);
static const size_t PANEL_ROOM = G4_SCRATCH_FLOATS * sizeof(float);

static const struct g4_gemm_q8 *record(const struct g4_product *p)
{
    return &p->exec->kernels->gemm_q8;
}

/* Codes in whole lines, two scales for a group. */
static size_t row_bytes(size_t k)
{
    return g4_round_up(k, LINE) + g4_round_up(2 * (k / GROUP) * sizeof(float), LINE);
}

bool g4_q8_takes(const struct g4_product *p)
{
    const struct g4_matrix *w = &p->layer->w;
    if (!p->exec->kernels->dtype[w->dtype].gemv_q8 || g4_scales_within_rows(w) || p->layer->exact ||
        row_bytes(w->cols) > ROOM)
        return false;
    return p->n <= G4_GEMV_ROWS || (record(p)->pack[w->dtype] && p->n <= record(p)->rows_at_most);
}

/* Whether n rows go by way of panels. */
static bool by_panels(const struct g4_product *p, size_t n)
{
    const struct g4_matrix *w = &p->layer->w;
    return record(p)->pack[w->dtype] && (n >= record(p)->rows_to_pack || n > G4_GEMV_ROWS) &&
           record(p)->panel_bytes(w->dtype, w->cols) <= PANEL_ROOM;
}

size_t g4_q8_bytes(const struct g4_product *p, size_t n)
{
    return n * row_bytes(p->layer->w.cols);
}

size_t g4_q8_rows(const struct g4_product *p, size_t bytes)
{
    size_t most = g4_min_size(bytes / row_bytes(p->layer->w.cols), p->n);
    if (!by_panels(p, most))
        most = g4_min_size(most, G4_GEMV_ROWS);
    return most > 0 ? g4_pieces(p->n, g4_pieces(p->n, most)) : 0; /* about as many in each plan */
}

/* Panels in the second cache, and with many rows of x a part of those. */
static void cut_panels(struct g4_q8_plan *plan, const struct g4_product *p)
{
    const struct g4_matrix *w = &p->layer->w;
    const size_t nr = record(p)->nr, panel = record(p)->panel_bytes(w->dtype, w->cols);
    if (p->n <= G4_GEMV_ROWS) {
        plan->block = g4_round_up(plan->block, nr);
        plan->panels = 1;
        return;
    }
    const size_t share = g4_max_size(w->rows / ITEMS, BLOCK_LEAST);
    const size_t most = g4_max_size(PANELS_MOST / panel, 1);
    plan->panels = g4_min_size(g4_pieces(g4_min_size(share, BLOCK_MOST), nr), most);
    plan->block = plan->panels * nr;
    plan->x_rows =
        g4_min_size(g4_max_size(X_MOST / row_bytes(w->cols) / GROUP * GROUP, X_ROWS_LEAST),
                    X_ROWS_MOST);

    const size_t groups = g4_pieces(w->rows, plan->block);
    const size_t parts = g4_min_size(g4_pieces(ITEMS, groups), g4_pieces(p->n, PART_LEAST));
    plan->part_rows = g4_round_up(g4_pieces(p->n, parts), GROUP);
    plan->parts = g4_pieces(p->n, plan->part_rows);
}

struct g4_q8_plan g4_q8_cut(const struct g4_product *p, void *room, size_t block)
{
    const size_t k = p->layer->w.cols, ldq = g4_round_up(k, LINE), ldd = k / GROUP;
    float *scales = (float *)(void *)((unsigned char *)room + p->n * ldq);
    struct g4_q8_plan plan = {
        .x = {room, scales, scales + p->n * ldd, ldq, ldd},
        .block = block,
        .part_rows = p->n,
        .parts = 1,
        .x_rows = p->n,
        .round_rows = g4_max_size(ROUND_ELEMENTS / k, 1),
        .round_cols = g4_min_size(ROUND_ELEMENTS, k),
    };
    if (by_panels(p, p->n))
        cut_panels(&plan, p);
    return plan;
}

/* ------------------------------------------------------------------------------ rounding */

size_t g4_q8_round_items(const struct g4_q8_plan *plan, const struct g4_product *p)
{
    return g4_pieces(p->n, plan->round_rows) * g4_pieces(p->layer->w.cols, plan->round_cols);
}

void g4_q8_round(const struct g4_q8_plan *plan, const struct g4_product *p, size_t item, int worker)
{
    const struct g4_linear *layer = p->layer;
    const struct g4_kernels *kernels = p->exec->kernels;
    const size_t columns = layer->w.cols, pieces = g4_pieces(columns, plan->round_cols);
    const size_t k0 = item % pieces * plan->round_cols, from = item / pieces * plan->round_rows;
    const size_t k = g4_min_size(plan->round_cols, columns - k0);
    const size_t to = g4_min_size(p->n, from + plan->round_rows);
    const bool limits = g4_limits(layer->in_min, layer->in_max);
    const struct g4_q8 q8 = {plan->x.q + k0, plan->x.d + k0 / GROUP, plan->x.m + k0 / GROUP,
                             plan->x.ldq, plan->x.ldd};
    float *clamped = g4_scratch(p->exec, worker);
    for (size_t r = from; r < to; r++) {
        const float *x = p->x + r * p->ldx + k0;
        if (limits)
            kernels->clamp(clamped, x, layer->in_min, layer->in_max, k);
        kernels->to_q8(&q8, r, limits ? clamped : x, k);
    }
}

/* ------------------------------------------------------------------------------ products */

size_t g4_q8_items(const struct g4_q8_plan *plan, const struct g4_product *p)
{
    return g4_pieces(p->layer->w.rows, plan->block) * plan->parts;
}

/* Rows of W that this thread is likely to want after rows col .. col+cols-1, for a panel: those
 * that follow in the item, or the first of the one it takes next if all threads are equally quick.
 */
static size_t next_rows(const struct g4_q8_plan *plan, const struct g4_product *p, size_t col,
                        size_t cols, const void **next)
{
    const struct g4_matrix *w = &p->layer->w;
    const size_t threads = (size_t)g4_pool_threads(p->exec->pool);
    const size_t row = col + cols + ((col + cols) % plan->block ? 0 : (threads - 1) * plan->block);
    if (plan->panels > 1 || row >= w->rows)
        return 0; /* many rows of x: packing is little of the work */
    *next = g4_matrix_at(w, row, 0);
    return g4_min_size(record(p)->nr, w->rows - row);
}

/* y[from .. to-1 of x, cols] for columns col .. of y, by panels that fit into the scratch. */
static void multiply_panels(const struct g4_q8_plan *plan, const struct g4_product *p, size_t col,
                            size_t cols, size_t from, size_t to, unsigned char *panels)
{
    const struct g4_matrix *w = &p->layer->w;
    const struct g4_gemm_q8 *gemm = record(p);
    const size_t nr = gemm->nr, panel = gemm->panel_bytes(w->dtype, w->cols);
    const void *next = NULL;
    const size_t ahead = next_rows(plan, p, col, cols, &next) * w->stride;
    for (size_t c = 0; c < cols; c += nr)
        gemm->pack[w->dtype](panels + c / nr * panel, g4_matrix_at(w, col + c, 0), w->stride,
                             g4_min_size(nr, cols - c), w->cols);
    for (size_t r = from; r < to; r += plan->x_rows)
        for (size_t c = 0; c < cols; c += nr)
            gemm->multiply[w->dtype](p->y + r * p->ldy + col + c, p->ldy, &plan->x, r,
                                     g4_min_size(plan->x_rows, to - r), panels + c / nr * panel,
                                     g4_min_size(nr, cols - c), w->cols, next, ahead);
}

void g4_q8_multiply(const struct g4_q8_plan *plan, const struct g4_product *p, size_t item,
                    int worker)
{
    const struct g4_matrix *w = &p->layer->w;
    const size_t first = item / plan->parts * plan->block;
    const size_t rows = g4_min_size(plan->block, w->rows - first);
    const size_t from = item % plan->parts * plan->part_rows;
    const size_t to = g4_min_size(p->n, from + plan->part_rows);
    const size_t step = plan->panels * record(p)->nr;
    if (plan->panels == 0)
        p->exec->kernels->dtype[w->dtype].gemv_q8(p->y + first, p->ldy, &plan->x, p->n,
                                                  g4_matrix_at(w, first, 0), w->stride, rows,
                                                  w->cols);
    for (size_t c = 0; plan->panels > 0 && c < rows; c += step)
        multiply_panels(plan, p, first + c, g4_min_size(step, rows - c), from, to,
                        (unsigned char *)g4_scratch(p->exec, worker));
    g4_product_finish(p, p->y + from * p->ldy + first, to - from, first, rows);
}

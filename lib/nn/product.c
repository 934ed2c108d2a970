/*
 * product.c - several products in one run: threads meet once or twice, not after every product.
 *
 *     rows of x to eight bits       q8.c, for blocks of quantised weights; shared by neighbours
 *     the products                  q8.c, or gemv.c for a few rows of floats
 *
 * What neither takes, many rows of floats, goes to gemm.c, one after the other. Which way a product
 * goes depends on the type and the shape of W and, beyond G4_GEMV_ROWS, on the number of rows.
 */
#include "lib/nn/product.h"

#include <assert.h>

#include "lib/nn/q8.h"
#include "lib/nn/scratch.h"

enum { PARTS = 32 }; /* products in a run */

static const size_t ROOM = G4_SCRATCH_SHARED_FLOATS * sizeof(float); /* for rows in eight bits */

/* A product of a run, or some of its rows. */
struct part {
    struct g4_product product;
    bool q8;                /* by eight bits, as the plan says */
    struct g4_q8_plan plan; /* of the others only `block` is used */
    size_t first;           /* its first item, */
    size_t first_rounding;  /* and that of rounding its rows */
};

struct run {
    struct part part[PARTS];
    size_t count, items, roundings;
    size_t used; /* bytes of the shared scratch */
};

static void round_item(void *ctx, size_t item, int worker)
{
    const struct run *run = ctx;
    const struct part *part = &run->part[run->count - 1];
    while (item < part->first_rounding)
        part--;
    g4_q8_round(&part->plan, &part->product, item - part->first_rounding, worker);
}

static void product_item(void *ctx, size_t item, int worker)
{
    const struct run *run = ctx;
    const struct part *part = &run->part[run->count - 1];
    while (item < part->first)
        part--;
    const struct g4_product *p = &part->product;
    const size_t block = part->plan.block, row = (item - part->first) * block;
    if (part->q8)
        g4_q8_multiply(&part->plan, p, item - part->first, worker);
    else
        g4_gemv_item(p, row, g4_min_size(block, p->layer->w.rows - row), worker);
}

static void finish_run(struct run *run, const struct g4_exec *exec)
{
    g4_pool_run(exec->pool, round_item, run, run->roundings);
    g4_pool_run(exec->pool, product_item, run, run->items);
    run->count = run->items = run->roundings = run->used = 0;
}

/* ------------------------------------------------------------------------------ filling it */

static bool same_rows(const struct g4_product *a, const struct g4_product *b)
{
    const struct g4_linear *la = a->layer, *lb = b->layer;
    return a->x == b->x && a->ldx == b->ldx && a->n == b->n && la->w.cols == lb->w.cols &&
           la->in_min == lb->in_min && la->in_max == lb->in_max;
}

/* Cuts a product that goes by eight bits. Its rows are rounded into the shared scratch, unless they
 * are those of the product before. */
static void add_q8(struct run *run, struct part *part)
{
    const struct g4_product *p = &part->product;
    const struct part *before = run->count > 0 ? part - 1 : NULL;
    unsigned char *room = (unsigned char *)g4_scratch_shared(p->exec) + run->used;
    part->plan = g4_q8_cut(p, room, part->plan.block);
    if (before && before->q8 && same_rows(&before->product, p)) {
        part->plan.x = before->plan.x;
        return;
    }
    run->roundings += g4_q8_round_items(&part->plan, p);
    run->used += g4_q8_bytes(p, p->n);
}

/* Takes rows `from` and on of a product into the run. Returns how many: 0 when it is full. */
static size_t add_rows(struct run *run, const struct g4_product *product, size_t from)
{
    struct part *part = &run->part[run->count];
    const struct g4_matrix *w = &product->layer->w;
    if (run->count == PARTS)
        return 0;
    *part = (struct part){
        .product = *product,
        .q8 = g4_q8_takes(product),
        .plan = {.block = g4_gemv_rows(w)},
        .first = run->items,
        .first_rounding = run->roundings,
    };
    struct g4_product *p = &part->product;
    p->x += from * p->ldx;
    p->y += from * p->ldy;
    p->n -= from;
    if (part->q8) {
        const size_t rows = g4_q8_rows(p, ROOM - run->used);
        if (rows < p->n && run->count > 0)
            return 0;
        p->n = rows;
        add_q8(run, part);
    }
    run->items += part->q8 ? g4_q8_items(&part->plan, p) : g4_pieces(w->rows, part->plan.block);
    run->count++;
    return p->n;
}

void g4_products_run(const struct g4_product *products, size_t count)
{
    struct run run;
    run.count = run.items = run.roundings = run.used = 0;
    for (size_t i = 0; i < count; i++) {
        const struct g4_product *p = &products[i];
        if (p->n > G4_GEMV_ROWS && !g4_q8_takes(p)) {
            g4_product_gemm(p); /* nothing of the run is in the shared scratch yet */
            continue;
        }
        for (size_t done = 0; done < p->n;) {
            const size_t rows = add_rows(&run, p, done);
            done += rows;
            if (rows == 0)
                finish_run(&run, p->exec);
        }
    }
    if (run.count > 0)
        finish_run(&run, products[0].exec);
}

void g4_product_run(const struct g4_product *product, float *tmp)
{
    const struct g4_linear *layer = product->layer;
    const size_t k = layer->w.cols;
    struct g4_product p = *product;
    if (p.n <= G4_GEMV_ROWS && !g4_q8_takes(&p) && g4_limits(layer->in_min, layer->in_max)) {
        for (size_t r = 0; r < p.n; r++)
            p.exec->kernels->clamp(tmp + r * k, p.x + r * p.ldx, layer->in_min, layer->in_max, k);
        p.x = tmp;
        p.ldx = k;
    }
    g4_products_run(&p, 1);
}

/*
 * gemv.c - matrix times a few rows: items are blocks of rows of W; each streams its part of W once.
 */
#include "lib/nn/product.h"
#include "lib/nn/scratch.h"

enum { ITEM_ELEMENTS = 128 * 1024 }; /* of W in an item */

struct job {
    struct g4_product product;
    size_t block; /* rows of W in an item */
};

static void run_item(void *ctx, size_t item, int worker)
{
    const struct job *j = ctx;
    const struct g4_product *p = &j->product;
    const struct g4_matrix *w = &p->layer->w;
    const size_t row = item * j->block, rows = g4_min_size(j->block, w->rows - row);
    (void)worker;
    p->exec->kernels->dtype[w->dtype].gemv(p->y + row, p->ldy, p->x, p->ldx, p->n,
                                           g4_matrix_at(w, row, 0), w->stride, rows, w->cols);
    g4_product_finish(p, p->y + row, p->n, row, rows);
}

void g4_product_gemv(const struct g4_product *product, float *tmp)
{
    struct job j = {*product, 0};
    struct g4_product *p = &j.product;
    const struct g4_linear *layer = p->layer;
    const size_t k = layer->w.cols;
    if (g4_limits(layer->in_min, layer->in_max)) {
        for (size_t r = 0; r < p->n; r++)
            p->exec->kernels->clamp(tmp + r * k, p->x + r * p->ldx, layer->in_min, layer->in_max,
                                    k);
        p->x = tmp;
        p->ldx = k;
    }
    j.block = g4_max_size(ITEM_ELEMENTS / k, 8);
    g4_pool_run(p->exec->pool, run_item, &j, g4_pieces(layer->w.rows, j.block));
}

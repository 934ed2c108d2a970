/*
 * linear.c - matrix times rows: layers and bare matrices become products (product.h).
 */
#include "lib/nn/linear.h"

#include <assert.h>

#include "lib/nn/product.h"
#include "lib/nn/widen.h"

enum { TOGETHER = 32 }; /* products in one run */

/* y[n] *= the scales of rows first .. first+n-1 of W. */
static void scale_outputs(const struct g4_kernels *kernels, const struct g4_matrix *w, float *y,
                          size_t first, size_t n)
{
    if (w->scales.stride == 0) {
        kernels->scale(y, y, g4_scale_at(w, 0, 0), n);
        return;
    }
    for (size_t i = 0; i < n; i++)
        y[i] *= g4_scale_at(w, first + i, 0);
}

void g4_product_finish(const struct g4_product *product, float *y, size_t m, size_t col,
                       size_t cols)
{
    const struct g4_kernels *kernels = product->exec->kernels;
    const struct g4_linear *layer = product->layer;
    const bool limits = g4_limits(layer->out_min, layer->out_max);
    const bool scales = layer->w.scales.data && !g4_scales_within_rows(&layer->w);
    for (size_t r = 0; r < m; r++) {
        float *row = y + r * product->ldy;
        if (scales)
            scale_outputs(kernels, &layer->w, row, col, cols);
        if (limits)
            kernels->clamp(row, row, layer->out_min, layer->out_max, cols);
        if (layer->bias)
            kernels->axpy(row, layer->bias + col, 1.0f, cols);
    }
}

void g4_linear(const struct g4_exec *exec, const struct g4_linear *layer, float *y, size_t ldy,
               const float *x, size_t ldx, size_t n, float *tmp)
{
    const struct g4_product product = {exec, layer, y, ldy, x, ldx, n};
    assert(layer->w.data && layer->w.cols > 0 && layer->w.dtype < G4_DTYPE_WEIGHTS);
    if (n > 0 && layer->w.rows > 0)
        g4_product_run(&product, tmp);
}

static struct g4_linear bare(const struct g4_matrix *w, bool exact)
{
    return (struct g4_linear){
        .w = *w,
        .in_min = -INFINITY,
        .in_max = INFINITY,
        .out_min = -INFINITY,
        .out_max = INFINITY,
        .exact = exact,
    };
}

void g4_matmul(const struct g4_exec *exec, const struct g4_matrix *w, float *y, size_t ldy,
               const float *x, size_t ldx, size_t n)
{
    const struct g4_linear layer = bare(w, false);
    g4_linear(exec, &layer, y, ldy, x, ldx, n, NULL);
}

void g4_matmul_exact(const struct g4_exec *exec, const struct g4_matrix *w, float *y, size_t ldy,
                     const float *x, size_t ldx, size_t n)
{
    const struct g4_linear layer = bare(w, true);
    g4_linear(exec, &layer, y, ldy, x, ldx, n, NULL);
}

void g4_matmul_all(const struct g4_exec *exec, const struct g4_matmul *products, size_t count)
{
    struct g4_linear layers[TOGETHER];
    struct g4_product run[TOGETHER];
    size_t n = 0;
    for (size_t i = 0; i < count; i++) {
        const struct g4_matmul *m = &products[i];
        if (m->n > 0 && m->w->rows > 0) {
            layers[n] = bare(m->w, false);
            run[n] = (struct g4_product){exec, &layers[n], m->y, m->ldy, m->x, m->ldx, m->n};
            n++;
        }
        if (n == TOGETHER) {
            g4_products_run(run, n);
            n = 0;
        }
    }
    g4_products_run(run, n);
}

void g4_matrix_part(const struct g4_exec *exec, const struct g4_matrix *w, size_t r, size_t k,
                    size_t n, float scale, float *y)
{
    assert(r < w->rows && k <= w->cols && n <= w->cols - k);
    g4_widen_part(exec, w, r, k, n, scale, y);
}

void g4_matrix_row(const struct g4_exec *exec, const struct g4_matrix *w, size_t r, float scale,
                   float *y)
{
    g4_matrix_part(exec, w, r, 0, w->cols, scale, y);
}

struct g4_matrix g4_matrix_rows(const struct g4_matrix *w, size_t from, size_t count)
{
    struct g4_matrix part = *w;
    assert(from <= w->rows && count <= w->rows - from);
    part.data = g4_matrix_at(w, from, 0);
    part.rows = count;
    if (part.scales.data)
        part.scales.data = (const unsigned char *)part.scales.data + from * part.scales.stride;
    return part;
}

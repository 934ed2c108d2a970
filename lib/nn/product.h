/*
 * product.h - the three ways of a linear layer; nothing outside lib/nn includes it.
 *
 * gemv.c streams W once for a few rows of x, from where it lies; gemm.c packs W into panels that
 * many rows of x share; q8.c does either for blocks of quantised weights, with x in eight bits.
 * Items and the order of every sum follow from the shapes alone, never from the number of threads.
 */
#ifndef G4_NN_PRODUCT_H
#define G4_NN_PRODUCT_H

#include <math.h>
#include <stdbool.h>

#include "lib/nn/linear.h"

/* y[n, w.rows] = layer(x[n, w.cols]). */
struct g4_product {
    const struct g4_exec *exec;
    const struct g4_linear *layer;
    float *y;
    size_t ldy;
    const float *x;
    size_t ldx, n;
};

/* Any n; tmp as for g4_linear. */
void g4_product_run(const struct g4_product *product, float *tmp);

/* Several products of one exec, those of n <= G4_GEMV_ROWS without input limits. */
void g4_products_run(const struct g4_product *products, size_t count);

/* Rows of W in an item of a few rows of x, and rows row .. row+rows-1 of one: n in
 * 1..G4_GEMV_ROWS, input limits have been applied. */
size_t g4_gemv_rows(const struct g4_matrix *w);
void g4_gemv_item(const struct g4_product *product, size_t row, size_t rows, int worker);

/* Any n, with factors of floats. */
void g4_product_gemm(const struct g4_product *product);

/* Address of W[row, k]; k at the start of a storage block. */
static inline const void *g4_matrix_at(const struct g4_matrix *w, size_t row, size_t k)
{
    const struct g4_dtype_info *info = g4_dtype_info(w->dtype);
    return (const unsigned char *)w->data + row * w->stride + k / info->block * info->bytes;
}

static inline bool g4_limits(float lo, float hi)
{
    return lo > -INFINITY || hi < INFINITY;
}

/* What follows the product, on y[m, cols] whose first column is output `col`: scales of rows,
 * limits, bias. */
void g4_product_finish(const struct g4_product *product, float *y, size_t m, size_t col,
                       size_t cols);

#endif

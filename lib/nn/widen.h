/*
 * widen.h - stored numbers of any weight type as float32, for lib/nn only: what a type without a
 * kernel of its own needs before the kernels of float32 can go on.
 */
#ifndef G4_NN_WIDEN_H
#define G4_NN_WIDEN_H

#include <stdbool.h>
#include <stddef.h>

#include "lib/nn/linear.h"

/* Scales that change along a row are part of the numbers. Those of whole rows (one per row, or one
 * for all) commute with the product: g4_product_finish applies them to y. */
static inline bool g4_scales_within_rows(const struct g4_matrix *w)
{
    return w->scales.data && w->scales.group < w->cols;
}

/* Scale number i of row r; w has scales. */
float g4_scale_at(const struct g4_matrix *w, size_t r, size_t i);

/* out[k] = W[row][k0 .. k0+k-1] * factor, with every scale. k0 and k need not be at borders of
 * blocks or groups. */
void g4_widen_part(const struct g4_exec *exec, const struct g4_matrix *w, size_t row, size_t k0,
                   size_t k, float factor, float *out);

/* out[rows, k] = W[row .. row+rows-1][k0 .. k0+k-1] without the scales of whole rows. Any k0 and k;
 * quickest at borders of blocks. */
void g4_widen_rows(const struct g4_exec *exec, const struct g4_matrix *w, size_t row, size_t rows,
                   size_t k0, size_t k, float *out);

#endif

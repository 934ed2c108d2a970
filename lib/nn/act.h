/*
 * act.h - element-wise functions over [n, dim] rows, split over threads by rows.
 *
 *     gelu(x) = 0.5 x (1 + tanh(0.7978845608028654 (x + 0.044715 x^3)))      the tanh form
 *     silu(x) = x * sigmoid(x)
 */
#ifndef G4_NN_ACT_H
#define G4_NN_ACT_H

#include <stddef.h>

#include "lib/nn/exec.h"

/* y = gelu(gate) * up; any of them may be the same memory. */
void g4_gelu_mul(const struct g4_exec *exec, float *y, size_t ldy, const float *gate, size_t ldg,
                 const float *up, size_t ldu, size_t n, size_t dim);

/* y = silu(x); y may be x. */
void g4_silu(const struct g4_exec *exec, float *y, size_t ldy, const float *x, size_t ldx, size_t n,
             size_t dim);

/* y[n, dim] = x[n, 0..dim-1] * sigmoid(x[n, dim..2dim-1]); y may be x. */
void g4_glu(const struct g4_exec *exec, float *y, size_t ldy, const float *x, size_t ldx, size_t n,
            size_t dim);

/* y = (y + x) * scale, in place. */
void g4_add_scale(const struct g4_exec *exec, float *y, size_t ldy, const float *x, size_t ldx,
                  size_t n, size_t dim, float scale);

/* y = y * scale, in place. */
void g4_scale(const struct g4_exec *exec, float *y, size_t ldy, size_t n, size_t dim, float scale);

#endif

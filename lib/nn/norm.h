/*
 * norm.h - the normalisations.
 *
 *     rms(x, w) = x / sqrt(mean(x_i^2) + eps) * w        w as stored, never "+1"; w NULL = no
 * weight layer(x)  = (x - mean) / sqrt(mean((x - mean)^2) + eps) * w + b
 */
#ifndef G4_NN_NORM_H
#define G4_NN_NORM_H

#include <stddef.h>

#include "lib/nn/exec.h"

/* y[n, dim] = rms(x[n, dim], w). y may be x. Per-head norms: n = rows * heads, ld = head width. */
void g4_rms_norm(const struct g4_exec *exec, float *y, size_t ldy, const float *x, size_t ldx,
                 size_t n, size_t dim, const float *w, float eps);

/* r[n, dim] += scale * rms(x[n, dim], w): the post-norm residual. r and x do not overlap. */
void g4_rms_norm_add(const struct g4_exec *exec, float *r, size_t ldr, const float *x, size_t ldx,
                     size_t n, size_t dim, const float *w, float eps, float scale);

/* y[n, dim] = layer(x[n, dim]); w NULL = 1, b NULL = no bias. y may be x. */
void g4_layer_norm(const struct g4_exec *exec, float *y, size_t ldy, const float *x, size_t ldx,
                   size_t n, size_t dim, const float *w, const float *b, float eps);

#endif

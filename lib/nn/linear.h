/*
 * linear.h - matrix times rows, straight from the mapped weights.
 */
#ifndef G4_NN_LINEAR_H
#define G4_NN_LINEAR_H

#include <stdbool.h>
#include <stddef.h>

#include "lib/nn/exec.h"
#include "lib/tensor/dtype.h"

/* Scales of a matrix of codes: W[r][k] = code[r][k] * scale[r][k / group]. */
struct g4_scales {
    const void *data;    /* NULL: none, the type holds its own */
    enum g4_dtype dtype; /* F32, BF16 or F16; no alignment is promised */
    size_t group;        /* columns that share a scale: a divisor of cols, at most cols */
    size_t stride;       /* bytes from row to row; 0: all rows share one row of scales */
};

/* A matrix W [rows, cols] in any weight type; a view, nothing is owned or copied. */
struct g4_matrix {
    const void *data; /* NULL: there is no such matrix in this model */
    enum g4_dtype dtype;
    size_t rows, cols;
    size_t stride; /* bytes from row to row */
    struct g4_scales scales;
};

/* A linear layer with optional clamps and bias:
 *     y = clamp(W clamp(x, in_min, in_max), out_min, out_max) + bias
 * A limit that the model does not have is -INFINITY / +INFINITY; bias NULL = none (no layer of the
 * family has both). */
struct g4_linear {
    struct g4_matrix w;
    float in_min, in_max, out_min, out_max;
    const float *bias; /* [rows] */
    bool exact;        /* factors stay float32 at every level, however many rows: for what decides,
                          as a router does */
};

/*
 * y[n, w.rows] = layer(x[n, w.cols]). y and x do not overlap. tmp: n * w.cols floats, used only
 * when an input limit is finite (may be NULL otherwise). n = 0 does nothing.
 *
 * The result of a row is bit-equal whatever n is in 1..16. With blocks of quantised weights (types
 * that have gemv_q8, no scales within rows, not exact) x is rounded to eight bits, and that holds
 * for n up to gemm_q8.rows_at_most of the level. More rows are products of floats.
 */
void g4_linear(const struct g4_exec *exec, const struct g4_linear *layer, float *y, size_t ldy,
               const float *x, size_t ldx, size_t n, float *tmp);

/* The same for a bare matrix: y = x W^T. */
void g4_matmul(const struct g4_exec *exec, const struct g4_matrix *w, float *y, size_t ldy,
               const float *x, size_t ldx, size_t n);

/* The same as an exact layer. */
void g4_matmul_exact(const struct g4_exec *exec, const struct g4_matrix *w, float *y, size_t ldy,
                     const float *x, size_t ldx, size_t n);

/* One of several products: y[n, w->rows] = x[n, w->cols] W^T. */
struct g4_matmul {
    const struct g4_matrix *w;
    float *y;
    size_t ldy;
    const float *x;
    size_t ldx, n;
};

/* What g4_matmul would make of each, in one go: with few rows, or in eight bits, the threads meet
 * once instead of after every product, and rows of x that neighbours share are rounded once. */
void g4_matmul_all(const struct g4_exec *exec, const struct g4_matmul *products, size_t count);

/* y[n] = columns k..k+n-1 of row r of W, widened to float32 and times scale. k and n need not be at
 * borders of blocks. One thread. */
void g4_matrix_part(const struct g4_exec *exec, const struct g4_matrix *w, size_t r, size_t k,
                    size_t n, float scale, float *y);

/* The whole row. */
void g4_matrix_row(const struct g4_exec *exec, const struct g4_matrix *w, size_t r, float scale,
                   float *y);

/* Rows from..from+count-1 as a matrix of their own. */
struct g4_matrix g4_matrix_rows(const struct g4_matrix *w, size_t from, size_t count);

#endif

/*
 * bind.h - from tensor names to checked pointers. Shapes are proven here, once for all runs.
 *
 * All take the published name as a format. `required` false: a missing tensor leaves *out empty
 * (matrix data NULL, vector NULL, scalar untouched) and is no error. A matrix may also lie in two
 * tensors, codes and scales: lib/model/bind_codes.h has the layouts.
 * Errors: tensor missing, wrong shape ("tensor 'x': shape [3, 4], expected [4, 3]"), a dtype that a
 * matrix or vector cannot have, a vector with an element that is not finite, a scalar that is NaN.
 * They name a tensor as the file spells it; one that is missing, as it is published.
 */
#ifndef G4_MODEL_BIND_H
#define G4_MODEL_BIND_H

#include <stdbool.h>
#include <stddef.h>

#include "lib/base/err.h"
#include "lib/base/mem.h"
#include "lib/model/weights.h"
#include "lib/nn/linear.h"

struct g4_bind {
    const struct g4_weights *weights;
    struct g4_arena *arena; /* widened vectors live here; may be measuring, then *out stays NULL */
    struct g4_err *err;
    int status; /* first error; once set, every further call does nothing. So a list
                   of binds reads as a list, and is checked once at its end */
};

/* A matrix [rows, cols], both at least 1, as a view into the mapping. Tensors of more dimensions
 * are accepted when their first is rows and the product of the others is cols (convolutions). */
void g4_bind_matrix(struct g4_bind *bind, struct g4_matrix *out, size_t rows, size_t cols,
                    bool required, const char *format, ...) __attribute__((format(printf, 6, 7)));

/* count matrices in one tensor [count, rows, cols], or one by one under names with a number
 * (lib/model/bind_stack.c): out[0..count-1]. out may be NULL (an array of a measuring arena): then
 * the tensors are only checked. */
void g4_bind_matrices(struct g4_bind *bind, struct g4_matrix *out, size_t count, size_t rows,
                      size_t cols, bool required, const char *format, ...)
    __attribute__((format(printf, 7, 8)));

/* Whether the model has such a stack, in any of these ways. */
bool g4_bind_has_matrices(const struct g4_bind *bind, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

/* A vector of n elements (any shape with that product), widened to float32 into the arena. */
void g4_bind_vector(struct g4_bind *bind, const float **out, size_t n, bool required,
                    const char *format, ...) __attribute__((format(printf, 5, 6)));

/* One number (shape [] or [1]). */
void g4_bind_scalar(struct g4_bind *bind, float *out, bool required, const char *format, ...)
    __attribute__((format(printf, 4, 5)));

/* A linear layer of a tower: "<name>.linear.weight" and its clip scalars "<name>.input_min" ...;
 * absent scalars mean no limit. */
void g4_bind_clipped(struct g4_bind *bind, struct g4_linear *out, size_t rows, size_t cols,
                     const char *format, ...) __attribute__((format(printf, 5, 6)));

/* Wraps a matrix as a linear layer without limits or bias. */
struct g4_linear g4_linear_plain(const struct g4_matrix *w);

#endif

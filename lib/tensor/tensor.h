/*
 * tensor.h - a named view of stored numbers. It owns nothing: name and data belong to the mapped
 * file, which must outlive it.
 */
#ifndef G4_TENSOR_TENSOR_H
#define G4_TENSOR_TENSOR_H

#include <stddef.h>

#include "lib/tensor/dtype.h"

enum { G4_TENSOR_DIMS = 8 };

struct g4_tensor {
    const char *name; /* as the file spells it */
    enum g4_dtype dtype;
    int dims;                     /* 0 = one element */
    size_t shape[G4_TENSOR_DIMS]; /* row-major, last index fastest */
    const void *data;             /* no more than 2-byte alignment is promised */
    size_t bytes;
};

/* Number of elements (the product of shape; 1 for dims 0). Checked when the file was opened. */
size_t g4_tensor_count(const struct g4_tensor *tensor);

/* Writes "[2, 3]" to out. Returns out. */
char *g4_tensor_shape_text(const struct g4_tensor *tensor, char *out, size_t size);

/* Element i of any float or integer type as float32, for small vectors and for tests (integers
 * above 2^24 round). Not for hot paths. */
float g4_tensor_get(const struct g4_tensor *tensor, size_t i);

#endif

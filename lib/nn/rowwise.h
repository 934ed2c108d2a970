/*
 * rowwise.h - running a function over blocks of rows; nothing outside lib/nn includes it.
 */
#ifndef G4_NN_ROWWISE_H
#define G4_NN_ROWWISE_H

#include <stddef.h>

#include "lib/nn/exec.h"

/* Handles rows from..to-1. */
typedef void g4_rowwise_fn(const struct g4_kernels *kernels, const void *job, size_t from,
                           size_t to);

/* Calls fn over all n rows, in blocks of about 16 K elements when a row has `dim` of them. */
void g4_rowwise(const struct g4_exec *exec, g4_rowwise_fn *fn, const void *job, size_t n,
                size_t dim);

#endif

/*
 * dtype.h - the element types of stored tensors, and their sizes.
 *
 * One table says everything about a type that is not arithmetic. A type is stored in blocks along
 * the last axis: `block` elements take `bytes` bytes; plain types have block 1.
 */
#ifndef G4_TENSOR_DTYPE_H
#define G4_TENSOR_DTYPE_H

#include <stdbool.h>
#include <stddef.h>

#include "lib/base/err.h"

enum g4_dtype {
    G4_DTYPE_F32,
    G4_DTYPE_F16,
    G4_DTYPE_BF16,
    G4_DTYPE_WEIGHTS, /* number of the types above: those a matrix may have */
    G4_DTYPE_F64 = G4_DTYPE_WEIGHTS,
    G4_DTYPE_I8,
    G4_DTYPE_U8,
    G4_DTYPE_I16,
    G4_DTYPE_U16,
    G4_DTYPE_I32,
    G4_DTYPE_U32,
    G4_DTYPE_I64,
    G4_DTYPE_U64,
    G4_DTYPE_BOOL,
    G4_DTYPE_F8_E4M3,
    G4_DTYPE_F8_E5M2,
    G4_DTYPE_OTHER, /* known to the file format, of no use to a Gemma 4 model */
    G4_DTYPES
};

struct g4_dtype_info {
    const char *name; /* as in safetensors: "BF16" */
    size_t block;     /* elements of a block */
    size_t bytes;     /* bytes of a block; 0 for G4_DTYPE_OTHER */
};

const struct g4_dtype_info *g4_dtype_info(enum g4_dtype dtype);

/* Bytes of a row of n elements; false if n is not whole blocks or the size wraps. */
bool g4_dtype_row_bytes(enum g4_dtype dtype, size_t n, size_t *bytes);

#endif

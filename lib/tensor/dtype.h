/*
 * dtype.h - the element types of stored tensors, and their sizes.
 *
 * One table says everything about a type that is not arithmetic. A type is stored in blocks along
 * the last axis: `block` elements take `bytes` bytes; plain types have block 1. A row never shares
 * a block with the next. What the bytes of a block mean: lib/tensor/quant.h.
 *
 * Three groups, in the order of the enum: plain floats, which everything may have; other types of
 * matrices (blocks that hold their scales, and codes whose scales lie in a tensor of their own);
 * types that no matrix has.
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
    G4_DTYPE_FLOATS, /* number of the types above: vectors, caches, factors of products */
    G4_DTYPE_Q4_0 = G4_DTYPE_FLOATS,
    G4_DTYPE_Q4_1,
    G4_DTYPE_Q5_0,
    G4_DTYPE_Q5_1,
    G4_DTYPE_Q8_0,
    G4_DTYPE_Q2_K,
    G4_DTYPE_Q3_K,
    G4_DTYPE_Q4_K,
    G4_DTYPE_Q5_K,
    G4_DTYPE_Q6_K,
    G4_DTYPE_IQ4_NL,
    G4_DTYPE_IQ4_XS,
    G4_DTYPE_MXFP4,
    G4_DTYPE_CODES,               /* the first of the types whose scales lie elsewhere */
    G4_DTYPE_I2 = G4_DTYPE_CODES, /* four in a byte, lowest bits first, stored + 2 */
    G4_DTYPE_I4,                  /* two in a byte, low nibble first, stored + 8 */
    G4_DTYPE_I8,
    G4_DTYPE_SFP8,    /* switched floating point, 8 bits */
    G4_DTYPE_WEIGHTS, /* number of the types above: those a matrix may have */
    G4_DTYPE_F64 = G4_DTYPE_WEIGHTS,
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
    const char *name; /* as the file formats spell it: "BF16", "Q4_K" */
    size_t block;     /* elements of a block */
    size_t bytes;     /* bytes of a block; 0 for G4_DTYPE_OTHER */
};

const struct g4_dtype_info *g4_dtype_info(enum g4_dtype dtype);

/* Bytes of a row of n elements; false if n is not whole blocks or the size wraps. */
bool g4_dtype_row_bytes(enum g4_dtype dtype, size_t n, size_t *bytes);

#endif

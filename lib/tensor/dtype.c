/* dtype.c - the table of element types. */
#include "lib/tensor/dtype.h"

#include <assert.h>

#include "lib/base/mem.h"

static const struct g4_dtype_info table[G4_DTYPES] = {
    [G4_DTYPE_F32] = {"F32", 1, 4},
    [G4_DTYPE_F16] = {"F16", 1, 2},
    [G4_DTYPE_BF16] = {"BF16", 1, 2},
    [G4_DTYPE_Q4_0] = {"Q4_0", 32, 18},
    [G4_DTYPE_Q4_1] = {"Q4_1", 32, 20},
    [G4_DTYPE_Q5_0] = {"Q5_0", 32, 22},
    [G4_DTYPE_Q5_1] = {"Q5_1", 32, 24},
    [G4_DTYPE_Q8_0] = {"Q8_0", 32, 34},
    [G4_DTYPE_Q2_K] = {"Q2_K", 256, 84},
    [G4_DTYPE_Q3_K] = {"Q3_K", 256, 110},
    [G4_DTYPE_Q4_K] = {"Q4_K", 256, 144},
    [G4_DTYPE_Q5_K] = {"Q5_K", 256, 176},
    [G4_DTYPE_Q6_K] = {"Q6_K", 256, 210},
    [G4_DTYPE_IQ4_NL] = {"IQ4_NL", 32, 18},
    [G4_DTYPE_IQ4_XS] = {"IQ4_XS", 256, 136},
    [G4_DTYPE_MXFP4] = {"MXFP4", 32, 17},
    [G4_DTYPE_I2] = {"I2", 4, 1},
    [G4_DTYPE_I4] = {"I4", 2, 1},
    [G4_DTYPE_I8] = {"I8", 1, 1},
    [G4_DTYPE_SFP8] = {"SFP8", 1, 1},
    [G4_DTYPE_F64] = {"F64", 1, 8},
    [G4_DTYPE_U8] = {"U8", 1, 1},
    [G4_DTYPE_I16] = {"I16", 1, 2},
    [G4_DTYPE_U16] = {"U16", 1, 2},
    [G4_DTYPE_I32] = {"I32", 1, 4},
    [G4_DTYPE_U32] = {"U32", 1, 4},
    [G4_DTYPE_I64] = {"I64", 1, 8},
    [G4_DTYPE_U64] = {"U64", 1, 8},
    [G4_DTYPE_BOOL] = {"BOOL", 1, 1},
    [G4_DTYPE_F8_E4M3] = {"F8_E4M3", 1, 1},
    [G4_DTYPE_F8_E5M2] = {"F8_E5M2", 1, 1},
    [G4_DTYPE_OTHER] = {"other", 1, 0},
};

const struct g4_dtype_info *g4_dtype_info(enum g4_dtype dtype)
{
    assert((unsigned)dtype < G4_DTYPES);
    return &table[dtype];
}

bool g4_dtype_row_bytes(enum g4_dtype dtype, size_t n, size_t *bytes)
{
    const struct g4_dtype_info *info = g4_dtype_info(dtype);
    if (info->bytes == 0 || n % info->block != 0)
        return false;
    return g4_mul_size(n / info->block, info->bytes, bytes);
}

/* gguf_type.c - the table of types in GGUF files, by their number. */
#include "lib/format/gguf_type.h"

#include <stddef.h>

static const struct stored_type {
    const char *name;
    enum g4_dtype dtype;
} stored_types[] = {
    [0] = {"F32", G4_DTYPE_F32},        [1] = {"F16", G4_DTYPE_F16},
    [2] = {"Q4_0", G4_DTYPE_Q4_0},      [3] = {"Q4_1", G4_DTYPE_Q4_1},
    [6] = {"Q5_0", G4_DTYPE_Q5_0},      [7] = {"Q5_1", G4_DTYPE_Q5_1},
    [8] = {"Q8_0", G4_DTYPE_Q8_0},      [9] = {"Q8_1", G4_DTYPE_OTHER},
    [10] = {"Q2_K", G4_DTYPE_Q2_K},     [11] = {"Q3_K", G4_DTYPE_Q3_K},
    [12] = {"Q4_K", G4_DTYPE_Q4_K},     [13] = {"Q5_K", G4_DTYPE_Q5_K},
    [14] = {"Q6_K", G4_DTYPE_Q6_K},     [15] = {"Q8_K", G4_DTYPE_OTHER},
    [16] = {"IQ2_XXS", G4_DTYPE_OTHER}, [17] = {"IQ2_XS", G4_DTYPE_OTHER},
    [18] = {"IQ3_XXS", G4_DTYPE_OTHER}, [19] = {"IQ1_S", G4_DTYPE_OTHER},
    [20] = {"IQ4_NL", G4_DTYPE_IQ4_NL}, [21] = {"IQ3_S", G4_DTYPE_OTHER},
    [22] = {"IQ2_S", G4_DTYPE_OTHER},   [23] = {"IQ4_XS", G4_DTYPE_IQ4_XS},
    [24] = {"I8", G4_DTYPE_I8},         [25] = {"I16", G4_DTYPE_I16},
    [26] = {"I32", G4_DTYPE_I32},       [27] = {"I64", G4_DTYPE_I64},
    [28] = {"F64", G4_DTYPE_F64},       [29] = {"IQ1_M", G4_DTYPE_OTHER},
    [30] = {"BF16", G4_DTYPE_BF16},     [34] = {"TQ1_0", G4_DTYPE_OTHER},
    [35] = {"TQ2_0", G4_DTYPE_OTHER},   [39] = {"MXFP4", G4_DTYPE_MXFP4},
    [40] = {"NVFP4", G4_DTYPE_OTHER},   [41] = {"Q1_0", G4_DTYPE_OTHER},
    [42] = {"Q2_0", G4_DTYPE_OTHER},
};

enum { TYPES = sizeof stored_types / sizeof stored_types[0] };

const char *g4_gguf_type_name(uint32_t id, enum g4_dtype *dtype)
{
    if (id >= TYPES || !stored_types[id].name)
        return NULL;
    *dtype = stored_types[id].dtype;
    return stored_types[id].name;
}

bool g4_gguf_type_id(enum g4_dtype dtype, uint32_t *id)
{
    for (uint32_t i = 0; i < TYPES && dtype != G4_DTYPE_OTHER; i++) {
        if (stored_types[i].name && stored_types[i].dtype == dtype) {
            *id = i;
            return true;
        }
    }
    return false;
}

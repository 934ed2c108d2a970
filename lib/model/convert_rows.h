/*
 * convert_rows.h - one row of a planned tensor: read, changed, rounded. For convert_stream.c.
 */
#ifndef G4_MODEL_CONVERT_ROWS_H
#define G4_MODEL_CONVERT_ROWS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/kernel/kernel.h"
#include "lib/model/convert.h"

struct g4_convert_row {
    const struct g4_convert_tensor *tensor;
    const struct g4_kernels *kernels;
    const float *scales; /* of the plan's tensors, as far as they are known */
    float scale;         /* numbers are divided by it; 1 but for SFP8 */
};

/* out = row r in the type of the result; tmp[2 cols]. false, and zeros, when a number of the row is
 * not finite or beyond what the type has room for. */
bool g4_convert_row(const struct g4_convert_row *row, size_t r, unsigned char *out, float *tmp);

/* The bits of the largest |x| in row r: as whole numbers these are in the order of the floats,
 * infinity and NaN the largest. tmp[2 cols]. */
uint32_t g4_convert_row_largest(const struct g4_convert_row *row, size_t r, float *tmp);

/* The row of the source that row r is made from. */
size_t g4_convert_source_row(const struct g4_convert_tensor *t, size_t r);

#endif

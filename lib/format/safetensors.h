/*
 * safetensors.h - one safetensors file as a table of tensors.
 *
 *     u64 N | JSON of N bytes | data
 *     JSON: {"name": {"dtype": "BF16", "shape": [2, 3], "data_offsets": [begin, end]}, ...}
 *
 * Everything the format promises is checked before a tensor is handed out: N <= 100 MB and within
 * the file; tensors sorted by offset cover the data without hole or overlap to the very end; shape
 * x dtype equals the bytes; names unique; at most 65,536 tensors.
 * Offsets count from byte 8 + N, end exclusive; tensors lie packed, so that data has no alignment
 * to rely on. A member
 * "__metadata__" (string -> string) is allowed and ignored.
 */
#ifndef G4_FORMAT_SAFETENSORS_H
#define G4_FORMAT_SAFETENSORS_H

#include <stddef.h>

#include "lib/base/err.h"
#include "lib/base/file.h"
#include "lib/tensor/tensor.h"

enum { G4_SAFETENSORS_HEADER = 100000000, G4_SAFETENSORS_TENSORS = 65536 };

struct g4_safetensors {
    struct g4_map map;
    char *path;                /* as it was opened; owned; NULL for bytes in memory */
    struct g4_tensor *tensors; /* sorted by name; names are owned here */
    size_t count;
    char *names; /* backing store of the names */
};

/* Maps and checks `path`. On failure *file is zeroed and needs no close. */
int g4_safetensors_open(struct g4_safetensors *file, const char *path, struct g4_err *err);

/* The same for `size` bytes in memory, which must outlive *file; `what` names them in messages. */
int g4_safetensors_parse(struct g4_safetensors *file, const unsigned char *bytes, size_t size,
                         const char *what, struct g4_err *err);

/* Releases the table and the mapping; safe on a zeroed struct. */
void g4_safetensors_close(struct g4_safetensors *file);

/* Binary search; NULL when there is none. */
const struct g4_tensor *g4_safetensors_find(const struct g4_safetensors *file, const char *name);

#endif

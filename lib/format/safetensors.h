/*
 * safetensors.h - one safetensors file as a table of tensors.
 *
 *     u64 N | JSON of N bytes: {"name": {"dtype", "shape", "data_offsets": [begin, end]}, ...} | data
 *
 * Everything the format promises is checked before a tensor is handed out: N <= 100 MB and within the
 * file; tensors sorted by offset cover the data without hole or overlap to the very end; shape x dtype
 * equals the bytes; names unique; at most 65,536 tensors.
 * Source: the format's specification; weights.md A.1 of the model notes.
 */
#ifndef G4_FORMAT_SAFETENSORS_H
#define G4_FORMAT_SAFETENSORS_H

#include <stddef.h>

#include "lib/base/err.h"
#include "lib/base/file.h"
#include "lib/tensor/tensor.h"

struct g4_safetensors {
    struct g4_map map;
    struct g4_tensor *tensors;  /* sorted by name; names are owned here */
    size_t count;
    char *names;                /* backing store of the names */
};

/* Maps and checks `path`. On failure *file is zeroed and needs no close. */
int g4_safetensors_open(struct g4_safetensors *file, const char *path, struct g4_err *err);
void g4_safetensors_close(struct g4_safetensors *file);

/* Binary search; NULL when there is none. */
const struct g4_tensor *g4_safetensors_find(const struct g4_safetensors *file, const char *name);

#endif

/*
 * gguf_type.h - the numbers that stand for types of tensors in GGUF files.
 */
#ifndef G4_FORMAT_GGUF_TYPE_H
#define G4_FORMAT_GGUF_TYPE_H

#include <stdbool.h>
#include <stdint.h>

#include "lib/tensor/dtype.h"

/* Its name; NULL where a number was given up long ago or is not yet given. *dtype: the type;
 * G4_DTYPE_OTHER where it is known by name only, so that a message can say what is in the way. */
const char *g4_gguf_type_name(uint32_t id, enum g4_dtype *dtype);

/* The other way; false: these files have no number for it. */
bool g4_gguf_type_id(enum g4_dtype dtype, uint32_t *id);

#endif

/*
 * config_gguf_parts.h - what the readers of GGUF metadata share. Internal to
 * lib/model/config_gguf*.c.
 */
#ifndef G4_MODEL_CONFIG_GGUF_PARTS_H
#define G4_MODEL_CONFIG_GGUF_PARTS_H

#include <stddef.h>

#include "lib/base/err.h"
#include "lib/format/gguf.h"
#include "lib/model/config.h"
#include "lib/model/config_parts.h"
#include "lib/model/weights.h"

/* Fields whose keys are prefix + key. */
int g4_gguf_sizes(const struct g4_gguf *file, const char *prefix, void *base,
                  const struct g4_size_field *fields, size_t n, struct g4_err *err);
int g4_gguf_floats(const struct g4_gguf *file, const char *prefix, void *base,
                   const struct g4_float_field *fields, size_t n, struct g4_err *err);

/* *tensor: the one of a published name, which tells a size and has `dims` dimensions; messages name
 * `file`. */
int g4_config_find(const struct g4_tensor **tensor, const struct g4_weights *weights,
                   const struct g4_gguf *file, const char *published, int dims, struct g4_err *err);

/* The towers, and the text width they project into where config->text has none. */
int g4_config_media_from_gguf(struct g4_config *config, const struct g4_weights *weights,
                              struct g4_err *err);

#endif

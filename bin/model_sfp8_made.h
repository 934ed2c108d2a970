/*
 * model_sfp8_made.h - the small files of a model's folder, made of what a GGUF file says.
 */
#ifndef G4_BIN_MODEL_SFP8_MADE_H
#define G4_BIN_MODEL_SFP8_MADE_H

#include <stddef.h>

#include "lib/base/err.h"
#include "lib/model/model.h"

/* The bytes of "config.json", "tokenizer.json", "generation_config.json" or "chat_template.jinja"
 * for a GGUF model; the caller frees. *bytes is NULL for any other name, and where the model has no
 * template. */
int g4_model_make_file(char **bytes, size_t *n, const struct g4_model *model, const char *name,
                       struct g4_err *err);

#endif

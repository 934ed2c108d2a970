/*
 * convert_metadata.h - what a GGUF file says of a model besides its tensors and its vocabulary.
 *
 * Keys and types are those that llama.cpp's loader asks for. What the model's own GGUF metadata
 * holds in general.* (name, licence, sampling) is handed on.
 */
#ifndef G4_MODEL_CONVERT_METADATA_H
#define G4_MODEL_CONVERT_METADATA_H

#include "lib/base/err.h"
#include "lib/format/gguf_write.h"
#include "lib/model/convert.h"

/* G4_EUNSUPPORTED: the configuration has a number that these files have no place for, because
 * every published model has it alike. */
int g4_convert_check(const struct g4_model *model, struct g4_err *err);

/* general.* and gemma4.* for the text model. */
void g4_convert_put_text(struct g4_gguf_writer *writer, const struct g4_model *model,
                         enum g4_convert_type type);

/* general.* and clip.* for the towers that `plan` has. */
void g4_convert_put_media(struct g4_gguf_writer *writer, const struct g4_convert *plan);

#endif

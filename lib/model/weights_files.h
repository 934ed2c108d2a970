/*
 * weights_files.h - the files of a model, opened and checked against each other. Internal to
 * lib/model/weights*.c.
 */
#ifndef G4_MODEL_WEIGHTS_FILES_H
#define G4_MODEL_WEIGHTS_FILES_H

#include <stdbool.h>

#include "lib/base/err.h"
#include "lib/model/weights.h"

/* Fills shards. What was opened before an error stays for g4_weights_close. */
int g4_weights_open_shards(struct g4_weights *weights, const char *path, bool is_folder,
                           struct g4_err *err);

/* Fills ggufs with the file and, when it is one part of several, the others; text or media. */
int g4_weights_open_parts(struct g4_weights *weights, const char *path, struct g4_err *err);

/* Opens the companion behind the parts. */
int g4_weights_open_companion(struct g4_weights *weights, const char *path, struct g4_err *err);

/* Which names and which form the files have. *unified: see lib/model/gguf_names.h. Refuses tensors
 * that would change what is computed and that nothing here reads. */
int g4_weights_tell_dialect(struct g4_weights *weights, bool *unified, struct g4_err *err);

#endif

/*
 * companion.h - the file with the towers beside a GGUF text model.
 */
#ifndef G4_MODEL_COMPANION_H
#define G4_MODEL_COMPANION_H

#include "lib/base/err.h"

/*
 * Looks in the folder of `path` for GGUF files whose metadata says they hold towers for the text
 * model's width (general.architecture "clip", *.projection_dim). *companion: the only one, or of
 * several the one of largest precision by name and type (bf16, f32, f16, q8_0, others); the caller
 * frees; NULL when there is none. A damaged file is passed over here and refused when it is named.
 */
int g4_companion_find(char **companion, const char *path, struct g4_err *err);

#endif

/*
 * companion.h - the file with the towers beside a GGUF text model.
 */
#ifndef G4_MODEL_COMPANION_H
#define G4_MODEL_COMPANION_H

#include "lib/base/err.h"
#include "lib/format/gguf.h"

/*
 * Looks in the folder of `text`, the file with a text model's metadata, for GGUF files whose
 * metadata says they hold towers for its width (general.architecture "clip", *.projection_dim):
 * first among those with "mmproj" in their names, then among the others. *companion: the only one,
 * or of several the one whose projections lose least and cost little (BF16, then F32, F16, Q8_0,
 * others; then by name); the caller frees; NULL when there is none. A damaged file is passed over
 * here and refused when it is named.
 */
int g4_companion_find(char **companion, const struct g4_gguf *text, struct g4_err *err);

#endif

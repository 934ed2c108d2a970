/*
 * weights.h - all tensors of a model under their published names, whatever files they lie in.
 *
 * A folder: model.safetensors.index.json with its shards, or model.safetensors. Or one safetensors
 * file. Names are looked up in the published spelling ("model.language_model.layers.0...",
 * "model.vision_tower...", "model.embed_vision..."); re-saved names are found as well:
 * "language_model.model." and "model." (text only) for the text part, "vision_tower.",
 * "audio_tower.", "embed_vision.", "vision_embedder.", "embed_audio." for the others. Everything
 * stays mapped; nothing is read here.
 */
#ifndef G4_MODEL_WEIGHTS_H
#define G4_MODEL_WEIGHTS_H

#include <stdbool.h>
#include <stddef.h>

#include "lib/base/err.h"
#include "lib/format/safetensors.h"
#include "lib/tensor/tensor.h"

enum { G4_MAX_SHARDS = 1024 };

struct g4_weights {
    struct g4_safetensors *shards; /* as the index names them, sorted */
    size_t shard_count;
    const struct g4_tensor **sorted; /* all tensors of all shards by name */
    size_t count;
};

/*
 * path: a folder or a file. The index wins over a single file beside it. Errors: whatever is wrong
 * with a file; a shard missing, or named outside the folder; a tensor that is not where the index
 * has it, or in two shards; G4_ENOTFOUND: the folder holds no weights. *weights is zeroed then.
 */
int g4_weights_open(struct g4_weights *weights, const char *path, struct g4_err *err);
void g4_weights_close(struct g4_weights *weights);

/* NULL when there is no such tensor under any accepted spelling. */
const struct g4_tensor *g4_weights_find(const struct g4_weights *weights,
                                        const char *published_name);

/* Whether a stored name is `published_prefix` + anything, in any accepted spelling. A text-only
 * "model." is not told from the towers' published "model.vision_tower.": ask for those first. */
bool g4_weights_has_prefix(const char *name, const char *published_prefix);

#endif

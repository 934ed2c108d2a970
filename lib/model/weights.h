/*
 * weights.h - all tensors of a model under their published names, whatever files they lie in.
 *
 * A folder: model.safetensors.index.json with its shards, or model.safetensors. Or one safetensors
 * file. Or a GGUF file: the text model (with its other parts, when it is split: any of them may be
 * named; some files hold the towers as well) and its companion, which holds the towers; or the
 * companion alone.
 *
 * Names are looked up in the published spelling ("model.language_model.layers.0...",
 * "model.vision_tower...", "model.embed_vision..."). Re-saved names are found as well:
 * "language_model.model." and "model." (text only) for the text part, "vision_tower.",
 * "audio_tower.", "embed_vision.", "vision_embedder.", "embed_audio." for the others; and what GGUF
 * files call them (lib/model/gguf_names.h). Everything stays mapped; nothing is read here.
 */
#ifndef G4_MODEL_WEIGHTS_H
#define G4_MODEL_WEIGHTS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/base/err.h"
#include "lib/format/gguf.h"
#include "lib/format/safetensors.h"
#include "lib/model/gguf_names.h"
#include "lib/tensor/tensor.h"

enum { G4_MAX_SHARDS = 1024 }; /* and parts of a GGUF model */

/* Where a store keeps other numbers than the published files: readers look here. */
struct g4_weights_form {
    bool channels_first;    /* columns of the patch projections and entries of patch_ln1 are in the
                               order channel, row, column instead of row, column, channel */
    bool softplus_applied;  /* per_dim_scale is softplus of the published one */
    bool positions_by_axis; /* 12B: the table is [axis][position] instead of [position][axis] */
};

struct g4_weights {
    enum g4_store store;
    struct g4_weights_form form;
    struct g4_safetensors *shards; /* as the index names them, sorted */
    size_t shard_count;
    struct g4_gguf *ggufs; /* the text model's parts in their order, then the companion */
    size_t gguf_count;
    const struct g4_gguf *text;  /* of ggufs: the one with the text model's metadata; NULL = none */
    const struct g4_gguf *media; /* of ggufs: the one with the towers' metadata (which may be the
                                    text model's file); NULL = none */
    const struct g4_tensor **sorted; /* all tensors of all files, by published name */
    const char **published; /* those names, in the same order; a tensor that is of no published
                               model keeps the name it has */
    size_t count;
    unsigned char *asked; /* NULL, or for each of `sorted` a mark that g4_weights_find sets when it
                             finds it; borrowed */
    char *names;          /* backing store of the published names that no file spells */
};

/*
 * path: a folder or a file. The index wins over a single file beside it. companion: a GGUF file
 * with the towers for a GGUF text model; NULL = none. Errors: whatever is wrong with a file; a
 * shard missing, or named outside the folder; a tensor that is not where the index has it, or is
 * there twice; a part of a split model missing, or of another; G4_ENOTFOUND: the folder holds no
 * weights; G4_EUNSUPPORTED: a GGUF file that is no Gemma 4 model, a drafter or an adapter;
 * G4_EUSAGE: a companion for what has none. *weights is zeroed then.
 */
int g4_weights_open(struct g4_weights *weights, const char *path, const char *companion,
                    struct g4_err *err);
void g4_weights_close(struct g4_weights *weights);

/* Adds the companion to a GGUF text model that was opened without one. If it fails, *weights is
 * closed. */
int g4_weights_attach(struct g4_weights *weights, const char *companion, struct g4_err *err);

/* *is: whether the file begins like a GGUF file. */
int g4_weights_is_gguf(bool *is, const char *path, struct g4_err *err);

/* NULL when there is no such tensor under any accepted spelling. */
const struct g4_tensor *g4_weights_find(const struct g4_weights *weights,
                                        const char *published_name);

/* Bytes of all mapped files. */
uint64_t g4_weights_mapped(const struct g4_weights *weights);

#endif

/*
 * convert.h - which tensors a converted model has, in which types, made from which of another's.
 *
 *     plan -> (bin/) announce its tensors, write a header -> g4_convert_stream writes their data
 *
 * Two kinds of files come out. GGUF: the text model in one, the towers in another, tensors and
 * types as published files have them. Safetensors with SFP8: all tensors under the names they have
 * (of a GGUF model under the published ones, in the published form), matrices in eight bits with a
 * scale each.
 *
 *     GGUF text        token_embd, per_layer_token_embd, output: the recipe's second type
 *                      other matrices, stacks of experts: the first; in Q4_K_M attn_v and ffn_down
 *                      of some layers the second
 *                      router, what is no matrix: F32; per_layer_model_proj: 16 bits
 *                      keys and values of layers that borrow theirs: left out
 *     GGUF towers      16 bits; F32: convolutions and what is behind them, tables of positions,
 *                      patch projections, what is no matrix
 *     SFP8             matrices, stacks of experts; as they are: what is no matrix, convolutions,
 *                      tables of positions, the router, projections into the text's width
 *
 * Where a row is no multiple of a type's block, the next of smaller blocks takes its place: Q4_K
 * Q5_0, Q6_K Q8_0, and for rows that are not whole 32s BF16.
 */
#ifndef G4_MODEL_CONVERT_H
#define G4_MODEL_CONVERT_H

#include <stddef.h>
#include <stdint.h>

#include "lib/base/err.h"
#include "lib/model/model.h"

enum g4_convert_type {
    G4_CONVERT_Q4_0,
    G4_CONVERT_Q8_0,
    G4_CONVERT_Q4_K_M,
    G4_CONVERT_Q6_K,
    G4_CONVERT_BF16,
    G4_CONVERT_GGUF_TYPES,
    G4_CONVERT_SFP8 = G4_CONVERT_GGUF_TYPES,
    G4_CONVERT_TYPES
};

struct g4_convert_recipe {
    const char *name;            /* "q4_k_m" */
    enum g4_dtype first, second; /* see above */
    uint32_t file_type;          /* the number such files bear */
};

const struct g4_convert_recipe *g4_convert_recipe(enum g4_convert_type type);

/* What happens to numbers on the way, besides rounding. */
enum g4_convert_change {
    G4_CHANGE_NONE,
    G4_CHANGE_CHANNELS_FIRST, /* columns (row, column, channel) -> (channel, row, column) */
    G4_CHANGE_CHANNELS_LAST,  /* and back */
    G4_CHANGE_BY_AXIS,        /* rows [positions][axes] -> [axes][positions], or back */
    G4_CHANGE_SOFTPLUS,       /* y = log(1 + e^x) */
    G4_CHANGE_SOFTPLUS_BACK,  /* y = log(e^x - 1) */
    G4_CHANGE_ROPE_FACTORS,   /* no source: `turned` ones, then 1e30 for pairs that stay */
    G4_CHANGE_SCALE_OF,       /* the scale of the tensor `index`, found while that was written */
};

struct g4_convert_tensor {
    char *name; /* in the file that is written; owned */
    const struct g4_tensor *source;
    enum g4_dtype dtype;
    int dims;
    size_t shape[G4_TENSOR_DIMS];
    size_t rows, cols; /* the same elements as rows of whole blocks */
    enum g4_convert_change change;
    size_t turned; /* ROPE_FACTORS */
    size_t index;  /* SCALE_OF */
};

struct g4_convert {
    const struct g4_model *model; /* borrowed */
    struct g4_convert_tensor *tensors;
    size_t count;
};

/* G4_EUNSUPPORTED, naming a tensor, for a model whose numbers are quantised already. */
int g4_convert_refuse_rounded(const struct g4_model *model, struct g4_err *err);

/* The plans, for a model that was not refused. Whether it is complete is not looked at here. *plan
 * is zeroed on failure. */
int g4_convert_text(struct g4_convert *plan, const struct g4_model *model,
                    enum g4_convert_type type, struct g4_err *err);
/* count is 0 for a model without towers. */
int g4_convert_media(struct g4_convert *plan, const struct g4_model *model, struct g4_err *err);
/* The tensor of rotation factors is left out where g4_convert_rotary_factor says it all. */
int g4_convert_sfp8(struct g4_convert *plan, const struct g4_model *model, struct g4_err *err);

/* The partial_rotary_factor that does the same as the model's tensor of rotation factors: ones,
 * then what stops a pair from turning. false: there is no such tensor, or it holds something else.
 */
bool g4_convert_rotary_factor(double *factor, const struct g4_model *model);

void g4_convert_release(struct g4_convert *plan); /* safe on a zeroed struct */

#endif

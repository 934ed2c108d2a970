/*
 * config.h - every number of a model, resolved per layer, as config.json gives it.
 *
 * Field names are those of config.json. Values are checked against a table of limits, so that
 * products of two of them cannot overflow. Both spellings of the per-layer head sizes are
 * understood (global_head_dim / num_global_key_value_heads, and per_layer_config). A text-only
 * config (no text_config object) is taken as the text part itself.
 */
#ifndef G4_MODEL_CONFIG_H
#define G4_MODEL_CONFIG_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/base/err.h"

struct g4_layer_config {
    bool full;       /* full attention; else sliding window */
    bool k_is_v;     /* no v_proj: v is the raw k_proj output */
    size_t head_dim; /* d of this layer */
    size_t kv_heads;
    size_t intermediate_size; /* F of this layer: some models double it where the layer borrows */
    size_t source; /* layer whose keys and values this one reads; itself if it owns them */
};

struct g4_rope_config {
    double theta;
    double partial_rotary_factor; /* 1.0 for rope_type "default" */
};

struct g4_text_config {
    bool present;
    size_t hidden_size, num_hidden_layers, vocab_size, num_attention_heads;
    size_t hidden_size_per_layer_input; /* P; 0 = no per-layer embeddings */
    size_t sliding_window;
    size_t max_position_embeddings;
    float rms_norm_eps;
    float final_logit_softcapping; /* 0 = none */
    bool image_blocks;             /* use_bidirectional_attention "vision" */
    bool own_head; /* tie_word_embeddings false: there must be an lm_head.weight; else there may */
    size_t num_experts, top_k_experts, moe_intermediate_size; /* 0 = dense only */
    int32_t pad_token_id;
    size_t first_shared; /* layers from here on borrow keys and values */
    struct g4_rope_config rope_full, rope_sliding;
    struct g4_layer_config *layer; /* [num_hidden_layers], owned */
};

struct g4_vision_config {
    bool present;
    bool unified; /* 12B: no tower, 48-pixel patches */
    size_t hidden_size, intermediate_size, num_hidden_layers, num_attention_heads, head_dim;
    size_t patch_size, pooling_kernel_size, position_embedding_size;
    size_t default_output_length; /* 280 */
    double rope_theta;
    float rms_norm_eps;
    bool use_clipped_linears, standardize;
    size_t mm_embed_dim; /* unified only; position_embedding_size = mm_posemb_size */
};

struct g4_audio_config {
    bool present;
    bool unified; /* 12B: raw samples */
    size_t hidden_size, num_hidden_layers, num_attention_heads;
    size_t conv_channels[2]; /* subsampling_conv_channels */
    size_t conv_kernel_size;
    size_t attention_context_left; /* 13: the window is one less, 12 keys */
    float attention_logit_cap, residual_weight, rms_norm_eps;
    size_t output_proj_dims;
    size_t audio_embed_dim; /* unified: samples per token */
};

struct g4_config {
    struct g4_text_config text;
    struct g4_vision_config vision;
    struct g4_audio_config audio;
};

/* Reads and checks `path` (config.json). On failure *config is zeroed. G4_EUNSUPPORTED: not a Gemma
 * 4 model, a drafter, a quantised form that is not read; G4_EINPUT: a member that is missing, of
 * the wrong type, beyond its limits, or asking for a computation the family does not have. */
int g4_config_load(struct g4_config *config, const char *path, struct g4_err *err);
/* The same from a parsed document; `what` names it in messages. */
int g4_config_read(struct g4_config *config, const json_t *root, const char *what,
                   struct g4_err *err);
void g4_config_release(struct g4_config *config); /* safe on a zeroed struct */

/* Whether a model with this config.json keeps its weights in a form that is read: plain, or one of
 * the quantised ones (lib/model/bind_codes.h). */
bool g4_config_weights_readable(const json_t *root);

/* "E2B", "E4B", "12B", "26B-A4B", "31B" by layers and width (variants.md 8), else "custom". */
const char *g4_config_variant(const struct g4_config *config);

/* Whether two configs are the same in every field (the two spellings must be). */
bool g4_config_equal(const struct g4_config *a, const struct g4_config *b);

#endif

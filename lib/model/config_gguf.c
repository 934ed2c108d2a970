/*
 * config_gguf.c - the text part from gemma4.* keys, and all parts put together.
 *
 *     sizes -> each layer's type, heads, width -> what the tensors tell -> who borrows from whom
 */
#include "lib/model/config_gguf.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/mem.h"
#include "lib/model/config_gguf_parts.h"
#include "lib/model/config_parts.h"

#define TEXT         "model.language_model."
#define FIELD(name)  offsetof(struct g4_text_config, name)
#define COUNT(table) (sizeof(table) / sizeof(table)[0])

enum { KEY_BYTES = 96 };

/* What a full layer turns of each head where no tensor says. */
static const double published_rotary_factor = 0.25;

/* ------------------------------------------------------------ tables of keys */

int g4_gguf_sizes(const struct g4_gguf *file, const char *prefix, void *base,
                  const struct g4_size_field *fields, size_t n, struct g4_err *err)
{
    int status = 0;
    for (size_t i = 0; status == 0 && i < n; i++) {
        char key[KEY_BYTES];
        size_t *place = (size_t *)(void *)((char *)base + fields[i].offset);
        int64_t value = (int64_t)*place;
        snprintf(key, sizeof key, "%s%s", prefix, fields[i].key);
        status =
            g4_gguf_int(file, key, fields[i].required, fields[i].min, fields[i].max, &value, err);
        *place = (size_t)value;
    }
    return status;
}

int g4_gguf_floats(const struct g4_gguf *file, const char *prefix, void *base,
                   const struct g4_float_field *fields, size_t n, struct g4_err *err)
{
    int status = 0;
    for (size_t i = 0; status == 0 && i < n; i++) {
        char key[KEY_BYTES];
        float *place = (float *)(void *)((char *)base + fields[i].offset);
        double value = (double)*place;
        snprintf(key, sizeof key, "%s%s", prefix, fields[i].key);
        status = g4_gguf_number(file, key, fields[i].required, fields[i].min, fields[i].max, &value,
                                err);
        *place = (float)value;
    }
    return status;
}

static const struct g4_size_field sizes[] = {
    {"embedding_length", FIELD(hidden_size), true, 1, G4_CONFIG_WIDTH},
    {"block_count", FIELD(num_hidden_layers), true, 1, G4_CONFIG_LAYERS},
    {"embedding_length_per_layer_input", FIELD(hidden_size_per_layer_input), false, 0,
     G4_CONFIG_HEAD_DIM},
    {"attention.sliding_window", FIELD(sliding_window), true, 1, G4_CONFIG_POSITIONS},
    {"context_length", FIELD(max_position_embeddings), true, 1, G4_CONFIG_POSITIONS},
    {"expert_count", FIELD(num_experts), false, 0, 4096},
    {"expert_used_count", FIELD(top_k_experts), false, 0, 4096},
    {"expert_feed_forward_length", FIELD(moe_intermediate_size), false, 0, G4_CONFIG_FEED_FORWARD},
};

static const struct g4_float_field floats[] = {
    {"attention.layer_norm_rms_epsilon", FIELD(rms_norm_eps), true, 1e-30, 1.0},
    {"final_logit_softcapping", FIELD(final_logit_softcapping), false, 0.0, 1e6},
};

/* ------------------------------------------------------------ layers */

/* Values of one kind for every layer. */
struct lists {
    int64_t *sliding, *kv_heads, *feed_forward, *heads;
};

static int read_lists(struct lists *lists, const struct g4_gguf *file, size_t n, struct g4_err *err)
{
    const struct {
        const char *key;
        int64_t min, max, *out;
    } keys[] = {
        {"gemma4.attention.sliding_window_pattern", 0, 1, lists->sliding},
        {"gemma4.attention.head_count_kv", 1, G4_CONFIG_HEADS, lists->kv_heads},
        {"gemma4.attention.head_count", 1, G4_CONFIG_HEADS, lists->heads},
        {"gemma4.feed_forward_length", 1, G4_CONFIG_FEED_FORWARD, lists->feed_forward},
    };
    int status = 0;
    for (size_t i = 0; status == 0 && i < COUNT(keys); i++)
        status =
            g4_gguf_ints(file, keys[i].key, true, n, keys[i].min, keys[i].max, keys[i].out, err);
    for (size_t i = 1; status == 0 && i < n; i++)
        if (lists->heads[i] != lists->heads[0])
            status =
                g4_err_set(err, G4_EUNSUPPORTED,
                           "'%s': gemma4.attention.head_count: %lld in layer %zu, %lld in "
                           "layer 0, expected one number",
                           file->path, (long long)lists->heads[i], i, (long long)lists->heads[0]);
    return status;
}

/* *out: the number under two keys that must agree; the second need not be there. */
static int read_pair(const struct g4_gguf *file, const char *key, const char *other, int64_t *out,
                     struct g4_err *err)
{
    int status = g4_gguf_int(file, key, true, 2, G4_CONFIG_HEAD_DIM, out, err);
    int64_t second = *out;
    if (status == 0)
        status = g4_gguf_int(file, other, false, 1, INT32_MAX, &second, err);
    if (status == 0 && second != *out)
        status = g4_err_set(err, G4_EUNSUPPORTED, "'%s': %s: %lld, expected %lld, that of %s",
                            file->path, other, (long long)second, (long long)*out, key);
    return status;
}

/* d of sliding and full layers: keys, values and what is rotated are of one width. */
static int read_head_dims(const struct g4_gguf *file, int64_t d[2], struct g4_err *err)
{
    static const char *const keys[2][3] = {
        {"gemma4.attention.key_length_swa", "gemma4.attention.value_length_swa",
         "gemma4.rope.dimension_count_swa"},
        {"gemma4.attention.key_length", "gemma4.attention.value_length",
         "gemma4.rope.dimension_count"},
    };
    int status = 0;
    for (int full = 0; full < 2; full++)
        for (int i = 1; status == 0 && i < 3; i++)
            status = read_pair(file, keys[full][0], keys[full][i], &d[full], err);
    return status;
}

static bool has_layer_tensor(const struct g4_weights *weights, size_t layer, const char *name)
{
    char full[G4_NAME_BYTES];
    snprintf(full, sizeof full, TEXT "layers.%zu.%s", layer, name);
    return g4_weights_find(weights, full) != NULL;
}

static int resolve_layers(struct g4_text_config *text, const struct g4_weights *weights,
                          const struct lists *lists, struct g4_err *err)
{
    int64_t d[2] = {0, 0};
    int status = read_head_dims(weights->text, d, err);
    for (size_t i = 0; status == 0 && i < text->num_hidden_layers; i++) {
        struct g4_layer_config *layer = &text->layer[i];
        layer->full = lists->sliding[i] == 0;
        if (i == text->num_hidden_layers - 1)
            layer->full = true; /* whatever the list says */
        layer->head_dim = (size_t)d[layer->full];
        layer->kv_heads = (size_t)lists->kv_heads[i];
        layer->intermediate_size = (size_t)lists->feed_forward[i];
        layer->k_is_v = layer->full && i < text->first_shared &&
                        !has_layer_tensor(weights, i, "self_attn.v_proj.weight");
        status = g4_config_link_layer(text, i, weights->text->path, err);
    }
    return status;
}

static int read_layers(struct g4_text_config *text, const struct g4_weights *weights,
                       struct g4_err *err)
{
    const size_t n = text->num_hidden_layers;
    int64_t shared = 0, *values = NULL;
    int status = g4_gguf_int(weights->text, "gemma4.attention.shared_kv_layers", false, 0,
                             (int64_t)n, &shared, err);
    text->first_shared = n - (size_t)shared;
    if (status == 0)
        status = g4_alloc((void **)&text->layer, n, sizeof *text->layer, "layers", err);
    if (status == 0)
        status = g4_alloc((void **)&values, 4 * n, sizeof *values, "layers", err);
    if (status < 0)
        return status;
    struct lists lists = {values, values + n, values + 2 * n, values + 3 * n};
    status = read_lists(&lists, weights->text, n, err);
    text->num_attention_heads = (size_t)lists.heads[0];
    if (status == 0)
        status = resolve_layers(text, weights, &lists, err);
    free(values);
    return status;
}

/* ------------------------------------------------------------ text */

static int read_experts(struct g4_text_config *text, const struct g4_gguf *file, struct g4_err *err)
{
    if (text->num_experts == 0) {
        text->top_k_experts = text->moe_intermediate_size = 0;
        return 0;
    }
    if (text->top_k_experts == 0 || text->top_k_experts > text->num_experts)
        return g4_err_set(err, G4_EINPUT,
                          "'%s': gemma4.expert_used_count: expected an integer in 1..%zu, got %zu",
                          file->path, text->num_experts, text->top_k_experts);
    if (text->moe_intermediate_size == 0)
        return g4_err_set(err, G4_EINPUT, "'%s': gemma4.expert_feed_forward_length: missing or 0",
                          file->path);
    return 0;
}

static int read_vocabulary(struct g4_text_config *text, const struct g4_weights *weights,
                           struct g4_err *err)
{
    const struct g4_tensor *table;
    int64_t pad = 0;
    int status = g4_config_find(&table, weights, weights->text, TEXT "embed_tokens.weight", 2, err);
    if (status < 0)
        return status;
    if (table->shape[0] < 1 || table->shape[0] > G4_CONFIG_VOCABULARY)
        return g4_err_set(err, G4_EINPUT, "'%s': tensor '%s': %zu rows, expected 1..%d",
                          weights->text->path, table->name, table->shape[0], G4_CONFIG_VOCABULARY);
    text->vocab_size = table->shape[0];
    status = g4_gguf_int(weights->text, "tokenizer.ggml.padding_token_id", false, 0,
                         (int64_t)text->vocab_size - 1, &pad, err);
    text->pad_token_id = (int32_t)pad;
    return status;
}

static int read_text(struct g4_text_config *text, const struct g4_weights *weights,
                     struct g4_err *err)
{
    const struct g4_gguf *file = weights->text;
    *text = (struct g4_text_config){.present = true};
    int status = g4_gguf_sizes(file, "gemma4.", text, sizes, COUNT(sizes), err);
    if (status == 0)
        status = g4_gguf_floats(file, "gemma4.", text, floats, COUNT(floats), err);
    if (status == 0)
        status = read_experts(text, file, err);
    if (status == 0)
        status = read_vocabulary(text, weights, err);
    if (status == 0)
        status = g4_gguf_number(file, "gemma4.rope.freq_base", true, 1.0, 1e15,
                                &text->rope_full.theta, err);
    if (status == 0)
        status = g4_gguf_number(file, "gemma4.rope.freq_base_swa", true, 1.0, 1e15,
                                &text->rope_sliding.theta, err);
    const bool factors = g4_weights_find(weights, "rope_freqs.weight") != NULL;
    text->rope_full.partial_rotary_factor = factors ? 1.0 : published_rotary_factor;
    text->rope_sliding.partial_rotary_factor = 1.0;
    text->image_blocks = text->hidden_size_per_layer_input == 0;
    return status < 0 ? status : read_layers(text, weights, err);
}

int g4_config_from_gguf(struct g4_config *config, const struct g4_weights *weights,
                        struct g4_err *err)
{
    *config = (struct g4_config){0};
    int status = weights->text ? read_text(&config->text, weights, err) : 0;
    if (status == 0 && weights->media)
        status = g4_config_media_from_gguf(config, weights, err);
    if (status < 0)
        g4_config_release(config);
    return status;
}

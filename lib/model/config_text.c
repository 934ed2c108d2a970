/*
 * config_text.c - the text part, resolved per layer.
 *
 *     sizes -> attention type of each layer -> d and kv heads of each -> who borrows from whom ->
 * RoPE
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/mem.h"
#include "lib/model/config_parts.h"

#define FIELD(name) #name, offsetof(struct g4_text_config, name)

static const struct g4_size_field sizes[] = {
    {FIELD(hidden_size), true, 1, G4_CONFIG_WIDTH},
    {FIELD(num_hidden_layers), true, 1, G4_CONFIG_LAYERS},
    {FIELD(vocab_size), true, 1, G4_CONFIG_VOCABULARY},
    {FIELD(num_attention_heads), true, 1, G4_CONFIG_HEADS},
    {FIELD(hidden_size_per_layer_input), false, 0, G4_CONFIG_HEAD_DIM},
    {FIELD(sliding_window), true, 1, G4_CONFIG_POSITIONS},
    {FIELD(max_position_embeddings), true, 1, G4_CONFIG_POSITIONS},
};

static const struct g4_float_field floats[] = {
    {FIELD(rms_norm_eps), true, 1e-30, 1.0},
    {FIELD(final_logit_softcapping), false, 0.0, 1e6},
};

#undef FIELD

/* The members that several layers are resolved from. */
struct layer_rules {
    int64_t intermediate_size, head_dim, global_head_dim, kv_heads, global_kv_heads, shared,
        pattern;
    bool k_eq_v, double_wide;
    const json_t *layer_types; /* array or NULL */
    const json_t *overrides;   /* per_layer_config or NULL */
};

static int read_rules(struct layer_rules *rules, const struct g4_text_config *text,
                      const struct g4_json_at *at, struct g4_err *err)
{
    *rules = (struct layer_rules){.global_head_dim = 512, .pattern = 6};
    const struct {
        const char *key;
        bool required;
        int64_t min, max, *out;
    } integers[] = {
        {"intermediate_size", true, 1, G4_CONFIG_FEED_FORWARD, &rules->intermediate_size},
        {"head_dim", true, 2, G4_CONFIG_HEAD_DIM, &rules->head_dim},
        {"global_head_dim", false, 2, G4_CONFIG_HEAD_DIM, &rules->global_head_dim},
        {"num_key_value_heads", true, 1, G4_CONFIG_HEADS, &rules->kv_heads},
        {"num_global_key_value_heads", false, 1, G4_CONFIG_HEADS, &rules->global_kv_heads},
        {"num_kv_shared_layers", false, 0, (int64_t)text->num_hidden_layers, &rules->shared},
        {"_sliding_window_pattern", false, 1, G4_CONFIG_LAYERS, &rules->pattern},
    };
    int status = 0;
    for (size_t i = 0; status == 0 && i < sizeof integers / sizeof integers[0]; i++)
        status = g4_json_int(at, integers[i].key, integers[i].required, integers[i].min,
                             integers[i].max, integers[i].out, err);
    if (status == 0)
        status = g4_json_bool(at, "attention_k_eq_v", false, &rules->k_eq_v, err);
    if (status == 0)
        status = g4_json_bool(at, "use_double_wide_mlp", false, &rules->double_wide, err);
    if (status == 0)
        status = g4_json_child(at, "layer_types", false, JSON_ARRAY, &rules->layer_types, err);
    if (status == 0)
        status = g4_json_child(at, "per_layer_config", false, JSON_OBJECT, &rules->overrides, err);
    return status;
}

static int read_layer_type(bool *full, const struct layer_rules *rules, size_t i,
                           const struct g4_json_at *at, struct g4_err *err)
{
    if (!rules->layer_types) {
        *full = (i + 1) % (size_t)rules->pattern == 0;
        return 0;
    }
    const char *type = json_string_value(json_array_get(rules->layer_types, i));
    *full = type && strcmp(type, "full_attention") == 0;
    if (*full || (type && strcmp(type, "sliding_attention") == 0))
        return 0;
    return g4_err_set(err, G4_EINPUT,
                      "'%s': %s%slayer_types[%zu]: expected \"full_attention\" or "
                      "\"sliding_attention\", got %.80s%s%.80s",
                      at->what, at->path, at->path[0] ? "." : "", i, type ? "\"" : "no string",
                      type ? type : "", type ? "\"" : "");
}

/* d and kv heads: the type's, unless per_layer_config has an entry for this layer. */
static int read_heads(struct g4_layer_config *layer, const struct layer_rules *rules, size_t i,
                      const struct g4_json_at *at, struct g4_err *err)
{
    int64_t d = layer->full ? rules->global_head_dim : rules->head_dim;
    int64_t heads = layer->full && rules->k_eq_v && rules->global_kv_heads ? rules->global_kv_heads
                                                                           : rules->kv_heads;
    char key[24], path[64];
    int status = 0;
    const json_t *own = NULL;
    snprintf(key, sizeof key, "%zu", i);
    if (rules->overrides) {
        snprintf(path, sizeof path, "%s%sper_layer_config", at->path, at->path[0] ? "." : "");
        const struct g4_json_at all = {at->what, path, rules->overrides};
        status = g4_json_child(&all, key, false, JSON_OBJECT, &own, err);
    }
    if (status == 0 && own) {
        snprintf(path, sizeof path, "%s%sper_layer_config.%s", at->path, at->path[0] ? "." : "",
                 key);
        const struct g4_json_at one = {at->what, path, own};
        status = g4_json_int(&one, "head_dim", false, 2, G4_CONFIG_HEAD_DIM, &d, err);
        if (status == 0)
            status =
                g4_json_int(&one, "num_key_value_heads", false, 1, G4_CONFIG_HEADS, &heads, err);
    }
    layer->head_dim = (size_t)d;
    layer->kv_heads = (size_t)heads;
    return status;
}

/* Layers from `first_shared` on read the keys and values of the last owner of their type. */
static int find_source(struct g4_text_config *text, size_t i, const char *what, struct g4_err *err)
{
    struct g4_layer_config *layer = &text->layer[i];
    layer->source = i;
    if (i < text->first_shared)
        return 0;
    for (size_t j = text->first_shared; j-- > 0;) {
        if (text->layer[j].full != layer->full)
            continue;
        layer->source = j;
        if (text->layer[j].head_dim == layer->head_dim &&
            text->layer[j].kv_heads == layer->kv_heads)
            return 0;
        return g4_err_set(err, G4_EINPUT,
                          "'%s': layer %zu reads keys and values of layer %zu, whose heads "
                          "have another shape",
                          what, i, j);
    }
    return g4_err_set(err, G4_EINPUT,
                      "'%s': num_kv_shared_layers: layer %zu borrows keys and values, but no "
                      "%s layer before layer %zu owns any",
                      what, i, layer->full ? "full_attention" : "sliding_attention",
                      text->first_shared);
}

int g4_config_link_layer(struct g4_text_config *text, size_t i, const char *what,
                         struct g4_err *err)
{
    const struct g4_layer_config *layer = &text->layer[i];
    if (layer->head_dim % 2 != 0)
        return g4_err_set(err, G4_EINPUT, "'%s': layer %zu: head_dim %zu is odd", what, i,
                          layer->head_dim);
    if (text->num_attention_heads % layer->kv_heads != 0)
        return g4_err_set(err, G4_EINPUT,
                          "'%s': layer %zu: num_attention_heads %zu is no multiple of its %zu "
                          "key/value heads",
                          what, i, text->num_attention_heads, layer->kv_heads);
    return find_source(text, i, what, err);
}

static int resolve_layer(struct g4_text_config *text, const struct layer_rules *rules, size_t i,
                         const struct g4_json_at *at, struct g4_err *err)
{
    struct g4_layer_config *layer = &text->layer[i];
    int status = read_layer_type(&layer->full, rules, i, at, err);
    if (i == text->num_hidden_layers - 1)
        layer->full = true; /* whatever the list says */
    layer->k_is_v = layer->full && rules->k_eq_v;
    if (status == 0)
        status = read_heads(layer, rules, i, at, err);
    if (status < 0)
        return status;
    bool wide = rules->double_wide && i >= text->first_shared;
    layer->intermediate_size = (size_t)rules->intermediate_size * (wide ? 2 : 1);
    return g4_config_link_layer(text, i, at->what, err);
}

static int resolve_layers(struct g4_text_config *text, const struct g4_json_at *at,
                          struct g4_err *err)
{
    struct layer_rules rules;
    int status = read_rules(&rules, text, at, err);
    if (status < 0)
        return status;
    if (rules.layer_types && json_array_size(rules.layer_types) != text->num_hidden_layers)
        return g4_err_set(err, G4_EINPUT,
                          "'%s': %s%slayer_types: %zu entries for num_hidden_layers %zu", at->what,
                          at->path, at->path[0] ? "." : "", json_array_size(rules.layer_types),
                          text->num_hidden_layers);
    status = g4_alloc((void **)&text->layer, text->num_hidden_layers, sizeof *text->layer, "layers",
                      err);
    text->first_shared = text->num_hidden_layers - (size_t)rules.shared;
    for (size_t i = 0; status == 0 && i < text->num_hidden_layers; i++)
        status = resolve_layer(text, &rules, i, at, err);
    return status;
}

static int read_one_rope(struct g4_rope_config *rope, const struct g4_json_at *all, const char *key,
                         struct g4_err *err)
{
    const json_t *object = NULL;
    const char *type = "default";
    char path[96];
    *rope = (struct g4_rope_config){0, 1.0};
    int status = g4_json_child(all, key, true, JSON_OBJECT, &object, err);
    if (status < 0)
        return status;
    snprintf(path, sizeof path, "%s.%s", all->path, key);
    const struct g4_json_at at = {all->what, path, object};
    status = g4_json_string(&at, "rope_type", false, &type, err);
    if (status == 0)
        status = g4_json_number(&at, "rope_theta", true, 1.0, 1e15, &rope->theta, err);
    if (status < 0 || strcmp(type, "default") == 0)
        return status;
    if (strcmp(type, "proportional") != 0)
        return g4_json_refuse(&at, "rope_type", err, "\"default\" or \"proportional\"");
    return g4_json_number(&at, "partial_rotary_factor", false, 0.0, 1.0,
                          &rope->partial_rotary_factor, err);
}

static int read_ropes(struct g4_text_config *text, const struct g4_json_at *at, struct g4_err *err)
{
    const json_t *object = NULL;
    char path[64];
    int status = g4_json_child(at, "rope_parameters", true, JSON_OBJECT, &object, err);
    if (status < 0)
        return status;
    snprintf(path, sizeof path, "%s%srope_parameters", at->path, at->path[0] ? "." : "");
    const struct g4_json_at all = {at->what, path, object};
    status = read_one_rope(&text->rope_full, &all, "full_attention", err);
    return status < 0 ? status : read_one_rope(&text->rope_sliding, &all, "sliding_attention", err);
}

static int read_experts(struct g4_text_config *text, const struct g4_json_at *at,
                        struct g4_err *err)
{
    bool block = false;
    int64_t experts = 0, top = 0, width = 0;
    int status = g4_json_bool(at, "enable_moe_block", false, &block, err);
    if (status < 0 || !block)
        return status;
    status = g4_json_int(at, "num_experts", true, 1, 4096, &experts, err);
    if (status == 0)
        status = g4_json_int(at, "top_k_experts", true, 1, experts, &top, err);
    if (status == 0 && !json_object_get(at->object, "moe_intermediate_size"))
        status = g4_json_int(at, "expert_intermediate_size", true, 1, G4_CONFIG_FEED_FORWARD,
                             &width, err);
    else if (status == 0)
        status =
            g4_json_int(at, "moe_intermediate_size", true, 1, G4_CONFIG_FEED_FORWARD, &width, err);
    text->num_experts = (size_t)experts;
    text->top_k_experts = (size_t)top;
    text->moe_intermediate_size = (size_t)width;
    return status;
}

int g4_config_read_head(struct g4_text_config *text, const struct g4_json_at *at,
                        struct g4_err *err)
{
    bool tied = !text->own_head;
    int status = g4_json_bool(at, "tie_word_embeddings", false, &tied, err);
    text->own_head = !tied;
    return status;
}

/* What the layer is computed with, and what it is not. */
static int read_manners(struct g4_text_config *text, const struct g4_json_at *at,
                        struct g4_err *err)
{
    const char *blocks = NULL;
    int64_t pad = 0;
    int status = g4_config_fixed_string(at, "hidden_activation", "gelu_pytorch_tanh", err);
    if (status == 0)
        status = g4_config_fixed_bool(at, "attention_bias", false, err);
    if (status == 0)
        status = g4_config_read_head(text, at, err);
    if (status == 0)
        status = g4_json_string(at, "use_bidirectional_attention", false, &blocks, err);
    if (status < 0)
        return status;
    if (blocks && strcmp(blocks, "vision") != 0)
        return g4_json_refuse(at, "use_bidirectional_attention", err, "\"vision\" or null");
    text->image_blocks = blocks != NULL;
    status = g4_json_int(at, "pad_token_id", false, 0, (int64_t)text->vocab_size - 1, &pad, err);
    text->pad_token_id = (int32_t)pad;
    return status;
}

int g4_config_read_text(struct g4_text_config *text, const struct g4_json_at *at,
                        struct g4_err *err)
{
    *text = (struct g4_text_config){.present = true};
    int status = g4_config_sizes(at, text, sizes, sizeof sizes / sizeof sizes[0], err);
    if (status == 0)
        status = g4_config_floats(at, text, floats, sizeof floats / sizeof floats[0], err);
    if (status == 0)
        status = read_manners(text, at, err);
    if (status == 0)
        status = read_experts(text, at, err);
    if (status == 0)
        status = read_ropes(text, at, err);
    if (status == 0)
        status = resolve_layers(text, at, err);
    return status;
}

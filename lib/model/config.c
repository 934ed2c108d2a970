/*
 * config.c - config.json as a whole: which family, which parts.
 */
#include "lib/model/config.h"

#include <stdlib.h>
#include <string.h>

#include "lib/model/config_parts.h"

enum { CONFIG_BYTES = 16 << 20 };

int g4_config_sizes(const struct g4_json_at *at, void *base, const struct g4_size_field *fields,
                    size_t n, struct g4_err *err)
{
    int status = 0;
    for (size_t i = 0; status == 0 && i < n; i++) {
        size_t *place = (size_t *)(void *)((char *)base + fields[i].offset);
        int64_t value = (int64_t)*place;
        status = g4_json_int(at, fields[i].key, fields[i].required, fields[i].min, fields[i].max,
                             &value, err);
        *place = (size_t)value;
    }
    return status;
}

int g4_config_floats(const struct g4_json_at *at, void *base, const struct g4_float_field *fields,
                     size_t n, struct g4_err *err)
{
    int status = 0;
    for (size_t i = 0; status == 0 && i < n; i++) {
        float *place = (float *)(void *)((char *)base + fields[i].offset);
        double value = *place;
        status = g4_json_number(at, fields[i].key, fields[i].required, fields[i].min, fields[i].max,
                                &value, err);
        *place = (float)value;
    }
    return status;
}

int g4_config_fixed_string(const struct g4_json_at *at, const char *key, const char *value,
                           struct g4_err *err)
{
    const char *found = value;
    int status = g4_json_string(at, key, false, &found, err);
    if (status == 0 && strcmp(found, value) != 0)
        status = g4_json_refuse(at, key, err, "\"%s\"", value);
    return status;
}

int g4_config_fixed_bool(const struct g4_json_at *at, const char *key, bool value,
                         struct g4_err *err)
{
    bool found = value;
    int status = g4_json_bool(at, key, false, &found, err);
    if (status == 0 && found != value)
        status = g4_json_refuse(at, key, err, "%s", value ? "true" : "false");
    return status;
}

static int check_family(const struct g4_json_at *at, struct g4_err *err)
{
    static const char *const accepted[] = {"gemma4", "gemma4_unified", "gemma4_text",
                                           "gemma4_unified_text"};
    const char *type = NULL;
    int status = g4_json_string(at, "model_type", true, &type, err);
    if (status < 0)
        return status;
    for (size_t i = 0; i < sizeof accepted / sizeof accepted[0]; i++)
        if (strcmp(type, accepted[i]) == 0)
            return 0;
    if (strcmp(type, "gemma4_assistant") == 0 || strcmp(type, "gemma4_unified_assistant") == 0)
        return g4_err_set(err, G4_EUNSUPPORTED,
                          "'%s': model_type '%s', a drafter, expected a whole Gemma 4 "
                          "model",
                          at->what, type);
    return g4_err_set(err, G4_EUNSUPPORTED, "'%s': model_type '%.80s', expected a Gemma 4 model",
                      at->what, type);
}

static int read_parts(struct g4_config *config, const struct g4_json_at *at, struct g4_err *err)
{
    const json_t *text = NULL, *vision = NULL, *audio = NULL;
    int status = g4_json_child(at, "text_config", false, JSON_OBJECT, &text, err);
    if (status == 0)
        status = g4_json_child(at, "vision_config", false, JSON_OBJECT, &vision, err);
    if (status == 0)
        status = g4_json_child(at, "audio_config", false, JSON_OBJECT, &audio, err);
    if (status < 0)
        return status;
    const struct g4_json_at text_at = {at->what, "text_config", text};
    status = g4_config_read_text(&config->text, text ? &text_at : at, err);
    if (status == 0) /* the outer one counts where there are two */
        status = g4_config_read_head(&config->text, at, err);
    if (status == 0 && vision) {
        const struct g4_json_at vision_at = {at->what, "vision_config", vision};
        status = g4_config_read_vision(&config->vision, &vision_at, err);
    }
    if (status == 0 && audio) {
        const struct g4_json_at audio_at = {at->what, "audio_config", audio};
        status = g4_config_read_audio(&config->audio, &audio_at, err);
    }
    return status;
}

int g4_config_read(struct g4_config *config, const json_t *root, const char *what,
                   struct g4_err *err)
{
    const struct g4_json_at at = {what, "", root};
    *config = (struct g4_config){0};
    if (!json_is_object(root))
        return g4_err_set(err, G4_EINPUT, "'%s': expected a JSON object", what);
    int status = check_family(&at, err);
    if (status == 0)
        status = g4_config_check_quantised(&at, err);
    if (status == 0)
        status = read_parts(config, &at, err);
    if (status < 0)
        g4_config_release(config);
    return status;
}

int g4_config_load(struct g4_config *config, const char *path, struct g4_err *err)
{
    json_t *root;
    *config = (struct g4_config){0};
    int status = g4_json_load(&root, path, CONFIG_BYTES, err);
    if (status < 0)
        return status;
    status = g4_config_read(config, root, path, err);
    json_decref(root);
    return status;
}

void g4_config_release(struct g4_config *config)
{
    free(config->text.layer);
    *config = (struct g4_config){0};
}

const char *g4_config_variant(const struct g4_config *config)
{
    static const struct {
        size_t layers, hidden;
        const char *name;
    } released[] = {
        {35, 1536, "E2B"},     {42, 2560, "E4B"}, {48, 3840, "12B"},
        {30, 2816, "26B-A4B"}, {60, 5376, "31B"},
    };
    for (size_t i = 0; i < sizeof released / sizeof released[0]; i++)
        if (config->text.num_hidden_layers == released[i].layers &&
            config->text.hidden_size == released[i].hidden)
            return released[i].name;
    return "custom";
}

#define SAME(field) (a->field == b->field)

static bool layer_equal(const struct g4_layer_config *a, const struct g4_layer_config *b)
{
    return SAME(full) && SAME(k_is_v) && SAME(head_dim) && SAME(kv_heads) &&
           SAME(intermediate_size) && SAME(source);
}

static bool text_equal(const struct g4_text_config *a, const struct g4_text_config *b)
{
    bool same = SAME(present) && SAME(hidden_size) && SAME(num_hidden_layers) && SAME(vocab_size) &&
                SAME(num_attention_heads) && SAME(hidden_size_per_layer_input) &&
                SAME(sliding_window) && SAME(max_position_embeddings) && SAME(rms_norm_eps) &&
                SAME(final_logit_softcapping) && SAME(image_blocks) && SAME(num_experts) &&
                SAME(top_k_experts) && SAME(moe_intermediate_size) && SAME(pad_token_id) &&
                SAME(own_head) && SAME(first_shared) && SAME(rope_full.theta) &&
                SAME(rope_full.partial_rotary_factor) && SAME(rope_sliding.theta) &&
                SAME(rope_sliding.partial_rotary_factor);
    for (size_t i = 0; same && i < a->num_hidden_layers; i++)
        same = layer_equal(&a->layer[i], &b->layer[i]);
    return same;
}

static bool vision_equal(const struct g4_vision_config *a, const struct g4_vision_config *b)
{
    return SAME(present) && SAME(unified) && SAME(hidden_size) && SAME(intermediate_size) &&
           SAME(num_hidden_layers) && SAME(num_attention_heads) && SAME(head_dim) &&
           SAME(patch_size) && SAME(pooling_kernel_size) && SAME(position_embedding_size) &&
           SAME(default_output_length) && SAME(rope_theta) && SAME(rms_norm_eps) &&
           SAME(use_clipped_linears) && SAME(standardize) && SAME(mm_embed_dim);
}

static bool audio_equal(const struct g4_audio_config *a, const struct g4_audio_config *b)
{
    return SAME(present) && SAME(unified) && SAME(hidden_size) && SAME(num_hidden_layers) &&
           SAME(num_attention_heads) && SAME(conv_channels[0]) && SAME(conv_channels[1]) &&
           SAME(conv_kernel_size) && SAME(attention_context_left) && SAME(attention_logit_cap) &&
           SAME(residual_weight) && SAME(rms_norm_eps) && SAME(output_proj_dims) &&
           SAME(audio_embed_dim);
}

bool g4_config_equal(const struct g4_config *a, const struct g4_config *b)
{
    return text_equal(&a->text, &b->text) && vision_equal(&a->vision, &b->vision) &&
           audio_equal(&a->audio, &b->audio);
}

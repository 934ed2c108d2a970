/*
 * config_media.c - the picture and sound parts: towers, or the encoder-free forms of the 12B.
 */
#include <stdio.h>
#include <string.h>

#include "lib/model/config_parts.h"

#define COUNT(table) (sizeof(table) / sizeof(table)[0])

#define VISION(name) #name, offsetof(struct g4_vision_config, name)

static const struct g4_size_field tower_sizes[] = {
    {VISION(hidden_size), true, 1, G4_CONFIG_WIDTH},
    {VISION(intermediate_size), true, 1, G4_CONFIG_FEED_FORWARD},
    {VISION(num_hidden_layers), true, 1, G4_CONFIG_LAYERS},
    {VISION(num_attention_heads), true, 1, G4_CONFIG_HEADS},
    {VISION(head_dim), false, 4, G4_CONFIG_HEAD_DIM},
    {VISION(patch_size), true, 1, 64},
    {VISION(pooling_kernel_size), true, 1, 16},
    {VISION(position_embedding_size), true, 1, 1 << 20},
    {VISION(default_output_length), false, 1, G4_CONFIG_WIDTH},
};

static const struct g4_size_field unified_sizes[] = {
    {VISION(patch_size), true, 1, 64},
    {VISION(pooling_kernel_size), true, 1, 16},
    {VISION(mm_embed_dim), true, 1, G4_CONFIG_WIDTH},
    {"mm_posemb_size", offsetof(struct g4_vision_config, position_embedding_size), true, 1,
     1 << 20},
    {"num_soft_tokens", offsetof(struct g4_vision_config, default_output_length), false, 1,
     G4_CONFIG_WIDTH},
};

static const struct g4_float_field vision_floats[] = {{VISION(rms_norm_eps), true, 1e-30, 1.0}};

#define AUDIO(name) #name, offsetof(struct g4_audio_config, name)

static const struct g4_size_field audio_sizes[] = {
    {AUDIO(hidden_size), true, 1, G4_CONFIG_WIDTH},
    {AUDIO(num_hidden_layers), true, 1, G4_CONFIG_LAYERS},
    {AUDIO(num_attention_heads), true, 1, G4_CONFIG_HEADS},
    {AUDIO(conv_kernel_size), true, 1, 64},
    {AUDIO(attention_context_left), true, 2, 4096},
    {AUDIO(output_proj_dims), true, 1, G4_CONFIG_WIDTH},
};

static const struct g4_float_field audio_floats[] = {
    {AUDIO(attention_logit_cap), true, 1e-3, 1e6},
    {AUDIO(residual_weight), true, 0.0, 1e3},
    {AUDIO(rms_norm_eps), true, 1e-30, 1.0},
};

/* 1 if model_type is `unified`, 0 if it is `tower` or missing. */
static int read_kind(const struct g4_json_at *at, const char *tower, const char *unified,
                     struct g4_err *err)
{
    const char *type = tower;
    int status = g4_json_string(at, "model_type", false, &type, err);
    if (status < 0)
        return status;
    if (strcmp(type, unified) == 0)
        return 1;
    if (strcmp(type, tower) == 0)
        return 0;
    return g4_json_refuse(at, "model_type", err, "\"%s\" or \"%s\"", tower, unified);
}

static int read_vision_rope(struct g4_vision_config *vision, const struct g4_json_at *at,
                            struct g4_err *err)
{
    const json_t *object = NULL;
    char path[64];
    int status = g4_json_child(at, "rope_parameters", true, JSON_OBJECT, &object, err);
    if (status < 0)
        return status;
    snprintf(path, sizeof path, "%s.rope_parameters", at->path);
    const struct g4_json_at rope = {at->what, path, object};
    return g4_json_number(&rope, "rope_theta", true, 1.0, 1e15, &vision->rope_theta, err);
}

int g4_config_check_vision(const struct g4_vision_config *vision, const char *what,
                           const char *where, struct g4_err *err)
{
    if (vision->head_dim * vision->num_attention_heads != vision->hidden_size)
        return g4_err_set(err, G4_EINPUT,
                          "'%s': %s: %zu heads of head_dim %zu do not make hidden_size %zu", what,
                          where, vision->num_attention_heads, vision->head_dim,
                          vision->hidden_size);
    if (vision->head_dim % 4 != 0) /* half of it for each axis, and pairs in each half */
        return g4_err_set(err, G4_EINPUT, "'%s': %s: head_dim %zu is no multiple of 4", what, where,
                          vision->head_dim);
    return 0;
}

static int check_vision_heads(struct g4_vision_config *vision, const struct g4_json_at *at,
                              struct g4_err *err)
{
    int64_t kv_heads = (int64_t)vision->num_attention_heads;
    int status = g4_json_int(at, "num_key_value_heads", false, 1, G4_CONFIG_HEADS, &kv_heads, err);
    if (status < 0)
        return status;
    if ((size_t)kv_heads != vision->num_attention_heads)
        return g4_json_refuse(at, "num_key_value_heads", err, "num_attention_heads, %zu",
                              vision->num_attention_heads);
    if (vision->head_dim == 0)
        vision->head_dim = vision->hidden_size / vision->num_attention_heads;
    return g4_config_check_vision(vision, at->what, at->path, err);
}

static int read_vision_tower(struct g4_vision_config *vision, const struct g4_json_at *at,
                             struct g4_err *err)
{
    int status = g4_config_sizes(at, vision, tower_sizes, COUNT(tower_sizes), err);
    if (status == 0)
        status = g4_json_bool(at, "use_clipped_linears", false, &vision->use_clipped_linears, err);
    if (status == 0)
        status = g4_json_bool(at, "standardize", false, &vision->standardize, err);
    if (status == 0)
        status = g4_config_fixed_string(at, "hidden_activation", "gelu_pytorch_tanh", err);
    if (status == 0)
        status = g4_config_fixed_bool(at, "attention_bias", false, err);
    if (status == 0)
        status = read_vision_rope(vision, at, err);
    return status < 0 ? status : check_vision_heads(vision, at, err);
}

static int read_vision_unified(struct g4_vision_config *vision, const struct g4_json_at *at,
                               struct g4_err *err)
{
    int status = g4_config_sizes(at, vision, unified_sizes, COUNT(unified_sizes), err);
    int64_t side = (int64_t)(vision->patch_size * vision->pooling_kernel_size), given = side;
    if (status == 0)
        status = g4_json_int(at, "model_patch_size", false, 1, 1024, &given, err);
    if (status == 0 && given != side)
        return g4_json_refuse(at, "model_patch_size", err, "patch_size x pooling_kernel_size, %lld",
                              (long long)side);
    return status;
}

int g4_config_read_vision(struct g4_vision_config *vision, const struct g4_json_at *at,
                          struct g4_err *err)
{
    *vision = (struct g4_vision_config){.present = true,
                                        .default_output_length = 280,
                                        .rms_norm_eps = 1e-6f};
    int kind = read_kind(at, "gemma4_vision", "gemma4_unified_vision", err);
    if (kind < 0)
        return kind;
    vision->unified = kind == 1;
    int status = g4_config_floats(at, vision, vision_floats, COUNT(vision_floats), err);
    if (status < 0)
        return status;
    return vision->unified ? read_vision_unified(vision, at, err)
                           : read_vision_tower(vision, at, err);
}

static int read_channels(struct g4_audio_config *audio, const struct g4_json_at *at,
                         struct g4_err *err)
{
    const json_t *channels = NULL;
    int status = g4_json_child(at, "subsampling_conv_channels", true, JSON_ARRAY, &channels, err);
    if (status < 0)
        return status;
    for (size_t i = 0; i < 2; i++) {
        const json_t *value = json_array_get(channels, i);
        int64_t n = json_integer_value(value);
        if (json_array_size(channels) != 2 || !json_is_integer(value) || n < 1 || n > 4096)
            return g4_json_refuse(at, "subsampling_conv_channels", err, "two integers in 1..4096");
        audio->conv_channels[i] = (size_t)n;
    }
    return 0;
}

int g4_config_check_audio(const struct g4_audio_config *audio, const char *what, const char *where,
                          struct g4_err *err)
{
    if (audio->hidden_size % audio->num_attention_heads != 0)
        return g4_err_set(err, G4_EINPUT,
                          "'%s': %s: hidden_size %zu is no multiple of num_attention_heads "
                          "%zu",
                          what, where, audio->hidden_size, audio->num_attention_heads);
    if (audio->hidden_size % 2 != 0) /* sines and cosines of the relative positions */
        return g4_err_set(err, G4_EINPUT, "'%s': %s: hidden_size %zu is odd", what, where,
                          audio->hidden_size);
    return 0;
}

static int read_audio_tower(struct g4_audio_config *audio, const struct g4_json_at *at,
                            struct g4_err *err)
{
    int64_t right = 0;
    int status = g4_config_sizes(at, audio, audio_sizes, COUNT(audio_sizes), err);
    if (status == 0)
        status = g4_config_floats(at, audio, audio_floats, COUNT(audio_floats), err);
    if (status == 0)
        status = g4_json_int(at, "attention_context_right", false, 0, 0, &right, err);
    if (status == 0)
        status = g4_config_fixed_string(at, "hidden_act", "silu", err);
    if (status == 0)
        status = read_channels(audio, at, err);
    return status < 0 ? status : g4_config_check_audio(audio, at->what, at->path, err);
}

static int read_audio_unified(struct g4_audio_config *audio, const struct g4_json_at *at,
                              struct g4_err *err)
{
    static const struct g4_size_field fields[] = {
        {AUDIO(audio_embed_dim), true, 1, G4_CONFIG_WIDTH}};
    static const struct g4_float_field eps[] = {{AUDIO(rms_norm_eps), true, 1e-30, 1.0}};
    int status = g4_config_sizes(at, audio, fields, COUNT(fields), err);
    int64_t samples = (int64_t)audio->audio_embed_dim;
    if (status == 0)
        status =
            g4_json_int(at, "audio_samples_per_token", false, 1, G4_CONFIG_WIDTH, &samples, err);
    if (status == 0)
        status = g4_config_floats(at, audio, eps, COUNT(eps), err);
    if (status == 0 && (size_t)samples != audio->audio_embed_dim)
        return g4_json_refuse(at, "audio_samples_per_token", err, "audio_embed_dim, %zu",
                              audio->audio_embed_dim);
    return status;
}

int g4_config_read_audio(struct g4_audio_config *audio, const struct g4_json_at *at,
                         struct g4_err *err)
{
    *audio = (struct g4_audio_config){.present = true};
    int kind = read_kind(at, "gemma4_audio", "gemma4_unified_audio", err);
    if (kind < 0)
        return kind;
    audio->unified = kind == 1;
    return audio->unified ? read_audio_unified(audio, at, err) : read_audio_tower(audio, at, err);
}

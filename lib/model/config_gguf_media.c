/*
 * config_gguf_media.c - towers, or the forms without towers, from clip.* or gemma4.* keys.
 */
#include <stdio.h>
#include <string.h>

#include "lib/model/config_gguf_parts.h"

#define VISION       "model.vision_tower."
#define AUDIO        "model.audio_tower."
#define COUNT(table) (sizeof(table) / sizeof(table)[0])

enum { PREFIX_BYTES = 32, KEY_BYTES = 96, MELS = 128 };

/* The keys of one modality in one file. */
struct source {
    const struct g4_weights *weights;
    const struct g4_gguf *file;
    char prefix[PREFIX_BYTES]; /* "clip.vision." */
};

int g4_config_find(const struct g4_tensor **tensor, const struct g4_weights *weights,
                   const struct g4_gguf *file, const char *published, int dims, struct g4_err *err)
{
    char shape[200];
    *tensor = g4_weights_find(weights, published);
    if (!*tensor)
        return g4_err_set(err, G4_EINPUT, "'%s': tensor '%s': missing", file->path, published);
    if ((*tensor)->dims != dims)
        return g4_err_set(err, G4_EINPUT, "'%s': tensor '%s': shape %s, expected %d dimensions",
                          file->path, published, g4_tensor_shape_text(*tensor, shape, sizeof shape),
                          dims);
    return 0;
}

/* *size: dimension `axis` of a tensor of `dims` dimensions. */
static int read_shape(size_t *size, const struct source *at, const char *published, int dims,
                      int axis, size_t max, struct g4_err *err)
{
    const struct g4_tensor *tensor;
    int status = g4_config_find(&tensor, at->weights, at->file, published, dims, err);
    if (status < 0)
        return status;
    *size = tensor->shape[axis];
    if (*size < 1 || *size > max)
        return g4_err_set(err, G4_EINPUT, "'%s': tensor '%s': dimension %d is %zu, expected 1..%zu",
                          at->file->path, published, axis, *size, max);
    return 0;
}

/* *present: whether the file has the modality; *unified: whether it does without a tower. */
static int read_kind(bool *present, bool *unified, const struct source *at, const char *flag,
                     const char *tower, const char *plain, struct g4_err *err)
{
    char key[KEY_BYTES];
    struct g4_gguf_text type = {"", 0};
    *present = *unified = false;
    if (at->file == at->weights->text) {
        snprintf(key, sizeof key, "%sblock_count", at->prefix);
        *present = g4_gguf_value(at->file, key) != NULL;
        return 0;
    }
    int status = g4_gguf_bool(at->file, flag, false, present, err);
    if (status < 0 || !*present)
        return status;
    snprintf(key, sizeof key, "%sprojector_type", at->prefix);
    if (!g4_gguf_value(at->file, key)) /* files of one modality may have the common key */
        snprintf(key, sizeof key, "clip.projector_type");
    status = g4_gguf_string(at->file, key, true, &type, err);
    if (status < 0)
        return status;
    *unified = g4_gguf_text_is(&type, plain);
    if (!*unified && !g4_gguf_text_is(&type, tower))
        return g4_err_set(err, G4_EUNSUPPORTED, "'%s': %s: '%.*s', expected '%s' or '%s'",
                          at->file->path, key, type.n < 80 ? (int)type.n : 80, type.text, tower,
                          plain);
    return 0;
}

/* ------------------------------------------------------------ pictures */

#define FIELD(name) offsetof(struct g4_vision_config, name)

static const struct g4_size_field vision_tower[] = {
    {"embedding_length", FIELD(hidden_size), true, 1, G4_CONFIG_WIDTH},
    {"feed_forward_length", FIELD(intermediate_size), true, 1, G4_CONFIG_FEED_FORWARD},
    {"block_count", FIELD(num_hidden_layers), true, 1, G4_CONFIG_LAYERS},
    {"attention.head_count", FIELD(num_attention_heads), true, 1, G4_CONFIG_HEADS},
    {"patch_size", FIELD(patch_size), true, 1, 64},
    {"projector.scale_factor", FIELD(pooling_kernel_size), false, 1, 16},
};

static const struct g4_size_field vision_plain[] = {
    {"embedding_length", FIELD(mm_embed_dim), true, 1, G4_CONFIG_WIDTH},
    {"patch_size", FIELD(patch_size), true, 1, 64},
    {"projector.scale_factor", FIELD(pooling_kernel_size), false, 1, 16},
};

static const struct g4_float_field vision_floats[] = {
    {"attention.layer_norm_epsilon", FIELD(rms_norm_eps), false, 1e-30, 1.0},
};

#undef FIELD

static bool has_clip_scalars(const struct g4_weights *weights, const char *prefix)
{
    static const char *const ends[] = {".input_min", ".input_max", ".output_min", ".output_max"};
    for (size_t i = 0; i < weights->count; i++) {
        const char *dot = strrchr(weights->published[i], '.');
        if (!dot || strncmp(weights->published[i], prefix, strlen(prefix)) != 0)
            continue;
        for (size_t e = 0; e < COUNT(ends); e++)
            if (strcmp(dot, ends[e]) == 0)
                return true;
    }
    return false;
}

static int read_vision_tower(struct g4_vision_config *v, const struct source *at,
                             struct g4_err *err)
{
    int status = g4_gguf_sizes(at->file, at->prefix, v, vision_tower, COUNT(vision_tower), err);
    if (status == 0)
        status = read_shape(&v->position_embedding_size, at,
                            VISION "patch_embedder.position_embedding_table", 3, 1, 1 << 20, err);
    if (status < 0)
        return status;
    v->head_dim = v->hidden_size / v->num_attention_heads;
    v->rope_theta = 100.0;
    v->use_clipped_linears = has_clip_scalars(at->weights, VISION);
    v->standardize = g4_weights_find(at->weights, VISION "std_bias") != NULL;
    return g4_config_check_vision(v, at->file->path, "the vision tower", err);
}

static int read_vision(struct g4_vision_config *v, const struct source *at, struct g4_err *err)
{
    bool present, unified;
    int status =
        read_kind(&present, &unified, at, "clip.has_vision_encoder", "gemma4v", "gemma4uv", err);
    if (status < 0 || !present)
        return status;
    *v = (struct g4_vision_config){.present = true,
                                   .unified = unified,
                                   .pooling_kernel_size = 3,
                                   .default_output_length = 280,
                                   .rms_norm_eps = 1e-6f};
    status = g4_gguf_floats(at->file, at->prefix, v, vision_floats, COUNT(vision_floats), err);
    if (status < 0)
        return status;
    if (!unified)
        return read_vision_tower(v, at, err);
    status = g4_gguf_sizes(at->file, at->prefix, v, vision_plain, COUNT(vision_plain), err);
    return status < 0 ? status
                      : read_shape(&v->position_embedding_size, at,
                                   "model.vision_embedder.pos_embedding", 3, 1, 1 << 20, err);
}

/* ------------------------------------------------------------ sound */

#define FIELD(name) offsetof(struct g4_audio_config, name)

static const struct g4_size_field audio_tower[] = {
    {"embedding_length", FIELD(hidden_size), true, 1, G4_CONFIG_WIDTH},
    {"block_count", FIELD(num_hidden_layers), true, 1, G4_CONFIG_LAYERS},
    {"attention.head_count", FIELD(num_attention_heads), true, 1, G4_CONFIG_HEADS},
};

static const struct g4_size_field audio_plain[] = {
    {"embedding_length", FIELD(audio_embed_dim), true, 1, G4_CONFIG_WIDTH},
};

#undef FIELD

static int read_audio_tower(struct g4_audio_config *a, const struct source *at, struct g4_err *err)
{
    static const char subsample[] = AUDIO "subsample_conv_projection.layer%d.conv.weight";
    char key[KEY_BYTES], name[KEY_BYTES];
    int64_t mels = MELS;
    snprintf(key, sizeof key, "%snum_mel_bins", at->prefix);
    int status = g4_gguf_int(at->file, key, false, MELS, MELS, &mels, err);
    if (status == 0)
        status = g4_gguf_sizes(at->file, at->prefix, a, audio_tower, COUNT(audio_tower), err);
    for (int i = 0; status == 0 && i < 2; i++) {
        snprintf(name, sizeof name, subsample, i);
        status = read_shape(&a->conv_channels[i], at, name, 4, 0, 4096, err);
    }
    if (status == 0)
        status = read_shape(&a->conv_kernel_size, at,
                            AUDIO "layers.0.lconv1d.depthwise_conv1d.weight", 2, 1, 64, err);
    if (status == 0)
        status = read_shape(&a->output_proj_dims, at, AUDIO "output_proj.weight", 2, 0,
                            G4_CONFIG_WIDTH, err);
    a->attention_context_left = 13;
    a->attention_logit_cap = 50.0f;
    a->residual_weight = 0.5f;
    return status < 0 ? status : g4_config_check_audio(a, at->file->path, "the audio tower", err);
}

static int read_audio(struct g4_audio_config *a, const struct source *at, struct g4_err *err)
{
    bool present, unified;
    int status =
        read_kind(&present, &unified, at, "clip.has_audio_encoder", "gemma4a", "gemma4ua", err);
    if (status < 0 || !present)
        return status;
    *a = (struct g4_audio_config){.present = true, .unified = unified, .rms_norm_eps = 1e-6f};
    return unified ? g4_gguf_sizes(at->file, at->prefix, a, audio_plain, COUNT(audio_plain), err)
                   : read_audio_tower(a, at, err);
}

/* ------------------------------------------------------------ both */

/* The width that a projection leads to is the text model's; alone, it is the width. */
static int check_width(struct g4_config *config, const struct source *at, const char *projection,
                       struct g4_err *err)
{
    char key[KEY_BYTES];
    size_t width;
    int status = read_shape(&width, at, projection, 2, 0, G4_CONFIG_WIDTH, err);
    int64_t stated = (int64_t)width;
    snprintf(key, sizeof key, "%sprojection_dim", at->prefix);
    if (status == 0)
        status = g4_gguf_int(at->file, key, false, 1, G4_CONFIG_WIDTH, &stated, err);
    if (status < 0)
        return status;
    if ((size_t)stated != width)
        return g4_err_set(err, G4_EINPUT, "'%s': %s: %lld, but tensor '%s' has %zu rows",
                          at->file->path, key, (long long)stated, projection, width);
    if (config->text.hidden_size == 0)
        config->text.hidden_size = width;
    if (config->text.hidden_size == width)
        return 0;
    const struct g4_gguf *text = at->weights->text;
    return g4_err_set(err, G4_EINPUT, "'%s': towers for a text model of width %zu, '%s' has %zu",
                      at->file->path, width, text ? text->path : "the other tower",
                      config->text.hidden_size);
}

int g4_config_media_from_gguf(struct g4_config *config, const struct g4_weights *weights,
                              struct g4_err *err)
{
    const bool apart = weights->media != weights->text;
    struct source vision = {weights, weights->media, ""}, audio = vision;
    snprintf(vision.prefix, sizeof vision.prefix, "%s.vision.", apart ? "clip" : "gemma4");
    snprintf(audio.prefix, sizeof audio.prefix, "%s.audio.", apart ? "clip" : "gemma4");
    int status = read_vision(&config->vision, &vision, err);
    if (status == 0)
        status = read_audio(&config->audio, &audio, err);
    if (status == 0 && config->vision.present)
        status =
            check_width(config, &vision, "model.embed_vision.embedding_projection.weight", err);
    if (status == 0 && config->audio.present)
        status = check_width(config, &audio, "model.embed_audio.embedding_projection.weight", err);
    if (status == 0 && apart && !config->vision.present && !config->audio.present)
        status = g4_err_set(err, G4_EINPUT,
                            "'%s': neither clip.has_vision_encoder nor clip.has_audio_encoder",
                            weights->media->path);
    return status;
}

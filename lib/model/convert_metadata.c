/* convert_metadata.c - see the header. */
#include "lib/model/convert_metadata.h"

#include <string.h>

#include "lib/model/config_parts.h"

enum {
    QUANTIZATION_VERSION = 2,
    FILE_F16 = 1,
    FILE_BF16 = 32,
    IMAGE_SIZE = 224, /* asked for, of no meaning to these towers */
    MELS = 128,
    POOLING = 3, /* where nothing else is said */
};

static int no_place(const struct g4_model *model, const char *what, struct g4_err *err)
{
    return g4_err_set(err, G4_EUNSUPPORTED, "'%s': %s: GGUF files have no place for this value",
                      model->path, what);
}

int g4_convert_check(const struct g4_model *model, struct g4_err *err)
{
    const struct g4_text_config *text = &model->config.text;
    const struct g4_vision_config *vision = &model->config.vision;
    const struct g4_audio_config *audio = &model->config.audio;
    if (text->image_blocks != (text->hidden_size_per_layer_input == 0))
        return no_place(model, "use_bidirectional_attention", err);
    if (text->rope_sliding.partial_rotary_factor != 1)
        return no_place(model, "partial_rotary_factor of sliding layers", err);
    size_t head[2] = {0, 0};
    for (size_t i = 0; i < text->num_hidden_layers; i++) {
        const struct g4_layer_config *layer = &text->layer[i];
        if (i < text->first_shared && layer->k_is_v && !layer->full)
            return no_place(model, "attention_k_eq_v in sliding layers", err);
        if (head[layer->full] && head[layer->full] != layer->head_dim)
            return no_place(model, "head_dim of single layers", err);
        head[layer->full] = layer->head_dim;
    }
    if (vision->present && !vision->unified && vision->rope_theta != 100)
        return no_place(model, "vision_config.rope_theta", err);
    if (vision->present && !vision->unified &&
        vision->head_dim * vision->num_attention_heads != vision->hidden_size)
        return no_place(model, "vision_config.head_dim", err);
    if (audio->present && !audio->unified &&
        (audio->attention_context_left != 13 || audio->attention_logit_cap != 50 ||
         audio->residual_weight != 0.5f))
        return no_place(model,
                        "audio_config: attention_context_left, attention_logit_cap or "
                        "residual_weight",
                        err);
    return 0;
}

/* The file the numbers come from, as far as it is GGUF, without what is said anew. */
static void copy_general(struct g4_gguf_writer *writer, const struct g4_gguf *file)
{
    static const char *const anew[] = {"general.architecture", "general.type", "general.file_type",
                                       "general.quantization_version", "general.alignment"};
    for (size_t i = 0; i < file->value_count; i++) {
        const char *key = file->values[i].key;
        bool skip = strncmp(key, "general.", 8) != 0;
        for (size_t k = 0; k < sizeof anew / sizeof *anew; k++)
            skip |= strcmp(key, anew[k]) == 0;
        if (!skip)
            g4_gguf_put_value(writer, &file->values[i]);
    }
}

static void put_general(struct g4_gguf_writer *writer, const struct g4_model *model,
                        const struct g4_gguf *file, const char *architecture, const char *type,
                        uint32_t file_type)
{
    g4_gguf_put_string(writer, "general.architecture", architecture);
    g4_gguf_put_string(writer, "general.type", type);
    g4_gguf_put_u32(writer, "general.file_type", file_type);
    g4_gguf_put_u32(writer, "general.quantization_version", QUANTIZATION_VERSION);
    if (file)
        copy_general(writer, file);
    else
        g4_gguf_put_string(writer, "general.name", model->name);
}

static void put_size(struct g4_gguf_writer *writer, const char *key, size_t value)
{
    g4_gguf_put_u32(writer, key, (uint32_t)value); /* below 2^31: configurations have limits */
}

/* One number when all layers have the same, else a list. */
static void put_per_layer(struct g4_gguf_writer *writer, const char *key,
                          const struct g4_text_config *text, size_t offset)
{
    int32_t values[G4_CONFIG_LAYERS] = {0};
    bool same = true;
    for (size_t i = 0; i < text->num_hidden_layers; i++) {
        size_t value;
        memcpy(&value, (const char *)&text->layer[i] + offset, sizeof value);
        values[i] = (int32_t)value;
        same &= values[i] == values[0];
    }
    if (same)
        g4_gguf_put_u32(writer, key, (uint32_t)values[0]);
    else
        g4_gguf_put_i32s(writer, key, values, text->num_hidden_layers);
}

static void put_layers(struct g4_gguf_writer *writer, const struct g4_text_config *text)
{
    bool sliding[G4_CONFIG_LAYERS];
    size_t head[2] = {0, 0}; /* of sliding and full layers */
    for (size_t i = 0; i < text->num_hidden_layers; i++) {
        sliding[i] = !text->layer[i].full;
        head[text->layer[i].full] = text->layer[i].head_dim;
    }
    head[0] = head[0] ? head[0] : head[1];
    head[1] = head[1] ? head[1] : head[0];
    put_per_layer(writer, "gemma4.feed_forward_length", text,
                  offsetof(struct g4_layer_config, intermediate_size));
    put_per_layer(writer, "gemma4.attention.head_count_kv", text,
                  offsetof(struct g4_layer_config, kv_heads));
    g4_gguf_put_bools(writer, "gemma4.attention.sliding_window_pattern", sliding,
                      text->num_hidden_layers);
    put_size(writer, "gemma4.attention.key_length", head[1]);
    put_size(writer, "gemma4.attention.value_length", head[1]);
    put_size(writer, "gemma4.attention.key_length_swa", head[0]);
    put_size(writer, "gemma4.attention.value_length_swa", head[0]);
    /* Pairs that stay as they are turn by factors of the tensor rope_freqs, so all are counted. */
    put_size(writer, "gemma4.rope.dimension_count", head[1]);
    put_size(writer, "gemma4.rope.dimension_count_swa", head[0]);
}

void g4_convert_put_text(struct g4_gguf_writer *writer, const struct g4_model *model,
                         enum g4_convert_type type)
{
    const struct g4_text_config *text = &model->config.text;
    put_general(writer, model, model->weights.text, "gemma4", "model",
                g4_convert_recipe(type)->file_type);
    put_size(writer, "gemma4.block_count", text->num_hidden_layers);
    put_size(writer, "gemma4.context_length", text->max_position_embeddings);
    put_size(writer, "gemma4.embedding_length", text->hidden_size);
    put_size(writer, "gemma4.embedding_length_per_layer_input", text->hidden_size_per_layer_input);
    put_size(writer, "gemma4.attention.head_count", text->num_attention_heads);
    put_layers(writer, text);
    put_size(writer, "gemma4.attention.shared_kv_layers",
             text->num_hidden_layers - text->first_shared);
    put_size(writer, "gemma4.attention.sliding_window", text->sliding_window);
    g4_gguf_put_f32(writer, "gemma4.attention.layer_norm_rms_epsilon", text->rms_norm_eps);
    g4_gguf_put_f32(writer, "gemma4.rope.freq_base", (float)text->rope_full.theta);
    g4_gguf_put_f32(writer, "gemma4.rope.freq_base_swa", (float)text->rope_sliding.theta);
    if (text->final_logit_softcapping > 0)
        g4_gguf_put_f32(writer, "gemma4.final_logit_softcapping", text->final_logit_softcapping);
    if (text->num_experts > 0) {
        put_size(writer, "gemma4.expert_count", text->num_experts);
        put_size(writer, "gemma4.expert_used_count", text->top_k_experts);
        put_size(writer, "gemma4.expert_feed_forward_length", text->moe_intermediate_size);
    }
}

static void put_vision(struct g4_gguf_writer *writer, const struct g4_config *config)
{
    static const float zeros[3] = {0, 0, 0}, ones[3] = {1, 1, 1};
    const struct g4_vision_config *v = &config->vision;
    g4_gguf_put_string(writer, "clip.vision.projector_type", v->unified ? "gemma4uv" : "gemma4v");
    put_size(writer, "clip.vision.embedding_length", v->unified ? v->mm_embed_dim : v->hidden_size);
    put_size(writer, "clip.vision.feed_forward_length", v->unified ? 0 : v->intermediate_size);
    put_size(writer, "clip.vision.block_count", v->unified ? 0 : v->num_hidden_layers);
    put_size(writer, "clip.vision.attention.head_count", v->unified ? 0 : v->num_attention_heads);
    g4_gguf_put_f32(writer, "clip.vision.attention.layer_norm_epsilon", v->rms_norm_eps);
    put_size(writer, "clip.vision.projection_dim", config->text.hidden_size);
    put_size(writer, "clip.vision.image_size", IMAGE_SIZE);
    put_size(writer, "clip.vision.patch_size", v->patch_size);
    g4_gguf_put_f32s(writer, "clip.vision.image_mean", zeros, 3);
    g4_gguf_put_f32s(writer, "clip.vision.image_std", ones, 3);
    if (v->pooling_kernel_size != POOLING)
        put_size(writer, "clip.vision.projector.scale_factor", v->pooling_kernel_size);
}

static void put_audio(struct g4_gguf_writer *writer, const struct g4_config *config)
{
    const struct g4_audio_config *a = &config->audio;
    g4_gguf_put_string(writer, "clip.audio.projector_type", a->unified ? "gemma4ua" : "gemma4a");
    put_size(writer, "clip.audio.embedding_length",
             a->unified ? a->audio_embed_dim : a->hidden_size);
    put_size(writer, "clip.audio.feed_forward_length", a->unified ? 0 : 4 * a->hidden_size);
    put_size(writer, "clip.audio.block_count", a->unified ? 0 : a->num_hidden_layers);
    put_size(writer, "clip.audio.attention.head_count", a->unified ? 0 : a->num_attention_heads);
    g4_gguf_put_f32(writer, "clip.audio.attention.layer_norm_epsilon", a->rms_norm_eps);
    put_size(writer, "clip.audio.projection_dim", config->text.hidden_size);
    put_size(writer, "clip.audio.num_mel_bins", MELS);
}

void g4_convert_put_media(struct g4_gguf_writer *writer, const struct g4_convert *plan)
{
    const struct g4_model *model = plan->model;
    uint32_t file_type = FILE_BF16;
    bool vision = false, audio = false;
    for (size_t i = 0; i < plan->count; i++) {
        const char *name = plan->tensors[i].name;
        const bool sound = name[0] == 'a' || strncmp(name, "mm.a.", 5) == 0;
        audio |= sound;
        vision |= !sound;
        if (plan->tensors[i].dtype == G4_DTYPE_F16)
            file_type = FILE_F16;
    }
    const struct g4_gguf *file = model->weights.media;
    put_general(writer, model, file, "clip", "mmproj", file_type);
    g4_gguf_put_bool(writer, "clip.has_vision_encoder", vision);
    g4_gguf_put_bool(writer, "clip.has_audio_encoder", audio);
    if (vision)
        put_vision(writer, &model->config);
    if (audio)
        put_audio(writer, &model->config);
}

/* model_info.c - the facts about a model, gathered once. */
#include "bin/model_info.h"

#include <string.h>

#include "encoders/audio/audio_weights.h"
#include "encoders/vision/vision_weights.h"
#include "lib/model/numbers.h"

const enum g4_dtype g4_info_types[G4_INFO_TYPES] = {G4_DTYPE_BF16, G4_DTYPE_Q8_0, G4_DTYPE_Q4_0};
const size_t g4_info_contexts[G4_INFO_CONTEXTS] = {4096, 32768, 131072, 262144};

const char *g4_info_towers(const struct g4_model *model)
{
    const struct g4_weights *w = &model->weights;
    return w->text && w->media && w->media != w->text ? w->media->path : NULL;
}

const char *g4_info_format(const struct g4_model *model)
{
    return model->weights.store == G4_STORE_SAFETENSORS ? "safetensors" : "GGUF";
}

const char *g4_info_chat(const struct g4_model *model)
{
    const struct g4_text_config *text = &model->config.text;
    if (!text->present)
        return NULL;
    return text->hidden_size_per_layer_input > 0 ? "small" : "large";
}

static bool stored(const struct g4_info *info, enum g4_model_part part)
{
    return info->summary.part[part].tensors > 0;
}

static void find_modalities(struct g4_info *info)
{
    const struct g4_config *config = &info->model->config;
    if (stored(info, G4_PART_TEXT))
        info->modality[info->modalities++] = "text";
    if (config->vision.present && stored(info, G4_PART_VISION)) {
        info->modality[info->modalities++] = "image";
        info->modality[info->modalities++] = "video";
    }
    if (config->audio.present && stored(info, G4_PART_AUDIO))
        info->modality[info->modalities++] = "audio";
}

/* None above what the model was made for. */
static void find_contexts(struct g4_info *info)
{
    size_t most = info->model->config.text.max_position_embeddings;
    for (size_t i = 0; i < G4_INFO_CONTEXTS && stored(info, G4_PART_TEXT); i++) {
        size_t n = g4_info_contexts[i] < most ? g4_info_contexts[i] : most;
        if (info->contexts == 0 || info->context[info->contexts - 1] != n)
            info->context[info->contexts++] = n;
    }
}

static int find_family(struct g4_info *info, struct g4_err *err)
{
    int status = 0;
    for (size_t i = 0; i < G4_FAMILY && status == 0; i++) {
        struct g4_family_member *member = &info->family[i];
        struct g4_model_numbers numbers;
        struct g4_config config;
        status = g4_config_family(&config, i, err);
        if (status < 0)
            break;
        g4_model_count(&numbers, &config);
        member->name = g4_config_variant(&config);
        for (size_t t = 0; t < G4_INFO_TYPES; t++) {
            struct g4_family_need *need = &member->need[t];
            need->resident = g4_numbers_bytes(&numbers.text, g4_info_types[t]);
            need->file = need->resident + g4_numbers_bytes(&numbers.table, g4_info_types[t]);
        }
        member->vision = g4_numbers_bytes(&numbers.vision, G4_DTYPE_BF16);
        member->audio = g4_numbers_bytes(&numbers.audio, G4_DTYPE_BF16);
        for (size_t c = 0; c < G4_INFO_CONTEXTS; c++)
            if (g4_info_contexts[c] <= config.text.max_position_embeddings)
                member->cache[c] = g4_cache_bytes(&config.text, g4_info_contexts[c]);
        g4_config_release(&config);
    }
    return status;
}

static void spell(char hex[G4_INFO_HEX], const uint8_t id[G4_ID_BYTES])
{
    for (size_t i = 0; i < G4_ID_BYTES; i++)
        snprintf(hex + 2 * i, 3, "%02x", id[i]);
}

static int find_ids(struct g4_info *info, struct g4_err *err)
{
    const struct g4_model *model = info->model;
    uint8_t id[G4_ID_BYTES];
    int status = g4_model_space_id(model, id, err);
    if (status < 0)
        return status;
    spell(info->space_id, id);
    /* A tower that is not whole has none. */
    if (model->config.vision.present && g4_vision_weights_id(model, id, NULL) == 0)
        spell(info->vision_id, id);
    if (model->config.audio.present && g4_audio_weights_id(model, id, NULL) == 0)
        spell(info->audio_id, id);
    return 0;
}

int g4_model_print_info(const struct g4_model *model, bool json, FILE *out, struct g4_err *err)
{
    struct g4_info info = {.model = model};
    int status = find_ids(&info, err);
    if (status == 0)
        status = find_family(&info, err);
    if (status < 0)
        return status;
    g4_model_summarise(&info.summary, model);
    find_modalities(&info);
    find_contexts(&info);
    if (json)
        return g4_info_print_json(g4_info_json(&info), out, err);
    g4_info_print_text(&info, out);
    return 0;
}

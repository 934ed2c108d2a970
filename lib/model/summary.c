/* summary.c - counting tensors and bytes. */
#include "lib/model/summary.h"

#include <stdlib.h>
#include <string.h>

#define TEXT "model.language_model."

/* Whether the tensor is of a layer that borrows keys and values, and makes such itself. */
static bool is_unused(const struct g4_text_config *text, const char *name)
{
    const char *layer = strstr(name, "layers.");
    if (!layer)
        return false;
    char *rest;
    unsigned long i = strtoul(layer + strlen("layers."), &rest, 10);
    if (i >= text->num_hidden_layers || i < text->first_shared)
        return false;
    return strcmp(rest, ".self_attn.k_proj.weight") == 0 ||
           strcmp(rest, ".self_attn.v_proj.weight") == 0 ||
           strcmp(rest, ".self_attn.k_norm.weight") == 0;
}

static enum g4_model_part part_of(const struct g4_model *model, const char *name)
{
    static const struct {
        const char *prefix;
        enum g4_model_part part;
    } prefixes[] = {
        {"model.vision_tower.", G4_PART_VISION},
        {"model.vision_embedder.", G4_PART_VISION},
        {"model.embed_vision.", G4_PART_VISION},
        {"model.audio_tower.", G4_PART_AUDIO},
        {"model.embed_audio.", G4_PART_AUDIO},
        {TEXT "embed_tokens_per_layer.", G4_PART_PER_LAYER_TABLE},
        {TEXT, G4_PART_TEXT},
    };
    for (size_t i = 0; i < sizeof prefixes / sizeof prefixes[0]; i++) {
        if (!g4_weights_has_prefix(name, prefixes[i].prefix))
            continue;
        if (prefixes[i].part == G4_PART_TEXT && is_unused(&model->config.text, name))
            return G4_PART_UNUSED;
        return prefixes[i].part;
    }
    return G4_PART_OTHER;
}

static void add(struct g4_amount *amount, size_t bytes)
{
    amount->tensors++;
    amount->bytes += bytes;
}

void g4_model_summarise(struct g4_model_summary *summary, const struct g4_model *model)
{
    *summary = (struct g4_model_summary){0};
    for (size_t i = 0; i < model->weights.count; i++) {
        const struct g4_tensor *tensor = model->weights.sorted[i];
        add(&summary->part[part_of(model, tensor->name)], tensor->bytes);
        add(&summary->dtype[tensor->dtype], tensor->bytes);
        add(&summary->total, tensor->bytes);
        summary->parameters += g4_tensor_count(tensor);
    }
    summary->mapped = g4_weights_mapped(&model->weights);
    summary->resident = summary->part[G4_PART_TEXT].bytes + summary->part[G4_PART_VISION].bytes +
                        summary->part[G4_PART_AUDIO].bytes;
}

const char *g4_model_part_name(enum g4_model_part part)
{
    static const char *const names[G4_PARTS] = {"text",   "per_layer_table", "unused",
                                                "vision", "audio",           "other"};
    return names[part];
}

uint64_t g4_cache_bytes(const struct g4_text_config *text, size_t n)
{
    uint64_t bytes = 0;
    for (size_t i = 0; i < text->num_hidden_layers; i++) {
        const struct g4_layer_config *layer = &text->layer[i];
        size_t positions = layer->full || n < text->sliding_window ? n : text->sliding_window;
        if (layer->source == i)
            bytes += (uint64_t)2 * layer->kv_heads * layer->head_dim * 2 * positions;
    }
    return bytes;
}

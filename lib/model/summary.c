/* summary.c - counting tensors and bytes. */
#include "lib/model/summary.h"

#include <stdlib.h>
#include <string.h>

#include "lib/model/stored.h"

#define TEXT      "model.language_model."
#define EMBEDDING TEXT "embed_tokens."
#define HEAD      "lm_head."

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
    static const char *const parts[] = {".self_attn.k_proj.", ".self_attn.v_proj.",
                                        ".self_attn.k_norm."};
    for (size_t p = 0; p < sizeof parts / sizeof parts[0]; p++)
        if (strncmp(rest, parts[p], strlen(parts[p])) == 0)
            return true;
    return false;
}

enum g4_model_part g4_model_part_of(const struct g4_model *model, const char *name)
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
        {HEAD, G4_PART_TEXT},
        {"rope_freqs.", G4_PART_TEXT},
    };
    for (size_t i = 0; i < sizeof prefixes / sizeof prefixes[0]; i++) {
        if (strncmp(name, prefixes[i].prefix, strlen(prefixes[i].prefix)) != 0)
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
        const char *name = model->weights.published[i];
        add(&summary->part[g4_model_part_of(model, name)], tensor->bytes);
        if (strncmp(name, EMBEDDING, strlen(EMBEDDING)) == 0)
            add(&summary->embedding, tensor->bytes);
        if (strncmp(name, HEAD, strlen(HEAD)) == 0)
            add(&summary->head, tensor->bytes);
        const struct g4_stored stored = g4_stored_numbers(model, i);
        add(&summary->dtype[stored.dtype], tensor->bytes);
        add(&summary->total, tensor->bytes);
        summary->parameters += stored.numbers;
    }
    summary->mapped = g4_weights_mapped(&model->weights);
    summary->resident = summary->part[G4_PART_TEXT].bytes + summary->part[G4_PART_VISION].bytes +
                        summary->part[G4_PART_AUDIO].bytes;
    if (summary->head.tensors > 0) /* then the embedding is only looked up */
        summary->resident -= summary->embedding.bytes;
}

enum g4_dtype g4_model_main_dtype(const struct g4_model *model)
{
    size_t count[G4_DTYPES] = {0};
    enum g4_dtype most = G4_DTYPE_F32;
    for (int text = 1; text >= 0 && count[most] == 0; text--)
        for (size_t i = 0; i < model->weights.count; i++) {
            const enum g4_model_part part = g4_model_part_of(model, model->weights.published[i]);
            const struct g4_stored stored = g4_stored_numbers(model, i);
            if (model->weights.sorted[i]->dims < 2 || stored.numbers == 0 ||
                (text && part != G4_PART_TEXT))
                continue;
            if (++count[stored.dtype] > count[most])
                most = stored.dtype;
        }
    return most;
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

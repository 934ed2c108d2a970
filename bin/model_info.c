/* model_info.c - the facts are gathered once, then printed in one form or the other. */
#include "bin/model_info.h"

#include <jansson.h>
#include <string.h>

#include "lib/base/utf8.h"
#include "lib/model/summary.h"

enum { CONTEXTS = 4, HEX_BYTES = 2 * G4_ID_BYTES + 1, SAFE_BYTES = 4096 };

struct info {
    const struct g4_model *model;
    struct g4_model_summary summary;
    char space_id[HEX_BYTES];
    const char *modality[4]; /* what the stored tensors can take in */
    size_t modalities;
    size_t context[CONTEXTS]; /* lengths for the cache table, ascending */
    size_t contexts;
};

static bool stored(const struct info *info, enum g4_model_part part)
{
    return info->summary.part[part].tensors > 0;
}

static void find_modalities(struct info *info)
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

/* 4K, 32K, 128K, 256K positions, none above what the model was made for. */
static void find_contexts(struct info *info)
{
    static const size_t usual[CONTEXTS] = {4096, 32768, 131072, 262144};
    size_t most = info->model->config.text.max_position_embeddings;
    for (size_t i = 0; i < CONTEXTS && stored(info, G4_PART_TEXT); i++) {
        size_t n = usual[i] < most ? usual[i] : most;
        if (info->contexts == 0 || info->context[info->contexts - 1] != n)
            info->context[info->contexts++] = n;
    }
}

static int gather(struct info *info, const struct g4_model *model, struct g4_err *err)
{
    uint8_t id[G4_ID_BYTES];
    *info = (struct info){.model = model};
    int status = g4_model_space_id(model, id, err);
    if (status < 0)
        return status;
    for (size_t i = 0; i < G4_ID_BYTES; i++)
        snprintf(info->space_id + 2 * i, 3, "%02x", id[i]);
    g4_model_summarise(&info->summary, model);
    find_modalities(info);
    find_contexts(info);
    return 0;
}

/* -------------------------------------------------------------------------------- JSON */

/* Appends to *array or sets a member of *object. Where memory ran out, there or in the value, the
 * whole becomes NULL, and so does all that is made of it. */
static void append(json_t **array, json_t *value)
{
    if (json_array_append_new(*array, value) < 0) {
        json_decref(*array);
        *array = NULL;
    }
}

static void set(json_t **object, const char *key, json_t *value)
{
    if (json_object_set_new(*object, key, value) < 0) {
        json_decref(*object);
        *object = NULL;
    }
}

static json_t *safe_string(const char *text)
{
    char safe[SAFE_BYTES];
    g4_utf8_safe(safe, sizeof safe, text, strlen(text));
    return json_string(safe);
}

static json_t *amount_object(const struct g4_amount *amount)
{
    return json_pack("{s:I, s:I}", "tensors", (json_int_t)amount->tensors, "bytes",
                     (json_int_t)amount->bytes);
}

static size_t count_full(const struct g4_text_config *text)
{
    size_t full = 0;
    for (size_t i = 0; i < text->num_hidden_layers; i++)
        full += text->layer[i].full;
    return full;
}

static json_t *text_object(const struct g4_text_config *t)
{
    json_t *layers = json_array();
    for (size_t i = 0; i < t->num_hidden_layers; i++) {
        const struct g4_layer_config *l = &t->layer[i];
        append(&layers,
               json_pack("{s:s, s:I, s:I, s:I, s:I}", "type", l->full ? "full" : "sliding",
                         "head_dim", (json_int_t)l->head_dim, "kv_heads", (json_int_t)l->kv_heads,
                         "intermediate_size", (json_int_t)l->intermediate_size, "kv_source",
                         (json_int_t)l->source));
    }
    return json_pack("{s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:b, s:I, s:I, s:o}", "hidden_size",
                     (json_int_t)t->hidden_size, "num_hidden_layers",
                     (json_int_t)t->num_hidden_layers, "vocab_size", (json_int_t)t->vocab_size,
                     "num_attention_heads", (json_int_t)t->num_attention_heads,
                     "hidden_size_per_layer_input", (json_int_t)t->hidden_size_per_layer_input,
                     "sliding_window", (json_int_t)t->sliding_window, "max_position_embeddings",
                     (json_int_t)t->max_position_embeddings, "image_blocks", t->image_blocks,
                     "num_experts", (json_int_t)t->num_experts, "top_k_experts",
                     (json_int_t)t->top_k_experts, "layers", layers);
}

static json_t *vision_object(const struct g4_vision_config *v)
{
    if (!v->present)
        return json_null();
    if (v->unified)
        return json_pack("{s:b, s:I, s:I, s:I, s:I}", "unified", 1, "patch_size",
                         (json_int_t)v->patch_size, "pooling_kernel_size",
                         (json_int_t)v->pooling_kernel_size, "mm_embed_dim",
                         (json_int_t)v->mm_embed_dim, "mm_posemb_size",
                         (json_int_t)v->position_embedding_size);
    return json_pack("{s:b, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:b, s:b}", "unified", 0,
                     "hidden_size", (json_int_t)v->hidden_size, "num_hidden_layers",
                     (json_int_t)v->num_hidden_layers, "num_attention_heads",
                     (json_int_t)v->num_attention_heads, "head_dim", (json_int_t)v->head_dim,
                     "intermediate_size", (json_int_t)v->intermediate_size, "patch_size",
                     (json_int_t)v->patch_size, "pooling_kernel_size",
                     (json_int_t)v->pooling_kernel_size, "position_embedding_size",
                     (json_int_t)v->position_embedding_size, "use_clipped_linears",
                     v->use_clipped_linears, "standardize", v->standardize);
}

static json_t *audio_object(const struct g4_audio_config *a)
{
    if (!a->present)
        return json_null();
    if (a->unified)
        return json_pack("{s:b, s:I}", "unified", 1, "audio_embed_dim",
                         (json_int_t)a->audio_embed_dim);
    return json_pack("{s:b, s:I, s:I, s:I, s:[I, I], s:I, s:I}", "unified", 0, "hidden_size",
                     (json_int_t)a->hidden_size, "num_hidden_layers",
                     (json_int_t)a->num_hidden_layers, "num_attention_heads",
                     (json_int_t)a->num_attention_heads, "subsampling_conv_channels",
                     (json_int_t)a->conv_channels[0], (json_int_t)a->conv_channels[1],
                     "conv_kernel_size", (json_int_t)a->conv_kernel_size, "output_proj_dims",
                     (json_int_t)a->output_proj_dims);
}

static json_t *memory_object(const struct info *info)
{
    json_t *cache = json_array();
    for (size_t i = 0; i < info->contexts; i++)
        append(&cache,
               json_pack("{s:I, s:I}", "context", (json_int_t)info->context[i], "bytes",
                         (json_int_t)g4_cache_bytes(&info->model->config.text, info->context[i])));
    return json_pack("{s:I, s:I, s:o}", "mapped", (json_int_t)info->summary.mapped, "resident",
                     (json_int_t)info->summary.resident, "cache", cache);
}

static json_t *info_object(const struct info *info)
{
    const struct g4_config *config = &info->model->config;
    json_t *modalities = json_array(), *dtypes = json_object(), *parts = json_object();
    for (size_t i = 0; i < info->modalities; i++)
        append(&modalities, json_string(info->modality[i]));
    for (int i = 0; i < G4_DTYPES; i++)
        if (info->summary.dtype[i].tensors)
            set(&dtypes, g4_dtype_info((enum g4_dtype)i)->name,
                amount_object(&info->summary.dtype[i]));
    for (int i = 0; i < G4_PARTS; i++)
        set(&parts, g4_model_part_name((enum g4_model_part)i),
            amount_object(&info->summary.part[i]));
    return json_pack("{s:o, s:o, s:s, s:o, s:o, s:o, s:o, s:I, s:I, s:I, s:o, s:o, s:s, s:o}",
                     "name", safe_string(info->model->name), "path", safe_string(info->model->path),
                     "variant", g4_config_variant(config), "modalities", modalities, "text",
                     text_object(&config->text), "vision", vision_object(&config->vision), "audio",
                     audio_object(&config->audio), "tensors",
                     (json_int_t)info->summary.total.tensors, "parameters",
                     (json_int_t)info->summary.parameters, "bytes",
                     (json_int_t)info->summary.total.bytes, "dtypes", dtypes, "parts", parts,
                     "space_id", info->space_id, "memory", memory_object(info));
}

/* Prints and releases `root`, which is NULL when memory ran out on the way. */
static int print_json(json_t *root, FILE *out, struct g4_err *err)
{
    int failed = root ? json_dumpf(root, out, JSON_INDENT(2)) : -1;
    json_decref(root);
    if (failed)
        return g4_err_set(err, G4_ENOMEM, "cannot allocate memory for the JSON output");
    fputc('\n', out);
    return 0;
}

/* -------------------------------------------------------------------------------- text */

static const char *size_text(uint64_t bytes, char *out, size_t size)
{
    static const char *const units[] = {"bytes", "KiB", "MiB", "GiB", "TiB"};
    double value = (double)bytes;
    size_t unit = 0;
    while (value >= 1024 && unit + 1 < sizeof units / sizeof units[0]) {
        value /= 1024;
        unit++;
    }
    snprintf(out, size, unit ? "%.1f %s" : "%.0f %s", value, units[unit]);
    return out;
}

static void print_text_part(const struct g4_text_config *t, FILE *out)
{
    size_t full = count_full(t);
    fprintf(out,
            "text        %zu layers (%zu full, %zu sliding over %zu), width %zu, %zu heads, "
            "vocabulary %zu, "
            "context %zu\n",
            t->num_hidden_layers, full, t->num_hidden_layers - full, t->sliding_window,
            t->hidden_size, t->num_attention_heads, t->vocab_size, t->max_position_embeddings);
    if (t->first_shared < t->num_hidden_layers)
        fprintf(out, "            layers from %zu on borrow keys and values\n", t->first_shared);
    if (t->hidden_size_per_layer_input)
        fprintf(out, "            per-layer embeddings of width %zu\n",
                t->hidden_size_per_layer_input);
    if (t->num_experts)
        fprintf(out, "            %zu experts of width %zu, %zu at a time\n", t->num_experts,
                t->moe_intermediate_size, t->top_k_experts);
}

static void print_media_parts(const struct g4_config *config, FILE *out)
{
    const struct g4_vision_config *v = &config->vision;
    const struct g4_audio_config *a = &config->audio;
    if (v->present && v->unified)
        fprintf(out, "vision      no tower, patches of %zu pixels, width %zu\n",
                v->patch_size * v->pooling_kernel_size, v->mm_embed_dim);
    else if (v->present)
        fprintf(out, "vision      %zu layers, width %zu, %zu heads, patches of %zu pixels%s%s\n",
                v->num_hidden_layers, v->hidden_size, v->num_attention_heads, v->patch_size,
                v->use_clipped_linears ? ", clipped" : "", v->standardize ? ", standardised" : "");
    if (a->present && a->unified)
        fprintf(out, "audio       no tower, %zu samples per token\n", a->audio_embed_dim);
    else if (a->present)
        fprintf(out, "audio       %zu layers, width %zu, %zu heads\n", a->num_hidden_layers,
                a->hidden_size, a->num_attention_heads);
}

static void print_amount(const char *what, const struct g4_amount *amount, FILE *out)
{
    char size[32];
    if (amount->tensors)
        fprintf(out, "            %-16s %6zu  %s\n", what, amount->tensors,
                size_text(amount->bytes, size, sizeof size));
}

static void print_text(const struct info *info, FILE *out)
{
    char text[SAFE_BYTES], size[32];
    const struct g4_model *model = info->model;
    g4_utf8_safe(text, sizeof text, model->name, strlen(model->name));
    fprintf(out, "model       %s\n", text);
    g4_utf8_safe(text, sizeof text, model->path, strlen(model->path));
    fprintf(out, "path        %s\nvariant     %s\ninput       ", text,
            g4_config_variant(&model->config));
    for (size_t i = 0; i < info->modalities; i++)
        fprintf(out, "%s%s", i ? ", " : "", info->modality[i]);
    fprintf(out, "%s\n", info->modalities ? "" : "nothing");
    print_text_part(&model->config.text, out);
    print_media_parts(&model->config, out);
    fprintf(out, "tensors     %zu, %llu parameters, %llu bytes\n", info->summary.total.tensors,
            (unsigned long long)info->summary.parameters,
            (unsigned long long)info->summary.total.bytes);
    for (int i = 0; i < G4_DTYPES; i++)
        print_amount(g4_dtype_info((enum g4_dtype)i)->name, &info->summary.dtype[i], out);
    fputs("parts\n", out);
    for (int i = 0; i < G4_PARTS; i++)
        print_amount(g4_model_part_name((enum g4_model_part)i), &info->summary.part[i], out);
    fprintf(out, "space id    %s\n", info->space_id);
    fprintf(out, "memory      %s on disk", size_text(info->summary.mapped, size, sizeof size));
    fprintf(out, ", about %s resident when all parts are used\n",
            size_text(info->summary.resident, size, sizeof size));
    for (size_t i = 0; i < info->contexts; i++) {
        uint64_t bytes = g4_cache_bytes(&model->config.text, info->context[i]);
        fprintf(out, "            cache for %zu tokens: %s\n", info->context[i],
                size_text(bytes, size, sizeof size));
    }
}

int g4_model_print_info(const struct g4_model *model, bool json, FILE *out, struct g4_err *err)
{
    struct info info;
    int status = gather(&info, model, err);
    if (status < 0)
        return status;
    if (json)
        return print_json(info_object(&info), out, err);
    print_text(&info, out);
    return 0;
}

int g4_model_print_list(const struct g4_discovered *list, size_t count, bool json, FILE *out,
                        struct g4_err *err)
{
    json_t *array = json ? json_array() : NULL;
    for (size_t i = 0; i < count; i++) {
        if (json) {
            append(&array, json_pack("{s:o, s:s, s:o}", "name", safe_string(list[i].name), "place",
                                     list[i].place, "path", safe_string(list[i].path)));
            continue;
        }
        char name[SAFE_BYTES], path[SAFE_BYTES];
        g4_utf8_safe(name, sizeof name, list[i].name, strlen(list[i].name));
        g4_utf8_safe(path, sizeof path, list[i].path, strlen(list[i].path));
        fprintf(out, "%s\t%s\t%s\n", name, list[i].place, path);
    }
    return json ? print_json(array, out, err) : 0;
}

/* model_info_json.c - facts about a model, and lists of models, as JSON. */
#include <string.h>

#include "bin/model_info.h"
#include "lib/base/utf8.h"

enum { SAFE_BYTES = 4096 };

void g4_info_append(json_t **array, json_t *value)
{
    if (json_array_append_new(*array, value) < 0) {
        json_decref(*array);
        *array = NULL;
    }
}

void g4_info_set(json_t **object, const char *key, json_t *value)
{
    if (json_object_set_new(*object, key, value) < 0) {
        json_decref(*object);
        *object = NULL;
    }
}

json_t *g4_info_string(const char *text)
{
    char safe[SAFE_BYTES];
    g4_utf8_safe(safe, sizeof safe, text, strlen(text));
    return json_string(safe);
}

int g4_info_print_json(json_t *root, FILE *out, struct g4_err *err)
{
    int failed = root ? json_dumpf(root, out, JSON_INDENT(2)) : -1;
    json_decref(root);
    if (failed)
        return g4_err_set(err, G4_ENOMEM, "cannot allocate memory for the JSON output");
    fputc('\n', out);
    return 0;
}

static json_t *amount_object(const struct g4_amount *amount)
{
    return json_pack("{s:I, s:I}", "tensors", (json_int_t)amount->tensors, "bytes",
                     (json_int_t)amount->bytes);
}

static json_t *text_object(const struct g4_text_config *t)
{
    if (!t->present)
        return json_null();
    json_t *layers = json_array();
    for (size_t i = 0; i < t->num_hidden_layers; i++) {
        const struct g4_layer_config *l = &t->layer[i];
        g4_info_append(&layers,
                       json_pack("{s:s, s:I, s:I, s:b, s:I, s:I}", "type",
                                 l->full ? "full" : "sliding", "head_dim", (json_int_t)l->head_dim,
                                 "kv_heads", (json_int_t)l->kv_heads, "k_eq_v", l->k_is_v,
                                 "intermediate_size", (json_int_t)l->intermediate_size, "kv_source",
                                 (json_int_t)l->source));
    }
    return json_pack("{s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:b, s:I, s:I, s:I, s:o}", "hidden_size",
                     (json_int_t)t->hidden_size, "num_hidden_layers",
                     (json_int_t)t->num_hidden_layers, "vocab_size", (json_int_t)t->vocab_size,
                     "num_attention_heads", (json_int_t)t->num_attention_heads,
                     "hidden_size_per_layer_input", (json_int_t)t->hidden_size_per_layer_input,
                     "sliding_window", (json_int_t)t->sliding_window, "max_position_embeddings",
                     (json_int_t)t->max_position_embeddings, "image_blocks", t->image_blocks,
                     "num_experts", (json_int_t)t->num_experts, "top_k_experts",
                     (json_int_t)t->top_k_experts, "moe_intermediate_size",
                     (json_int_t)t->moe_intermediate_size, "layers", layers);
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

/* [{context, bytes}]; lengths of 0 bytes are left out. */
static json_t *cache_array(const size_t *context, const uint64_t *bytes, size_t n)
{
    json_t *cache = json_array();
    for (size_t i = 0; i < n; i++)
        if (bytes[i] > 0)
            g4_info_append(&cache, json_pack("{s:I, s:I}", "context", (json_int_t)context[i],
                                             "bytes", (json_int_t)bytes[i]));
    return cache;
}

static json_t *memory_object(const struct g4_info *info)
{
    uint64_t bytes[G4_INFO_CONTEXTS];
    for (size_t i = 0; i < info->contexts; i++)
        bytes[i] = g4_cache_bytes(&info->model->config.text, info->context[i]);
    return json_pack("{s:I, s:I, s:o}", "mapped", (json_int_t)info->summary.mapped, "resident",
                     (json_int_t)info->summary.resident, "cache",
                     cache_array(info->context, bytes, info->contexts));
}

static json_t *family_array(const struct g4_info *info)
{
    json_t *family = json_array();
    for (size_t i = 0; i < G4_FAMILY; i++) {
        const struct g4_family_member *m = &info->family[i];
        json_t *types = json_object();
        for (size_t t = 0; t < G4_INFO_TYPES; t++)
            g4_info_set(&types, g4_dtype_info(g4_info_types[t])->name,
                        json_pack("{s:I, s:I}", "file", (json_int_t)m->need[t].file, "resident",
                                  (json_int_t)m->need[t].resident));
        g4_info_append(
            &family, json_pack("{s:s, s:o, s:I, s:I, s:o}", "variant", m->name, "text", types,
                               "vision", (json_int_t)m->vision, "audio", (json_int_t)m->audio,
                               "cache", cache_array(g4_info_contexts, m->cache, G4_INFO_CONTEXTS)));
    }
    return family;
}

static json_t *text_or_null(const char *text)
{
    return text && text[0] ? g4_info_string(text) : json_null();
}

static json_t *parts_object(const struct g4_info *info)
{
    json_t *parts = json_object();
    for (int i = 0; i < G4_PARTS; i++)
        g4_info_set(&parts, g4_model_part_name((enum g4_model_part)i),
                    amount_object(&info->summary.part[i]));
    return parts;
}

static json_t *dtypes_object(const struct g4_info *info)
{
    json_t *dtypes = json_object();
    for (int i = 0; i < G4_DTYPES; i++)
        if (info->summary.dtype[i].tensors)
            g4_info_set(&dtypes, g4_dtype_info((enum g4_dtype)i)->name,
                        amount_object(&info->summary.dtype[i]));
    return dtypes;
}

json_t *g4_info_json(const struct g4_info *info)
{
    const struct g4_model *model = info->model;
    const struct g4_config *config = &model->config;
    const struct g4_model_summary *s = &info->summary;
    json_t *modalities = json_array(), *root = json_object();
    for (size_t i = 0; i < info->modalities; i++)
        g4_info_append(&modalities, json_string(info->modality[i]));
    g4_info_set(&root, "name", g4_info_string(model->name));
    g4_info_set(&root, "path", g4_info_string(model->path));
    g4_info_set(&root, "towers", text_or_null(g4_info_towers(model)));
    g4_info_set(&root, "format", json_string(g4_info_format(model)));
    g4_info_set(&root, "dtype", json_string(g4_dtype_info(g4_model_main_dtype(model))->name));
    g4_info_set(&root, "variant", json_string(g4_config_variant(config)));
    g4_info_set(&root, "modalities", modalities);
    g4_info_set(&root, "chat", text_or_null(g4_info_chat(model)));
    g4_info_set(&root, "text", text_object(&config->text));
    g4_info_set(&root, "vision", vision_object(&config->vision));
    g4_info_set(&root, "audio", audio_object(&config->audio));
    g4_info_set(&root, "tensors", json_integer((json_int_t)s->total.tensors));
    g4_info_set(&root, "parameters", json_integer((json_int_t)s->parameters));
    g4_info_set(&root, "bytes", json_integer((json_int_t)s->total.bytes));
    g4_info_set(&root, "dtypes", dtypes_object(info));
    g4_info_set(&root, "parts", parts_object(info));
    g4_info_set(&root, "space_id", json_string(info->space_id));
    g4_info_set(&root, "encoder_ids",
                json_pack("{s:o, s:o}", "vision", text_or_null(info->vision_id), "audio",
                          text_or_null(info->audio_id)));
    g4_info_set(&root, "memory", memory_object(info));
    g4_info_set(&root, "family", family_array(info));
    return root;
}

/* model_info_text.c - facts about a model for people, at most 80 columns unless a name is long. */
#include <string.h>

#include "bin/model_info.h"
#include "lib/base/utf8.h"

enum { SAFE_BYTES = 4096 };

#define INDENT "            "

const char *g4_info_size(uint64_t bytes, char *out, size_t size)
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

static void print_line(const char *what, const char *text, FILE *out)
{
    char safe[SAFE_BYTES];
    g4_utf8_safe(safe, sizeof safe, text, strlen(text));
    fprintf(out, "%-12s%s\n", what, safe);
}

/* The first layer of a type; NULL: there is none. */
static const struct g4_layer_config *layer_of(const struct g4_text_config *t, bool full)
{
    for (size_t i = 0; i < t->num_hidden_layers; i++)
        if (t->layer[i].full == full)
            return &t->layer[i];
    return NULL;
}

/* "8 heads of 256, 1 for keys and values; in full layers of 512, 1". */
static void print_heads(const struct g4_text_config *t, FILE *out)
{
    const struct g4_layer_config *sliding = layer_of(t, false), *full = layer_of(t, true);
    const struct g4_layer_config *first = sliding ? sliding : full;
    fprintf(out, INDENT "%zu heads of %zu, %zu for keys and values", t->num_attention_heads,
            first->head_dim, first->kv_heads);
    if (sliding && full &&
        (sliding->head_dim != full->head_dim || sliding->kv_heads != full->kv_heads))
        fprintf(out, "; in full layers of %zu, %zu", full->head_dim, full->kv_heads);
    fputc('\n', out);
    if (full && full->k_is_v)
        fputs(INDENT "in full layers the keys are the values, too\n", out);
}

static void print_text_part(const struct g4_text_config *t, FILE *out)
{
    size_t full = 0, last = t->num_hidden_layers - 1;
    if (!t->present)
        return;
    for (size_t i = 0; i <= last; i++)
        full += t->layer[i].full;
    fprintf(out, "text        %zu layers (%zu full, %zu sliding over %zu), width %zu\n",
            t->num_hidden_layers, full, t->num_hidden_layers - full, t->sliding_window,
            t->hidden_size);
    print_heads(t, out);
    fprintf(out, INDENT "feed-forward of width %zu", t->layer[0].intermediate_size);
    for (size_t i = 1; i <= last; i++)
        if (t->layer[i].intermediate_size != t->layer[i - 1].intermediate_size)
            fprintf(out, ", from layer %zu on %zu", i, t->layer[i].intermediate_size);
    fputc('\n', out);
    if (t->num_experts)
        fprintf(out, INDENT "%zu experts of width %zu, %zu at a time\n", t->num_experts,
                t->moe_intermediate_size, t->top_k_experts);
    if (t->first_shared < t->num_hidden_layers)
        fprintf(out, INDENT "layers from %zu on borrow keys and values\n", t->first_shared);
    if (t->hidden_size_per_layer_input)
        fprintf(out, INDENT "per-layer embeddings of width %zu\n", t->hidden_size_per_layer_input);
    if (t->image_blocks)
        fputs(INDENT "tokens of a picture see each other\n", out);
    fprintf(out, INDENT "vocabulary of %zu, context of %zu tokens\n", t->vocab_size,
            t->max_position_embeddings);
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
        fprintf(out, INDENT "%-16s %6zu %12s\n", what, amount->tensors,
                g4_info_size(amount->bytes, size, sizeof size));
}

static void print_amounts(const struct g4_model_summary *s, FILE *out)
{
    fprintf(out, "tensors     %zu, %llu parameters, %llu bytes\n", s->total.tensors,
            (unsigned long long)s->parameters, (unsigned long long)s->total.bytes);
    for (int i = 0; i < G4_DTYPES; i++)
        print_amount(g4_dtype_info((enum g4_dtype)i)->name, &s->dtype[i], out);
    fputs("parts\n", out);
    for (int i = 0; i < G4_PARTS; i++)
        print_amount(g4_model_part_name((enum g4_model_part)i), &s->part[i], out);
}

static void print_memory(const struct g4_info *info, FILE *out)
{
    char size[32];
    fprintf(out, "memory      %s on disk", g4_info_size(info->summary.mapped, size, sizeof size));
    fprintf(out, ", about %s resident when all parts are used\n",
            g4_info_size(info->summary.resident, size, sizeof size));
    for (size_t i = 0; i < info->contexts; i++) {
        uint64_t bytes = g4_cache_bytes(&info->model->config.text, info->context[i]);
        fprintf(out, INDENT "cache for %zu tokens: %s\n", info->context[i],
                g4_info_size(bytes, size, sizeof size));
    }
}

static double gib(uint64_t bytes)
{
    return (double)bytes / (1 << 30);
}

/* Names of the columns as people say them; Q8_0 is the 8-bit type of the table. */
static void print_family(const struct g4_info *info, FILE *out)
{
    static const char *const types[G4_INFO_TYPES] = {"BF16", "8-bit", "Q4_0"};
    fputs("family      GiB of the published text models: on disk, of that in memory\n" INDENT
          "       ",
          out);
    for (size_t t = 0; t < G4_INFO_TYPES; t++)
        fprintf(out, " %13s", types[t]);
    fputs("  towers  cache 32K\n", out);
    for (size_t i = 0; i < G4_FAMILY; i++) {
        const struct g4_family_member *m = &info->family[i];
        fprintf(out, INDENT "%-7s", m->name);
        for (size_t t = 0; t < G4_INFO_TYPES; t++)
            fprintf(out, "  %6.1f %5.1f", gib(m->need[t].file), gib(m->need[t].resident));
        fprintf(out, "  %6.1f  %9.1f\n", gib(m->vision + m->audio), gib(m->cache[1]));
    }
}

void g4_info_print_text(const struct g4_info *info, FILE *out)
{
    const struct g4_model *model = info->model;
    print_line("model", model->name, out);
    print_line("path", model->path, out);
    if (g4_info_towers(model))
        print_line("towers", g4_info_towers(model), out);
    print_line("variant", g4_config_variant(&model->config), out);
    fprintf(out, "form        %s %s\n", g4_dtype_info(g4_model_main_dtype(model))->name,
            g4_info_format(model));
    fputs("input       ", out);
    for (size_t i = 0; i < info->modalities; i++)
        fprintf(out, "%s%s", i ? ", " : "", info->modality[i]);
    fprintf(out, "%s\n", info->modalities ? "" : "nothing");
    print_text_part(&model->config.text, out);
    print_media_parts(&model->config, out);
    if (g4_info_chat(model))
        fprintf(out, "chat        the layout of the %s models\n", g4_info_chat(model));
    print_amounts(&info->summary, out);
    print_line("space id", info->space_id, out);
    if (info->vision_id[0])
        print_line("vision id", info->vision_id, out);
    if (info->audio_id[0])
        print_line("audio id", info->audio_id, out);
    print_memory(info, out);
    print_family(info, out);
}

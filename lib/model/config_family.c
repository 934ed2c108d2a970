/* config_family.c - the numbers in which the published config.json files differ. */
#include "lib/model/config_family.h"

#include "lib/base/mem.h"
#include "lib/model/config_parts.h"

enum { VOCABULARY = 262144, HEAD_DIM = 256, GLOBAL_HEAD_DIM = 512, POSITIONS = 10240 };

enum vision { TOWER_SMALL, TOWER_LARGE, NO_TOWER };

static const struct member {
    size_t hidden, layers, period; /* every period-th layer has full attention */
    size_t heads, kv_heads, global_kv_heads;
    bool k_eq_v;
    size_t intermediate;
    bool double_wide;
    size_t per_layer, shared, window, positions, experts, top_k, expert_width;
    enum vision vision;
    bool audio;
} members[G4_FAMILY] = {
    {1536, 35, 5, 8, 1, 1, false, 6144, true, 256, 20, 512, 131072, 0, 0, 0, TOWER_SMALL, true},
    {2560, 42, 6, 8, 2, 2, false, 10240, false, 256, 18, 512, 131072, 0, 0, 0, TOWER_SMALL, true},
    {3840, 48, 6, 16, 8, 1, true, 15360, false, 0, 0, 1024, 262144, 0, 0, 0, NO_TOWER, true},
    {2816, 30, 6, 16, 8, 2, true, 2112, false, 0, 0, 1024, 262144, 128, 8, 704, TOWER_LARGE, false},
    {5376, 60, 6, 32, 16, 4, true, 21504, false, 0, 0, 1024, 262144, 0, 0, 0, TOWER_LARGE, false},
};

static int fill_layers(struct g4_text_config *text, const struct member *m, struct g4_err *err)
{
    int status = g4_alloc((void **)&text->layer, m->layers, sizeof *text->layer, "the layers", err);
    for (size_t i = 0; status == 0 && i < m->layers; i++) {
        struct g4_layer_config *l = &text->layer[i];
        l->full = (i + 1) % m->period == 0;
        l->k_is_v = l->full && m->k_eq_v;
        l->head_dim = l->full ? GLOBAL_HEAD_DIM : HEAD_DIM;
        l->kv_heads = l->full ? m->global_kv_heads : m->kv_heads;
        l->intermediate_size =
            m->intermediate * (m->double_wide && i >= text->first_shared ? 2 : 1);
        status = g4_config_link_layer(text, i, "the family", err);
    }
    return status;
}

static void fill_vision(struct g4_vision_config *vision, const struct member *m)
{
    static const struct g4_vision_config towers[] = {
        [TOWER_SMALL] = {.present = true,
                         .hidden_size = 768,
                         .intermediate_size = 3072,
                         .num_hidden_layers = 16,
                         .num_attention_heads = 12,
                         .head_dim = 64,
                         .position_embedding_size = POSITIONS,
                         .use_clipped_linears = true},
        [TOWER_LARGE] = {.present = true,
                         .hidden_size = 1152,
                         .intermediate_size = 4304,
                         .num_hidden_layers = 27,
                         .num_attention_heads = 16,
                         .head_dim = 72,
                         .position_embedding_size = POSITIONS,
                         .standardize = true},
        [NO_TOWER] = {.present = true,
                      .unified = true,
                      .mm_embed_dim = 3840,
                      .position_embedding_size = 1120},
    };
    *vision = towers[m->vision];
    vision->patch_size = 16;
    vision->pooling_kernel_size = 3;
    vision->default_output_length = 280;
}

static void fill_audio(struct g4_audio_config *audio, const struct member *m)
{
    *audio = (struct g4_audio_config){.present = m->audio, .unified = m->vision == NO_TOWER};
    if (audio->unified) {
        audio->audio_embed_dim = 640;
    } else if (audio->present) {
        audio->hidden_size = 1024;
        audio->num_hidden_layers = 12;
        audio->num_attention_heads = 8;
        audio->conv_channels[0] = 128;
        audio->conv_channels[1] = 32;
        audio->conv_kernel_size = 5;
        audio->attention_context_left = 13;
        audio->output_proj_dims = 1536;
    }
}

int g4_config_family(struct g4_config *config, size_t i, struct g4_err *err)
{
    const struct member *m = &members[i];
    *config = (struct g4_config){0};
    config->text = (struct g4_text_config){
        .present = true,
        .hidden_size = m->hidden,
        .num_hidden_layers = m->layers,
        .vocab_size = VOCABULARY,
        .num_attention_heads = m->heads,
        .hidden_size_per_layer_input = m->per_layer,
        .sliding_window = m->window,
        .max_position_embeddings = m->positions,
        .image_blocks = m->per_layer == 0,
        .num_experts = m->experts,
        .top_k_experts = m->top_k,
        .moe_intermediate_size = m->expert_width,
        .first_shared = m->layers - m->shared,
    };
    fill_vision(&config->vision, m);
    fill_audio(&config->audio, m);
    int status = fill_layers(&config->text, m, err);
    if (status < 0)
        g4_config_release(config);
    return status;
}

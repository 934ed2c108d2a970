/*
 * numbers.c - the tensors of each part, as their sizes. H hidden size, V vocabulary, L layers, P
 * per-layer width, F feed-forward width, E experts, FE their width; nh, nkv, d heads and their
 * width; D the width of a tower.
 */
#include "lib/model/numbers.h"

enum { LIMITS = 4, MEL_COLUMNS = 32, FF_FACTOR = 4, CONV = 9 };

static void count_layer(struct g4_numbers *n, const struct g4_text_config *c, size_t i)
{
    const struct g4_layer_config *l = &c->layer[i];
    const uint64_t h = c->hidden_size, p = c->hidden_size_per_layer_input, d = l->head_dim,
                   q = c->num_attention_heads * d, kv = l->kv_heads * d, e = c->num_experts;
    n->matrices += 2 * q * h + 3 * l->intermediate_size * h + 2 * p * h;
    n->others += 4 * h + d + 1 + (p > 0 ? h : 0);
    if (l->source == i) {
        n->matrices += (l->k_is_v ? 1 : 2) * kv * h;
        n->others += d;
    }
    if (e > 0) {
        n->matrices += e * h + 3 * e * c->moe_intermediate_size * h;
        n->others += 4 * h + e;
    }
}

static void count_text(struct g4_model_numbers *n, const struct g4_text_config *c)
{
    const uint64_t h = c->hidden_size, all = c->num_hidden_layers * c->hidden_size_per_layer_input;
    n->text.matrices = c->vocab_size * h * (c->own_head ? 2 : 1) + all * h;
    n->text.others = h + c->hidden_size_per_layer_input;
    n->table.matrices = c->vocab_size * all;
    for (size_t i = 0; i < c->num_hidden_layers; i++)
        count_layer(&n->text, c, i);
}

/* hidden: the width of the text. */
static void count_vision(struct g4_numbers *n, const struct g4_vision_config *c, uint64_t hidden)
{
    if (c->unified) {
        const uint64_t side = c->patch_size * c->pooling_kernel_size, patch = side * side * 3,
                       d = c->mm_embed_dim;
        n->matrices = d * patch + 2 * c->position_embedding_size * d + hidden * d;
        n->others = 2 * patch + 5 * d;
        return;
    }
    const uint64_t d = c->hidden_size, a = c->num_attention_heads * c->head_dim,
                   f = c->intermediate_size;
    n->matrices = c->num_hidden_layers * (4 * a * d + 3 * f * d) +
                  d * c->patch_size * c->patch_size * 3 + 2 * c->position_embedding_size * d +
                  hidden * d;
    n->others = c->num_hidden_layers *
                    (4 * d + 2 * c->head_dim + (c->use_clipped_linears ? 7 * LIMITS : 0)) +
                (c->standardize ? 2 * d : 0);
}

static void count_audio(struct g4_numbers *n, const struct g4_audio_config *c, uint64_t hidden)
{
    if (c->unified) {
        n->matrices = hidden * c->audio_embed_dim;
        return;
    }
    const uint64_t d = c->hidden_size, c0 = c->conv_channels[0], c1 = c->conv_channels[1],
                   out = c->output_proj_dims;
    const uint64_t feed_forward = 2 * FF_FACTOR * d * d, attention = 5 * d * d,
                   convolution = 3 * d * d;
    n->matrices = c->num_hidden_layers * (2 * feed_forward + attention + convolution) + c0 * CONV +
                  c1 * c0 * CONV + d * MEL_COLUMNS * c1 + out * d + hidden * out;
    n->others = c->num_hidden_layers * (4 * d + 3 * d + 2 * d + d / c->num_attention_heads +
                                        d * c->conv_kernel_size + 10 * LIMITS) +
                c0 + c1 + out;
}

void g4_model_count(struct g4_model_numbers *n, const struct g4_config *config)
{
    *n = (struct g4_model_numbers){0};
    if (config->text.present)
        count_text(n, &config->text);
    if (config->vision.present)
        count_vision(&n->vision, &config->vision, config->text.hidden_size);
    if (config->audio.present)
        count_audio(&n->audio, &config->audio, config->text.hidden_size);
}

uint64_t g4_numbers_bytes(const struct g4_numbers *n, enum g4_dtype dtype)
{
    const struct g4_dtype_info *type = g4_dtype_info(dtype), *other = type;
    if (dtype >= G4_DTYPE_FLOATS)
        other = g4_dtype_info(G4_DTYPE_F32);
    return n->matrices / type->block * type->bytes + n->others * other->bytes;
}

/* audio_weights.c - the names of the audio tower. */
#include "encoders/audio/audio_weights.h"

#include <stdlib.h>

#include "encoders/audio/mel.h"
#include "lib/model/bind.h"

#define TOWER     "model.audio_tower."
#define EMBED     "model.embed_audio.embedding_projection.weight"
#define SUBSAMPLE TOWER "subsample_conv_projection."
#define LAYER     TOWER "layers.%zu."

enum { PREPROCESSING_VERSION = 1 }; /* of the encoder id: other spectra change it */

size_t g4_audio_mel_positions(void)
{
    return (G4_AUDIO_MELS + 3) / 4;
}

static void bind_feed_forward(struct g4_bind *bind, struct g4_audio_ff *ff, size_t dim,
                              size_t layer, int half)
{
    const size_t wide = G4_AUDIO_FF_FACTOR * dim;
    const char *const name = LAYER "feed_forward%d.%s";
    g4_bind_vector(bind, &ff->pre_layer_norm, dim, true, name, layer, half,
                   "pre_layer_norm.weight");
    g4_bind_clipped(bind, &ff->ffw_layer_1, wide, dim, name, layer, half, "ffw_layer_1");
    g4_bind_clipped(bind, &ff->ffw_layer_2, dim, wide, name, layer, half, "ffw_layer_2");
    g4_bind_vector(bind, &ff->post_layer_norm, dim, true, name, layer, half,
                   "post_layer_norm.weight");
}

static void bind_attention(struct g4_bind *bind, struct g4_audio_block *b, size_t dim,
                           size_t head_dim, size_t layer)
{
    g4_bind_vector(bind, &b->norm_pre_attn, dim, true, LAYER "norm_pre_attn.weight", layer);
    g4_bind_clipped(bind, &b->q_proj, dim, dim, LAYER "self_attn.q_proj", layer);
    g4_bind_clipped(bind, &b->k_proj, dim, dim, LAYER "self_attn.k_proj", layer);
    g4_bind_clipped(bind, &b->v_proj, dim, dim, LAYER "self_attn.v_proj", layer);
    g4_bind_matrix(bind, &b->relative_k_proj, dim, dim, true,
                   LAYER "self_attn.relative_k_proj.weight", layer);
    g4_bind_vector(bind, &b->per_dim_scale, head_dim, true, LAYER "self_attn.per_dim_scale", layer);
    g4_bind_clipped(bind, &b->post, dim, dim, LAYER "self_attn.post", layer);
    g4_bind_vector(bind, &b->norm_post_attn, dim, true, LAYER "norm_post_attn.weight", layer);
}

static void bind_light_conv(struct g4_bind *bind, struct g4_audio_block *b, size_t dim, size_t taps,
                            size_t layer)
{
    g4_bind_vector(bind, &b->conv_pre_norm, dim, true, LAYER "lconv1d.pre_layer_norm.weight",
                   layer);
    g4_bind_clipped(bind, &b->linear_start, 2 * dim, dim, LAYER "lconv1d.linear_start", layer);
    g4_bind_vector(bind, &b->depthwise, dim * taps, true, LAYER "lconv1d.depthwise_conv1d.weight",
                   layer);
    g4_bind_vector(bind, &b->conv_norm, dim, true, LAYER "lconv1d.conv_norm.weight", layer);
    g4_bind_clipped(bind, &b->linear_end, dim, dim, LAYER "lconv1d.linear_end", layer);
}

static void bind_block(struct g4_bind *bind, struct g4_audio_block *b,
                       const struct g4_audio_config *c, size_t layer)
{
    const size_t dim = c->hidden_size;
    bind_feed_forward(bind, &b->feed_forward1, dim, layer, 1);
    bind_attention(bind, b, dim, dim / c->num_attention_heads, layer);
    bind_light_conv(bind, b, dim, c->conv_kernel_size, layer);
    bind_feed_forward(bind, &b->feed_forward2, dim, layer, 2);
    g4_bind_vector(bind, &b->norm_out, dim, true, LAYER "norm_out.weight", layer);
}

static void bind_tower(struct g4_bind *bind, struct g4_audio_weights *w,
                       const struct g4_config *config)
{
    const struct g4_audio_config *c = &config->audio;
    const size_t *channels = c->conv_channels;
    g4_bind_matrix(bind, &w->conv[0], channels[0], 9, true, SUBSAMPLE "layer0.conv.weight");
    g4_bind_matrix(bind, &w->conv[1], channels[1], channels[0] * 9, true,
                   SUBSAMPLE "layer1.conv.weight");
    for (size_t i = 0; i < 2; i++)
        g4_bind_vector(bind, &w->conv_norm[i], channels[i], true, SUBSAMPLE "layer%zu.norm.weight",
                       i);
    g4_bind_matrix(bind, &w->input_proj, c->hidden_size, g4_audio_mel_positions() * channels[1],
                   true, SUBSAMPLE "input_proj_linear.weight");
    for (size_t i = 0; i < c->num_hidden_layers; i++)
        bind_block(bind, &w->blocks[i], c, i);

    struct g4_matrix output;
    const float *bias = NULL;
    g4_bind_matrix(bind, &output, c->output_proj_dims, c->hidden_size, true,
                   TOWER "output_proj.weight");
    g4_bind_vector(bind, &bias, c->output_proj_dims, true, TOWER "output_proj.bias");
    g4_bind_matrix(bind, &w->embed.projection, config->text.hidden_size, c->output_proj_dims, true,
                   EMBED);
    w->embed.eps = c->rms_norm_eps;
    if (bind->status < 0)
        return;
    w->output_proj = g4_linear_plain(&output);
    w->output_proj.bias = bias;
}

int g4_audio_weights_open(struct g4_audio_weights *w, const struct g4_model *model,
                          struct g4_err *err)
{
    *w = (struct g4_audio_weights){0};
    void *blocks;
    int status = g4_alloc(&blocks, model->config.audio.num_hidden_layers, sizeof *w->blocks,
                          "the audio tower", err);
    if (status < 0)
        return status;
    w->blocks = blocks;
    for (int measuring = 1; measuring >= 0 && status == 0; measuring--) {
        struct g4_bind bind = {&model->weights, &w->arena, err, 0};
        bind_tower(&bind, w, &model->config);
        status = bind.status;
        if (measuring && status == 0)
            status = g4_arena_alloc(&w->arena, "the audio tower", err);
    }
    if (status < 0)
        g4_audio_weights_close(w);
    return status;
}

void g4_audio_weights_close(struct g4_audio_weights *w)
{
    free(w->blocks);
    g4_arena_release(&w->arena);
    *w = (struct g4_audio_weights){0};
}

int g4_audio_weights_id(const struct g4_model *model, uint8_t id[G4_ID_BYTES], struct g4_err *err)
{
    return g4_model_encoder_id(model, TOWER, EMBED, PREPROCESSING_VERSION, id, err);
}

/* vision_weights.c - the names of the tower's tensors. */
#include "encoders/vision/vision_weights.h"

#include <stdio.h>

#include "lib/model/bind.h"

#define TOWER "model.vision_tower."
#define EMBED "model.embed_vision.embedding_projection.weight"

enum { PREPROCESSING_VERSION = 1 }; /* of the encoder id: a change of the pixels changes it */

static void bind_layer(struct g4_bind *b, const struct g4_vision_config *c,
                       struct g4_vision_layer *layer, size_t i)
{
    const size_t d = c->hidden_size, f = c->intermediate_size,
                 a = c->num_attention_heads * c->head_dim;
    char p[64];
    snprintf(p, sizeof p, TOWER "encoder.layers.%zu", i);
    g4_bind_vector(b, &layer->input_norm, d, true, "%s.input_layernorm.weight", p);
    g4_bind_vector(b, &layer->post_attention_norm, d, true, "%s.post_attention_layernorm.weight",
                   p);
    g4_bind_vector(b, &layer->pre_feedforward_norm, d, true, "%s.pre_feedforward_layernorm.weight",
                   p);
    g4_bind_vector(b, &layer->post_feedforward_norm, d, true,
                   "%s.post_feedforward_layernorm.weight", p);
    g4_bind_vector(b, &layer->q_norm, c->head_dim, true, "%s.self_attn.q_norm.weight", p);
    g4_bind_vector(b, &layer->k_norm, c->head_dim, true, "%s.self_attn.k_norm.weight", p);
    g4_bind_clipped(b, &layer->q, a, d, "%s.self_attn.q_proj", p);
    g4_bind_clipped(b, &layer->k, a, d, "%s.self_attn.k_proj", p);
    g4_bind_clipped(b, &layer->v, a, d, "%s.self_attn.v_proj", p);
    g4_bind_clipped(b, &layer->o, d, a, "%s.self_attn.o_proj", p);
    g4_bind_clipped(b, &layer->gate, f, d, "%s.mlp.gate_proj", p);
    g4_bind_clipped(b, &layer->up, f, d, "%s.mlp.up_proj", p);
    g4_bind_clipped(b, &layer->down, d, f, "%s.mlp.down_proj", p);
}

/* Runs twice: to measure the arena, then to fill it. */
static int bind_all(struct g4_vision_weights *w, const struct g4_model *model, struct g4_err *err)
{
    const struct g4_vision_config *c = &model->config.vision;
    const size_t d = c->hidden_size;
    struct g4_bind b = {.weights = &model->weights, .arena = &w->arena, .err = err};
    g4_bind_matrix(&b, &w->input_proj, d, c->patch_size * c->patch_size * 3, true,
                   TOWER "patch_embedder.input_proj.weight");
    g4_bind_matrices(&b, w->position, 2, c->position_embedding_size, d, true,
                     TOWER "patch_embedder.position_embedding_table");
    w->layer = g4_arena_take(&w->arena, c->num_hidden_layers, sizeof *w->layer);
    for (size_t i = 0; i < c->num_hidden_layers; i++) {
        struct g4_vision_layer measured;
        bind_layer(&b, c, w->layer ? &w->layer[i] : &measured, i);
    }
    if (c->standardize) {
        g4_bind_vector(&b, &w->std_bias, d, true, TOWER "std_bias");
        g4_bind_vector(&b, &w->std_scale, d, true, TOWER "std_scale");
    }
    g4_bind_matrix(&b, &w->embed.projection, model->config.text.hidden_size, d, true, EMBED);
    w->embed.eps = c->rms_norm_eps;
    return b.status;
}

int g4_vision_weights_bind(struct g4_vision_weights *weights, const struct g4_model *model,
                           struct g4_err *err)
{
    *weights = (struct g4_vision_weights){0};
    if (model->config.vision.head_dim % 4 != 0)
        return g4_err_set(err, G4_EUNSUPPORTED,
                          "vision_config.head_dim is %zu, expected a multiple of 4",
                          model->config.vision.head_dim);
    int status = bind_all(weights, model, err);
    if (status >= 0)
        status = g4_arena_alloc(&weights->arena, "the vision tower's vectors", err);
    if (status >= 0)
        status = bind_all(weights, model, err);
    if (status < 0)
        g4_vision_weights_release(weights);
    return status;
}

void g4_vision_weights_release(struct g4_vision_weights *weights)
{
    g4_arena_release(&weights->arena);
    *weights = (struct g4_vision_weights){0};
}

int g4_vision_weights_id(const struct g4_model *model, uint8_t id[G4_ID_BYTES], struct g4_err *err)
{
    const char *norms = model->config.vision.unified ? "model.vision_embedder." : TOWER;
    return g4_model_encoder_id(model, norms, EMBED, PREPROCESSING_VERSION, id, err);
}

/* text_weights.c - the list of the decoder's tensors, bound in one sweep, done twice. */
#include "decoder/text_weights.h"

#include <stdbool.h>
#include <stdlib.h>

#include "lib/base/file.h"
#include "lib/model/bind.h"
#include "lib/nn/attention.h"
#include "lib/nn/rope.h"

#define TEXT  "model.language_model."
#define LAYER TEXT "layers.%zu."

static const float NO_TURN = 1e29f;

/* The head width of each layer type: one table of angles serves all its layers. */
static int check_heads(struct g4_text_weights *w, const struct g4_text_config *config,
                       struct g4_err *err)
{
    for (size_t i = 0; i < config->num_hidden_layers; i++) {
        const struct g4_layer_config *c = &config->layer[i];
        size_t *half = &w->half[c->full];
        if (*half == 0)
            *half = c->head_dim / 2;
        if (c->head_dim != 2 * *half)
            return g4_err_set(err, G4_EUNSUPPORTED,
                              "layer %zu has heads of width %zu, others of its type %zu", i,
                              c->head_dim, 2 * *half);
        if (c->head_dim > G4_ATTENTION_HEAD_DIM)
            return g4_err_set(err, G4_EUNSUPPORTED,
                              "layer %zu has heads of width %zu, more than %d", i, c->head_dim,
                              G4_ATTENTION_HEAD_DIM);
    }
    return 0;
}

static void bind_attention(struct g4_bind *b, struct g4_text_layer *l,
                           const struct g4_text_config *config, size_t i)
{
    const struct g4_layer_config *c = &config->layer[i];
    size_t hidden = config->hidden_size;
    size_t q = config->num_attention_heads * c->head_dim, kv = c->kv_heads * c->head_dim;
    g4_bind_matrix(b, &l->q_proj, q, hidden, true, LAYER "self_attn.q_proj.weight", i);
    g4_bind_matrix(b, &l->o_proj, hidden, q, true, LAYER "self_attn.o_proj.weight", i);
    g4_bind_vector(b, &l->q_norm, c->head_dim, true, LAYER "self_attn.q_norm.weight", i);
    if (c->source != i)
        return;
    g4_bind_matrix(b, &l->k_proj, kv, hidden, true, LAYER "self_attn.k_proj.weight", i);
    g4_bind_vector(b, &l->k_norm, c->head_dim, true, LAYER "self_attn.k_norm.weight", i);
    if (!c->k_is_v)
        g4_bind_matrix(b, &l->v_proj, kv, hidden, true, LAYER "self_attn.v_proj.weight", i);
}

/* Gate and up of the experts: one tensor, or two. */
static void bind_gate_up(struct g4_bind *b, struct g4_moe_weights *m, size_t experts, size_t width,
                         size_t hidden, size_t i)
{
    m->gate_proj = g4_arena_take(b->arena, experts, sizeof *m->gate_proj);
    m->up_proj = g4_arena_take(b->arena, experts, sizeof *m->up_proj);
    if (g4_bind_has_matrices(b, LAYER "experts.gate_proj", i)) {
        g4_bind_matrices(b, m->gate_proj, experts, width, hidden, true, LAYER "experts.gate_proj",
                         i);
        g4_bind_matrices(b, m->up_proj, experts, width, hidden, true, LAYER "experts.up_proj", i);
        return;
    }
    g4_bind_matrices(b, m->gate_proj, experts, 2 * width, hidden, true,
                     LAYER "experts.gate_up_proj", i);
    for (size_t e = 0; m->gate_proj && b->status == 0 && e < experts; e++) {
        m->up_proj[e] = g4_matrix_rows(&m->gate_proj[e], width, width);
        m->gate_proj[e] = g4_matrix_rows(&m->gate_proj[e], 0, width);
    }
}

static void bind_moe(struct g4_bind *b, struct g4_moe_weights *m,
                     const struct g4_text_config *config, size_t i)
{
    size_t hidden = config->hidden_size, experts = config->num_experts;
    size_t width = config->moe_intermediate_size;
    g4_bind_matrix(b, &m->router_proj, experts, hidden, true, LAYER "router.proj.weight", i);
    g4_bind_vector(b, &m->router_scale, hidden, true, LAYER "router.scale", i);
    g4_bind_vector(b, &m->per_expert_scale, experts, true, LAYER "router.per_expert_scale", i);
    bind_gate_up(b, m, experts, width, hidden, i);
    m->down_proj = g4_arena_take(b->arena, experts, sizeof *m->down_proj);
    g4_bind_matrices(b, m->down_proj, experts, hidden, width, true, LAYER "experts.down_proj", i);
    g4_bind_vector(b, &m->pre_feedforward_layernorm_2, hidden, true,
                   LAYER "pre_feedforward_layernorm_2.weight", i);
    g4_bind_vector(b, &m->post_feedforward_layernorm_1, hidden, true,
                   LAYER "post_feedforward_layernorm_1.weight", i);
    g4_bind_vector(b, &m->post_feedforward_layernorm_2, hidden, true,
                   LAYER "post_feedforward_layernorm_2.weight", i);
}

static void bind_layer(struct g4_bind *b, struct g4_text_layer *l,
                       const struct g4_text_config *config, size_t i)
{
    size_t hidden = config->hidden_size, feed = config->layer[i].intermediate_size;
    size_t per_layer = config->hidden_size_per_layer_input;
    g4_bind_vector(b, &l->input_layernorm, hidden, true, LAYER "input_layernorm.weight", i);
    bind_attention(b, l, config, i);
    g4_bind_vector(b, &l->post_attention_layernorm, hidden, true,
                   LAYER "post_attention_layernorm.weight", i);
    g4_bind_vector(b, &l->pre_feedforward_layernorm, hidden, true,
                   LAYER "pre_feedforward_layernorm.weight", i);
    g4_bind_matrix(b, &l->gate_proj, feed, hidden, true, LAYER "mlp.gate_proj.weight", i);
    g4_bind_matrix(b, &l->up_proj, feed, hidden, true, LAYER "mlp.up_proj.weight", i);
    g4_bind_matrix(b, &l->down_proj, hidden, feed, true, LAYER "mlp.down_proj.weight", i);
    g4_bind_vector(b, &l->post_feedforward_layernorm, hidden, true,
                   LAYER "post_feedforward_layernorm.weight", i);
    if (config->num_experts > 0)
        bind_moe(b, &l->moe, config, i);
    if (per_layer > 0) {
        g4_bind_matrix(b, &l->per_layer_input_gate, per_layer, hidden, true,
                       LAYER "per_layer_input_gate.weight", i);
        g4_bind_matrix(b, &l->per_layer_projection, hidden, per_layer, true,
                       LAYER "per_layer_projection.weight", i);
        g4_bind_vector(b, &l->post_per_layer_input_norm, hidden, true,
                       LAYER "post_per_layer_input_norm.weight", i);
    }
    l->layer_scalar = 1.0f;
    g4_bind_scalar(b, &l->layer_scalar, false, LAYER "layer_scalar", i);
}

static void bind_all(struct g4_bind *b, struct g4_text_weights *w,
                     const struct g4_text_config *config)
{
    size_t hidden = config->hidden_size, vocab = config->vocab_size;
    size_t per_layer = config->hidden_size_per_layer_input;
    size_t all_layers = config->num_hidden_layers * per_layer;
    g4_bind_matrix(b, &w->embed_tokens, vocab, hidden, true, TEXT "embed_tokens.weight");
    g4_bind_matrix(b, &w->lm_head, vocab, hidden, config->own_head, "lm_head.weight");
    if (per_layer > 0) {
        g4_bind_matrix(b, &w->embed_tokens_per_layer, vocab, all_layers, true,
                       TEXT "embed_tokens_per_layer.weight");
        g4_bind_matrix(b, &w->per_layer_model_projection, all_layers, hidden, true,
                       TEXT "per_layer_model_projection.weight");
        g4_bind_vector(b, &w->per_layer_projection_norm, per_layer, true,
                       TEXT "per_layer_projection_norm.weight");
    }
    for (size_t i = 0; i < config->num_hidden_layers; i++)
        bind_layer(b, &w->layer[i], config, i);
    g4_bind_vector(b, &w->norm, hidden, true, TEXT "norm.weight");
    if (w->half[1] > 0)
        g4_bind_vector(b, &w->rope_factors, w->half[1], false, "rope_freqs.weight");
}

/* Converters write 1e30 for pairs that do not turn. */
static int divide_frequencies(float *frequency, const float *factor, size_t n, struct g4_err *err)
{
    for (size_t i = 0; i < n; i++) {
        if (!(factor[i] > 0))
            return g4_err_set(err, G4_EINPUT,
                              "tensor 'rope_freqs.weight': element %zu is %g, expected above 0", i,
                              (double)factor[i]);
        frequency[i] = factor[i] < NO_TURN ? frequency[i] / factor[i] : 0.0f;
    }
    return 0;
}

/* Angles per position for both layer types; `fill` false: only measures. */
static int take_frequencies(struct g4_text_weights *w, const struct g4_text_config *config,
                            bool fill, struct g4_err *err)
{
    const struct g4_rope_config *rope[2] = {&config->rope_sliding, &config->rope_full};
    for (int full = 0; full < 2; full++) {
        size_t half = w->half[full];
        float *frequency = g4_arena_take(&w->arena, half, sizeof *frequency);
        if (!fill)
            continue;
        size_t turning = (size_t)(rope[full]->partial_rotary_factor * (double)half);
        g4_rope_freq(frequency, half, turning, 2 * half, rope[full]->theta);
        w->frequency[full] = frequency;
        if (full && w->rope_factors)
            return divide_frequencies(frequency, w->rope_factors, half, err);
    }
    return 0;
}

/* One row for a token, of tables that are a large part of the file. An embedding that is the head
 * as well is read whole for every token. */
static void advise(const struct g4_text_weights *w)
{
    const struct g4_matrix *table = &w->embed_tokens_per_layer, *embed = &w->embed_tokens;
    if (table->data)
        g4_map_random(table->data, table->rows * table->stride);
    if (w->lm_head.data != embed->data)
        g4_map_random(embed->data, embed->rows * embed->stride);
}

int g4_text_weights_open(struct g4_text_weights *w, const struct g4_text_config *config,
                         const struct g4_weights *files, struct g4_err *err)
{
    *w = (struct g4_text_weights){0};
    void *memory = NULL;
    int status = check_heads(w, config, err);
    if (status == 0)
        status = g4_alloc(&memory, config->num_hidden_layers, sizeof *w->layer, "the layers", err);
    if (status < 0)
        goto out;
    w->layer = memory;
    for (int fill = 0; fill < 2; fill++) {
        struct g4_bind bind = {files, &w->arena, err, 0};
        bind_all(&bind, w, config);
        status = bind.status;
        if (status < 0)
            goto out;
        status = take_frequencies(w, config, fill, err);
        if (!fill)
            status = g4_arena_alloc(&w->arena, "the norm vectors", err);
        if (status < 0)
            goto out;
    }
    if (!w->lm_head.data)
        w->lm_head = w->embed_tokens;
    advise(w);
out:
    if (status < 0)
        g4_text_weights_close(w);
    return status;
}

void g4_text_weights_close(struct g4_text_weights *w)
{
    free(w->layer);
    g4_arena_release(&w->arena);
    *w = (struct g4_text_weights){0};
}

/* layer.c - the recipe of layer.h, block by block. */
#include "decoder/layer.h"

#include <assert.h>

#include "lib/nn/act.h"
#include "lib/nn/attention.h"
#include "lib/nn/linear.h"
#include "lib/nn/norm.h"
#include "lib/nn/rope.h"

static size_t larger(size_t a, size_t b)
{
    return a > b ? a : b;
}

void g4_layer_scratch_take(struct g4_layer_scratch *s, struct g4_arena *arena,
                           const struct g4_text_config *config, size_t rows)
{
    size_t q = 0, kv = 0, feed = config->hidden_size_per_layer_input;
    for (size_t i = 0; i < config->num_hidden_layers; i++) {
        const struct g4_layer_config *c = &config->layer[i];
        q = larger(q, config->num_attention_heads * c->head_dim);
        kv = larger(kv, c->kv_heads * c->head_dim);
        feed = larger(feed, c->intermediate_size);
    }
    size_t hidden = config->hidden_size;
    s->y = g4_arena_take(arena, rows * hidden, sizeof *s->y);
    s->q = g4_arena_take(arena, rows * q, sizeof *s->q);
    s->a = g4_arena_take(arena, rows * q, sizeof *s->a);
    s->k = g4_arena_take(arena, rows * kv, sizeof *s->k);
    s->v = g4_arena_take(arena, rows * kv, sizeof *s->v);
    s->gate = g4_arena_take(arena, rows * feed, sizeof *s->gate);
    s->up = g4_arena_take(arena, rows * feed, sizeof *s->up);
    s->m = g4_arena_take(arena, rows * hidden, sizeof *s->m);
    g4_moe_scratch_take(&s->moe, arena, config, rows);
}

struct g4_pass g4_pass_tail(const struct g4_pass *pass, size_t rows)
{
    assert(rows == pass->n || (rows < pass->n && pass->timelines == 1));
    const struct g4_text_config *config = pass->engine->config;
    size_t skip = pass->n - rows;
    struct g4_pass tail = *pass;
    tail.n = rows;
    tail.x += skip * config->hidden_size;
    if (tail.ple)
        tail.ple += skip * config->num_hidden_layers * config->hidden_size_per_layer_input;
    for (int full = 0; full < 2; full++) {
        size_t half = pass->engine->weights.half[full];
        tail.type[full].cos += skip * half;
        tail.type[full].sin += skip * half;
        tail.type[full].lo += skip;
        tail.type[full].hi += skip;
    }
    return tail;
}

/* k, v of y [n, H], into the caches. */
static void store_keys(const struct g4_pass *pass, size_t i, const float *y)
{
    const struct g4_exec *exec = pass->engine->exec;
    const struct g4_text_config *config = pass->engine->config;
    const struct g4_layer_config *c = &config->layer[i];
    const struct g4_text_layer *w = &pass->engine->weights.layer[i];
    const struct g4_pass_type *type = &pass->type[c->full];
    const struct g4_layer_scratch *s = pass->scratch;
    size_t n = pass->n, hidden = config->hidden_size, d = c->head_dim, width = c->kv_heads * d;
    float eps = config->rms_norm_eps;

    const struct g4_matmul products[] = {{&w->k_proj, s->k, width, y, hidden, n},
                                         {&w->v_proj, s->v, width, y, hidden, n}};
    const float *v = c->k_is_v ? s->k : s->v;
    g4_matmul_all(exec, products, c->k_is_v ? 1 : 2);
    g4_rms_norm(exec, s->v, d, v, d, n * c->kv_heads, d, NULL, eps);
    g4_rms_norm(exec, s->k, d, s->k, d, n * c->kv_heads, d, w->k_norm, eps);
    g4_rope(exec, s->k, width, n, c->kv_heads, d, type->cos, type->sin, d / 2);
    for (size_t t = 0; t < pass->timelines; t++) {
        size_t first = t * (n / pass->timelines) * width;
        g4_kvcache_store(pass->caches[t], exec, i, s->k + first, s->v + first);
    }
}

/* a [n, nh * d] = what the queries q [n, nh * d] see, each in its own timeline. */
static void attend(const struct g4_pass *pass, size_t i)
{
    const struct g4_text_config *config = pass->engine->config;
    const struct g4_layer_config *c = &config->layer[i];
    const struct g4_pass_type *type = &pass->type[c->full];
    const struct g4_layer_scratch *s = pass->scratch;
    size_t heads = config->num_attention_heads, width = heads * c->head_dim;
    size_t rows = pass->n / pass->timelines;
    struct g4_attention jobs[G4_TIMELINES];

    for (size_t t = 0; t < pass->timelines; t++) {
        struct g4_kv_view kv = g4_kvcache_view(pass->caches[t], c->source);
        jobs[t] = (struct g4_attention){
            .heads = heads,
            .kv_heads = config->layer[c->source].kv_heads,
            .head_dim = c->head_dim,
            .queries = rows,
            .q = s->q + t * rows * width,
            .ldq = width,
            .keys = kv.keys,
            .dtype = pass->caches[t]->dtype,
            .k = kv.k,
            .v = kv.v,
            .ldk = kv.width,
            .ldv = kv.width,
            .lo = type->lo + t * rows,
            .hi = type->hi + t * rows,
            .out = s->a + t * rows * width,
            .ldo = width,
        };
    }
    g4_attention_all(pass->engine->exec, jobs, pass->timelines);
}

/* out [n, H] = o_proj(attention of y [n, H]). */
static void attention(const struct g4_pass *pass, size_t i, float *out, const float *y)
{
    const struct g4_exec *exec = pass->engine->exec;
    const struct g4_text_config *config = pass->engine->config;
    const struct g4_layer_config *c = &config->layer[i];
    const struct g4_text_layer *w = &pass->engine->weights.layer[i];
    const struct g4_pass_type *type = &pass->type[c->full];
    const struct g4_layer_scratch *s = pass->scratch;
    size_t n = pass->n, hidden = config->hidden_size, d = c->head_dim;
    size_t heads = config->num_attention_heads, width = heads * d;

    g4_matmul(exec, &w->q_proj, s->q, width, y, hidden, n);
    g4_rms_norm(exec, s->q, d, s->q, d, n * heads, d, w->q_norm, config->rms_norm_eps);
    g4_rope(exec, s->q, width, n, heads, d, type->cos, type->sin, d / 2);
    attend(pass, i);
    g4_matmul(exec, &w->o_proj, out, hidden, s->a, width, n);
}

/* out [n, H] = down_proj(gelu(gate_proj y) * (up_proj y)). */
static void mlp(const struct g4_pass *pass, size_t i, float *out, const float *y)
{
    const struct g4_exec *exec = pass->engine->exec;
    const struct g4_text_layer *w = &pass->engine->weights.layer[i];
    const struct g4_layer_scratch *s = pass->scratch;
    size_t n = pass->n, hidden = pass->engine->config->hidden_size, feed = w->gate_proj.rows;

    const struct g4_matmul products[] = {{&w->gate_proj, s->gate, feed, y, hidden, n},
                                         {&w->up_proj, s->up, feed, y, hidden, n}};
    g4_matmul_all(exec, products, 2);
    g4_gelu_mul(exec, s->gate, feed, s->gate, feed, s->up, feed, n, feed);
    g4_matmul(exec, &w->down_proj, out, hidden, s->gate, feed, n);
}

/* out [n, H] = per_layer_projection(gelu(per_layer_input_gate x) * e). */
static void per_layer(const struct g4_pass *pass, size_t i, float *out)
{
    const struct g4_exec *exec = pass->engine->exec;
    const struct g4_text_config *config = pass->engine->config;
    const struct g4_text_layer *w = &pass->engine->weights.layer[i];
    const struct g4_layer_scratch *s = pass->scratch;
    size_t n = pass->n, hidden = config->hidden_size, width = config->hidden_size_per_layer_input;
    size_t all_layers = config->num_hidden_layers * width;

    g4_matmul(exec, &w->per_layer_input_gate, s->gate, width, pass->x, hidden, n);
    g4_gelu_mul(exec, s->gate, width, s->gate, width, pass->ple + i * width, all_layers, n, width);
    g4_matmul(exec, &w->per_layer_projection, out, hidden, s->gate, width, n);
}

void g4_layer_run(const struct g4_pass *whole, size_t i, size_t wanted)
{
    const struct g4_exec *exec = whole->engine->exec;
    const struct g4_text_config *config = whole->engine->config;
    const struct g4_text_layer *w = &whole->engine->weights.layer[i];
    const struct g4_layer_scratch *s = whole->scratch;
    size_t h = config->hidden_size;
    float eps = config->rms_norm_eps;
    float *y = s->y, *m = s->m;

    g4_rms_norm(exec, y, h, whole->x, h, whole->n, h, w->input_layernorm, eps);
    if (config->layer[i].source == i)
        store_keys(whole, i, y);
    if (wanted == 0)
        return;

    struct g4_pass pass = g4_pass_tail(whole, wanted);
    size_t n = pass.n;
    float *x = pass.x;
    attention(&pass, i, m, y + (whole->n - n) * h);
    g4_rms_norm_add(exec, x, h, m, h, n, h, w->post_attention_layernorm, eps, 1.0f);

    g4_rms_norm(exec, y, h, x, h, n, h, w->pre_feedforward_layernorm, eps);
    mlp(&pass, i, m, y);
    if (config->num_experts > 0) {
        g4_rms_norm(exec, m, h, m, h, n, h, w->moe.post_feedforward_layernorm_1, eps);
        g4_moe_run(pass.engine, i, &s->moe, y, x, n, pass.trace);
        g4_rms_norm_add(exec, m, h, y, h, n, h, w->moe.post_feedforward_layernorm_2, eps, 1.0f);
    }
    g4_rms_norm_add(exec, x, h, m, h, n, h, w->post_feedforward_layernorm, eps, 1.0f);

    if (pass.ple) {
        per_layer(&pass, i, m);
        g4_rms_norm_add(exec, x, h, m, h, n, h, w->post_per_layer_input_norm, eps, 1.0f);
    }
    if (w->layer_scalar != 1.0f)
        g4_scale(exec, x, h, n, h, w->layer_scalar);
    g4_trace_put(pass.trace, "layer", (int)i, x, h, n, h);
}

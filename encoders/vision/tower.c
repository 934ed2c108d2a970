/* tower.c - the recipe of tower.h, step by step. */
#include "encoders/vision/tower.h"

#include <math.h>

#include "encoders/vision/patch.h"
#include "lib/nn/act.h"
#include "lib/nn/attention.h"
#include "lib/nn/norm.h"
#include "lib/nn/rope.h"

/* Patches that go through the feed-forward together: enough for a good gemm, and the wide rows
 * between its matrices take little memory. */
enum { FF_ROWS = 1280 };

static size_t largest(size_t a, size_t b)
{
    return a > b ? a : b;
}

static size_t smallest(size_t a, size_t b)
{
    return a < b ? a : b;
}

void g4_tower_plan(struct g4_tower_plan *plan, struct g4_arena *arena,
                   const struct g4_vision_config *c, size_t grid_w, size_t grid_h)
{
    const size_t n = grid_w * grid_h, d = c->hidden_size, a = c->num_attention_heads * c->head_dim;
    const size_t f = c->intermediate_size, patch = c->patch_size * c->patch_size * 3;
    const size_t turns = c->head_dim / 4;
    *plan = (struct g4_tower_plan){.grid_w = grid_w, .grid_h = grid_h, .n = n};
    plan->x = g4_arena_take(arena, n, d * sizeof(float));
    plan->h = g4_arena_take(arena, n, d * sizeof(float));
    plan->t = plan->a = g4_arena_take(arena, n, largest(d, a) * sizeof(float));

    const size_t most = (n + FF_ROWS - 1) / FF_ROWS;
    plan->ff_rows = (n + most - 1) / most;
    const size_t wide = largest(n * largest(patch, 3 * a), 2 * plan->ff_rows * f);
    float *shared = g4_arena_take(arena, wide, sizeof(float));
    if (shared) {
        plan->patches = plan->q = plan->gate = shared;
        plan->k = plan->q + n * a;
        plan->v = plan->k + n * a;
        plan->up = plan->gate + plan->ff_rows * f;
    }
    plan->col = g4_arena_take(arena, n, sizeof *plan->col);
    plan->row = g4_arena_take(arena, n, sizeof *plan->row);
    plan->freq = g4_arena_take(arena, turns, sizeof(float));
    plan->cos_col = g4_arena_take(arena, n, turns * sizeof(float));
    plan->sin_col = g4_arena_take(arena, n, turns * sizeof(float));
    plan->cos_row = g4_arena_take(arena, n, turns * sizeof(float));
    plan->sin_row = g4_arena_take(arena, n, turns * sizeof(float));
}

/* What every step of a run reads. */
struct run {
    const struct g4_exec *exec;
    const struct g4_vision_config *c;
    const struct g4_vision_weights *w;
    const struct g4_tower_plan *plan;
    size_t n, d, a, f; /* patches; widths of a row, of all its heads, of the feed-forward */
    const struct g4_trace *trace;
};

static void centre_item(void *ctx, size_t item, int worker)
{
    (void)worker;
    const struct run *r = ctx;
    float *patch = r->plan->patches + item * r->w->input_proj.cols;
    for (size_t i = 0; i < r->w->input_proj.cols; i++)
        patch[i] = 2.0f * (patch[i] - 0.5f);
}

static void embed(struct run *r)
{
    const struct g4_tower_plan *p = r->plan;
    g4_pool_run(r->exec->pool, centre_item, r, r->n);
    g4_matmul(r->exec, &r->w->input_proj, p->x, r->d, p->patches, r->w->input_proj.cols, r->n);
    g4_patch_positions(p->col, p->row, p->grid_w, p->grid_h);
    g4_patch_add_positions(r->exec, p->x, r->n, &r->w->position[0], &r->w->position[1], p->col,
                           p->row, p->t);
    g4_trace_put(r->trace, "embedded", -1, p->x, r->d, r->n, r->d);
}

static void angles(const struct run *r)
{
    const struct g4_tower_plan *p = r->plan;
    const size_t half = r->c->head_dim / 4;
    g4_rope_freq(p->freq, half, half, r->c->head_dim / 2, r->c->rope_theta);
    g4_rope_table(r->exec, p->cos_col, p->sin_col, p->col, r->n, p->freq, half);
    g4_rope_table(r->exec, p->cos_row, p->sin_row, p->row, r->n, p->freq, half);
}

/* y [N, heads, d] = rms_head(W h, norm) */
static void project_heads(const struct run *r, const struct g4_linear *w, const float *norm,
                          float *y)
{
    const size_t d = r->c->head_dim, heads = r->c->num_attention_heads;
    g4_linear(r->exec, w, y, r->a, r->plan->h, r->d, r->n, r->plan->t);
    g4_rms_norm(r->exec, y, d, y, d, r->n * heads, d, norm, r->c->rms_norm_eps);
}

static void rope2d(const struct run *r, float *y)
{
    const struct g4_tower_plan *p = r->plan;
    const size_t d = r->c->head_dim, heads = r->c->num_attention_heads;
    g4_rope(r->exec, y, r->a, r->n, heads, d, p->cos_col, p->sin_col, d / 4);
    g4_rope(r->exec, y + d / 2, r->a, r->n, heads, d, p->cos_row, p->sin_row, d / 4);
}

static void attend(const struct run *r)
{
    const struct g4_tower_plan *p = r->plan;
    const struct g4_attention all_to_all = {
        .heads = r->c->num_attention_heads,
        .kv_heads = r->c->num_attention_heads,
        .head_dim = r->c->head_dim,
        .queries = r->n,
        .q = p->q,
        .ldq = r->a,
        .keys = r->n,
        .dtype = G4_DTYPE_F32,
        .k = p->k,
        .v = p->v,
        .ldk = r->a,
        .ldv = r->a,
        .out = p->a,
        .ldo = r->a,
    };
    g4_attention(r->exec, &all_to_all);
}

/* m patches from the first one on: x += rms(Wdown (gelu(Wgate h) * Wup h)), h = rms(x). */
static void feed_forward(const struct run *r, const struct g4_vision_layer *w, size_t first,
                         size_t m)
{
    const struct g4_exec *exec = r->exec;
    const struct g4_tower_plan *p = r->plan;
    const size_t d = r->d, f = r->f;
    const float eps = r->c->rms_norm_eps;
    float *x = p->x + first * d, *h = p->h + first * d;
    g4_rms_norm(exec, h, d, x, d, m, d, w->pre_feedforward_norm, eps);
    g4_linear(exec, &w->gate, p->gate, f, h, d, m, p->t);
    g4_linear(exec, &w->up, p->up, f, h, d, m, p->t);
    g4_gelu_mul(exec, p->gate, f, p->gate, f, p->up, f, m, f);
    g4_linear(exec, &w->down, h, d, p->gate, f, m, p->up);
    g4_rms_norm_add(exec, x, d, h, d, m, d, w->post_feedforward_norm, eps, 1.0f);
}

/* t and up serve as room for clamped inputs where they are not in use themselves. */
static void layer(const struct run *r, const struct g4_vision_layer *w)
{
    const struct g4_exec *exec = r->exec;
    const struct g4_tower_plan *p = r->plan;
    const size_t n = r->n, d = r->d;
    const float eps = r->c->rms_norm_eps;

    g4_rms_norm(exec, p->h, d, p->x, d, n, d, w->input_norm, eps);
    project_heads(r, &w->q, w->q_norm, p->q);
    project_heads(r, &w->k, w->k_norm, p->k);
    project_heads(r, &w->v, NULL, p->v);
    rope2d(r, p->q);
    rope2d(r, p->k);
    attend(r);
    g4_linear(exec, &w->o, p->h, d, p->a, r->a, n, p->q);
    g4_rms_norm_add(exec, p->x, d, p->h, d, n, d, w->post_attention_norm, eps, 1.0f);

    for (size_t first = 0; first < n; first += p->ff_rows)
        feed_forward(r, w, first, smallest(p->ff_rows, n - first));
}

/* One pooled row. */
static void pool_item(void *ctx, size_t item, int worker)
{
    (void)worker;
    const struct run *r = ctx;
    const struct g4_tower_plan *p = r->plan;
    const struct g4_kernels *kernels = r->exec->kernels;
    const size_t side = r->c->pooling_kernel_size, tokens_w = p->grid_w / side;
    const size_t top = item / tokens_w * side, left = item % tokens_w * side;
    float *out = p->h + item * r->d;
    kernels->scale(out, p->x + (top * p->grid_w + left) * r->d, 1.0f, r->d);
    for (size_t i = 1; i < side * side; i++)
        kernels->axpy(out, p->x + ((top + i / side) * p->grid_w + left + i % side) * r->d, 1.0f,
                      r->d);
    kernels->scale(out, out, (float)(sqrt((double)r->d) / (double)(side * side)), r->d);
}

static void standardise_item(void *ctx, size_t item, int worker)
{
    (void)worker;
    const struct run *r = ctx;
    float *out = r->plan->h + item * r->d;
    for (size_t i = 0; i < r->d; i++)
        out[i] = (out[i] - r->w->std_bias[i]) * r->w->std_scale[i];
}

float *g4_tower_run(const struct g4_exec *exec, const struct g4_vision_config *c,
                    const struct g4_vision_weights *w, const struct g4_tower_plan *plan,
                    const struct g4_trace *trace)
{
    struct run r = {
        .exec = exec,
        .c = c,
        .w = w,
        .plan = plan,
        .n = plan->n,
        .d = c->hidden_size,
        .a = c->num_attention_heads * c->head_dim,
        .f = c->intermediate_size,
        .trace = trace,
    };
    const size_t tokens = r.n / (c->pooling_kernel_size * c->pooling_kernel_size);
    embed(&r);
    angles(&r);
    for (size_t i = 0; i < c->num_hidden_layers; i++) {
        layer(&r, &w->layer[i]);
        g4_trace_put(trace, "layer", (int)i, plan->x, r.d, r.n, r.d);
    }
    g4_pool_run(exec->pool, pool_item, &r, tokens);
    g4_trace_put(trace, "pooled", -1, plan->h, r.d, tokens, r.d);
    if (c->standardize) {
        g4_pool_run(exec->pool, standardise_item, &r, tokens);
        g4_trace_put(trace, "standardized", -1, plan->h, r.d, tokens, r.d);
    }
    return plan->h;
}

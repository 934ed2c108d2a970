/* unified_vision.c - the recipe of unified_vision.h. */
#include "encoders/vision/unified_vision.h"

#include "encoders/vision/patch.h"
#include "lib/model/bind.h"
#include "lib/nn/norm.h"

#define EMBEDDER "model.vision_embedder."

static const float ln_eps = 1e-5f;

static size_t patch_values(const struct g4_vision_config *c)
{
    const size_t side = c->patch_size * c->pooling_kernel_size;
    return side * side * 3;
}

/* The table is stored [axis][positions][D], or [positions][axis][D]: then the rows of an axis lie
 * two rows apart. */
static void bind_positions(struct g4_bind *b, struct g4_matrix out[2], size_t positions, size_t d)
{
    struct g4_matrix both;
    if (b->weights->form.positions_by_axis) {
        g4_bind_matrices(b, out, 2, positions, d, true, EMBEDDER "pos_embedding");
        return;
    }
    g4_bind_matrix(b, &both, positions, 2 * d, true, EMBEDDER "pos_embedding");
    if (b->status < 0)
        return;
    out[0] = out[1] = both;
    out[0].cols = out[1].cols = d;
    out[1].data = (const unsigned char *)both.data + both.stride / 2;
}

/* Runs twice: to measure the arena, then to fill it. */
static int bind_all(struct g4_unified_weights *w, const struct g4_model *model, struct g4_err *err)
{
    const struct g4_vision_config *c = &model->config.vision;
    const size_t d = c->mm_embed_dim, p = patch_values(c);
    struct g4_bind b = {.weights = &model->weights, .arena = &w->arena, .err = err};
    struct g4_matrix dense;
    g4_bind_vector(&b, &w->ln1_weight, p, true, EMBEDDER "patch_ln1.weight");
    g4_bind_vector(&b, &w->ln1_bias, p, true, EMBEDDER "patch_ln1.bias");
    g4_bind_matrix(&b, &dense, d, p, true, EMBEDDER "patch_dense.weight");
    if (b.status >= 0)
        w->dense = g4_linear_plain(&dense);
    g4_bind_vector(&b, &w->dense.bias, d, true, EMBEDDER "patch_dense.bias");
    g4_bind_vector(&b, &w->ln2_weight, d, true, EMBEDDER "patch_ln2.weight");
    g4_bind_vector(&b, &w->ln2_bias, d, true, EMBEDDER "patch_ln2.bias");
    bind_positions(&b, w->position, c->position_embedding_size, d);
    g4_bind_vector(&b, &w->pos_weight, d, true, EMBEDDER "pos_norm.weight");
    g4_bind_vector(&b, &w->pos_bias, d, true, EMBEDDER "pos_norm.bias");
    g4_bind_matrix(&b, &w->embed.projection, model->config.text.hidden_size, d, true,
                   "model.embed_vision.embedding_projection.weight");
    w->embed.eps = c->rms_norm_eps;
    return b.status;
}

int g4_unified_weights_bind(struct g4_unified_weights *weights, const struct g4_model *model,
                            struct g4_err *err)
{
    *weights = (struct g4_unified_weights){0};
    int status = bind_all(weights, model, err);
    if (status >= 0)
        status = g4_arena_alloc(&weights->arena, "the vision embedder's vectors", err);
    if (status >= 0)
        status = bind_all(weights, model, err);
    if (status < 0)
        g4_unified_weights_release(weights);
    return status;
}

void g4_unified_weights_release(struct g4_unified_weights *weights)
{
    g4_arena_release(&weights->arena);
    *weights = (struct g4_unified_weights){0};
}

void g4_unified_plan(struct g4_unified_plan *plan, struct g4_arena *arena,
                     const struct g4_vision_config *c, size_t grid_w, size_t grid_h)
{
    const size_t n = grid_w * grid_h, d = c->mm_embed_dim, p = patch_values(c);
    *plan = (struct g4_unified_plan){.grid_w = grid_w, .grid_h = grid_h, .n = n};
    plan->patches = g4_arena_take(arena, n, (p > d ? p : d) * sizeof(float));
    plan->b = g4_arena_take(arena, n, d * sizeof(float));
    plan->col = g4_arena_take(arena, n, sizeof *plan->col);
    plan->row = g4_arena_take(arena, n, sizeof *plan->row);
}

float *g4_unified_vision_run(const struct g4_exec *exec, const struct g4_unified_weights *w,
                             const struct g4_unified_plan *plan, const struct g4_trace *trace)
{
    const size_t n = plan->n, p = w->dense.w.cols, d = w->dense.w.rows;
    float *patches = plan->patches, *b = plan->b;
    g4_layer_norm(exec, patches, p, patches, p, n, p, w->ln1_weight, w->ln1_bias, ln_eps);
    g4_linear(exec, &w->dense, b, d, patches, p, n, NULL);
    g4_layer_norm(exec, b, d, b, d, n, d, w->ln2_weight, w->ln2_bias, ln_eps);
    g4_trace_put(trace, "dense", -1, b, d, n, d);
    g4_patch_positions(plan->col, plan->row, plan->grid_w, plan->grid_h);
    g4_patch_add_positions(exec, b, n, &w->position[0], &w->position[1], plan->col, plan->row,
                           patches);
    g4_layer_norm(exec, b, d, b, d, n, d, w->pos_weight, w->pos_bias, ln_eps);
    g4_trace_put(trace, "normed", -1, b, d, n, d);
    return b;
}

/* conformer.c - see the recipe in conformer.h; the functions below follow it line by line. */
#include "encoders/audio/conformer.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "lib/nn/act.h"
#include "lib/nn/conv.h"
#include "lib/nn/norm.h"

enum { QUERIES = G4_GEMV_ROWS }; /* tokens of an item of attention */

/* The published network gives rms_norm_eps to the norms of lconv only; the others have this one. */
static const float BLOCK_EPS = 1e-6f;

static const double LN_2 = 0.69314718055994530942;

/* Tokens that a token sees. attention_context_left counts one more than the mask admits: a row r
 * exists for the distance context_left - 1, but no query ever meets a key that far back. */
static size_t window_of(const struct g4_audio_config *config)
{
    return config->attention_context_left - 1;
}

/* ------------------------------------------------------------------------ tables of the weights */

/* positions [window, dim]: row i says "window - 1 - i tokens ago", in the order of the keys. */
static void make_positions(float *positions, size_t window, size_t dim)
{
    const size_t half = dim / 2;
    const float step = (float)(-log(10000.0) / (double)(half > 1 ? half - 1 : 1));
    for (size_t m = 0; m < window; m++) {
        float *row = positions + (window - 1 - m) * dim;
        for (size_t i = 0; i < half; i++) {
            float angle = (float)m * expf((float)i * step);
            row[i] = (float)sin((double)angle);
            row[half + i] = (float)cos((double)angle);
        }
    }
}

static double softplus(double x)
{
    return log1p(exp(-fabs(x))) + fmax(x, 0.0);
}

static void make_query_scale(float *scale, const float *per_dim_scale, size_t head_dim,
                             bool softplus_applied)
{
    for (size_t i = 0; i < head_dim; i++) {
        double x = (double)per_dim_scale[i];
        scale[i] = (float)((softplus_applied ? x : softplus(x)) / (sqrt((double)head_dim) * LN_2));
    }
}

static int make_tables(struct g4_conformer *c, bool softplus_applied, struct g4_err *err)
{
    void *positions;
    int status = g4_alloc(&positions, c->window * c->dim, sizeof(float), "the audio tower", err);
    if (status < 0)
        return status;
    make_positions(positions, c->window, c->dim);
    for (size_t layer = 0; layer < c->config->num_hidden_layers; layer++) {
        const struct g4_audio_block *b = &c->blocks[layer];
        g4_matmul(c->exec, &b->relative_k_proj, c->relative + layer * c->window * c->dim, c->dim,
                  positions, c->dim, c->window);
        make_query_scale(c->query_scale + layer * c->head_dim, b->per_dim_scale, c->head_dim,
                         softplus_applied);
    }
    free(positions);
    return 0;
}

int g4_conformer_open(struct g4_conformer *c, const struct g4_exec *exec,
                      const struct g4_audio_config *config, const struct g4_audio_block *blocks,
                      bool softplus_applied, struct g4_err *err)
{
    *c = (struct g4_conformer){.exec = exec, .config = config, .blocks = blocks};
    c->dim = config->hidden_size;
    c->heads = config->num_attention_heads;
    c->head_dim = c->dim / c->heads;
    c->window = window_of(config);
    c->scratch_stride = (QUERIES * (c->head_dim + c->window) + c->window + 15) / 16 * 16;
    const size_t layers = config->num_hidden_layers;
    const size_t threads = (size_t)g4_pool_threads(exec->pool);
    int status = 0;
    for (int measuring = 1; measuring >= 0 && status == 0; measuring--) {
        c->relative = g4_arena_take(&c->tables, layers * c->window, c->dim * sizeof(float));
        c->query_scale = g4_arena_take(&c->tables, layers * c->head_dim, sizeof(float));
        c->head_scratch = g4_arena_take(&c->tables, threads * c->scratch_stride, sizeof(float));
        if (measuring)
            status = g4_arena_alloc(&c->tables, "the audio tower", err);
    }
    if (status == 0)
        status = make_tables(c, softplus_applied, err);
    if (status < 0)
        g4_conformer_close(c);
    return status;
}

void g4_conformer_close(struct g4_conformer *c)
{
    g4_arena_release(&c->tables);
    g4_arena_release(&c->buffers);
    *c = (struct g4_conformer){0};
}

int g4_conformer_plan(struct g4_conformer *c, size_t n, struct g4_err *err)
{
    g4_arena_release(&c->buffers);
    int status = 0;
    for (int measuring = 1; measuring >= 0 && status == 0; measuring--) {
        c->h = g4_arena_take(&c->buffers, n, c->dim * sizeof(float));
        c->a = g4_arena_take(&c->buffers, n, c->dim * sizeof(float));
        c->wide = g4_arena_take(&c->buffers, n, G4_AUDIO_FF_FACTOR * c->dim * sizeof(float));
        c->clamped = g4_arena_take(&c->buffers, n, G4_AUDIO_FF_FACTOR * c->dim * sizeof(float));
        if (measuring)
            status = g4_arena_alloc(&c->buffers, "the audio tower", err);
    }
    return status;
}

/* ------------------------------------------------------------------------ attention */

struct local_attention {
    const struct g4_conformer *c;
    const float *q, *k, *v;   /* [n, D] */
    const float *relative;    /* [window, D], the nearest last */
    const float *query_scale; /* [d] */
    float *out;               /* [n, D] */
    size_t n;
};

/* Token t of a head, which begins at column `at`: out[t] of its scaled query and the keys and
 * values it sees. score [window]: q . r, the nearest token last; key_score: room for as many. */
static void attend(const struct local_attention *job, size_t t, size_t at, const float *q,
                   float *score, float *key_score)
{
    const struct g4_conformer *c = job->c;
    const struct g4_kernels *kernels = c->exec->kernels;
    const struct g4_kernels_dtype *floats = &kernels->dtype[G4_DTYPE_F32];
    const float key_scale = (float)(log(1.0 + exp(1.0)) / LN_2);
    const size_t dim = c->dim, d = c->head_dim, stride = dim * sizeof(float);
    const size_t seen = t + 1 < c->window ? t + 1 : c->window;
    const size_t first = (t + 1 - seen) * dim + at;

    score += c->window - seen;
    floats->gemv(key_score, seen, q, d, 1, job->k + first, stride, seen, d);
    kernels->axpy(score, key_score, key_scale, seen);
    kernels->softcap(score, score, c->config->attention_logit_cap, seen);
    const float sum = kernels->exp_sum(score, score, kernels->max(score, seen), seen);
    kernels->scale(score, score, 1.0f / sum, seen);

    float *out = job->out + t * dim + at;
    memset(out, 0, d * sizeof *out);
    floats->weighted_sum(out, dim, score, seen, 1, job->v + first, stride, seen, d);
}

/* An item is one head and QUERIES tokens. */
static void attend_item(void *ctx, size_t item, int worker)
{
    const struct local_attention *job = ctx;
    const struct g4_conformer *c = job->c;
    const size_t dim = c->dim, d = c->head_dim, window = c->window;
    const size_t at = item % c->heads * d, first = item / c->heads * QUERIES;
    const size_t count = job->n - first < QUERIES ? job->n - first : QUERIES;
    float *q = c->head_scratch + (size_t)worker * c->scratch_stride;
    float *score = q + QUERIES * d, *key_score = score + QUERIES * window;

    for (size_t r = 0; r < count; r++)
        for (size_t i = 0; i < d; i++)
            q[r * d + i] = job->q[(first + r) * dim + at + i] * job->query_scale[i];
    c->exec->kernels->dtype[G4_DTYPE_F32].gemv(score, window, q, d, count, job->relative + at,
                                               dim * sizeof(float), window, d);
    for (size_t r = 0; r < count; r++)
        attend(job, first + r, at, q + r * d, score + r * window, key_score);
}

/* out [n, D] = attention of h [n, D] (before `post`); out may be h. */
static void attention(const struct g4_conformer *c, size_t layer, float *out, const float *h,
                      size_t n)
{
    const struct g4_exec *exec = c->exec;
    const struct g4_audio_block *b = &c->blocks[layer];
    const size_t dim = c->dim;
    float *q = c->wide, *k = q + n * dim, *v = k + n * dim;
    g4_linear(exec, &b->q_proj, q, dim, h, dim, n, c->clamped);
    g4_linear(exec, &b->k_proj, k, dim, h, dim, n, c->clamped);
    g4_linear(exec, &b->v_proj, v, dim, h, dim, n, c->clamped);

    struct local_attention job = {
        .c = c,
        .q = q,
        .k = k,
        .v = v,
        .relative = c->relative + layer * c->window * dim,
        .query_scale = c->query_scale + layer * c->head_dim,
        .out = out,
        .n = n,
    };
    const size_t blocks = (n + QUERIES - 1) / QUERIES;
    g4_pool_run(exec->pool, attend_item, &job, blocks * c->heads);
}

/* ------------------------------------------------------------------------ the block */

static void feed_forward(const struct g4_conformer *c, const struct g4_audio_ff *ff, float *x,
                         size_t n)
{
    const struct g4_exec *exec = c->exec;
    const size_t dim = c->dim, wide = G4_AUDIO_FF_FACTOR * dim;
    g4_rms_norm(exec, c->h, dim, x, dim, n, dim, ff->pre_layer_norm, BLOCK_EPS);
    g4_linear(exec, &ff->ffw_layer_1, c->wide, wide, c->h, dim, n, c->clamped);
    g4_silu(exec, c->wide, wide, c->wide, wide, n, wide);
    g4_linear(exec, &ff->ffw_layer_2, c->a, dim, c->wide, wide, n, c->clamped);
    g4_rms_norm_add(exec, x, dim, c->a, dim, n, dim, ff->post_layer_norm, BLOCK_EPS,
                    c->config->residual_weight);
}

static void light_conv(const struct g4_conformer *c, const struct g4_audio_block *b, float *x,
                       size_t n)
{
    const struct g4_exec *exec = c->exec;
    const size_t dim = c->dim;
    const float eps = c->config->rms_norm_eps;
    g4_rms_norm(exec, c->h, dim, x, dim, n, dim, b->conv_pre_norm, eps);
    g4_linear(exec, &b->linear_start, c->wide, 2 * dim, c->h, dim, n, c->clamped);
    g4_glu(exec, c->h, dim, c->wide, 2 * dim, n, dim);
    g4_depthwise_causal(exec, c->a, c->h, n, dim, b->depthwise, c->config->conv_kernel_size);
    g4_rms_norm(exec, c->a, dim, c->a, dim, n, dim, b->conv_norm, eps);
    g4_silu(exec, c->a, dim, c->a, dim, n, dim);
    g4_linear(exec, &b->linear_end, c->h, dim, c->a, dim, n, c->clamped);
    g4_add_scale(exec, x, dim, c->h, dim, n, dim, 1.0f);
}

static void conformer_block(const struct g4_conformer *c, size_t layer, float *x, size_t n)
{
    const struct g4_exec *exec = c->exec;
    const struct g4_audio_block *b = &c->blocks[layer];
    const size_t dim = c->dim;
    feed_forward(c, &b->feed_forward1, x, n);

    g4_rms_norm(exec, c->h, dim, x, dim, n, dim, b->norm_pre_attn, BLOCK_EPS);
    attention(c, layer, c->a, c->h, n);
    g4_linear(exec, &b->post, c->h, dim, c->a, dim, n, c->clamped);
    g4_rms_norm_add(exec, x, dim, c->h, dim, n, dim, b->norm_post_attn, BLOCK_EPS, 1.0f);

    light_conv(c, b, x, n);
    feed_forward(c, &b->feed_forward2, x, n);
    g4_rms_norm(exec, x, dim, x, dim, n, dim, b->norm_out, BLOCK_EPS);
}

void g4_conformer_run(const struct g4_conformer *c, float *x, size_t n,
                      const struct g4_trace *trace)
{
    for (size_t layer = 0; layer < c->config->num_hidden_layers; layer++) {
        conformer_block(c, layer, x, n);
        g4_trace_put(trace, "layer", (int)layer, x, c->dim, n, c->dim);
    }
}

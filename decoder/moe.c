/* moe.c - router, grouping by expert, experts. */
#include "decoder/moe.h"

#include <math.h>
#include <string.h>

#include "lib/nn/act.h"
#include "lib/nn/linear.h"
#include "lib/nn/norm.h"

void g4_moe_scratch_take(struct g4_moe_scratch *s, struct g4_arena *arena,
                         const struct g4_text_config *config, size_t rows)
{
    size_t experts = config->num_experts, k = config->top_k_experts, h = config->hidden_size;
    if (experts == 0)
        return;
    s->t = g4_arena_take(arena, rows * h, sizeof *s->t);
    s->prob = g4_arena_take(arena, rows * experts, sizeof *s->prob);
    s->index = g4_arena_take(arena, rows * k, sizeof *s->index);
    s->share = g4_arena_take(arena, rows * k, sizeof *s->share);
    s->first = g4_arena_take(arena, experts + 1, sizeof *s->first);
    s->pair = g4_arena_take(arena, rows * k, sizeof *s->pair);
    s->place = g4_arena_take(arena, rows * k, sizeof *s->place);
    s->y = g4_arena_take(arena, rows * h, sizeof *s->y);
    s->room = rows > k ? rows : k;
    s->in = g4_arena_take(arena, s->room * h, sizeof *s->in);
    s->out = g4_arena_take(arena, s->room * h, sizeof *s->out);
    s->gate = g4_arena_take(arena, s->room * config->moe_intermediate_size, sizeof *s->gate);
    s->up = g4_arena_take(arena, s->room * config->moe_intermediate_size, sizeof *s->up);
}

struct moe_job {
    const struct g4_engine *engine;
    const struct g4_moe_weights *w;
    const struct g4_moe_scratch *s;
    size_t from, to; /* pairs in the buffers, by their places */
    float *out;      /* [n, H] */
};

/* ------------------------------------------------------------------------------ router */

/*
 * Probabilities of a row -> its k experts and shares. The k are different ones even when a broken
 * model makes NaN: an expert has room for every row once.
 */
static void choose_row(void *ctx, size_t row, int worker)
{
    (void)worker;
    const struct moe_job *job = ctx;
    const struct g4_kernels *kernels = job->engine->exec->kernels;
    size_t experts = job->engine->config->num_experts, k = job->engine->config->top_k_experts;
    float *prob = job->s->prob + row * experts;
    int32_t *index = job->s->index + row * k;
    float *share = job->s->share + row * k;

    float sum = kernels->exp_sum(prob, prob, kernels->max(prob, experts), experts);
    kernels->scale(prob, prob, 1.0f / sum, experts);
    for (size_t e = 0; e < experts; e++)
        prob[e] = prob[e] >= 0 ? prob[e] : 0;
    float chosen = 0;
    for (size_t c = 0; c < k; c++) {
        size_t best = 0;
        for (size_t e = 1; e < experts; e++)
            if (prob[e] > prob[best])
                best = e;
        index[c] = (int32_t)best;
        share[c] = prob[best];
        chosen += prob[best];
        prob[best] = -1; /* taken: below every probability */
    }
    for (size_t c = 0; c < k; c++)
        share[c] = share[c] / chosen * job->w->per_expert_scale[index[c]];
}

static void route(struct moe_job *job, const float *x, size_t n)
{
    const struct g4_exec *exec = job->engine->exec;
    const struct g4_text_config *config = job->engine->config;
    size_t h = config->hidden_size;
    float *t = job->s->t;
    g4_rms_norm(exec, t, h, x, h, n, h, job->w->router_scale, config->rms_norm_eps);
    g4_scale(exec, t, h, n, h, (float)(1.0 / sqrt((double)h)));
    g4_matmul_exact(exec, &job->w->router_proj, job->s->prob, config->num_experts, t, h, n);
    g4_pool_run(exec->pool, choose_row, job, n);
}

/* Counting sort of the (row, choice) pairs by expert, rows ascending within an expert. */
static void group(const struct g4_moe_scratch *s, size_t pairs, size_t experts)
{
    memset(s->first, 0, (experts + 1) * sizeof *s->first);
    for (size_t p = 0; p < pairs; p++)
        s->first[s->index[p] + 1]++;
    for (size_t e = 0; e < experts; e++)
        s->first[e + 1] += s->first[e];
    for (size_t p = 0; p < pairs; p++) {
        s->place[p] = (uint32_t)s->first[s->index[p]]++;
        s->pair[s->place[p]] = (uint32_t)p;
    }
    for (size_t e = experts; e > 0; e--) /* filling moved every start to the next one's */
        s->first[e] = s->first[e - 1];
    s->first[0] = 0;
}

/* ------------------------------------------------------------------------------ experts */

static void gather_row(void *ctx, size_t item, int worker)
{
    (void)worker;
    const struct moe_job *job = ctx;
    size_t h = job->engine->config->hidden_size;
    size_t row = job->s->pair[job->from + item] / job->engine->config->top_k_experts;
    memcpy(job->s->in + item * h, job->s->y + row * h, h * sizeof *job->s->in);
}

/* Adds what is in the buffers for a row, in ascending order of the places and so of the experts. */
static void scatter_row(void *ctx, size_t row, int worker)
{
    (void)worker;
    const struct moe_job *job = ctx;
    const struct g4_moe_scratch *s = job->s;
    size_t h = job->engine->config->hidden_size, k = job->engine->config->top_k_experts;
    for (size_t from = job->from, next; from < job->to; from = next + 1) {
        next = job->to;
        for (size_t p = row * k; p < (row + 1) * k; p++)
            if (s->place[p] >= from && s->place[p] < next)
                next = s->place[p];
        if (next < job->to)
            job->engine->exec->kernels->axpy(job->out + row * h, s->out + (next - job->from) * h,
                                             s->share[s->pair[next]], h);
    }
}

/* y[pairs of an expert, w.rows] = x w^T for experts from..to-1; some may have no pairs. */
static void run_products(const struct moe_job *job, const struct g4_matrix *const w[],
                         float *const y[], size_t matrices, const float *x, size_t from, size_t to)
{
    enum { TOGETHER = 32 };
    const struct g4_exec *exec = job->engine->exec;
    struct g4_matmul products[TOGETHER];
    size_t count = 0;
    for (size_t e = from; e < to; e++) {
        size_t n = job->s->first[e + 1] - job->s->first[e], at = job->s->first[e] - job->from;
        for (size_t i = 0; i < matrices && n > 0; i++) {
            const struct g4_matrix *m = &w[i][e];
            products[count++] = (struct g4_matmul){.w = m,
                                                   .y = y[i] + at * m->rows,
                                                   .ldy = m->rows,
                                                   .x = x + at * m->cols,
                                                   .ldx = m->cols,
                                                   .n = n};
        }
        if (count + matrices > TOGETHER || e + 1 == to) {
            g4_matmul_all(exec, products, count);
            count = 0;
        }
    }
}

/* Adds the parts of experts from..to-1, whose pairs fit into the buffers. */
static void run_experts(struct moe_job *job, size_t n, size_t from, size_t to)
{
    const struct g4_exec *exec = job->engine->exec;
    const struct g4_moe_scratch *s = job->s;
    const struct g4_matrix *const gate_up[] = {job->w->gate_proj, job->w->up_proj};
    const struct g4_matrix *const down[] = {job->w->down_proj};
    float *const gate_up_out[] = {s->gate, s->up}, *const down_out[] = {s->out};
    size_t width = job->engine->config->moe_intermediate_size;
    job->from = s->first[from];
    job->to = s->first[to];

    size_t pairs = job->to - job->from;
    g4_pool_run(exec->pool, gather_row, job, pairs);
    run_products(job, gate_up, gate_up_out, 2, s->in, from, to);
    g4_gelu_mul(exec, s->gate, width, s->gate, width, s->up, width, pairs, width);
    run_products(job, down, down_out, 1, s->gate, from, to);
    g4_pool_run(exec->pool, scatter_row, job, n);
}

/* Indices as numbers, one row at a time, in memory that the experts have finished with. */
static void show(const struct moe_job *job, size_t i, size_t n, const struct g4_trace *trace)
{
    if (!trace)
        return;
    const struct g4_moe_scratch *s = job->s;
    size_t experts = job->engine->config->num_experts, k = job->engine->config->top_k_experts;
    size_t h = job->engine->config->hidden_size;
    for (size_t row = 0; row < n; row++)
        for (size_t c = 0; c < k; c++)
            s->prob[row * experts + c] = (float)s->index[row * k + c];
    g4_trace_put(trace, "moe.index", (int)i, s->prob, experts, n, k);
    g4_trace_put(trace, "moe.weight", (int)i, s->share, k, n, k);
    g4_trace_put(trace, "moe.out", (int)i, job->out, h, n, h);
}

void g4_moe_run(const struct g4_engine *engine, size_t i, const struct g4_moe_scratch *scratch,
                float *out, const float *x, size_t n, const struct g4_trace *trace)
{
    const struct g4_text_config *config = engine->config;
    size_t h = config->hidden_size, experts = config->num_experts, k = config->top_k_experts;
    struct moe_job job = {engine, &engine->weights.layer[i].moe, scratch, 0, 0, out};

    route(&job, x, n);
    group(scratch, n * k, experts);
    g4_rms_norm(engine->exec, scratch->y, h, x, h, n, h, job.w->pre_feedforward_layernorm_2,
                config->rms_norm_eps);
    memset(out, 0, n * h * sizeof *out);
    for (size_t from = 0, to; from < experts; from = to) {
        to = from + 1; /* an expert has at most n pairs */
        while (to < experts && scratch->first[to + 1] - scratch->first[from] <= scratch->room)
            to++;
        run_experts(&job, n, from, to);
    }
    show(&job, i, n, trace);
}

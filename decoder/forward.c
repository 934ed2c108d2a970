/* forward.c - what surrounds the layers: rows in, masks, positions, head. */
#include "decoder/forward.h"

#include <assert.h>
#include <math.h>
#include <string.h>

#include "decoder/ple.h"
#include "lib/nn/linear.h"
#include "lib/nn/norm.h"
#include "lib/nn/rope.h"

enum { CAP_BLOCK = 4096 }; /* logits capped at a time */

/* ------------------------------------------------------------------------------ memory */

static void take_buffers(struct g4_forward *f)
{
    const struct g4_text_config *config = f->engine->config;
    size_t rows = f->rows, width = config->hidden_size_per_layer_input;
    size_t threads = (size_t)g4_pool_threads(f->engine->exec->pool);
    struct g4_arena *arena = &f->arena;
    f->x = g4_arena_take(arena, rows * config->hidden_size, sizeof *f->x);
    f->state = g4_arena_take(arena, rows * config->hidden_size, sizeof *f->state);
    f->position = g4_arena_take(arena, rows, sizeof *f->position);
    if (width > 0) {
        f->ple = g4_arena_take(arena, rows * config->num_hidden_layers * width, sizeof *f->ple);
        f->ple_ids = g4_arena_take(arena, rows, sizeof *f->ple_ids);
        f->table_row = g4_arena_take(arena, threads * width, sizeof *f->table_row);
    }
    for (int full = 0; full < 2; full++) {
        size_t half = f->engine->weights.half[full];
        f->type[full].cos = g4_arena_take(arena, rows * half, sizeof(float));
        f->type[full].sin = g4_arena_take(arena, rows * half, sizeof(float));
        f->type[full].lo = g4_arena_take(arena, rows, sizeof(uint32_t));
        f->type[full].hi = g4_arena_take(arena, rows, sizeof(uint32_t));
    }
    g4_layer_scratch_take(&f->layer, arena, config, rows);
}

int g4_forward_plan(struct g4_forward *f, const struct g4_engine *engine, size_t rows,
                    struct g4_err *err)
{
    if (rows <= f->rows)
        return 0;
    g4_forward_release(f);
    f->engine = engine;
    f->rows = rows;
    take_buffers(f);
    int status = g4_arena_alloc(&f->arena, "the rows of a pass", err);
    if (status < 0) {
        g4_forward_release(f);
        return status;
    }
    take_buffers(f);
    return 0;
}

void g4_forward_release(struct g4_forward *f)
{
    g4_arena_release(&f->arena);
    *f = (struct g4_forward){0};
}

/* ------------------------------------------------------------------------------ inputs */

static uint8_t kind_of(const struct g4_positions *p, size_t i)
{
    return p->kinds ? p->kinds[i] : G4_POS_TEXT;
}

static void embed(struct g4_forward *f, const struct g4_positions *p)
{
    const struct g4_text_config *config = f->engine->config;
    size_t h = config->hidden_size;
    /* Engines that compute in bf16 round this constant to bf16, which is up to 0.24 % away. */
    const float embedding_scale = (float)sqrt((double)h);
    const float *soft = p->rows;
    for (size_t i = 0; i < p->n; i++) {
        float *x = f->x + i * h;
        bool text = kind_of(p, i) == G4_POS_TEXT;
        if (text) {
            assert(p->ids[i] >= 0 && (size_t)p->ids[i] < config->vocab_size);
            g4_matrix_row(f->engine->exec, &f->engine->weights.embed_tokens, (size_t)p->ids[i],
                          embedding_scale, x);
        } else {
            memcpy(x, soft, h * sizeof *x);
            soft += h;
        }
        if (f->ple_ids)
            f->ple_ids[i] = text ? p->ids[i] : config->pad_token_id;
    }
}

/* Ranges of visible keys for the rows at positions first .. first+n-1. */
static void make_masks(struct g4_forward *f, const struct g4_kvcache *cache,
                       const struct g4_positions *p)
{
    const struct g4_text_config *config = f->engine->config;
    size_t window = config->sliding_window, first = cache->n;
    for (int full = 0; full < 2; full++) {
        size_t base = g4_kvcache_base(cache, full);
        size_t end = 0; /* of the block that row i belongs to */
        for (size_t i = p->n; i-- > 0;) {
            size_t n = first + i;
            bool in_block = !full && config->image_blocks && g4_is_picture(kind_of(p, i));
            bool joined = in_block && i + 1 < p->n && g4_is_picture(kind_of(p, i + 1));
            if (!joined)
                end = n + 1;
            size_t from = full || n + 1 < window ? 0 : n + 1 - window;
            assert(from >= base); /* the cache keeps what a new position needs */
            f->type[full].lo[i] = (uint32_t)(from - base);
            f->type[full].hi[i] = (uint32_t)(end - base);
        }
    }
}

static void make_angles(struct g4_forward *f, size_t first, size_t n)
{
    const struct g4_text_weights *w = &f->engine->weights;
    for (size_t i = 0; i < n; i++)
        f->position[i] = (int32_t)(first + i);
    for (int full = 0; full < 2; full++)
        if (w->half[full] > 0)
            g4_rope_table(f->engine->exec, f->type[full].cos, f->type[full].sin, f->position, n,
                          w->frequency[full], w->half[full]);
}

/* ------------------------------------------------------------------------------ the pass */

static struct g4_pass begin_pass(struct g4_forward *f, struct g4_kvcache *cache,
                                 const struct g4_positions *p, const struct g4_trace *trace)
{
    g4_kvcache_begin(cache, p->n);
    embed(f, p);
    make_masks(f, cache, p);
    make_angles(f, cache->n, p->n);
    struct g4_pass pass = {.engine = f->engine,
                           .cache = cache,
                           .scratch = &f->layer,
                           .n = p->n,
                           .x = f->x,
                           .ple = f->ple,
                           .trace = trace};
    for (int full = 0; full < 2; full++)
        pass.type[full] = (struct g4_pass_type){f->type[full].cos, f->type[full].sin,
                                                f->type[full].lo, f->type[full].hi};
    return pass;
}

/* Per-layer embeddings: owning layers for every row, borrowing layers for the wanted ones. */
static void make_ple(struct g4_forward *f, size_t n, size_t wanted)
{
    const struct g4_text_config *config = f->engine->config;
    size_t owners = config->first_shared, layers = config->num_hidden_layers;
    size_t row = layers * config->hidden_size_per_layer_input, skip = n - wanted;
    g4_ple_run(f->engine, f->ple, f->ple_ids, f->x, n, 0, owners, f->table_row);
    g4_ple_run(f->engine, f->ple + skip * row, f->ple_ids + skip, f->x + skip * config->hidden_size,
               wanted, owners, layers, f->table_row);
}

void g4_forward_run(struct g4_forward *f, struct g4_kvcache *cache, const struct g4_positions *p,
                    size_t wanted, const struct g4_trace *trace)
{
    assert(p->n >= 1 && p->n <= f->rows && wanted <= p->n);
    const struct g4_text_config *config = f->engine->config;
    size_t h = config->hidden_size, layers = config->num_hidden_layers, n = p->n;
    size_t owners = config->first_shared;
    struct g4_pass pass = begin_pass(f, cache, p, trace);
    g4_trace_put(trace, "inputs_embeds", -1, f->x, h, n, h);
    if (f->ple) {
        make_ple(f, n, wanted);
        size_t row = layers * config->hidden_size_per_layer_input;
        g4_trace_put(trace, "per_layer_inputs", -1, f->ple, row, n, row);
    }

    for (size_t i = 0; i < owners; i++)
        g4_layer_run(&pass, i, i + 1 < owners ? n : wanted);
    if (wanted > 0) {
        struct g4_pass tail = g4_pass_tail(&pass, wanted);
        for (size_t i = owners; i < layers; i++)
            g4_layer_run(&tail, i, wanted);
        g4_rms_norm(f->engine->exec, f->state, h, tail.x, h, wanted, h, f->engine->weights.norm,
                    config->rms_norm_eps);
        g4_trace_put(trace, "final", -1, f->state, h, wanted, h);
    }
    g4_kvcache_end(cache);
}

/* ------------------------------------------------------------------------------ head */

struct cap_job {
    const struct g4_engine *engine;
    float *logits;
    size_t count;
};

static void cap_block(void *ctx, size_t item, int worker)
{
    (void)worker;
    const struct cap_job *job = ctx;
    size_t from = item * CAP_BLOCK;
    size_t n = job->count - from < CAP_BLOCK ? job->count - from : CAP_BLOCK;
    job->engine->exec->kernels->softcap(job->logits + from, job->logits + from,
                                        job->engine->config->final_logit_softcapping, n);
}

void g4_forward_head(const struct g4_engine *engine, float *logits, const float *h, size_t n)
{
    const struct g4_text_config *config = engine->config;
    size_t count = n * config->vocab_size;
    g4_matmul(engine->exec, &engine->weights.lm_head, logits, config->vocab_size, h,
              config->hidden_size, n);
    if (config->final_logit_softcapping > 0) {
        struct cap_job job = {engine, logits, count};
        g4_pool_run(engine->exec->pool, cap_block, &job, (count + CAP_BLOCK - 1) / CAP_BLOCK);
    }
}

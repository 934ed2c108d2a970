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
    f->product = g4_arena_take(arena, f->heads * config->vocab_size, sizeof *f->product);
    f->position = g4_arena_take(arena, rows, sizeof *f->position);
    if (width > 0) {
        f->ple = g4_arena_take(arena, rows * config->num_hidden_layers * width, sizeof *f->ple);
        f->ple_ids = g4_arena_take(arena, rows, sizeof *f->ple_ids);
        f->table_row =
            g4_arena_take(arena, threads * config->num_hidden_layers * width, sizeof *f->table_row);
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

int g4_forward_plan(struct g4_forward *f, const struct g4_engine *engine, size_t rows, size_t heads,
                    struct g4_err *err)
{
    if (rows <= f->rows && heads <= f->heads)
        return 0;
    rows = rows > f->rows ? rows : f->rows;
    heads = heads > f->heads ? heads : f->heads;
    g4_forward_release(f);
    f->engine = engine;
    f->rows = rows;
    f->heads = heads;
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

/* Ranges of visible keys for n rows of a timeline, `row` the first of them. */
static void make_masks(struct g4_forward *f, const struct g4_kvcache *cache,
                       const struct g4_positions *p, size_t row, size_t rows)
{
    const struct g4_text_config *config = f->engine->config;
    size_t window = config->sliding_window;
    for (int full = 0; full < 2; full++) {
        size_t base = g4_kvcache_base(cache, full);
        size_t end = 0; /* of the block that row i belongs to */
        for (size_t i = row + rows; i-- > row;) {
            size_t n = cache->n + i - row;
            bool in_block = !full && config->image_blocks && g4_is_picture(kind_of(p, i));
            bool joined = in_block && i + 1 < row + rows && g4_is_picture(kind_of(p, i + 1));
            if (!joined)
                end = n + 1;
            size_t from = full || n + 1 < window ? 0 : n + 1 - window;
            assert(from >= base); /* the cache keeps what a new position needs */
            f->type[full].lo[i] = (uint32_t)(from - base);
            f->type[full].hi[i] = (uint32_t)(end - base);
        }
    }
}

/* Angles of f->position [n]. */
static void make_angles(struct g4_forward *f, size_t n)
{
    const struct g4_text_weights *w = &f->engine->weights;
    for (int full = 0; full < 2; full++)
        if (w->half[full] > 0)
            g4_rope_table(f->engine->exec, f->type[full].cos, f->type[full].sin, f->position, n,
                          w->frequency[full], w->half[full]);
}

/* ------------------------------------------------------------------------------ the pass */

static struct g4_pass begin_pass(struct g4_forward *f, struct g4_kvcache *const *caches,
                                 size_t timelines, const struct g4_positions *p,
                                 const struct g4_trace *trace)
{
    size_t rows = p->n / timelines;
    for (size_t t = 0; t < timelines; t++) {
        g4_kvcache_begin(caches[t], rows);
        make_masks(f, caches[t], p, t * rows, rows);
        for (size_t i = 0; i < rows; i++)
            f->position[t * rows + i] = (int32_t)(caches[t]->n + i);
    }
    embed(f, p);
    make_angles(f, p->n);
    struct g4_pass pass = {.engine = f->engine,
                           .caches = caches,
                           .timelines = timelines,
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

void g4_forward_run(struct g4_forward *f, struct g4_kvcache *const *caches, size_t timelines,
                    const struct g4_positions *p, size_t wanted, const struct g4_trace *trace)
{
    assert(p->n >= 1 && p->n <= f->rows && wanted <= p->n);
    assert(timelines >= 1 && timelines <= G4_TIMELINES && p->n % timelines == 0);
    const struct g4_text_config *config = f->engine->config;
    size_t h = config->hidden_size, layers = config->num_hidden_layers, n = p->n;
    size_t owners = config->first_shared;
    struct g4_pass pass = begin_pass(f, caches, timelines, p, trace);
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
    for (size_t t = 0; t < timelines; t++)
        g4_kvcache_end(caches[t]);
}

/* ------------------------------------------------------------------------------ head */

struct cap_job {
    const struct g4_engine *engine;
    float *logits;
    const float *product; /* may be the logits themselves */
    size_t count;
};

static void cap_block(void *ctx, size_t item, int worker)
{
    (void)worker;
    const struct cap_job *job = ctx;
    float cap = job->engine->config->final_logit_softcapping;
    size_t from = item * CAP_BLOCK;
    size_t n = job->count - from < CAP_BLOCK ? job->count - from : CAP_BLOCK;
    if (cap > 0)
        job->engine->exec->kernels->softcap(job->logits + from, job->product + from, cap, n);
    else if (job->logits != job->product)
        memcpy(job->logits + from, job->product + from, n * sizeof *job->logits);
}

static void cap_logits(const struct g4_engine *engine, float *logits, const float *product,
                       size_t count)
{
    struct cap_job job = {engine, logits, product, count};
    g4_pool_run(engine->exec->pool, cap_block, &job, (count + CAP_BLOCK - 1) / CAP_BLOCK);
}

void g4_forward_head(const struct g4_engine *engine, float *logits, const float *h, size_t n)
{
    size_t hidden = engine->config->hidden_size, vocab = engine->config->vocab_size;
    g4_matmul(engine->exec, &engine->weights.lm_head, logits, vocab, h, hidden, n);
    cap_logits(engine, logits, logits, n * vocab);
}

void g4_forward_heads(const struct g4_forward *f, float *const *logits, size_t n)
{
    const struct g4_engine *engine = f->engine;
    size_t hidden = engine->config->hidden_size, vocab = engine->config->vocab_size;
    assert(n <= f->heads);
    g4_matmul(engine->exec, &engine->weights.lm_head, f->product, vocab, f->state, hidden, n);
    for (size_t i = 0; i < n; i++)
        cap_logits(engine, logits[i], f->product + i * vocab, vocab);
}

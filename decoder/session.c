/* session.c - a timeline: chunks, memory, and the logits of the newest position. */
#include "decoder/decoder.h"

#include <assert.h>
#include <stdlib.h>

#include "decoder/engine.h"
#include "decoder/forward.h"
#include "decoder/kvcache.h"
#include "lib/base/mem.h"

enum { DEFAULT_CHUNK = 512 };

struct g4_session {
    struct g4_engine *engine;
    size_t chunk;
    struct g4_kvcache cache;
    float *logits;   /* [V] */
    bool has_logits; /* they belong to the newest position */
};

int g4_session_open(struct g4_session **out, struct g4_engine *engine,
                    const struct g4_session_options *options, struct g4_err *err)
{
    *out = NULL;
    const struct g4_text_config *config = engine->config;
    size_t most = config->max_position_embeddings;
    size_t context = options->context ? options->context : most;
    if (context > most)
        return g4_err_set(err, G4_EUSAGE, "context %zu: model '%s' has at most %zu positions",
                          context, engine->model->name, most);
    size_t chunk = options->chunk ? options->chunk : DEFAULT_CHUNK;
    if (chunk > context)
        chunk = context;

    void *memory;
    int status = g4_alloc(&memory, 1, sizeof(struct g4_session), "the session", err);
    if (status < 0)
        return status;
    struct g4_session *session = memory;
    session->engine = engine;
    session->chunk = chunk;
    status = g4_alloc(&memory, config->vocab_size, sizeof *session->logits, "the logits", err);
    if (status < 0)
        goto out;
    session->logits = memory;
    status = g4_kvcache_open(&session->cache, config, options->cache, context, chunk, err);
out:
    if (status < 0)
        g4_session_close(session);
    else
        *out = session;
    return status;
}

void g4_session_close(struct g4_session *session)
{
    if (!session)
        return;
    g4_kvcache_close(&session->cache);
    free(session->logits);
    free(session);
}

void g4_session_reset(struct g4_session *session)
{
    g4_kvcache_reset(&session->cache);
    session->has_logits = false;
}

size_t g4_session_position(const struct g4_session *session)
{
    return session->cache.n;
}

size_t g4_session_context(const struct g4_session *session)
{
    return session->cache.context;
}

/* ------------------------------------------------------------------------------ feeding */

/* End of the chunk that begins at `from`: at most `chunk` rows, but never inside an image block. */
static size_t chunk_end(const struct g4_session *session, const struct g4_positions *p, size_t from)
{
    if (p->n - from <= session->chunk)
        return p->n;
    size_t end = from + session->chunk;
    if (session->engine->config->image_blocks && p->kinds)
        while (end < p->n && g4_is_picture(p->kinds[end - 1]) && g4_is_picture(p->kinds[end]))
            end++;
    return end;
}

static size_t longest_pass(const struct g4_session *session, const struct g4_positions *p)
{
    size_t longest = 0;
    for (size_t from = 0, end; from < p->n; from = end) {
        end = chunk_end(session, p, from);
        if (end - from > longest)
            longest = end - from;
    }
    return longest;
}

/* Positions from..end-1 of p; *soft: soft rows before `from` in, before `end` out. */
static struct g4_positions slice(const struct g4_session *session, const struct g4_positions *p,
                                 size_t from, size_t end, size_t *soft)
{
    struct g4_positions part = {.n = end - from, .ids = p->ids + from};
    if (p->kinds) {
        part.kinds = p->kinds + from;
        if (p->rows)
            part.rows = p->rows + *soft * session->engine->config->hidden_size;
        for (size_t i = 0; i < part.n; i++)
            *soft += part.kinds[i] != G4_POS_TEXT;
    }
    return part;
}

/* Room for n more positions, in passes of at most `longest`. */
static int reserve(struct g4_session *session, size_t n, size_t longest, struct g4_err *err)
{
    struct g4_kvcache *cache = &session->cache;
    if (n > cache->context - cache->n)
        return g4_err_set(err, G4_ELIMIT, "the prompt needs %zu positions, the context has %zu",
                          cache->n + n, cache->context);
    return g4_kvcache_reserve(cache, cache->n + n, longest, err);
}

/* Everything that can fail, before anything runs. */
static int prepare(struct g4_session *session, size_t n, size_t longest, struct g4_err *err)
{
    int status = reserve(session, n, longest, err);
    if (status < 0)
        return status;
    return g4_forward_plan(session->engine->forward, session->engine, longest, 0, err);
}

static void run(struct g4_session *session, const struct g4_positions *positions, size_t wanted,
                const struct g4_trace *trace)
{
    struct g4_kvcache *const cache = &session->cache;
    g4_forward_run(session->engine->forward, &cache, 1, positions, wanted, trace);
}

int g4_session_feed(struct g4_session *session, const struct g4_positions *positions, bool last,
                    struct g4_err *err)
{
    assert(positions->n > 0 || !last);
    int status = prepare(session, positions->n, longest_pass(session, positions), err);
    if (status < 0)
        return status;
    size_t soft = 0;
    for (size_t from = 0, end; from < positions->n; from = end) {
        end = chunk_end(session, positions, from);
        struct g4_positions part = slice(session, positions, from, end, &soft);
        size_t wanted = last && end == positions->n;
        run(session, &part, wanted, NULL);
        session->has_logits = wanted > 0;
    }
    if (last)
        g4_forward_head(session->engine, session->logits, session->engine->forward->state, 1);
    return 0;
}

int g4_sessions_step(struct g4_session *const *sessions, size_t n, const int32_t *ids,
                     struct g4_err *err)
{
    static_assert((int)G4_SESSIONS_TOGETHER == G4_TIMELINES, "each session is a timeline");
    assert(n >= 1 && n <= G4_SESSIONS_TOGETHER);
    const struct g4_engine *engine = sessions[0]->engine;
    struct g4_kvcache *caches[G4_SESSIONS_TOGETHER];
    float *logits[G4_SESSIONS_TOGETHER];
    int status = g4_forward_plan(engine->forward, engine, n, n, err);
    for (size_t i = 0; i < n && status == 0; i++) {
        assert(sessions[i]->engine == engine);
        status = reserve(sessions[i], 1, 1, err);
        caches[i] = &sessions[i]->cache;
        logits[i] = sessions[i]->logits;
    }
    if (status < 0)
        return status;
    const struct g4_positions positions = {.n = n, .ids = ids};
    g4_forward_run(engine->forward, caches, n, &positions, n, NULL);
    g4_forward_heads(engine->forward, logits, n);
    for (size_t i = 0; i < n; i++)
        sessions[i]->has_logits = true;
    return 0;
}

int g4_session_feed_traced(struct g4_session *session, const struct g4_positions *positions,
                           const struct g4_trace *trace, struct g4_err *err)
{
    const struct g4_text_config *config = session->engine->config;
    size_t n = positions->n, vocab = config->vocab_size;
    assert(n > 0);
    int status = prepare(session, n, n, err);
    if (status < 0)
        return status;
    void *memory;
    status = g4_alloc(&memory, n, vocab * sizeof(float), "the logits of every position", err);
    if (status < 0)
        return status;
    float *logits = memory;
    run(session, positions, n, trace);
    const float *state = session->engine->forward->state;
    g4_forward_head(session->engine, logits, state, n);
    g4_trace_put(trace, "logits", -1, logits, vocab, n, vocab);
    free(logits);
    g4_forward_head(session->engine, session->logits, state + (n - 1) * config->hidden_size, 1);
    session->has_logits = true;
    return 0;
}

/* ------------------------------------------------------------------------------ questions */

const float *g4_session_logits(const struct g4_session *session)
{
    assert(session->has_logits);
    return session->logits;
}

bool g4_session_kv(const struct g4_session *session, size_t layer, bool v, size_t p, float *out)
{
    return g4_kvcache_row(&session->cache, layer, v, p, out);
}

uint64_t g4_session_cache_bytes(const struct g4_engine *engine, enum g4_dtype cache, size_t n)
{
    return g4_kvcache_bytes(engine->config, cache, n);
}

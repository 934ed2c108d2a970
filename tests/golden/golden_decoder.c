/*
 * golden_decoder.c - decoder-*: a whole small model; every stage of every prompt, and what it goes
 * on to say.
 *
 * Prompts are told by their tensors "P.ids". Where stored: P.kind, P.rows, P.chunks, and the
 * expected P.inputs_embeds, per_layer_inputs, kv.*, moe.*, layers, final, logits, greedy. The
 * greedy ids are made four ways: the prompt at once, in P.chunks, position by position, in the
 * session's own chunks.
 */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "decoder/decoder.h"
#include "decoder/sampler.h"
#include "tests/golden/golden.h"

enum { MAX_THREADS = 4, OWN_CHUNK = 5 };

static const double LIMIT = 1e-4;

/* The stages that a traced run shows, and the vectors they are compared with. */
static const struct stage {
    const char *shown, *stored;
} stages[] = {
    {"inputs_embeds", "inputs_embeds"},
    {"per_layer_inputs", "per_layer_inputs"},
    {"layer", "layers"},
    {"moe.index", "moe.index"},
    {"moe.weight", "moe.weight"},
    {"moe.out", "moe.out"},
    {"final", "final"},
    {"logits", "logits"},
};
enum { STAGES = sizeof stages / sizeof stages[0] };

struct shown {
    float *data; /* all indices, one behind the other */
    size_t count, cols;
};

struct prompt {
    char name[64];
    struct g4_positions positions;
    int32_t *ids;
    uint8_t *kinds;
    float *rows;
    size_t *chunks; /* lengths */
    size_t chunk_count;
};

struct run {
    struct golden *g;
    struct g4_model model;
    int32_t *suppress;
    size_t suppress_count;
};

/* ------------------------------------------------------------------------------ reading */

static bool load_prompt(struct golden *g, struct prompt *p, size_t vocab)
{
    const struct g4_tensor *ids = golden_tensor(g, "%s.ids", p->name);
    const struct g4_tensor *kinds = golden_tensor(g, "%s.kind", p->name);
    const struct g4_tensor *rows = golden_tensor(g, "%s.rows", p->name);
    const struct g4_tensor *chunks = golden_tensor(g, "%s.chunks", p->name);
    size_t n = g4_tensor_count(ids), soft = rows ? g4_tensor_count(rows) : 0;
    p->chunk_count = chunks ? g4_tensor_count(chunks) : 0;
    p->ids = calloc(n + 1, sizeof *p->ids);
    p->kinds = calloc(n + 1, sizeof *p->kinds);
    p->rows = calloc(soft + 1, sizeof *p->rows);
    p->chunks = calloc(p->chunk_count + 1, sizeof *p->chunks);
    if (!p->ids || !p->kinds || !p->rows || !p->chunks)
        return false;
    bool in_range = n > 0;
    for (size_t i = 0; i < n; i++) {
        p->ids[i] = (int32_t)g4_tensor_get(ids, i);
        p->kinds[i] = kinds ? (uint8_t)g4_tensor_get(kinds, i) : G4_POS_TEXT;
        in_range &= p->ids[i] >= 0 && (size_t)p->ids[i] < vocab;
    }
    for (size_t i = 0; i < soft; i++)
        p->rows[i] = g4_tensor_get(rows, i);
    for (size_t i = 0; i < p->chunk_count; i++)
        p->chunks[i] = (size_t)g4_tensor_get(chunks, i);
    p->positions = (struct g4_positions){n, p->ids, kinds ? p->kinds : NULL, p->rows};
    return in_range;
}

static void free_prompt(struct prompt *p)
{
    free(p->ids);
    free(p->kinds);
    free(p->rows);
    free(p->chunks);
}

/* ------------------------------------------------------------------------------ stages */

static void collect(void *ctx, const char *name, int index, const float *data, size_t ld,
                    size_t rows, size_t cols)
{
    struct shown *shown = ctx;
    size_t i = 0;
    while (i < STAGES && strcmp(stages[i].shown, name) != 0)
        i++;
    if (i == STAGES)
        return;
    struct shown *s = &shown[i];
    size_t from = (size_t)(index < 0 ? 0 : index) * rows * cols, to = from + rows * cols;
    if (to > s->count) {
        float *grown = realloc(s->data, to * sizeof *grown);
        if (!grown)
            return;
        s->data = grown;
        s->count = to;
    }
    s->cols = cols;
    for (size_t r = 0; r < rows; r++)
        memcpy(s->data + from + r * cols, data + r * ld, cols * sizeof *data);
}

static void compare_exact(struct golden *g, const char *what, const struct g4_tensor *expected,
                          const struct shown *s)
{
    bool equal = g4_tensor_count(expected) == s->count;
    for (size_t i = 0; equal && i < s->count; i++)
        equal = g4_tensor_get(expected, i) == s->data[i];
    golden_ok(g, equal, "%s: %s", what, equal ? "equal" : "not equal");
}

static enum golden_part part_of(const struct run *run, const char *stage)
{
    if (run->model.config.text.num_experts > 0)
        return GOLDEN_EXPERTS;
    return strcmp(stage, "logits") == 0 ? GOLDEN_LOGITS : GOLDEN_STAGE;
}

/* Choices of experts where products round: those that fall on the edge may fall otherwise. */
static void compare_mostly(struct golden *g, const char *what, const struct g4_tensor *expected,
                           const struct shown *s)
{
    const size_t n = g4_tensor_count(expected);
    size_t equal = 0;
    for (size_t i = 0; i < n && n == s->count; i++)
        equal += g4_tensor_get(expected, i) == s->data[i];
    golden_ok(g, 10 * equal >= 8 * n, "%s: %zu of %zu equal (at least 8 of 10)", what, equal, n);
}

static void compare_stages(struct run *run, const struct prompt *p, const struct shown *shown)
{
    struct golden *g = run->g;
    for (size_t i = 0; i < STAGES; i++) {
        const struct g4_tensor *expected = golden_tensor(g, "%s.%s", p->name, stages[i].stored);
        if (!expected)
            continue;
        char what[128];
        snprintf(what, sizeof what, "%s.%s", p->name, stages[i].stored);
        const struct shown *s = &shown[i];
        if (s->count == 0)
            golden_ok(g, false, "%s: not shown", what);
        else if (expected->dtype == G4_DTYPE_I32 && g->float_products)
            compare_exact(g, what, expected, s);
        else if (expected->dtype == G4_DTYPE_I32)
            compare_mostly(g, what, expected, s);
        else
            golden_close(g, what, expected, s->data, s->cols, s->count / s->cols, s->cols, LIMIT,
                         part_of(run, stages[i].stored));
    }
}

/* Keys or values of the last owning layer of a type, [kv heads, positions, d] as stored. */
static void compare_kv(struct run *run, const struct g4_text_config *config,
                       const struct g4_session *session, const struct prompt *p, bool full, bool v)
{
    struct golden *g = run->g;
    char what[128];
    snprintf(what, sizeof what, "%s.kv.%s.%s", p->name, full ? "full" : "sliding", v ? "v" : "k");
    const struct g4_tensor *expected = golden_tensor(g, "%s", what);
    if (!expected)
        return;
    size_t layer = config->first_shared;
    while (layer > 0 && config->layer[layer - 1].full != full)
        layer--;
    if (layer == 0) {
        golden_ok(g, false, "%s: no layer of this type", what);
        return;
    }
    const struct g4_layer_config *c = &config->layer[--layer];
    size_t n = p->positions.n, d = c->head_dim, heads = c->kv_heads;
    float *row = calloc(heads * d, sizeof *row), *got = calloc(n * heads * d, sizeof *got);
    bool held = row && got;
    for (size_t t = 0; held && t < n; t++) {
        held = g4_session_kv(session, layer, v, t, row);
        for (size_t h = 0; h < heads; h++)
            memcpy(got + (h * n + t) * d, row + h * d, d * sizeof *row);
    }
    if (held)
        golden_close(g, what, expected, got, d, heads * n, d, LIMIT, part_of(run, "kv"));
    else
        golden_ok(g, false, "%s: a position is not held", what);
    free(row);
    free(got);
}

/* Every stage once per thread number: right with one thread, the same bytes with more. */
static void check_stages(struct run *run, const struct prompt *p, int threads, struct shown *first)
{
    struct golden *g = run->g;
    struct g4_exec exec = {0};
    struct g4_engine *engine = NULL;
    struct g4_session *session = NULL;
    struct g4_err err = {0};
    struct shown shown[STAGES] = {{0}}, *to = threads == 1 ? first : shown;
    const struct g4_session_options options = {.cache = G4_DTYPE_F32};
    const struct g4_trace trace = {collect, to};
    if (g4_exec_open(&exec, threads, &err) < 0 ||
        g4_engine_open(&engine, &run->model, &exec, &err) < 0 ||
        g4_session_open(&session, engine, &options, &err) < 0 ||
        g4_session_feed_traced(session, &p->positions, &trace, &err) < 0) {
        golden_ok(g, false, "%s: %s", p->name, err.text);
    } else if (threads == 1) {
        compare_stages(run, p, first);
        for (int i = 0; i < 4; i++)
            compare_kv(run, g4_engine_config(engine), session, p, i / 2, i % 2);
    } else {
        bool same = true;
        for (size_t i = 0; i < STAGES; i++)
            same &= to[i].count == first[i].count &&
                    (to[i].count == 0 ||
                     memcmp(to[i].data, first[i].data, to[i].count * sizeof(float)) == 0);
        golden_ok(g, same, "%s: the same bytes with %d threads", p->name, threads);
    }
    g4_session_close(session);
    g4_engine_close(engine);
    g4_exec_close(&exec);
    for (size_t i = 0; i < STAGES; i++)
        free(shown[i].data);
}

/* ------------------------------------------------------------------------------ greedy runs */

/* Feeds `lengths` one after the other, then chooses `n` ids. Logits behind the prompt go to
 * `logits`. */
static int continue_prompt(struct run *run, struct g4_engine *engine, const struct prompt *p,
                           size_t own_chunk, const size_t *lengths, size_t count, int32_t *out,
                           size_t n, float *logits, struct g4_err *err)
{
    const struct g4_text_config *config = g4_engine_config(engine);
    const struct g4_session_options options = {.chunk = own_chunk, .cache = G4_DTYPE_F32};
    const struct g4_sampling sampling = {.greedy = true, .repeat_penalty = 1};
    struct g4_session *session = NULL;
    struct g4_sampler *sampler = NULL;
    int status = g4_session_open(&session, engine, &options, err);
    if (status == 0)
        status = g4_sampler_open(&sampler, &sampling, config->vocab_size, run->suppress,
                                 run->suppress_count, err);
    struct g4_positions part = p->positions;
    for (size_t i = 0; status == 0 && i < count; i++) {
        part.n = lengths[i];
        status = g4_session_feed(session, &part, i + 1 == count, err);
        for (size_t t = 0; part.kinds && t < part.n; t++)
            part.rows += part.kinds[t] == G4_POS_TEXT ? 0 : config->hidden_size;
        part.ids += part.n;
        part.kinds = part.kinds ? part.kinds + part.n : NULL;
    }
    if (status == 0)
        memcpy(logits, g4_session_logits(session), config->vocab_size * sizeof *logits);
    for (size_t i = 0; status == 0 && i < n; i++) {
        out[i] = g4_sampler_choose(sampler, g4_session_logits(session));
        const struct g4_positions one = {.n = 1, .ids = &out[i]};
        if (i + 1 < n)
            status = g4_session_feed(session, &one, true, err);
    }
    g4_sampler_close(sampler);
    g4_session_close(session);
    return status;
}

/* Lengths of single positions; where blocks matter, a block stays whole. */
static size_t single_steps(const struct prompt *p, bool blocks, size_t *lengths)
{
    size_t count = 0;
    for (size_t from = 0, end; from < p->positions.n; from = end) {
        end = from + 1;
        while (blocks && end < p->positions.n &&
               (p->kinds[end - 1] == G4_POS_IMAGE || p->kinds[end - 1] == G4_POS_VIDEO) &&
               (p->kinds[end] == G4_POS_IMAGE || p->kinds[end] == G4_POS_VIDEO))
            end++;
        lengths[count++] = end - from;
    }
    return count;
}

static void check_way(struct run *run, struct g4_engine *engine, const struct prompt *p,
                      const char *way, size_t own_chunk, const size_t *lengths, size_t count)
{
    struct golden *g = run->g;
    struct g4_err err = {0};
    char what[128];
    size_t vocab = g4_engine_config(engine)->vocab_size;
    const struct g4_tensor *expected = golden_tensor(g, "%s.greedy", p->name);
    const struct g4_tensor *stored = golden_tensor(g, "%s.logits", p->name);
    size_t n = expected ? g4_tensor_count(expected) : 0;
    int32_t *got = calloc(n + 1, sizeof *got);
    float *logits = calloc(vocab, sizeof *logits);
    if (!got || !logits ||
        continue_prompt(run, engine, p, own_chunk, lengths, count, got, n, logits, &err) < 0) {
        golden_ok(g, false, "%s (%s): %s", p->name, way, err.text);
        goto out;
    }
    if (stored && g4_tensor_count(stored) == p->positions.n * vocab) {
        size_t skip = (p->positions.n - 1) * vocab * sizeof *logits;
        struct g4_tensor row = {.name = stored->name,
                                .dtype = stored->dtype,
                                .dims = 1,
                                .shape = {vocab},
                                .data = (const char *)stored->data + skip,
                                .bytes = vocab * sizeof *logits};
        snprintf(what, sizeof what, "%s.logits (%s)", p->name, way);
        golden_close(g, what, &row, logits, vocab, 1, vocab, LIMIT, part_of(run, "logits"));
    }
    if (g->float_products) {
        size_t same = 0;
        while (same < n && got[same] == (int32_t)g4_tensor_get(expected, same))
            same++;
        golden_ok(g, same == n, "%s.greedy (%s): %zu of %zu equal", p->name, way, same, n);
    }
out:
    free(got);
    free(logits);
}

static void check_ways(struct run *run, const struct prompt *p)
{
    struct golden *g = run->g;
    struct g4_err err = {0};
    struct g4_engine *engine = NULL;
    size_t n = p->positions.n, *steps = calloc(n, sizeof *steps);
    if (!steps || g4_engine_open(&engine, &run->model, &g->exec, &err) < 0) {
        golden_ok(g, false, "%s: %s", p->name, err.text);
        free(steps);
        return;
    }
    check_way(run, engine, p, "whole", 0, &n, 1);
    check_way(run, engine, p, "own chunks", OWN_CHUNK, &n, 1);
    if (p->chunk_count > 0)
        check_way(run, engine, p, "chunks", 0, p->chunks, p->chunk_count);
    size_t count = single_steps(p, g4_engine_config(engine)->image_blocks, steps);
    check_way(run, engine, p, "single steps", 0, steps, count);
    g4_engine_close(engine);
    free(steps);
}

/* ------------------------------------------------------------------------------ the case */

static void check_prompt(struct run *run, struct prompt *p)
{
    struct shown first[STAGES] = {{0}};
    if (!load_prompt(run->g, p, run->model.config.text.vocab_size)) {
        golden_ok(run->g, false, "%s: cannot be used", p->name);
    } else {
        for (int threads = 1; threads <= MAX_THREADS; threads++)
            check_stages(run, p, threads, first);
        check_ways(run, p);
    }
    for (size_t i = 0; i < STAGES; i++)
        free(first[i].data);
    free_prompt(p);
}

/* The same model in the newer spelling, where the case has it. (A twin says some things otherwise.)
 */
static void check_spelling(struct run *run)
{
    struct golden *g = run->g;
    struct g4_config config;
    struct g4_err err = {0};
    const char *path = golden_path(g, "config-per-layer.json");
    struct stat st;
    if (g->model != g->dir || stat(path, &st) != 0)
        return;
    if (g4_config_load(&config, path, &err) < 0) {
        golden_ok(g, false, "%s", err.text);
        return;
    }
    golden_ok(g, g4_config_equal(&config, &run->model.config),
              "config-per-layer.json: the same model");
    g4_config_release(&config);
}

void golden_decoder(struct golden *g)
{
    struct run run = {.g = g};
    struct g4_err err = {0};
    if (g4_model_open(&run.model, g->model, "", &err) < 0) {
        golden_ok(g, false, "%s", err.text);
        return;
    }
    check_spelling(&run);
    const struct g4_tensor *suppress = golden_tensor(g, "suppress");
    run.suppress_count = suppress ? g4_tensor_count(suppress) : 0;
    run.suppress = calloc(run.suppress_count + 1, sizeof *run.suppress);
    for (size_t i = 0; run.suppress && i < run.suppress_count; i++)
        run.suppress[i] = (int32_t)g4_tensor_get(suppress, i);

    size_t prompts = 0;
    for (size_t i = 0; run.suppress && i < g->vectors.count; i++) {
        const char *name = g->vectors.tensors[i].name, *dot = strrchr(name, '.');
        struct prompt p = {0};
        if (!dot || strcmp(dot, ".ids") != 0 || (size_t)(dot - name) >= sizeof p.name)
            continue;
        memcpy(p.name, name, (size_t)(dot - name));
        check_prompt(&run, &p);
        prompts++;
    }
    golden_ok(g, prompts > 0, "%zu prompts", prompts);
    free(run.suppress);
    g4_model_close(&run.model);
}

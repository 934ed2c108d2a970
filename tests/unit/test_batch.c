/*
 * test_batch.c - several timelines in one pass: whatever the company, whatever the number of
 * threads, each makes the same bytes as alone.
 */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "decoder/decoder.h"
#include "decoder/generate.h"

enum { SESSIONS = 5, LONGEST = 150, STEPS = 24 }; /* many windows (8 to 12) of the small models */

/* Rows of pictures and experts, blocks of pictures, and weights that take rows in eight bits. */
static const char *const models[] = {"tests/data/golden/decoder-e2b",
                                     "tests/data/golden/decoder-12b",
                                     "tests/data/golden/decoder-26b",
                                     "tests/data/golden/decoder-w4a16",
                                     "examples/demo-model/gguf/g4-demo-q4_0.gguf"};
enum { MODELS = sizeof models / sizeof models[0] };

static const char *path_of(const char *name)
{
    static char path[4096];
    const char *top = getenv("G4_TOP");
    snprintf(path, sizeof path, "%s/%s", top ? top : ".", name);
    return path;
}

static uint32_t next(uint32_t *state)
{
    *state = *state * 1664525u + 1013904223u;
    return *state >> 8;
}

/* ------------------------------------------------------------------------------ a model */

struct fixture {
    struct g4_model model;
    struct g4_exec exec;
    struct g4_engine *engine;
    const struct g4_text_config *config;
};

static void open_fixture(struct fixture *f, const char *name, int threads)
{
    struct g4_err err;
    assert_int_equal(g4_model_open(&f->model, path_of(name), "", &err), 0);
    assert_int_equal(g4_exec_open(&f->exec, threads, &err), 0);
    assert_int_equal(g4_engine_open(&f->engine, &f->model, &f->exec, &err), 0);
    f->config = g4_engine_config(f->engine);
}

static void close_fixture(struct fixture *f)
{
    g4_engine_close(f->engine);
    g4_exec_close(&f->exec);
    g4_model_close(&f->model);
}

static struct g4_session *open_session(const struct fixture *f, size_t context)
{
    const struct g4_session_options options = {.chunk = 32,
                                               .context = context,
                                               .cache = G4_DTYPE_BF16};
    struct g4_session *session;
    struct g4_err err;
    assert_int_equal(g4_session_open(&session, f->engine, &options, &err), 0);
    return session;
}

/* ------------------------------------------------------------------------------ prompts */

/* Runs of text and pictures. */
static void feed_prompt(struct g4_session *session, const struct g4_text_config *config, size_t n,
                        uint32_t seed)
{
    int32_t ids[LONGEST];
    uint8_t kinds[LONGEST];
    struct g4_err err;
    float *rows = calloc(n * config->hidden_size, sizeof *rows);
    size_t soft = 0;
    assert_non_null(rows);
    for (size_t i = 0; i < n;) {
        uint8_t kind = (uint8_t)(next(&seed) % 2 ? G4_POS_TEXT : next(&seed) % 4);
        size_t end = i + 1 + next(&seed) % 40;
        for (; i < end && i < n; i++) {
            kinds[i] = kind;
            ids[i] = (int32_t)(next(&seed) % config->vocab_size);
            for (size_t c = 0; kind != G4_POS_TEXT && c < config->hidden_size; c++)
                rows[soft * config->hidden_size + c] = (float)(next(&seed) % 2001) / 1000 - 1;
            soft += kind != G4_POS_TEXT;
        }
    }
    const struct g4_positions p = {n, ids, kinds, rows};
    assert_int_equal(g4_session_feed(session, &p, true, &err), 0);
    free(rows);
}

static size_t prompt_length(size_t session)
{
    static const size_t lengths[SESSIONS] = {1, 17, LONGEST, 64, 40};
    return lengths[session];
}

static int32_t id_of(const struct g4_text_config *config, size_t session, size_t step)
{
    return (int32_t)((session * 7919 + step * 104729 + 3) % config->vocab_size);
}

/* ------------------------------------------------------------------------------ logits */

/* Logits of every session behind its prompt and behind every step: [SESSIONS, STEPS + 1, V]. */
struct course {
    float *logits;
    size_t vocab;
};

static float *logits_at(const struct course *c, size_t session, size_t step)
{
    return c->logits + (session * (STEPS + 1) + step) * c->vocab;
}

static void run_alone(const struct fixture *f, struct course *c)
{
    struct g4_err err;
    c->vocab = f->config->vocab_size;
    c->logits = calloc(SESSIONS * (STEPS + 1) * c->vocab, sizeof *c->logits);
    assert_non_null(c->logits);
    for (size_t s = 0; s < SESSIONS; s++) {
        struct g4_session *session = open_session(f, 0);
        feed_prompt(session, f->config, prompt_length(s), (uint32_t)s + 1);
        memcpy(logits_at(c, s, 0), g4_session_logits(session), c->vocab * sizeof(float));
        for (size_t t = 0; t < STEPS; t++) {
            int32_t id = id_of(f->config, s, t);
            const struct g4_positions one = {.n = 1, .ids = &id};
            assert_int_equal(g4_session_feed(session, &one, true, &err), 0);
            memcpy(logits_at(c, s, t + 1), g4_session_logits(session), c->vocab * sizeof(float));
        }
        g4_session_close(session);
    }
}

/* Which sessions step together changes from step to step, and so does their order. */
static void run_together(const struct fixture *f, const struct course *alone, uint32_t seed)
{
    struct g4_session *sessions[SESSIONS];
    size_t steps[SESSIONS] = {0}, left = SESSIONS;
    struct g4_err err;
    for (size_t s = 0; s < SESSIONS; s++) {
        sessions[s] = open_session(f, 0);
        feed_prompt(sessions[s], f->config, prompt_length(s), (uint32_t)s + 1);
    }
    while (left > 0) {
        struct g4_session *chosen[SESSIONS];
        int32_t ids[SESSIONS];
        size_t n = 0, first = next(&seed) % SESSIONS;
        left = 0;
        for (size_t i = 0; i < SESSIONS; i++) {
            size_t s = (first + i * 3) % SESSIONS;
            left += steps[s] < STEPS;
            if (steps[s] == STEPS || next(&seed) % 4 == 0)
                continue;
            chosen[n] = sessions[s];
            ids[n++] = id_of(f->config, s, steps[s]++);
        }
        if (n > 0)
            assert_int_equal(g4_sessions_step(chosen, n, ids, &err), 0);
        for (size_t s = 0; s < SESSIONS; s++) {
            assert_int_equal(g4_session_position(sessions[s]), prompt_length(s) + steps[s]);
            assert_memory_equal(g4_session_logits(sessions[s]), logits_at(alone, s, steps[s]),
                                alone->vocab * sizeof(float));
        }
    }
    for (size_t s = 0; s < SESSIONS; s++)
        g4_session_close(sessions[s]);
}

static void together_as_alone(void **state)
{
    (void)state;
    for (size_t m = 0; m < MODELS; m++) {
        struct course alone;
        for (int threads = 1; threads <= 3; threads += 2) {
            struct fixture f;
            open_fixture(&f, models[m], threads);
            if (threads == 1)
                run_alone(&f, &alone);
            for (uint32_t seed = 1; seed <= 3; seed++)
                run_together(&f, &alone, seed);
            close_fixture(&f);
        }
        free(alone.logits);
    }
}

/* Keys enough for attention to be cut into parts; one session has few. */
static void long_timelines_together(void **state)
{
    (void)state;
    enum { LONG = 2500, MEMBERS = 3 };
    static const size_t lengths[MEMBERS] = {LONG, 5, LONG / 2};
    int32_t *ids = calloc(LONG, sizeof *ids);
    struct g4_session *sessions[MEMBERS], *alone[MEMBERS];
    struct fixture f;
    struct g4_err err;
    assert_non_null(ids);
    open_fixture(&f, models[MODELS - 1], 3);
    for (size_t i = 0; i < LONG; i++)
        ids[i] = (int32_t)(i * 31 % f.config->vocab_size);
    for (size_t s = 0; s < MEMBERS; s++) {
        const struct g4_positions p = {.n = lengths[s], .ids = ids};
        sessions[s] = open_session(&f, 0);
        alone[s] = open_session(&f, 0);
        assert_int_equal(g4_session_feed(sessions[s], &p, true, &err), 0);
        assert_int_equal(g4_session_feed(alone[s], &p, true, &err), 0);
    }
    for (int t = 0; t < 3; t++) {
        assert_int_equal(g4_sessions_step(sessions, MEMBERS, ids + 7 * t, &err), 0);
        for (size_t s = 0; s < MEMBERS; s++) {
            const struct g4_positions one = {.n = 1, .ids = ids + 7 * t + s};
            assert_int_equal(g4_session_feed(alone[s], &one, true, &err), 0);
            assert_memory_equal(g4_session_logits(sessions[s]), g4_session_logits(alone[s]),
                                f.config->vocab_size * sizeof(float));
        }
    }
    for (size_t s = 0; s < MEMBERS; s++) {
        g4_session_close(sessions[s]);
        g4_session_close(alone[s]);
    }
    close_fixture(&f);
    free(ids);
}

static void the_most_at_once(void **state)
{
    (void)state;
    struct fixture f;
    struct g4_session *sessions[G4_SESSIONS_TOGETHER];
    int32_t ids[G4_SESSIONS_TOGETHER];
    struct g4_err err;
    open_fixture(&f, models[2], 2);
    for (size_t s = 0; s < G4_SESSIONS_TOGETHER; s++) {
        ids[s] = (int32_t)(s % 2);
        sessions[s] = open_session(&f, 0);
        feed_prompt(sessions[s], f.config, 10, 1 + (uint32_t)(s % 2));
    }
    for (int t = 0; t < 20; t++)
        assert_int_equal(g4_sessions_step(sessions, G4_SESSIONS_TOGETHER, ids, &err), 0);
    for (size_t s = 2; s < G4_SESSIONS_TOGETHER; s++)
        assert_memory_equal(g4_session_logits(sessions[s]), g4_session_logits(sessions[s % 2]),
                            f.config->vocab_size * sizeof(float));
    for (size_t s = 0; s < G4_SESSIONS_TOGETHER; s++)
        g4_session_close(sessions[s]);
    close_fixture(&f);
}

/* A session that is used again answers as a new one, also where a picture wider than a chunk made
 * its windows grow before. */
static void a_used_session_is_as_new(void **state)
{
    (void)state;
    enum { PICTURE = 400, ROUNDS = 350 }; /* blocks of 256 keys are added one by one */
    struct fixture f;
    struct g4_err err;
    open_fixture(&f, models[1], 2);
    assert_true(f.config->image_blocks);
    struct g4_session *used = open_session(&f, 0), *fresh = open_session(&f, 0);
    const int32_t ids[PICTURE] = {0};
    uint8_t kinds[PICTURE];
    float *rows = calloc(PICTURE * f.config->hidden_size, sizeof *rows);
    assert_non_null(rows);
    memset(kinds, G4_POS_IMAGE, sizeof kinds);
    const struct g4_positions picture = {PICTURE, ids, kinds, rows};
    assert_int_equal(g4_session_feed(used, &picture, false, &err), 0);
    g4_session_reset(used);

    struct g4_session *both[] = {used, fresh};
    for (int s = 0; s < 2; s++) {
        const struct g4_positions text = {.n = 20, .ids = ids};
        assert_int_equal(g4_session_feed(both[s], &text, true, &err), 0);
    }
    for (int t = 0; t < ROUNDS; t++) {
        const int32_t pair[] = {id_of(f.config, 1, (size_t)t), id_of(f.config, 1, (size_t)t)};
        assert_int_equal(g4_sessions_step(both, 2, pair, &err), 0);
        assert_memory_equal(g4_session_logits(used), g4_session_logits(fresh),
                            f.config->vocab_size * sizeof(float));
    }
    g4_session_close(used);
    g4_session_close(fresh);
    free(rows);
    close_fixture(&f);
}

static void a_full_session_holds_back_the_step(void **state)
{
    (void)state;
    struct fixture f;
    struct g4_err err;
    open_fixture(&f, models[0], 2);
    struct g4_session *sessions[] = {open_session(&f, 0), open_session(&f, 11),
                                     open_session(&f, 0)};
    const int32_t ids[] = {1, 2, 3};
    for (uint32_t s = 0; s < 3; s++)
        feed_prompt(sessions[s], f.config, 10, s);
    assert_int_equal(g4_sessions_step(sessions, 3, ids, &err), 0);
    float before = g4_session_logits(sessions[0])[0];
    assert_int_equal(g4_sessions_step(sessions, 3, ids, &err), G4_ELIMIT);
    assert_string_equal(err.text, "the prompt needs 12 positions, the context has 11");
    for (int s = 0; s < 3; s++)
        assert_int_equal(g4_session_position(sessions[s]), 11);
    assert_true(g4_session_logits(sessions[0])[0] == before);
    struct g4_session *others[] = {sessions[0], sessions[2]};
    assert_int_equal(g4_sessions_step(others, 2, ids, &err), 0);
    assert_int_equal(g4_session_position(sessions[2]), 12);
    for (int s = 0; s < 3; s++)
        g4_session_close(sessions[s]);
    close_fixture(&f);
}

/* ------------------------------------------------------------------------------ generations */

struct speaker {
    struct g4_session *session;
    struct g4_sampler *sampler;
    struct g4_generation generation;
};

struct speakers {
    struct fixture f;
    struct g4_tokenizer *tokenizer;
    struct g4_generation_config config;
};

static void open_speakers(struct speakers *s)
{
    struct g4_err err;
    open_fixture(&s->f, "examples/demo-model", 2);
    assert_int_equal(g4_tokenizer_open_model(&s->tokenizer, &s->f.model, NULL, &err), 0);
    assert_int_equal(g4_generation_config_load(&s->config, &s->f.model, s->tokenizer, &err), 0);
    s->config.sampling.temperature = 2; /* so that answers differ */
}

static void close_speakers(struct speakers *s)
{
    g4_generation_config_release(&s->config);
    g4_tokenizer_close(s->tokenizer);
    close_fixture(&s->f);
}

/* Every speaker has a prompt, a seed and an end of its own. */
static void begin(const struct speakers *s, struct speaker *speaker, uint32_t i)
{
    static const char *const stops[] = {"e", " the"};
    const struct g4_generate_options options = {.config = &s->config,
                                                .max_tokens = i == 3 ? 0 : 12 + 5 * i,
                                                .stop_texts = stops,
                                                .stop_count = i % 3};
    struct g4_sampling sampling = s->config.sampling;
    struct g4_err err;
    sampling.seed = i;
    speaker->session = open_session(&s->f, 0);
    feed_prompt(speaker->session, s->f.config, 5 + i, i);
    assert_int_equal(g4_sampler_open(&speaker->sampler, &sampling, s->f.config->vocab_size,
                                     s->config.suppress.ids, s->config.suppress.count, &err),
                     0);
    g4_generation_begin(&speaker->generation, speaker->session, s->tokenizer, speaker->sampler,
                        &options);
}

static void end(struct speaker *speaker)
{
    g4_generation_release(&speaker->generation);
    g4_sampler_close(speaker->sampler);
    g4_session_close(speaker->session);
}

static void assert_same(const struct g4_generation *a, const struct g4_generation *b)
{
    assert_int_equal(a->err.code, 0);
    assert_int_equal(b->err.code, 0);
    assert_int_equal(a->stop, b->stop);
    assert_int_equal(a->ids.count, b->ids.count);
    if (a->ids.count > 0)
        assert_memory_equal(a->ids.ids, b->ids.ids, a->ids.count * sizeof *a->ids.ids);
    assert_int_equal(a->answer.content.n, b->answer.content.n);
    if (a->answer.content.n > 0)
        assert_string_equal(a->answer.content.text, b->answer.content.text);
    assert_int_equal(a->ready, a->answer.content.n);
}

/* Eight answers in four places: one that is done makes room for the next. */
static void generations_take_turns(void **state)
{
    (void)state;
    enum { ALL = 8, PLACES = 4 };
    struct speakers s;
    struct speaker alone[ALL], together[ALL];
    struct g4_generation *growing[PLACES];
    size_t begun = 0, n = 0, length = 0;
    open_speakers(&s);
    for (uint32_t i = 0; i < ALL; i++) {
        begin(&s, &alone[i], i);
        struct g4_generation *one = &alone[i].generation;
        while (!one->done)
            g4_generations_advance(&one, 1);
        length += one->ids.count;
    }
    assert_true(length > ALL);
    do {
        size_t left = 0;
        for (size_t i = 0; i < n; i++)
            if (!growing[i]->done)
                growing[left++] = growing[i];
        for (n = left; n < PLACES && begun < ALL; begun++) {
            begin(&s, &together[begun], (uint32_t)begun);
            growing[n] = &together[begun].generation;
            n += !growing[n]->done;
        }
        if (n > 0)
            g4_generations_advance(growing, n);
    } while (n > 0);
    for (size_t i = 0; i < ALL; i++) {
        assert_same(&alone[i].generation, &together[i].generation);
        end(&alone[i]);
        end(&together[i]);
    }
    close_speakers(&s);
}

/* More tokens were asked for than the context has room for: the others do not notice. */
static void a_failure_is_its_own(void **state)
{
    (void)state;
    struct speakers s;
    struct speaker alone, well, full;
    open_speakers(&s);
    begin(&s, &alone, 4);
    begin(&s, &well, 4);
    begin(&s, &full, 6);
    g4_session_close(full.session);
    full.session = open_session(&s.f, 10);
    feed_prompt(full.session, s.f.config, 8, 6);
    full.generation.session = full.session;
    struct g4_generation *one = &alone.generation, *two[] = {&full.generation, &well.generation};
    while (!one->done)
        g4_generations_advance(&one, 1);
    while (!full.generation.done || !well.generation.done) {
        size_t from = full.generation.done, to = well.generation.done ? 1 : 2;
        g4_generations_advance(two + from, to - from);
    }
    assert_int_equal(full.generation.err.code, G4_ELIMIT);
    assert_int_equal(full.generation.ids.count, 3);
    assert_same(&alone.generation, &well.generation);
    end(&alone);
    end(&well);
    end(&full);
    close_speakers(&s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(together_as_alone),
        cmocka_unit_test(long_timelines_together),
        cmocka_unit_test(the_most_at_once),
        cmocka_unit_test(a_used_session_is_as_new),
        cmocka_unit_test(a_full_session_holds_back_the_step),
        cmocka_unit_test(generations_take_turns),
        cmocka_unit_test(a_failure_is_its_own),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

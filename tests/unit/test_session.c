/*
 * test_session.c - a timeline on the small golden models: however a prompt is cut, the answer is
 * the same; what cannot be fed is refused whole; broken numbers do no harm.
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
#include "decoder/sampler.h"

enum { LENGTH = 150, NEW = 6 }; /* many windows (8 to 12) of the small models */

static const char *const names[] = {"decoder-e2b", "decoder-e4b", "decoder-12b", "decoder-26b",
                                    "decoder-31b"};
enum { MODELS = sizeof names / sizeof names[0] };

static struct g4_exec exec;
static struct g4_model models[MODELS];
static struct g4_engine *engines[MODELS];

static const char *case_path(const char *name)
{
    static char path[4096];
    const char *top = getenv("G4_TOP");
    snprintf(path, sizeof path, "%s/tests/data/golden/%s", top ? top : ".", name);
    return path;
}

static int open_models(void **state)
{
    (void)state;
    struct g4_err err;
    if (g4_exec_open(&exec, 2, &err) < 0)
        return -1;
    for (int i = 0; i < MODELS; i++) {
        if (g4_model_open(&models[i], case_path(names[i]), NULL, &err) < 0 ||
            g4_engine_open(&engines[i], &models[i], &exec, &err) < 0) {
            print_error("%s\n", err.text);
            return -1;
        }
    }
    return 0;
}

static int close_models(void **state)
{
    (void)state;
    for (int i = 0; i < MODELS; i++) {
        g4_engine_close(engines[i]);
        g4_model_close(&models[i]);
    }
    g4_exec_close(&exec);
    return 0;
}

static uint32_t next(uint32_t *state)
{
    *state = *state * 1664525u + 1013904223u;
    return *state >> 8;
}

/* ------------------------------------------------------------------------------ prompts */

struct prompt {
    int32_t ids[LENGTH];
    uint8_t kinds[LENGTH];
    float *rows;
    struct g4_positions positions;
};

/* Runs of text, pictures, frames and sound of random lengths; pictures may touch. */
static void make_prompt(struct prompt *p, const struct g4_text_config *config, uint32_t seed)
{
    uint32_t random = seed;
    p->rows = calloc(LENGTH * config->hidden_size, sizeof *p->rows);
    assert_non_null(p->rows);
    size_t soft = 0;
    for (size_t i = 0; i < LENGTH;) {
        uint8_t kind = (uint8_t)(next(&random) % 2 ? G4_POS_TEXT : next(&random) % 4);
        size_t end = i + 1 + next(&random) % 30;
        for (; i < end && i < LENGTH; i++) {
            p->kinds[i] = kind;
            p->ids[i] = (int32_t)(next(&random) % config->vocab_size);
            for (size_t c = 0; kind != G4_POS_TEXT && c < config->hidden_size; c++)
                p->rows[soft * config->hidden_size + c] = (float)(next(&random) % 2001) / 1000 - 1;
            soft += kind != G4_POS_TEXT;
        }
    }
    p->positions = (struct g4_positions){LENGTH, p->ids, p->kinds, p->rows};
}

static bool picture(uint8_t kind)
{
    return kind == G4_POS_IMAGE || kind == G4_POS_VIDEO;
}

struct answer {
    int32_t ids[NEW];
    float *logits; /* [V] behind the prompt */
};

static struct g4_session *open_session(struct g4_engine *engine, size_t chunk, enum g4_dtype cache)
{
    const struct g4_session_options options = {.chunk = chunk, .cache = cache};
    struct g4_session *session;
    struct g4_err err;
    assert_int_equal(g4_session_open(&session, engine, &options, &err), 0);
    return session;
}

/* Feeds the prompt in pieces of random length up to `longest` (0: whole) and goes on greedily. */
static void answer_prompt(struct g4_session *session, const struct g4_text_config *config,
                          const struct prompt *p, size_t longest, uint32_t seed, struct answer *out)
{
    const struct g4_sampling greedy = {.greedy = true, .repeat_penalty = 1};
    struct g4_sampler *sampler;
    struct g4_err err;
    size_t soft = 0;
    for (size_t from = 0, end; from < LENGTH; from = end) {
        end = longest ? from + 1 + next(&seed) % longest : LENGTH;
        end = end < LENGTH ? end : LENGTH;
        while (end < LENGTH && picture(p->kinds[end - 1]) && picture(p->kinds[end]))
            end++;
        const struct g4_positions part = {end - from, p->ids + from, p->kinds + from,
                                          p->rows + soft * config->hidden_size};
        assert_int_equal(g4_session_feed(session, &part, end == LENGTH, &err), 0);
        for (size_t i = from; i < end; i++)
            soft += p->kinds[i] != G4_POS_TEXT;
    }
    assert_int_equal(g4_session_position(session), LENGTH);
    out->logits = calloc(config->vocab_size, sizeof *out->logits);
    assert_non_null(out->logits);
    memcpy(out->logits, g4_session_logits(session), config->vocab_size * sizeof *out->logits);
    assert_int_equal(g4_sampler_open(&sampler, &greedy, config->vocab_size, NULL, 0, &err), 0);
    for (int i = 0; i < NEW; i++) {
        out->ids[i] = g4_sampler_choose(sampler, g4_session_logits(session));
        const struct g4_positions one = {.n = 1, .ids = &out->ids[i]};
        assert_int_equal(g4_session_feed(session, &one, true, &err), 0);
    }
    g4_sampler_close(sampler);
}

static double difference(const struct answer *a, const struct answer *b, size_t vocab)
{
    double worst = 0, largest = 0;
    for (size_t i = 0; i < vocab; i++) {
        worst = fmax(worst, fabs((double)a->logits[i] - (double)b->logits[i]));
        largest = fmax(largest, fabs((double)a->logits[i]));
    }
    return worst / largest;
}

/* ------------------------------------------------------------------------------ tests */

static void cutting_changes_nothing(void **state)
{
    (void)state;
    static const size_t longest[] = {1, 3, 17, 64};
    static const size_t chunks[] = {1, 2, 7, 33, 0};
    if (!exec.kernels->float_products) {
        print_message("skipped: products of this level round\n");
        skip();
    }
    for (int m = 0; m < MODELS; m++) {
        const struct g4_text_config *config = g4_engine_config(engines[m]);
        double worst = 0;
        for (uint32_t seed = 1; seed <= 3; seed++) {
            struct prompt p;
            struct answer whole, cut;
            make_prompt(&p, config, seed);
            struct g4_session *session = open_session(engines[m], LENGTH, G4_DTYPE_F32);
            answer_prompt(session, config, &p, 0, 0, &whole);
            g4_session_close(session);
            for (uint32_t way = 0; way < 5; way++) {
                session = open_session(engines[m], chunks[way % 5], G4_DTYPE_F32);
                answer_prompt(session, config, &p, longest[(way + seed) % 4], 100 * seed + way,
                              &cut);
                g4_session_close(session);
                worst = fmax(worst, difference(&whole, &cut, config->vocab_size));
                assert_memory_equal(whole.ids, cut.ids, sizeof whole.ids);
                free(cut.logits);
            }
            free(whole.logits);
            free(p.rows);
        }
        print_message("%s: largest difference %.1e\n", names[m], worst);
        assert_true(worst < 1e-4);
    }
}

static void the_small_cache_is_close(void **state)
{
    (void)state;
    for (int m = 0; m < MODELS; m++) {
        const struct g4_text_config *config = g4_engine_config(engines[m]);
        struct prompt p;
        struct answer exact, rounded;
        make_prompt(&p, config, 9);
        struct g4_session *session = open_session(engines[m], 32, G4_DTYPE_F32);
        answer_prompt(session, config, &p, 0, 0, &exact);
        g4_session_close(session);
        session = open_session(engines[m], 32, G4_DTYPE_BF16);
        answer_prompt(session, config, &p, 0, 0, &rounded);
        g4_session_close(session);
        double xy = 0, xx = 0, yy = 0;
        for (size_t i = 0; i < config->vocab_size; i++) {
            xy += (double)exact.logits[i] * (double)rounded.logits[i];
            xx += (double)exact.logits[i] * (double)exact.logits[i];
            yy += (double)rounded.logits[i] * (double)rounded.logits[i];
        }
        print_message("%s: cosine %.6f\n", names[m], xy / sqrt(xx * yy));
        assert_true(xy / sqrt(xx * yy) > 0.99);
        assert_true(memcmp(exact.logits, rounded.logits, config->vocab_size * sizeof(float)) != 0);
        free(exact.logits);
        free(rounded.logits);
        free(p.rows);
    }
}

static void reset_is_a_new_beginning(void **state)
{
    (void)state;
    const struct g4_text_config *config = g4_engine_config(engines[0]);
    struct prompt p;
    struct answer first, second;
    make_prompt(&p, config, 3);
    struct g4_session *session = open_session(engines[0], 16, G4_DTYPE_BF16);
    answer_prompt(session, config, &p, 0, 0, &first);
    g4_session_reset(session);
    assert_int_equal(g4_session_position(session), 0);
    answer_prompt(session, config, &p, 0, 0, &second);
    assert_memory_equal(first.logits, second.logits, config->vocab_size * sizeof(float));
    assert_memory_equal(first.ids, second.ids, sizeof first.ids);
    g4_session_close(session);
    free(first.logits);
    free(second.logits);
    free(p.rows);
}

static void a_full_context_is_refused_whole(void **state)
{
    (void)state;
    const struct g4_session_options options = {.context = 20, .cache = G4_DTYPE_BF16};
    const int32_t ids[20] = {1, 2, 3};
    struct g4_session *session;
    struct g4_err err;
    assert_int_equal(g4_session_open(&session, engines[1], &options, &err), 0);
    assert_int_equal(g4_session_context(session), 20);
    struct g4_positions p = {.n = 15, .ids = ids};
    assert_int_equal(g4_session_feed(session, &p, false, &err), 0);
    p.n = 6;
    assert_int_equal(g4_session_feed(session, &p, true, &err), G4_ELIMIT);
    assert_string_equal(err.text, "the prompt needs 21 positions, the context has 20");
    assert_int_equal(g4_session_position(session), 15);
    p.n = 5;
    assert_int_equal(g4_session_feed(session, &p, true, &err), 0);
    assert_true(isfinite(g4_session_logits(session)[0]));
    p.n = 0;
    assert_int_equal(g4_session_feed(session, &p, false, &err), 0);
    g4_session_close(session);
}

static void the_model_bounds_the_context(void **state)
{
    (void)state;
    size_t most = g4_engine_config(engines[0])->max_position_embeddings;
    const struct g4_session_options more = {.context = most + 1, .cache = G4_DTYPE_BF16};
    const struct g4_session_options all = {.cache = G4_DTYPE_BF16};
    struct g4_session *session;
    struct g4_err err;
    assert_int_equal(g4_session_open(&session, engines[0], &more, &err), G4_EUSAGE);
    assert_null(session);
    assert_non_null(strstr(err.text, "decoder-e2b"));
    assert_int_equal(g4_session_open(&session, engines[0], &all, &err), 0);
    assert_int_equal(g4_session_context(session), most);
    g4_session_close(session);
}

/* NaN that enters must not leave the memory of a pass, which is exactly as long as the input here:
 * a router that chose one expert k times would give it k times the rows. */
static void broken_rows_do_no_harm(void **state)
{
    (void)state;
    static const float bad[] = {NAN, INFINITY, -INFINITY, 3e38f};
    for (int m = 0; m < MODELS; m++) {
        size_t width = g4_engine_config(engines[m])->hidden_size;
        struct g4_err err;
        float *rows = calloc(40 * width, sizeof *rows);
        int32_t ids[40] = {0};
        uint8_t kinds[40];
        assert_non_null(rows);
        for (size_t i = 0; i < 40 * width; i++)
            rows[i] = bad[i % 4];
        memset(kinds, G4_POS_IMAGE, sizeof kinds);
        struct g4_engine *engine; /* a new one: its pass has no room to spare */
        assert_int_equal(g4_engine_open(&engine, &models[m], &exec, &err), 0);
        struct g4_session *session = open_session(engine, 40, G4_DTYPE_BF16);
        const struct g4_positions p = {40, ids, kinds, rows};
        assert_int_equal(g4_session_feed(session, &p, true, &err), 0);
        assert_int_equal(g4_session_position(session), 40);
        g4_session_close(session);
        g4_engine_close(engine);
        free(rows);
    }
}

static void wrong_shapes_are_refused(void **state)
{
    (void)state;
    struct g4_engine *engine;
    struct g4_err err;
    struct g4_model *model = &models[3];
    struct g4_text_config *text = &model->config.text;

    text->vocab_size++;
    assert_int_equal(g4_engine_open(&engine, model, &exec, &err), G4_EINPUT);
    assert_non_null(strstr(err.text, "embed_tokens.weight"));
    assert_null(engine);
    text->vocab_size--;

    text->num_experts++;
    assert_int_equal(g4_engine_open(&engine, model, &exec, &err), G4_EINPUT);
    assert_non_null(strstr(err.text, "router.proj.weight"));
    text->num_experts--;

    text->layer[1].head_dim += 2;
    assert_int_equal(g4_engine_open(&engine, model, &exec, &err), G4_EUNSUPPORTED);
    assert_non_null(strstr(err.text, "layer 1 has heads of width"));
    text->layer[1].head_dim -= 2;

    text->present = false;
    assert_int_equal(g4_engine_open(&engine, model, &exec, &err), G4_EUNSUPPORTED);
    text->present = true;
}

static void bytes_are_those_of_the_cache(void **state)
{
    (void)state;
    /* e2b: 3 sliding and 1 full owning layers of one head, 16 and 32 wide, window 8 */
    assert_int_equal(g4_session_cache_bytes(engines[0], G4_DTYPE_BF16, 100),
                     2 * 2 * (3 * 16 * 8 + 32 * 100));
    assert_int_equal(g4_session_cache_bytes(engines[0], G4_DTYPE_F32, 5),
                     2 * 4 * (3 * 16 + 32) * 5);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(cutting_changes_nothing),
        cmocka_unit_test(the_small_cache_is_close),
        cmocka_unit_test(reset_is_a_new_beginning),
        cmocka_unit_test(a_full_context_is_refused_whole),
        cmocka_unit_test(the_model_bounds_the_context),
        cmocka_unit_test(broken_rows_do_no_harm),
        cmocka_unit_test(wrong_shapes_are_refused),
        cmocka_unit_test(bytes_are_those_of_the_cache),
    };
    return cmocka_run_group_tests(tests, open_models, close_models);
}

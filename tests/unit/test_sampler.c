/*
 * test_sampler.c - the steps of choosing one at a time, the draw's frequencies, its repeatability,
 * and a slow sampler written from the definition that the fast one must agree with.
 */
#include <float.h>
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "decoder/sampler.h"

static const struct g4_sampling plain = {.temperature = 1, .top_p = 1, .repeat_penalty = 1};

static struct g4_sampler *open_sampler(struct g4_sampling sampling, size_t vocab,
                                       const int32_t *suppress, size_t count)
{
    struct g4_sampler *sampler;
    struct g4_err err;
    assert_int_equal(g4_sampler_open(&sampler, &sampling, vocab, suppress, count, &err), 0);
    return sampler;
}

static uint32_t next(uint32_t *state)
{
    *state = *state * 1664525u + 1013904223u;
    return *state >> 8;
}

static float random_logit(uint32_t *state)
{
    return (float)(next(state) % 4001) / 100.0f - 25.0f; /* coarse: ties happen */
}

static void greedy_takes_the_lowest_id_of_the_best(void **state)
{
    (void)state;
    const float logits[] = {1, 5, 3, 5, 5};
    const int32_t suppress[] = {1};
    struct g4_sampling s = plain;
    s.greedy = true;
    struct g4_sampler *sampler = open_sampler(s, 5, NULL, 0);
    assert_int_equal(g4_sampler_choose(sampler, logits), 1);
    g4_sampler_close(sampler);
    sampler = open_sampler(s, 5, suppress, 1);
    assert_int_equal(g4_sampler_choose(sampler, logits), 3);
    g4_sampler_close(sampler);
    s.greedy = false;
    s.temperature = 0;
    sampler = open_sampler(s, 5, NULL, 0);
    assert_int_equal(g4_sampler_choose(sampler, logits), 1);
    float p[5];
    g4_sampler_probabilities(sampler, logits, p);
    assert_true(p[1] == 1.0f && p[3] == 0.0f);
    g4_sampler_close(sampler);
}

static void penalty_counts_each_id_once_and_by_sign(void **state)
{
    (void)state;
    const float logits[] = {2, -1, 1.5f, -10};
    struct g4_sampling s = plain;
    s.repeat_penalty = 2;
    struct g4_sampler *sampler = open_sampler(s, 4, NULL, 0);
    float p[4];
    for (int i = 0; i < 3; i++)
        g4_sampler_seen(sampler, 0);
    g4_sampler_seen(sampler, 1);
    g4_sampler_probabilities(sampler, logits, p);
    assert_float_equal(logf(p[0] / p[2]), 1.0f - 1.5f, 1e-5f);
    assert_float_equal(logf(p[1] / p[2]), -2.0f - 1.5f, 1e-5f);
    g4_sampler_reset(sampler);
    g4_sampler_probabilities(sampler, logits, p);
    assert_float_equal(logf(p[0] / p[2]), 0.5f, 1e-5f);
    g4_sampler_close(sampler);
}

static void ties_at_the_kth_stay(void **state)
{
    (void)state;
    const float logits[] = {0, 3, 2, 2, 1, 2};
    struct g4_sampling s = plain;
    s.top_k = 2;
    struct g4_sampler *sampler = open_sampler(s, 6, NULL, 0);
    float p[6];
    g4_sampler_probabilities(sampler, logits, p);
    assert_true(p[0] == 0 && p[4] == 0);
    assert_true(p[1] > p[2] && p[2] > 0 && p[2] == p[3] && p[2] == p[5]);
    g4_sampler_close(sampler);
}

static void the_best_one_always_stays(void **state)
{
    (void)state;
    const float logits[] = {1, 1.5f, 1.4f};
    struct g4_sampling s = plain;
    s.top_p = 0;
    struct g4_sampler *sampler = open_sampler(s, 3, NULL, 0);
    float p[3];
    g4_sampler_probabilities(sampler, logits, p);
    assert_true(p[1] == 1.0f);
    g4_sampler_close(sampler);
    s.top_p = 1;
    s.min_p = 1;
    sampler = open_sampler(s, 3, NULL, 0);
    g4_sampler_probabilities(sampler, logits, p);
    assert_true(p[1] == 1.0f);
    g4_sampler_close(sampler);
}

static void min_p_is_relative_to_the_best(void **state)
{
    (void)state;
    const float logits[] = {0, -1, -2, -3};
    struct g4_sampling s = plain;
    s.min_p = 0.2f; /* exp(-1) = 0.37, exp(-2) = 0.14 */
    struct g4_sampler *sampler = open_sampler(s, 4, NULL, 0);
    float p[4];
    g4_sampler_probabilities(sampler, logits, p);
    assert_true(p[1] > 0 && p[2] == 0 && p[3] == 0);
    g4_sampler_close(sampler);
}

/* The definition, step by step, with whole sorts. */
static void slow_probabilities(const struct g4_sampling *s, const float *logits, size_t n,
                               float *out)
{
    double *z = calloc(n, sizeof *z), *p = calloc(n, sizeof *p);
    size_t *order = calloc(n, sizeof *order);
    assert_true(z && p && order);
    for (size_t i = 0; i < n; i++) {
        z[i] = (double)logits[i] / (double)s->temperature;
        size_t at = i; /* insertion: best first, lowest id first */
        while (at > 0 && z[order[at - 1]] < z[i]) {
            order[at] = order[at - 1];
            at--;
        }
        order[at] = i;
    }
    size_t kept = n;
    if (s->top_k > 0 && (size_t)s->top_k < n) {
        kept = (size_t)s->top_k;
        while (kept < n && z[order[kept]] == z[order[kept - 1]])
            kept++;
    }
    double total = 0, low = 0;
    for (size_t i = 0; i < kept; i++)
        total += p[i] = exp(z[order[i]] - z[order[0]]);
    while (s->top_p < 1 && kept > 1 && (low += p[kept - 1] / total) <= 1 - (double)s->top_p)
        kept--;
    while (kept > 1 && p[kept - 1] < (double)s->min_p)
        kept--;
    total = 0;
    for (size_t i = 0; i < kept; i++)
        total += p[i];
    memset(out, 0, n * sizeof *out);
    for (size_t i = 0; i < kept; i++)
        out[order[i]] = (float)(p[i] / total);
    free(z);
    free(p);
    free(order);
}

static void agrees_with_the_definition(void **state)
{
    (void)state;
    static const int32_t top_k[] = {0, 1, 3, 17, 64, 299, 300, 5000};
    static const float top_p[] = {1, 0.999f, 0.95f, 0.5f, 0.1f};
    uint32_t seed = 1;
    float logits[300], fast[300], slow[300];
    for (int round = 0; round < 200; round++) {
        struct g4_sampling s = plain;
        s.temperature = 0.3f + (float)(next(&seed) % 100) / 20.0f;
        s.top_k = top_k[next(&seed) % 8];
        s.top_p = top_p[next(&seed) % 5];
        s.min_p = next(&seed) % 4 == 0 ? 0.05f : 0;
        for (int i = 0; i < 300; i++)
            logits[i] = random_logit(&seed);
        struct g4_sampler *sampler = open_sampler(s, 300, NULL, 0);
        g4_sampler_probabilities(sampler, logits, fast);
        slow_probabilities(&s, logits, 300, slow);
        for (int i = 0; i < 300; i++)
            assert_float_equal(fast[i], slow[i], 1e-6f);
        g4_sampler_close(sampler);
    }
}

static void draws_follow_the_distribution(void **state)
{
    (void)state;
    enum { N = 20000 };
    const float logits[] = {0, 1, -1, 0.5f, -30};
    struct g4_sampling s = plain;
    s.seed = 7;
    struct g4_sampler *sampler = open_sampler(s, 5, NULL, 0);
    float p[5];
    unsigned count[5] = {0};
    g4_sampler_probabilities(sampler, logits, p);
    for (int i = 0; i < N; i++)
        count[g4_sampler_choose(sampler, logits)]++;
    for (int i = 0; i < 5; i++) /* six standard deviations */
        assert_float_equal((double)count[i] / N, p[i], 6 * sqrt(0.25 / N));
    assert_int_equal(count[4], 0);
    g4_sampler_close(sampler);
}

static void a_seed_fixes_the_sequence(void **state)
{
    (void)state;
    enum { N = 32 };
    float logits[1000];
    uint32_t seed = 5;
    for (int i = 0; i < 1000; i++)
        logits[i] = random_logit(&seed) / 10;
    struct g4_sampling s = plain;
    s.seed = 42;
    int32_t first[N], again[N], other[N];
    struct g4_sampler *sampler = open_sampler(s, 1000, NULL, 0);
    for (int i = 0; i < N; i++)
        first[i] = g4_sampler_choose(sampler, logits);
    g4_sampler_reset(sampler);
    for (int i = 0; i < N; i++)
        again[i] = g4_sampler_choose(sampler, logits);
    g4_sampler_close(sampler);
    s.seed = 43;
    sampler = open_sampler(s, 1000, NULL, 0);
    for (int i = 0; i < N; i++)
        other[i] = g4_sampler_choose(sampler, logits);
    g4_sampler_close(sampler);
    assert_memory_equal(first, again, sizeof first);
    assert_memory_not_equal(first, other, sizeof first);
}

/* A model with broken weights must not lead out of the vocabulary, nor to a suppressed id. */
static void broken_logits_stay_in_range(void **state)
{
    (void)state;
    const int32_t suppress[] = {0, -4, 99};
    static const float bad[][4] = {{NAN, NAN, NAN, NAN},
                                   {NAN, INFINITY, INFINITY, 1},
                                   {INFINITY, -INFINITY, NAN, -INFINITY},
                                   {NAN, -1e38f, 1, NAN}};
    for (int greedy = 0; greedy < 2; greedy++) {
        for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
            struct g4_sampling s = plain;
            s.greedy = greedy;
            s.top_k = i % 2 ? 2 : 0;
            s.top_p = 0.9f;
            s.temperature = 1e-30f;
            struct g4_sampler *sampler = open_sampler(s, 4, suppress, 3);
            for (int draw = 0; draw < 20; draw++) {
                int32_t id = g4_sampler_choose(sampler, bad[i]);
                assert_in_range(id, 1, 3);
            }
            g4_sampler_close(sampler);
        }
    }
}

static void everything_suppressed_is_no_trap(void **state)
{
    (void)state;
    const int32_t suppress[] = {0, 1};
    const float logits[] = {1, 2};
    struct g4_sampler *sampler = open_sampler(plain, 2, suppress, 2);
    assert_in_range(g4_sampler_choose(sampler, logits), 0, 1);
    g4_sampler_close(sampler);
}

static void bad_settings_are_named(void **state)
{
    (void)state;
    const struct {
        struct g4_sampling s;
        const char *text;
    } cases[] = {
        {{.temperature = -1, .top_p = 1, .repeat_penalty = 1}, "temperature -1"},
        {{.temperature = NAN, .top_p = 1, .repeat_penalty = 1}, "temperature"},
        {{.temperature = 1, .top_p = 1.5f, .repeat_penalty = 1}, "top-p 1.5"},
        {{.temperature = 1, .top_p = 1, .top_k = -3, .repeat_penalty = 1}, "top-k -3"},
        {{.temperature = 1, .top_p = 1, .min_p = 2, .repeat_penalty = 1}, "min-p 2"},
        {{.temperature = 1, .top_p = 1, .repeat_penalty = 0}, "repeat penalty 0"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct g4_sampler *sampler;
        struct g4_err err;
        assert_int_equal(g4_sampler_open(&sampler, &cases[i].s, 4, NULL, 0, &err), G4_EUSAGE);
        assert_null(sampler);
        assert_non_null(strstr(err.text, cases[i].text));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(greedy_takes_the_lowest_id_of_the_best),
        cmocka_unit_test(penalty_counts_each_id_once_and_by_sign),
        cmocka_unit_test(ties_at_the_kth_stay),
        cmocka_unit_test(the_best_one_always_stays),
        cmocka_unit_test(min_p_is_relative_to_the_best),
        cmocka_unit_test(agrees_with_the_definition),
        cmocka_unit_test(draws_follow_the_distribution),
        cmocka_unit_test(a_seed_fixes_the_sequence),
        cmocka_unit_test(broken_logits_stay_in_range),
        cmocka_unit_test(everything_suppressed_is_no_trap),
        cmocka_unit_test(bad_settings_are_named),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

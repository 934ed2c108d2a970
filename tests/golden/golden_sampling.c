/*
 * golden_sampling.c - decoder-sampling*: logits and settings -> the distribution to draw from.
 *
 * Row by row: logits [n, V], history I32 [n, h] (ids seen so far), repetition, temperature, top_p
 * [n], top_k I32 [n] (0 = off), and one suppress I32 [s] for all -> probs [n, V].
 */
#include <stdint.h>
#include <stdlib.h>

#include "decoder/sampler.h"
#include "tests/golden/golden.h"

static const double LIMIT = 1e-4;

struct settings {
    const struct g4_tensor *logits, *history, *repetition, *temperature, *top_p, *top_k, *probs;
    int32_t *suppress;
    size_t suppress_count;
    size_t rows, vocab;
};

static bool read_settings(struct golden *g, struct settings *s)
{
    const struct {
        const char *name;
        const struct g4_tensor **out;
    } wanted[] = {
        {"logits", &s->logits},         {"history", &s->history},
        {"repetition", &s->repetition}, {"temperature", &s->temperature},
        {"top_p", &s->top_p},           {"top_k", &s->top_k},
        {"probs", &s->probs},
    };
    for (size_t i = 0; i < sizeof wanted / sizeof wanted[0]; i++) {
        *wanted[i].out = golden_tensor(g, "%s", wanted[i].name);
        if (!*wanted[i].out) {
            golden_ok(g, false, "%s: missing", wanted[i].name);
            return false;
        }
    }
    s->rows = g4_tensor_count(s->top_k);
    s->vocab = s->rows ? g4_tensor_count(s->logits) / s->rows : 0;
    const struct g4_tensor *suppress = golden_tensor(g, "suppress");
    s->suppress_count = suppress ? g4_tensor_count(suppress) : 0;
    s->suppress = malloc((s->suppress_count + 1) * sizeof *s->suppress);
    for (size_t i = 0; s->suppress && i < s->suppress_count; i++)
        s->suppress[i] = (int32_t)g4_tensor_get(suppress, i);
    return s->suppress && s->vocab > 0;
}

/* Distribution of row r into probs [vocab], from logits [vocab]. */
static int run_row(const struct settings *s, size_t r, float *logits, float *probs,
                   struct g4_err *err)
{
    const struct g4_sampling sampling = {
        .temperature = g4_tensor_get(s->temperature, r),
        .top_k = (int32_t)g4_tensor_get(s->top_k, r),
        .top_p = g4_tensor_get(s->top_p, r),
        .repeat_penalty = g4_tensor_get(s->repetition, r),
    };
    struct g4_sampler *sampler;
    int status =
        g4_sampler_open(&sampler, &sampling, s->vocab, s->suppress, s->suppress_count, err);
    if (status < 0)
        return status;
    size_t seen = g4_tensor_count(s->history) / s->rows;
    for (size_t i = 0; i < seen; i++)
        g4_sampler_seen(sampler, (int32_t)g4_tensor_get(s->history, r * seen + i));
    for (size_t i = 0; i < s->vocab; i++)
        logits[i] = g4_tensor_get(s->logits, r * s->vocab + i);
    g4_sampler_probabilities(sampler, logits, probs);
    g4_sampler_close(sampler);
    return 0;
}

void golden_sampling(struct golden *g)
{
    struct settings s = {0};
    struct g4_err err = {0};
    float *probs = NULL, *logits = NULL;
    if (!read_settings(g, &s)) {
        golden_ok(g, false, "the vectors cannot be used");
        goto out;
    }
    probs = calloc(s.rows * s.vocab, sizeof *probs);
    logits = calloc(s.vocab, sizeof *logits);
    for (size_t r = 0; r < s.rows; r++) {
        if (!probs || !logits || run_row(&s, r, logits, probs + r * s.vocab, &err) < 0) {
            golden_ok(g, false, "row %zu: %s", r, err.text);
            goto out;
        }
    }
    golden_close(g, "probs", s.probs, probs, s.vocab, s.rows, s.vocab, LIMIT, GOLDEN_STAGE);
out:
    free(probs);
    free(logits);
    free(s.suppress);
}

/*
 * sampler.h - logits to one id.
 *
 * suppress -> repetition penalty -> temperature -> top-k -> top-p -> min-p -> draw; greedy: argmax,
 * lowest id on a tie. Own generator: the same seed gives the same ids at any thread count.
 */
#ifndef G4_DECODER_SAMPLER_H
#define G4_DECODER_SAMPLER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/base/err.h"

struct g4_sampling {
    bool greedy;          /* also when temperature is 0 */
    float temperature;    /* 1.0 */
    int32_t top_k;        /* 64; 0 = off */
    float top_p;          /* 0.95; 1 = off */
    float min_p;          /* 0 = off */
    float repeat_penalty; /* 1 = off */
    uint64_t seed;
};

struct g4_sampler;

/* suppress: ids that are never chosen (borrowed for the sampler's life). */
int g4_sampler_open(struct g4_sampler **sampler, const struct g4_sampling *sampling,
                    size_t vocab_size, const int32_t *suppress, size_t suppress_count,
                    struct g4_err *err);
void g4_sampler_close(struct g4_sampler *sampler);

/* Back to the seed, history empty (the next unit of --each). */
void g4_sampler_reset(struct g4_sampler *sampler);
/* An id seen in prompt or output (counts for the penalty). */
void g4_sampler_seen(struct g4_sampler *sampler, int32_t id);

/* The distribution drawn from: probabilities [vocab_size]. For tests. */
void g4_sampler_probabilities(struct g4_sampler *sampler, const float *logits,
                              float *probabilities);

/* Chooses; does not call seen. */
int32_t g4_sampler_choose(struct g4_sampler *sampler, const float *logits);

#endif

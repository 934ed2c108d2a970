/*
 * generate.h - the loop from a session with logits to an answer.
 *
 *     choose an id -> stop? -> read it into the answer -> run it -> choose ...
 */
#ifndef G4_DECODER_GENERATE_H
#define G4_DECODER_GENERATE_H

#include "decoder/answer.h"
#include "decoder/decoder.h"
#include "decoder/generation_config.h"
#include "decoder/sampler.h"

enum g4_stop_reason {
    G4_STOP_END,    /* the model ended its turn */
    G4_STOP_LENGTH, /* max_tokens, or the context is full */
    G4_STOP_TEXT,   /* a stop text came; it is not part of the answer */
};

struct g4_generation {
    struct g4_answer answer;
    struct g4_ids ids; /* generated, the stop id included */
    enum g4_stop_reason stop;
    size_t ready; /* bytes of answer.content that no stop text can take back any more */
};

struct g4_generate_options {
    const struct g4_generation_config *config;
    size_t max_tokens;
    const char *const *stop_texts; /* not empty strings */
    size_t stop_count;
    bool in_thought; /* the prompt ended inside an open thought */
    /* After every id: content up to `ready` and the thought may be shown. An error ends the run. */
    int (*show)(void *ctx, const struct g4_generation *generation, struct g4_err *err);
    void *ctx;
};

/* The session's newest logits begin the answer; sampler has seen the prompt. generation is
 * initialised here and released by the caller, also after an error. */
int g4_generate(struct g4_generation *generation, struct g4_session *session,
                const struct g4_tokenizer *tokenizer, struct g4_sampler *sampler,
                const struct g4_generate_options *options, struct g4_err *err);
void g4_generation_release(struct g4_generation *generation); /* safe on a zeroed struct */

#endif

/*
 * generate.h - from sessions with logits to answers, several at a time.
 *
 *     choose an id -> stop? -> read it into the answer -> run it -> choose ...
 *
 * Generations that advance together share each pass over the weights; what comes of one does not
 * depend on the others.
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

/* What the pointers show is borrowed. */
struct g4_generate_options {
    const struct g4_generation_config *config;
    size_t max_tokens;
    const char *const *stop_texts; /* not empty strings */
    size_t stop_count;
    bool in_thought; /* the prompt ended inside an open thought */
};

struct g4_generation {
    struct g4_answer answer;
    struct g4_ids ids; /* generated, the stop id included */
    enum g4_stop_reason stop;
    size_t ready;      /* bytes of answer.content that no stop text can take back any more */
    bool done;         /* complete, or failed */
    struct g4_err err; /* why it failed; code 0: it did not */

    /* only until it is done */
    struct g4_session *session; /* borrowed */
    struct g4_sampler *sampler; /* borrowed */
    struct g4_generate_options options;
};

/* The session's newest logits begin the answer; sampler has seen the prompt. Both belong to this
 * generation until it is done. With max_tokens 0 it is done already. The caller releases it. */
void g4_generation_begin(struct g4_generation *generation, struct g4_session *session,
                         const struct g4_tokenizer *tokenizer, struct g4_sampler *sampler,
                         const struct g4_generate_options *options);

/* One more id for each of n (1..G4_SESSIONS_TOGETHER) generations of one engine, none of them done.
 * Afterwards content up to `ready` and the thought may be shown. */
void g4_generations_advance(struct g4_generation *const *generations, size_t n);

void g4_generation_release(struct g4_generation *generation); /* safe on a zeroed struct */

#endif

/*
 * decode_engine.h - everything g4-decode opens once: model, kernels, engine, tokenizer, session;
 * and the two steps of an answer: feeding a growing prompt, generating.
 */
#ifndef G4_BIN_DECODE_ENGINE_H
#define G4_BIN_DECODE_ENGINE_H

#include "bin/decode_options.h"
#include "bin/decode_print.h"
#include "decoder/compose.h"
#include "decoder/decoder.h"
#include "decoder/generate.h"
#include "decoder/generation_config.h"
#include "lib/model/model.h"

struct g4_decode_engine {
    const struct g4_decode_options *options;
    struct g4_model model;
    struct g4_exec exec;
    struct g4_engine *engine;
    struct g4_tokenizer *tokenizer;
    struct g4_generation_config config;
    struct g4_sampler *sampler;
    struct g4_session *session; /* NULL in a dry run */
    struct g4_compose_options compose;
};

/* First step: configuration and tensor table, enough to judge a stream header. */
int g4_decode_engine_find(struct g4_decode_engine *engine, const struct g4_decode_options *options,
                          struct g4_err *err);
/* Second step: the rest. */
int g4_decode_engine_open(struct g4_decode_engine *engine, struct g4_err *err);
void g4_decode_engine_close(struct g4_decode_engine *engine); /* safe on a zeroed struct */

/* One prompt on its way into the session. */
struct g4_asking {
    struct g4_compose compose;
    struct g4_ids ids; /* of everything fed so far; media as placeholder ids */
    size_t parts_fed;
    size_t soft; /* soft positions among ids */
    double prefill_s;
};

/* A new prompt on an empty session. */
int g4_asking_begin(struct g4_asking *asking, struct g4_decode_engine *engine, struct g4_err *err);
/* Runs what the composition has grown by; `last` when it is complete. In a dry run only counts. */
int g4_asking_feed(struct g4_asking *asking, struct g4_decode_engine *engine, bool last,
                   struct g4_err *err);
void g4_asking_release(struct g4_asking *asking); /* safe on a zeroed struct */

/* The answer to a complete prompt, shown while it grows, then as the row (whose source, segment and
 * times the caller has set). In a dry run: the prompt and its figures instead. */
int g4_asking_answer(struct g4_asking *asking, struct g4_decode_engine *engine,
                     struct g4_printer *printer, struct g4_answer_row *row, struct g4_err *err);

#endif

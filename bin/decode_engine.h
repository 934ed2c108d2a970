/*
 * decode_engine.h - everything g4-decode opens once: model, kernels, engine, tokenizer; and the
 * seats, each of which holds what one answer needs for itself.
 */
#ifndef G4_BIN_DECODE_ENGINE_H
#define G4_BIN_DECODE_ENGINE_H

#include "bin/decode_options.h"
#include "decoder/compose.h"
#include "decoder/decoder.h"
#include "decoder/generation_config.h"
#include "decoder/sampler.h"
#include "lib/model/model.h"

struct g4_decode_seat {
    struct g4_session *session; /* NULL in a dry run */
    struct g4_sampler *sampler; /* NULL: this seat was not needed yet */
    bool taken;
};

struct g4_decode_engine {
    const struct g4_decode_options *options;
    struct g4_model model;
    struct g4_exec exec;
    struct g4_engine *engine;
    struct g4_tokenizer *tokenizer;
    struct g4_generation_config config;
    struct g4_compose_options compose;
    struct g4_decode_seat seats[G4_DECODE_BATCH];
    size_t seat_count; /* as many as --batch says; fewer when there is no memory for them */
};

/* First step: configuration and tensor table, enough to judge a stream header. */
int g4_decode_engine_find(struct g4_decode_engine *engine, const struct g4_decode_options *options,
                          struct g4_err *err);
/* Second step: the rest, and the first seat. */
int g4_decode_engine_open(struct g4_decode_engine *engine, struct g4_err *err);
void g4_decode_engine_close(struct g4_decode_engine *engine); /* safe on a zeroed struct */

/* Whether there may be a seat that is not taken. */
bool g4_decode_has_seat(const struct g4_decode_engine *engine);
/* It, empty; NULL: there is none. Whoever takes it sets `taken`, and clears it in the end. */
struct g4_decode_seat *g4_decode_free_seat(struct g4_decode_engine *engine);

#endif

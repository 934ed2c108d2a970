/*
 * decode_asking.h - one question on its way to its answer.
 *
 *     begin -> (compose grows -> feed) ... -> feed the last -> start -> advance ... -> print
 *
 * From begin until its answer is complete a question has a seat to itself.
 */
#ifndef G4_BIN_DECODE_ASKING_H
#define G4_BIN_DECODE_ASKING_H

#include "bin/decode_engine.h"
#include "bin/decode_print.h"
#include "decoder/compose.h"
#include "decoder/generate.h"

struct g4_asking {
    struct g4_decode_engine *engine;
    struct g4_decode_seat *seat; /* NULL: given back */
    struct g4_compose compose;
    struct g4_ids ids; /* of everything fed so far; media as placeholder ids */
    size_t parts_fed;
    size_t soft; /* soft positions among ids */
    double prefill_s;
    bool started;
    struct g4_generation generation; /* once started; not in a dry run */
    double start, decode_s; /* from start to the end of the answer, others' work included */
};

/* A new prompt in a free seat; there is one (asserted). */
int g4_asking_begin(struct g4_asking *asking, struct g4_decode_engine *engine, struct g4_err *err);
/* Runs what the composition has grown by; `last` when it is complete. In a dry run only counts. */
int g4_asking_feed(struct g4_asking *asking, bool last, struct g4_err *err);
void g4_asking_release(struct g4_asking *asking); /* safe on a zeroed struct */

/* The prompt is complete: an answer begins. In a dry run it is complete at once. */
void g4_asking_start(struct g4_asking *asking);
/* Whether the answer is still growing. */
bool g4_asking_grows(const struct g4_asking *asking);
/* One more token for each of n (1..G4_SESSIONS_TOGETHER) answers that grow. */
void g4_askings_advance(struct g4_asking *const *askings, size_t n);

/* A complete answer, or why there is none: as the row (whose source, segment and times the caller
 * has set). In a dry run: the prompt and its figures instead. */
int g4_asking_print(struct g4_asking *asking, struct g4_printer *printer, struct g4_answer_row *row,
                    struct g4_err *err);

#endif

/*
 * decode_run.h - from records to answers: one answer from all that came, or one per unit (--each).
 */
#ifndef G4_BIN_DECODE_RUN_H
#define G4_BIN_DECODE_RUN_H

#include "bin/decode_asking.h"
#include "bin/decode_engine.h"
#include "bin/decode_input.h"
#include "bin/decode_print.h"

struct g4_decode_run {
    const struct g4_decode_options *options;
    struct g4_decode_engine *engine;
    struct g4_decode_input *input;
    struct g4_printer *printer;
    bool failed; /* some source or unit failed: status 1 */
};

/* One prompt from all that came. Nothing is generated before the end of the input was reached and
 * found valid; prompt rows are computed while it arrives. */
int g4_decode_one(struct g4_decode_run *run, struct g4_err *err);

/* --each: answers in the order of their units, each as soon as it is complete and those before it
 * are. */
int g4_decode_each(struct g4_decode_run *run, struct g4_err *err);

#endif

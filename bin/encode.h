/*
 * encode.h - what g4-audio, g4-vision and g4-video have in common: the option rows, the model, the
 * output (stdout, -o FILE, -d DIR), one source after another, FAIL records, the exit status.
 *
 * A program brings its functions (struct g4_encoder) and writes segments through a sink. The loop:
 *
 *     options -> output -> model -> encoder -> sandbox
 *             -> for each operand: meta, segments or FAIL -> ENDS
 */
#ifndef G4_BIN_ENCODE_H
#define G4_BIN_ENCODE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/base/opt.h"
#include "lib/format/stream.h"
#include "lib/model/model.h"
#include "lib/nn/exec.h"

struct g4_encode_options {
    const char *model;     /* -m */
    const char *mmproj;    /* --mmproj */
    const char *output;    /* -o */
    const char *directory; /* -d */
    const char *files0_from;
    bool force, quiet, fail_early, no_sandbox;
    int verbose;
    int64_t threads; /* 0 = default */
    int dtype;       /* 0 bf16, 1 f32 */
};

enum { G4_ENCODE_TABLE = 64 };

/* Fills `table` with `own` (count rows), the common rows behind them, and the closing row. */
void g4_encode_table(struct g4_opt table[G4_ENCODE_TABLE], const struct g4_opt *own, size_t count,
                     struct g4_encode_options *options);

/* Where segments go. Every function returns 0 or an error; an error of the output (not of the
 * input) sets `broken`, and nothing more is written. */
struct g4_sink {
    struct g4_stream_writer *writer;
    const char *operand; /* the one being encoded */
    const char *shown;   /* the same for messages: "stdin" for "-" */
    uint32_t source;     /* number of the open source */
    uint32_t next_source;
    bool opened; /* the operand has an open source */
    bool broken;
};

/* Begins a source of the operand: its meta record. part -1: none. Called before its first segment;
 * an operand that fails before gets its source from the loop. */
int g4_sink_source(struct g4_sink *sink, long part, struct g4_err *err);
/* One whole segment: SEGM, its rows, SEGE. segment->source is set here; segment->rows rows of the
 * stream's width. */
int g4_sink_segment(struct g4_sink *sink, struct g4_segment *segment, const float *rows,
                    struct g4_err *err);

struct g4_encoder {
    const struct g4_program *program;
    void *state;
    /* The options are parsed: do they make sense together? G4_EUSAGE if not. */
    int (*check)(void *state, struct g4_err *err);
    /* An input and a model are to be opened next: what may be loaded meanwhile. May be NULL. */
    void (*begin)(void *state);
    /* The model is open. Fills width and encoder id for the stream header. */
    int (*open)(void *state, const struct g4_model *model, const struct g4_exec *exec,
                struct g4_stream_head *head, struct g4_err *err);
    /* One operand to the sink. */
    int (*encode)(void *state, struct g4_sink *sink, const char *operand, struct g4_err *err);
    void (*close)(void *state);
};

/* The whole program: parses argv by the encoder's option table, runs, returns the exit status. */
int g4_encode_main(const struct g4_encoder *encoder, const struct g4_encode_options *options,
                   int argc, char **argv);

#endif

/*
 * decode_input.h - the streams of one run of g4-decode, as one sequence of records.
 *
 * Operands one after another, or stdin (cli.md rule 1: a terminal, /dev/null or a closed descriptor
 * means "no media"; a pipe, socket or regular file is a stream). Every stream header is compared
 * with the model as soon as it is read.
 */
#ifndef G4_BIN_DECODE_INPUT_H
#define G4_BIN_DECODE_INPUT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/base/err.h"
#include "lib/format/stream.h"

/* What the streams must agree with. */
struct g4_decode_expect {
    size_t width; /* hidden size of the decoder */
    uint8_t space_id[16];
    const char *model; /* its name, for messages */
    bool force;        /* another space id is accepted */
};

struct g4_decode_input {
    const struct g4_decode_expect *expect;
    const char *const *operands;
    size_t count;     /* 0: stdin */
    size_t at;        /* operand being read */
    uint32_t streams; /* streams begun so far, over all operands */
    uint32_t base;    /* number of the first stream of this operand */
    struct g4_stream_reader *reader;
    int fd;
    bool none;      /* no media at all */
    bool announced; /* the waiting notice is done with */
    bool warned;    /* about rows without a space id */
};

/* Decides where streams come from; opens nothing but what must be refused at once. expect and
 * operands are borrowed. */
int g4_decode_input_open(struct g4_decode_input *input, const struct g4_decode_expect *expect,
                         const char *const *operands, size_t count, bool no_media,
                         struct g4_err *err);
void g4_decode_input_close(struct g4_decode_input *input);

/* The next record; record->stream counts over all operands. G4_RECORD_EOF once, at the end of the
 * last. */
int g4_decode_input_next(struct g4_decode_input *input, struct g4_record *record,
                         struct g4_err *err);

/* Whether something has come that the next call would take: it need not wait for a beginning. */
bool g4_decode_input_ready(const struct g4_decode_input *input);

#endif

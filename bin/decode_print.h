/*
 * decode_print.h - answers in the four formats of g4-decode.
 *
 *     text    the answer as it grows, one newline; an empty line between answers
 *     tsv     source TAB text, one line each; tab, newline, carriage return as \t \n \r
 *     jsonl   one object per answer       json    one array of them
 */
#ifndef G4_BIN_DECODE_PRINT_H
#define G4_BIN_DECODE_PRINT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "bin/decode_options.h"
#include "bin/output.h"
#include "decoder/generate.h"

struct g4_printer {
    struct g4_output *output;
    const struct g4_decode_options *options;
    size_t answers;                      /* begun so far */
    size_t content_shown, thought_shown; /* bytes of the answer being streamed */
    bool failed;                         /* an error of the output: nothing more can be said */
};

/* What a finished answer is about. */
struct g4_answer_row {
    const char *source;                     /* NULL = null */
    int64_t segment;                        /* -1 = null */
    int64_t t0, t1;                         /* microseconds, -1 = null */
    const struct g4_generation *generation; /* NULL: an error row */
    const struct g4_ids *prompt_ids;
    double prefill_s, decode_s;
    const char *error; /* NULL = none */
};

void g4_printer_open(struct g4_printer *printer, struct g4_output *output,
                     const struct g4_decode_options *options);

/* While an answer grows: text format shows it at once, the others wait. */
int g4_printer_show(struct g4_printer *printer, const struct g4_generation *generation,
                    struct g4_err *err);

/* An answer, or an error row, is complete. */
int g4_printer_row(struct g4_printer *printer, const struct g4_answer_row *row, struct g4_err *err);

/* Behind the last one. */
int g4_printer_close(struct g4_printer *printer, struct g4_err *err);

#endif

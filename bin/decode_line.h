/*
 * decode_line.h - the units that were asked, in the order of their rows.
 *
 * As many as there are seats answer together. One that has its answer, or has failed, waits for its
 * turn; the answer of the first is shown while it grows.
 */
#ifndef G4_BIN_DECODE_LINE_H
#define G4_BIN_DECODE_LINE_H

#include "bin/decode_run.h"

struct g4_unit {
    struct g4_unit *next;    /* in the line */
    struct g4_asking asking; /* zeroed: it was not begun */
    char *name;              /* of its source */
    int64_t segment, t0, t1; /* as in its row */
    char *complaint;         /* about its source, for stderr; NULL: none */
    char *error;             /* of its row; NULL: it has an answer */
};

struct g4_line {
    struct g4_decode_run *run;
    struct g4_unit *first, *last;
    size_t growing;         /* units whose answers grow */
    size_t answers, tokens; /* printed so far */
    double seconds;         /* in which tokens were made */
};

/* Takes name, also on failure (NULL); name NULL: no memory. Segment and times are -1. */
struct g4_unit *g4_unit_new(char *name, struct g4_err *err);
void g4_unit_free(struct g4_unit *unit); /* NULL does nothing */

/* A unit whose answer has started, or that has an error, behind the others; takes it. Prints what
 * can be printed. All of these fail when the output does. */
int g4_line_add(struct g4_line *line, struct g4_unit *unit, struct g4_err *err);
/* A token for every answer that grows; prints what can be printed. */
int g4_line_advance(struct g4_line *line, struct g4_err *err);
/* The same until none grows: everything is printed then. */
int g4_line_finish(struct g4_line *line, struct g4_err *err);
void g4_line_release(struct g4_line *line);

#endif

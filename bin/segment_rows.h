/*
 * segment_rows.h - the soft rows of one segment while its records arrive, and the names of sources.
 */
#ifndef G4_BIN_SEGMENT_ROWS_H
#define G4_BIN_SEGMENT_ROWS_H

#include <stddef.h>
#include <stdint.h>

#include "lib/format/stream.h"

/* Rows so far; zero it first. */
struct g4_segment_rows {
    float *rows;            /* [count, width], owned */
    size_t count, capacity; /* rows */
};

/* Appends the rows of a ROWS record. */
int g4_segment_rows_add(struct g4_segment_rows *rows, const struct g4_record *record, size_t width,
                        struct g4_err *err);
/* Hands the rows over (the caller frees) and starts again empty. */
float *g4_segment_rows_take(struct g4_segment_rows *rows);
void g4_segment_rows_release(struct g4_segment_rows *rows);

/* What meta records told of the newest source. Zero it first. */
struct g4_source_name {
    char *name; /* NULL = not told; owned */
    long part;  /* -1 = none */
    uint32_t stream, source;
};

/* Takes a META record: remembers "source" and "part" when it carries them. */
int g4_source_name_read(struct g4_source_name *name, const struct g4_record *meta,
                        struct g4_err *err);
/* The name of a source as a string the caller frees: what was told, or its number. NULL: no memory.
 */
char *g4_source_name_of(const struct g4_source_name *name, uint32_t stream, uint32_t source);
void g4_source_name_release(struct g4_source_name *name);

#endif

/*
 * stream.h - the soft-token stream, bytes to records and back. The format is g4-stream(5); this
 * header repeats only what a caller needs.
 *
 *     file   = stream+
 *     stream = header (meta | TEXT | FAIL | SEGM ROWS* (SEGE | FAIL))* ENDS
 *
 * Every rule of the page is checked while reading: a record is handed out only after its header,
 * both checksums, its padding and the grammar up to it were found right. Memory of a reader is
 * bounded by one record (64 MiB of rows), whatever the bytes say, and grows only with bytes that
 * really came.
 */
#ifndef G4_FORMAT_STREAM_H
#define G4_FORMAT_STREAM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/base/err.h"

enum {
    G4_STREAM_UNIT = 64, /* everything is a multiple of this */
    G4_STREAM_ROWS_CAP = 64 << 20,
    G4_STREAM_TEXT_CAP = 1 << 20,
    G4_STREAM_META_CAP = 64 << 10, /* also FAIL */
    G4_STREAM_SEGMENT_ROWS = 65536,
    G4_STREAM_WIDTH = 65536,
};

enum g4_stream_dtype { G4_STREAM_BF16 = 1, G4_STREAM_F32 = 2 };
enum g4_stream_kind { G4_KIND_NONE = 0, G4_KIND_IMAGE = 1, G4_KIND_AUDIO = 2, G4_KIND_FRAME = 3 };

#define G4_STREAM_ROWS_UNKNOWN UINT32_MAX

struct g4_stream_head {
    enum g4_stream_dtype dtype;
    uint32_t width; /* elements per row; 0: only TEXT, meta, FAIL */
    uint8_t space_id[16];
    uint8_t encoder_id[16];
};

/* What SEGM announces and SEGE repeats. */
struct g4_segment {
    uint32_t number; /* set by the writer */
    uint32_t source;
    enum g4_stream_kind kind;
    int64_t t0, t1; /* microseconds; -1 = none / not known yet */
    uint32_t rows;  /* total, or G4_STREAM_ROWS_UNKNOWN (audio SEGM only) */
    uint16_t grid_w, grid_h;
    uint32_t us_per_row; /* audio: 40000, else 0 */
};

/* What the streams seen so far say about the decoder's input: streams of one file, and files that
 * are used together, must agree in width and space id; width 0 and zero ids agree with all. Begins
 * zeroed. */
struct g4_stream_space {
    uint32_t width;
    uint8_t space_id[16];
};

/* Adds a stream to `space`. G4_EINPUT, and nothing added, if it contradicts those before; the
 * caller prefixes the name. */
int g4_stream_agree(struct g4_stream_space *space, const struct g4_stream_head *head,
                    struct g4_err *err);

/* "bf16", "f32"; "image", "audio", "frame". */
const char *g4_stream_dtype_name(enum g4_stream_dtype dtype);
const char *g4_stream_kind_name(enum g4_stream_kind kind);

/* -------------------------------------------------------------------------------------- writing */

struct g4_stream_writer;

/* Writes the header to fd and keeps fd (not owned). Every record is one write, so a reader sees it
 * at once. A record that the format forbids (rows that do not add up, times that run backwards,
 * meta that is not one JSON object) is G4_EINPUT: nothing is written, and the writer may go on.
 * After a failed write (G4_EIO) every call fails. */
int g4_stream_writer_new(struct g4_stream_writer **writer, int fd,
                         const struct g4_stream_head *head, struct g4_err *err);
void g4_stream_writer_free(struct g4_stream_writer *writer);

int g4_stream_meta(struct g4_stream_writer *writer, uint32_t source, const char *json,
                   struct g4_err *err);
/* The first meta record of a stream: {"program","version","model"}. */
int g4_stream_meta_program(struct g4_stream_writer *writer, const char *program,
                           const char *version, const char *model, struct g4_err *err);
/* The meta record before a source's first SEGM or FAIL: {"source"}, with "part" unless part is -1.
 * The operand as given; what no file system could hold (over 8192 bytes) is cut. */
int g4_stream_meta_source(struct g4_stream_writer *writer, uint32_t source, const char *operand,
                          long part, struct g4_err *err);
/* n bytes, 1 or more, of UTF-8 without NUL. */
int g4_stream_text(struct g4_stream_writer *writer, uint32_t source, const char *text, size_t n,
                   struct g4_err *err);
/* segment->number is set. Sources are numbered 0, 1, 2 ... by their first SEGM or FAIL. */
int g4_stream_segm(struct g4_stream_writer *writer, struct g4_segment *segment, struct g4_err *err);
/* n rows of width floats, rounded to the stream's dtype; split into records under the cap. A value
 * that is not finite is G4_EINPUT and nothing is written. */
int g4_stream_rows(struct g4_stream_writer *writer, const float *rows, size_t n,
                   struct g4_err *err);
/* Closes the open segment; t1 is its end (-1 for images). */
int g4_stream_sege(struct g4_stream_writer *writer, int64_t t1, struct g4_err *err);
/* Also closes an open segment (then `source` is the segment's). The text is cut to the cap and made
 * valid UTF-8 without NUL. */
int g4_stream_fail(struct g4_stream_writer *writer, uint32_t source, const char *message,
                   struct g4_err *err);
int g4_stream_ends(struct g4_stream_writer *writer, struct g4_err *err);

/* The "source" string of a meta record for an operand as given: each backslash doubled, each byte
 * that is not UTF-8 as \xHH (before JSON escaping). The caller frees; NULL when out of memory. */
char *g4_stream_source_name(const char *operand);

/* -------------------------------------------------------------------------------------- reading */

enum g4_record_type {
    G4_RECORD_HEAD, /* a stream begins: record.head */
    G4_RECORD_META,
    G4_RECORD_TEXT,
    G4_RECORD_FAIL,
    G4_RECORD_SEGM,
    G4_RECORD_ROWS,
    G4_RECORD_SEGE,
    G4_RECORD_ENDS, /* a stream ended, counts agree */
    G4_RECORD_EOF,  /* the file ended properly (only after ENDS) */
};

struct g4_record {
    enum g4_record_type type;
    uint32_t stream;            /* 0, 1, ... in this file */
    uint32_t source;            /* of all records but HEAD, ENDS, EOF */
    struct g4_stream_head head; /* HEAD */
    struct g4_segment segment;  /* SEGM, ROWS, SEGE, and FAIL when it closes one */
    bool closes_segment;        /* FAIL inside a segment */
    const char *text;           /* META, TEXT, FAIL: bytes, NUL-terminated; until the next call */
    size_t text_bytes;
    const float *rows; /* ROWS: [row_count, width] widened; until the next call */
    size_t row_count;
};

struct g4_stream_reader;

/* name is for messages ("'a.g4s'", "stdin"). fd is not owned. Reads with read(2) only. */
int g4_stream_reader_new(struct g4_stream_reader **reader, int fd, const char *name,
                         struct g4_err *err);
void g4_stream_reader_free(struct g4_stream_reader *reader);

/* The first bytes of the file that were read so far, at most 64, for a hint after an error: 0 when
 * nothing came at all, else what the file seems to be instead. Until the reader is freed. */
const unsigned char *g4_stream_first_bytes(const struct g4_stream_reader *reader, size_t *n);

/* Next record. After G4_RECORD_EOF, or after an error, every call repeats it. Zero bytes in all:
 * G4_EINPUT "stdin: empty, no stream". Errors name file, record, field and value:
 *     'a.g4s': record 3 (ROWS): rows 0, at least 1 expected
 * Records are counted from 1 behind the stream header, streams too ("stream 2: record ..."). */
int g4_stream_next(struct g4_stream_reader *reader, struct g4_record *record, struct g4_err *err);

/* The whole "source" member of a meta record's JSON, or "program"/"model"; NULL if absent or not a
 * string. Refuses text that is not one JSON object. The caller frees *value. */
int g4_stream_meta_string(const struct g4_record *meta, const char *key, char **value,
                          struct g4_err *err);

/* "part" (a number) of a meta record, -1 if absent. */
int g4_stream_meta_part(const struct g4_record *meta, long *part, struct g4_err *err);

#endif

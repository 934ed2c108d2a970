/*
 * stream_rules.h - the rules of the stream format, for the reader and the writer alike.
 *
 * Headers are checked field by field against the page and against everything that came before; the
 * messages name field and value. Nothing here reads or writes.
 */
#ifndef G4_FORMAT_STREAM_RULES_H
#define G4_FORMAT_STREAM_RULES_H

#include "lib/format/stream_layout.h"

/* Everything earlier records of a stream say about what may come next. Zeroed but for head. */
struct g4_stream_rules {
    struct g4_stream_head head;
    bool in_segment;
    struct g4_segment open; /* what SEGM announced */
    uint32_t rows;          /* of the open segment so far */
    uint64_t segments, total_rows;
    uint64_t sources;   /* begun by SEGM or FAIL: numbers 0..sources-1 */
    bool source_failed; /* the source of the newest SEGM has a FAIL */
    uint32_t source;    /* of the newest SEGM */
    int64_t t0;         /* of the newest SEGM */
    bool has_meta;
    bool ended;
};

/* Magic, version, checksum and fields of a stream header. *header_bytes: 64, or more with a higher
 * minor version (then the caller reads and checks the rest). */
int g4_stream_check_head(struct g4_stream_head *head, size_t *header_bytes,
                         const unsigned char *bytes, struct g4_err *err);

/* Checks a record header whose checksum is right against the format and everything before it, and
 * takes note of it. Nothing is noted on an error. */
int g4_stream_check_record(struct g4_stream_rules *rules, const struct g4_record_header *record,
                           struct g4_err *err);

/* Checks of payloads. ENDS [16]; TEXT and FAIL; meta (one JSON object; the first one of a stream
 * names program, version and model). */
int g4_stream_check_ends(const struct g4_stream_rules *rules, const unsigned char *payload,
                         struct g4_err *err);
int g4_stream_check_text(const char *text, size_t n, struct g4_err *err);
int g4_stream_check_meta(struct g4_stream_rules *rules, const char *text, size_t n,
                         struct g4_err *err);

#endif

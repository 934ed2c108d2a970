/*
 * json_scan.h - reading JSON of many megabytes in one pass, without a tree.
 *
 * The caller walks the document and takes what it expects:
 *
 *     g4_json_scan_enter(s, '{'); while (g4_json_scan_member(s, &key, &n) == 1) one value
 *     g4_json_scan_enter(s, '['); while (g4_json_scan_element(s) == 1)          one value
 *
 * As strict as a parser that builds trees: UTF-8, escapes, numbers, control characters, commas,
 * nothing behind the end. Only what the caller skips is not searched for duplicate keys. Copying
 * the struct before a value and going back to the copy reads that value again. Errors read:
 * 'tokenizer.json': line 12 column 34: expected a string
 */
#ifndef G4_FORMAT_JSON_SCAN_H
#define G4_FORMAT_JSON_SCAN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/base/err.h"

enum { G4_JSON_SCAN_DEPTH = 64 };

struct g4_json_scan {
    const char *what;             /* names the document in messages; borrowed */
    const char *begin, *at, *end; /* the bytes; borrowed */
    bool opened;                  /* an object or array was just entered: no comma is due */
};

/* Begins at the first byte. */
void g4_json_scan_open(struct g4_json_scan *scan, const char *what, const char *bytes, size_t n);

/* Where the scan stands, for messages. Counts from the beginning. */
void g4_json_scan_where(const struct g4_json_scan *scan, size_t *line, size_t *column);

/* "'what': line L column C: " and the formatted text; returns G4_EINPUT. */
int g4_json_scan_refuse(const struct g4_json_scan *scan, struct g4_err *err, const char *format,
                        ...) __attribute__((format(printf, 3, 4)));

/* First character of the value that comes next; 0 at the end of the bytes. */
char g4_json_scan_peek(struct g4_json_scan *scan);

/* Steps into an object ('{') or an array ('['). */
int g4_json_scan_enter(struct g4_json_scan *scan, char open, struct g4_err *err);

/* A string as it stands in the document, without its quotes; escapes are still escapes. */
struct g4_json_span {
    const char *text;
    size_t n;
};

/* 1: there is a member (its key in *key), or an element, whose value must be taken next; 0: the
 * object or array ended and was left; negative: malformed. */
int g4_json_scan_member(struct g4_json_scan *scan, struct g4_json_span *key, struct g4_err *err);
int g4_json_scan_element(struct g4_json_scan *scan, struct g4_err *err);

/* Whether a raw string is the ASCII word `text`, spelled without escapes. */
bool g4_json_span_is(const struct g4_json_span *span, const char *text);

/* Takes a string, checked. */
int g4_json_scan_string(struct g4_json_scan *scan, struct g4_json_span *string, struct g4_err *err);

/* Decodes the escapes of a checked string into out (room for span->n bytes); returns the length. A
 * NUL escape gives a NUL byte. */
size_t g4_json_span_decode(const struct g4_json_span *span, char *out);

/* Takes an integer in min..max, spelled without fraction and exponent. */
int g4_json_scan_int(struct g4_json_scan *scan, int64_t min, int64_t max, int64_t *out,
                     struct g4_err *err);

/* Takes any value and gives its bytes (span may be NULL). */
int g4_json_scan_skip(struct g4_json_scan *scan, struct g4_json_span *span, struct g4_err *err);

/* Only white space is left. */
int g4_json_scan_finish(struct g4_json_scan *scan, struct g4_err *err);

#endif

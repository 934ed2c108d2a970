/*
 * json_read.h - reading untrusted JSON with messages that name the place.
 *
 * jansson does the parsing; this adds what it lacks: a limit on depth and on string length before
 * anything is allocated, duplicate keys refused, and getters whose errors read
 *     'config.json': text_config.hidden_size: expected an integer in 1..65536, got "x"
 */
#ifndef G4_FORMAT_JSON_READ_H
#define G4_FORMAT_JSON_READ_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/base/err.h"

/* Most levels of nesting, bytes of a string as written, values of a document. */
enum { G4_JSON_DEPTH = 64, G4_JSON_STRING = 16 << 20, G4_JSON_VALUES = 4 << 20 };

/* Parses n bytes, an object or an array; `what` names them in messages. The caller json_decref()s
 * *out, which is NULL after an error. After G4_ENOMEM memory has leaked: the program is to end.
 * Sets jansson's allocator (json_set_alloc_funcs). */
int g4_json_parse(json_t **out, const char *bytes, size_t n, const char *what, struct g4_err *err);

/* The same for a file of at most `limit` bytes. */
int g4_json_load(json_t **out, const char *path, size_t limit, struct g4_err *err);

/*
 * A place in a document, for messages: what file, and the dotted path of `object` in it ("" =
 * root). The getters below return 0, or G4_EINPUT with a message. A member that is missing or null
 * leaves *out untouched when it is optional, and is an error when `required`.
 */
struct g4_json_at {
    const char *what; /* file name for messages */
    const char *path; /* dotted path of object */
    const json_t *object;
};

int g4_json_int(const struct g4_json_at *at, const char *key, bool required, int64_t min,
                int64_t max, int64_t *out, struct g4_err *err);
int g4_json_number(const struct g4_json_at *at, const char *key, bool required, double min,
                   double max, double *out, struct g4_err *err);
int g4_json_bool(const struct g4_json_at *at, const char *key, bool required, bool *out,
                 struct g4_err *err);
/* *out is borrowed from the document. */
int g4_json_string(const struct g4_json_at *at, const char *key, bool required, const char **out,
                   struct g4_err *err);
/* *out is borrowed; type is JSON_OBJECT or JSON_ARRAY. */
int g4_json_child(const struct g4_json_at *at, const char *key, bool required, json_type type,
                  const json_t **out, struct g4_err *err);

/* For callers with rules of their own: "'what': path.key: expected FORMAT, got VALUE" (or "missing,
 * expected FORMAT"). Returns G4_EINPUT. */
int g4_json_refuse(const struct g4_json_at *at, const char *key, struct g4_err *err,
                   const char *format, ...) __attribute__((format(printf, 4, 5)));

#endif

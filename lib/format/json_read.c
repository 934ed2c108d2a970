/*
 * json_read.c - JSON from strangers.
 *
 * One pass over the bytes counts depth, values and string lengths before jansson allocates
 * anything: jansson recurses up to 2048 levels and spends some 200 bytes on a value of two.
 */
#include "lib/format/json_read.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/file.h"
#include "lib/base/utf8.h"

struct place {
    size_t line, column;
};

static struct place place_of(const char *bytes, size_t at)
{
    struct place place = {1, 1};
    for (size_t i = 0; i < at; i++) {
        place.column++;
        if (bytes[i] == '\n')
            place = (struct place){place.line + 1, 1};
    }
    return place;
}

static int refuse_at(const char *bytes, size_t at, const char *what, const char *why, long limit,
                     struct g4_err *err)
{
    struct place place = place_of(bytes, at);
    return g4_err_set(err, G4_EINPUT, "'%s': line %zu column %zu: %s %ld", what, place.line,
                      place.column, why, limit);
}

/* The index behind the closing quote of the string whose first character is bytes[at]. */
static size_t string_end(const char *bytes, size_t n, size_t at)
{
    while (at < n && bytes[at] != '"')
        at += bytes[at] == '\\' ? 2 : 1;
    return at < n ? at + 1 : n;
}

static int prescan(const char *bytes, size_t n, const char *what, struct g4_err *err)
{
    size_t values = 1;
    int depth = 0;
    for (size_t i = 0; i < n; i++) {
        switch (bytes[i]) {
        case '"': {
            size_t end = string_end(bytes, n, i + 1);
            if (end - i > (size_t)G4_JSON_STRING + 2)
                return refuse_at(bytes, i, what, "a string longer than", G4_JSON_STRING, err);
            i = end - 1;
            break;
        }
        case '{':
        case '[':
            values++;
            if (++depth > G4_JSON_DEPTH)
                return refuse_at(bytes, i, what, "nested deeper than", G4_JSON_DEPTH, err);
            break;
        case '}':
        case ']': depth--; break;
        case ',': values++; break;
        default: break;
        }
        if (values > G4_JSON_VALUES)
            return refuse_at(bytes, i, what, "more values than", G4_JSON_VALUES, err);
    }
    return 0;
}

/*
 * jansson does not survive every failed allocation: while it parses, a failure jumps out instead.
 * What was allocated until then is lost, to a program that is about to end for lack of memory.
 */
static _Thread_local jmp_buf *out_of_memory;

static void *allocate(size_t size)
{
    void *memory = malloc(size);
    if (!memory && out_of_memory)
        longjmp(*out_of_memory, 1);
    return memory;
}

/* json_loadb, and false when memory ran out. */
static bool load_bytes(json_t **out, const char *bytes, size_t n, json_error_t *error)
{
    jmp_buf here;
    json_set_alloc_funcs(allocate, free);
    out_of_memory = &here;
    bool done = setjmp(here) == 0;
    if (done)
        *out = json_loadb(bytes, n, JSON_REJECT_DUPLICATES, error);
    out_of_memory = NULL;
    return done;
}

int g4_json_parse(json_t **out, const char *bytes, size_t n, const char *what, struct g4_err *err)
{
    json_error_t error;
    *out = NULL;
    int status = prescan(bytes, n, what, err);
    if (status < 0)
        return status;
    if (!load_bytes(out, bytes, n, &error))
        return g4_err_nomem(err, n, what);
    if (*out)
        return 0;
    if (n == 0)
        return g4_err_set(err, G4_EINPUT, "'%s': empty, expected JSON", what);
    return g4_err_set(err, G4_EINPUT, "'%s': line %d column %d: %s", what, error.line, error.column,
                      error.text);
}

int g4_json_load(json_t **out, const char *path, size_t limit, struct g4_err *err)
{
    char *bytes;
    size_t n;
    *out = NULL;
    int status = g4_read_file(&bytes, &n, path, limit, err);
    if (status < 0)
        return status;
    status = g4_json_parse(out, bytes, n, path, err);
    free(bytes);
    return status;
}

/* What stands there, short enough for a message. */
static const char *shown(const json_t *value, char *out, size_t size)
{
    char text[64];
    switch (value ? (int)json_typeof(value) : -1) {
    case JSON_OBJECT: return "an object";
    case JSON_ARRAY: return "an array";
    case JSON_NULL: return "null";
    case JSON_TRUE: return "true";
    case JSON_FALSE: return "false";
    case JSON_INTEGER:
        snprintf(out, size, "%" JSON_INTEGER_FORMAT, json_integer_value(value));
        return out;
    case JSON_REAL: snprintf(out, size, "%g", json_real_value(value)); return out;
    case JSON_STRING:
        g4_utf8_safe(text, sizeof text, json_string_value(value), json_string_length(value));
        snprintf(out, size, "\"%s\"", text);
        return out;
    default: return "nothing";
    }
}

int g4_json_refuse(const struct g4_json_at *at, const char *key, struct g4_err *err,
                   const char *format, ...)
{
    char expected[160], got[96];
    va_list args;
    va_start(args, format);
    vsnprintf(expected, sizeof expected, format, args);
    va_end(args);
    const json_t *value = json_object_get(at->object, key);
    const char *dot = at->path[0] ? "." : "";
    if (!value)
        return g4_err_set(err, G4_EINPUT, "'%s': %s%s%s: missing, expected %s", at->what, at->path,
                          dot, key, expected);
    return g4_err_set(err, G4_EINPUT, "'%s': %s%s%s: expected %s, got %s", at->what, at->path, dot,
                      key, expected, shown(value, got, sizeof got));
}

/* The member; NULL when it is missing or null, and *status says whether that is an error. */
static const json_t *member(const struct g4_json_at *at, const char *key, bool required,
                            const char *expected, int *status, struct g4_err *err)
{
    const json_t *value = json_object_get(at->object, key);
    *status = 0;
    if (value && !json_is_null(value))
        return value;
    if (required)
        *status = g4_json_refuse(at, key, err, "%s", expected);
    return NULL;
}

int g4_json_int(const struct g4_json_at *at, const char *key, bool required, int64_t min,
                int64_t max, int64_t *out, struct g4_err *err)
{
    char expected[80];
    int status;
    snprintf(expected, sizeof expected, "an integer in %lld..%lld", (long long)min, (long long)max);
    const json_t *value = member(at, key, required, expected, &status, err);
    if (!value)
        return status;
    if (!json_is_integer(value) || json_integer_value(value) < min ||
        json_integer_value(value) > max)
        return g4_json_refuse(at, key, err, "%s", expected);
    *out = json_integer_value(value);
    return 0;
}

int g4_json_number(const struct g4_json_at *at, const char *key, bool required, double min,
                   double max, double *out, struct g4_err *err)
{
    char expected[80];
    int status;
    snprintf(expected, sizeof expected, "a number in %g..%g", min, max);
    const json_t *value = member(at, key, required, expected, &status, err);
    if (!value)
        return status;
    double number = json_number_value(value);
    if (!json_is_number(value) || !(number >= min && number <= max))
        return g4_json_refuse(at, key, err, "%s", expected);
    *out = number;
    return 0;
}

int g4_json_bool(const struct g4_json_at *at, const char *key, bool required, bool *out,
                 struct g4_err *err)
{
    int status;
    const json_t *value = member(at, key, required, "true or false", &status, err);
    if (!value)
        return status;
    if (!json_is_boolean(value))
        return g4_json_refuse(at, key, err, "true or false");
    *out = json_is_true(value);
    return 0;
}

int g4_json_string(const struct g4_json_at *at, const char *key, bool required, const char **out,
                   struct g4_err *err)
{
    int status;
    const json_t *value = member(at, key, required, "a string", &status, err);
    if (!value)
        return status;
    if (!json_is_string(value))
        return g4_json_refuse(at, key, err, "a string");
    *out = json_string_value(value);
    return 0;
}

int g4_json_child(const struct g4_json_at *at, const char *key, bool required, json_type type,
                  const json_t **out, struct g4_err *err)
{
    const char *expected = type == JSON_OBJECT ? "an object" : "an array";
    int status;
    const json_t *value = member(at, key, required, expected, &status, err);
    if (!value)
        return status;
    if (json_typeof(value) != type)
        return g4_json_refuse(at, key, err, "%s", expected);
    *out = value;
    return 0;
}

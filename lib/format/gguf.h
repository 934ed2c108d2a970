/*
 * gguf.h - one GGUF file (version 2 or 3) as metadata and a table of tensors.
 *
 *     "GGUF" | u32 version | i64 tensors | i64 values
 *     values x   { string key, u32 type, value }
 *     tensors x  { string name, u32 dims, i64 ne[dims], u32 type, u64 offset }
 *     zeros up to the next multiple of general.alignment (32 unless stated) | data
 *     string = u64 n, n bytes;  array = u32 element type, u64 count, elements
 *
 * All little-endian, nothing aligned before the data. ne counts the fastest axis first; a tensor's
 * shape here is turned round, so a matrix that multiplies from the left is [out, in] as everywhere
 * in this program. Axes of one element behind the last longer one, which some writers state and
 * others do not, are dropped down to two dimensions. dims 0 is one element.
 *
 * Every count, length, type and offset is checked against the file before it is used; what was
 * handed out lies inside the mapping. Keys and tensor names are unique; arrays of arrays, version 1
 * and big-endian files are refused.
 */
#ifndef G4_FORMAT_GGUF_H
#define G4_FORMAT_GGUF_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/base/err.h"
#include "lib/base/file.h"
#include "lib/tensor/tensor.h"

enum {
    G4_GGUF_TENSORS = 65536,
    G4_GGUF_VALUES = 65536,
    G4_GGUF_KEY = 65535,     /* bytes of a key */
    G4_GGUF_NAME = 255,      /* bytes of a tensor's name (writers keep below 64) */
    G4_GGUF_ARRAY = 1 << 24, /* elements of an array */
};

enum g4_gguf_type {
    G4_GGUF_U8,
    G4_GGUF_I8,
    G4_GGUF_U16,
    G4_GGUF_I16,
    G4_GGUF_U32,
    G4_GGUF_I32,
    G4_GGUF_F32,
    G4_GGUF_BOOL,
    G4_GGUF_STRING,
    G4_GGUF_ARRAY_OF,
    G4_GGUF_U64,
    G4_GGUF_I64,
    G4_GGUF_F64,
    G4_GGUF_TYPES
};

/* Bytes in the mapping, not terminated. */
struct g4_gguf_text {
    const char *text;
    size_t n;
};

struct g4_gguf_value {
    const char *key;        /* terminated; owned by the table */
    enum g4_gguf_type type; /* of the value, or of an array's elements; never ARRAY_OF */
    bool array;
    size_t count;              /* elements; 1 for what is no array */
    const unsigned char *data; /* first element, unaligned */
    const unsigned char *end;  /* behind the last */
};

struct g4_gguf {
    struct g4_map map;
    char *path; /* for messages; owned */
    uint32_t version;
    size_t alignment;
    struct g4_gguf_value *values; /* sorted by key */
    size_t value_count;
    struct g4_tensor *tensors; /* sorted by name; names are owned here */
    size_t count;
    char *names; /* backing store of keys and names */
};

/* Maps and checks `path`. On failure *file is zeroed and needs no close. G4_EUNSUPPORTED: another
 * version, big-endian, an array of arrays; a tensor in a type this program cannot read (the message
 * names tensor and type). */
int g4_gguf_open(struct g4_gguf *file, const char *path, struct g4_err *err);

/* The same for `size` bytes in memory, which must outlive *file; `what` names them in messages. */
int g4_gguf_parse(struct g4_gguf *file, const unsigned char *bytes, size_t size, const char *what,
                  struct g4_err *err);

void g4_gguf_close(struct g4_gguf *file); /* safe on a zeroed struct */

/* Binary search; NULL when there is none. */
const struct g4_tensor *g4_gguf_find(const struct g4_gguf *file, const char *name);
const struct g4_gguf_value *g4_gguf_value(const struct g4_gguf *file, const char *key);

/*
 * Getters. Integers may be stored in any integer type, numbers in any number type. A value that is
 * missing leaves *out untouched when it is optional, and is an error when `required`; one of
 * another type or out of range is an error: "'x.gguf': gemma4.block_count: expected an integer in
 * 1..1024, got 4096".
 */
int g4_gguf_int(const struct g4_gguf *file, const char *key, bool required, int64_t min,
                int64_t max, int64_t *out, struct g4_err *err);
int g4_gguf_number(const struct g4_gguf *file, const char *key, bool required, double min,
                   double max, double *out, struct g4_err *err);
int g4_gguf_bool(const struct g4_gguf *file, const char *key, bool required, bool *out,
                 struct g4_err *err);
int g4_gguf_string(const struct g4_gguf *file, const char *key, bool required,
                   struct g4_gguf_text *out, struct g4_err *err);

/* A list of n integers (or booleans as 0 and 1): an array of exactly n, or one value that stands
 * for all. Missing and optional: out untouched; after an error its first elements may be set. */
int g4_gguf_ints(const struct g4_gguf *file, const char *key, bool required, size_t n, int64_t min,
                 int64_t max, int64_t *out, struct g4_err *err);

/* Integer element i of an array of integers or booleans (asserted); what is beyond int64_t is its
 * largest number. */
int64_t g4_gguf_int_at(const struct g4_gguf_value *array, size_t i);

/* Walks an array of strings: *at starts NULL and is moved on; false behind the last. */
bool g4_gguf_next_string(const struct g4_gguf_value *array, const unsigned char **at,
                         struct g4_gguf_text *out);

/* Whether a text is exactly this word. */
bool g4_gguf_text_is(const struct g4_gguf_text *text, const char *word);

#endif

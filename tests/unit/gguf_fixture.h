/*
 * gguf_fixture.h - writes small GGUF files, good and bad, in memory.
 *
 *     gguf_begin -> gguf_put_* (values) -> gguf_tensor ... -> gguf_end: exactly sized bytes
 *
 * Counts and offsets are filled in; what should be wrong is written with the raw functions, or
 * patched afterwards.
 */
#ifndef G4_TESTS_UNIT_GGUF_FIXTURE_H
#define G4_TESTS_UNIT_GGUF_FIXTURE_H

#include "tests/unit/model_fixture.h"

#include "lib/format/gguf.h"
#include "lib/format/gguf_type.h"

/* Places in the head of a file. */
enum { GGUF_AT_VERSION = 4, GGUF_AT_TENSORS = 8, GGUF_AT_VALUES = 16, GGUF_HEAD = 24 };

struct gguf_fixture {
    unsigned char *bytes;
    size_t n;
    uint64_t values, tensors, offset; /* offset: of the next tensor */
    size_t alignment;
};

static inline void gguf_raw(struct gguf_fixture *g, const void *bytes, size_t n)
{
    g->bytes = realloc(g->bytes, g->n + n + 1);
    assert_non_null(g->bytes);
    if (n > 0)
        memcpy(g->bytes + g->n, bytes, n);
    g->n += n;
}

static inline void gguf_u32(struct gguf_fixture *g, uint32_t value)
{
    gguf_raw(g, &value, sizeof value);
}

static inline void gguf_u64(struct gguf_fixture *g, uint64_t value)
{
    gguf_raw(g, &value, sizeof value);
}

static inline void gguf_text(struct gguf_fixture *g, const char *text)
{
    gguf_u64(g, strlen(text));
    gguf_raw(g, text, strlen(text));
}

static inline void gguf_begin(struct gguf_fixture *g)
{
    *g = (struct gguf_fixture){.alignment = 32};
    gguf_raw(g, "GGUF", 4);
    gguf_u32(g, 3);
    gguf_u64(g, 0);
    gguf_u64(g, 0);
}

/* Key and type of a value whose bytes follow. */
static inline void gguf_key(struct gguf_fixture *g, const char *key, uint32_t type)
{
    gguf_text(g, key);
    gguf_u32(g, type);
    g->values++;
}

static inline void gguf_put(struct gguf_fixture *g, const char *key, uint32_t type,
                            const void *value, size_t n)
{
    gguf_key(g, key, type);
    gguf_raw(g, value, n);
}

static inline void gguf_put_u32(struct gguf_fixture *g, const char *key, uint32_t value)
{
    gguf_put(g, key, G4_GGUF_U32, &value, sizeof value);
}

static inline void gguf_put_i32(struct gguf_fixture *g, const char *key, int32_t value)
{
    gguf_put(g, key, G4_GGUF_I32, &value, sizeof value);
}

static inline void gguf_put_u64(struct gguf_fixture *g, const char *key, uint64_t value)
{
    gguf_put(g, key, G4_GGUF_U64, &value, sizeof value);
}

static inline void gguf_put_f32(struct gguf_fixture *g, const char *key, float value)
{
    gguf_put(g, key, G4_GGUF_F32, &value, sizeof value);
}

static inline void gguf_put_bool(struct gguf_fixture *g, const char *key, unsigned char value)
{
    gguf_put(g, key, G4_GGUF_BOOL, &value, sizeof value);
}

static inline void gguf_put_string(struct gguf_fixture *g, const char *key, const char *text)
{
    gguf_key(g, key, G4_GGUF_STRING);
    gguf_text(g, text);
}

/* An array whose elements follow. */
static inline void gguf_array(struct gguf_fixture *g, const char *key, uint32_t type,
                              uint64_t count)
{
    gguf_key(g, key, G4_GGUF_ARRAY_OF);
    gguf_u32(g, type);
    gguf_u64(g, count);
}

static inline void gguf_put_strings(struct gguf_fixture *g, const char *key, size_t n,
                                    const char *const *texts)
{
    gguf_array(g, key, G4_GGUF_STRING, n);
    for (size_t i = 0; i < n; i++)
        gguf_text(g, texts[i]);
}

static inline void gguf_put_i32s(struct gguf_fixture *g, const char *key, size_t n,
                                 const int32_t *values)
{
    gguf_array(g, key, G4_GGUF_I32, n);
    gguf_raw(g, values, n * sizeof *values);
}

static inline void gguf_put_f32s(struct gguf_fixture *g, const char *key, size_t n,
                                 const float *values)
{
    gguf_array(g, key, G4_GGUF_F32, n);
    gguf_raw(g, values, n * sizeof *values);
}

static inline void gguf_put_bools(struct gguf_fixture *g, const char *key, size_t n,
                                  const unsigned char *values)
{
    gguf_array(g, key, G4_GGUF_BOOL, n);
    gguf_raw(g, values, n);
}

/* A tensor as it is announced, whatever that may be. */
static inline void gguf_announce(struct gguf_fixture *g, const char *name, uint32_t dims,
                                 const int64_t *ne, uint32_t type, uint64_t offset)
{
    gguf_text(g, name);
    gguf_u32(g, dims);
    gguf_raw(g, ne, dims * sizeof *ne);
    gguf_u32(g, type);
    gguf_u64(g, offset);
    g->tensors++;
}

/* A tensor in its place behind the last. ne counts the fastest axis first, as in the file. */
static inline void gguf_tensor(struct gguf_fixture *g, const char *name, enum g4_dtype dtype,
                               uint32_t dims, const int64_t *ne)
{
    uint32_t type;
    size_t bytes;
    assert_true(g4_gguf_type_id(dtype, &type));
    assert_true(g4_dtype_row_bytes(dtype, dims ? (size_t)ne[0] : 1, &bytes));
    for (uint32_t i = 1; i < dims; i++)
        bytes *= (size_t)ne[i];
    g->offset = (g->offset + g->alignment - 1) / g->alignment * g->alignment;
    gguf_announce(g, name, dims, ne, type, g->offset);
    g->offset += bytes;
}

/*
 * The file: exactly *size bytes for the caller to free; no padding behind the last tensor. The data
 * are bytes counting 0..63 again and again: as floats of any width they are finite and small.
 */
static inline unsigned char *gguf_end(struct gguf_fixture *g, size_t *size)
{
    memcpy(g->bytes + GGUF_AT_TENSORS, &g->tensors, sizeof g->tensors);
    memcpy(g->bytes + GGUF_AT_VALUES, &g->values, sizeof g->values);
    const size_t rest = g->n % g->alignment, data = (size_t)g->offset;
    const size_t padding = g->tensors > 0 && rest > 0 ? g->alignment - rest : 0;
    *size = g->n + padding + data;
    unsigned char *bytes = calloc(1, *size);
    assert_non_null(bytes);
    memcpy(bytes, g->bytes, g->n);
    for (size_t i = 0; i < data; i++)
        bytes[g->n + padding + i] = i % 64;
    free(g->bytes);
    *g = (struct gguf_fixture){0};
    return bytes;
}

/* The same into folder/name. */
static inline void gguf_end_file(struct gguf_fixture *g, const char *folder, const char *name)
{
    size_t size;
    unsigned char *bytes = gguf_end(g, &size);
    fixture_write(folder, name, bytes, size);
    free(bytes);
}

#endif

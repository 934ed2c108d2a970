/*
 * gguf_write.c - a header in memory, then data as it comes.
 */
#include "lib/format/gguf_write.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/file.h"
#include "lib/base/mem.h"
#include "lib/format/gguf_type.h"

enum { ALIGNMENT = 32, VERSION = 3, DIMS = 4 };

struct bytes {
    unsigned char *p;
    size_t n, capacity;
};

/* A key or a tensor's name, where it stands in its buffer. */
struct name {
    size_t at, n;
};

struct g4_gguf_writer {
    int fd;
    char *what;
    struct bytes values, infos;      /* as they will be written */
    struct bytes keys, names, sizes; /* struct name each; size_t each */
    size_t strings;                  /* elements still to come of an array of strings */
    uint64_t data;                   /* bytes announced, with padding */
    size_t turn, done;               /* tensor whose data comes next, and its bytes so far */
    struct g4_err broken;            /* the first error; code 0 = none */
};

int g4_gguf_writer_new(struct g4_gguf_writer **writer, int fd, const char *what, struct g4_err *err)
{
    int status = g4_alloc((void **)writer, 1, sizeof **writer, what, err);
    if (status < 0)
        return status;
    (*writer)->fd = fd;
    (*writer)->what = strdup(what);
    if ((*writer)->what)
        return 0;
    g4_gguf_writer_free(*writer);
    *writer = NULL;
    return g4_err_nomem(err, strlen(what), what);
}

void g4_gguf_writer_free(struct g4_gguf_writer *writer)
{
    if (!writer)
        return;
    free(writer->values.p);
    free(writer->infos.p);
    free(writer->keys.p);
    free(writer->names.p);
    free(writer->sizes.p);
    free(writer->what);
    free(writer);
}

/* After the first failure nothing is added. */
static void put(struct g4_gguf_writer *writer, struct bytes *to, const void *from, size_t n)
{
    if (writer->broken.code < 0)
        return;
    if (n > to->capacity - to->n) {
        size_t capacity = 0;
        unsigned char *grown = NULL;
        if (g4_add_size(to->n, n, &capacity) && g4_mul_size(capacity, 2, &capacity))
            grown = realloc(to->p, capacity);
        if (!grown) {
            g4_err_nomem(&writer->broken, capacity, writer->what);
            return;
        }
        to->p = grown;
        to->capacity = capacity;
    }
    if (n)
        memcpy(to->p + to->n, from, n);
    to->n += n;
}

static void put_number(struct g4_gguf_writer *writer, struct bytes *to, uint64_t value, size_t n)
{
    put(writer, to, &value, n); /* little-endian, as the machine is */
}

static void put_text(struct g4_gguf_writer *writer, struct bytes *to, const char *text, size_t n)
{
    put_number(writer, to, n, 8);
    put(writer, to, text, n);
}

/* The text, and where it stands, so that one that is there twice can be found. */
static void put_name(struct g4_gguf_writer *writer, struct bytes *to, struct bytes *list,
                     const char *text)
{
    const struct name name = {to->n + 8, strlen(text)};
    assert(name.n > 0 && name.n <= G4_GGUF_KEY);
    put_text(writer, to, text, name.n);
    put(writer, list, &name, sizeof name);
}

static void put_key(struct g4_gguf_writer *writer, const char *key, enum g4_gguf_type type)
{
    assert(writer->strings == 0);
    put_name(writer, &writer->values, &writer->keys, key);
    put_number(writer, &writer->values, type, 4);
}

static void put_array(struct g4_gguf_writer *writer, const char *key, enum g4_gguf_type type,
                      size_t n)
{
    assert(n <= G4_GGUF_ARRAY);
    put_key(writer, key, G4_GGUF_ARRAY_OF);
    put_number(writer, &writer->values, type, 4);
    put_number(writer, &writer->values, n, 8);
}

void g4_gguf_put_string(struct g4_gguf_writer *writer, const char *key, const char *text)
{
    put_key(writer, key, G4_GGUF_STRING);
    put_text(writer, &writer->values, text, strlen(text));
}

void g4_gguf_put_u32(struct g4_gguf_writer *writer, const char *key, uint32_t value)
{
    put_key(writer, key, G4_GGUF_U32);
    put(writer, &writer->values, &value, sizeof value);
}

void g4_gguf_put_i32(struct g4_gguf_writer *writer, const char *key, int32_t value)
{
    put_key(writer, key, G4_GGUF_I32);
    put(writer, &writer->values, &value, sizeof value);
}

void g4_gguf_put_f32(struct g4_gguf_writer *writer, const char *key, float value)
{
    put_key(writer, key, G4_GGUF_F32);
    put(writer, &writer->values, &value, sizeof value);
}

void g4_gguf_put_bool(struct g4_gguf_writer *writer, const char *key, bool value)
{
    put_key(writer, key, G4_GGUF_BOOL);
    put_number(writer, &writer->values, value, 1);
}

void g4_gguf_put_i32s(struct g4_gguf_writer *writer, const char *key, const int32_t *values,
                      size_t n)
{
    put_array(writer, key, G4_GGUF_I32, n);
    put(writer, &writer->values, values, n * sizeof *values);
}

void g4_gguf_put_f32s(struct g4_gguf_writer *writer, const char *key, const float *values, size_t n)
{
    put_array(writer, key, G4_GGUF_F32, n);
    put(writer, &writer->values, values, n * sizeof *values);
}

void g4_gguf_put_bools(struct g4_gguf_writer *writer, const char *key, const bool *values, size_t n)
{
    put_array(writer, key, G4_GGUF_BOOL, n);
    for (size_t i = 0; i < n; i++)
        put_number(writer, &writer->values, values[i], 1);
}

void g4_gguf_put_strings(struct g4_gguf_writer *writer, const char *key, size_t n)
{
    put_array(writer, key, G4_GGUF_STRING, n);
    writer->strings = n;
}

void g4_gguf_put_element(struct g4_gguf_writer *writer, const char *text, size_t n)
{
    assert(writer->strings > 0);
    writer->strings--;
    put_text(writer, &writer->values, text, n);
}

void g4_gguf_put_value(struct g4_gguf_writer *writer, const struct g4_gguf_value *value)
{
    if (value->array)
        put_array(writer, value->key, value->type, value->count);
    else
        put_key(writer, value->key, value->type);
    put(writer, &writer->values, value->data, (size_t)(value->end - value->data));
}

int g4_gguf_announce(struct g4_gguf_writer *writer, const char *name, enum g4_dtype dtype, int dims,
                     const size_t *shape, size_t *bytes, struct g4_err *err)
{
    uint32_t type = 0;
    size_t count = 1, padded;
    assert(dims >= 1 && dims <= DIMS);
    bool fits = g4_gguf_type_id(dtype, &type);
    assert(fits); /* whoever announces chose among the types these files have */
    for (int i = 0; i < dims; i++)
        fits = fits && g4_mul_size(count, shape[i], &count);
    fits = fits && g4_dtype_row_bytes(dtype, shape[dims - 1], &padded); /* whole blocks */
    fits = fits && g4_dtype_row_bytes(dtype, count, bytes);
    fits = fits && g4_add_size(*bytes, ALIGNMENT - 1, &padded);
    padded = fits ? padded / ALIGNMENT * ALIGNMENT : 0;
    if (!fits || padded > INT64_MAX - writer->data)
        return g4_err_set(err, G4_EINPUT, "'%s': tensor '%s': too large, or rows of broken blocks",
                          writer->what, name);
    put_name(writer, &writer->infos, &writer->names, name);
    put_number(writer, &writer->infos, (uint64_t)dims, 4);
    for (int i = dims - 1; i >= 0; i--)
        put_number(writer, &writer->infos, shape[i], 8);
    put_number(writer, &writer->infos, type, 4);
    put_number(writer, &writer->infos, writer->data, 8);
    put(writer, &writer->sizes, bytes, sizeof *bytes);
    writer->data += padded;
    if (writer->broken.code < 0)
        *err = writer->broken;
    return writer->broken.code;
}

static int compare_names(const void *a, const void *b, void *text)
{
    const struct name *x = a, *y = b;
    const unsigned char *p = text;
    const int order = memcmp(p + x->at, p + y->at, x->n < y->n ? x->n : y->n);
    return order ? order : (x->n > y->n) - (x->n < y->n);
}

/* Readers refuse what is there twice. */
static int refuse_twice(struct g4_gguf_writer *writer, const struct bytes *in, struct bytes *list,
                        const char *kind)
{
    struct name *names = (struct name *)(void *)list->p;
    const size_t n = list->n / sizeof *names;
    if (n > 1)
        qsort_r(names, n, sizeof *names, compare_names, in->p);
    for (size_t i = 1; i < n; i++)
        if (compare_names(&names[i - 1], &names[i], in->p) == 0)
            return g4_err_set(&writer->broken, G4_EINPUT, "'%s': %s '%.*s': there twice",
                              writer->what, kind,
                              (int)(names[i].n < G4_GGUF_NAME ? names[i].n : G4_GGUF_NAME),
                              (const char *)in->p + names[i].at);
    return 0;
}

/* Bytes of everything before the data, without padding. */
static size_t header_bytes(const struct g4_gguf_writer *writer)
{
    return 4 + 4 + 8 + 8 + writer->values.n + writer->infos.n;
}

static int write_bytes(struct g4_gguf_writer *writer, const void *bytes, size_t n)
{
    int status = writer->broken.code;
    if (status == 0) {
        status = g4_write_full(writer->fd, bytes, n, &writer->broken);
        if (status < 0)
            g4_err_prefix(&writer->broken, "'%s'", writer->what);
    }
    return status;
}

/* Zeros up to the next multiple of the alignment after `n` bytes. */
static void write_padding(struct g4_gguf_writer *writer, size_t n)
{
    static const unsigned char zeros[ALIGNMENT];
    write_bytes(writer, zeros, (ALIGNMENT - n % ALIGNMENT) % ALIGNMENT);
}

uint64_t g4_gguf_writer_size(const struct g4_gguf_writer *writer)
{
    return (header_bytes(writer) + ALIGNMENT - 1) / ALIGNMENT * ALIGNMENT + writer->data;
}

/* What was written is complete where a tensor of no bytes has its turn. */
static void pass_empty(struct g4_gguf_writer *writer)
{
    const size_t count = writer->sizes.n / sizeof(size_t);
    size_t size;
    for (; writer->turn < count; writer->turn++) {
        memcpy(&size, writer->sizes.p + writer->turn * sizeof size, sizeof size);
        if (size > 0)
            return;
    }
}

int g4_gguf_write_header(struct g4_gguf_writer *writer, struct g4_err *err)
{
    const uint32_t version = VERSION;
    const uint64_t tensors = writer->names.n / sizeof(struct name);
    const uint64_t values = writer->keys.n / sizeof(struct name);
    assert(writer->strings == 0 || writer->broken.code < 0);
    if (writer->broken.code == 0)
        refuse_twice(writer, &writer->values, &writer->keys, "key");
    if (writer->broken.code == 0)
        refuse_twice(writer, &writer->infos, &writer->names, "tensor");
    write_bytes(writer, "GGUF", 4);
    write_bytes(writer, &version, sizeof version);
    write_bytes(writer, &tensors, sizeof tensors);
    write_bytes(writer, &values, sizeof values);
    write_bytes(writer, writer->values.p, writer->values.n);
    write_bytes(writer, writer->infos.p, writer->infos.n);
    write_padding(writer, header_bytes(writer));
    pass_empty(writer);
    if (writer->broken.code < 0 && err)
        *err = writer->broken;
    return writer->broken.code;
}

int g4_gguf_write_data(struct g4_gguf_writer *writer, const void *data, size_t n,
                       struct g4_err *err)
{
    size_t size;
    if (n > 0 && write_bytes(writer, data, n) == 0) {
        assert(writer->turn < writer->sizes.n / sizeof size);
        memcpy(&size, writer->sizes.p + writer->turn * sizeof size, sizeof size);
        assert(n <= size - writer->done);
        writer->done += n;
        if (writer->done == size) {
            write_padding(writer, size);
            writer->turn++;
            writer->done = 0;
            pass_empty(writer);
        }
    }
    if (writer->broken.code < 0 && err)
        *err = writer->broken;
    return writer->broken.code;
}

int g4_gguf_write_end(struct g4_gguf_writer *writer, struct g4_err *err)
{
    assert(writer->broken.code < 0 || writer->turn == writer->sizes.n / sizeof(size_t));
    if (writer->broken.code < 0 && err)
        *err = writer->broken;
    return writer->broken.code;
}

/*
 * gguf.c - reading a file that may lie in every number.
 *
 *     magic, version, counts -> values, walked for their length -> tensors as they are announced
 *         -> names copied -> values sorted, alignment among them -> data placed -> tensors sorted
 *
 * A vocabulary is three quarters of a million strings: an array is walked once, nothing of it is
 * copied, and only the pages of the header are touched.
 */
#include "lib/format/gguf.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/mem.h"
#include "lib/format/gguf_type.h"
#include "lib/format/lfs_pointer.h"

_Static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__,
               "tensors are used as they lie in the file");

enum {
    DIMS = 4,
    ALIGNMENT = 32, /* where none is stated */
    ALIGNMENT_LIMIT = 1 << 20,
    LEAST_VALUE = 8 + 1 + 4 + 1, /* bytes of the smallest value and of the smallest tensor */
    LEAST_TENSOR = 8 + 1 + 4 + 4 + 8,
    SHOWN = 200, /* bytes of a name in a message */
};

static const unsigned char value_bytes[G4_GGUF_TYPES] = {
    [G4_GGUF_U8] = 1,  [G4_GGUF_I8] = 1,  [G4_GGUF_U16] = 2, [G4_GGUF_I16] = 2,
    [G4_GGUF_U32] = 4, [G4_GGUF_I32] = 4, [G4_GGUF_F32] = 4, [G4_GGUF_BOOL] = 1,
    [G4_GGUF_U64] = 8, [G4_GGUF_I64] = 8, [G4_GGUF_F64] = 8,
};

enum part { THE_FILE, A_VALUE, A_TENSOR };

struct reader {
    const char *what; /* file name for messages */
    const unsigned char *begin, *p, *end;
    enum part part; /* what is being read, for messages, */
    struct g4_gguf_text name;
    struct g4_err *err;
};

/* What stands in the file until everything was read: names are not terminated there. */
struct entry {
    struct g4_gguf_text name;
    uint64_t offset; /* of a tensor */
};

__attribute__((format(printf, 3, 4))) static int refuse(const struct reader *r, int code,
                                                        const char *format, ...)
{
    char why[400];
    va_list args;
    va_start(args, format);
    vsnprintf(why, sizeof why, format, args);
    va_end(args);
    const int n = r->name.n < SHOWN ? (int)r->name.n : SHOWN;
    switch (r->part) {
    case A_VALUE: return g4_err_set(r->err, code, "'%s': %.*s: %s", r->what, n, r->name.text, why);
    case A_TENSOR:
        return g4_err_set(r->err, code, "'%s': tensor '%.*s': %s", r->what, n, r->name.text, why);
    default: return g4_err_set(r->err, code, "'%s': %s", r->what, why);
    }
}

static size_t left(const struct reader *r)
{
    return (size_t)(r->end - r->p);
}

static int read_bytes(struct reader *r, void *out, size_t n)
{
    if (n > left(r))
        return refuse(r, G4_EINPUT, "the file ends here, at byte %zu (truncated download?)",
                      (size_t)(r->end - r->begin));
    memcpy(out, r->p, n);
    r->p += n;
    return 0;
}

/* A length word and as many bytes. */
static int read_text(struct reader *r, const char *what, uint64_t limit, struct g4_gguf_text *text)
{
    uint64_t n = 0;
    int status = read_bytes(r, &n, sizeof n);
    if (status < 0)
        return status;
    if (n > limit)
        return refuse(r, G4_EINPUT, "%s of %llu bytes, limit %llu", what, (unsigned long long)n,
                      (unsigned long long)limit);
    if (n > left(r))
        return refuse(r, G4_EINPUT, "%s of %llu bytes, but %zu are left (truncated download?)",
                      what, (unsigned long long)n, left(r));
    *text = (struct g4_gguf_text){(const char *)r->p, (size_t)n};
    r->p += n;
    return 0;
}

/* A key or a tensor's name; from here on messages name it. */
static int read_name(struct reader *r, enum part part, size_t limit, struct entry *entry)
{
    const char *what = part == A_VALUE ? "a key" : "a tensor's name";
    r->part = THE_FILE;
    int status = read_text(r, what, limit, &entry->name);
    if (status < 0)
        return status;
    if (entry->name.n == 0)
        return refuse(r, G4_EINPUT, "%s of 0 bytes", what);
    r->part = part;
    r->name = entry->name;
    if (memchr(entry->name.text, '\0', entry->name.n))
        return refuse(r, G4_EINPUT, "a name with a NUL");
    return 0;
}

static int walk_strings(struct reader *r, size_t count)
{
    const unsigned char *p = r->p, *const end = r->end;
    for (size_t i = 0; i < count; i++) {
        uint64_t n;
        if ((size_t)(end - p) < sizeof n)
            return refuse(r, G4_EINPUT, "the file ends before string %zu of %zu (truncated?)", i,
                          count);
        memcpy(&n, p, sizeof n);
        p += sizeof n;
        if (n > (size_t)(end - p))
            return refuse(r, G4_EINPUT, "string %zu of %llu bytes, but %zu are left (truncated?)",
                          i, (unsigned long long)n, (size_t)(end - p));
        p += n;
    }
    r->p = p;
    return 0;
}

/* Sets data and end of a value whose type and count are known. */
static int read_elements(struct reader *r, struct g4_gguf_value *value)
{
    const bool strings = value->type == G4_GGUF_STRING;
    const size_t least = strings ? sizeof(uint64_t) : value_bytes[value->type];
    if (value->count > left(r) / least)
        return refuse(r, G4_EINPUT, "%zu elements of %zu bytes, but %zu are left (truncated?)",
                      value->count, least, left(r));
    value->data = r->p;
    if (strings) {
        int status = walk_strings(r, value->count);
        if (status < 0)
            return status;
    } else {
        r->p += value->count * least;
    }
    value->end = r->p;
    return 0;
}

static int read_value(struct reader *r, struct g4_gguf_value *value)
{
    uint32_t type = 0;
    uint64_t count = 1;
    int status = read_bytes(r, &type, sizeof type);
    if (status == 0 && type == G4_GGUF_ARRAY_OF) {
        value->array = true;
        status = read_bytes(r, &type, sizeof type);
        if (status == 0)
            status = read_bytes(r, &count, sizeof count);
    }
    if (status < 0)
        return status;
    if (type == G4_GGUF_ARRAY_OF)
        return refuse(r, G4_EUNSUPPORTED, "an array of arrays");
    if (type >= G4_GGUF_TYPES)
        return refuse(r, G4_EINPUT, "type %u, expected 0..%d", type, G4_GGUF_TYPES - 1);
    if (count > G4_GGUF_ARRAY)
        return refuse(r, G4_EINPUT, "an array of %llu elements, at most %d are read",
                      (unsigned long long)count, G4_GGUF_ARRAY);
    value->type = (enum g4_gguf_type)type;
    value->count = (size_t)count;
    return read_elements(r, value);
}

static int read_values(struct reader *r, struct g4_gguf *file, struct entry *entries)
{
    int status = 0;
    for (size_t i = 0; i < file->value_count && status == 0; i++) {
        status = read_name(r, A_VALUE, G4_GGUF_KEY, &entries[i]);
        if (status == 0)
            status = read_value(r, &file->values[i]);
    }
    return status;
}

static int read_type(struct reader *r, enum g4_dtype *dtype)
{
    uint32_t id = 0;
    int status = read_bytes(r, &id, sizeof id);
    if (status < 0)
        return status;
    const char *name = g4_gguf_type_name(id, dtype);
    if (!name)
        return refuse(r, G4_EINPUT, "type %u is none that is known", id);
    if (*dtype == G4_DTYPE_OTHER)
        return refuse(r, G4_EUNSUPPORTED, "type %s cannot be read", name);
    return 0;
}

/* The shape, slowest axis first. Files may or may not state axes of one element behind the last
 * longer one; they go, but a matrix of one row stays a matrix. */
static int set_shape(const struct reader *r, struct g4_tensor *tensor, int dims, const int64_t *ne)
{
    for (int i = 0; i < dims; i++)
        if (ne[i] < 0)
            return refuse(r, G4_EINPUT, "ne[%d] is %lld", i, (long long)ne[i]);
    while (dims > 2 && ne[dims - 1] == 1)
        dims--;
    tensor->dims = dims;
    for (int i = 0; i < dims; i++)
        tensor->shape[i] = (size_t)ne[dims - 1 - i];
    return 0;
}

/* Bytes of the tensor. Products that wrap are refused even where an axis beside them is empty. */
static int set_bytes(const struct reader *r, struct g4_tensor *tensor)
{
    const struct g4_dtype_info *info = g4_dtype_info(tensor->dtype);
    const size_t row = tensor->dims ? tensor->shape[tensor->dims - 1] : 1;
    size_t count = 1;
    bool fits = true, empty = false;
    char shape[120];
    if (row % info->block != 0)
        return refuse(r, G4_EINPUT, "rows of %zu elements, not whole blocks of %zu (%s)", row,
                      info->block, info->name);
    for (int i = 0; i < tensor->dims; i++) {
        if (tensor->shape[i] == 0)
            empty = true;
        else
            fits = fits && g4_mul_size(count, tensor->shape[i], &count);
    }
    fits = fits && (empty || g4_dtype_row_bytes(tensor->dtype, count, &tensor->bytes));
    if (!fits)
        return refuse(r, G4_EINPUT, "shape %s of %s is larger than any memory",
                      g4_tensor_shape_text(tensor, shape, sizeof shape), info->name);
    return 0;
}

static int read_tensor(struct reader *r, struct g4_tensor *tensor, uint64_t *offset)
{
    uint32_t dims = 0;
    int64_t ne[DIMS];
    int status = read_bytes(r, &dims, sizeof dims);
    if (status == 0 && dims > DIMS)
        return refuse(r, G4_EINPUT, "%u dimensions, at most %d", dims, DIMS);
    if (status == 0)
        status = read_bytes(r, ne, dims * sizeof ne[0]);
    if (status == 0)
        status = set_shape(r, tensor, (int)dims, ne);
    if (status == 0)
        status = read_type(r, &tensor->dtype);
    if (status == 0)
        status = set_bytes(r, tensor);
    return status == 0 ? read_bytes(r, offset, sizeof *offset) : status;
}

static int read_tensors(struct reader *r, struct g4_gguf *file, struct entry *entries)
{
    int status = 0;
    for (size_t i = 0; i < file->count && status == 0; i++) {
        status = read_name(r, A_TENSOR, G4_GGUF_NAME, &entries[i]);
        if (status == 0)
            status = read_tensor(r, &file->tensors[i], &entries[i].offset);
    }
    r->part = THE_FILE;
    return status;
}

/* Copies keys and names, which need an end of their own. */
static int copy_names(const struct reader *r, struct g4_gguf *file, const struct entry *entries)
{
    const size_t n = file->value_count + file->count;
    size_t bytes = 0;
    for (size_t i = 0; i < n; i++)
        bytes += entries[i].name.n + 1; /* at most the header, and one for each of its parts */
    int status = g4_alloc((void **)&file->names, bytes, 1, "names of tensors", r->err);
    char *out = file->names;
    for (size_t i = 0; i < n && status == 0; i++) {
        memcpy(out, entries[i].name.text, entries[i].name.n);
        if (i < file->value_count)
            file->values[i].key = out;
        else
            file->tensors[i - file->value_count].name = out;
        out += entries[i].name.n + 1;
    }
    return status;
}

static int compare_key(const void *a, const void *b)
{
    return strcmp(((const struct g4_gguf_value *)a)->key, ((const struct g4_gguf_value *)b)->key);
}

static int compare_name(const void *a, const void *b)
{
    return strcmp(((const struct g4_tensor *)a)->name, ((const struct g4_tensor *)b)->name);
}

static int sort_values(const struct reader *r, struct g4_gguf *file)
{
    qsort(file->values, file->value_count, sizeof *file->values, compare_key);
    for (size_t i = 1; i < file->value_count; i++)
        if (compare_key(&file->values[i - 1], &file->values[i]) == 0)
            return refuse(r, G4_EINPUT, "%.*s: given twice", SHOWN, file->values[i].key);
    return 0;
}

static int sort_tensors(const struct reader *r, struct g4_gguf *file)
{
    qsort(file->tensors, file->count, sizeof *file->tensors, compare_name);
    for (size_t i = 1; i < file->count; i++)
        if (compare_name(&file->tensors[i - 1], &file->tensors[i]) == 0)
            return refuse(r, G4_EINPUT, "tensor '%s': given twice", file->tensors[i].name);
    return 0;
}

static int read_alignment(const struct reader *r, struct g4_gguf *file)
{
    int64_t alignment = ALIGNMENT;
    int status =
        g4_gguf_int(file, "general.alignment", false, 1, ALIGNMENT_LIMIT, &alignment, r->err);
    if (status == 0 && (alignment & (alignment - 1)) != 0)
        return refuse(r, G4_EINPUT, "general.alignment: expected a power of two, got %lld",
                      (long long)alignment);
    file->alignment = (size_t)alignment;
    return status;
}

/* From offsets to pointers. The tensors still stand in the order of their entries. */
static int place_tensors(struct reader *r, struct g4_gguf *file, const struct entry *entries)
{
    const size_t size = (size_t)(r->end - r->begin), mask = file->alignment - 1;
    const size_t begin = ((size_t)(r->p - r->begin) + mask) & ~mask;
    for (size_t i = 0; i < file->count; i++) {
        struct g4_tensor *tensor = &file->tensors[i];
        const uint64_t offset = entries[i].offset;
        r->part = A_TENSOR;
        r->name = entries[i].name;
        if ((offset & mask) != 0)
            return refuse(r, G4_EINPUT, "offset %llu is no multiple of the alignment, %zu",
                          (unsigned long long)offset, file->alignment);
        if (begin > size || offset > size - begin || tensor->bytes > size - begin - offset)
            return refuse(r, G4_EINPUT,
                          "%zu bytes at offset %llu of the data, which begins at byte %zu, but the "
                          "file has %zu (truncated download?)",
                          tensor->bytes, (unsigned long long)offset, begin, size);
        tensor->data = r->begin + begin + offset;
    }
    r->part = THE_FILE;
    return 0;
}

/* A count that the rest of the file can hold. */
static int read_count(struct reader *r, const char *what, size_t limit, size_t least, size_t *count)
{
    int64_t n = 0;
    int status = read_bytes(r, &n, sizeof n);
    if (status < 0)
        return status;
    if (n < 0 || (uint64_t)n > limit)
        return refuse(r, G4_EINPUT, "%lld %s, expected 0..%zu", (long long)n, what, limit);
    if ((size_t)n > left(r) / least)
        return refuse(r, G4_EINPUT, "%lld %s in the %zu bytes that are left (truncated download?)",
                      (long long)n, what, left(r));
    *count = (size_t)n;
    return 0;
}

static int read_version(struct reader *r, struct g4_gguf *file)
{
    char magic[4];
    if (g4_is_lfs_pointer(r->p, left(r)))
        return refuse(r, G4_EINPUT, "a Git LFS pointer, not the weights (git lfs pull)");
    if (left(r) < sizeof magic || memcmp(r->p, "GGUF", sizeof magic) != 0)
        return refuse(r, G4_EINPUT, "not a GGUF file");
    r->p += sizeof magic;
    int status = read_bytes(r, &file->version, sizeof file->version);
    if (status < 0 || file->version == 2 || file->version == 3)
        return status;
    /* A small number in the other order of bytes. */
    if (file->version != 0 && (file->version & 0xffff) == 0)
        return refuse(r, G4_EUNSUPPORTED, "a GGUF file for big-endian machines");
    return refuse(r, G4_EUNSUPPORTED, "GGUF version %u, versions 2 and 3 are read", file->version);
}

/* Room for what was counted. */
static int allocate(const struct reader *r, struct g4_gguf *file, struct entry **entries)
{
    const size_t path = strlen(r->what) + 1, n = file->value_count + file->count;
    int status = g4_alloc((void **)&file->path, path, 1, "a file name", r->err);
    if (status == 0)
        status = g4_alloc((void **)&file->values, file->value_count, sizeof *file->values,
                          "metadata", r->err);
    if (status == 0)
        status = g4_alloc((void **)&file->tensors, file->count, sizeof *file->tensors, "tensors",
                          r->err);
    if (status == 0)
        status = g4_alloc((void **)entries, n, sizeof **entries, "names of tensors", r->err);
    if (status == 0)
        memcpy(file->path, r->what, path);
    return status;
}

static int read_file(struct reader *r, struct g4_gguf *file)
{
    struct entry *entries = NULL;
    int status = read_version(r, file);
    if (status == 0)
        status = read_count(r, "tensors", G4_GGUF_TENSORS, LEAST_TENSOR, &file->count);
    if (status == 0)
        status = read_count(r, "values", G4_GGUF_VALUES, LEAST_VALUE, &file->value_count);
    if (status == 0)
        status = allocate(r, file, &entries);
    if (status == 0)
        status = read_values(r, file, entries);
    if (status == 0)
        status = read_tensors(r, file, entries + file->value_count);
    if (status == 0)
        status = copy_names(r, file, entries);
    if (status == 0)
        status = sort_values(r, file);
    if (status == 0)
        status = read_alignment(r, file);
    if (status == 0)
        status = place_tensors(r, file, entries + file->value_count);
    if (status == 0)
        status = sort_tensors(r, file);
    free(entries);
    return status;
}

int g4_gguf_parse(struct g4_gguf *file, const unsigned char *bytes, size_t size, const char *what,
                  struct g4_err *err)
{
    struct reader reader = {what, bytes, bytes, bytes + size, THE_FILE, {0}, err};
    *file = (struct g4_gguf){0};
    int status = size > 0 ? read_file(&reader, file)
                          : g4_err_set(err, G4_EINPUT, "'%s': an empty file", what);
    if (status < 0)
        g4_gguf_close(file);
    return status;
}

int g4_gguf_open(struct g4_gguf *file, const char *path, struct g4_err *err)
{
    struct g4_map map;
    *file = (struct g4_gguf){0};
    int status = g4_map_open(&map, path, err);
    if (status < 0)
        return status;
    status = g4_gguf_parse(file, map.data, map.size, path, err);
    if (status < 0)
        g4_map_close(&map);
    else
        file->map = map;
    return status;
}

void g4_gguf_close(struct g4_gguf *file)
{
    free(file->path);
    free(file->values);
    free(file->tensors);
    free(file->names);
    g4_map_close(&file->map);
    *file = (struct g4_gguf){0};
}

const struct g4_tensor *g4_gguf_find(const struct g4_gguf *file, const char *name)
{
    const struct g4_tensor key = {.name = name};
    if (file->count == 0)
        return NULL;
    return bsearch(&key, file->tensors, file->count, sizeof *file->tensors, compare_name);
}

const struct g4_gguf_value *g4_gguf_value(const struct g4_gguf *file, const char *key)
{
    const struct g4_gguf_value value = {.key = key};
    if (file->value_count == 0)
        return NULL;
    return bsearch(&value, file->values, file->value_count, sizeof *file->values, compare_key);
}

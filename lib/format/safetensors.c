/*
 * safetensors.c - reading a file that may lie in every number.
 *
 *     length word -> header JSON -> one entry per tensor -> offsets sorted, end to begin compared
 *                 -> table sorted by name
 *
 * The header is walked twice without a tree: a tree of a hostile one could take gigabytes, and that
 * of a real one takes most of the time that opening takes.
 */
#include "lib/format/safetensors.h"

#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/mem.h"
#include "lib/format/json_scan.h"
#include "lib/format/lfs_pointer.h"

_Static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__,
               "tensors are used as they lie in the file");

#define METADATA "__metadata__"

enum { NAME_BYTES = 511 };

/* Sizes and offsets have at most 18 digits. */
static const int64_t SIZE_LIMIT = 999999999999999999;

/* Every type the format knows: the sizes of a file must add up even where a type is of no use. */
static const struct stored_type {
    const char *name;
    unsigned bits;
    enum g4_dtype dtype;
} stored_types[] = {
    {"BF16", 16, G4_DTYPE_BF16},
    {"F32", 32, G4_DTYPE_F32},
    {"F16", 16, G4_DTYPE_F16},
    {"F64", 64, G4_DTYPE_F64},
    {"I8", 8, G4_DTYPE_I8},
    {"U8", 8, G4_DTYPE_U8},
    {"I16", 16, G4_DTYPE_I16},
    {"U16", 16, G4_DTYPE_U16},
    {"I32", 32, G4_DTYPE_I32},
    {"U32", 32, G4_DTYPE_U32},
    {"I64", 64, G4_DTYPE_I64},
    {"U64", 64, G4_DTYPE_U64},
    {"BOOL", 8, G4_DTYPE_BOOL},
    {"F8_E4M3", 8, G4_DTYPE_F8_E4M3},
    {"F8_E5M2", 8, G4_DTYPE_F8_E5M2},
    {"F8_E8M0", 8, G4_DTYPE_OTHER},
    {"F8_E4M3FNUZ", 8, G4_DTYPE_OTHER},
    {"F8_E5M2FNUZ", 8, G4_DTYPE_OTHER},
    {"C64", 64, G4_DTYPE_OTHER},
    {"F4", 4, G4_DTYPE_OTHER},
    {"F6_E2M3", 6, G4_DTYPE_OTHER},
    {"F6_E3M2", 6, G4_DTYPE_OTHER},
};

struct reader {
    const char *what;          /* file name for messages */
    const unsigned char *data; /* byte 8 + N */
    size_t data_size;
    struct g4_err *err;
};

/* An array of `min` to `max` sizes; returns their number. */
static int read_sizes(const struct reader *r, struct g4_json_scan *scan, const char *name,
                      const char *key, size_t min, size_t max, size_t *out)
{
    size_t n = 0;
    int status = g4_json_scan_enter(scan, '[', NULL);
    while (status == 0 && (status = g4_json_scan_element(scan, NULL)) == 1) {
        int64_t value;
        if (n == max)
            break;
        if (g4_json_scan_int(scan, 0, SIZE_LIMIT, &value, NULL) < 0)
            return g4_err_set(r->err, G4_EINPUT,
                              "'%s': tensor '%s': %s: element %zu is not an integer in 0..%lld",
                              r->what, name, key, n, (long long)SIZE_LIMIT);
        out[n++] = (size_t)value;
        status = 0;
    }
    if (status != 0 || n < min)
        return g4_err_set(r->err, G4_EINPUT,
                          "'%s': tensor '%s': %s: expected an array of %zu..%zu integers", r->what,
                          name, key, min, max);
    return (int)n;
}

static int read_type(const struct reader *r, struct g4_json_scan *scan, const char *name,
                     const struct stored_type **type)
{
    struct g4_json_span span;
    if (g4_json_scan_string(scan, &span, NULL) < 0)
        return g4_err_set(r->err, G4_EINPUT, "'%s': tensor '%s': dtype: expected a string", r->what,
                          name);
    for (size_t i = 0; i < sizeof stored_types / sizeof stored_types[0]; i++) {
        if (g4_json_span_is(&span, stored_types[i].name)) {
            *type = &stored_types[i];
            return 0;
        }
    }
    return g4_err_set(r->err, G4_EINPUT, "'%s': tensor '%s': unknown dtype '%.*s'", r->what, name,
                      span.n < 40 ? (int)span.n : 40, span.text);
}

/* Bytes that shape and type ask for; false when they wrap or are not whole. */
static bool expected_bytes(const struct g4_tensor *tensor, unsigned bits, size_t *bytes)
{
    size_t count = 1, total;
    for (int i = 0; i < tensor->dims; i++)
        if (!g4_mul_size(count, tensor->shape[i], &count))
            return false;
    if (!g4_mul_size(count, bits, &total) || total % 8 != 0)
        return false;
    *bytes = total / 8;
    return true;
}

/* What the header says about one tensor. */
struct entry {
    const struct stored_type *type;
    int dims, offsets; /* numbers of elements; -1: not there yet */
    size_t shape[G4_TENSOR_DIMS], span[2];
};

/* One member of an entry; others than the three are passed over. */
static int read_member(const struct reader *r, struct g4_json_scan *scan, const char *name,
                       const struct g4_json_span *key, struct entry *entry)
{
    bool again;
    int status;
    if (g4_json_span_is(key, "dtype")) {
        again = entry->type != NULL;
        status = read_type(r, scan, name, &entry->type);
    } else if (g4_json_span_is(key, "shape")) {
        again = entry->dims >= 0;
        status = read_sizes(r, scan, name, "shape", 0, G4_TENSOR_DIMS, entry->shape);
        entry->dims = status;
    } else if (g4_json_span_is(key, "data_offsets")) {
        again = entry->offsets >= 0;
        status = read_sizes(r, scan, name, "data_offsets", 2, 2, entry->span);
        entry->offsets = status;
    } else {
        return g4_json_scan_skip(scan, NULL, r->err);
    }
    if (status >= 0 && again)
        return g4_err_set(r->err, G4_EINPUT, "'%s': tensor '%s': %.*s: given twice", r->what, name,
                          (int)key->n, key->text);
    return status < 0 ? status : 0;
}

static int check_tensor(const struct reader *r, struct g4_tensor *tensor, const struct entry *entry)
{
    const char *name = tensor->name;
    const size_t begin = entry->span[0], end = entry->span[1];
    char shape[200];
    if (!entry->type || entry->dims < 0 || entry->offsets < 0)
        return g4_err_set(r->err, G4_EINPUT, "'%s': tensor '%s': %s: missing", r->what, name,
                          !entry->type      ? "dtype"
                          : entry->dims < 0 ? "shape"
                                            : "data_offsets");
    if (begin > end || end > r->data_size)
        return g4_err_set(
            r->err, G4_EINPUT,
            "'%s': tensor '%s': data_offsets [%zu, %zu] beyond the %zu bytes of data%s", r->what,
            name, begin, end, r->data_size, begin > end ? "" : " (truncated download?)");
    tensor->dtype = entry->type->dtype;
    tensor->dims = entry->dims;
    memcpy(tensor->shape, entry->shape, sizeof tensor->shape);
    tensor->data = r->data + begin;
    if (!expected_bytes(tensor, entry->type->bits, &tensor->bytes) || tensor->bytes != end - begin)
        return g4_err_set(r->err, G4_EINPUT,
                          "'%s': tensor '%s': data_offsets [%zu, %zu] do not fit shape %s of %s",
                          r->what, name, begin, end,
                          g4_tensor_shape_text(tensor, shape, sizeof shape), entry->type->name);
    return 0;
}

static int read_tensor(const struct reader *r, struct g4_json_scan *scan, struct g4_tensor *tensor)
{
    struct entry entry = {.dims = -1, .offsets = -1};
    struct g4_json_span key;
    if (g4_json_scan_enter(scan, '{', NULL) < 0)
        return g4_err_set(r->err, G4_EINPUT, "'%s': tensor '%s': expected an object", r->what,
                          tensor->name);
    int status;
    while ((status = g4_json_scan_member(scan, &key, r->err)) == 1) {
        status = read_member(r, scan, tensor->name, &key, &entry);
        if (status < 0)
            return status;
    }
    return status < 0 ? status : check_tensor(r, tensor, &entry);
}

/* Empty tensors lie before the one that begins at the same byte. */
static int compare_place(const void *a, const void *b)
{
    const struct g4_tensor *x = *(const struct g4_tensor *const *)a,
                           *y = *(const struct g4_tensor *const *)b;
    if (x->data != y->data)
        return (uintptr_t)x->data < (uintptr_t)y->data ? -1 : 1;
    return (x->bytes > y->bytes) - (x->bytes < y->bytes);
}

static int compare_name(const void *a, const void *b)
{
    return strcmp(((const struct g4_tensor *)a)->name, ((const struct g4_tensor *)b)->name);
}

/* The tensors cover the data exactly: no hole, no overlap, to the last byte. */
static int check_cover(const struct reader *r, const struct g4_safetensors *file)
{
    const struct g4_tensor **order;
    int status = g4_alloc((void **)&order, file->count, sizeof *order, "tensor order", r->err);
    if (status < 0)
        return status;
    for (size_t i = 0; i < file->count; i++)
        order[i] = &file->tensors[i];
    qsort(order, file->count, sizeof *order, compare_place);
    size_t end = 0;
    for (size_t i = 0; i < file->count && status == 0; i++) {
        size_t begin = (size_t)((const unsigned char *)order[i]->data - r->data);
        if (begin != end)
            status =
                g4_err_set(r->err, G4_EINPUT,
                           "'%s': tensor '%s': begins at byte %zu, the one before "
                           "ends at %zu (%s)",
                           r->what, order[i]->name, begin, end, begin > end ? "hole" : "overlap");
        end = begin + order[i]->bytes;
    }
    if (status == 0 && end != r->data_size)
        status =
            g4_err_set(r->err, G4_EINPUT, "'%s': the tensors end at byte %zu of %zu bytes of data",
                       r->what, end, r->data_size);
    free(order);
    return status;
}

static int check_metadata(const struct reader *r, struct g4_json_scan *scan)
{
    struct g4_json_span key, value;
    int status;
    if (g4_json_scan_enter(scan, '{', NULL) < 0)
        return g4_err_set(r->err, G4_EINPUT, "'%s': __metadata__: expected an object", r->what);
    while ((status = g4_json_scan_member(scan, &key, r->err)) == 1) {
        if (g4_json_scan_string(scan, &value, NULL) < 0)
            return g4_err_set(r->err, G4_EINPUT, "'%s': __metadata__.%.*s: expected a string",
                              r->what, key.n < 40 ? (int)key.n : 40, key.text);
    }
    return status;
}

/* The first pass: the header is JSON from end to end; how many tensors, how long their names. */
static int measure(const struct reader *r, struct g4_json_scan scan, size_t *count, size_t *bytes)
{
    struct g4_json_span key;
    *count = *bytes = 0;
    int status = g4_json_scan_enter(&scan, '{', r->err);
    while (status == 0 && (status = g4_json_scan_member(&scan, &key, r->err)) == 1) {
        if (key.n > NAME_BYTES)
            return g4_err_set(r->err, G4_EINPUT, "'%s': a tensor name of %zu bytes, limit %d",
                              r->what, key.n, NAME_BYTES);
        *count += !g4_json_span_is(&key, METADATA);
        *bytes += key.n + 1; /* less than the header in all */
        status = g4_json_scan_skip(&scan, NULL, r->err);
    }
    if (status == 0)
        status = g4_json_scan_finish(&scan, r->err);
    if (status == 0 && *count > G4_SAFETENSORS_TENSORS)
        status = g4_err_set(r->err, G4_EINPUT, "'%s': %zu tensors, at most %d are read", r->what,
                            *count, G4_SAFETENSORS_TENSORS);
    return status;
}

/* Decodes a name to *out, which moves behind its NUL. */
static int read_name(const struct reader *r, struct g4_tensor *tensor,
                     const struct g4_json_span *key, char **out)
{
    size_t n = g4_json_span_decode(key, *out);
    (*out)[n] = '\0';
    tensor->name = *out;
    *out += n + 1;
    if (strlen(tensor->name) != n)
        return g4_err_set(r->err, G4_EINPUT, "'%s': tensor '%s': a name with a NUL", r->what,
                          tensor->name);
    return 0;
}

static int sort_names(const struct reader *r, struct g4_safetensors *file)
{
    qsort(file->tensors, file->count, sizeof *file->tensors, compare_name);
    for (size_t i = 1; i < file->count; i++)
        if (strcmp(file->tensors[i - 1].name, file->tensors[i].name) == 0)
            return g4_err_set(r->err, G4_EINPUT, "'%s': tensor '%s': given twice", r->what,
                              file->tensors[i].name);
    return 0;
}

static int read_header(const struct reader *r, struct g4_safetensors *file,
                       struct g4_json_scan scan)
{
    struct g4_json_span key;
    size_t count, name_bytes;
    bool metadata = false;
    int status = measure(r, scan, &count, &name_bytes);
    if (status == 0)
        status =
            g4_alloc((void **)&file->tensors, count, sizeof *file->tensors, "tensor table", r->err);
    if (status == 0)
        status = g4_alloc((void **)&file->names, name_bytes, 1, "tensor names", r->err);
    if (status == 0)
        status = g4_json_scan_enter(&scan, '{', r->err);
    char *names = file->names;
    while (status == 0 && (status = g4_json_scan_member(&scan, &key, r->err)) == 1) {
        if (g4_json_span_is(&key, METADATA)) {
            status = metadata
                         ? g4_err_set(r->err, G4_EINPUT, "'%s': %s: given twice", r->what, METADATA)
                         : check_metadata(r, &scan);
            metadata = true;
            continue;
        }
        struct g4_tensor *tensor = &file->tensors[file->count++];
        status = read_name(r, tensor, &key, &names);
        if (status == 0)
            status = read_tensor(r, &scan, tensor);
    }
    if (status == 0)
        status = check_cover(r, file);
    return status == 0 ? sort_names(r, file) : status;
}

int g4_safetensors_parse(struct g4_safetensors *file, const unsigned char *bytes, size_t size,
                         const char *what, struct g4_err *err)
{
    uint64_t n;
    *file = (struct g4_safetensors){0};
    if (g4_is_lfs_pointer(bytes, size))
        return g4_err_set(err, G4_EINPUT, "'%s': a Git LFS pointer, not the weights (git lfs pull)",
                          what);
    if (size < sizeof n)
        return g4_err_set(err, G4_EINPUT, "'%s': %zu bytes, too short for a safetensors file", what,
                          size);
    memcpy(&n, bytes, sizeof n);
    if (n > G4_SAFETENSORS_HEADER || n > size - sizeof n)
        return g4_err_set(err, G4_EINPUT,
                          "'%s': header of %llu bytes, but the file has %zu and the limit is "
                          "%d (not safetensors, or truncated)",
                          what, (unsigned long long)n, size, G4_SAFETENSORS_HEADER);
    if (n == 0 || bytes[sizeof n] != '{')
        return g4_err_set(err, G4_EINPUT, "'%s': the header is not a JSON object", what);
    struct reader reader = {what, bytes + sizeof n + n, size - sizeof n - (size_t)n, err};
    struct g4_json_scan scan;
    g4_json_scan_open(&scan, what, (const char *)bytes + sizeof n, (size_t)n);
    int status = read_header(&reader, file, scan);
    if (status < 0)
        g4_safetensors_close(file);
    return status;
}

int g4_safetensors_open(struct g4_safetensors *file, const char *path, struct g4_err *err)
{
    struct g4_map map;
    *file = (struct g4_safetensors){0};
    int status = g4_map_open(&map, path, err);
    if (status < 0)
        return status;
    status = g4_safetensors_parse(file, map.data, map.size, path, err);
    if (status < 0) {
        g4_map_close(&map);
        return status;
    }
    file->map = map;
    file->path = strdup(path);
    if (!file->path) {
        g4_safetensors_close(file);
        return g4_err_nomem(err, strlen(path), "path");
    }
    return 0;
}

void g4_safetensors_close(struct g4_safetensors *file)
{
    free(file->tensors);
    free(file->names);
    free(file->path);
    g4_map_close(&file->map);
    *file = (struct g4_safetensors){0};
}

const struct g4_tensor *g4_safetensors_find(const struct g4_safetensors *file, const char *name)
{
    const struct g4_tensor key = {.name = name};
    if (file->count == 0)
        return NULL;
    return bsearch(&key, file->tensors, file->count, sizeof *file->tensors, compare_name);
}

/* safetensors_write.c - the table as JSON, then data as it comes. */
#include "lib/format/safetensors_write.h"

#include <assert.h>
#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/file.h"
#include "lib/base/mem.h"
#include "lib/format/safetensors.h"

enum { ALIGNMENT = 8 }; /* of the data, by the blanks that end the header */

struct g4_safetensors_writer {
    int fd;
    char *what;
    json_t *table;
    uint64_t data;   /* bytes announced */
    uint64_t header; /* bytes written before them */
    uint64_t done;   /* bytes of data written */
};

int g4_safetensors_writer_new(struct g4_safetensors_writer **writer, int fd, const char *what,
                              struct g4_err *err)
{
    int status = g4_alloc((void **)writer, 1, sizeof **writer, what, err);
    if (status < 0)
        return status;
    (*writer)->fd = fd;
    (*writer)->what = strdup(what);
    (*writer)->table = json_object();
    if ((*writer)->what && (*writer)->table &&
        json_object_set_new((*writer)->table, "__metadata__", json_pack("{ss}", "format", "pt")) ==
            0)
        return 0;
    g4_safetensors_writer_free(*writer);
    *writer = NULL;
    return g4_err_nomem(err, 0, what);
}

void g4_safetensors_writer_free(struct g4_safetensors_writer *writer)
{
    if (!writer)
        return;
    json_decref(writer->table);
    free(writer->what);
    free(writer);
}

int g4_safetensors_announce(struct g4_safetensors_writer *writer, const char *name,
                            enum g4_dtype dtype, int dims, const size_t *shape, struct g4_err *err)
{
    const enum g4_dtype stored = dtype == G4_DTYPE_SFP8 ? G4_DTYPE_U8 : dtype;
    const struct g4_dtype_info *info = g4_dtype_info(stored);
    size_t bytes = info->bytes;
    assert(info->block == 1);
    json_t *list = json_array();
    for (int i = 0; i < dims; i++) {
        if (!g4_mul_size(bytes, shape[i], &bytes) || bytes > (size_t)INT64_MAX - writer->data) {
            json_decref(list);
            return g4_err_set(err, G4_EINPUT, "'%s': tensor '%s': too large", writer->what, name);
        }
        json_array_append_new(list, json_integer((json_int_t)shape[i]));
    }
    const json_int_t begin = (json_int_t)writer->data, end = begin + (json_int_t)bytes;
    json_t *entry =
        json_pack("{sssos[II]}", "dtype", info->name, "shape", list, "data_offsets", begin, end);
    const bool twice = json_object_get(writer->table, name) != NULL;
    writer->data += bytes;
    if (!twice && entry && json_object_set_new(writer->table, name, entry) == 0)
        return 0;
    if (twice)
        json_decref(entry);
    return g4_err_set(err, G4_EINPUT, "'%s': tensor '%s': %s", writer->what, name,
                      twice ? "there twice" : "no name for a file, or no memory for it");
}

static int write_bytes(const struct g4_safetensors_writer *writer, const void *bytes, size_t n,
                       struct g4_err *err)
{
    int status = g4_write_full(writer->fd, bytes, n, err);
    if (status < 0)
        g4_err_prefix(err, "'%s'", writer->what);
    return status;
}

int g4_safetensors_write_header(struct g4_safetensors_writer *writer, struct g4_err *err)
{
    static const char blanks[ALIGNMENT] = "        ";
    char *text = json_dumps(writer->table, JSON_COMPACT);
    if (!text)
        return g4_err_nomem(err, 0, writer->what);
    const size_t n = strlen(text), pad = (ALIGNMENT - n % ALIGNMENT) % ALIGNMENT;
    const uint64_t length = n + pad;
    int status = 0;
    if (length > G4_SAFETENSORS_HEADER)
        status = g4_err_set(err, G4_ELIMIT, "'%s': a header of %zu bytes, limit %d", writer->what,
                            n, G4_SAFETENSORS_HEADER);
    if (status == 0)
        status = write_bytes(writer, &length, sizeof length, err); /* as the machine is */
    if (status == 0)
        status = write_bytes(writer, text, n, err);
    if (status == 0)
        status = write_bytes(writer, blanks, pad, err);
    free(text);
    writer->header = sizeof length + length;
    return status;
}

uint64_t g4_safetensors_writer_size(const struct g4_safetensors_writer *writer)
{
    return writer->header + writer->data;
}

int g4_safetensors_write_data(struct g4_safetensors_writer *writer, const void *data, size_t n,
                              struct g4_err *err)
{
    assert(n <= writer->data - writer->done);
    writer->done += n;
    return write_bytes(writer, data, n, err);
}

void g4_safetensors_write_end(const struct g4_safetensors_writer *writer)
{
    assert(writer->done == writer->data);
    (void)writer;
}

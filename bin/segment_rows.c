/* segment_rows.c - see the header. */
#include "bin/segment_rows.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/mem.h"

int g4_segment_rows_add(struct g4_segment_rows *r, const struct g4_record *record, size_t width,
                        struct g4_err *err)
{
    size_t need = r->count + record->row_count; /* the reader bounds a segment to 65,536 rows */
    if (need > r->capacity) {
        size_t capacity = need > 2 * r->capacity ? need : 2 * r->capacity, bytes;
        if (!g4_mul_size(capacity, width * sizeof *r->rows, &bytes))
            return g4_err_nomem(err, SIZE_MAX, "soft tokens");
        float *grown = realloc(r->rows, bytes);
        if (!grown)
            return g4_err_nomem(err, bytes, "soft tokens");
        r->rows = grown;
        r->capacity = capacity;
    }
    memcpy(r->rows + r->count * width, record->rows, record->row_count * width * sizeof *r->rows);
    r->count = need;
    return 0;
}

float *g4_segment_rows_take(struct g4_segment_rows *r)
{
    float *rows = r->rows;
    *r = (struct g4_segment_rows){0};
    return rows;
}

void g4_segment_rows_release(struct g4_segment_rows *r)
{
    free(r->rows);
    *r = (struct g4_segment_rows){0};
}

int g4_source_name_read(struct g4_source_name *n, const struct g4_record *meta, struct g4_err *err)
{
    char *name;
    long part;
    int status = g4_stream_meta_string(meta, "source", &name, err);
    if (status == 0)
        status = g4_stream_meta_part(meta, &part, err);
    if (status < 0 || !name)
        return status;
    free(n->name);
    *n = (struct g4_source_name){name, part, meta->stream, meta->source};
    return 0;
}

char *g4_source_name_of(const struct g4_source_name *n, uint32_t stream, uint32_t source)
{
    char *text = NULL;
    if (n->name && n->stream == stream && n->source == source)
        return strdup(n->name);
    return asprintf(&text, "%u", (unsigned)source) < 0 ? NULL : text;
}

void g4_source_name_release(struct g4_source_name *n)
{
    free(n->name);
    *n = (struct g4_source_name){0};
}

/*
 * stream_info.c - `g4-stream info`: a table while the records come, or one JSON object per stream.
 */
#include "bin/stream_visit.h"

#include <inttypes.h>
#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/log.h"
#include "lib/base/utf8.h"

struct source_name {
    uint32_t source;
    char *name;
};

struct info {
    FILE *out;
    bool json;
    json_t *object;            /* of the open stream, with json */
    struct source_name *names; /* of the open stream */
    size_t name_count;
    bool heading;            /* the head of the segment table stands */
    uint64_t segments, rows; /* closed so far in the open stream */
};

static const char *name_of(const struct info *info, uint32_t source)
{
    for (size_t i = info->name_count; i > 0; i--)
        if (info->names[i - 1].source == source)
            return info->names[i - 1].name;
    return NULL;
}

static void forget(struct info *info)
{
    for (size_t i = 0; i < info->name_count; i++)
        free(info->names[i].name);
    free(info->names);
    info->names = NULL;
    info->name_count = 0;
    json_decref(info->object);
    info->object = NULL;
}

/* Takes over `name`. */
static int remember(struct info *info, uint32_t source, char *name, struct g4_err *err)
{
    /* Doubles at each power of two. */
    if ((info->name_count & (info->name_count - 1)) == 0) {
        size_t room = info->name_count ? info->name_count * 2 : 1;
        struct source_name *grown = realloc(info->names, room * sizeof *grown);
        if (grown == NULL) {
            free(name);
            return g4_err_nomem(err, room * sizeof *grown, "the names of sources");
        }
        info->names = grown;
    }
    info->names[info->name_count++] = (struct source_name){source, name};
    return 0;
}

static void hex(char *out, const uint8_t id[16])
{
    for (int i = 0; i < 16; i++)
        snprintf(out + 2 * i, 3, "%02x", id[i]);
}

/* "0:01:30.500", "-" for none. */
static const char *show_time(char out[32], int64_t us)
{
    if (us < 0)
        return "-";
    int64_t ms = us / 1000;
    snprintf(out, 32, "%" PRId64 ":%02d:%02d.%03d", ms / 3600000, (int)(ms / 60000 % 60),
             (int)(ms / 1000 % 60), (int)(ms % 1000));
    return out;
}

enum { SHOWN = 120, SHOWN_SAFE = 4 * SHOWN + 4 };

/* Text from a stream is a stranger's: controls escaped, cut to its first SHOWN bytes. */
static const char *show_text(char out[SHOWN_SAFE], const char *text)
{
    size_t n = strlen(text);
    size_t kept = n > SHOWN ? SHOWN - g4_utf8_partial(text, SHOWN) : n;
    size_t used = g4_utf8_safe(out, SHOWN_SAFE - 3, text, kept);
    if (kept < n)
        memcpy(out + used, "...", 4);
    return out;
}

/* ---------------------------------------------------------------------------------------- table */

static void table_head(struct info *info, const char *name, const struct g4_record *r)
{
    char space[33], encoder[33];
    hex(space, r->head.space_id);
    hex(encoder, r->head.encoder_id);
    fprintf(info->out, "%s: stream %" PRIu32 ", width %" PRIu32 ", %s\n", name, r->stream + 1,
            r->head.width, g4_stream_dtype_name(r->head.dtype));
    if (r->head.width > 0)
        fprintf(info->out, "  space id    %s\n  encoder id  %s\n", space, encoder);
}

static void table_program(const struct info *info, const char *program, const char *version,
                          const char *model)
{
    char a[SHOWN_SAFE], b[SHOWN_SAFE], c[SHOWN_SAFE];
    fprintf(info->out, "  written by  %s %s, model %s\n", show_text(a, program),
            show_text(b, version), show_text(c, model));
}

static void table_segment(struct info *info, const struct g4_segment *s)
{
    char t0[32], t1[32], grid[32] = "-", name[SHOWN_SAFE];
    const char *source = name_of(info, s->source);
    if (!info->heading)
        fprintf(info->out, "  segment  source  kind   %13s  %13s   rows     grid  name\n", "start",
                "end");
    info->heading = true;
    if (s->grid_w > 0)
        snprintf(grid, sizeof grid, "%ux%u", s->grid_w, s->grid_h);
    fprintf(info->out, "  %7" PRIu32 "  %6" PRIu32 "  %-5s  %13s  %13s  %5" PRIu32 "  %7s  %s\n",
            s->number, s->source, g4_stream_kind_name(s->kind), show_time(t0, s->t0),
            show_time(t1, s->t1), s->rows, grid, source != NULL ? show_text(name, source) : "-");
}

/* ----------------------------------------------------------------------------------------- JSON */

static json_t *json_time(int64_t us)
{
    return us < 0 ? json_null() : json_integer(us);
}

static json_t *json_segment(const struct info *info, const struct g4_segment *s)
{
    const char *name = name_of(info, s->source);
    return json_pack("{s:I, s:I, s:o, s:s, s:o, s:o, s:I, s:o}", "segment", (json_int_t)s->number,
                     "source", (json_int_t)s->source, "name",
                     name != NULL ? json_string(name) : json_null(), "kind",
                     g4_stream_kind_name(s->kind), "t0", json_time(s->t0), "t1", json_time(s->t1),
                     "rows", (json_int_t)s->rows, "grid",
                     s->grid_w > 0 ? json_pack("[i, i]", s->grid_w, s->grid_h) : json_null());
}

static int json_begin(struct info *info, const struct g4_record *r, struct g4_err *err)
{
    char space[33], encoder[33];
    hex(space, r->head.space_id);
    hex(encoder, r->head.encoder_id);
    info->object =
        json_pack("{s:I, s:s, s:s, s:s, s:[], s:[], s:[]}", "width", (json_int_t)r->head.width,
                  "dtype", g4_stream_dtype_name(r->head.dtype), "space_id", space, "encoder_id",
                  encoder, "segments", "text", "fail");
    return info->object != NULL ? 0 : g4_err_nomem(err, 0, "JSON");
}

/* Appends `value` (reference taken over) to a list of the open stream's object. */
static int json_add(struct info *info, const char *list, json_t *value, struct g4_err *err)
{
    if (value == NULL || json_array_append_new(json_object_get(info->object, list), value) < 0)
        return g4_err_nomem(err, 0, "JSON");
    return 0;
}

static int json_end(struct info *info, struct g4_err *err)
{
    char *text = NULL;
    if (json_object_set_new(info->object, "total_rows", json_integer((json_int_t)info->rows)) == 0)
        text = json_dumps(info->object, JSON_COMPACT);
    if (text == NULL)
        return g4_err_nomem(err, 0, "JSON");
    fprintf(info->out, "%s\n", text);
    free(text);
    return 0;
}

/* -------------------------------------------------------------------------------------- records */

static int on_meta(struct info *info, const struct g4_record *r, struct g4_err *err)
{
    char *source = NULL, *program = NULL, *version = NULL, *model = NULL;
    int status = g4_stream_meta_string(r, "source", &source, err);
    if (status == 0)
        status = g4_stream_meta_string(r, "program", &program, err);
    if (status == 0)
        status = g4_stream_meta_string(r, "version", &version, err);
    if (status == 0)
        status = g4_stream_meta_string(r, "model", &model, err);
    if (status == 0 && source != NULL) {
        status = remember(info, r->source, source, err);
        source = NULL;
    }
    if (status == 0 && !info->json && program != NULL && version != NULL && model != NULL)
        table_program(info, program, version, model);
    free(source);
    free(program);
    free(version);
    free(model);
    return status;
}

static int on_segment(struct info *info, const struct g4_segment *s, struct g4_err *err)
{
    info->segments++;
    info->rows += s->rows;
    if (info->json)
        return json_add(info, "segments", json_segment(info, s), err);
    table_segment(info, s);
    return 0;
}

static int on_words(struct info *info, const struct g4_record *r, struct g4_err *err)
{
    char shown[SHOWN_SAFE];
    bool fail = r->type == G4_RECORD_FAIL;
    if (info->json)
        return fail ? json_add(info, "fail",
                               json_pack("{s:I, s:s#}", "source", (json_int_t)r->source, "message",
                                         r->text, (int)r->text_bytes),
                               err)
                    : json_add(info, "text", json_stringn(r->text, r->text_bytes), err);
    if (fail)
        fprintf(info->out, "  failed: source %" PRIu32 ": %s\n", r->source,
                show_text(shown, r->text));
    else
        fprintf(info->out, "  text: %s\n", show_text(shown, r->text));
    return 0;
}

static int on_record(void *ctx, const char *name, const struct g4_record *r, struct g4_err *err)
{
    struct info *info = ctx;
    int status = 0;
    switch (r->type) {
    case G4_RECORD_HEAD:
        forget(info);
        info->heading = false;
        info->segments = info->rows = 0;
        if (info->json)
            return json_begin(info, r, err);
        table_head(info, name, r);
        break;
    case G4_RECORD_META: return on_meta(info, r, err);
    case G4_RECORD_TEXT:
    case G4_RECORD_FAIL: return on_words(info, r, err);
    case G4_RECORD_SEGE: return on_segment(info, &r->segment, err);
    case G4_RECORD_ENDS:
        if (info->json)
            status = json_end(info, err);
        else
            fprintf(info->out, "  %" PRIu64 " segment%s, %" PRIu64 " row%s\n", info->segments,
                    info->segments == 1 ? "" : "s", info->rows, info->rows == 1 ? "" : "s");
        break;
    case G4_RECORD_SEGM:
    case G4_RECORD_ROWS:
    case G4_RECORD_EOF: break;
    }
    return status;
}

int g4_stream_info(struct g4_output *out, bool json, const char *const *operands, size_t count,
                   size_t *fails)
{
    struct info info = {.out = g4_output_file(out), .json = json};
    int result = 0;
    if (info.out == NULL) {
        g4_log_errorf("cannot allocate memory for the output");
        return 1;
    }
    for (size_t i = 0; i < count; i++) {
        struct g4_err err;
        if (g4_stream_visit(operands[i], on_record, &info, fails, &err) < 0) {
            g4_log_error(&err);
            result = 1;
        }
        forget(&info);
    }
    return result;
}

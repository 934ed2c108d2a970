/*
 * decode_each.c - one answer per unit.
 *
 * A unit is a picture, an audio segment, or the consecutive frames of one source with the sound
 * behind them; =segment and =source force either. A unit of one segment is answered when that
 * closes; one of several when something comes that does not belong to it.
 */
#include <stdlib.h>
#include <string.h>

#include "bin/decode_run.h"
#include "bin/segment_rows.h"
#include "lib/base/log.h"
#include "lib/base/progress.h"

struct unit {
    bool open;
    struct g4_asking asking;
    char *name; /* of its source */
    long part;
    uint32_t stream, source;  /* of its newest segment */
    enum g4_stream_kind kind; /* of its newest segment */
    bool joins;               /* further segments may belong to it */
    int64_t segment, t0, t1;  /* of a unit of one segment; of several: -1 and the whole span */
};

struct each {
    struct g4_decode_run *run;
    struct unit unit;
    struct g4_segment_rows rows;
    struct g4_source_name name;
    struct g4_text *texts; /* TEXT records that wait for their unit */
    size_t text_count;
};

static void release_unit(struct unit *unit)
{
    g4_asking_release(&unit->asking);
    free(unit->name);
    *unit = (struct unit){0};
}

static void drop_texts(struct each *each)
{
    for (size_t i = 0; i < each->text_count; i++)
        g4_text_release(&each->texts[i]);
    free(each->texts);
    each->texts = NULL;
    each->text_count = 0;
}

/* ------------------------------------------------------------------------------------ answering */

/* Errors that end the run; all others are one unit's own. */
static bool ends_run(const struct each *each, const struct g4_err *err)
{
    return each->run->printer->failed || err->code == G4_EUSAGE;
}

/* An error row of a source or unit; the run goes on. */
static int error_row(struct each *each, const char *name, int64_t segment, const char *message,
                     struct g4_err *err)
{
    each->run->failed = true;
    g4_progress_clear();
    g4_log_errorf("%s", message);
    const struct g4_answer_row row = {
        .source = name, .segment = segment, .t0 = -1, .t1 = -1, .error = message};
    return g4_printer_row(each->run->printer, &row, err);
}

/* Answers the open unit and forgets it. */
static int answer_unit(struct each *each, struct g4_err *err)
{
    struct unit *unit = &each->unit;
    struct g4_decode_engine *engine = each->run->engine;
    struct g4_err reason = {0};
    if (!unit->open)
        return 0;
    struct g4_answer_row row = {
        .source = unit->name, .segment = unit->segment, .t0 = unit->t0, .t1 = unit->t1};
    int status = g4_compose_end(&unit->asking.compose, &reason);
    if (status == 0)
        status = g4_asking_feed(&unit->asking, engine, true, &reason);
    if (status == 0)
        status = g4_asking_answer(&unit->asking, engine, each->run->printer, &row, &reason);
    if (status < 0 && ends_run(each, &reason))
        *err = reason;
    else if (status < 0)
        status = error_row(each, unit->name, unit->segment, reason.text, err);
    release_unit(unit);
    return status;
}

/* ------------------------------------------------------------------------------------ units */

/* Whether a segment with this record belongs to the open unit. */
static bool continues(const struct each *each, const struct g4_record *r)
{
    const struct unit *u = &each->unit;
    if (!u->open || !u->joins)
        return false;
    bool same_source = u->stream == r->stream && u->source == r->source;
    if (each->run->options->each == G4_EACH_SOURCE || r->segment.kind == G4_KIND_FRAME)
        return same_source;
    /* The sound of a clip is a source of its own behind the frames, of the same name and part. */
    const struct g4_source_name *n = &each->name;
    return r->segment.kind == G4_KIND_AUDIO && u->stream == r->stream &&
           (u->kind == G4_KIND_FRAME || same_source) && n->name && n->source == r->source &&
           n->stream == r->stream && n->part == u->part && strcmp(n->name, u->name) == 0;
}

static int begin_unit(struct each *each, const struct g4_record *r, struct g4_err *err)
{
    struct unit *u = &each->unit;
    enum g4_decode_each mode = each->run->options->each;
    *u = (struct unit){
        .open = true, .segment = -1, .t0 = r->segment.t0, .t1 = -1, .part = each->name.part};
    u->joins = mode == G4_EACH_SOURCE || (mode == G4_EACH_UNIT && r->segment.kind == G4_KIND_FRAME);
    if (!u->joins)
        u->segment = r->segment.number;
    u->name = g4_source_name_of(&each->name, r->stream, r->source);
    int status = u->name ? 0 : g4_err_nomem(err, 0, "a source name");
    if (status == 0)
        status = g4_asking_begin(&u->asking, each->run->engine, err);
    for (size_t i = 0; i < each->text_count && status == 0; i++)
        status = g4_compose_text(&u->asking.compose, each->texts[i].text, each->texts[i].n, err);
    drop_texts(each);
    return status;
}

/* Puts a closed segment into the open unit. */
static int add_segment(struct each *each, const struct g4_record *r, float *rows,
                       struct g4_err *err)
{
    struct unit *u = &each->unit;
    u->stream = r->stream;
    u->source = r->source;
    u->kind = r->segment.kind;
    if (r->segment.t1 > u->t1)
        u->t1 = r->segment.t1;
    int status = g4_compose_segment(&u->asking.compose, r->stream, &r->segment, rows, err);
    return status < 0 ? status : g4_asking_feed(&u->asking, each->run->engine, false, err);
}

static int close_segment(struct each *each, const struct g4_record *r, struct g4_err *err)
{
    struct g4_err reason = {0};
    float *rows = g4_segment_rows_take(&each->rows);
    int status = each->unit.open ? 0 : begin_unit(each, r, &reason);
    if (status == 0)
        status = add_segment(each, r, rows, &reason);
    else
        free(rows);
    if (status < 0 && ends_run(each, &reason)) {
        *err = reason;
        return status;
    }
    if (status < 0) {
        status = error_row(each, each->unit.name, r->segment.number, reason.text, err);
        release_unit(&each->unit);
        return status;
    }
    return each->unit.joins ? 0 : answer_unit(each, err);
}

/* ------------------------------------------------------------------------------------ records */

static int hold_text(struct each *each, const struct g4_record *r, struct g4_err *err)
{
    struct g4_text *grown = realloc(each->texts, (each->text_count + 1) * sizeof *grown);
    if (!grown)
        return g4_err_nomem(err, r->text_bytes, "a text");
    each->texts = grown;
    each->texts[each->text_count] = (struct g4_text){0};
    return g4_text_append(&each->texts[each->text_count++], r->text, r->text_bytes, err);
}

static int source_failed(struct each *each, const struct g4_record *r, struct g4_err *err)
{
    struct unit *u = &each->unit;
    bool own = u->open && u->stream == r->stream && u->source == r->source;
    g4_segment_rows_release(&each->rows);
    int status = 0;
    if (own && each->run->options->keep_going) {
        g4_log_errorf("%s", r->text);
        each->run->failed = true;
        return answer_unit(each, err);
    }
    if (own)
        release_unit(u);
    else
        status = answer_unit(each, err);
    drop_texts(each);
    char *name = g4_source_name_of(&each->name, r->stream, r->source);
    if (status == 0)
        status =
            name ? error_row(each, name, -1, r->text, err) : g4_err_nomem(err, 0, "a source name");
    free(name);
    return status;
}

static int take_record(struct each *each, const struct g4_record *r, struct g4_err *err)
{
    int status = 0;
    switch (r->type) {
    case G4_RECORD_META: return g4_source_name_read(&each->name, r, err);
    case G4_RECORD_TEXT:
        status = answer_unit(each, err);
        return status < 0 ? status : hold_text(each, r, err);
    case G4_RECORD_SEGM: return continues(each, r) ? 0 : answer_unit(each, err);
    case G4_RECORD_ROWS:
        return g4_segment_rows_add(&each->rows, r, each->run->engine->model.config.text.hidden_size,
                                   err);
    case G4_RECORD_SEGE: return close_segment(each, r, err);
    case G4_RECORD_FAIL: return source_failed(each, r, err);
    case G4_RECORD_ENDS: return answer_unit(each, err);
    default: return 0;
    }
}

int g4_decode_each(struct g4_decode_run *run, struct g4_err *err)
{
    struct each each = {.run = run};
    struct g4_record record;
    int status;
    do {
        status = g4_decode_input_next(run->input, &record, err);
        if (status == 0)
            status = take_record(&each, &record, err);
    } while (status == 0 && record.type != G4_RECORD_EOF);
    if (status == 0 && each.text_count > 0)
        status = g4_err_set(err, G4_EINPUT,
                            "a TEXT record at the end belongs to no picture, sound or clip");
    release_unit(&each.unit);
    drop_texts(&each);
    g4_segment_rows_release(&each.rows);
    g4_source_name_release(&each.name);
    return status;
}

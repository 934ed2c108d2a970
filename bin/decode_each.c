/*
 * decode_each.c - one answer per unit.
 *
 * A unit is a picture, an audio segment, or the consecutive frames of one source with the sound
 * behind them; =segment and =source force either. A unit of one segment is asked when that closes;
 * one of several when something comes that does not belong to it.
 *
 *     records -> the open unit -> the line (bin/decode_line.h) -> answers
 *
 * Records come first: while some are there, and a seat for what they bring, they are read and the
 * prompt is computed. Otherwise the answers grow.
 */
#include <stdlib.h>
#include <string.h>

#include "bin/decode_line.h"
#include "bin/segment_rows.h"

struct each {
    struct g4_decode_run *run;
    struct g4_line line;
    struct {
        struct g4_unit *unit; /* NULL: none is open */
        bool joins;           /* further segments may belong to it */
        long part;
        uint32_t stream, source;  /* of its newest segment */
        enum g4_stream_kind kind; /* of its newest segment */
    } open;
    struct g4_segment_rows rows;
    struct g4_source_name name;
    struct g4_text *texts; /* TEXT records that wait for their unit */
    size_t text_count;
};

static void drop_texts(struct each *each)
{
    for (size_t i = 0; i < each->text_count; i++)
        g4_text_release(&each->texts[i]);
    free(each->texts);
    each->texts = NULL;
    each->text_count = 0;
}

/* ------------------------------------------------------------------------------------ asking */

/* What failed for a unit: an error row stands in its place. The wrong usage of all of them ends the
 * run. Takes the unit. */
static int unit_failed(struct each *each, struct g4_unit *unit, const struct g4_err *reason,
                       struct g4_err *err)
{
    g4_asking_release(&unit->asking);
    unit->error = strdup(reason->text);
    if (unit->error && reason->code != G4_EUSAGE)
        return g4_line_add(&each->line, unit, err);
    g4_unit_free(unit);
    *err = *reason;
    return reason->code;
}

/* The open unit is complete: it is asked. */
static int close_unit(struct each *each, struct g4_err *err)
{
    struct g4_unit *unit = each->open.unit;
    struct g4_err reason = {0};
    if (!unit)
        return 0;
    each->open.unit = NULL;
    int status = g4_compose_end(&unit->asking.compose, &reason);
    if (status == 0)
        status = g4_asking_feed(&unit->asking, true, &reason);
    if (status < 0)
        return unit_failed(each, unit, &reason, err);
    g4_asking_start(&unit->asking);
    return g4_line_add(&each->line, unit, err);
}

/* ------------------------------------------------------------------------------------ units */

/* Whether a segment with this record belongs to the open unit. */
static bool continues(const struct each *each, const struct g4_record *r)
{
    if (!each->open.unit || !each->open.joins)
        return false;
    bool same_source = each->open.stream == r->stream && each->open.source == r->source;
    if (each->run->options->each == G4_EACH_SOURCE || r->segment.kind == G4_KIND_FRAME)
        return same_source;
    /* The sound of a clip is a source of its own behind the frames, of the same name and part. */
    const struct g4_source_name *n = &each->name;
    return r->segment.kind == G4_KIND_AUDIO && each->open.stream == r->stream &&
           (each->open.kind == G4_KIND_FRAME || same_source) && n->name && n->source == r->source &&
           n->stream == r->stream && n->part == each->open.part &&
           strcmp(n->name, each->open.unit->name) == 0;
}

/* Opens a unit for a closed segment, when there is a seat for it. */
static int open_unit(struct each *each, const struct g4_record *r, struct g4_err *err)
{
    enum g4_decode_each mode = each->run->options->each;
    while (!g4_decode_free_seat(each->run->engine)) {
        int status = g4_line_advance(&each->line, err);
        if (status < 0)
            return status;
    }
    struct g4_unit *unit = g4_unit_new(g4_source_name_of(&each->name, r->stream, r->source), err);
    if (!unit)
        return G4_ENOMEM;
    each->open.unit = unit;
    each->open.joins =
        mode == G4_EACH_SOURCE || (mode == G4_EACH_UNIT && r->segment.kind == G4_KIND_FRAME);
    each->open.part = each->name.part;
    unit->t0 = r->segment.t0;
    if (!each->open.joins)
        unit->segment = r->segment.number;
    return 0;
}

/* The prompt up to the first segment. */
static int begin_asking(struct each *each, struct g4_err *err)
{
    struct g4_asking *asking = &each->open.unit->asking;
    int status = g4_asking_begin(asking, each->run->engine, err);
    for (size_t i = 0; i < each->text_count && status == 0; i++)
        status = g4_compose_text(&asking->compose, each->texts[i].text, each->texts[i].n, err);
    drop_texts(each);
    return status;
}

/* Puts a closed segment into the open unit; takes rows. */
static int add_segment(struct each *each, const struct g4_record *r, float *rows,
                       struct g4_err *err)
{
    struct g4_unit *unit = each->open.unit;
    each->open.stream = r->stream;
    each->open.source = r->source;
    each->open.kind = r->segment.kind;
    if (r->segment.t1 > unit->t1)
        unit->t1 = r->segment.t1;
    int status = g4_compose_segment(&unit->asking.compose, r->stream, &r->segment, rows, err);
    return status < 0 ? status : g4_asking_feed(&unit->asking, false, err);
}

static int close_segment(struct each *each, const struct g4_record *r, struct g4_err *err)
{
    struct g4_err reason = {0};
    float *rows = g4_segment_rows_take(&each->rows);
    bool first = !each->open.unit;
    int status = first ? open_unit(each, r, err) : 0;
    if (status < 0) {
        free(rows);
        return status;
    }
    if (first && begin_asking(each, &reason) < 0)
        free(rows);
    else
        add_segment(each, r, rows, &reason);
    if (reason.code < 0) {
        struct g4_unit *unit = each->open.unit;
        each->open.unit = NULL;
        unit->segment = r->segment.number;
        return unit_failed(each, unit, &reason, err);
    }
    return each->open.joins ? 0 : close_unit(each, err);
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

/* The error row of a source. */
static int add_failure(struct each *each, const struct g4_record *r, struct g4_err *err)
{
    struct g4_unit *unit = g4_unit_new(g4_source_name_of(&each->name, r->stream, r->source), err);
    if (!unit)
        return G4_ENOMEM;
    unit->error = strdup(r->text);
    if (unit->error)
        return g4_line_add(&each->line, unit, err);
    g4_unit_free(unit);
    return g4_err_nomem(err, r->text_bytes, "a message");
}

static int source_failed(struct each *each, const struct g4_record *r, struct g4_err *err)
{
    struct g4_unit *unit = each->open.unit;
    bool own = unit && each->open.stream == r->stream && each->open.source == r->source;
    g4_segment_rows_release(&each->rows);
    if (own && each->run->options->keep_going) {
        unit->complaint = strdup(r->text);
        return unit->complaint ? close_unit(each, err)
                               : g4_err_nomem(err, r->text_bytes, "a message");
    }
    if (own) {
        each->open.unit = NULL;
        g4_unit_free(unit);
    }
    int status = close_unit(each, err);
    drop_texts(each);
    return status < 0 ? status : add_failure(each, r, err);
}

static int take_record(struct each *each, const struct g4_record *r, struct g4_err *err)
{
    int status = 0;
    switch (r->type) {
    case G4_RECORD_META: return g4_source_name_read(&each->name, r, err);
    case G4_RECORD_TEXT:
        status = close_unit(each, err);
        return status < 0 ? status : hold_text(each, r, err);
    case G4_RECORD_SEGM: return continues(each, r) ? 0 : close_unit(each, err);
    case G4_RECORD_ROWS:
        return g4_segment_rows_add(&each->rows, r, each->run->engine->model.config.text.hidden_size,
                                   err);
    case G4_RECORD_SEGE: return close_segment(each, r, err);
    case G4_RECORD_FAIL: return source_failed(each, r, err);
    case G4_RECORD_ENDS: return close_unit(each, err);
    default: return 0;
    }
}

/* Lets the answers grow until there is a record to read, and a seat for what it may bring. */
static int wait_for_input(struct each *each, struct g4_err *err)
{
    int status = 0;
    while (each->line.growing > 0 && status == 0 &&
           ((!each->open.unit && !g4_decode_has_seat(each->run->engine)) ||
            !g4_decode_input_ready(each->run->input)))
        status = g4_line_advance(&each->line, err);
    return status;
}

static int take_all(struct each *each, struct g4_err *err)
{
    struct g4_record record;
    int status;
    do {
        status = wait_for_input(each, err);
        if (status == 0)
            status = g4_decode_input_next(each->run->input, &record, err);
        if (status == 0)
            status = take_record(each, &record, err);
    } while (status == 0 && record.type != G4_RECORD_EOF);
    if (status == 0 && each->text_count > 0)
        status = g4_err_set(err, G4_EINPUT,
                            "a TEXT record at the end belongs to no picture, sound or clip");
    return status;
}

int g4_decode_each(struct g4_decode_run *run, struct g4_err *err)
{
    struct each each = {.run = run, .line = {.run = run}};
    struct g4_err output = {0};
    int status = take_all(&each, err);
    /* What came before the input broke is answered all the same. */
    if (!run->printer->failed && g4_line_finish(&each.line, &output) < 0) {
        *err = output;
        status = output.code;
    }
    g4_unit_free(each.open.unit);
    g4_line_release(&each.line);
    drop_texts(&each);
    g4_segment_rows_release(&each.rows);
    g4_source_name_release(&each.name);
    return status;
}

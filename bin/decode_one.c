/* decode_one.c - one prompt from all that came. */
#include <stdlib.h>

#include "bin/decode_run.h"
#include "bin/segment_rows.h"
#include "lib/base/log.h"
#include "lib/base/progress.h"

/* Rows of media that are run together while others still come: single frames would make panels of
 * the weights over and over. The number decides, not the time: rows share a pass on every machine
 * as on any other, and come out the same. */
enum { ROWS_TOGETHER = 256 };

struct one {
    struct g4_decode_run *run;
    struct g4_asking asking;
    struct g4_segment_rows rows;
    struct g4_source_name name;
    char *only_name;         /* of the one source that came; NULL when none or several */
    size_t waiting;          /* rows of the prompt that have not been run */
    size_t sources;          /* that sent a segment, or failed */
    uint32_t stream, source; /* the newest of them */
    bool texts;
};

static bool give_up(const struct one *one)
{
    return one->run->failed && !one->run->options->keep_going;
}

static int count_source(struct one *one, const struct g4_record *r, struct g4_err *err)
{
    if (one->sources > 0 && one->stream == r->stream && one->source == r->source)
        return 0;
    one->stream = r->stream;
    one->source = r->source;
    free(one->only_name);
    one->only_name = NULL;
    if (one->sources++ > 0)
        return 0;
    one->only_name = g4_source_name_of(&one->name, r->stream, r->source);
    return one->only_name ? 0 : g4_err_nomem(err, 0, "a source name");
}

static int close_segment(struct one *one, const struct g4_record *r, struct g4_err *err)
{
    float *rows = g4_segment_rows_take(&one->rows);
    if (give_up(one)) {
        free(rows);
        return 0;
    }
    int status = g4_compose_segment(&one->asking.compose, r->stream, &r->segment, rows, err);
    one->waiting += r->segment.rows;
    if (status < 0 || one->waiting < ROWS_TOGETHER)
        return status;
    one->waiting = 0;
    return g4_asking_feed(&one->asking, false, err);
}

static int take_record(struct one *one, const struct g4_record *r, struct g4_err *err)
{
    switch (r->type) {
    case G4_RECORD_META: return g4_source_name_read(&one->name, r, err);
    case G4_RECORD_TEXT:
        one->texts = true;
        return g4_compose_text(&one->asking.compose, r->text, r->text_bytes, err);
    case G4_RECORD_SEGM: return count_source(one, r, err);
    case G4_RECORD_ROWS:
        return g4_segment_rows_add(&one->rows, r, one->run->engine->model.config.text.hidden_size,
                                   err);
    case G4_RECORD_SEGE: return close_segment(one, r, err);
    case G4_RECORD_FAIL:
        g4_log_errorf("%s", r->text);
        one->run->failed = true;
        g4_segment_rows_release(&one->rows);
        return count_source(one, r, err);
    default: return 0;
    }
}

/* Reads to the end of the input, which must be valid to the last byte. */
static int take_all(struct one *one, struct g4_err *err)
{
    struct g4_record record;
    int status = 0;
    do {
        status = g4_decode_input_next(one->run->input, &record, err);
        if (status == 0)
            status = take_record(one, &record, err);
    } while (status == 0 && record.type != G4_RECORD_EOF);
    if (status == 0 && !give_up(one) && one->asking.compose.segments == 0 && !one->texts)
        status = g4_err_set(err, G4_EINPUT, "no media in the stream");
    return status;
}

/* The answer to a complete prompt, shown while it grows. */
static int answer(struct one *one, struct g4_err *err)
{
    struct g4_asking *asking = &one->asking;
    struct g4_printer *printer = one->run->printer;
    struct g4_answer_row row = {.source = one->only_name, .segment = -1, .t0 = -1, .t1 = -1};
    int status = 0;
    g4_asking_start(asking);
    while (g4_asking_grows(asking) && status == 0) {
        g4_askings_advance(&asking, 1);
        g4_progress_clear();
        status = g4_printer_show(printer, &asking->generation, err);
    }
    return status < 0 ? status : g4_asking_print(asking, printer, &row, err);
}

int g4_decode_one(struct g4_decode_run *run, struct g4_err *err)
{
    struct one one = {.run = run};
    int status = g4_asking_begin(&one.asking, run->engine, err);
    if (status == 0 && !run->input->none)
        status = take_all(&one, err);
    if (status == 0 && !give_up(&one)) {
        g4_progress("reading the prompt", 0, 0);
        status = g4_compose_end(&one.asking.compose, err);
        if (status == 0)
            status = g4_asking_feed(&one.asking, true, err);
        if (status == 0)
            status = answer(&one, err);
    }
    g4_progress_clear();
    g4_asking_release(&one.asking);
    g4_segment_rows_release(&one.rows);
    g4_source_name_release(&one.name);
    free(one.only_name);
    return status;
}

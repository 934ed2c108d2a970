/* decode_line.c - see the header. */
#include "bin/decode_line.h"

#include <stdlib.h>
#include <time.h>

#include "lib/base/log.h"
#include "lib/base/progress.h"

static double now(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + (double)t.tv_nsec * 1e-9;
}

struct g4_unit *g4_unit_new(char *name, struct g4_err *err)
{
    struct g4_unit *unit = name ? calloc(1, sizeof *unit) : NULL;
    if (!unit) {
        free(name);
        g4_err_nomem(err, sizeof *unit, "a source");
        return NULL;
    }
    unit->name = name;
    unit->segment = unit->t0 = unit->t1 = -1;
    return unit;
}

void g4_unit_free(struct g4_unit *unit)
{
    if (!unit)
        return;
    g4_asking_release(&unit->asking);
    free(unit->name);
    free(unit->complaint);
    free(unit->error);
    free(unit);
}

/* ------------------------------------------------------------------------------ printing */

static int print_error(struct g4_line *line, const struct g4_unit *unit, const char *text,
                       struct g4_err *err)
{
    line->run->failed = true;
    g4_log_errorf("%s", text);
    const struct g4_answer_row row = {
        .source = unit->name, .segment = unit->segment, .t0 = -1, .t1 = -1, .error = text};
    return g4_printer_row(line->run->printer, &row, err);
}

/* The row of a unit whose turn has come. */
static int print_unit(struct g4_line *line, struct g4_unit *unit, struct g4_err *err)
{
    struct g4_printer *printer = line->run->printer;
    struct g4_answer_row row = {
        .source = unit->name, .segment = unit->segment, .t0 = unit->t0, .t1 = unit->t1};
    struct g4_err reason = {0};
    g4_progress_clear();
    if (unit->complaint) {
        line->run->failed = true;
        g4_log_errorf("%s", unit->complaint);
    }
    if (unit->error)
        return print_error(line, unit, unit->error, err);
    line->answers++;
    line->tokens += unit->asking.generation.ids.count;
    int status = g4_asking_print(&unit->asking, printer, &row, &reason);
    if (status < 0 && !printer->failed)
        return print_error(line, unit, reason.text, err);
    if (status < 0)
        *err = reason;
    return status;
}

/* What can be said so far: whole rows, then the beginning of the next. */
static int print_ready(struct g4_line *line, struct g4_err *err)
{
    int status = 0;
    while (line->first && !g4_asking_grows(&line->first->asking) && status == 0) {
        struct g4_unit *unit = line->first;
        status = print_unit(line, unit, err);
        line->first = unit->next;
        g4_unit_free(unit);
    }
    if (!line->first || status < 0)
        return status;
    return g4_printer_show(line->run->printer, &line->first->asking.generation, err);
}

/* ------------------------------------------------------------------------------ the line */

int g4_line_add(struct g4_line *line, struct g4_unit *unit, struct g4_err *err)
{
    if (line->first)
        line->last->next = unit;
    else
        line->first = unit;
    line->last = unit;
    line->growing += g4_asking_grows(&unit->asking);
    return print_ready(line, err);
}

int g4_line_advance(struct g4_line *line, struct g4_err *err)
{
    struct g4_asking *growing[G4_SESSIONS_TOGETHER];
    size_t n = 0;
    double start = now();
    for (struct g4_unit *unit = line->first; unit; unit = unit->next)
        if (g4_asking_grows(&unit->asking))
            growing[n++] = &unit->asking;
    g4_askings_advance(growing, n);
    line->growing = 0;
    for (size_t i = 0; i < n; i++)
        line->growing += g4_asking_grows(growing[i]);
    line->seconds += now() - start;
    return print_ready(line, err);
}

int g4_line_finish(struct g4_line *line, struct g4_err *err)
{
    int status = 0;
    while (line->growing > 0 && status == 0)
        status = g4_line_advance(line, err);
    if (line->tokens > 0)
        g4_log_info(1, "%zu answers, %zu tokens in %.3f s: %.2f tokens/s", line->answers,
                    line->tokens, line->seconds, (double)line->tokens / line->seconds);
    return status;
}

void g4_line_release(struct g4_line *line)
{
    while (line->first) {
        struct g4_unit *unit = line->first;
        line->first = unit->next;
        g4_unit_free(unit);
    }
}

/* decode_print.c - see the header. Every row is one write. */
#include "bin/decode_print.h"

#include <jansson.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "decoder/text_buffer.h"

void g4_printer_open(struct g4_printer *printer, struct g4_output *output,
                     const struct g4_decode_options *options)
{
    *printer = (struct g4_printer){.output = output, .options = options};
}

static int put(struct g4_printer *p, const char *bytes, size_t n, struct g4_err *err)
{
    int status = n ? g4_output_write(p->output, bytes, n, err) : 0;
    p->failed |= status < 0;
    return status;
}

/* ------------------------------------------------------------------------------------------ text
 */

/* Bytes of content and thought that the text format shows, as far as they have come. */
static int show_text(struct g4_printer *p, const struct g4_generation *g, struct g4_err *err)
{
    bool thought = p->options->think >= G4_THINK_SHOW;
    size_t content = p->options->think == G4_THINK_ONLY ? 0 : g->ready;
    int status = 0;
    bool first = p->content_shown + p->thought_shown == 0;
    bool any = content > 0 || (thought && g->answer.thought.n > 0);
    if (first && any && p->answers > 0)
        status = put(p, "\n", 1, err);
    if (status == 0 && thought && g->answer.thought.n > p->thought_shown && p->content_shown == 0) {
        status = put(p, g->answer.thought.text + p->thought_shown,
                     g->answer.thought.n - p->thought_shown, err);
        p->thought_shown = g->answer.thought.n;
    }
    if (status == 0 && content > p->content_shown) {
        if (p->content_shown == 0 && p->thought_shown > 0)
            status = put(p, "\n\n", 2, err);
        if (status == 0)
            status =
                put(p, g->answer.content.text + p->content_shown, content - p->content_shown, err);
        p->content_shown = content;
    }
    return status;
}

static int append_json_string(struct g4_text *out, const char *text, size_t n, struct g4_err *err)
{
    json_t *value = json_stringn(text ? text : "", n);
    char *dumped = value ? json_dumps(value, JSON_ENCODE_ANY) : NULL;
    json_decref(value);
    int status = dumped ? g4_text_puts(out, dumped, err) : g4_err_nomem(err, n, "an answer");
    free(dumped);
    return status;
}

/* {"name":..,"arguments":{..}}; a call that could not be read keeps its text. */
static int append_call(struct g4_text *out, const struct g4_answer_call *call, struct g4_err *err)
{
    int status;
    if (call->err.code) {
        status = g4_text_puts(out, "{\"name\":null,\"arguments\":null,\"text\":", err);
        if (status == 0)
            status = append_json_string(out, call->text.text, call->text.n, err);
    } else {
        status = g4_text_puts(out, "{\"name\":", err);
        if (status == 0)
            status = append_json_string(out, call->parsed.name.text, call->parsed.name.n, err);
        if (status == 0)
            status = g4_text_puts(out, ",\"arguments\":", err);
        if (status == 0)
            status =
                g4_text_append(out, call->parsed.arguments.text, call->parsed.arguments.n, err);
    }
    return status < 0 ? status : g4_text_puts(out, "}", err);
}

/* The rest of the answer, its newline, and its tool calls, one line each. */
static int text_row(struct g4_printer *p, const struct g4_answer_row *row, struct g4_err *err)
{
    const struct g4_generation *g = row->generation;
    if (!g)
        return 0;
    int status = show_text(p, g, err);
    bool nothing = p->content_shown + p->thought_shown == 0;
    if (status == 0 && nothing && p->answers > 0)
        status = put(p, "\n", 1, err);
    if (status == 0 && (!nothing || g->answer.call_count == 0))
        status = put(p, "\n", 1, err);
    struct g4_text line = {0};
    for (size_t i = 0; i < g->answer.call_count && status == 0; i++) {
        status = append_call(&line, &g->answer.calls[i], err);
        if (status == 0)
            status = g4_text_puts(&line, "\n", err);
    }
    if (status == 0)
        status = put(p, line.text, line.n, err);
    g4_text_release(&line);
    p->answers++;
    return status;
}

/* ------------------------------------------------------------------------------------------- tsv
 */

static int append_field(struct g4_text *out, const char *text, size_t n, bool double_backslash,
                        struct g4_err *err)
{
    int status = 0;
    for (size_t i = 0; i < n && status == 0; i++) {
        switch (text[i]) {
        case '\t': status = g4_text_puts(out, "\\t", err); break;
        case '\n': status = g4_text_puts(out, "\\n", err); break;
        case '\r': status = g4_text_puts(out, "\\r", err); break;
        case '\\': status = g4_text_puts(out, double_backslash ? "\\\\" : "\\", err); break;
        default: status = g4_text_append(out, text + i, 1, err);
        }
    }
    return status;
}

/* What the text column holds: content, or the thought with --think=only, both with =show. */
static int append_shown(struct g4_text *out, const struct g4_printer *p,
                        const struct g4_generation *g, struct g4_err *err)
{
    const struct g4_text *thought = &g->answer.thought, *content = &g->answer.content;
    bool with_thought = p->options->think >= G4_THINK_SHOW && thought->n > 0;
    bool with_content = p->options->think != G4_THINK_ONLY && content->n > 0;
    int status = with_thought ? append_field(out, thought->text, thought->n, true, err) : 0;
    if (status == 0 && with_thought && with_content)
        status = g4_text_puts(out, "\\n\\n", err);
    if (status == 0 && with_content)
        status = append_field(out, content->text, content->n, true, err);
    return status;
}

static int tsv_row(struct g4_printer *p, const struct g4_answer_row *row, struct g4_err *err)
{
    struct g4_text line = {0};
    /* The name has its backslashes doubled since it was written into the stream. */
    int status =
        row->source ? append_field(&line, row->source, strlen(row->source), false, err) : 0;
    if (status == 0)
        status = g4_text_puts(&line, "\t", err);
    if (status == 0 && row->generation)
        status = append_shown(&line, p, row->generation, err);
    if (status == 0)
        status = g4_text_puts(&line, "\n", err);
    if (status == 0)
        status = put(p, line.text, line.n, err);
    g4_text_release(&line);
    p->answers++;
    return status;
}

/* ------------------------------------------------------------------------------------------ json
 */

/* Appends printf text; the values are short. */
static int append_format(struct g4_text *out, struct g4_err *err, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
static int append_format(struct g4_text *out, struct g4_err *err, const char *format, ...)
{
    char text[256];
    va_list args;
    va_start(args, format);
    vsnprintf(text, sizeof text, format, args);
    va_end(args);
    return g4_text_puts(out, text, err);
}

/* ,"key":"text" or null when text is NULL */
static int append_member(struct g4_text *out, const char *key, const char *text, size_t n,
                         struct g4_err *err)
{
    int status = append_format(out, err, "%s\"%s\":", out->n > 1 ? "," : "", key);
    if (status < 0)
        return status;
    return text ? append_json_string(out, text, n, err) : g4_text_puts(out, "null", err);
}

/* ,"t0":1.500000 or null; microseconds, without rounding through a double */
static int append_time(struct g4_text *out, const char *key, int64_t us, struct g4_err *err)
{
    if (us < 0)
        return append_format(out, err, ",\"%s\":null", key);
    return append_format(out, err, ",\"%s\":%lld.%06lld", key, (long long)(us / 1000000),
                         (long long)(us % 1000000));
}

static int append_ids(struct g4_text *out, const char *key, const struct g4_ids *ids,
                      struct g4_err *err)
{
    int status = append_format(out, err, ",\"%s\":", key);
    if (status == 0 && !ids)
        return g4_text_puts(out, "null", err);
    for (size_t i = 0; status == 0 && i < ids->count; i++)
        status = append_format(out, err, "%s%d", i ? "," : "[", (int)ids->ids[i]);
    return status < 0 ? status : g4_text_puts(out, ids->count ? "]" : "[]", err);
}

static int append_calls(struct g4_text *out, const struct g4_generation *g, struct g4_err *err)
{
    int status = g4_text_puts(out, ",\"tool_calls\":", err);
    size_t count = g ? g->answer.call_count : 0;
    if (status == 0 && count == 0)
        return g4_text_puts(out, "null", err);
    for (size_t i = 0; i < count && status == 0; i++) {
        status = g4_text_puts(out, i ? "," : "[", err);
        if (status == 0)
            status = append_call(out, &g->answer.calls[i], err);
    }
    return status < 0 ? status : g4_text_puts(out, "]", err);
}

static int append_counts(struct g4_text *out, const struct g4_answer_row *row, struct g4_err *err)
{
    static const char *const stops[] = {"end", "length", "stop"};
    const struct g4_generation *g = row->generation;
    if (!g)
        return g4_text_puts(out, ",\"tokens\":null,\"timing\":null,\"stop\":\"error\"", err);
    return append_format(out, err,
                         ",\"tokens\":{\"prompt\":%zu,\"generated\":%zu},\"timing\":{"
                         "\"prefill_s\":%.6f,\"decode_s\":%.6f},\"stop\":\"%s\"",
                         row->prompt_ids->count, g->ids.count, row->prefill_s, row->decode_s,
                         stops[g->stop]);
}

static int append_object(struct g4_text *out, const struct g4_printer *p,
                         const struct g4_answer_row *row, struct g4_err *err)
{
    const struct g4_generation *g = row->generation;
    const struct g4_text *thought = g && g->answer.thought.n ? &g->answer.thought : NULL;
    const char *content = g ? (g->answer.content.text ? g->answer.content.text : "") : NULL;
    int status = g4_text_puts(out, "{", err);
    if (status == 0)
        status =
            append_member(out, "source", row->source, row->source ? strlen(row->source) : 0, err);
    if (status == 0)
        status = row->segment < 0
                     ? g4_text_puts(out, ",\"segment\":null", err)
                     : append_format(out, err, ",\"segment\":%lld", (long long)row->segment);
    if (status == 0)
        status = append_time(out, "t0", row->t0, err);
    if (status == 0)
        status = append_time(out, "t1", row->t1, err);
    if (status == 0)
        status = append_member(out, "text", content, g ? g->answer.content.n : 0, err);
    if (status == 0)
        status = append_member(out, "thinking", thought ? thought->text : NULL,
                               thought ? thought->n : 0, err);
    if (status == 0)
        status = append_calls(out, g, err);
    if (status == 0)
        status = append_counts(out, row, err);
    if (status == 0)
        status = append_member(out, "error", row->error, row->error ? strlen(row->error) : 0, err);
    if (status == 0 && p->options->ids)
        status = append_ids(out, "prompt_ids", row->prompt_ids, err);
    if (status == 0 && p->options->ids)
        status = append_ids(out, "ids", g ? &g->ids : NULL, err);
    return status < 0 ? status : g4_text_puts(out, "}", err);
}

static int json_row(struct g4_printer *p, const struct g4_answer_row *row, struct g4_err *err)
{
    struct g4_text line = {0}, object = {0};
    bool array = p->options->format == G4_FORMAT_JSON;
    int status = append_object(&object, p, row, err);
    if (status == 0 && array)
        status = g4_text_puts(&line, p->answers ? ",\n" : "[", err);
    if (status == 0)
        status = g4_text_append(&line, object.text, object.n, err);
    if (status == 0 && !array)
        status = g4_text_puts(&line, "\n", err);
    if (status == 0)
        status = put(p, line.text, line.n, err);
    g4_text_release(&object);
    g4_text_release(&line);
    p->answers++;
    return status;
}

/* ------------------------------------------------------------------------------------------- all
 */

int g4_printer_show(struct g4_printer *p, const struct g4_generation *generation,
                    struct g4_err *err)
{
    return p->options->format == G4_FORMAT_TEXT ? show_text(p, generation, err) : 0;
}

int g4_printer_row(struct g4_printer *p, const struct g4_answer_row *row, struct g4_err *err)
{
    int status;
    switch (p->options->format) {
    case G4_FORMAT_TEXT: status = text_row(p, row, err); break;
    case G4_FORMAT_TSV: status = tsv_row(p, row, err); break;
    default: status = json_row(p, row, err);
    }
    p->content_shown = p->thought_shown = 0;
    return status;
}

int g4_printer_close(struct g4_printer *p, struct g4_err *err)
{
    if (p->options->format != G4_FORMAT_JSON || p->failed)
        return 0;
    return p->answers ? put(p, "]\n", 2, err) : put(p, "[]\n", 3, err);
}

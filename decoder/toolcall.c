/* toolcall.c - a recursive descent that writes JSON as it goes; strict first, then lenient. */
#include "decoder/toolcall.h"

#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "lib/format/json_scan.h"

static const char quote[] = "<|\"|>";

struct parser {
    const char *at, *end;
    struct g4_text *out;
    struct g4_err *err;
    bool lenient;
    int depth;
};

static int parse_value(struct parser *p);

static int refuse(struct parser *p, const char *why)
{
    return g4_err_set(p->err, G4_EINPUT, "tool call: %s", why);
}

static void skip_space(struct parser *p)
{
    while (p->at < p->end && strchr(" \n\t\r", *p->at) && *p->at)
        p->at++;
}

static char peek(const struct parser *p)
{
    return p->at < p->end ? *p->at : '\0';
}

static bool at_quote(const struct parser *p)
{
    return (size_t)(p->end - p->at) >= strlen(quote) && memcmp(p->at, quote, strlen(quote)) == 0;
}

static int put(struct parser *p, const char *text, size_t n)
{
    return g4_text_append(p->out, text, n, p->err);
}

/* A JSON string of the bytes. */
static int put_string(struct parser *p, const char *text, size_t n)
{
    int status = put(p, "\"", 1);
    for (size_t i = 0; i < n && status == 0; i++) {
        const unsigned char c = (unsigned char)text[i];
        char escaped[8];
        if (c == '"' || c == '\\')
            snprintf(escaped, sizeof escaped, "\\%c", c);
        else if (c == '\n')
            strcpy(escaped, "\\n");
        else if (c == '\t')
            strcpy(escaped, "\\t");
        else if (c < 0x20)
            snprintf(escaped, sizeof escaped, "\\u%04x", c);
        else
            snprintf(escaped, sizeof escaped, "%c", c);
        status = put(p, escaped, strlen(escaped));
    }
    return status < 0 ? status : put(p, "\"", 1);
}

/* The string behind a <|"|>. */
static int parse_string(struct parser *p)
{
    const char *begin = p->at + strlen(quote);
    const char *end = memmem(begin, (size_t)(p->end - begin), quote, strlen(quote));
    if (!end && !p->lenient)
        return refuse(p, "a string that does not end");
    p->at = end ? end + strlen(quote) : p->end;
    return put_string(p, begin, (size_t)((end ? end : p->end) - begin));
}

/* Lenient: a string in plain quotes, as JSON if it can be read so, else to the next such quote. */
static int parse_plain_string(struct parser *p)
{
    const char mark = *p->at, *begin = p->at + 1;
    struct g4_json_scan scan;
    struct g4_json_span span;
    g4_json_scan_open(&scan, "", p->at, (size_t)(p->end - p->at));
    if (mark == '"' && g4_json_scan_string(&scan, &span, NULL) == 0) {
        int status = put(p, p->at, (size_t)(scan.at - p->at));
        p->at = scan.at;
        return status;
    }
    const char *end = memchr(begin, mark, (size_t)(p->end - begin));
    p->at = end ? end + 1 : p->end;
    return put_string(p, begin, (size_t)((end ? end : p->end) - begin));
}

/* Lenient: whatever stands there up to a delimiter, as a string; nothing is null. */
static int parse_bare_word(struct parser *p)
{
    const char *begin = p->at;
    while (p->at < p->end && !strchr(",}]", *p->at))
        p->at++;
    const char *end = p->at;
    while (end > begin && strchr(" \n\t\r", end[-1]))
        end--;
    return end > begin ? put_string(p, begin, (size_t)(end - begin)) : put(p, "null", 4);
}

/* A number, true, false or null, spelled as in JSON and followed by a delimiter. *done: it was one.
 */
static int parse_scalar(struct parser *p, bool *done)
{
    struct g4_json_scan scan;
    struct g4_json_span span;
    *done = false;
    if (p->at == p->end || !strchr("-0123456789tfn", *p->at))
        return 0;
    g4_json_scan_open(&scan, "", p->at, (size_t)(p->end - p->at));
    if (g4_json_scan_skip(&scan, &span, NULL) < 0)
        return 0;
    const char next = g4_json_scan_peek(&scan);
    if (next && !strchr(",}]", next))
        return 0;
    *done = true;
    p->at = scan.at;
    return put(p, span.text, span.n);
}

static int parse_key(struct parser *p)
{
    int status;
    if (at_quote(p) || peek(p) == '"' || peek(p) == '\'') {
        if (!p->lenient)
            return refuse(p, "a quoted key");
        status = at_quote(p) ? parse_string(p) : parse_plain_string(p);
        skip_space(p);
        if (status == 0 && peek(p) != ':')
            return refuse(p, "a key without a value");
    } else {
        const char *begin = p->at;
        while (p->at < p->end && *p->at != ':' && *p->at != '}')
            p->at++;
        if (p->at == begin || p->at == p->end || *p->at == '}')
            return refuse(p, "a key without a value");
        status = put_string(p, begin, (size_t)(p->at - begin));
    }
    p->at++;
    skip_space(p);
    return status < 0 ? status : put(p, ":", 1);
}

/* { pairs } or [ values ]. */
static int parse_list(struct parser *p, char close)
{
    const char open = *p->at++;
    int status = ++p->depth > G4_TOOLCALL_DEPTH ? refuse(p, "nested too deep") : put(p, &open, 1);
    skip_space(p);
    bool first = true;
    while (status == 0 && peek(p) != close && !(p->lenient && p->at == p->end)) {
        if (!first) {
            if (peek(p) != ',')
                return refuse(p, "expected a comma");
            p->at++;
            skip_space(p);
            /* A comma in front of the end, or the text ends behind one. */
            if (p->lenient && (peek(p) == close || p->at == p->end))
                break;
            status = put(p, ",", 1);
        }
        first = false;
        if (status == 0 && close == '}')
            status = parse_key(p);
        if (status == 0)
            status = parse_value(p);
        skip_space(p);
    }
    if (status < 0)
        return status;
    p->at += p->at < p->end;
    p->depth--;
    return put(p, &close, 1);
}

static int parse_value(struct parser *p)
{
    bool done;
    if (at_quote(p))
        return parse_string(p);
    if (peek(p) == '{')
        return parse_list(p, '}');
    if (peek(p) == '[')
        return parse_list(p, ']');
    int status = parse_scalar(p, &done);
    if (status < 0 || done)
        return status;
    if (!p->lenient)
        return refuse(p, "expected a value");
    return peek(p) == '"' || peek(p) == '\'' ? parse_plain_string(p) : parse_bare_word(p);
}

static bool name_char(char c, bool lenient)
{
    const bool strict = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
                        (c >= '0' && c <= '9') || (c && strchr("_-.:", c));
    return strict || (lenient && ((unsigned char)c >= 0x80 || (c && strchr("/$@", c))));
}

static int parse_name(struct parser *p, struct g4_text *name)
{
    static const char prefix[] = "call:";
    const size_t left = (size_t)(p->end - p->at);
    if (left >= strlen(prefix) && memcmp(p->at, prefix, strlen(prefix)) == 0)
        p->at += strlen(prefix);
    else if (!p->lenient)
        return refuse(p, "it does not begin with 'call:'");
    else if (peek(p) == ':')
        p->at++;
    if (p->lenient)
        skip_space(p);
    const char *begin = p->at;
    while (p->at < p->end && name_char(*p->at, p->lenient))
        p->at++;
    const char *end = p->at;
    if (p->lenient)
        skip_space(p);
    if (end == begin || !(peek(p) == '{' || (p->lenient && p->at == p->end)))
        return refuse(p, "no name in front of the arguments");
    return g4_text_append(name, begin, (size_t)(end - begin), p->err);
}

static int parse(struct g4_toolcall *call, const char *text, size_t n, bool lenient,
                 struct g4_err *err)
{
    struct parser p = {
        .at = text, .end = text + n, .out = &call->arguments, .err = err, .lenient = lenient};
    int status = 0;
    if (lenient)
        skip_space(&p);
    status = parse_name(&p, &call->name);
    if (status == 0)
        status = peek(&p) == '{' ? parse_list(&p, '}') : put(&p, "{}", 2);
    if (status == 0 && !lenient && p.at < p.end)
        status = refuse(&p, "text behind the arguments");
    if (status < 0)
        g4_toolcall_release(call);
    return status;
}

int g4_toolcall_parse(struct g4_toolcall *call, const char *text, size_t n, struct g4_err *err)
{
    int status = parse(call, text, n, false, err);
    if (status == G4_EINPUT) {
        if (err)
            *err = (struct g4_err){0};
        status = parse(call, text, n, true, err);
    }
    return status;
}

void g4_toolcall_release(struct g4_toolcall *call)
{
    g4_text_release(&call->name);
    g4_text_release(&call->arguments);
}

/* json_scan.c - see the header. Strings stay where they are; nothing is allocated. */
#include "lib/format/json_scan.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "lib/base/utf8.h"

void g4_json_scan_open(struct g4_json_scan *scan, const char *what, const char *bytes, size_t n)
{
    /* An empty mapping has no address; pointers into nothing must still compare. */
    const char *begin = bytes ? bytes : "";
    *scan = (struct g4_json_scan){
        .what = what, .begin = begin, .at = begin, .end = begin + (bytes ? n : 0)};
}

void g4_json_scan_where(const struct g4_json_scan *scan, size_t *line, size_t *column)
{
    *line = *column = 1;
    for (const char *s = scan->begin; s < scan->at; s++) {
        *column = *s == '\n' ? 1 : *column + 1;
        *line += *s == '\n';
    }
}

int g4_json_scan_refuse(const struct g4_json_scan *scan, struct g4_err *err, const char *format,
                        ...)
{
    char text[512];
    size_t line, column;
    va_list args;
    va_start(args, format);
    vsnprintf(text, sizeof text, format, args);
    va_end(args);
    g4_json_scan_where(scan, &line, &column);
    return g4_err_set(err, G4_EINPUT, "'%s': line %zu column %zu: %s", scan->what, line, column,
                      text);
}

static void skip_space(struct g4_json_scan *scan)
{
    while (scan->at < scan->end &&
           (*scan->at == ' ' || *scan->at == '\n' || *scan->at == '\t' || *scan->at == '\r'))
        scan->at++;
}

char g4_json_scan_peek(struct g4_json_scan *scan)
{
    skip_space(scan);
    return scan->at < scan->end ? *scan->at : '\0';
}

int g4_json_scan_enter(struct g4_json_scan *scan, char open, struct g4_err *err)
{
    if (g4_json_scan_peek(scan) != open)
        return g4_json_scan_refuse(scan, err, "expected %s",
                                   open == '{' ? "an object" : "an array");
    scan->at++;
    scan->opened = true;
    return 0;
}

/* Consumes the closer (0) or the comma that is due (1). */
static int next(struct g4_json_scan *scan, char close, struct g4_err *err)
{
    bool first = scan->opened;
    char c = g4_json_scan_peek(scan);
    scan->opened = false;
    if (c == close) {
        scan->at++;
        return 0;
    }
    if (first)
        return 1;
    if (c != ',')
        return g4_json_scan_refuse(scan, err, "expected ',' or '%c'", close);
    scan->at++;
    return 1;
}

int g4_json_scan_member(struct g4_json_scan *scan, struct g4_json_span *key, struct g4_err *err)
{
    int status = next(scan, '}', err);
    if (status != 1)
        return status;
    status = g4_json_scan_string(scan, key, err);
    if (status < 0)
        return status;
    if (g4_json_scan_peek(scan) != ':')
        return g4_json_scan_refuse(scan, err, "expected ':'");
    scan->at++;
    return 1;
}

int g4_json_scan_element(struct g4_json_scan *scan, struct g4_err *err)
{
    return next(scan, ']', err);
}

bool g4_json_span_is(const struct g4_json_span *span, const char *text)
{
    return span->n == strlen(text) && memcmp(span->text, text, span->n) == 0;
}

/* Value of four hexadecimal digits, or -1. */
static int hex4(const char *s, const char *end)
{
    int value = 0;
    if (end - s < 4)
        return -1;
    for (int i = 0; i < 4; i++) {
        char c = s[i];
        int digit = c >= '0' && c <= '9'   ? c - '0'
                    : c >= 'a' && c <= 'f' ? c - 'a' + 10
                    : c >= 'A' && c <= 'F' ? c - 'A' + 10
                                           : -1;
        if (digit < 0)
            return -1;
        value = value << 4 | digit;
    }
    return value;
}

/* The escape at s (a backslash): bytes it takes, its character in *cp; 0 when malformed. A
 * surrogate is valid only as one half of a pair. */
static size_t escape(const char *s, const char *end, uint32_t *cp)
{
    static const char letters[] = "\"\\/bfnrt", values[] = "\"\\/\b\f\n\r\t";
    if (end - s < 2)
        return 0;
    if (s[1] != 'u') {
        const char *letter = s[1] ? strchr(letters, s[1]) : NULL;
        if (!letter)
            return 0;
        *cp = (unsigned char)values[letter - letters];
        return 2;
    }
    int high = hex4(s + 2, end);
    if (high < 0 || (high >= 0xdc00 && high <= 0xdfff))
        return 0;
    *cp = (uint32_t)high;
    if (high < 0xd800 || high > 0xdbff)
        return 6;
    int low = end - s >= 12 && s[6] == '\\' && s[7] == 'u' ? hex4(s + 8, end) : -1;
    if (low < 0xdc00 || low > 0xdfff)
        return 0;
    *cp = 0x10000 + (((uint32_t)high - 0xd800) << 10) + ((uint32_t)low - 0xdc00);
    return 12;
}

int g4_json_scan_string(struct g4_json_scan *scan, struct g4_json_span *string, struct g4_err *err)
{
    if (g4_json_scan_peek(scan) != '"')
        return g4_json_scan_refuse(scan, err, "expected a string");
    const char *s = scan->at + 1, *begin = s;
    while (s < scan->end && *s != '"') {
        unsigned char c = (unsigned char)*s;
        uint32_t cp;
        size_t step = c == '\\'  ? escape(s, scan->end, &cp)
                      : c < 0x20 ? 0
                      : c < 0x80 ? 1
                                 : g4_utf8_next(s, (size_t)(scan->end - s), NULL);
        if (step == 0) {
            scan->at = s;
            return g4_json_scan_refuse(scan, err,
                                       c == '\\'  ? "malformed escape in a string"
                                       : c < 0x20 ? "control character in a string"
                                                  : "a string that is not UTF-8");
        }
        s += step;
    }
    if (s == scan->end)
        return g4_json_scan_refuse(scan, err, "a string that does not end");
    *string = (struct g4_json_span){.text = begin, .n = (size_t)(s - begin)};
    scan->at = s + 1;
    scan->opened = false;
    return 0;
}

size_t g4_json_span_decode(const struct g4_json_span *span, char *out)
{
    const char *s = span->text, *end = s + span->n;
    size_t n = 0;
    while (s < end) {
        const char *backslash = memchr(s, '\\', (size_t)(end - s));
        size_t plain = (size_t)((backslash ? backslash : end) - s);
        memcpy(out + n, s, plain);
        n += plain;
        s += plain;
        if (s < end) {
            uint32_t cp = 0;
            s += escape(s, end, &cp);
            n += g4_utf8_put(out + n, cp); /* never longer than its escape */
        }
    }
    return n;
}

static const char *digits(const char *s, const char *end)
{
    while (s < end && *s >= '0' && *s <= '9')
        s++;
    return s;
}

/* The end of the number at s; s itself when there is none. *integer: neither fraction nor exponent.
 */
static const char *number_end(const char *s, const char *end, bool *integer)
{
    const char *begin = s, *part;
    *integer = true;
    s += s < end && *s == '-';
    part = digits(s, end);
    if (part == s || (*s == '0' && part > s + 1))
        return begin;
    s = part;
    if (s < end && *s == '.') {
        *integer = false;
        part = digits(s + 1, end);
        if (part == s + 1)
            return begin;
        s = part;
    }
    if (s < end && (*s == 'e' || *s == 'E')) {
        *integer = false;
        s++;
        s += s < end && (*s == '+' || *s == '-');
        part = digits(s, end);
        if (part == s)
            return begin;
        s = part;
    }
    return s;
}

int g4_json_scan_int(struct g4_json_scan *scan, int64_t min, int64_t max, int64_t *out,
                     struct g4_err *err)
{
    bool integer, negative = g4_json_scan_peek(scan) == '-';
    const char *end = number_end(scan->at, scan->end, &integer), *s = scan->at + negative;
    uint64_t value = 0;
    bool good = end > scan->at && integer && end - s <= 18; /* 18 digits cannot overflow */
    for (; good && s < end; s++)
        value = value * 10 + (uint64_t)(*s - '0');
    int64_t result = negative ? -(int64_t)value : (int64_t)value;
    if (!good || result < min || result > max)
        return g4_json_scan_refuse(scan, err, "expected an integer in %lld..%lld", (long long)min,
                                   (long long)max);
    *out = result;
    scan->at = end;
    scan->opened = false;
    return 0;
}

static int skip_scalar(struct g4_json_scan *scan, struct g4_err *err)
{
    static const char *const words[] = {"true", "false", "null"};
    const size_t left = (size_t)(scan->end - scan->at);
    bool integer;
    for (size_t i = 0; i < sizeof words / sizeof *words; i++) {
        size_t n = strlen(words[i]);
        if (left >= n && memcmp(scan->at, words[i], n) == 0) {
            scan->at += n;
            return 0;
        }
    }
    const char *end = number_end(scan->at, scan->end, &integer);
    if (end == scan->at)
        return g4_json_scan_refuse(scan, err, "expected a value");
    scan->at = end;
    return 0;
}

int g4_json_scan_skip(struct g4_json_scan *scan, struct g4_json_span *span, struct g4_err *err)
{
    char closers[G4_JSON_SCAN_DEPTH];
    struct g4_json_span ignored;
    size_t depth = 0;
    char c = g4_json_scan_peek(scan);
    const char *begin = scan->at;
    int status = 0;
    for (;;) {
        if (c == '{' || c == '[') {
            if (depth == G4_JSON_SCAN_DEPTH)
                return g4_json_scan_refuse(scan, err, "nested deeper than %d", G4_JSON_SCAN_DEPTH);
            closers[depth++] = c;
            status = g4_json_scan_enter(scan, c, err);
        } else {
            status = c == '"' ? g4_json_scan_string(scan, &ignored, err) : skip_scalar(scan, err);
            scan->opened = false;
        }
        /* Leaves what ends here; stops in front of the next value. */
        while (status == 0 && depth > 0) {
            status = closers[depth - 1] == '{' ? g4_json_scan_member(scan, &ignored, err)
                                               : g4_json_scan_element(scan, err);
            depth -= status == 0;
        }
        if (status <= 0)
            break;
        status = 0;
        c = g4_json_scan_peek(scan);
    }
    if (status < 0)
        return status;
    if (span)
        *span = (struct g4_json_span){.text = begin, .n = (size_t)(scan->at - begin)};
    return 0;
}

int g4_json_scan_finish(struct g4_json_scan *scan, struct g4_err *err)
{
    skip_space(scan);
    if (scan->at < scan->end)
        return g4_json_scan_refuse(scan, err, "unexpected bytes behind the end");
    return 0;
}

/*
 * opt_value.c - the values of options: whole numbers, decimals, sizes, times.
 *
 * Strict: the whole text is the value, no blanks, no locale. The messages leave out which option it
 * was; the parser puts that before them.
 */
#include "lib/base/opt.h"

#include <errno.h>
#include <stdlib.h>

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

/* Decimal digits at *text, at least one; moves *text behind them. False: none, or above the limit.
 */
static bool take_digits(const char **text, uint64_t limit, uint64_t *value)
{
    const char *p = *text;
    uint64_t v = 0;
    if (!is_digit(*p))
        return false;
    for (; is_digit(*p); p++) {
        unsigned digit = (unsigned)(*p - '0');
        if (v > (limit - digit) / 10)
            return false;
        v = v * 10 + digit;
    }
    *text = p;
    *value = v;
    return true;
}

int g4_parse_int(const char *text, int64_t *value, struct g4_err *err)
{
    const char *p = text;
    bool negative = *p == '-';
    if (*p == '-' || *p == '+')
        p++;
    uint64_t v;
    if (!take_digits(&p, INT64_MAX, &v) || *p != '\0')
        return g4_err_set(err, G4_EUSAGE, "expected a whole number, got '%s'", text);
    *value = negative ? -(int64_t)v : (int64_t)v;
    return 0;
}

/* [+-] digits [. digits] [e [+-] digits] */
static bool looks_decimal(const char *p)
{
    if (*p == '-' || *p == '+')
        p++;
    size_t digits = 0;
    for (; is_digit(*p); p++)
        digits++;
    if (*p == '.')
        for (p++; is_digit(*p); p++)
            digits++;
    if (digits == 0)
        return false;
    if (*p == 'e' || *p == 'E') {
        p++;
        if (*p == '-' || *p == '+')
            p++;
        if (!is_digit(*p))
            return false;
        while (is_digit(*p))
            p++;
    }
    return *p == '\0';
}

int g4_parse_float(const char *text, double *value, struct g4_err *err)
{
    if (looks_decimal(text)) {
        /* No program calls setlocale, so the decimal sign is the point. */
        double v = strtod(text, NULL);
        if (v - v == 0) {
            *value = v;
            return 0;
        }
    }
    return g4_err_set(err, G4_EUSAGE, "expected a number such as 0.7, got '%s'", text);
}

int g4_parse_size(const char *text, uint64_t *bytes, struct g4_err *err)
{
    const char *p = text;
    uint64_t v;
    unsigned shift = 0;
    if (!take_digits(&p, UINT64_MAX, &v))
        goto bad;
    switch (*p) {
    case '\0': break;
    case 'k':
    case 'K': shift = 10; break;
    case 'm':
    case 'M': shift = 20; break;
    case 'g':
    case 'G': shift = 30; break;
    case 't':
    case 'T': shift = 40; break;
    default: goto bad;
    }
    if ((*p != '\0' && p[1] != '\0') || v > UINT64_MAX >> shift)
        goto bad;
    *bytes = v << shift;
    return 0;
bad:
    return g4_err_set(err, G4_EUSAGE, "expected a size such as 4096, 4K or 128M, got '%s'", text);
}

int g4_parse_time(const char *text, int64_t *us, struct g4_err *err)
{
    enum { SECOND = 1000000, MAX_FIELDS = 3 };
    const uint64_t limit = (uint64_t)INT64_MAX / SECOND - 1;
    const char *p = text;
    uint64_t seconds = 0;
    for (int field = 0;; field++) {
        uint64_t v;
        if (field == MAX_FIELDS || !take_digits(&p, limit, &v) || (field > 0 && v >= 60))
            goto bad;
        if (seconds > (limit - v) / 60)
            goto bad;
        seconds = seconds * 60 + v;
        if (*p != ':')
            break;
        p++;
    }
    int64_t fraction = 0;
    if (*p == '.') {
        int64_t unit = SECOND / 10;
        if (!is_digit(*++p))
            goto bad;
        for (; is_digit(*p); p++, unit /= 10)
            fraction += (*p - '0') * unit;
    }
    if (*p != '\0')
        goto bad;
    *us = (int64_t)seconds * SECOND + fraction;
    return 0;
bad:
    return g4_err_set(err, G4_EUSAGE, "expected a time such as 90, 1:30 or 00:01:30.5, got '%s'",
                      text);
}

/* utf8.c - strict UTF-8 (Unicode 15, table 3-7: well-formed byte sequences). */
#include "lib/base/utf8.h"

#include <stdio.h>
#include <string.h>

/* Announced length by lead byte; 0 for continuation bytes and leads that can never be valid. */
static size_t lead_length(unsigned char c)
{
    if (c < 0x80)
        return 1;
    if (c >= 0xc2 && c <= 0xdf)
        return 2;
    if (c >= 0xe0 && c <= 0xef)
        return 3;
    if (c >= 0xf0 && c <= 0xf4)
        return 4;
    return 0;
}

/* Whether `second` may follow `lead`: rules out overlong forms, surrogates and > U+10FFFF. */
static bool second_ok(unsigned char lead, unsigned char second)
{
    switch (lead) {
    case 0xe0: return second >= 0xa0 && second <= 0xbf;
    case 0xed: return second >= 0x80 && second <= 0x9f;
    case 0xf0: return second >= 0x90 && second <= 0xbf;
    case 0xf4: return second >= 0x80 && second <= 0x8f;
    default: return (second & 0xc0) == 0x80;
    }
}

size_t g4_utf8_next(const char *s, size_t n, uint32_t *cp)
{
    const unsigned char *u = (const unsigned char *)s;
    size_t length = n ? lead_length(u[0]) : 0;
    if (length == 0 || length > n || (length > 1 && !second_ok(u[0], u[1])))
        return 0;
    uint32_t value = length == 1 ? u[0] : u[0] & (0x7fu >> length);
    for (size_t i = 1; i < length; i++) {
        if ((u[i] & 0xc0) != 0x80)
            return 0;
        value = value << 6 | (u[i] & 0x3fu);
    }
    if (cp)
        *cp = value;
    return length;
}

bool g4_utf8_valid(const char *s, size_t n)
{
    for (size_t i = 0; i < n;) {
        size_t length = g4_utf8_next(s + i, n - i, NULL);
        if (length == 0)
            return false;
        i += length;
    }
    return true;
}

size_t g4_utf8_partial(const char *s, size_t n)
{
    const unsigned char *u = (const unsigned char *)s;
    for (size_t back = 1; back <= 3 && back <= n; back++) {
        unsigned char c = u[n - back];
        if ((c & 0xc0) == 0x80)
            continue;
        bool starts = lead_length(c) > back && (back == 1 || second_ok(c, u[n - back + 1]));
        return starts ? back : 0;
    }
    return 0;
}

size_t g4_utf8_put(char *out, uint32_t cp)
{
    if (cp < 0x80) {
        out[0] = (char)cp;
        return 1;
    }
    if (cp < 0x800) {
        out[0] = (char)(0xc0 | cp >> 6);
        out[1] = (char)(0x80 | (cp & 0x3f));
        return 2;
    }
    if (cp < 0x10000) {
        out[0] = (char)(0xe0 | cp >> 12);
        out[1] = (char)(0x80 | (cp >> 6 & 0x3f));
        out[2] = (char)(0x80 | (cp & 0x3f));
        return 3;
    }
    out[0] = (char)(0xf0 | cp >> 18);
    out[1] = (char)(0x80 | (cp >> 12 & 0x3f));
    out[2] = (char)(0x80 | (cp >> 6 & 0x3f));
    out[3] = (char)(0x80 | (cp & 0x3f));
    return 4;
}

/* How one character (or bad byte) at s appears on a terminal: piece of at most 8 bytes. Returns the
 * bytes of s it stands for. */
static size_t safe_piece(char piece[8], const char *s, size_t n)
{
    uint32_t cp = 0;
    size_t length = g4_utf8_next(s, n, &cp);
    bool control = length && (cp < 0x20 || (cp >= 0x7f && cp < 0xa0));
    /* Bidirectional overrides and line separators can forge what a line seems to say. */
    bool deceptive = (cp >= 0x202a && cp <= 0x202e) || (cp >= 0x2066 && cp <= 0x2069) ||
                     cp == 0x2028 || cp == 0x2029;
    if (length && !control && !deceptive) {
        memcpy(piece, s, length);
        piece[length] = '\0';
        return length;
    }
    switch (length ? cp : 0) {
    case '\n': strcpy(piece, "\\n"); return length;
    case '\t': strcpy(piece, "\\t"); return length;
    case '\r': strcpy(piece, "\\r"); return length;
    default: snprintf(piece, 8, "\\x%02x", (unsigned)(unsigned char)s[0]); return 1;
    }
}

size_t g4_utf8_safe(char *out, size_t size, const char *s, size_t n)
{
    size_t used = 0;
    for (size_t i = 0; i < n;) {
        char piece[8];
        size_t step = safe_piece(piece, s + i, n - i);
        size_t length = strlen(piece);
        if (used + length + 1 > size)
            break;
        memcpy(out + used, piece, length);
        used += length;
        i += step;
    }
    if (size)
        out[used] = '\0';
    return used;
}

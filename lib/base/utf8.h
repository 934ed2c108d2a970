/*
 * utf8.h - strict UTF-8 (no surrogates, no overlong forms, at most U+10FFFF).
 */
#ifndef G4_BASE_UTF8_H
#define G4_BASE_UTF8_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Length 1..4 of the valid character at s (n >= 1 bytes there), its code point in *cp (may be
 * NULL); 0 when the bytes are not valid UTF-8 or are cut off. */
size_t g4_utf8_next(const char *s, size_t n, uint32_t *cp);

/* Whether all n bytes are valid; NUL is a valid character here. */
bool g4_utf8_valid(const char *s, size_t n);

/* Bytes at the end of s[0..n) that could be the beginning of a character still to be completed:
 * 0..3. Used to stream text without cutting characters. */
size_t g4_utf8_partial(const char *s, size_t n);

/* Writes the character cp to out (room for 4), returns its length. */
size_t g4_utf8_put(char *out, uint32_t cp);

/* Copies s to out (size bytes with NUL, cut at a character border if need be) safe for a terminal:
 * C0, DEL and C1 controls and invalid bytes become \n, \t, \r or \xHH. Returns strlen(out). */
size_t g4_utf8_safe(char *out, size_t size, const char *s, size_t n);

#endif

/* err.c - error texts: formatted once, made safe once. */
#include "lib/base/err.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "lib/base/utf8.h"

int g4_err_set(struct g4_err *err, int code, const char *format, ...)
{
    if (!err)
        return code;
    char raw[sizeof err->text];
    va_list args;
    va_start(args, format);
    int n = vsnprintf(raw, sizeof raw, format, args);
    va_end(args);
    size_t length = n < 0 ? 0 : (size_t)n < sizeof raw ? (size_t)n : sizeof raw - 1;
    err->code = code;
    g4_utf8_safe(err->text, sizeof err->text, raw, length);
    return code;
}

int g4_err_prefix(struct g4_err *err, const char *format, ...)
{
    if (!err)
        return 0;
    char raw[sizeof err->text];
    va_list args;
    va_start(args, format);
    int n = vsnprintf(raw, sizeof raw, format, args);
    va_end(args);
    size_t length = n < 0 ? 0 : (size_t)n < sizeof raw ? (size_t)n : sizeof raw - 1;
    /* The old text is already safe and is moved, not escaped again. */
    char old[sizeof err->text];
    memcpy(old, err->text, sizeof old);
    size_t used = g4_utf8_safe(err->text, sizeof err->text - 2, raw, length);
    memcpy(err->text + used, ": ", 3);
    used += 2;
    g4_utf8_safe(err->text + used, sizeof err->text - used, old, strlen(old));
    return err->code;
}

int g4_err_nomem(struct g4_err *err, size_t bytes, const char *what)
{
    return g4_err_set(err, G4_ENOMEM, "cannot allocate %zu bytes for %s", bytes, what);
}

/*
 * log.c - one line per message, each in a single write so that lines of a pipeline do not mix.
 */
#include "lib/base/log.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "lib/base/progress.h"
#include "lib/base/utf8.h"

static struct {
    const char *program;
    bool quiet;
    int verbose;
} settings = {"g4", false, 0};

void g4_log_open(const char *program, bool quiet, int verbose)
{
    settings.program = program;
    settings.quiet = quiet;
    settings.verbose = verbose;
}

const char *g4_log_program(void)
{
    return settings.program;
}

bool g4_log_quiet(void)
{
    return settings.quiet;
}

bool g4_log_verbose(int level)
{
    return settings.verbose >= level;
}

static void put_line(const char *text)
{
    char line[4096];
    size_t used = (size_t)snprintf(line, sizeof line, "%s: ", settings.program);
    if (used > sizeof line / 2)
        used = 0;
    used += g4_utf8_safe(line + used, sizeof line - used - 1, text, strlen(text));
    line[used++] = '\n';
    g4_progress_clear();
    /* A message that cannot be shown has nowhere else to go. */
    ssize_t written = write(STDERR_FILENO, line, used);
    (void)written;
}

__attribute__((format(printf, 1, 0))) static void put_format(const char *format, va_list args)
{
    char text[2048];
    vsnprintf(text, sizeof text, format, args);
    put_line(text);
}

void g4_log_error(const struct g4_err *err)
{
    put_line(err->text);
}

void g4_log_errorf(const char *format, ...)
{
    va_list args;
    va_start(args, format);
    put_format(format, args);
    va_end(args);
}

void g4_log_note(const char *format, ...)
{
    if (settings.quiet)
        return;
    va_list args;
    va_start(args, format);
    put_format(format, args);
    va_end(args);
}

void g4_log_info(int level, const char *format, ...)
{
    if (settings.verbose < level)
        return;
    va_list args;
    va_start(args, format);
    put_format(format, args);
    va_end(args);
}

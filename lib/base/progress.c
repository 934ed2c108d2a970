/*
 * progress.c - the line is erased with blanks and a carriage return: every terminal knows these.
 */
#include "lib/base/progress.h"

#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "lib/base/log.h"
#include "lib/base/utf8.h"

enum { LINE = 78, INTERVAL_MS = 100 };

static struct {
    size_t shown;    /* bytes of the line that stands on the terminal */
    int64_t last_ms; /* when it was drawn */
} state;

static int64_t now_ms(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

static void put(const char *bytes, size_t n)
{
    /* Nothing depends on the line being seen. */
    ssize_t written = write(STDERR_FILENO, bytes, n);
    (void)written;
}

void g4_progress(const char *what, unsigned long done, unsigned long total)
{
    if (g4_log_quiet() || !isatty(STDERR_FILENO))
        return;
    int64_t now = now_ms();
    if (state.shown > 0 && now - state.last_ms < INTERVAL_MS)
        return;
    char safe[LINE], count[48] = "", line[2 * LINE + 64];
    if (total > 0)
        snprintf(count, sizeof count, " %lu/%lu", done, total);
    else if (done > 0)
        snprintf(count, sizeof count, " %lu", done);
    g4_utf8_safe(safe, LINE - (count[0] ? 30 : 12), what, strlen(what));
    g4_progress_clear();
    int n = snprintf(line, sizeof line, "%s: %s%s", g4_log_program(), safe, count);
    if (n > LINE)
        n = LINE;
    put(line, (size_t)n);
    state.shown = (size_t)n;
    state.last_ms = now;
}

void g4_progress_clear(void)
{
    if (state.shown == 0)
        return;
    char blank[LINE + 2];
    memset(blank, ' ', sizeof blank);
    blank[0] = '\r';
    blank[state.shown + 1] = '\r';
    put(blank, state.shown + 2);
    state.shown = 0;
}

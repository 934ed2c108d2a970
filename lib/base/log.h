/*
 * log.h - the only way to stderr. Silent on success; notes where less than asked for was looked at.
 */
#ifndef G4_BASE_LOG_H
#define G4_BASE_LOG_H

#include <stdbool.h>

#include "lib/base/err.h"

/* Called once by main. verbose 0, 1, 2. */
void g4_log_open(const char *program, bool quiet, int verbose);

/* "g4-audio: text" and newline, in one write; erases a progress line first. */
void g4_log_error(const struct g4_err *err);
void g4_log_errorf(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* A note: dropped by -q. */
void g4_log_note(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* Only with -v (level 1) or -vv (level 2). */
void g4_log_info(int level, const char *format, ...) __attribute__((format(printf, 2, 3)));

bool g4_log_verbose(int level);

/* What g4_log_open was told. */
const char *g4_log_program(void);
bool g4_log_quiet(void);

#endif

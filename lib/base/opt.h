/*
 * opt.h - one option table -> getopt_long, --help, completion, and the test that compares the man page.
 *
 * A program describes its options once. --help, --version and --completion=bash|zsh|fish are added by
 * the parser. An option that cli.md knows but this build has not says "not built in", status 2.
 */
#ifndef G4_BASE_OPT_H
#define G4_BASE_OPT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/base/err.h"

enum g4_opt_type {
    G4_OPT_FLAG,        /* bool *            : set to true */
    G4_OPT_COUNT,       /* int *             : incremented (-v -v) */
    G4_OPT_STRING,      /* const char **     : borrowed from argv */
    G4_OPT_LIST,        /* struct g4_opt_list * : may be given several times */
    G4_OPT_INT,         /* int64_t *         : min..max */
    G4_OPT_SIZE,        /* uint64_t *        : 4K, 128M, 0 = none */
    G4_OPT_FLOAT,       /* double *          : min..max */
    G4_OPT_TIME,        /* int64_t *         : microseconds, from 90, 1:30, 00:01:30.5; >= 0 */
    G4_OPT_CHOICE,      /* int *             : index into choices */
    G4_OPT_OPTIONAL,    /* const char **     : --name or --name=VALUE; "" without a value */
    G4_OPT_NOT_BUILT,   /* NULL              : known, refused */
};

struct g4_opt_list { const char **items; size_t count; };

struct g4_opt {
    char letter;                /* 'm', or 0 */
    const char *name;           /* "model": --model */
    const char *argument;       /* "PATH|NAME" for help; NULL for flags. For NOT_BUILT: whether it takes one */
    enum g4_opt_type type;
    void *value;
    double min, max;            /* INT, FLOAT */
    const char *const *choices; /* CHOICE: NULL-terminated */
    const char *help;           /* one line, lower case */
};

struct g4_program {
    const char *name;           /* "g4-audio" */
    const char *purpose;        /* one line */
    const char *synopsis;       /* "[options] [file ...]" */
    const char *examples;       /* a few lines, or NULL */
    const struct g4_opt *options; /* ends with name NULL */
};

enum g4_opt_result { G4_OPT_RUN, G4_OPT_EXIT_OK, G4_OPT_USAGE };

/* Parses argv (operands may stand between options; `--` ends options). *operands: index of the first
 * operand in the permuted argv. G4_OPT_EXIT_OK: help or version was printed on stdout (flush and check
 * it); G4_OPT_USAGE: err says what, status 2. Prints only help and version. */
enum g4_opt_result g4_opt_parse(const struct g4_program *program, int argc, char **argv, int *operands,
                                struct g4_err *err);

/* Frees the items of every LIST option. */
void g4_opt_release(const struct g4_program *program);

/* "90", "1:30", "00:01:30.5" -> microseconds. */
int g4_parse_time(const char *text, int64_t *us, struct g4_err *err);
/* "4K", "128M", "2G" (powers of 1024), plain bytes. */
int g4_parse_size(const char *text, uint64_t *bytes, struct g4_err *err);

#endif

/*
 * opt.h - one option table -> getopt_long, --help, completion, and the test of the man page.
 *
 * A program describes its options once, with designated initialisers. --help, --version and
 * --completion=bash|zsh|fish are added by the parser. An option, a choice or a command that is
 * known but that this build has not says "not built in", status 2.
 *
 *     static const struct g4_opt options[] = {
 *         {.letter = 'm', .name = "model", .argument = "PATH|NAME", .type = G4_OPT_STRING,
 *          .value = &model, .help = "the model"},
 *         {.name = "schema", .argument = "FILE", .type = G4_OPT_NOT_BUILT},
 *         {.name = NULL},
 *     };
 */
#ifndef G4_BASE_OPT_H
#define G4_BASE_OPT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "lib/base/err.h"

enum g4_opt_type {
    G4_OPT_FLAG,      /* bool *            : set to true */
    G4_OPT_COUNT,     /* int *             : incremented (-v -v) */
    G4_OPT_STRING,    /* const char **     : borrowed from argv; the last one counts */
    G4_OPT_LIST,      /* struct g4_opt_list * : may be given several times */
    G4_OPT_INT,       /* int64_t *         : min..max */
    G4_OPT_SIZE,      /* uint64_t *        : 4K, 128M, 0 = none */
    G4_OPT_FLOAT,     /* double *          : min..max */
    G4_OPT_TIME,      /* int64_t *         : microseconds, from 90, 1:30, 00:01:30.5; >= 0 */
    G4_OPT_CHOICE,    /* int *             : index into choices */
    G4_OPT_OPTIONAL,  /* const char **     : --name or --name=VALUE; "" without a value */
    G4_OPT_NOT_BUILT, /* NULL              : known, refused */
};

struct g4_opt_list {
    const char **items;
    size_t count;
};

struct g4_opt {
    char letter;          /* 'm', or 0 */
    const char *name;     /* "model": --model */
    const char *argument; /* "PATH|NAME" for help; NULL: takes none */
    enum g4_opt_type type;
    void *value;
    double min, max;              /* INT, FLOAT; min == max: any */
    const char *const *choices;   /* CHOICE; OPTIONAL too: NULL-terminated */
    const char *help;             /* one line, lower case */
    const char *const *not_built; /* CHOICE, OPTIONAL: further values that are known, but refused */
};

/* A word that stands as first operand: `g4-stream info`. */
struct g4_command {
    const char *name;
    const char *argument; /* "[file ...]" for help, or NULL */
    const char *help;     /* one line, lower case */
    bool not_built;
};

struct g4_program {
    const char *name;                  /* "g4-audio" */
    const char *purpose;               /* one line */
    const char *synopsis;              /* "[options] [file ...]" */
    const char *examples;              /* a few lines, or NULL */
    const struct g4_opt *options;      /* ends with name NULL */
    const struct g4_command *commands; /* ends with name NULL, or NULL */
    const char *(*features)(void);     /* further lines of --version, or NULL */
};

enum g4_opt_result { G4_OPT_RUN, G4_OPT_EXIT_OK, G4_OPT_USAGE };

/* Parses argv (operands may stand between options; `--` ends options; a long name may be shortened
 * while it stays unique). *operands: index of the first operand in the permuted argv.
 * G4_OPT_EXIT_OK: help, version or completion was printed on stdout (flush and check it);
 * G4_OPT_USAGE: err says what, status 2. Prints nothing else. Not for two threads at once (getopt).
 */
enum g4_opt_result g4_opt_parse(const struct g4_program *program, int argc, char **argv,
                                int *operands, struct g4_err *err);

/* Frees the items of every LIST option; safe after a failed parse. */
void g4_opt_release(const struct g4_program *program);

/* Which of the program's commands `word` names. G4_EUSAGE: word NULL, unknown, or not built in. */
int g4_opt_command(const struct g4_program *program, const char *word, int *index,
                   struct g4_err *err);

/* "90", "1:30", "00:01:30.5" -> microseconds; digits behind the sixth decimal are dropped. Minutes
 * and seconds behind a colon are below 60. G4_EUSAGE. */
int g4_parse_time(const char *text, int64_t *us, struct g4_err *err);
/* "4K", "128M", "2G", "1T" (powers of 1024, either case), plain bytes. G4_EUSAGE. */
int g4_parse_size(const char *text, uint64_t *bytes, struct g4_err *err);
/* A whole decimal number with an optional sign. G4_EUSAGE. */
int g4_parse_int(const char *text, int64_t *value, struct g4_err *err);
/* A decimal number: 2, -0.5, 1e-3. Never inf, nan or hexadecimal. G4_EUSAGE. */
int g4_parse_float(const char *text, double *value, struct g4_err *err);

/* The parts of g4_opt_parse that print, for it alone. */
void g4_opt_print_help(const struct g4_program *program, FILE *out);
int g4_opt_print_completion(const struct g4_program *program, const char *shell, FILE *out,
                            struct g4_err *err);

#endif

/*
 * operands.h - which inputs a program reads (cli.md rules 1 and 2).
 *
 * From the command line, or NUL-separated from --files0-from (a file, or "-" for stdin); with
 * neither, stdin itself ("-") unless it is a terminal.
 */
#ifndef G4_BIN_OPERANDS_H
#define G4_BIN_OPERANDS_H

#include <stddef.h>

#include "lib/base/err.h"

struct g4_operands {
    const char **items;
    size_t count;
    char *list; /* backing store of --files0-from, owned */
};

/* argv[first..argc) are the operands given. files0_from NULL: none. G4_EUSAGE: a terminal and
 * nothing named; operands beside --files0-from; an empty name in the list. */
int g4_operands_open(struct g4_operands *operands, int argc, char **argv, int first,
                     const char *files0_from, struct g4_err *err);
void g4_operands_release(struct g4_operands *operands);

#endif

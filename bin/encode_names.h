/*
 * encode_names.h - the files of `-d DIR`: one DIR/<file name>.g4s per input.
 */
#ifndef G4_BIN_ENCODE_NAMES_H
#define G4_BIN_ENCODE_NAMES_H

#include <stddef.h>

#include "lib/base/err.h"

/* names[i] for operands[i]: a.jpg -> DIR/a.jpg.g4s, - -> DIR/stdin.g4s, /dev/fd/63 -> DIR/63.g4s.
 * DIR is made when it does not exist. G4_EUSAGE: two inputs with one name, or an input without a
 * file name. The caller frees with g4_encode_names_free. */
int g4_encode_names(char ***names, const char *directory, const char *const *operands, size_t count,
                    struct g4_err *err);
void g4_encode_names_free(char **names, size_t count);

#endif

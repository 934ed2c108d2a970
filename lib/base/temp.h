/*
 * temp.h - a place for bytes that memory should not hold.
 */
#ifndef G4_BASE_TEMP_H
#define G4_BASE_TEMP_H

#include "lib/base/err.h"

/* An empty file in $TMPDIR (default /tmp), open for reading and writing, whose name is removed
 * already: it ends with its descriptor, however the program ends. */
int g4_temp_open(int *fd, struct g4_err *err);

#endif

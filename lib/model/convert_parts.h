/*
 * convert_parts.h - what both kinds of plans are made with. Internal to lib/model/convert*.c.
 */
#ifndef G4_MODEL_CONVERT_PARTS_H
#define G4_MODEL_CONVERT_PARTS_H

#include "lib/base/err.h"
#include "lib/model/convert.h"

/* The tensor as it is: last axis = columns. One without axes gets one of length 1. */
void g4_convert_set_shape(struct g4_convert_tensor *t, const struct g4_tensor *source);

/* rows and cols for numbers of which a row is one, however many axes they have (a patch's). */
void g4_convert_flatten_rows(struct g4_convert_tensor *t);

/* t->name = name + ending. */
int g4_convert_set_name(struct g4_convert_tensor *t, const char *name, const char *ending,
                        struct g4_err *err);

#endif

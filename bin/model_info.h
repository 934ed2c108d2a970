/*
 * model_info.h - what g4-model prints about models: as text for people, as JSON for programs.
 */
#ifndef G4_BIN_MODEL_INFO_H
#define G4_BIN_MODEL_INFO_H

#include <stdbool.h>
#include <stdio.h>

#include "lib/base/err.h"
#include "lib/model/discover.h"
#include "lib/model/model.h"

/* Variant, modalities, shapes, types, space id, memory. */
int g4_model_print_info(const struct g4_model *model, bool json, FILE *out, struct g4_err *err);

/* One line per model: name, place, path, with tabs between; or an array of objects. */
int g4_model_print_list(const struct g4_discovered *list, size_t count, bool json, FILE *out,
                        struct g4_err *err);

#endif

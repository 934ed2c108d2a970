/*
 * config_write.h - a configuration as config.json: the way back from lib/model/config.h.
 *
 * Members are those that g4_config_load reads, with the attention type of every layer and the
 * rotation of both types spelled out; layers whose heads are not those of their type stand in
 * per_layer_config. What the programs do not compute with (names of classes, ids of placeholders)
 * is not written.
 */
#ifndef G4_MODEL_CONFIG_WRITE_H
#define G4_MODEL_CONFIG_WRITE_H

#include <jansson.h>

#include "lib/base/err.h"
#include "lib/model/config.h"

/* *out, which the caller json_decref()s, reads back as the same configuration: g4_config_equal.
 * `what` names the model in messages. G4_EUNSUPPORTED: one that config.json has no words for
 * (widths that change from layer to layer, say). *out is NULL after an error. */
int g4_config_write(json_t **out, const struct g4_config *config, const char *what,
                    struct g4_err *err);

#endif

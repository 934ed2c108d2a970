/*
 * config_family.h - the configurations of the published models, for what can be said of the family
 * without a file.
 */
#ifndef G4_MODEL_CONFIG_FAMILY_H
#define G4_MODEL_CONFIG_FAMILY_H

#include "lib/base/err.h"
#include "lib/model/config.h"

enum { G4_FAMILY = 5 }; /* E2B, E4B, 12B, 26B-A4B, 31B */

/* Member i as its config.json says, as far as shapes go: what changes results only (epsilons, rope,
 * limits) stays zero. To be released with g4_config_release. */
int g4_config_family(struct g4_config *config, size_t i, struct g4_err *err);

#endif

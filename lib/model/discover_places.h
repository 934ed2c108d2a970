/*
 * discover_places.h - the folders that models are looked for in, from the environment. Internal to
 * discovery.
 */
#ifndef G4_MODEL_DISCOVER_PLACES_H
#define G4_MODEL_DISCOVER_PLACES_H

#include <stddef.h>

#include "lib/base/err.h"

enum g4_place_kind {
    G4_PLACE_FOLDER, /* of models: lib/model/scan.h */
    G4_PLACE_HUB,    /* the Hugging Face cache */
    G4_PLACE_OLLAMA, /* lib/model/ollama.h */
};

struct g4_place {
    enum g4_place_kind kind;
    const char *label; /* for people */
    char *folder;      /* which may not exist */
};

struct g4_places {
    struct g4_place *items; /* in the order in which they are searched */
    size_t count;
};

int g4_places_open(struct g4_places *places, struct g4_err *err);
void g4_places_close(struct g4_places *places); /* safe on a zeroed struct */

/* An environment variable that is set and not empty, else NULL. */
const char *g4_places_variable(const char *name);

#endif

/*
 * chat_sorted.h - the members of a JSON object in the order the layout writes them: by key, ASCII
 * letters compared in lower case, members with the same key but for case in the order of the
 * document.
 */
#ifndef G4_DECODER_CHAT_SORTED_H
#define G4_DECODER_CHAT_SORTED_H

#include <jansson.h>
#include <stddef.h>

#include "lib/base/err.h"

struct g4_sorted_member {
    const char *key; /* borrowed from the object */
    const json_t *value;
    size_t index; /* in the document */
};

struct g4_sorted {
    struct g4_sorted_member *members;
    size_t count;
};

/* 0 or G4_ENOMEM. */
int g4_sorted_open(struct g4_sorted *sorted, const json_t *object, struct g4_err *err);
void g4_sorted_release(struct g4_sorted *sorted); /* safe on a zeroed struct */

#endif

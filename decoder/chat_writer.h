/*
 * chat_writer.h - writing a prompt from JSON: the first error stays, what follows it does nothing.
 */
#ifndef G4_DECODER_CHAT_WRITER_H
#define G4_DECODER_CHAT_WRITER_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>

#include "decoder/prompt.h"
#include "lib/base/err.h"

/* A place in the document, for messages: "tools[2].function.name". Lives on the caller's stack. */
struct g4_json_place {
    const struct g4_json_place *parent; /* NULL: the document itself */
    const char *key;                    /* NULL: an element */
    size_t index;
};

struct g4_chat_writer {
    struct g4_prompt *prompt;
    struct g4_err *err;
    int status;  /* 0, or the first error */
    int refusal; /* code for documents of the wrong shape */
    int depth;   /* of nested values, at most G4_JSON_DEPTH */
};

/* Template text; payload. */
void g4_chat_put(struct g4_chat_writer *w, const char *text);
void g4_chat_payload(struct g4_chat_writer *w, const char *text, size_t n);
/* Payload between two <|"|>. */
void g4_chat_quoted(struct g4_chat_writer *w, const char *text, size_t n);

/* Fails with w->refusal: "PLACE: text". */
void g4_chat_refuse(struct g4_chat_writer *w, const struct g4_json_place *place, const char *format,
                    ...) __attribute__((format(printf, 3, 4)));

/* Member `key` of object as a string: NULL when it is missing or null and not required. */
const char *g4_chat_string(struct g4_chat_writer *w, const struct g4_json_place *place,
                           const json_t *object, const char *key, bool required);
/* Member `key` as an array: NULL when it is missing or null. */
const json_t *g4_chat_array(struct g4_chat_writer *w, const struct g4_json_place *place,
                            const json_t *object, const char *key);

#endif

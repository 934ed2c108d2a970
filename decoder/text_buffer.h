/*
 * text_buffer.h - bytes that grow at the end: prompts, answers and calls under construction.
 */
#ifndef G4_DECODER_TEXT_BUFFER_H
#define G4_DECODER_TEXT_BUFFER_H

#include <stddef.h>

#include "lib/base/err.h"

/* Zero it first. */
struct g4_text {
    char *text; /* owned; NUL-terminated once something was appended, NULL before */
    size_t n;   /* bytes, without the NUL */
    size_t capacity;
};

/* Room for n more bytes and the NUL. 0 or G4_ENOMEM. */
int g4_text_reserve(struct g4_text *text, size_t n, struct g4_err *err);
int g4_text_append(struct g4_text *text, const char *bytes, size_t n, struct g4_err *err);
int g4_text_puts(struct g4_text *text, const char *string, struct g4_err *err);

void g4_text_clear(struct g4_text *text);   /* empty again; keeps the memory */
void g4_text_release(struct g4_text *text); /* safe on a zeroed struct and twice */

#endif

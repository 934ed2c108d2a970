/*
 * compose.h - one user turn from texts and media, in the order the model cards ask for.
 *
 * TEXT records and segments stand in the order they came, the person's prompt behind them; when the
 * first segment is sound, the prompt comes first. With `place`, each occurrence of that string in
 * the prompt takes the next source instead. Text parts are trimmed; parts that touch are joined
 * with one newline; between text and media nothing is put. Consecutive frames of one source are one
 * video.
 *
 * The prompt grows as the media arrive: everything up to the newest soft rows is final at any
 * moment.
 */
#ifndef G4_DECODER_COMPOSE_H
#define G4_DECODER_COMPOSE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "decoder/chat.h"
#include "decoder/text_buffer.h"
#include "lib/format/stream.h"

struct g4_compose_options {
    enum g4_chat_variant variant;
    bool raw; /* no chat layout: <bos>, then text and media as they are */
    bool thinking;
    const char *system; /* NULL = none */
    const char *prompt; /* NULL = none: TEXT records alone are the prompt */
    size_t prompt_bytes;
    const char *place; /* NULL = order of arrival */
};

struct g4_compose {
    const struct g4_compose_options *options;
    struct g4_prompt prompt; /* the result */
    struct g4_text pending;  /* text parts that touch, not yet in the prompt */
    size_t place_at;         /* with `place`: how far the prompt text is used */
    bool prompt_used;        /* without `place`: the prompt text stands already */
    bool any_text;           /* some text part was not empty */
    size_t sources, segments;
    bool in_video;           /* the last part is a frame of (stream, source) */
    uint32_t stream, source; /* of the last segment */
};

/* options are borrowed for the life of the composition. Writes <bos>, the system turn, the user
 * turn's opening. */
int g4_compose_begin(struct g4_compose *compose, const struct g4_compose_options *options,
                     struct g4_err *err);

/* A TEXT record. */
int g4_compose_text(struct g4_compose *compose, const char *text, size_t n, struct g4_err *err);

/* A closed segment with its rows [segment->rows, width]; takes ownership of rows, also on failure.
 * `stream` and segment->source together name the source. G4_EINPUT: more sources than places. */
int g4_compose_segment(struct g4_compose *compose, uint32_t stream,
                       const struct g4_segment *segment, float *rows, struct g4_err *err);

/* The rest of the text and the opening of the model's turn. G4_EINPUT: fewer sources than places;
 * G4_EUSAGE: no text at all. */
int g4_compose_end(struct g4_compose *compose, struct g4_err *err);

void g4_compose_release(struct g4_compose *compose); /* safe on a zeroed struct */

/* Number of places in a prompt (occurrences of `place`, not overlapping). */
size_t g4_compose_places(const char *prompt, size_t n, const char *place);

#endif

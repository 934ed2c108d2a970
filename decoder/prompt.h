/*
 * prompt.h - a prompt under construction: template text, payload text and soft rows, in order; and
 * its conversion to positions.
 *
 * Text that touches is tokenised as one segment (merges run across the border of template and
 * payload); special tokens and soft rows end a segment. So everything up to a soft part can be
 * converted and fed to a session before the rest of the prompt is known.
 */
#ifndef G4_DECODER_PROMPT_H
#define G4_DECODER_PROMPT_H

#include <stddef.h>
#include <stdint.h>

#include "decoder/decoder.h"
#include "decoder/tokenizer.h"
#include "lib/base/err.h"

enum g4_part_type { G4_PART_TEMPLATE, G4_PART_PAYLOAD, G4_PART_SOFT };

struct g4_part {
    enum g4_part_type type;
    char *text; /* owned; TEMPLATE (special tokens count), PAYLOAD (they do not) */
    size_t n;
    enum g4_position_kind kind; /* SOFT */
    size_t rows;                /* SOFT */
    float *data; /* SOFT: [rows, width], owned; NULL = a placeholder yet without rows */
};

struct g4_prompt {
    struct g4_part *parts;
    size_t count, capacity;
};

/* Appending copies text; soft takes ownership of data, also when it fails. All: 0 or G4_ENOMEM. */
int g4_prompt_template(struct g4_prompt *prompt, const char *text, struct g4_err *err);
int g4_prompt_payload(struct g4_prompt *prompt, const char *text, size_t n, struct g4_err *err);
int g4_prompt_soft(struct g4_prompt *prompt, enum g4_position_kind kind, size_t rows, float *data,
                   struct g4_err *err);
void g4_prompt_release(struct g4_prompt *prompt);

/* The prompt as one string, each soft row as its placeholder token ("<|image|>"): --dry-run, tests.
 * The caller frees; NULL when memory ran out. */
char *g4_prompt_text(const struct g4_prompt *prompt);

/* ids, kinds and rows of parts [from, count), ready for g4_session_feed. ids at soft positions hold
 * the placeholder id (for --ids). Call at borders only: `from` 0 or directly behind a soft part.
 * width 0: no rows are wanted (rows stays NULL); otherwise a soft part without data is G4_EUSAGE.
 * G4_EUNSUPPORTED: the vocabulary lacks a token the prompt needs. On failure *out is released. */
struct g4_prompt_positions {
    struct g4_ids ids;
    uint8_t *kinds; /* [ids.count], enum g4_position_kind */
    float *rows;    /* [soft, width] */
    size_t soft;
};
int g4_prompt_positions(const struct g4_prompt *prompt, size_t from,
                        const struct g4_tokenizer *tokenizer, size_t width,
                        struct g4_prompt_positions *out, struct g4_err *err);
void g4_prompt_positions_release(struct g4_prompt_positions *positions);

#endif

/*
 * chat.h - the chat layout of the instruction-tuned models, built in as code (text.md 3). A template
 * stored in a model file is never run.
 *
 * Two levels: turn by turn, for prompts that grow while media arrive; and whole conversations from JSON
 * messages, built on the first.
 */
#ifndef G4_DECODER_CHAT_H
#define G4_DECODER_CHAT_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "decoder/prompt.h"
#include "lib/base/err.h"

/* small: E2B, E4B (per-layer inputs); large: 12B, 26B, 31B (an empty thought closes thinking). */
enum g4_chat_variant { G4_CHAT_SMALL, G4_CHAT_LARGE };

/* <bos>, and the system turn if it is needed (thinking on, system text given; system NULL = none). */
int g4_chat_begin(struct g4_prompt *prompt, const char *system, size_t system_bytes, bool thinking,
                  struct g4_err *err);
/* "<|turn>user\n" */
int g4_chat_user_open(struct g4_prompt *prompt, struct g4_err *err);
/* Text part, trimmed as text.md 3.1. */
int g4_chat_text(struct g4_prompt *prompt, const char *text, size_t n, struct g4_err *err);
/* Begin marker, rows, end marker. Takes ownership of data. */
int g4_chat_image(struct g4_prompt *prompt, size_t rows, float *data, struct g4_err *err);
int g4_chat_audio(struct g4_prompt *prompt, size_t rows, float *data, struct g4_err *err);
/* One frame: a space first unless `first` of its video, then "MM:SS " of t_us, then the picture with
 * video positions. */
int g4_chat_frame(struct g4_prompt *prompt, bool first, int64_t t_us, size_t rows, float *data,
                  struct g4_err *err);
/* "<turn|>\n<|turn>model\n" and what the variant adds. */
int g4_chat_user_close(struct g4_prompt *prompt, enum g4_chat_variant variant, bool thinking,
                       struct g4_err *err);

struct g4_chat_options {
    enum g4_chat_variant variant;
    bool thinking;
    bool preserve_thinking;
    bool add_generation_prompt;
};

/* Whole conversation. messages: array; tools: array or NULL. Media parts become one SOFT part with
 * rows = 1 and data NULL (a placeholder). */
int g4_chat_render(struct g4_prompt *prompt, const json_t *messages, const json_t *tools,
                   const struct g4_chat_options *options, struct g4_err *err);

#endif

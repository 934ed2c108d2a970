/*
 * chat.h - the chat layout of the instruction-tuned models, built in as code: Google's template of
 * 2026-07-09. A template stored in a model file is never run.
 *
 * Two levels: turn by turn, for prompts that grow while media arrive; and whole conversations from
 * JSON messages, built on the first. Whatever a person, a file or a tool wrote is payload: markers
 * spelled in it stay plain text. "Trimmed" means without Unicode white space at both ends.
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

/* Bytes of the Unicode white space character that text begins with; 0 when it begins with another.
 */
size_t g4_chat_space(const char *text, size_t n);
/* Moves *text and *n past Unicode white space at both ends. */
void g4_chat_trim(const char **text, size_t *n);

/* <bos>, and the system turn if it is needed (thinking on, system text given; system NULL = none).
 */
int g4_chat_begin(struct g4_prompt *prompt, const char *system, size_t system_bytes, bool thinking,
                  struct g4_err *err);
/* "<|turn>user\n" */
int g4_chat_user_open(struct g4_prompt *prompt, struct g4_err *err);
/* A text part, trimmed. */
int g4_chat_text(struct g4_prompt *prompt, const char *text, size_t n, struct g4_err *err);
/* Begin marker, rows, end marker. Takes ownership of data. */
int g4_chat_image(struct g4_prompt *prompt, size_t rows, float *data, struct g4_err *err);
int g4_chat_audio(struct g4_prompt *prompt, size_t rows, float *data, struct g4_err *err);
/* One frame: a space first unless `first` of its video, then "MM:SS " of t_us, then the picture
 * with video positions. */
int g4_chat_frame(struct g4_prompt *prompt, bool first, int64_t t_us, size_t rows, float *data,
                  struct g4_err *err);
/* "<|turn>model\n"; large without thinking: also an empty thought, "<|channel>thought\n<channel|>".
 */
int g4_chat_model_open(struct g4_prompt *prompt, enum g4_chat_variant variant, bool thinking,
                       struct g4_err *err);
/* "<turn|>\n" and the model's opening. */
int g4_chat_user_close(struct g4_prompt *prompt, enum g4_chat_variant variant, bool thinking,
                       struct g4_err *err);

struct g4_chat_options {
    enum g4_chat_variant variant;
    bool thinking;
    bool preserve_thinking;
    bool add_generation_prompt;
    /* The template opens no model turn behind a message that has calls, results and content, and so
     * leaves nothing to continue: open one (the template's own text when false). */
    bool open_turn_always;
};

/*
 * Whole conversation. messages: array of {role, content, reasoning | reasoning_content, tool_calls,
 * tool_responses, name, tool_call_id}; tools: array of {function: {name, description, parameters,
 * response}} or of such functions, or NULL. Media parts become one SOFT part with rows = 1 and data
 * NULL (a placeholder, no markers). Arguments of a call may be an object, null, or a string that
 * holds a JSON object. Keys are sorted without regard to ASCII case. Numbers are spelled as
 * Python's repr does. G4_EINPUT: messages of another shape; G4_EUSAGE: tools of another shape; both
 * name the place.
 */
int g4_chat_render(struct g4_prompt *prompt, const json_t *messages, const json_t *tools,
                   const struct g4_chat_options *options, struct g4_err *err);

#endif

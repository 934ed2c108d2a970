/*
 * answer.h - reading the model's output: ids in; thought, content and tool calls out.
 *
 *     [ <|channel>thought\n TEXT \n<channel|> ] content { <|tool_call>...<tool_call|> } stop
 *
 * Told by token id, so that text that merely looks like a marker is never taken for one. Survives
 * stray, repeated and missing markers. White space around thoughts is dropped, so is white space
 * between a thought and the content; several thoughts are joined with a newline. The rest of the
 * content is left as it came.
 *
 * Streaming: `content` and `thought` only grow; what a push added is ready to be shown. Characters
 * that are not complete yet, and white space that may still turn out to be an edge, are held back.
 */
#ifndef G4_DECODER_ANSWER_H
#define G4_DECODER_ANSWER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "decoder/text_buffer.h"
#include "decoder/tokenizer.h"
#include "decoder/toolcall.h"
#include "lib/base/err.h"

enum g4_answer_state {
    G4_ANSWER_CONTENT,
    G4_ANSWER_CHANNEL,
    G4_ANSWER_THOUGHT,
    G4_ANSWER_CALL,
    G4_ANSWER_END
};

struct g4_answer_call {
    struct g4_text text; /* as generated, <|"|> spelled out */
    struct g4_toolcall parsed;
    struct g4_err err; /* why it could not be parsed; code 0 when it could */
};

struct g4_answer {
    struct g4_text content, thought;
    struct g4_answer_call *calls; /* owned; in state CALL the last one is still open */
    size_t call_count, call_capacity;
    enum g4_answer_state state; /* END once one of the template's stop tokens came */

    const struct g4_tokenizer *tokenizer;
    struct g4_detokenizer detokenizer;
    struct g4_text held;  /* white space not shown yet; in CHANNEL the name so far */
    struct g4_text piece; /* text of the newest id */
    bool edge;            /* nothing but white space came of this thought or content so far */
    bool after_thought;   /* that content follows a thought */
};

/* tokenizer is borrowed. in_thought: the prompt ended inside an open thought. Allocates nothing. */
void g4_answer_open(struct g4_answer *answer, const struct g4_tokenizer *tokenizer,
                    bool in_thought);

/* One generated id. <eos>, <turn|> and <|tool_response> end the answer (state END, later ids are
 * ignored); other stop ids are the caller's to keep away. 0 or G4_ENOMEM. */
int g4_answer_push(struct g4_answer *answer, int32_t id, struct g4_err *err);

/* At the end, also when generation stopped elsewhere: shows what was held, closes an open call. */
int g4_answer_finish(struct g4_answer *answer, struct g4_err *err);

void g4_answer_release(struct g4_answer *answer); /* safe on a zeroed struct */

#endif

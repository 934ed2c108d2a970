/* answer.c - a state machine over ids; text goes where the state says. */
#include "decoder/answer.h"

#include <stdlib.h>
#include <string.h>

#include "decoder/chat.h"
#include "lib/base/mem.h"
#include "lib/base/utf8.h"

static const char thought_name[] = "thought";

void g4_answer_open(struct g4_answer *a, const struct g4_tokenizer *tokenizer, bool in_thought)
{
    *a = (struct g4_answer){.tokenizer = tokenizer,
                            .edge = true,
                            .state = in_thought ? G4_ANSWER_THOUGHT : G4_ANSWER_CONTENT};
}

void g4_answer_release(struct g4_answer *a)
{
    for (size_t i = 0; i < a->call_count; i++) {
        g4_text_release(&a->calls[i].text);
        g4_toolcall_release(&a->calls[i].parsed);
    }
    free(a->calls);
    g4_text_release(&a->content);
    g4_text_release(&a->thought);
    g4_text_release(&a->held);
    g4_text_release(&a->piece);
    *a = (struct g4_answer){0};
}

/* Bytes of white space at the beginning. */
static size_t leading_space(const char *text, size_t n)
{
    size_t at = 0, length;
    while ((length = g4_chat_space(text + at, n - at)) > 0)
        at += length;
    return at;
}

static int hold(struct g4_answer *a, const char *text, size_t n, struct g4_err *err)
{
    return g4_text_append(&a->held, text, n, err);
}

/* Shows what was held and the text behind it. */
static int show(struct g4_answer *a, struct g4_text *where, const char *text, size_t n,
                struct g4_err *err)
{
    int status = g4_text_append(where, a->held.text, a->held.n, err);
    g4_text_clear(&a->held);
    return status < 0 ? status : g4_text_append(where, text, n, err);
}

/* White space at the beginning waits: a thought behind it would take it away. */
static int take_content(struct g4_answer *a, const char *text, size_t n, struct g4_err *err)
{
    if (!a->edge)
        return g4_text_append(&a->content, text, n, err);
    const size_t space = leading_space(text, n);
    int status = a->after_thought ? 0 : hold(a, text, space, err);
    if (status < 0 || space == n)
        return status;
    a->edge = false;
    return show(a, &a->content, text + space, n - space, err);
}

/* White space at the end waits for text behind it; at the beginning it is dropped. */
static int take_thought(struct g4_answer *a, const char *text, size_t n, struct g4_err *err)
{
    const char *body = text;
    size_t length = n;
    if (a->edge) {
        const size_t space = leading_space(text, n);
        text += space;
        n -= space;
        if (n == 0)
            return 0;
    }
    g4_chat_trim(&body, &length);
    if (length == 0)
        return hold(a, text, n, err);
    const size_t shown = (size_t)(body + length - text);
    int status = a->edge && a->thought.n > 0 ? g4_text_puts(&a->thought, "\n", err) : 0;
    a->edge = false;
    if (status == 0 && (status = show(a, &a->thought, text, shown, err)) == 0)
        status = hold(a, text + shown, n - shown, err);
    return status;
}

/* The channel's name is complete: what is not the usual one is text. */
static int leave_name(struct g4_answer *a, struct g4_err *err)
{
    struct g4_text name = a->held;
    const size_t usual =
        name.n >= strlen(thought_name) && memcmp(name.text, thought_name, strlen(thought_name)) == 0
            ? strlen(thought_name)
            : 0;
    a->held = (struct g4_text){0};
    a->state = G4_ANSWER_THOUGHT;
    int status = name.n > usual ? take_thought(a, name.text + usual, name.n - usual, err) : 0;
    g4_text_release(&name);
    return status;
}

static int take_name(struct g4_answer *a, const char *text, size_t n, struct g4_err *err)
{
    const char *newline = n ? memchr(text, '\n', n) : NULL;
    const size_t length = newline ? (size_t)(newline - text) : n;
    int status = hold(a, text, length, err);
    if (status < 0 || !newline)
        return status;
    status = leave_name(a, err);
    /* The newline goes along: it parts an unusual name from the text. */
    return status < 0 ? status : take_thought(a, newline, n - length, err);
}

static int take(struct g4_answer *a, const char *text, size_t n, struct g4_err *err)
{
    switch (n ? a->state : G4_ANSWER_END) {
    case G4_ANSWER_CONTENT: return take_content(a, text, n, err);
    case G4_ANSWER_CHANNEL: return take_name(a, text, n, err);
    case G4_ANSWER_THOUGHT: return take_thought(a, text, n, err);
    case G4_ANSWER_CALL: return g4_text_append(&a->calls[a->call_count - 1].text, text, n, err);
    case G4_ANSWER_END: break;
    }
    return 0;
}

static int open_call(struct g4_answer *a, struct g4_err *err)
{
    if (a->call_count == a->call_capacity) {
        size_t capacity = a->call_capacity ? 2 * a->call_capacity : 4, bytes;
        if (!g4_mul_size(capacity, sizeof *a->calls, &bytes))
            return g4_err_nomem(err, SIZE_MAX, "tool calls");
        struct g4_answer_call *calls = realloc(a->calls, bytes);
        if (!calls)
            return g4_err_nomem(err, bytes, "tool calls");
        a->calls = calls;
        a->call_capacity = capacity;
    }
    a->calls[a->call_count++] = (struct g4_answer_call){0};
    a->state = G4_ANSWER_CALL;
    return 0;
}

/* Back to content, whatever is open. */
static int close_block(struct g4_answer *a, struct g4_err *err)
{
    int status = 0;
    if (a->state == G4_ANSWER_CHANNEL)
        status = leave_name(a, err);
    if (a->state == G4_ANSWER_THOUGHT) {
        g4_text_clear(&a->held);
        a->edge = true;
        a->after_thought = true;
    }
    if (a->state == G4_ANSWER_CALL) {
        struct g4_answer_call *call = &a->calls[a->call_count - 1];
        if (call->text.n == 0)
            a->call_count--;
        else if ((status = g4_toolcall_parse(&call->parsed, call->text.text, call->text.n,
                                             &call->err)) == G4_EINPUT)
            status = 0; /* the call keeps its text and says why */
        else if (status < 0)
            g4_err_set(err, status, "%s", call->err.text);
    }
    a->state = G4_ANSWER_CONTENT;
    return status;
}

/* A marker or a stop token. Markers that fit nowhere are passed over. */
static int take_special(struct g4_answer *a, enum g4_special special, struct g4_err *err)
{
    int status = 0;
    switch (special) {
    case G4_TOKEN_CHANNEL_OPEN:
        status = close_block(a, err);
        /* White space in front of a thought goes; what stands behind text stays. */
        g4_text_clear(&a->held);
        a->edge = true;
        a->state = G4_ANSWER_CHANNEL;
        break;
    case G4_TOKEN_CHANNEL_CLOSE:
        if (a->state == G4_ANSWER_CHANNEL || a->state == G4_ANSWER_THOUGHT)
            status = close_block(a, err);
        break;
    case G4_TOKEN_CALL_OPEN:
        if ((status = close_block(a, err)) == 0)
            status = open_call(a, err);
        break;
    case G4_TOKEN_CALL_CLOSE:
        if (a->state == G4_ANSWER_CALL)
            status = close_block(a, err);
        break;
    case G4_TOKEN_QUOTE:
        if (a->state == G4_ANSWER_CALL)
            status = take(a, g4_special_text(special), strlen(g4_special_text(special)), err);
        break;
    case G4_TOKEN_EOS:
    case G4_TOKEN_TURN_CLOSE:
    case G4_TOKEN_RESPONSE_OPEN: status = g4_answer_finish(a, err); break;
    default: break;
    }
    return status;
}

/* Bytes that never became a character belong to what was open when they came. */
static int flush(struct g4_answer *a, struct g4_err *err)
{
    char broken[G4_DETOKENIZER_ROOM];
    return take(a, broken, g4_detokenizer_finish(&a->detokenizer, broken), err);
}

int g4_answer_push(struct g4_answer *a, int32_t id, struct g4_err *err)
{
    size_t n;
    int status;
    if (a->state == G4_ANSWER_END)
        return 0;
    const int special = g4_tokenizer_special_of(a->tokenizer, id);
    if (special >= 0) {
        status = flush(a, err);
        return status < 0 ? status : take_special(a, (enum g4_special)special, err);
    }
    g4_tokenizer_text(a->tokenizer, id, &n, NULL);
    g4_text_clear(&a->piece);
    if ((status = g4_text_reserve(&a->piece, n + G4_DETOKENIZER_ROOM, err)) < 0)
        return status;
    n = g4_detokenizer_push(&a->detokenizer, a->tokenizer, id, a->piece.text);
    return take(a, a->piece.text, n, err);
}

int g4_answer_finish(struct g4_answer *a, struct g4_err *err)
{
    if (a->state == G4_ANSWER_END)
        return 0;
    int status = flush(a, err);
    if (status == 0 && a->state == G4_ANSWER_CONTENT)
        status = show(a, &a->content, NULL, 0, err);
    else if (status == 0)
        status = close_block(a, err);
    a->state = G4_ANSWER_END;
    return status;
}

/*
 * chat_messages.c - a whole conversation. Of each message, in this order: the opening of its turn
 * (unless the model's turn goes on), a thought, calls, results, content, and the turn's end (unless
 * it stays open).
 */
#include <stdlib.h>
#include <string.h>

#include "decoder/chat.h"
#include "decoder/chat_tools.h"
#include "decoder/chat_writer.h"
#include "decoder/text_buffer.h"

static const char channel_open[] = "<|channel>", channel_close[] = "<channel|>";

/* What the last message left behind, for the generation prompt. */
enum tail { TAIL_TURN, TAIL_CALL, TAIL_RESULT };

struct render {
    struct g4_chat_writer w;
    const struct g4_chat_options *options;
    const json_t *messages;
    size_t first;              /* of the messages that are turns */
    size_t last_user;          /* index + 1 of the last message of the user; 0 = none */
    const char *previous_role; /* of the last message that is no tool message; NULL = none yet */
    enum tail tail;
    bool turn_closed; /* the last thing written is the end of a turn */
};

static const struct g4_json_place messages_place = {.key = "messages"},
                                  tools_place = {.key = "tools"};

static const char *role_of(const json_t *message)
{
    const char *role = json_string_value(json_object_get(message, "role"));
    return role ? role : "";
}

static bool is_role(const json_t *message, const char *role)
{
    return strcmp(role_of(message), role) == 0;
}

/* Checks what all the rest relies on: objects with roles. */
static void check_messages(struct render *r)
{
    if (!json_is_array(r->messages))
        g4_chat_refuse(&r->w, &messages_place, "expected an array");
    for (size_t i = 0; i < json_array_size(r->messages) && r->w.status == 0; i++) {
        const struct g4_json_place at = {.parent = &messages_place, .index = i};
        const json_t *message = json_array_get(r->messages, i);
        if (!json_is_object(message))
            g4_chat_refuse(&r->w, &at, "expected an object");
        g4_chat_string(&r->w, &at, message, "role", true);
    }
}

/* Drops thoughts that were left inside the text of an old answer, trims, writes. */
static void put_without_thoughts(struct g4_chat_writer *w, const char *text, size_t n)
{
    struct g4_text kept = {0};
    const char *end = text + n;
    while (text < end && w->status == 0) {
        const char *close =
            memmem(text, (size_t)(end - text), channel_close, strlen(channel_close));
        const char *piece_end = close ? close : end;
        const char *open =
            memmem(text, (size_t)(piece_end - text), channel_open, strlen(channel_open));
        w->status = g4_text_append(&kept, text, (size_t)((open ? open : piece_end) - text), w->err);
        text = close ? close + strlen(channel_close) : end;
    }
    const char *trimmed = kept.text ? kept.text : "";
    size_t length = kept.n;
    g4_chat_trim(&trimmed, &length);
    g4_chat_payload(w, trimmed, length);
    g4_text_release(&kept);
}

static void put_text(struct g4_chat_writer *w, const json_t *string, bool model)
{
    const char *text = json_string_value(string);
    size_t n = json_string_length(string);
    if (w->status < 0)
        return;
    if (model) {
        put_without_thoughts(w, text, n);
    } else {
        g4_chat_trim(&text, &n);
        g4_chat_payload(w, text, n);
    }
}

/* Kind of a media part; false when the type names none. */
static bool media_kind(const char *type, enum g4_position_kind *kind)
{
    static const struct {
        const char *type;
        enum g4_position_kind kind;
    } kinds[] = {{"image", G4_POS_IMAGE},
                 {"image_url", G4_POS_IMAGE},
                 {"audio", G4_POS_AUDIO},
                 {"input_audio", G4_POS_AUDIO},
                 {"video", G4_POS_VIDEO}};
    for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++) {
        if (strcmp(type, kinds[i].type) == 0) {
            *kind = kinds[i].kind;
            return true;
        }
    }
    return false;
}

/* The text of a part that is text, else NULL; other parts must be media of a known kind. */
static const json_t *part_text(struct g4_chat_writer *w, const struct g4_json_place *place,
                               const json_t *part, bool *media, enum g4_position_kind *kind)
{
    const struct g4_json_place at = {.parent = place, .key = "type"};
    const char *type = g4_chat_string(w, place, part, "type", true);
    *media = type && media_kind(type, kind);
    if (*media || !type)
        return NULL;
    if (strcmp(type, "text") != 0) {
        g4_chat_refuse(w, &at, "expected text, image, audio or video, got '%s'", type);
        return NULL;
    }
    return g4_chat_string(w, place, part, "text", true) ? json_object_get(part, "text") : NULL;
}

static void put_media(struct g4_chat_writer *w, enum g4_position_kind kind)
{
    if (w->status == 0)
        w->status = g4_prompt_soft(w->prompt, kind, 1, NULL, w->err);
}

/* Whether anything but white space was written. */
static bool put_content(struct render *r, const struct g4_json_place *place, const json_t *content,
                        bool model)
{
    const struct g4_json_place at = {.parent = place, .key = "content"};
    const size_t before = r->w.prompt->count;
    if (json_is_string(content)) {
        put_text(&r->w, content, model);
    } else if (json_is_array(content)) {
        for (size_t i = 0; i < json_array_size(content) && r->w.status == 0; i++) {
            const struct g4_json_place part_at = {.parent = &at, .index = i};
            enum g4_position_kind kind;
            bool media;
            const json_t *text =
                part_text(&r->w, &part_at, json_array_get(content, i), &media, &kind);
            if (media)
                put_media(&r->w, kind);
            else if (text)
                put_text(&r->w, text, model);
        }
    } else if (content && !json_is_null(content)) {
        g4_chat_refuse(&r->w, &at, "expected a string or an array of parts");
    }
    return r->w.prompt->count > before;
}

/* System texts in parts are each followed by one space. */
static void put_system_content(struct render *r, const struct g4_json_place *place,
                               const json_t *content)
{
    const struct g4_json_place at = {.parent = place, .key = "content"};
    if (!json_is_array(content)) {
        put_content(r, place, content, false);
        return;
    }
    for (size_t i = 0; i < json_array_size(content); i++) {
        const struct g4_json_place part_at = {.parent = &at, .index = i};
        const json_t *part = json_array_get(content, i);
        if (g4_chat_string(&r->w, &part_at, part, "text", true))
            put_text(&r->w, json_object_get(part, "text"), false);
        g4_chat_put(&r->w, " ");
    }
}

static void put_system_turn(struct render *r, const json_t *tools)
{
    const struct g4_json_place at = {.parent = &messages_place, .index = 0};
    const json_t *first = json_array_get(r->messages, 0);
    const bool system = is_role(first, "system") || is_role(first, "developer");
    g4_chat_put(&r->w, "<bos>");
    if (!system && !r->options->thinking && json_array_size(tools) == 0)
        return;
    g4_chat_put(&r->w, r->options->thinking ? "<|turn>system\n<|think|>\n" : "<|turn>system\n");
    if (system) {
        put_system_content(r, &at, json_object_get(first, "content"));
        r->first = 1;
    }
    r->w.refusal = G4_EUSAGE;
    for (size_t i = 0; i < json_array_size(tools) && r->w.status == 0; i++) {
        const struct g4_json_place tool_at = {.parent = &tools_place, .index = i};
        g4_chat_declaration(&r->w, &tool_at, json_array_get(tools, i));
    }
    r->w.refusal = G4_EINPUT;
    g4_chat_put(&r->w, "<turn|>\n");
}

/* Name of the call a tool message answers. Where neither has an id, they count as belonging
 * together. */
static const char *result_name(const json_t *calls, const json_t *result)
{
    const char *name = json_string_value(json_object_get(result, "name"));
    const json_t *wanted = json_object_get(result, "tool_call_id");
    for (size_t i = 0; i < json_array_size(calls); i++) {
        const json_t *call = json_array_get(calls, i);
        const json_t *id = json_object_get(call, "id");
        const char *called =
            json_string_value(json_object_get(json_object_get(call, "function"), "name"));
        const bool missing = (!id || json_is_null(id)) && (!wanted || json_is_null(wanted));
        if (called && (missing || json_equal(id, wanted)))
            name = called;
    }
    return name && *name ? name : "unknown";
}

/* A tool message: texts of parts are one string, media stand behind the result. */
static void put_tool_message(struct render *r, const struct g4_json_place *place, const char *name,
                             const json_t *content)
{
    const struct g4_json_place at = {.parent = place, .key = "content"};
    struct g4_text joined = {0};
    if (!json_is_array(content)) {
        g4_chat_result(&r->w, &at, name, content);
        return;
    }
    const size_t n = json_array_size(content);
    for (int pass = 0; pass < 2; pass++) {
        for (size_t i = 0; i < n && r->w.status == 0; i++) {
            const struct g4_json_place part_at = {.parent = &at, .index = i};
            enum g4_position_kind kind;
            bool media;
            const json_t *text =
                part_text(&r->w, &part_at, json_array_get(content, i), &media, &kind);
            if (pass == 0 && text)
                r->w.status = g4_text_append(&joined, json_string_value(text),
                                             json_string_length(text), r->w.err);
            else if (pass == 1 && media)
                put_media(&r->w, kind);
        }
        if (pass == 0 && r->w.status == 0) {
            json_t *string = json_stringn(joined.text ? joined.text : "", joined.n);
            if (!string)
                r->w.status = g4_err_nomem(r->w.err, joined.n, "a tool result");
            g4_chat_result(&r->w, &at, name, string);
            json_decref(string);
        }
    }
    g4_text_release(&joined);
}

static void put_calls(struct render *r, const struct g4_json_place *place, const json_t *calls)
{
    const struct g4_json_place list = {.parent = place, .key = "tool_calls"};
    for (size_t i = 0; i < json_array_size(calls) && r->w.status == 0; i++) {
        const struct g4_json_place call_at = {.parent = &list, .index = i};
        const struct g4_json_place at = {.parent = &call_at, .key = "function"};
        const json_t *function = json_object_get(json_array_get(calls, i), "function");
        if (!json_is_object(function))
            g4_chat_refuse(&r->w, &at, "expected an object");
        const char *name = g4_chat_string(&r->w, &at, function, "name", true);
        if (name)
            g4_chat_call(&r->w, &at, name, json_object_get(function, "arguments"));
    }
}

/* Results of the calls of message i: its own list, or the tool messages directly behind it. Their
 * number. */
static size_t put_results(struct render *r, const struct g4_json_place *place, size_t i,
                          const json_t *calls)
{
    const json_t *message = json_array_get(r->messages, i);
    const json_t *own = g4_chat_array(&r->w, place, message, "tool_responses");
    const size_t own_count = json_array_size(own);
    const struct g4_json_place list = {.parent = place, .key = "tool_responses"};
    size_t count = 0;
    for (; count < own_count && r->w.status == 0; count++) {
        const struct g4_json_place at = {.parent = &list, .index = count};
        const json_t *result = json_array_get(own, count);
        const char *name = g4_chat_string(&r->w, &at, result, "name", false);
        g4_chat_result(&r->w, &at, name && *name ? name : "unknown",
                       json_object_get(result, "response"));
    }
    if (own_count > 0 || json_array_size(calls) == 0)
        return count;
    for (size_t k = i + 1; k < json_array_size(r->messages) && r->w.status == 0; k++, count++) {
        const struct g4_json_place at = {.parent = &messages_place, .index = k};
        const json_t *result = json_array_get(r->messages, k);
        if (!is_role(result, "tool"))
            break;
        put_tool_message(r, &at, result_name(calls, result), json_object_get(result, "content"));
    }
    return count;
}

/* A thought is shown while its round of tool calls runs, or afterwards if that is asked for. */
static void put_thought(struct render *r, const struct g4_json_place *place, size_t i,
                        const json_t *calls)
{
    const json_t *message = json_array_get(r->messages, i);
    const char *thought = g4_chat_string(&r->w, place, message, "reasoning", false);
    if (!thought || !*thought)
        thought = g4_chat_string(&r->w, place, message, "reasoning_content", false);
    const bool shown =
        i + 1 > r->last_user || (r->options->preserve_thinking && json_array_size(calls) > 0);
    if (!thought || !*thought || !shown)
        return;
    g4_chat_put(&r->w, "<|channel>thought\n");
    g4_chat_payload(&r->w, thought, strlen(thought));
    g4_chat_put(&r->w, "\n<channel|>");
}

/* Message i, which is no tool message. */
static void put_message(struct render *r, size_t i)
{
    const struct g4_json_place at = {.parent = &messages_place, .index = i};
    const json_t *message = json_array_get(r->messages, i), *next = NULL;
    const bool assistant = is_role(message, "assistant");
    const bool model = assistant || is_role(message, "model");
    const char *role = assistant ? "model" : role_of(message);
    const json_t *calls = g4_chat_array(&r->w, &at, message, "tool_calls");
    const bool called = json_array_size(calls) > 0;
    if (!model || !r->previous_role || strcmp(r->previous_role, "assistant") != 0) {
        g4_chat_put(&r->w, "<|turn>");
        g4_chat_payload(&r->w, role, strlen(role));
        g4_chat_put(&r->w, "\n");
    }
    put_thought(r, &at, i, calls);
    put_calls(r, &at, calls);
    const bool answered = put_results(r, &at, i, calls) > 0;
    const bool content = put_content(r, &at, json_object_get(message, "content"), model);

    for (size_t k = i + 1; k < json_array_size(r->messages) && !next; k++)
        if (!is_role(json_array_get(r->messages, k), "tool"))
            next = json_array_get(r->messages, k);
    const bool goes_on = model && next && is_role(next, "assistant") && (!called || answered);
    r->tail = answered ? TAIL_RESULT : called ? TAIL_CALL : TAIL_TURN;
    r->turn_closed = false;
    if (called && !answered) {
        g4_chat_put(&r->w, "<|tool_response>");
    } else if (!goes_on && !(answered && !content && !next)) {
        g4_chat_put(&r->w, "<turn|>\n");
        r->turn_closed = true;
    }
    r->previous_role = role_of(message);
}

static void put_generation_prompt(struct render *r)
{
    const bool closed = r->options->open_turn_always && r->turn_closed;
    if (r->w.status < 0)
        return;
    if (r->tail == TAIL_TURN || closed)
        r->w.status =
            g4_chat_model_open(r->w.prompt, r->options->variant, r->options->thinking, r->w.err);
    else if (r->tail == TAIL_RESULT && r->options->thinking)
        g4_chat_put(&r->w, "<|channel>thought\n");
}

int g4_chat_render(struct g4_prompt *prompt, const json_t *messages, const json_t *tools,
                   const struct g4_chat_options *options, struct g4_err *err)
{
    struct render r = {.w = {.prompt = prompt, .err = err, .refusal = G4_EINPUT},
                       .options = options,
                       .messages = messages};
    check_messages(&r);
    if (tools && !json_is_null(tools) && !json_is_array(tools)) {
        r.w.refusal = G4_EUSAGE;
        g4_chat_refuse(&r.w, &tools_place, "expected an array");
    }
    if (r.w.status < 0)
        return r.w.status;
    put_system_turn(&r, tools);
    const size_t n = json_array_size(messages);
    for (size_t i = r.first; i < n; i++)
        if (is_role(json_array_get(messages, i), "user"))
            r.last_user = i + 1;
    for (size_t i = r.first; i < n && r.w.status == 0; i++)
        if (!is_role(json_array_get(messages, i), "tool"))
            put_message(&r, i);
    if (options->add_generation_prompt)
        put_generation_prompt(&r);
    return r.w.status;
}

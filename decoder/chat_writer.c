/* chat_writer.c - see the header. */
#include "decoder/chat_writer.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

void g4_chat_put(struct g4_chat_writer *w, const char *text)
{
    if (w->status == 0)
        w->status = g4_prompt_template(w->prompt, text, w->err);
}

void g4_chat_payload(struct g4_chat_writer *w, const char *text, size_t n)
{
    if (w->status == 0 && n > 0)
        w->status = g4_prompt_payload(w->prompt, text, n, w->err);
}

void g4_chat_quoted(struct g4_chat_writer *w, const char *text, size_t n)
{
    g4_chat_put(w, "<|\"|>");
    g4_chat_payload(w, text, n);
    g4_chat_put(w, "<|\"|>");
}

/* Writes the path, outermost first; the length it would have, as snprintf. */
static size_t put_place(char *out, size_t size, const struct g4_json_place *place)
{
    size_t n = place->parent ? put_place(out, size, place->parent) : 0;
    char *rest = n < size ? out + n : NULL;
    size_t room = n < size ? size - n : 0;
    int more = place->key ? snprintf(rest, room, "%s%s", place->parent ? "." : "", place->key)
                          : snprintf(rest, room, "[%zu]", place->index);
    return n + (more > 0 ? (size_t)more : 0);
}

void g4_chat_refuse(struct g4_chat_writer *w, const struct g4_json_place *place, const char *format,
                    ...)
{
    char path[320], text[320];
    va_list args;
    if (w->status < 0)
        return;
    put_place(path, sizeof path, place);
    va_start(args, format);
    vsnprintf(text, sizeof text, format, args);
    va_end(args);
    w->status = g4_err_set(w->err, w->refusal, "%s: %s", path, text);
}

const char *g4_chat_string(struct g4_chat_writer *w, const struct g4_json_place *place,
                           const json_t *object, const char *key, bool required)
{
    const json_t *value = json_object_get(object, key);
    const struct g4_json_place at = {.parent = place, .key = key};
    if (json_is_string(value))
        return json_string_value(value);
    if (required || (value && !json_is_null(value)))
        g4_chat_refuse(w, &at, value ? "expected a string" : "missing");
    return NULL;
}

const json_t *g4_chat_array(struct g4_chat_writer *w, const struct g4_json_place *place,
                            const json_t *object, const char *key)
{
    const json_t *value = json_object_get(object, key);
    const struct g4_json_place at = {.parent = place, .key = key};
    if (json_is_array(value))
        return value;
    if (value && !json_is_null(value))
        g4_chat_refuse(w, &at, "expected an array");
    return NULL;
}

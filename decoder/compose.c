/* compose.c - texts wait in `pending` until media or the end decide where they stand. */
#include "decoder/compose.h"

#include <stdlib.h>
#include <string.h>

/* One text part behind those that wait. Trimmed parts that are empty leave no newline. */
static int add_text(struct g4_compose *c, const char *text, size_t n, struct g4_err *err)
{
    if (!c->options->raw)
        g4_chat_trim(&text, &n);
    if (n == 0)
        return 0;
    c->any_text = true;
    int status = 0;
    if (c->pending.n > 0 && !c->options->raw)
        status = g4_text_puts(&c->pending, "\n", err);
    return status < 0 ? status : g4_text_append(&c->pending, text, n, err);
}

static int flush_text(struct g4_compose *c, struct g4_err *err)
{
    if (c->pending.n == 0)
        return 0;
    int status = g4_prompt_payload(&c->prompt, c->pending.text, c->pending.n, err);
    g4_text_clear(&c->pending);
    c->in_video = false;
    return status;
}

static const char *find(const char *text, size_t n, const char *what)
{
    size_t length = strlen(what);
    return length && length <= n ? memmem(text, n, what, length) : NULL;
}

size_t g4_compose_places(const char *prompt, size_t n, const char *place)
{
    size_t count = 0;
    const char *end = prompt + n, *hit;
    while ((hit = find(prompt, (size_t)(end - prompt), place)) != NULL) {
        count++;
        prompt = hit + strlen(place);
    }
    return count;
}

/* The prompt's text up to its next place. */
static int next_place(struct g4_compose *c, struct g4_err *err)
{
    const struct g4_compose_options *o = c->options;
    const char *rest = o->prompt + c->place_at;
    size_t n = o->prompt_bytes - c->place_at;
    const char *hit = find(rest, n, o->place);
    if (!hit)
        return g4_err_set(err, G4_EINPUT,
                          "the prompt has %zu places '%s', the streams have more sources",
                          g4_compose_places(o->prompt, o->prompt_bytes, o->place), o->place);
    int status = add_text(c, rest, (size_t)(hit - rest), err);
    c->place_at = (size_t)(hit - o->prompt) + strlen(o->place);
    return status;
}

int g4_compose_begin(struct g4_compose *c, const struct g4_compose_options *options,
                     struct g4_err *err)
{
    *c = (struct g4_compose){.options = options};
    if (options->raw)
        return g4_prompt_template(&c->prompt, g4_special_text(G4_TOKEN_BOS), err);
    size_t n = options->system ? strlen(options->system) : 0;
    int status = g4_chat_begin(&c->prompt, options->system, n, options->thinking, err);
    return status < 0 ? status : g4_chat_user_open(&c->prompt, err);
}

int g4_compose_text(struct g4_compose *c, const char *text, size_t n, struct g4_err *err)
{
    return add_text(c, text, n, err);
}

/* What must stand in front of the segment that comes now. */
static int before_segment(struct g4_compose *c, const struct g4_segment *segment, bool new_source,
                          struct g4_err *err)
{
    const struct g4_compose_options *o = c->options;
    if (o->place)
        return new_source ? next_place(c, err) : 0;
    if (c->segments > 0 || segment->kind != G4_KIND_AUDIO || !o->prompt)
        return 0;
    /* Sound first: the prompt stands before the TEXT records that came before the sound. */
    struct g4_text texts = c->pending;
    c->pending = (struct g4_text){0};
    c->prompt_used = true;
    int status = add_text(c, o->prompt, o->prompt_bytes, err);
    if (status == 0 && texts.n > 0)
        status = add_text(c, texts.text, texts.n, err);
    g4_text_release(&texts);
    return status;
}

int g4_compose_segment(struct g4_compose *c, uint32_t stream, const struct g4_segment *segment,
                       float *rows, struct g4_err *err)
{
    bool new_source = c->segments == 0 || stream != c->stream || segment->source != c->source;
    int status = before_segment(c, segment, new_source, err);
    if (status == 0)
        status = flush_text(c, err);
    if (status < 0) {
        free(rows);
        return status;
    }
    c->sources += new_source;
    c->segments++;
    c->stream = stream;
    c->source = segment->source;
    switch (segment->kind) {
    case G4_KIND_AUDIO:
        c->in_video = false;
        return g4_chat_audio(&c->prompt, segment->rows, rows, err);
    case G4_KIND_FRAME:
        status = g4_chat_frame(&c->prompt, new_source || !c->in_video, segment->t0, segment->rows,
                               rows, err);
        c->in_video = true;
        return status;
    default: c->in_video = false; return g4_chat_image(&c->prompt, segment->rows, rows, err);
    }
}

int g4_compose_end(struct g4_compose *c, struct g4_err *err)
{
    const struct g4_compose_options *o = c->options;
    int status = 0;
    if (o->place) {
        size_t places = g4_compose_places(o->prompt, o->prompt_bytes, o->place);
        if (c->sources < places)
            return g4_err_set(err, G4_EINPUT,
                              "the prompt has %zu places '%s', the streams have %zu sources",
                              places, o->place, c->sources);
        status = add_text(c, o->prompt + c->place_at, o->prompt_bytes - c->place_at, err);
    } else if (o->prompt && !c->prompt_used) {
        status = add_text(c, o->prompt, o->prompt_bytes, err);
    }
    if (status < 0)
        return status;
    if (!c->any_text)
        return g4_err_set(err, G4_EUSAGE,
                          "no prompt: give -p TEXT, --prompt-file FILE or TEXT records");
    status = flush_text(c, err);
    if (status < 0 || o->raw)
        return status;
    return g4_chat_user_close(&c->prompt, o->variant, o->thinking, err);
}

void g4_compose_release(struct g4_compose *c)
{
    g4_prompt_release(&c->prompt);
    g4_text_release(&c->pending);
    *c = (struct g4_compose){0};
}

/* prompt.c - a list of parts, and the one pass that turns it into positions. */
#include "decoder/prompt.h"

#include <stdlib.h>
#include <string.h>

#include "decoder/text_buffer.h"
#include "lib/base/mem.h"

static int append(struct g4_prompt *prompt, const struct g4_part *part, struct g4_err *err)
{
    if (prompt->count == prompt->capacity) {
        size_t bytes, capacity = prompt->capacity ? 2 * prompt->capacity : 16;
        if (!g4_mul_size(capacity, sizeof *part, &bytes))
            return g4_err_nomem(err, SIZE_MAX, "the prompt");
        struct g4_part *parts = realloc(prompt->parts, bytes);
        if (!parts)
            return g4_err_nomem(err, bytes, "the prompt");
        prompt->parts = parts;
        prompt->capacity = capacity;
    }
    prompt->parts[prompt->count++] = *part;
    return 0;
}

static int append_text(struct g4_prompt *prompt, enum g4_part_type type, const char *text, size_t n,
                       struct g4_err *err)
{
    struct g4_text copy = {0};
    int status = g4_text_append(&copy, text, n, err);
    if (status == 0)
        status = append(prompt, &(struct g4_part){.type = type, .text = copy.text, .n = n}, err);
    if (status < 0)
        g4_text_release(&copy);
    return status;
}

int g4_prompt_template(struct g4_prompt *prompt, const char *text, struct g4_err *err)
{
    return append_text(prompt, G4_PART_TEMPLATE, text, strlen(text), err);
}

int g4_prompt_payload(struct g4_prompt *prompt, const char *text, size_t n, struct g4_err *err)
{
    return append_text(prompt, G4_PART_PAYLOAD, text, n, err);
}

int g4_prompt_soft(struct g4_prompt *prompt, enum g4_position_kind kind, size_t rows, float *data,
                   struct g4_err *err)
{
    const struct g4_part part = {.type = G4_PART_SOFT, .kind = kind, .rows = rows, .data = data};
    int status = append(prompt, &part, err);
    if (status < 0)
        free(data);
    return status;
}

void g4_prompt_release(struct g4_prompt *prompt)
{
    for (size_t i = 0; i < prompt->count; i++) {
        free(prompt->parts[i].text);
        free(prompt->parts[i].data);
    }
    free(prompt->parts);
    *prompt = (struct g4_prompt){0};
}

static enum g4_special placeholder(enum g4_position_kind kind)
{
    return kind == G4_POS_IMAGE   ? G4_TOKEN_IMAGE_SOFT
           : kind == G4_POS_VIDEO ? G4_TOKEN_VIDEO_SOFT
                                  : G4_TOKEN_AUDIO_SOFT;
}

char *g4_prompt_text(const struct g4_prompt *prompt)
{
    struct g4_text text = {0};
    int status = g4_text_puts(&text, "", NULL);
    for (size_t i = 0; i < prompt->count && status == 0; i++) {
        const struct g4_part *part = &prompt->parts[i];
        if (part->type != G4_PART_SOFT)
            status = g4_text_append(&text, part->text, part->n, NULL);
        for (size_t row = 0; part->type == G4_PART_SOFT && row < part->rows && status == 0; row++)
            status = g4_text_puts(&text, g4_special_text(placeholder(part->kind)), NULL);
    }
    if (status < 0)
        g4_text_release(&text);
    return text.text;
}

/* Lengthens kinds to ids.count. */
static int fill_kinds(struct g4_prompt_positions *out, enum g4_position_kind kind, size_t *filled,
                      struct g4_err *err)
{
    if (out->ids.count == *filled)
        return 0;
    uint8_t *kinds = realloc(out->kinds, out->ids.capacity * sizeof *kinds);
    if (!kinds)
        return g4_err_nomem(err, out->ids.capacity, "the prompt");
    out->kinds = kinds;
    memset(kinds + *filled, kind, out->ids.count - *filled);
    *filled = out->ids.count;
    return 0;
}

/* Rows of all soft parts from `from` on, in order. */
static int copy_rows(const struct g4_prompt *prompt, size_t from, size_t width,
                     struct g4_prompt_positions *out, struct g4_err *err)
{
    size_t floats, at = 0;
    void *memory;
    if (!g4_mul_size(out->soft, width, &floats))
        return g4_err_nomem(err, SIZE_MAX, "soft tokens");
    int status = g4_alloc(&memory, floats, sizeof *out->rows, "soft tokens", err);
    if (status < 0)
        return status;
    out->rows = memory;
    for (size_t i = from; i < prompt->count; i++) {
        const struct g4_part *part = &prompt->parts[i];
        if (part->type != G4_PART_SOFT || part->rows == 0)
            continue;
        if (!part->data)
            return g4_err_set(err, G4_EUSAGE,
                              "the prompt has a place for media that were not given");
        memcpy(out->rows + at, part->data, part->rows * width * sizeof *out->rows);
        at += part->rows * width;
    }
    return 0;
}

/* One stretch of text parts, up to the next soft part or the end. *i: its first part, then its end.
 */
static int encode_stretch(const struct g4_prompt *prompt, size_t *i,
                          const struct g4_tokenizer *tokenizer, struct g4_ids *ids,
                          struct g4_err *err)
{
    const size_t begin = *i;
    void *memory;
    while (*i < prompt->count && prompt->parts[*i].type != G4_PART_SOFT)
        ++*i;
    const size_t count = *i - begin;
    struct g4_text_run *runs;
    int status = g4_alloc(&memory, count, sizeof *runs, "the prompt", err);
    if (status < 0)
        return status;
    runs = memory;
    for (size_t k = 0; k < count; k++) {
        const struct g4_part *part = &prompt->parts[begin + k];
        runs[k] = (struct g4_text_run){.text = part->text,
                                       .n = part->n,
                                       .specials = part->type == G4_PART_TEMPLATE};
    }
    status = g4_tokenizer_encode(tokenizer, runs, count, ids, err);
    free(runs);
    return status;
}

int g4_prompt_positions(const struct g4_prompt *prompt, size_t from,
                        const struct g4_tokenizer *tokenizer, size_t width,
                        struct g4_prompt_positions *out, struct g4_err *err)
{
    size_t filled = 0;
    int status = 0;
    *out = (struct g4_prompt_positions){0};
    for (size_t i = from; i < prompt->count && status == 0;) {
        const struct g4_part *part = &prompt->parts[i];
        if (part->type != G4_PART_SOFT) {
            if ((status = encode_stretch(prompt, &i, tokenizer, &out->ids, err)) == 0)
                status = fill_kinds(out, G4_POS_TEXT, &filled, err);
            continue;
        }
        const enum g4_special special = placeholder(part->kind);
        const int32_t id = g4_tokenizer_special(tokenizer, special);
        if (id < 0)
            status = g4_err_set(err, G4_EUNSUPPORTED, "the vocabulary has no token '%s'",
                                g4_special_text(special));
        else if ((status = g4_ids_push(&out->ids, id, part->rows, err)) == 0)
            status = fill_kinds(out, part->kind, &filled, err);
        out->soft += part->rows; /* as many ids exist, so the sum fits */
        i++;
    }
    if (status == 0 && width > 0 && out->soft > 0)
        status = copy_rows(prompt, from, width, out, err);
    if (status < 0)
        g4_prompt_positions_release(out);
    return status;
}

void g4_prompt_positions_release(struct g4_prompt_positions *positions)
{
    free(positions->ids.ids);
    free(positions->kinds);
    free(positions->rows);
    *positions = (struct g4_prompt_positions){0};
}

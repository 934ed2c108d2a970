/* text_buffer.c - doubling, so that appending byte by byte stays linear. */
#include "decoder/text_buffer.h"

#include <stdlib.h>
#include <string.h>

#include "lib/base/mem.h"

enum { FIRST_CAPACITY = 64 };

int g4_text_reserve(struct g4_text *text, size_t n, struct g4_err *err)
{
    size_t need;
    if (!g4_add_size(text->n, n, &need) || !g4_add_size(need, 1, &need) || need > SIZE_MAX / 2)
        return g4_err_nomem(err, n, "text");
    if (need <= text->capacity)
        return 0;
    size_t capacity = text->capacity ? text->capacity : FIRST_CAPACITY;
    while (capacity < need)
        capacity *= 2;
    char *grown = realloc(text->text, capacity);
    if (!grown)
        return g4_err_nomem(err, capacity, "text");
    text->text = grown;
    text->capacity = capacity;
    return 0;
}

int g4_text_append(struct g4_text *text, const char *bytes, size_t n, struct g4_err *err)
{
    int status = g4_text_reserve(text, n, err);
    if (status < 0)
        return status;
    if (n)
        memcpy(text->text + text->n, bytes, n);
    text->n += n;
    text->text[text->n] = '\0';
    return 0;
}

int g4_text_puts(struct g4_text *text, const char *string, struct g4_err *err)
{
    return g4_text_append(text, string, strlen(string), err);
}

void g4_text_clear(struct g4_text *text)
{
    text->n = 0;
    if (text->text)
        text->text[0] = '\0';
}

void g4_text_release(struct g4_text *text)
{
    free(text->text);
    *text = (struct g4_text){0};
}

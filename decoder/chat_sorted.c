/* chat_sorted.c - see the header. */
#include "decoder/chat_sorted.h"

#include <stdlib.h>

#include "lib/base/mem.h"

static unsigned char lower(char c)
{
    return (unsigned char)(c >= 'A' && c <= 'Z' ? c - 'A' + 'a' : c);
}

/* Bytes of UTF-8 compare as their code points do. */
static int compare(const void *left, const void *right)
{
    const struct g4_sorted_member *a = left, *b = right;
    size_t i = 0;
    while (a->key[i] && lower(a->key[i]) == lower(b->key[i]))
        i++;
    int order = lower(a->key[i]) - lower(b->key[i]);
    return order ? order : (a->index > b->index) - (a->index < b->index);
}

int g4_sorted_open(struct g4_sorted *sorted, const json_t *object, struct g4_err *err)
{
    void *memory;
    const size_t count = json_object_size(object);
    *sorted = (struct g4_sorted){0};
    int status = g4_alloc(&memory, count, sizeof *sorted->members, "an object", err);
    if (status < 0)
        return status;
    sorted->members = memory;
    /* jansson iterates a document it must not change through a pointer that could. */
    json_t *iterated = (json_t *)(uintptr_t)object;
    for (void *at = json_object_iter(iterated); at; at = json_object_iter_next(iterated, at)) {
        sorted->members[sorted->count] =
            (struct g4_sorted_member){.key = json_object_iter_key(at),
                                      .value = json_object_iter_value(at),
                                      .index = sorted->count};
        sorted->count++;
    }
    qsort(sorted->members, sorted->count, sizeof *sorted->members, compare);
    return 0;
}

void g4_sorted_release(struct g4_sorted *sorted)
{
    free(sorted->members);
    *sorted = (struct g4_sorted){0};
}

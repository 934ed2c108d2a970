/*
 * mem.h - sizes that cannot wrap, and arenas.
 *
 * A stage allocates in open and in plan, from one arena laid out from the configuration; its run
 * allocates nothing. Sizes that come from a file go through the checked operations first.
 */
#ifndef G4_BASE_MEM_H
#define G4_BASE_MEM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/base/err.h"

/* *out = a + b or a * b; false (and *out untouched) when the result does not fit. */
static inline bool g4_add_size(size_t a, size_t b, size_t *out)
{
    if (a > SIZE_MAX - b)
        return false;
    *out = a + b;
    return true;
}

static inline bool g4_mul_size(size_t a, size_t b, size_t *out)
{
    if (b != 0 && a > SIZE_MAX / b)
        return false;
    *out = a * b;
    return true;
}

/*
 * Memory with one owner and one end of life. Zeroed, every piece 64-byte aligned.
 * Two passes with the same code: on an arena whose base is NULL, take only counts (a "measuring"
 * arena) and returns NULL; after g4_arena_alloc it hands out memory.
 */
struct g4_arena {
    unsigned char *base;
    size_t used;   /* bytes handed out, or counted so far */
    size_t size;   /* bytes allocated; 0 while measuring */
    bool overflow; /* a size wrapped while measuring */
};

/* count elements of size bytes; NULL while measuring. Never fails after g4_arena_alloc of the
 * measured size (asserted). */
void *g4_arena_take(struct g4_arena *arena, size_t count, size_t size);

/* Allocates what was measured and rewinds. G4_ENOMEM names `what`. */
int g4_arena_alloc(struct g4_arena *arena, const char *what, struct g4_err *err);

/* Frees the memory; safe on a zeroed struct and twice. */
void g4_arena_release(struct g4_arena *arena);

/* calloc of count x size with overflow check and message; *out = NULL on failure. */
int g4_alloc(void **out, size_t count, size_t size, const char *what, struct g4_err *err);

#endif

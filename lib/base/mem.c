/* mem.c - arenas and checked allocation. */
#include "lib/base/mem.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

enum { ALIGN = 64, HUGE_PAGE = 2 << 20 };

void *g4_arena_take(struct g4_arena *arena, size_t count, size_t size)
{
    size_t bytes, end;
    if (!g4_mul_size(count, size, &bytes) || !g4_add_size(bytes, ALIGN - 1, &bytes) ||
        !g4_add_size(arena->used, bytes & ~(size_t)(ALIGN - 1), &end)) {
        assert(!arena->base); /* what fitted while measuring fits now */
        arena->overflow = true;
        return NULL;
    }
    void *piece = arena->base ? arena->base + arena->used : NULL;
    arena->used = end;
    assert(!arena->base || arena->used <= arena->size);
    return piece;
}

int g4_arena_alloc(struct g4_arena *arena, const char *what, struct g4_err *err)
{
    assert(!arena->base);
    size_t size = arena->used ? arena->used : ALIGN;
    /* Large arenas begin on a huge page so that the system may back them with such pages. */
    size_t align = size >= HUGE_PAGE ? HUGE_PAGE : ALIGN;
    size_t rounded;
    if (arena->overflow || !g4_add_size(size, align - 1, &rounded))
        return g4_err_nomem(err, SIZE_MAX, what);
    rounded &= ~(align - 1);
    void *base = aligned_alloc(align, rounded);
    if (!base)
        return g4_err_nomem(err, size, what);
    if (align == HUGE_PAGE)
        madvise(base, rounded, MADV_HUGEPAGE);
    memset(base, 0, size);
    arena->base = base;
    arena->size = size;
    arena->used = 0;
    return 0;
}

void g4_arena_release(struct g4_arena *arena)
{
    free(arena->base);
    *arena = (struct g4_arena){0};
}

int g4_alloc(void **out, size_t count, size_t size, const char *what, struct g4_err *err)
{
    size_t bytes;
    *out = NULL;
    if (!g4_mul_size(count, size, &bytes))
        return g4_err_nomem(err, SIZE_MAX, what);
    *out = calloc(1, bytes ? bytes : 1);
    return *out ? 0 : g4_err_nomem(err, bytes, what);
}

/* mem.c - arenas and checked allocation. */
#include "lib/base/mem.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

enum { ALIGN = 64, HUGE_PAGE = 2 << 20 };

/* Arenas of so many bytes are mapped. With AddressSanitizer none is: its allocator watches the end.
 */
#if defined(__SANITIZE_ADDRESS__)
static const size_t MAPPED = SIZE_MAX;
#else
static const size_t MAPPED = HUGE_PAGE;
#endif

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

/* Whole huge pages, which the system gives zeroed and only when they are touched. */
static unsigned char *map_zeroed(size_t size)
{
    size_t rounded, mapped;
    if (!g4_add_size(size, HUGE_PAGE - 1, &rounded))
        return NULL;
    rounded &= ~(size_t)(HUGE_PAGE - 1);
    if (!g4_add_size(rounded, HUGE_PAGE, &mapped))
        return NULL;
    unsigned char *all =
        mmap(NULL, mapped, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (all == MAP_FAILED)
        return NULL;
    const size_t before = (HUGE_PAGE - (uintptr_t)all % HUGE_PAGE) % HUGE_PAGE;
    if (before > 0)
        munmap(all, before);
    if (before < HUGE_PAGE)
        munmap(all + before + rounded, HUGE_PAGE - before);
    madvise(all + before, rounded, MADV_HUGEPAGE);
    return all + before;
}

static unsigned char *zeroed(size_t size)
{
    if (size >= MAPPED)
        return map_zeroed(size);
    size_t rounded;
    if (!g4_add_size(size, ALIGN - 1, &rounded))
        return NULL;
    rounded &= ~(size_t)(ALIGN - 1);
    void *base = aligned_alloc(ALIGN, rounded);
    return base ? memset(base, 0, rounded) : NULL;
}

int g4_arena_alloc(struct g4_arena *arena, const char *what, struct g4_err *err)
{
    assert(!arena->base);
    size_t size = arena->used ? arena->used : ALIGN;
    if (arena->overflow || !(arena->base = zeroed(size)))
        return g4_err_nomem(err, arena->overflow ? SIZE_MAX : size, what);
    arena->size = size;
    arena->used = 0;
    return 0;
}

void g4_arena_release(struct g4_arena *arena)
{
    if (arena->size >= MAPPED)
        munmap(arena->base, (arena->size + HUGE_PAGE - 1) & ~(size_t)(HUGE_PAGE - 1));
    else
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

/*
 * failing_malloc.c - preloaded: one allocation fails. $G4_FAIL_AT = N: the Nth after the options
 * were read (0: none, but the number of all goes to the file descriptor $G4_COUNT_TO).
 */
#include <dlfcn.h>
#include <errno.h>
#include <getopt.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

extern void *__libc_malloc(size_t n);
extern void *__libc_calloc(size_t count, size_t n);
extern void *__libc_realloc(void *p, size_t n);
extern void *__libc_memalign(size_t alignment, size_t n);

static atomic_long made;
static long fail_at;
static int count_to = -1;
static atomic_bool armed;

static long number_of(const char *name, long otherwise)
{
    const char *text = getenv(name);
    return text ? strtol(text, NULL, 10) : otherwise;
}

/* The first thing a program does with its own hands. */
int getopt_long(int argc, char *const *argv, const char *letters, const struct option *options,
                int *index)
{
    int (*real)(int, char *const *, const char *, const struct option *, int *);
    *(void **)&real = dlsym(RTLD_NEXT, "getopt_long");
    if (!atomic_load(&armed)) {
        fail_at = number_of("G4_FAIL_AT", 0);
        count_to = (int)number_of("G4_COUNT_TO", -1);
        atomic_store(&armed, 1);
    }
    return real(argc, argv, letters, options, index);
}

/* Libraries set themselves up while they are loaded, and many end the program when memory is short
 * then: that is not ours to judge. */
static _Thread_local int loading;

void *dlopen(const char *name, int flags)
{
    void *(*real)(const char *, int);
    *(void **)&real = dlsym(RTLD_NEXT, "dlopen");
    loading++;
    void *library = real(name, flags);
    loading--;
    return library;
}

static int fails(void)
{
    if (loading > 0 || !atomic_load(&armed) || atomic_fetch_add(&made, 1) + 1 != fail_at)
        return 0;
    errno = ENOMEM;
    return 1;
}

void *malloc(size_t n)
{
    return fails() ? NULL : __libc_malloc(n);
}
void *calloc(size_t count, size_t n)
{
    return fails() ? NULL : __libc_calloc(count, n);
}
void *realloc(void *p, size_t n)
{
    return fails() ? NULL : __libc_realloc(p, n);
}
void *memalign(size_t alignment, size_t n)
{
    return fails() ? NULL : __libc_memalign(alignment, n);
}
void *aligned_alloc(size_t alignment, size_t n)
{
    return fails() ? NULL : __libc_memalign(alignment, n);
}

int posix_memalign(void **p, size_t alignment, size_t n)
{
    void *got = fails() ? NULL : __libc_memalign(alignment, n);
    if (got)
        *p = got;
    return got ? 0 : ENOMEM;
}

__attribute__((destructor)) static void tell(void)
{
    char text[32];
    int n = snprintf(text, sizeof text, "%ld\n", atomic_load(&made));
    if (count_to >= 0 && n > 0 && write(count_to, text, (size_t)n) < 0)
        _exit(98);
}

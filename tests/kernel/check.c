/*
 * check.c - fenced memory and bookkeeping of the kernel check.
 */
#include "tests/kernel/check.h"

#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "lib/tensor/half.h"

enum {
    FENCE = 0xa5,
    MARGIN = 256,             /* bytes watched in front of an array */
    GROUND = 2 * 1024 * 1024, /* the largest array with its margin */
    GROUNDS = 8,              /* most arrays at a time */
};

/* Memory with a forbidden page behind it; arrays end there. Mapped once and used again and again.
 */
static struct ground {
    unsigned char *map; /* [GROUND] */
    bool used;
} grounds[GROUNDS];

const size_t check_sizes[] = {0,  1,  2,  3,  5,  7,   8,   15,  16,   17,      31,
                              33, 63, 64, 65, 96, 100, 257, 300, 1000, SIZE_MAX};

static void die(const char *why)
{
    fprintf(stderr, "kernel_check: %s\n", why);
    exit(1);
}

static struct ground *free_ground(void)
{
    const size_t page = (size_t)sysconf(_SC_PAGESIZE);
    struct ground *g = grounds;
    while (g < grounds + GROUNDS && g->used)
        g++;
    if (g == grounds + GROUNDS)
        die("too many arrays");
    if (!g->map) {
        g->map =
            mmap(NULL, GROUND + page, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
        if (g->map == MAP_FAILED || mprotect(g->map + GROUND, page, PROT_NONE) != 0)
            die("no memory");
    }
    g->used = true;
    return g;
}

struct area area_open(size_t bytes, size_t shift)
{
    if (bytes + shift + MARGIN > GROUND)
        die("array too large");
    struct ground *g = free_ground();
    unsigned char *data = g->map + GROUND - shift - bytes;
    memset(data - MARGIN, FENCE, MARGIN + bytes + shift);
    return (struct area){g, bytes, shift, data};
}

void area_close(struct area *area)
{
    area->ground->used = false;
}

/* A number in -1..1 from a counter. */
static float number(uint32_t *state)
{
    *state = *state * 1664525u + 1013904223u;
    return (float)(int32_t)(*state >> 8 & 0xffff) / 32768.0f - 1.0f;
}

struct area area_floats(size_t n, size_t shift, uint32_t seed)
{
    struct area area = area_open(n * sizeof(float), shift);
    float *x = area.data;
    for (size_t i = 0; i < n; i++)
        x[i] = number(&seed);
    return area;
}

size_t weight_bytes(enum g4_dtype dtype)
{
    return dtype == G4_DTYPE_F32 ? 4 : 2;
}

struct area area_weights(const struct check *check, size_t n, size_t shift, uint32_t seed)
{
    const size_t bytes = weight_bytes(check->dtype);
    struct area area = area_open(n * bytes, shift);
    unsigned char *w = area.data;
    for (size_t i = 0; i < n; i++) {
        const float x = number(&seed);
        uint16_t h = g4_f32_to_bf16(x);
        if (check->dtype ==
            G4_DTYPE_F16) { /* any sign, exponent 2^-15 (subnormal) .. 2^0, mantissa */
            const uint32_t bits = (uint32_t)(int32_t)(x * 32768.0f);
            h = (uint16_t)((bits & 0x83ff) | (bits * 7 % 16) << 10);
        }
        memcpy(w + i * bytes, bytes == 4 ? (const void *)&x : &h, bytes);
    }
    return area;
}

struct area area_copy(const struct area *from, size_t shift)
{
    struct area area = area_open(from->bytes, shift);
    memcpy(area.data, from->data, from->bytes);
    return area;
}

void check_fence(struct check *check, const struct area *area, const char *what)
{
    const unsigned char *data = area->data, *end = data + area->bytes;
    for (size_t i = 1; i <= MARGIN; i++)
        if (data[-(ptrdiff_t)i] != FENCE)
            check_fail(check, "%s: wrote %zu bytes before %zu", what, i, area->bytes);
    for (size_t i = 0; i < area->shift; i++)
        if (end[i] != FENCE)
            check_fail(check, "%s: wrote %zu bytes behind %zu", what, i, area->bytes);
}

void check_value(struct check *check, double got, double want, double scale, const char *what)
{
    if (got == want || (isnan(got) && isnan(want)))
        return;
    const double error = fabs(got - want) / scale;
    if (!(error <= check->worst))
        check->worst = error;
    if (!(error <= check->limit))
        check_fail(check, "%s: got %.9g, expected %.9g, error %.3g > %.3g", what, got, want, error,
                   check->limit);
}

void check_fail(struct check *check, const char *format, ...)
{
    va_list arguments;
    if (check->failed)
        return;
    check->failed = true;
    va_start(arguments, format);
    vsnprintf(check->why, sizeof check->why, format, arguments);
    va_end(arguments);
}

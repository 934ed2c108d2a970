/* media_fixture.h - small sounds and clips made on the spot, as files and on stdin. */
#ifndef G4_TESTS_UNIT_MEDIA_FIXTURE_H
#define G4_TESTS_UNIT_MEDIA_FIXTURE_H

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

struct media_bytes {
    unsigned char *data;
    size_t n, capacity;
};

static inline void media_add(struct media_bytes *b, const void *data, size_t n)
{
    if (b->n + n >= b->capacity) {
        b->capacity = 2 * (b->n + n) + 64;
        b->data = realloc(b->data, b->capacity);
    }
    memcpy(b->data + b->n, data, n);
    b->n += n;
}

static inline void media_number(struct media_bytes *b, uint64_t value, int bytes)
{
    for (int i = 0; i < bytes; i++) {
        unsigned char c = (unsigned char)(value >> 8 * i);
        media_add(b, &c, 1);
    }
}

/* A WAV of n bytes of samples; stated is what the data chunk says. */
static inline struct media_bytes media_wav(int format, unsigned channels, uint32_t rate,
                                           unsigned bits, const void *samples, size_t n,
                                           uint32_t stated)
{
    struct media_bytes b = {0};
    media_add(&b, "RIFF", 4);
    media_number(&b, 36 + (uint64_t)stated, 4);
    media_add(&b, "WAVEfmt ", 8);
    media_number(&b, 16, 4);
    media_number(&b, (uint64_t)format, 2);
    media_number(&b, channels, 2);
    media_number(&b, rate, 4);
    media_number(&b, (uint64_t)rate * channels * bits / 8, 4);
    media_number(&b, (uint64_t)channels * bits / 8, 2);
    media_number(&b, bits, 2);
    media_add(&b, "data", 4);
    media_number(&b, stated, 4);
    media_add(&b, samples, n);
    return b;
}

enum { CLIP_WIDTH = 24, CLIP_HEIGHT = 16 };

/* A YUV4MPEG clip at fps: frame i has luma 16 + i % 200 all over. */
static inline struct media_bytes media_clip(int frames, int fps)
{
    struct media_bytes b = {0};
    char line[100];
    unsigned char plane[CLIP_WIDTH * CLIP_HEIGHT];
    int n = snprintf(line, sizeof line, "YUV4MPEG2 W%d H%d F%d:1 Ip A1:1 C444\n", CLIP_WIDTH,
                     CLIP_HEIGHT, fps);
    media_add(&b, line, (size_t)n);
    for (int i = 0; i < frames; i++) {
        media_add(&b, "FRAME\n", 6);
        memset(plane, 16 + i % 200, sizeof plane);
        media_add(&b, plane, sizeof plane);
        memset(plane, 128, sizeof plane);
        media_add(&b, plane, sizeof plane);
        media_add(&b, plane, sizeof plane);
    }
    return b;
}

/* A file without a name; path leads to it while the result is open. */
static inline int media_file(char path[32], const struct media_bytes *b)
{
    char name[4096];
    const char *tmp = getenv("TMPDIR");
    snprintf(name, sizeof name, "%s/g4-test-XXXXXX", tmp && tmp[0] == '/' ? tmp : "/tmp");
    int fd = mkstemp(name);
    if (fd < 0 || write(fd, b->data, b->n) != (ssize_t)b->n)
        abort();
    unlink(name);
    snprintf(path, 32, "/proc/self/fd/%d", fd);
    return fd;
}

/* A pipe that holds the bytes (at most 64 KiB) and has no writer any more; its reading end. */
static inline int media_pipe(char path[32], const struct media_bytes *b)
{
    int ends[2];
    if (pipe(ends) < 0)
        abort();
    if (write(ends[1], b->data, b->n) != (ssize_t)b->n)
        abort();
    close(ends[1]);
    snprintf(path, 32, "/proc/self/fd/%d", ends[0]);
    return ends[0];
}

#endif

/*
 * picture_fixture.h - what the tests of encoders/vision share: picture files written on the spot,
 * and loading them.
 */
#ifndef G4_TESTS_PICTURE_FIXTURE_H
#define G4_TESTS_PICTURE_FIXTURE_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "encoders/vision/image.h"

static const struct g4_image_limits usual_limits = {.max_pixels = 128000000,
                                                    .max_scans = 100,
                                                    .orient = true};

/* A file of its own for every test program, removed at the end. */
static char picture_path[64];

static inline int make_path(void **state)
{
    (void)state;
    strcpy(picture_path, "/tmp/g4-test-XXXXXX");
    int fd = mkstemp(picture_path);
    return fd < 0 ? -1 : close(fd);
}

static inline int remove_path(void **state)
{
    (void)state;
    return unlink(picture_path);
}

static inline void write_bytes(const void *data, size_t n)
{
    FILE *file = fopen(picture_path, "wb");
    assert_non_null(file);
    assert_int_equal(fwrite(data, 1, n, file), n);
    assert_int_equal(fclose(file), 0);
}

/* Bytes that are neither flat nor smooth. */
static inline void fill_bytes(uint8_t *out, size_t n, uint32_t seed)
{
    uint32_t state = seed * 2654435761u + 1;
    for (size_t i = 0; i < n; i++) {
        state = state * 1664525u + 1013904223u;
        out[i] = (uint8_t)(state >> 24);
    }
}

/* Bytes of a picture file that is put together. */
struct file_bytes {
    uint8_t *data;
    size_t n;
};

static inline void add_bytes(struct file_bytes *f, const void *data, size_t n)
{
    f->data = realloc(f->data, f->n + n + 1);
    assert_non_null(f->data);
    if (n)
        memcpy(f->data + f->n, data, n);
    f->n += n;
}

static inline void expect_loaded(struct g4_image *image, const void *data, size_t n)
{
    struct g4_err err = {0};
    write_bytes(data, n);
    if (g4_image_load(image, picture_path, &usual_limits, NULL, &err) < 0)
        fail_msg("%s", err.text);
}

/* The load fails with this code, and the message names the file and says `says`. */
static inline void expect_refused(const void *data, size_t n, const struct g4_image_limits *limits,
                                  int code, const char *says)
{
    struct g4_err err = {0};
    struct g4_image image;
    write_bytes(data, n);
    int status = g4_image_load(&image, picture_path, limits, NULL, &err);
    if (status != code || !strstr(err.text, picture_path) || !strstr(err.text, says))
        fail_msg("status %d instead of %d, '%s' without '%s'", status, code, err.text, says);
    assert_null(image.rgb);
}

#endif

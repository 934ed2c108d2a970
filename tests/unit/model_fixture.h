/* model_fixture.h - small files for the tests of lib/format and lib/model. */
#ifndef G4_TESTS_UNIT_MODEL_FIXTURE_H
#define G4_TESTS_UNIT_MODEL_FIXTURE_H

#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "lib/base/err.h"

#define GOLDEN "tests/data/golden/"
#define DEMO   "examples/demo-model"

/* A new folder under $TMPDIR; the caller removes it with fixture_remove. */
static inline char *fixture_folder(void)
{
    char *path;
    const char *tmp = getenv("TMPDIR");
    assert_true(asprintf(&path, "%s/g4-test-XXXXXX", tmp ? tmp : "/tmp") > 0);
    assert_non_null(mkdtemp(path));
    return path;
}

static inline void fixture_remove(char *folder)
{
    char *command;
    assert_true(asprintf(&command, "rm -rf '%s'", folder) > 0);
    assert_int_equal(system(command), 0);
    free(command);
    free(folder);
}

/* "folder/name"; a few may be in use at a time. */
static inline const char *fixture_path(const char *folder, const char *name)
{
    static char paths[8][1024];
    static unsigned next;
    char *path = paths[next++ % 8];
    snprintf(path, sizeof paths[0], "%s/%s", folder, name);
    return path;
}

/* Writes folder/name, making the folders on the way. */
static inline void fixture_write(const char *folder, const char *name, const void *bytes, size_t n)
{
    char path[1024];
    snprintf(path, sizeof path, "%s/%s", folder, name);
    for (char *p = path + strlen(folder) + 1; (p = strchr(p, '/')) != NULL; p++) {
        *p = '\0';
        mkdir(path, 0777);
        *p = '/';
    }
    FILE *file = fopen(path, "wb");
    assert_non_null(file);
    assert_int_equal(fwrite(bytes, 1, n, file), n);
    assert_int_equal(fclose(file), 0);
}

static inline void fixture_text(const char *folder, const char *name, const char *text)
{
    fixture_write(folder, name, text, strlen(text));
}

/* Length word, header and `data_bytes` bytes counting 0, 1, 2 ... in exactly sized memory. */
static inline unsigned char *fixture_safetensors(const char *header, size_t data_bytes,
                                                 size_t *size)
{
    uint64_t n = strlen(header);
    *size = 8 + n + data_bytes;
    unsigned char *bytes = malloc(*size);
    assert_non_null(bytes);
    memcpy(bytes, &n, 8);
    memcpy(bytes + 8, header, n);
    for (size_t i = 0; i < data_bytes; i++)
        bytes[8 + n + i] = (unsigned char)i;
    return bytes;
}

static inline void fixture_tensors(const char *folder, const char *name, const char *header,
                                   size_t data_bytes)
{
    size_t size;
    unsigned char *bytes = fixture_safetensors(header, data_bytes, &size);
    fixture_write(folder, name, bytes, size);
    free(bytes);
}

/* Copies a whole file; the caller frees. */
static inline char *fixture_read(const char *path, size_t *size)
{
    FILE *file = fopen(path, "rb");
    assert_non_null(file);
    assert_int_equal(fseek(file, 0, SEEK_END), 0);
    long n = ftell(file);
    assert_true(n >= 0);
    rewind(file);
    char *bytes = malloc((size_t)n + 1);
    assert_non_null(bytes);
    *size = fread(bytes, 1, (size_t)n, file);
    bytes[*size] = '\0';
    fclose(file);
    return bytes;
}

/* The message contains `part` (and says so when it does not). */
static inline void assert_message(const struct g4_err *err, const char *part)
{
    if (!strstr(err->text, part))
        fail_msg("message \"%s\" does not contain \"%s\"", err->text, part);
    assert_null(strchr(err->text, '\n'));
}

#endif

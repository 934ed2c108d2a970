/* convert_fixture.h - what a conversion writes, kept in memory. */
#ifndef G4_TESTS_UNIT_CONVERT_FIXTURE_H
#define G4_TESTS_UNIT_CONVERT_FIXTURE_H

#include "tests/unit/model_fixture.h"

/* The caller frees bytes. */
struct memory {
    unsigned char *bytes;
    size_t n;
};

/* A writer for g4_convert_stream; ctx: a struct memory. */
static inline int to_memory(void *ctx, const void *data, size_t n, struct g4_err *err)
{
    struct memory *m = ctx;
    (void)err;
    m->bytes = realloc(m->bytes, m->n + n);
    assert_non_null(m->bytes);
    memcpy(m->bytes + m->n, data, n);
    m->n += n;
    return 0;
}

#endif

/* twin_fixture.h - GGUF twins of the shipped models, made by tests/reference/make_gguf.py. */
#ifndef G4_TESTS_UNIT_TWIN_FIXTURE_H
#define G4_TESTS_UNIT_TWIN_FIXTURE_H

#include "tests/unit/model_fixture.h"

#define DECODERS                                                                                   \
    GOLDEN "decoder-e2b " GOLDEN "decoder-e4b " GOLDEN "decoder-12b " GOLDEN "decoder-26b " GOLDEN \
           "decoder-31b "
#define TOWERS                                                                                     \
    GOLDEN "vision-small " GOLDEN "vision-large " GOLDEN "audio-e2b " GOLDEN "unified-12b "

/* A new folder with NAME/model.gguf, NAME/mmproj.gguf of each of `models`, folders with spaces
 * between them; the caller removes it with fixture_remove. */
static inline char *fixture_twins(const char *options, const char *models)
{
    char *command, *folder = fixture_folder();
    assert_true(asprintf(&command, "python3 tests/reference/make_gguf.py %s '%s' %s", options,
                         folder, models) > 0);
    assert_int_equal(system(command), 0);
    free(command);
    return folder;
}

#endif

/*
 * model_verify.h - g4-model verify: whether a model is whole and unharmed.
 *
 *     headers -> shapes -> vocabulary -> every number -> checksums
 *
 * Each is what the programs themselves do when they open a model, but for the last two. The first
 * thing wrong is the error.
 */
#ifndef G4_BIN_MODEL_VERIFY_H
#define G4_BIN_MODEL_VERIFY_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#include "lib/base/err.h"

struct g4_verify_options {
    const char *model;  /* as -m names one; NULL: the one that is found */
    const char *mmproj; /* the towers of a GGUF model; NULL: those beside it */
    bool json, quick;   /* quick: the weights are not read */
    int64_t threads;    /* 0: as many as there are */
};

/* Prints one line, or one JSON object, when all is well; notes go to stderr. */
int g4_model_verify(const struct g4_verify_options *options, FILE *out, struct g4_err *err);

#endif

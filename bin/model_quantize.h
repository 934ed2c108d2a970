/*
 * model_quantize.h - g4-model quantize: a model in fewer bits.
 *
 * GGUF types write the text model to `out` and the towers, in 16 bits, to a file beside it whose
 * name begins with "mmproj-"; sfp8 makes a folder. Files appear whole or not at all; a signal
 * leaves nothing behind.
 */
#ifndef G4_BIN_MODEL_QUANTIZE_H
#define G4_BIN_MODEL_QUANTIZE_H

#include <stdbool.h>
#include <stdint.h>

#include "lib/base/err.h"
#include "lib/model/convert.h"
#include "lib/nn/exec.h"

struct g4_quantize_options {
    const char *in;     /* a model, as -m names one */
    const char *out;    /* "-": the text model to stdout */
    const char *mmproj; /* the towers of a GGUF model; NULL: those beside it */
    int type;           /* enum g4_convert_type; -1: none was given */
    bool force;         /* existing files may be replaced */
    bool no_mmproj;     /* no file for the towers */
    int64_t threads;    /* 0: as many as there are */
};

/* The names of the types, for the option. */
extern const char *const g4_quantize_types[];

int g4_model_quantize(const struct g4_quantize_options *options, struct g4_err *err);

/* The part that makes a folder with SFP8 weights, for the above. */
int g4_model_quantize_folder(const struct g4_quantize_options *options,
                             const struct g4_model *model, const struct g4_exec *exec,
                             struct g4_err *err);

/* Takes the bytes of a file that will be long, so that a disk too small for it is told at once.
 * `what` names it. Nothing happens where the output is no file. */
struct g4_output;
int g4_quantize_reserve(const struct g4_output *out, uint64_t size, const char *what,
                        struct g4_err *err);

#endif

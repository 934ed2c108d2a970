/*
 * golden.h - comparing a stage of the C code with expected tensors, on any folder of the format.
 *
 *     tests/golden/golden DIR [THREADS [TWINS]]
 *
 * Every case folder in DIR; the family is told by the prefix of the name. With TWINS (a folder made
 * by tests/reference/make_gguf.py) only the cases it has, on TWINS/NAME/model.gguf or mmproj.gguf
 * in place of the model in DIR/NAME: the same numbers must come out.
 *
 * One file per family; each family reports through this. Output is TAP: "ok 12 - decoder-e2b
 * soft.layers 3.1e-07" and at the end of a case its largest error. Nothing about the shipped cases
 * is wired in: names, shapes and counts come from the folder.
 */
#ifndef G4_TESTS_GOLDEN_GOLDEN_H
#define G4_TESTS_GOLDEN_GOLDEN_H

#include <stdbool.h>
#include <stddef.h>

#include "lib/format/safetensors.h"
#include "lib/nn/exec.h"

/*
 * What is compared, for the limits of a path with bf16 products: relative L2, and the cosine of the
 * worst row (of logits: of all together). The models are small and random, so they amplify rounding
 * more than trained ones do; with experts, where a choice may fall otherwise, far more. That the
 * structure is right the float32 levels prove, which differ in nothing but the products.
 */
enum golden_part {
    GOLDEN_STAGE,   /* on the way to the result: 2e-1, 0.98 over the whole */
    GOLDEN_LOGITS,  /* 1e-1, 0.998 */
    GOLDEN_EXPERTS, /* any part of a decoder with experts: 5e-1, 0.9 */
    GOLDEN_VISION,  /* soft tokens: 3e-2, 0.998 */
    GOLDEN_AUDIO,   /* soft tokens: 2e-2, 0.999 */
};

struct golden {
    const char *dir;               /* the case folder */
    const char *model;             /* what to open: the case folder, or its twin */
    const char *name;              /* its name */
    struct g4_exec exec;           /* open for the case */
    struct g4_safetensors vectors; /* DIR/vectors.safetensors if there is one (count 0 otherwise) */
    bool float_products; /* every kernel in use has float32 products: limits as stated, ids equal */
    double worst;        /* largest error of this case so far */
};

/* TAP lines. */
void golden_ok(struct golden *g, bool ok, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
void golden_skip(struct golden *g, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* Expected tensor "name" of the vectors, NULL when the case does not store it. */
const struct g4_tensor *golden_tensor(struct golden *g, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

/*
 * Compares got [rows, cols] (ld floats apart) with an expected tensor of that many elements:
 * largest absolute difference / largest absolute expected value < limit. On a path with bf16
 * products the limits of `part` instead. One TAP line, which shows every measure; updates worst.
 */
bool golden_close(struct golden *g, const char *what, const struct g4_tensor *expected,
                  const float *got, size_t ld, size_t rows, size_t cols, double limit,
                  enum golden_part part);

/* Path "DIR/file"; static buffer of the case. */
const char *golden_path(struct golden *g, const char *file);

/* The families. Each opens what it needs from g->dir. */
void golden_decoder(struct golden *g);      /* decoder-* with config.json */
void golden_rope(struct golden *g);         /* decoder-rope* */
void golden_sampling(struct golden *g);     /* decoder-sampling* */
void golden_vision(struct golden *g);       /* vision-* */
void golden_audio(struct golden *g);        /* audio-* */
void golden_unified(struct golden *g);      /* unified-* */
void golden_sizes(struct golden *g);        /* media-sizes* */
void golden_resize(struct golden *g);       /* media-resize* */
void golden_decode_image(struct golden *g); /* media-decode* */
void golden_mel(struct golden *g);          /* media-mel* */
void golden_video(struct golden *g);        /* media-video* */

#endif

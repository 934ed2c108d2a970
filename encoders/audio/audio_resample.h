/*
 * audio_resample.h - mono float at any rate to 16 kHz, by libswresample with its defaults. At 16
 * kHz the samples are passed on as they are. The result does not depend on the portions.
 */
#ifndef G4_ENCODERS_AUDIO_AUDIO_RESAMPLE_H
#define G4_ENCODERS_AUDIO_AUDIO_RESAMPLE_H

#include <stddef.h>
#include <stdint.h>

#include "lib/base/err.h"

/* Samples that grow at the end. A struct of zeros is empty. */
struct g4_samples {
    float *data; /* [count], owned */
    size_t count, capacity;
};

/* Room for `more` samples behind those there. */
int g4_samples_reserve(struct g4_samples *samples, size_t more, struct g4_err *err);
void g4_samples_release(struct g4_samples *samples);

struct SwrContext;

/* A struct of zeros has seen nothing. */
struct g4_resampler {
    struct SwrContext *swr; /* NULL at 16 kHz */
    uint32_t rate;          /* of the input so far, 0 = none */
};

/* Appends to out what n samples at `rate` Hz give. Another rate than before ends the old sound
 * first. */
int g4_resampler_run(struct g4_resampler *resampler, struct g4_samples *out, uint32_t rate,
                     const float *in, size_t n, struct g4_err *err);

/* Appends what is still inside. The next run begins afresh. */
int g4_resampler_flush(struct g4_resampler *resampler, struct g4_samples *out, struct g4_err *err);

void g4_resampler_release(struct g4_resampler *resampler);

#endif

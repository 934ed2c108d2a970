/*
 * subsample.h - log-mel features to the first rows of the tower, one per four frames.
 *
 *     [T, 128, 1] -> conv 3x3 stride 2, layer norm over channels, ReLU -> [T/2, 64, C0]
 *                 -> the same                                          -> [T/4, 32, C1]
 *                 -> rows of 32 C1 (mel position slow, channel fast), input_proj -> [T/4, D]
 *
 * Divisions round up. Frames beyond T are 0.0 in every convolution, not the logarithm of silence.
 */
#ifndef G4_ENCODERS_AUDIO_SUBSAMPLE_H
#define G4_ENCODERS_AUDIO_SUBSAMPLE_H

#include "encoders/audio/audio_weights.h"
#include "lib/nn/exec.h"

struct g4_subsample {
    const struct g4_exec *exec;
    const struct g4_audio_weights *weights;
    size_t dim;         /* D */
    size_t channels[2]; /* C0, C1 */
    float eps;
    struct g4_arena arena;
    float *half;    /* [2 * block tokens, 64, C0]: a block after the first one */
    float *quarter; /* [N, 32 C1]: all of it after the second */
    float *patches; /* scratch of the convolutions */
};

/* Lays out memory for rows [tokens, D] in place of what was there. weights and exec must outlive
 * it. */
int g4_subsample_plan(struct g4_subsample *subsample, const struct g4_exec *exec,
                      const struct g4_audio_config *config, const struct g4_audio_weights *weights,
                      size_t tokens, struct g4_err *err);
void g4_subsample_release(struct g4_subsample *subsample); /* safe on a zeroed struct */

/* rows [ceil(frames/4), D] = subsampled features [frames, 128]. */
void g4_subsample_run(const struct g4_subsample *subsample, float *rows, const float *features,
                      size_t frames);

#endif

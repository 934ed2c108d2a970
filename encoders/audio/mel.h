/*
 * mel.h - samples at 16 kHz to log-mel features, in float64 up to the last rounding.
 *
 *     frame t  = samples 160t - 160 .. 160t + 159, those before 0 are 0          t = 0 .. T-1
 *     y[j]     = frame[j] * (0.5 - 0.5 cos(2 pi j / 320))                        j = 0 .. 319
 *     X[k]     = sum_j y[j] exp(-2 pi i j k / 512)                               k = 0 .. 256
 *     feature[t][b] = ln(sum_k |X[k]| F[k][b] + 0.001)                           b = 0 .. 127
 *
 *     F[k][b]: triangles of peak 1 over f = 31.25 k Hz, between 130 points evenly spaced on the
 *     scale mel(f) = 2595 log10(1 + f / 700) from 0 to 8000 Hz.
 *
 * A frame counts when the sample behind its last one exists: T = (n - 161) / 160 + 1, and 0 for
 * n <= 160.
 */
#ifndef G4_ENCODERS_AUDIO_MEL_H
#define G4_ENCODERS_AUDIO_MEL_H

#include <stddef.h>

#include "lib/base/err.h"
#include "lib/base/pool.h"

enum {
    G4_AUDIO_RATE = 16000, /* Hz */
    G4_AUDIO_MELS = 128,
    G4_AUDIO_MAX_SAMPLES = 480000, /* 30 s: the longest sound a tower was trained on */
    G4_AUDIO_TOKEN_SAMPLES = 640,  /* 40 ms */
    G4_AUDIO_MIN_SAMPLES = 161,    /* the shortest sound with a frame */
};

struct g4_mel;

/* workers: the threads of the pools that will run it (g4_pool_threads); each has its own FFT. */
int g4_mel_open(struct g4_mel **mel, int workers, struct g4_err *err);
void g4_mel_close(struct g4_mel *mel); /* NULL is fine */

/* Frames of n samples: 0 for n <= 160. Not capped at 30 s. */
size_t g4_mel_frames(size_t n);
/* Soft tokens of n samples: ceil(frames / 4). */
size_t g4_audio_tokens(size_t n);

/* features [g4_mel_frames(n), 128] of samples [n]. Allocates nothing. */
void g4_mel_run(struct g4_mel *mel, struct g4_pool *pool, float *features, const float *samples,
                size_t n);

#endif

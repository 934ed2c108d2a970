/*
 * mel.h - samples to log-mel features (audio.md 1-3), float64 FFT.
 */
#ifndef G4_ENCODERS_AUDIO_MEL_H
#define G4_ENCODERS_AUDIO_MEL_H

#include <stddef.h>

#include "lib/base/err.h"
#include "lib/base/pool.h"

enum {
    G4_AUDIO_RATE = 16000,
    G4_AUDIO_MELS = 128,
    G4_AUDIO_MAX_SAMPLES = 480000,      /* 30 s */
    G4_AUDIO_TOKEN_SAMPLES = 640,       /* 40 ms */
};

struct g4_mel;

int g4_mel_open(struct g4_mel **mel, struct g4_err *err);
void g4_mel_close(struct g4_mel *mel);

/* Frames of n samples: 0 for n <= 160. Not capped at 30 s. */
size_t g4_mel_frames(size_t n);
/* Soft tokens of n samples: ceil(frames / 4). */
size_t g4_audio_tokens(size_t n);

/* features [g4_mel_frames(n), 128] = ln(|FFT| * filters + 0.001). */
void g4_mel_run(struct g4_mel *mel, struct g4_pool *pool, float *features, const float *samples, size_t n);

#endif

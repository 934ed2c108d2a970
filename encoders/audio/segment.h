/*
 * segment.h - cuts a sound of any length into clips that an encoder takes.
 *
 *     fixed   clip k = samples k W .. (k+1) W - 1, the last one shorter        W = window
 *     none    the first W samples
 *
 * No sample is lost and none comes twice. A rest that would be too short to encode (fewer than
 * `shortest` samples) is made long enough: the clip before it ends shortest - 1 samples earlier.
 * Only a sound that is too short as a whole gives a clip of fewer samples.
 *
 * Samples are pulled, and one clip with `shortest` samples behind it is held: ten hours of sound
 * take no more memory than a minute. How many clips there will be is therefore known at the end
 * only; whether anything follows a clip is known with it.
 */
#ifndef G4_ENCODERS_AUDIO_SEGMENT_H
#define G4_ENCODERS_AUDIO_SEGMENT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/base/err.h"

enum g4_split {
    G4_SPLIT_NONE,
    G4_SPLIT_FIXED,
};

/* Puts the next samples of a sound into out: 1..cap of them in *got, 0 only at its end. Not called
 * again after that end. */
typedef int g4_samples_fn(void *ctx, float *out, size_t cap, size_t *got, struct g4_err *err);

struct g4_segmenter;

struct g4_clip {
    const float *samples; /* [count], valid until the next call */
    size_t count;         /* 0: there are no more clips */
    uint64_t start;       /* position of samples[0] in the sound, in samples */
    size_t index;         /* 0, 1, 2 ... */
    bool more;            /* the sound goes on behind it (with G4_SPLIT_NONE: it is cut) */
};

/* window: samples of a clip; G4_EUSAGE when that is less than 2 * shortest. shortest: the fewest
 * samples that can be encoded, >= 1. read and ctx must live as long as the segmenter. */
int g4_segmenter_open(struct g4_segmenter **segmenter, enum g4_split split, size_t window,
                      size_t shortest, g4_samples_fn *read, void *ctx, struct g4_err *err);
void g4_segmenter_close(struct g4_segmenter *segmenter); /* NULL is fine */

/* The next clip. Errors are those of read; after one there is nothing more to ask for. */
int g4_segmenter_next(struct g4_segmenter *segmenter, struct g4_clip *clip, struct g4_err *err);

/* Time of sample `position` at 16 kHz in microseconds, halves rounded up. */
uint64_t g4_sample_us(uint64_t position);

#endif

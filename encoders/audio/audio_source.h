/*
 * audio_source.h - any sound to 16 kHz mono samples.
 *
 *     operand -> demuxer, decoder (libav) -> mean of the channels, float
 *             -> 16 kHz (libswresample) -> samples
 *
 * 16-bit samples count as s / 32768, and so on; no gain, no DC removal, ordinary overs are kept. A
 * sound at 16 kHz is not resampled. A value that is not a number or infinite is an error; beyond
 * +-65536 it is cut. Samples come one after another as the decoder gives them: gaps in time stamps
 * are not filled.
 *
 * Pulled in any portions; memory does not grow with the length of the sound.
 */
#ifndef G4_ENCODERS_AUDIO_AUDIO_SOURCE_H
#define G4_ENCODERS_AUDIO_AUDIO_SOURCE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "encoders/media/media_input.h"
#include "lib/base/err.h"

enum g4_audio_raw { G4_AUDIO_NOT_RAW, G4_AUDIO_RAW_S16LE, G4_AUDIO_RAW_F32LE };

#define G4_AUDIO_NO_ORIGIN INT64_MIN

struct g4_audio_options {
    int64_t start_us;    /* where to begin, from the start of the sound (see origin_us) */
    int64_t duration_us; /* how much, < 0 = to the end */
    int channel;         /* -1 = mean of all, else 0, 1 ... that one alone */
    int stream;          /* -1 = the default sound track, else 0, 1 ... among the sound tracks */
    int64_t origin_us; /* time in the file that counts as 0; G4_AUDIO_NO_ORIGIN = the first sample.
                          For the sound of a video: g4_video_source_origin */
    enum g4_audio_raw raw; /* headerless input, then: */
    uint32_t raw_rate;
    int raw_channels;
    double max_seconds; /* of sound, counted from its beginning; 0 = none. 86400, --max-seconds */
    uint32_t min_rate, max_rate; /* 1000, 768000; 0 = none. --max-rate */
    int max_channels;            /* 64; 0 = none. --max-channels */
};
#define G4_AUDIO_OPTIONS                                                                           \
    {                                                                                              \
        .duration_us = -1, .channel = -1, .stream = -1, .origin_us = G4_AUDIO_NO_ORIGIN,           \
        .max_seconds = 86400, .min_rate = 1000, .max_rate = 768000, .max_channels = 64             \
    }

struct g4_audio_source;

/* What was found, for -v and for notes. */
struct g4_audio_info {
    const char *format, *codec; /* "wav", "pcm_s16le"; valid until close */
    uint32_t rate;              /* Hz */
    int channels;
    int tracks;    /* sound tracks in the file */
    int track;     /* the one taken */
    int64_t t0_us; /* time of sample 0: start_us, or later when the sound begins later */
};

/*
 * Opens the sound in input (which must outlive the source). Fails with a message that names the
 * input when there is no sound in it, and says what to do with a picture or a stream of soft
 * tokens.
 */
int g4_audio_source_open(struct g4_audio_source **source, struct g4_media_input *input,
                         const struct g4_audio_options *options, struct g4_err *err);
void g4_audio_source_close(struct g4_audio_source *source); /* NULL is fine */

void g4_audio_source_info(const struct g4_audio_source *source, struct g4_audio_info *info);

/*
 * The next samples: 1..cap of them in *got, 0 only at the end. A g4_samples_fn; `source` is a
 * struct g4_audio_source. A file that ends before its container says gives its samples, then the
 * error. A start beyond the end is an error.
 */
int g4_audio_source_read(void *source, float *out, size_t cap, size_t *got, struct g4_err *err);

/* After the end: words for the user when something was left out (damaged packets, further tracks),
 * without the name of the input; else NULL. Valid until close. */
const char *g4_audio_source_note(struct g4_audio_source *source);

#endif

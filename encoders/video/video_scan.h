/*
 * video_scan.h - the times of a clip's packets, by demuxing alone.
 *
 * Tells where the clip ends, where its key frames are, and (only when asked) the time of every
 * frame. The source it is given is used up: open a new one to decode.
 */
#ifndef G4_ENCODERS_VIDEO_VIDEO_SCAN_H
#define G4_ENCODERS_VIDEO_VIDEO_SCAN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "encoders/media/av_source.h"
#include "lib/base/err.h"

/* A clock that jumps back by more than this begins anew (recordings that were joined); less is the
 * order of decoding, or jitter. */
#define G4_VIDEO_JUMP_SECONDS 1.0

/* Times in the stream's time base. */
struct g4_video_scan {
    size_t frames;      /* packets with a time that were seen; 0: nothing is known */
    int64_t last, prev; /* the greatest time and the one before it; equal if there is but one */
    int64_t first;      /* the least time that was seen */
    bool exact;         /* presentation times all; else some are times of decoding or guesses, which
                           are right among themselves only: count from `first` */
    int64_t *times;     /* [frames] ascending, when all were asked for; else NULL */
    size_t capacity;
    int64_t *keys; /* [key_count] ascending: key frames of an index to rely on; may be NULL */
    size_t key_count;
};

/*
 * On the guard's thread, source open, not decoding. all: keeps the time of every packet. Otherwise,
 * in files with an index (MP4, Matroska), only the end of the clip is read. A file that breaks off
 * gives what it has.
 */
int g4_video_scan_run(struct g4_video_scan *scan, struct g4_av_source *source, AVStream *stream,
                      bool all, struct g4_err *err);

/* Whether the container has an index whose key frames can be sought. */
bool g4_video_scan_indexed(const struct g4_av_source *source);

/* The last key frame at or before `time`; false when the index has none. */
bool g4_video_scan_key(const struct g4_video_scan *scan, int64_t time, int64_t *key);

void g4_video_scan_release(struct g4_video_scan *scan);

#endif

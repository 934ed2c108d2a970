/*
 * video_reader.h - the decoded frames of a clip in order of time, skipping by key frames.
 *
 * Time 0 is the first frame. All functions but init and release run on the guard's thread.
 */
#ifndef G4_ENCODERS_VIDEO_VIDEO_READER_H
#define G4_ENCODERS_VIDEO_VIDEO_READER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "encoders/media/av_source.h"
#include "encoders/video/video_scan.h"
#include "lib/base/err.h"

struct g4_video_reader {
    struct g4_av_source av; /* av.frame: the frame that came last */
    struct g4_video_scan scan;
    long max_side;         /* of a frame, in pixels; 0 = any */
    const char *codec;     /* name */
    int width, height;     /* as the container states */
    int sounds;            /* sound tracks */
    int pictures, picture; /* tracks of moving pictures, and the one taken */
    double tick;           /* seconds per unit of the stream's time base */
    int64_t origin;        /* time of the first frame in those units; 0 before it came */
    double shift;          /* seconds added after jumps of the clock */
    size_t frames;         /* that came */
    double last, prev;     /* times of the last two that came */
    size_t in_a_row;       /* frames since the last skip */
    bool seekable;         /* scan.keys can be used */
    int64_t tried;         /* the key frame that was sought last */
    bool replaying;        /* went back; frames up to `last` were seen before */
};

/*
 * Opens the clip, av probed and prepared. scan: find out where it ends (else only where that is
 * cheap); all: also the times of all frames. An input that cannot be sought is not scanned.
 */
int g4_video_reader_open(struct g4_video_reader *reader, bool scan, bool all, struct g4_err *err);

/*
 * The next frame into av.frame, its time into *time: 1, or 0 at the end. target >= 0: frames may be
 * skipped as long as the last one at or before target comes.
 */
int g4_video_reader_next(struct g4_video_reader *reader, double target, double *time,
                         struct g4_err *err);

/* Seconds of a time in the stream's units: of a frame; of a packet in the scan. */
double g4_video_reader_seconds(const struct g4_video_reader *reader, int64_t time);
double g4_video_reader_scanned(const struct g4_video_reader *reader, int64_t time);

void g4_video_reader_release(struct g4_video_reader *reader);

#endif

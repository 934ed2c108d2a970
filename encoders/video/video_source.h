/*
 * video_source.h - a clip to its sampled frames, upright 8-bit RGB, in order of time.
 *
 *     input -> demuxer, decoder (libav) -> frames with presentation times
 *           -> samples (video_sample.h)
 *           -> full-range RGB by the stream's matrix (libswscale, no scaling) -> rotation
 *
 * Time 0 is the first frame. Untagged colour counts as BT.601 below 720 lines, else BT.709. The
 * sample aspect ratio is ignored, interlaced frames stay as they are, each frame keeps its own
 * size. Where the file has an index, frames are reached by seeking to the key frame before them.
 */
#ifndef G4_ENCODERS_VIDEO_VIDEO_SOURCE_H
#define G4_ENCODERS_VIDEO_VIDEO_SOURCE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "encoders/media/media_input.h"
#include "encoders/vision/image.h"
#include "lib/base/err.h"

/* What to do with a clip that needs more than max_frames samples. */
enum g4_video_mode {
    G4_VIDEO_FIT,   /* spread max_frames evenly over it */
    G4_VIDEO_PARTS, /* one part of max_frames after another */
    G4_VIDEO_FIRST, /* the first max_frames */
};

struct g4_video_options {
    double fps; /* samples per second, > 0 */
    enum g4_video_mode mode;
    long max_frames;     /* M, >= 1 */
    long frames;         /* > 0: the reference's rule instead, so many frames over the whole clip */
    int64_t start_us;    /* where the samples begin */
    int64_t duration_us; /* how much is looked at, < 0 = to the end */
    long max_video_frames; /* 1024; 0 = none. --max-video-frames */
    long max_side;         /* pixels: 8192; 0 = none. --max-side */
};
#define G4_VIDEO_OPTIONS                                                                           \
    {                                                                                              \
        .fps = 1, .mode = G4_VIDEO_FIT, .max_frames = 60, .duration_us = -1,                       \
        .max_video_frames = 1024, .max_side = 8192                                                 \
    }

struct g4_video_source;

struct g4_video_frame {
    bool end;             /* there are no more frames; nothing else is set */
    int64_t t0_us, t1_us; /* of the sample: its time, and the next one's or the end of the clip */
    long part;            /* 0, 1, 2 ... with G4_VIDEO_PARTS, else 0 */
    bool first_of_part;
    bool same; /* the picture is that of the frame before (also across parts) */
};

/* For -v and hints. */
struct g4_video_info {
    const char *format, *codec; /* "mov,mp4,m4a,3gp,3g2,mj2", "h264"; valid until close */
    size_t width, height;       /* as coded */
    int sounds;                 /* sound tracks in the file */
};

/*
 * Opens the moving picture in input (which must outlive the source). G4_VIDEO_FIT and `frames`
 * spool a pipe first; the others begin while it runs, unless its format needs seeking.
 */
int g4_video_source_open(struct g4_video_source **source, struct g4_media_input *input,
                         const struct g4_video_options *options, struct g4_err *err);
void g4_video_source_close(struct g4_video_source *source); /* NULL is fine */

void g4_video_source_info(const struct g4_video_source *source, struct g4_video_info *info);

/*
 * The next sampled frame. *image (zeroed, or from the call before) is owned by the caller and
 * replaced; when frame->same it is left as it is. A clip that breaks off gives the frames before
 * the break, then the error.
 */
int g4_video_source_next(struct g4_video_source *source, struct g4_image *image,
                         struct g4_video_frame *frame, struct g4_err *err);

/* After the last frame: words for the user when less than the whole clip was looked at ("93 s long,
 * ..."), without the name of the input; else NULL. Valid until close. */
const char *g4_video_source_note(struct g4_video_source *source);

/* After the first frame: the time in the file of the clip's first frame, for the sound's origin_us.
 */
int64_t g4_video_source_origin(const struct g4_video_source *source);

#endif

/*
 * video_sample.h - which frames of a clip are taken, and when. Arithmetic only.
 *
 *     times[i]   presentation time of frame i in seconds, ascending, times[0] = 0
 *     duration   times[last] + (times[last] - times[last-1]); of a single frame 1/fps
 *     samples    t_k = start + k / fps, k = 0, 1, 2 ...
 *                while k < count and t_k < min(end, duration) - 1e-9
 *     frame      of sample k: the last i with times[i] <= t_k + 1e-6 (what a player shows then)
 *
 * A frame may serve several samples, or none.
 */
#ifndef G4_ENCODERS_VIDEO_VIDEO_SAMPLE_H
#define G4_ENCODERS_VIDEO_VIDEO_SAMPLE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/base/err.h"

/* When the samples are. */
struct g4_video_rule {
    double start;       /* seconds */
    double end;         /* no sample at or behind it; HUGE_VAL = none */
    double fps;         /* samples per second: t_k = start + k / fps */
    double span;        /* > 0: evenly instead: t_k = start + k * span / count */
    const double *list; /* not NULL: t_k = list[k] instead, `count` of them, ascending. Borrowed */
    long count;         /* most samples; LONG_MAX = no limit */
};

/* t_k in seconds. */
double g4_video_time(const struct g4_video_rule *rule, long k);

/* Duration of a clip whose last two frames begin at last and prev (frames >= 2), see above. */
double g4_video_duration(double prev, double last, size_t frames, double fps);

/* Whether a frame begins at or after the limit, so that a clip is "longer" than it. */
bool g4_video_longer(double last, double limit);

/*
 * The rule while frames arrive in order of time. A sample is settled when a frame behind it came,
 * or the clip ended.
 */
struct g4_video_sampler {
    struct g4_video_rule rule;
    long next;         /* first sample that is not settled */
    size_t frames;     /* fed so far */
    double last, prev; /* times of the last two */
};

void g4_video_sampler_init(struct g4_video_sampler *sampler, const struct g4_video_rule *rule);

/* A frame begins at `time` (>= the one before). Returns how many samples, from *first on, are
 * settled by it: they show the frame before this one. */
long g4_video_sampler_frame(struct g4_video_sampler *sampler, double time, long *first);

/* The clip ended at `duration`. Returns how many samples, from *first on, show the last frame. */
long g4_video_sampler_end(struct g4_video_sampler *sampler, double duration, long *first);

/* Whether a frame began at `time` or behind it, so that a sample there is certain to exist. */
bool g4_video_sampler_reached(const struct g4_video_sampler *sampler, double time);

/*
 * The reference's rule: n frames evenly over all, indices[i] = i * total div n. G4_EINPUT when n >
 * total or n < 1.
 */
int g4_video_uniform(size_t total, size_t n, size_t *indices, struct g4_err *err);

/* How many frames that rule takes at `fps` from a clip of `total` frames at clip_fps:
 * max(1, trunc(total / clip_fps * fps)). */
size_t g4_video_rate_count(size_t total, double clip_fps, double fps);

#endif

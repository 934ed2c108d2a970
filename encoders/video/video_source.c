/*
 * video_source.c - decoded frames against sample times.
 *
 *     open     probe, spool if need be, scan, decoder
 *     next     until a sample is held whose end is certain:
 *                  a frame comes; samples it settles show the frame before it (current)
 *                  the first settled one is converted and held; then the new frame becomes current
 *
 * A sample is held back because its own end is the next sample's time, or the end of the clip.
 */
#include "encoders/video/video_source.h"

#include <libswscale/swscale.h>
#include <limits.h>
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "encoders/media/av_library.h"
#include "encoders/media/av_orientation.h"
#include "encoders/media/av_picture.h"
#include "encoders/video/video_reader.h"
#include "encoders/video/video_sample.h"
#include "encoders/vision/orient.h"
#include "lib/base/mem.h"

struct g4_video_source {
    struct g4_video_options options;
    struct g4_media_input *input;
    struct g4_guard *guard;
    struct g4_video_reader reader;
    struct SwsContext *sws;
    double *list; /* --frames: the sample times */

    bool planned; /* the first frame came: rule and duration are set */
    bool known;   /* duration is known before the end */
    double duration;
    bool longer; /* the clip needs more than max_frames samples */
    struct g4_video_sampler sampler;

    AVFrame *current;    /* what settled samples show */
    AVFrame *ahead;      /* the frame behind it, which settled them; empty at the end */
    bool converted;      /* current was converted for an earlier sample */
    long first, settled; /* samples first .. first + settled - 1 are settled, not held yet */
    bool ended;          /* no more frames */

    bool holding;   /* `picture` is that of sample `held` */
    bool held_same; /* ... or it is the picture of the sample before */
    long held;
    struct g4_image picture;
    bool any; /* a sample was delivered */
    struct g4_video_frame out;
    char note[256];
};

static const char *name_of(const struct g4_video_source *source)
{
    return g4_media_input_name(source->input);
}

/* ------------------------------------------------------------------------------------ opening */

static int probe(void *context, struct g4_err *err)
{
    struct g4_video_source *source = context;
    return g4_av_source_probe(&source->reader.av, G4_AV_VIDEO, err);
}

/* Where the clip ends must be known to spread samples over it. */
static bool needs_end(const struct g4_video_options *o)
{
    return o->frames > 0 || o->mode == G4_VIDEO_FIT;
}

static int open_reader(void *context, struct g4_err *err)
{
    struct g4_video_source *source = context;
    const struct g4_video_options *o = &source->options;
    source->current = av_frame_alloc();
    source->ahead = av_frame_alloc();
    if (!source->current || !source->ahead)
        return g4_err_nomem(err, sizeof(AVFrame), "frames");
    return g4_video_reader_open(&source->reader, needs_end(o), o->frames > 0, err);
}

static int open_any(struct g4_video_source *source, struct g4_err *err)
{
    const char *name = name_of(source);
    const struct g4_video_options *o = &source->options;
    struct g4_av_source *av = &source->reader.av;
    int status =
        g4_guard_open(&source->guard, g4_media_input_limits(source->input)->max_decode_cpu, err);
    if (status == 0)
        status = g4_av_library_load(G4_AV_FORMATS, err);
    if (status < 0)
        return status;
    g4_av_source_init(av, source->input, source->guard);
    source->reader.max_side = o->max_side;
    if (o->max_side > 0 && o->max_side < 1 << 15)
        av->max_pixels = (uint64_t)o->max_side * (uint64_t)o->max_side;
    status = g4_guard_call(source->guard, probe, source, name, err);
    if (status == 0)
        status = g4_av_source_prepare(av, !needs_end(o), needs_end(o), err);
    return status < 0 ? status : g4_guard_call(source->guard, open_reader, source, name, err);
}

static int check_options(const struct g4_video_options *o, struct g4_err *err)
{
    const int64_t most = INT64_MAX / 1000;
    long frames = o->frames > 0 ? o->frames : o->max_frames;
    if (!(o->fps > 0 && o->fps <= 1e6) || frames < 1 || o->start_us < 0 || o->start_us > most ||
        o->duration_us > most)
        return g4_err_set(err, G4_EUSAGE, "-r, --max-frames, --start, --duration: out of range");
    if (o->max_video_frames && frames > o->max_video_frames)
        return g4_err_set(err, G4_EUSAGE, "%ld frames, more than %ld (--max-video-frames)", frames,
                          o->max_video_frames);
    return 0;
}

int g4_video_source_open(struct g4_video_source **out, struct g4_media_input *input,
                         const struct g4_video_options *options, struct g4_err *err)
{
    void *memory;
    *out = NULL;
    int status = check_options(options, err);
    if (status == 0)
        status = g4_alloc(&memory, 1, sizeof **out, "a clip", err);
    if (status < 0)
        return status;
    struct g4_video_source *source = memory;
    source->options = *options;
    source->input = input;
    status = open_any(source, err);
    if (status < 0) {
        g4_video_source_close(source);
        return status;
    }
    *out = source;
    return 0;
}

void g4_video_source_close(struct g4_video_source *source)
{
    if (!source)
        return;
    bool lost = source->guard && g4_guard_lost(source->guard);
    g4_guard_close(source->guard);
    if (lost) {
        /* All of it belongs to the thread that never came back. */
        g4_media_input_abandon(source->input);
        return;
    }
    g4_video_reader_release(&source->reader);
    av_frame_free(&source->current);
    av_frame_free(&source->ahead);
    sws_freeContext(source->sws);
    g4_image_release(&source->picture);
    free(source->list);
    free(source);
}

void g4_video_source_info(const struct g4_video_source *source, struct g4_video_info *info)
{
    const struct g4_video_reader *reader = &source->reader;
    *info = (struct g4_video_info){
        .format = reader->av.kind->name,
        .codec = reader->codec,
        .width = reader->width > 0 ? (size_t)reader->width : 0,
        .height = reader->height > 0 ? (size_t)reader->height : 0,
        .sounds = reader->sounds,
    };
}

int64_t g4_video_source_origin(const struct g4_video_source *source)
{
    const struct g4_video_reader *reader = &source->reader;
    return av_rescale_q(reader->origin, reader->av.stream->time_base, AV_TIME_BASE_Q);
}

/* ------------------------------------------------------------------------------------ the rule */

/* --frames: the times of the frames that the reference takes. */
static int plan_list(struct g4_video_source *source, struct g4_video_rule *rule, struct g4_err *err)
{
    const struct g4_video_scan *scan = &source->reader.scan;
    size_t n = (size_t)source->options.frames;
    void *list, *indices;
    int status = g4_alloc(&list, n, sizeof *source->list, "sample times", err);
    if (status < 0)
        return status;
    rule->list = source->list = list;
    rule->count = source->options.frames;
    status = g4_alloc(&indices, n, sizeof(size_t), "frame numbers", err);
    if (status < 0)
        return status;
    const size_t *index = indices;
    status = g4_video_uniform(scan->frames, n, indices, err);
    if (status < 0)
        g4_err_prefix(err, "'%s'", name_of(source));
    for (size_t i = 0; status == 0 && i < n; i++)
        source->list[i] = fmax(0, g4_video_reader_scanned(&source->reader, scan->times[index[i]]));
    free(indices);
    return status;
}

/* The rule for this clip. */
static int plan(struct g4_video_source *source, struct g4_err *err)
{
    const struct g4_video_options *o = &source->options;
    const struct g4_video_scan *scan = &source->reader.scan;
    struct g4_video_rule rule = {
        .start = 1e-6 * (double)o->start_us,
        .end = HUGE_VAL,
        .fps = o->fps,
        .count = o->max_frames,
    };
    double limit = (double)o->max_frames / o->fps;
    double last = g4_video_reader_scanned(&source->reader, scan->last);
    double prev = g4_video_reader_scanned(&source->reader, scan->prev);
    int status = 0;
    if (o->duration_us >= 0)
        rule.end = rule.start + 1e-6 * (double)o->duration_us;
    source->planned = true;
    source->known = scan->frames > 0;
    if (source->known)
        source->duration = g4_video_duration(prev, last, last > prev ? 2 : 1, o->fps);
    if (o->frames > 0) {
        status = plan_list(source, &rule, err);
    } else if (o->mode == G4_VIDEO_PARTS) {
        rule.count = LONG_MAX;
    } else if (source->known && g4_video_longer(last, rule.start + limit) &&
               rule.end - rule.start > limit + 1e-9) {
        source->longer = true;
        if (o->mode == G4_VIDEO_FIT)
            rule.span = fmin(source->duration, rule.end) - rule.start;
    }
    g4_video_sampler_init(&source->sampler, &rule);
    return status;
}

/* ------------------------------------------------------------------------------------ samples */

/* A new frame, or the end. The frame before it becomes current, and the samples settled show that.
 */
static int take_frame(struct g4_video_source *source, struct g4_err *err)
{
    struct g4_video_reader *reader = &source->reader;
    struct g4_video_sampler *sampler = &source->sampler;
    double time = 0, target = -1;
    if (source->planned && sampler->next < sampler->rule.count)
        target = g4_video_time(&sampler->rule, sampler->next);
    int more = g4_video_reader_next(reader, target, &time, err);
    if (more > 0 && !source->planned) {
        int status = plan(source, err);
        more = status < 0 ? status : more;
    }
    if (more < 0)
        return more;
    if (source->ahead->buf[0]) {
        av_frame_unref(source->current);
        av_frame_move_ref(source->current, source->ahead);
        source->converted = false;
    }
    if (more > 0) {
        av_frame_move_ref(source->ahead, reader->av.frame);
        source->settled = g4_video_sampler_frame(sampler, time, &source->first);
        return 0;
    }
    source->ended = true;
    /* What was decoded to the very end is known best; after a skip it is one frame alone. */
    if (!source->known || reader->in_a_row > 1)
        source->duration =
            g4_video_duration(reader->prev, reader->last, reader->frames, source->options.fps);
    source->settled = g4_video_sampler_end(sampler, source->duration, &source->first);
    return 0;
}

/* The first settled sample is held, with the picture of the current frame. */
static int hold(struct g4_video_source *source, struct g4_err *err)
{
    source->held_same = source->converted;
    if (!source->converted) {
        int status = g4_av_picture(&source->picture, &source->sws, source->current, false, err);
        if (status == 0)
            status =
                g4_image_orient(&source->picture,
                                g4_av_orientation(source->reader.av.stream, source->current), err);
        if (status < 0) {
            g4_err_prefix(err, "'%s'", name_of(source));
            return status;
        }
    }
    source->converted = true;
    source->holding = true;
    source->held = source->first++;
    source->settled--;
    return 0;
}

/* The end of the held sample, if it is certain. */
static bool held_end(const struct g4_video_source *source, double *end)
{
    const struct g4_video_rule *rule = &source->sampler.rule;
    bool last_listed = rule->list && source->held + 1 >= rule->count;
    *end = fmin(last_listed ? HUGE_VAL : g4_video_time(rule, source->held + 1), rule->end);
    if (!source->ended && !source->known)
        return g4_video_sampler_reached(&source->sampler, *end);
    *end = fmin(*end, source->duration);
    return true;
}

static void deliver(struct g4_video_source *source, double end)
{
    const struct g4_video_options *o = &source->options;
    const struct g4_video_rule *rule = &source->sampler.rule;
    long part = o->mode == G4_VIDEO_PARTS && !rule->list ? o->max_frames : LONG_MAX;
    double time = g4_video_time(rule, source->held);
    source->out = (struct g4_video_frame){
        .t0_us = llround(1e6 * time),
        .t1_us = llround(1e6 * fmax(end, time)),
        .part = source->held / part,
        .first_of_part = source->held % part == 0,
        .same = source->held_same,
    };
    if (!source->known && !source->ended && !rule->list && source->held + 1 == rule->count)
        source->longer = g4_video_time(rule, rule->count) < rule->end;
    source->holding = false;
    source->any = true;
}

/* Whether a further frame could matter. */
static bool wants_frame(const struct g4_video_source *source)
{
    const struct g4_video_sampler *sampler = &source->sampler;
    if (source->ended)
        return false;
    if (!source->planned || source->holding)
        return true;
    if (sampler->next >= sampler->rule.count)
        return false;
    double time = g4_video_time(&sampler->rule, sampler->next);
    return time < sampler->rule.end - 1e-9 && (!source->known || time < source->duration - 1e-9);
}

/* No more samples: was the clip whole, and was there what was asked for? */
static int finish(struct g4_video_source *source, struct g4_err *err)
{
    const char *name = name_of(source);
    int status = g4_av_source_check_end(&source->reader.av, err);
    if (status < 0)
        return status;
    if (!source->planned)
        return g4_err_set(err, G4_EINPUT, "'%s': no frame in it can be decoded as %s", name,
                          source->reader.codec);
    if (!source->any && source->sampler.rule.start >= source->duration - 1e-9)
        return g4_err_set(err, G4_EINPUT, "'%s': --start %g s is beyond its end at %g s", name,
                          source->sampler.rule.start, source->duration);
    if (!source->any)
        return g4_err_set(err, G4_EINPUT, "'%s': no frame in the time asked for", name);
    source->out = (struct g4_video_frame){.end = true};
    return 0;
}

/* On the guard's thread: works until a sample can be delivered, or the end. */
static int advance(void *context, struct g4_err *err)
{
    struct g4_video_source *source = context;
    for (;;) {
        double end;
        int status;
        if (source->holding && held_end(source, &end)) {
            deliver(source, end);
            return 0;
        }
        if (source->settled > 0 && !source->holding)
            status = hold(source, err);
        else if (wants_frame(source))
            status = take_frame(source, err);
        else
            return finish(source, err);
        if (status < 0)
            return status;
    }
}

int g4_video_source_next(struct g4_video_source *source, struct g4_image *image,
                         struct g4_video_frame *frame, struct g4_err *err)
{
    int status = g4_guard_call(source->guard, advance, source, name_of(source), err);
    if (status < 0)
        return status;
    *frame = source->out;
    if (!frame->end && !frame->same) {
        /* The caller's old picture becomes the next one's memory. */
        struct g4_image old = *image;
        *image = source->picture;
        source->picture = old;
    }
    return 0;
}

/* One more thing to the note, behind what is there. */
__attribute__((format(printf, 2, 3))) static void add_note(struct g4_video_source *source,
                                                           const char *format, ...)
{
    size_t used = strlen(source->note);
    if (used > 0 && used + 2 < sizeof source->note)
        used = (size_t)(stpcpy(source->note + used, "; ") - source->note);
    va_list args;
    va_start(args, format);
    vsnprintf(source->note + used, sizeof source->note - used, format, args);
    va_end(args);
}

const char *g4_video_source_note(struct g4_video_source *source)
{
    const struct g4_video_options *o = &source->options;
    const struct g4_video_rule *rule = &source->sampler.rule;
    const struct g4_video_reader *reader = &source->reader;
    source->note[0] = '\0';
    if (reader->pictures > 1)
        add_note(source, "%d video streams, only number %d was taken", reader->pictures,
                 reader->picture);
    if (source->longer && rule->span > 0)
        add_note(source, "%.1f s long, %ld frames were spread over it (--parts takes more)",
                 source->duration, rule->count);
    else if (source->longer)
        add_note(source, "only the first %g s were looked at (--parts, --fit)",
                 (double)o->max_frames / o->fps);
    if (reader->av.damaged > 0)
        add_note(source, "damaged packets left out: %llu", (unsigned long long)reader->av.damaged);
    return source->note[0] ? source->note : NULL;
}

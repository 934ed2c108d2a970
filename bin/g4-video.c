/* g4-video - clips to soft tokens, one segment per frame. */
#include "bin/encode.h"
#include "bin/features.h"
#include "bin/picture.h"
#include "encoders/media/av_library.h"
#include "encoders/video/video_source.h"
#include "lib/base/log.h"
#include "lib/base/progress.h"

struct video {
    double fps;                /* -r; 0 = not given: 1 */
    struct g4_picture picture; /* the newest: shown again when a frame repeats */
    int64_t start_us, duration_us;
    int64_t max_frames, frames;
    bool fit, parts, first;
    uint64_t max_video_frames, max_side;
    double max_decode_cpu;
    struct g4_media_limits limits;
    struct g4_video_options source;
};

/* ---------------------------------------------------------------------------------------- encoder
 */

static void video_begin(void *state)
{
    (void)state;
    g4_av_library_begin();
}

static int video_open(void *state, const struct g4_model *model, const struct g4_exec *exec,
                      struct g4_stream_head *head, struct g4_err *err)
{
    struct video *v = state;
    return g4_picture_open(&v->picture, model, exec, head, err);
}

static void video_close(void *state)
{
    struct video *v = state;
    g4_picture_close(&v->picture);
}

static int send_frame(struct video *v, struct g4_sink *sink, const struct g4_video_frame *frame,
                      struct g4_err *err)
{
    int status = 0;
    if (frame->first_of_part)
        status = g4_sink_source(sink, v->parts ? frame->part : -1, err);
    if (status < 0)
        return status;
    struct g4_segment segment =
        g4_picture_segment(&v->picture, G4_KIND_FRAME, frame->t0_us, frame->t1_us);
    return g4_sink_segment(sink, &segment, v->picture.rows, err);
}

static int encode_frames(struct video *v, struct g4_sink *sink, struct g4_video_source *source,
                         struct g4_err *err)
{
    struct g4_image image = {0};
    struct g4_video_frame frame;
    unsigned long count = 0;
    int status;
    while ((status = g4_video_source_next(source, &image, &frame, err)) == 0 && !frame.end) {
        g4_progress(sink->shown, count, 0);
        if (!frame.same && (status = g4_picture_encode(&v->picture, &image, err)) < 0)
            g4_err_prefix(err, "'%s'", sink->shown);
        if (status == 0)
            status = send_frame(v, sink, &frame, err);
        if (status < 0)
            break;
        g4_log_info(2, "'%s': frame at %.3f s, %zu soft tokens", sink->shown,
                    (double)frame.t0_us / 1e6, v->picture.plan.rows);
        count++;
    }
    g4_image_release(&image);
    if (status == 0 && count == 0)
        status = g4_err_set(err, G4_EINPUT, "'%s': no frame in it", sink->shown);
    const char *text = g4_video_source_note(source);
    if (status == 0 && text)
        g4_log_note("'%s': %s", sink->shown, text);
    return status;
}

static int video_encode(void *state, struct g4_sink *sink, const char *operand, struct g4_err *err)
{
    struct video *v = state;
    struct g4_media_input *input = NULL;
    struct g4_video_source *source = NULL;
    int status = g4_media_input_open(&input, operand, "g4-video", &v->limits, err);
    if (status == 0)
        status = g4_video_source_open(&source, input, &v->source, err);
    if (status == 0) {
        struct g4_video_info info;
        g4_video_source_info(source, &info);
        g4_log_info(1, "'%s': %s, %s, %zu x %zu", sink->shown, info.format, info.codec, info.width,
                    info.height);
        status = encode_frames(v, sink, source, err);
    }
    g4_video_source_close(source);
    g4_media_input_close(input);
    return status;
}

/* ---------------------------------------------------------------------------------------- options
 */

static int video_check(void *state, struct g4_err *err)
{
    struct video *v = state;
    int status = g4_picture_check(&v->picture, err);
    if (status < 0)
        return status;
    if (v->fit + v->parts + v->first > 1)
        return g4_err_set(err, G4_EUSAGE, "--fit, --parts and --first exclude each other");
    if (v->frames && (v->fit || v->parts || v->first))
        return g4_err_set(err, G4_EUSAGE,
                          "--frames N is a rule of its own: without --fit, --parts, --first");
    int64_t most = v->frames ? v->frames : v->max_frames;
    if (v->max_video_frames && (uint64_t)most > v->max_video_frames)
        return g4_err_set(err, G4_EUSAGE, "%lld frames, more than %llu (--max-video-frames)",
                          (long long)most, (unsigned long long)v->max_video_frames);
    if (v->frames && v->fps > 0)
        return g4_err_set(err, G4_EUSAGE, "--frames N is a rule of its own: without -r");
    if (v->duration_us == 0)
        return g4_err_set(err, G4_EUSAGE, "--duration 0: nothing to encode");
    struct g4_video_options *s = &v->source;
    s->fps = v->fps > 0 ? v->fps : 1;
    s->mode = v->parts ? G4_VIDEO_PARTS : v->first ? G4_VIDEO_FIRST : G4_VIDEO_FIT;
    s->max_frames = (long)v->max_frames;
    s->frames = (long)v->frames;
    s->start_us = v->start_us;
    s->duration_us = v->duration_us;
    s->max_video_frames = (long)v->max_video_frames;
    s->max_side = (long)v->max_side;
    v->limits.max_decode_cpu = v->max_decode_cpu;
    return 0;
}

static void video_table(struct g4_opt table[G4_ENCODE_TABLE], struct video *v,
                        struct g4_encode_options *common)
{
    /* clang-format off */
    const struct g4_opt own[] = {
        {.letter = 'r', .name = "rate", .argument = "FPS", .type = G4_OPT_FLOAT, .value = &v->fps,
         .min = 0.001, .max = 1000, .help = "frames per second (default 1)"},
        {.letter = 't', .name = "tokens", .argument = "N", .type = G4_OPT_INT,
         .value = &v->picture.budget,
         .help = "soft tokens per frame: 70 (default), 140, 280, 560 or 1120"},
        {.name = "start", .argument = "TIME", .type = G4_OPT_TIME, .value = &v->start_us,
         .help = "begin there: 90, 1:30, 00:01:30.5"},
        {.name = "duration", .argument = "TIME", .type = G4_OPT_TIME, .value = &v->duration_us,
         .help = "look at so much"},
        {.name = "max-frames", .argument = "N", .type = G4_OPT_INT, .value = &v->max_frames,
         .min = 1, .max = 1024, .help = "frames of one video (default 60)"},
        {.name = "fit", .type = G4_OPT_FLAG, .value = &v->fit,
         .help = "a clip that needs more: spread them evenly over it (default)"},
        {.name = "parts", .type = G4_OPT_FLAG, .value = &v->parts,
         .help = "a clip that needs more: several videos, one after another"},
        {.name = "first", .type = G4_OPT_FLAG, .value = &v->first,
         .help = "a clip that needs more: only its beginning"},
        {.name = "frames", .argument = "N", .type = G4_OPT_INT, .value = &v->frames, .min = 1,
         .max = 1024, .help = "the reference's rule: N frames evenly over the whole clip"},
        {.name = "audio", .type = G4_OPT_NOT_BUILT, .help = "add the sound behind the frames"},
        {.name = "max-video-frames", .argument = "N", .type = G4_OPT_SIZE,
         .value = &v->max_video_frames, .help = "most frames sent per clip (default 1024; 0: any)"},
        {.name = "max-side", .argument = "N", .type = G4_OPT_SIZE, .value = &v->max_side,
         .help = "longest side of a frame in pixels (default 8192; 0: any)"},
        {.name = "max-spool", .argument = "BYTES", .type = G4_OPT_SIZE,
         .value = &v->limits.max_spool,
         .help = "most bytes of a pipe kept on disk (default 16G; 0: any)"},
        {.name = "max-decode-cpu", .argument = "SEC", .type = G4_OPT_FLOAT,
         .value = &v->max_decode_cpu, .max = 1e9,
         .help = "CPU of one decoder call without progress (default 10; 0: any)"},
    };
    /* clang-format on */
    g4_encode_table(table, own, sizeof own / sizeof *own, common);
}

int main(int argc, char **argv)
{
    struct video v = {.fps = 0,
                      .picture = {.budget = 70},
                      .duration_us = -1,
                      .max_frames = 60,
                      .max_video_frames = 1024,
                      .max_side = 8192,
                      .max_decode_cpu = 10,
                      .limits = G4_MEDIA_LIMITS,
                      .source = G4_VIDEO_OPTIONS};
    struct g4_encode_options common = {0};
    struct g4_opt table[G4_ENCODE_TABLE];
    video_table(table, &v, &common);
    const struct g4_program program = {
        .name = "g4-video",
        .purpose = "turn video clips into soft tokens, frame by frame",
        .synopsis = "[options] [file ...]",
        .options = table,
        .features = g4_features,
        .examples = "  g4-video clip.mp4 | g4-decode -p 'Summarise this clip.'\n"
                    "  g4-video --parts lecture.mkv | g4-decode --each -p 'What happens here?'\n"};
    const struct g4_encoder encoder = {&program,   &v,           video_check, video_begin,
                                       video_open, video_encode, video_close};
    return g4_encode_main(&encoder, &common, argc, argv);
}

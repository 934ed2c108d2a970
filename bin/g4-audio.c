/* g4-audio - sound to soft tokens, one segment per clip of at most 30 s. */
#include <stdio.h>
#include <stdlib.h>

#include "bin/encode.h"
#include "bin/features.h"
#include "encoders/audio/audio_encoder.h"
#include "encoders/audio/audio_source.h"
#include "encoders/audio/segment.h"
#include "encoders/media/av_library.h"
#include "lib/base/log.h"
#include "lib/base/mem.h"
#include "lib/base/progress.h"

enum split_choice { SPLIT_DEFAULT = -1, SPLIT_FIXED, SPLIT_NONE };

struct audio {
    int64_t start_us, duration_us;
    int split;           /* enum split_choice */
    double window;       /* seconds */
    const char *channel; /* N or "mix" */
    int64_t stream;
    int raw; /* -1, or index into raw_formats */
    int64_t rate, channels;
    uint64_t max_rate, max_channels, max_seconds;
    double max_decode_cpu;
    struct g4_media_limits limits;
    struct g4_audio_options source;

    struct g4_audio_encoder *encoder;
    size_t width;
    size_t window_samples;
    float *rows; /* [rows of a window, width] */
};

/* ---------------------------------------------------------------------------------------- encoder
 */

static void audio_begin(void *state)
{
    const struct audio *a = state;
    if (!a->source.raw)
        g4_av_library_begin();
}

static int audio_open(void *state, const struct g4_model *model, const struct g4_exec *exec,
                      struct g4_stream_head *head, struct g4_err *err)
{
    struct audio *a = state;
    int status = g4_audio_encoder_open(&a->encoder, model, exec, err);
    if (status < 0)
        return status;
    a->width = g4_audio_encoder_width(a->encoder);
    head->width = (uint32_t)a->width;
    status = g4_audio_encoder_id(a->encoder, head->encoder_id, err);
    void *rows = NULL;
    if (status == 0)
        status = g4_alloc(&rows, g4_audio_encoder_rows(a->encoder, a->window_samples) * a->width,
                          sizeof *a->rows, "the soft tokens", err);
    a->rows = rows;
    if (status < 0)
        g4_audio_encoder_close(a->encoder);
    return status;
}

static void audio_close(void *state)
{
    struct audio *a = state;
    g4_audio_encoder_close(a->encoder);
    free(a->rows);
}

/* One clip to the stream. Times count from the start of the file, whatever --start says. */
static int encode_clip(struct audio *a, struct g4_sink *sink, const struct g4_clip *clip,
                       int64_t t0_us, struct g4_err *err)
{
    size_t rows = g4_audio_encoder_rows(a->encoder, clip->count);
    if (rows == 0)
        return g4_err_set(err, G4_EINPUT,
                          "'%s': %zu samples of sound are too short, %zu are needed", sink->shown,
                          clip->count, g4_audio_encoder_shortest(a->encoder));
    int status = g4_audio_encoder_plan(a->encoder, clip->count, err);
    if (status < 0)
        return status;
    g4_audio_encoder_run(a->encoder, a->rows, clip->samples, clip->count, NULL);
    struct g4_segment segment = {.kind = G4_KIND_AUDIO,
                                 .rows = (uint32_t)rows,
                                 .us_per_row = 40000,
                                 .t0 = t0_us + (int64_t)g4_sample_us(clip->start),
                                 .t1 = t0_us + (int64_t)g4_sample_us(clip->start + clip->count)};
    g4_log_info(2, "'%s': segment %zu, %.2f s, %zu soft tokens", sink->shown, clip->index,
                (double)clip->count / G4_AUDIO_RATE, rows);
    if (!sink->opened)
        status = g4_sink_source(sink, -1, err);
    return status < 0 ? status : g4_sink_segment(sink, &segment, a->rows, err);
}

/* What was left out, or cut where nobody asked for it. */
static void note(const struct audio *a, struct g4_audio_source *source, const char *operand,
                 size_t clips, bool more)
{
    const char *text = g4_audio_source_note(source);
    if (text)
        g4_log_note("'%s': %s", operand, text);
    if (more)
        g4_log_note("'%s': longer than %g s, the rest is not looked at", operand, a->window);
    else if (clips > 1 && a->split == SPLIT_DEFAULT)
        g4_log_note(
            "'%s': longer than %g s, cut into %zu segments; g4-decode --each answers them one "
            "by one",
            operand, a->window, clips);
}

static int encode_clips(struct audio *a, struct g4_sink *sink, struct g4_audio_source *source,
                        struct g4_err *err)
{
    struct g4_audio_info info;
    struct g4_segmenter *segmenter;
    g4_audio_source_info(source, &info);
    g4_log_info(1, "'%s': %s, %s, %u Hz, %d channels", sink->shown, info.format, info.codec,
                (unsigned)info.rate, info.channels);
    int status =
        g4_segmenter_open(&segmenter, a->split == SPLIT_NONE ? G4_SPLIT_NONE : G4_SPLIT_FIXED,
                          a->window_samples, g4_audio_encoder_shortest(a->encoder),
                          g4_audio_source_read, source, err);
    if (status < 0)
        return status;
    struct g4_clip clip;
    size_t clips = 0;
    bool more = false;
    while ((status = g4_segmenter_next(segmenter, &clip, err)) == 0 && clip.count > 0) {
        g4_progress(sink->shown, clips, 0);
        status = encode_clip(a, sink, &clip, info.t0_us, err);
        if (status < 0)
            break;
        clips++;
        more = clip.more && a->split == SPLIT_NONE;
    }
    g4_segmenter_close(segmenter);
    if (status == 0 && clips == 0)
        status = g4_err_set(err, G4_EINPUT, "'%s': no sound in it", sink->shown);
    if (status == 0)
        note(a, source, sink->shown, clips, more);
    return status;
}

static int audio_encode(void *state, struct g4_sink *sink, const char *operand, struct g4_err *err)
{
    struct audio *a = state;
    struct g4_media_input *input = NULL;
    struct g4_audio_source *source = NULL;
    int status = g4_media_input_open(&input, operand, "g4-audio", &a->limits, err);
    if (status == 0)
        status = g4_audio_source_open(&source, input, &a->source, err);
    if (status == 0)
        status = encode_clips(a, sink, source, err);
    g4_audio_source_close(source);
    g4_media_input_close(input);
    return status;
}

/* ---------------------------------------------------------------------------------------- options
 */

static int check_channel(struct audio *a, struct g4_err *err)
{
    int64_t n;
    a->source.channel = -1;
    if (!a->channel || (a->channel[0] == 'm' && a->channel[1] == 'i' && a->channel[2] == 'x' &&
                        a->channel[3] == '\0'))
        return 0;
    if (g4_parse_int(a->channel, &n, err) < 0 || n < 0 || n > 65535)
        return g4_err_set(err, G4_EUSAGE, "--channel '%s': expected a number from 0 on, or mix",
                          a->channel);
    a->source.channel = (int)n;
    return 0;
}

static int check_raw(struct audio *a, struct g4_err *err)
{
    if (a->raw < 0) {
        if (a->rate || a->channels)
            return g4_err_set(err, G4_EUSAGE, "--rate and --channels describe --raw input");
        return 0;
    }
    if (!a->rate || !a->channels)
        return g4_err_set(err, G4_EUSAGE, "--raw needs --rate HZ and --channels N");
    a->source.raw = a->raw == 0 ? G4_AUDIO_RAW_S16LE : G4_AUDIO_RAW_F32LE;
    a->source.raw_rate = (uint32_t)a->rate;
    a->source.raw_channels = (int)a->channels;
    return 0;
}

static int audio_check(void *state, struct g4_err *err)
{
    struct audio *a = state;
    a->source.start_us = a->start_us;
    a->source.duration_us = a->duration_us;
    a->source.stream = (int)a->stream;
    a->source.max_rate = (uint32_t)a->max_rate;
    a->source.min_rate = a->max_rate ? a->source.min_rate : 0;
    a->source.max_channels = (int)a->max_channels;
    a->source.max_seconds = (double)a->max_seconds;
    a->limits.max_decode_cpu = a->max_decode_cpu;
    a->window_samples = (size_t)(a->window * G4_AUDIO_RATE + 0.5);
    if (a->duration_us == 0)
        return g4_err_set(err, G4_EUSAGE, "--duration 0: nothing to encode");
    int status = check_channel(a, err);
    return status < 0 ? status : check_raw(a, err);
}

static void audio_table(struct g4_opt table[G4_ENCODE_TABLE], struct audio *a,
                        struct g4_encode_options *common)
{
    static const char *const splits[] = {"fixed", "none", NULL}, *const later[] = {"silence", NULL};
    static const char *const raw_formats[] = {"s16le", "f32le", NULL};
    /* clang-format off */
    const struct g4_opt own[] = {
        {.name = "start", .argument = "TIME", .type = G4_OPT_TIME, .value = &a->start_us,
         .help = "begin there: 90, 1:30, 00:01:30.5"},
        {.name = "duration", .argument = "TIME", .type = G4_OPT_TIME, .value = &a->duration_us,
         .help = "take so much"},
        {.name = "split", .argument = "silence|fixed|none", .type = G4_OPT_CHOICE,
         .value = &a->split, .choices = splits, .not_built = later,
         .help = "how sound beyond the window is cut (default: fixed, with a note)"},
        {.name = "window", .argument = "SEC", .type = G4_OPT_FLOAT, .value = &a->window, .min = 0.1,
         .max = 30, .help = "longest segment in seconds (default and most: 30)"},
        {.name = "channel", .argument = "N|mix", .type = G4_OPT_STRING, .value = &a->channel,
         .help = "one channel, counted from 0, or the mean of all (default)"},
        {.name = "stream", .argument = "N", .type = G4_OPT_INT, .value = &a->stream, .max = 65535,
         .help = "sound track, counted from 0, of a file with several"},
        {.name = "raw", .argument = "s16le|f32le", .type = G4_OPT_CHOICE, .value = &a->raw,
         .choices = raw_formats, .help = "headerless input"},
        {.name = "rate", .argument = "HZ", .type = G4_OPT_INT, .value = &a->rate, .min = 1,
         .max = INT32_MAX, .help = "sample rate of --raw input"},
        {.name = "channels", .argument = "N", .type = G4_OPT_INT, .value = &a->channels, .min = 1,
         .max = 65535, .help = "channels of --raw input"},
        {.name = "max-rate", .argument = "HZ", .type = G4_OPT_SIZE, .value = &a->max_rate,
         .help = "highest sample rate (default 768000; 0: any)"},
        {.name = "max-channels", .argument = "N", .type = G4_OPT_SIZE, .value = &a->max_channels,
         .help = "most channels (default 64; 0: any)"},
        {.name = "max-seconds", .argument = "SEC", .type = G4_OPT_SIZE, .value = &a->max_seconds,
         .help = "longest sound (default 86400; 0: any)"},
        {.name = "max-spool", .argument = "BYTES", .type = G4_OPT_SIZE,
         .value = &a->limits.max_spool,
         .help = "most bytes of a pipe kept on disk (default 16G; 0: any)"},
        {.name = "max-decode-cpu", .argument = "SEC", .type = G4_OPT_FLOAT,
         .value = &a->max_decode_cpu, .max = 1e9,
         .help = "CPU of one decoder call without progress (default 10; 0: any)"},
    };
    /* clang-format on */
    g4_encode_table(table, own, sizeof own / sizeof *own, common);
}

int main(int argc, char **argv)
{
    struct audio a = {.duration_us = -1,
                      .split = SPLIT_DEFAULT,
                      .window = 30,
                      .stream = -1,
                      .raw = -1,
                      .max_rate = 768000,
                      .max_channels = 64,
                      .max_seconds = 86400,
                      .max_decode_cpu = 10,
                      .limits = G4_MEDIA_LIMITS,
                      .source = G4_AUDIO_OPTIONS};
    struct g4_encode_options common = {0};
    struct g4_opt table[G4_ENCODE_TABLE];
    audio_table(table, &a, &common);
    const struct g4_program program = {
        .name = "g4-audio",
        .purpose = "turn sound into soft tokens",
        .synopsis = "[options] [file ...]",
        .options = table,
        .features = g4_features,
        .examples =
            "  g4-audio talk.mp3 | g4-decode -p 'Transcribe the audio.'\n"
            "  g4-audio long.flac | g4-decode --each -p 'Transcribe the audio.'\n"
            "  arecord -q -d 10 -f S16_LE -r 16000 | g4-audio | g4-decode -p 'Transcribe.'\n"};
    const struct g4_encoder encoder = {&program,   &a,           audio_check, audio_begin,
                                       audio_open, audio_encode, audio_close};
    return g4_encode_main(&encoder, &common, argc, argv);
}

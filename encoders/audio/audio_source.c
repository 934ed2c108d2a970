/* audio_source.c - decoder, mix and resampler in a row; which samples of the result are wanted. */
#include "encoders/audio/audio_source.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "encoders/audio/audio_mix.h"
#include "encoders/audio/audio_resample.h"
#include "encoders/audio/mel.h"
#include "encoders/media/av_library.h"
#include "encoders/media/av_source.h"
#include "lib/base/mem.h"

enum {
    FILL_SAMPLES = 16384, /* decoded per call of the guard's thread */
    RAW_BYTES = 64 << 10,
};

/* Times beyond this (290 years) cannot be meant, and would wrap as samples. */
#define LONGEST_US (INT64_MAX / 1000)

struct g4_audio_source {
    struct g4_audio_options options;
    struct g4_media_input *input;
    struct g4_guard *guard;
    struct g4_av_source av;
    struct g4_resampler resampler;
    struct g4_samples mono;  /* of one decoded frame */
    struct g4_samples fresh; /* resampled, from position - fresh.count on */
    struct g4_samples ready; /* wanted */
    size_t given;            /* of ready */
    int64_t position;        /* of the next resampled sample on the time line, in samples */
    int64_t begin, finish;   /* wanted: begin <= position < finish */
    uint64_t native;         /* samples decoded, at the source's own rate */
    bool started;            /* the first frame came */
    bool ended;              /* nothing more to decode */
    bool cut;                /* ended before the sound did */
    struct g4_err failure;   /* to be told when ready is empty */
    struct g4_audio_info info;
    uint64_t raw_at;
    unsigned char *raw; /* [RAW_BYTES], with raw_left bytes of a sample begun */
    size_t raw_left;
    char note[256];
};

static const char *name_of(const struct g4_audio_source *source)
{
    return g4_media_input_name(source->input);
}

/* Microseconds to samples at 16 kHz, halves rounded up. */
static int64_t samples_of(int64_t us)
{
    const int64_t per_ms = G4_AUDIO_RATE / 1000;
    return us / 1000 * per_ms + (us % 1000 * per_ms + 500) / 1000;
}

static int check_format(const struct g4_audio_source *source, int rate, int channels,
                        struct g4_err *err)
{
    const struct g4_audio_options *o = &source->options;
    const char *name = name_of(source);
    if (rate < 1 || channels < 1)
        return g4_err_set(err, G4_EINPUT, "'%s': states %d Hz and %d channels", name, rate,
                          channels);
    if (o->max_rate && ((uint32_t)rate > o->max_rate || (uint32_t)rate < o->min_rate))
        return g4_err_set(err, G4_ELIMIT,
                          "'%s': sample rate of %d Hz is outside %u..%u (--max-rate)", name, rate,
                          o->min_rate, o->max_rate);
    if (o->max_channels && channels > o->max_channels)
        return g4_err_set(err, G4_ELIMIT, "'%s': %d channels, more than %d (--max-channels)", name,
                          channels, o->max_channels);
    if (o->channel >= channels)
        return g4_err_set(err, G4_EINPUT, "'%s': --channel %d, but its channels are 0..%d", name,
                          o->channel, channels - 1);
    return 0;
}

/* Moves what is wanted of the fresh samples to the ready ones. */
static int take_fresh(struct g4_audio_source *source, struct g4_err *err)
{
    struct g4_samples *fresh = &source->fresh, *ready = &source->ready;
    int status = g4_samples_reserve(ready, fresh->count, err);
    for (size_t i = 0; status == 0 && i < fresh->count; i++) {
        int64_t at = source->position + (int64_t)i;
        if (at >= source->begin && at < source->finish)
            ready->data[ready->count++] = fresh->data[i];
    }
    source->position += (int64_t)fresh->count;
    fresh->count = 0;
    if (source->position >= source->finish) {
        source->ended = true;
        source->cut = true;
    }
    double most = source->options.max_seconds;
    if (status == 0 && most > 0 && (double)source->position > most * G4_AUDIO_RATE)
        status = g4_err_set(err, G4_ELIMIT, "'%s': longer than %g s of sound (--max-seconds)",
                            name_of(source), most);
    return status;
}

/* n decoded samples through mix, resampler, selection. */
static int take_samples(struct g4_audio_source *source, const uint8_t *const *planes,
                        enum AVSampleFormat format, int channels, int rate, size_t n,
                        struct g4_err *err)
{
    size_t bad = 0;
    source->mono.count = 0;
    int status = g4_samples_reserve(&source->mono, n, err);
    if (status < 0)
        return status;
    if (!g4_audio_mix(source->mono.data, planes, format, channels, source->options.channel, n,
                      &bad))
        return g4_err_set(err, G4_EINPUT, "'%s': sample %llu is not a finite number",
                          name_of(source), (unsigned long long)(source->native + bad));
    source->native += n;
    status = g4_resampler_run(&source->resampler, &source->fresh, (uint32_t)rate, source->mono.data,
                              n, err);
    return status < 0 ? status : take_fresh(source, err);
}

/* Where the first decoded sample stands on the time line. */
static void place_first(struct g4_audio_source *source)
{
    source->started = true;
    int64_t time = g4_av_frame_time(source->av.frame);
    source->info.t0_us = source->options.start_us;
    if (source->options.origin_us == G4_AUDIO_NO_ORIGIN || time == AV_NOPTS_VALUE)
        return;
    int64_t us = av_rescale_q(time, source->av.stream->time_base, AV_TIME_BASE_Q);
    if (us > LONGEST_US || us < -LONGEST_US)
        return;
    us -= source->options.origin_us;
    source->position = us < 0 ? -samples_of(-us) : samples_of(us);
    if (source->position > source->begin)
        source->info.t0_us = us;
}

static int fill_av(struct g4_audio_source *source, struct g4_err *err)
{
    int more = g4_av_source_frame(&source->av, err);
    if (more <= 0) {
        source->ended = true;
        return more;
    }
    const AVFrame *frame = source->av.frame;
    int channels = frame->ch_layout.nb_channels;
    int status = check_format(source, frame->sample_rate, channels, err);
    if (status < 0 || frame->nb_samples <= 0)
        return status;
    if (!source->started)
        place_first(source);
    return take_samples(source, (const uint8_t *const *)frame->extended_data, frame->format,
                        channels, frame->sample_rate, (size_t)frame->nb_samples, err);
}

static int fill_raw(struct g4_audio_source *source, struct g4_err *err)
{
    const struct g4_audio_options *o = &source->options;
    size_t sample = (o->raw == G4_AUDIO_RAW_S16LE ? 2 : 4) * (size_t)o->raw_channels;
    size_t got;
    int status = g4_media_input_read(source->input, source->raw_at, source->raw + source->raw_left,
                                     RAW_BYTES - source->raw_left, &got, err);
    if (status < 0)
        return status;
    source->raw_at += got;
    source->ended = got == 0;
    size_t bytes = source->raw_left + got, n = bytes / sample;
    const uint8_t *const plane = source->raw;
    enum AVSampleFormat format =
        o->raw == G4_AUDIO_RAW_S16LE ? AV_SAMPLE_FMT_S16 : AV_SAMPLE_FMT_FLT;
    source->started = true;
    if (n > 0)
        status = take_samples(source, &plane, format, o->raw_channels, (int)o->raw_rate, n, err);
    source->raw_left = bytes - n * sample;
    memmove(source->raw, source->raw + n * sample, source->raw_left);
    return status;
}

/* Lossless containers state how many samples they hold. */
static int check_count(const struct g4_audio_source *source, struct g4_err *err)
{
    const AVFormatContext *format = source->av.format;
    if (!format || format->duration_estimation_method != AVFMT_DURATION_FROM_STREAM)
        return 0;
    const char *kind = source->av.kind->name;
    const AVStream *stream = source->av.stream;
    if ((strcmp(kind, "flac") && strcmp(kind, "wv") && strcmp(kind, "tta")) ||
        stream->duration <= 0)
        return 0;
    AVRational tick = {1, stream->codecpar->sample_rate};
    int64_t stated = av_rescale_q(stream->duration, stream->time_base, tick);
    if (stated <= 0 || source->native >= (uint64_t)stated)
        return 0;
    return g4_err_set(err, G4_EINPUT, "'%s': truncated or damaged: %llu of %lld samples",
                      name_of(source), (unsigned long long)source->native, (long long)stated);
}

/* The sound ended: was it whole, and was there what was asked for? */
static int finish(struct g4_audio_source *source, struct g4_err *err)
{
    const char *name = name_of(source);
    int status = g4_resampler_flush(&source->resampler, &source->fresh, err);
    if (status == 0)
        status = take_fresh(source, err);
    if (status < 0 || source->cut)
        return status;
    if (!source->options.raw) {
        status = g4_av_source_check_end(&source->av, err);
        if (status == 0 && source->native == 0 && source->av.damaged > 0)
            status = g4_err_set(err, G4_EINPUT, "'%s': nothing in it can be decoded as %s", name,
                                source->info.codec);
        if (status == 0)
            status = check_count(source, err);
    }
    if (status == 0 && source->native == 0)
        status = g4_err_set(err, G4_EINPUT, "'%s': no samples in it", name);
    if (status == 0 && source->position <= 0)
        status = g4_err_set(err, G4_EINPUT, "'%s': too short: %llu samples at %u Hz", name,
                            (unsigned long long)source->native, source->info.rate);
    if (status == 0 && source->position <= source->begin)
        status = g4_err_set(err, G4_EINPUT, "'%s': --start %g s is beyond its end at %g s", name,
                            1e-6 * (double)source->options.start_us,
                            (double)source->position / G4_AUDIO_RATE);
    return status;
}

/* On the guard's thread: decodes until enough is ready, or the end. */
static int fill(void *context, struct g4_err *err)
{
    struct g4_audio_source *source = context;
    int status = 0;
    source->ready.count = 0;
    source->given = 0;
    while (status == 0 && !source->ended && source->ready.count < FILL_SAMPLES)
        status = source->options.raw ? fill_raw(source, err) : fill_av(source, err);
    if (status == 0 && source->ended)
        status = finish(source, err);
    if (status < 0) {
        source->ended = true;
        source->failure = *err;
    }
    return 0;
}

/* The default track, or the one asked for. */
static AVStream *choose(struct g4_audio_source *source)
{
    AVFormatContext *format = source->av.format;
    int wanted = source->options.stream;
    AVStream *chosen = NULL;
    bool is_default = false;
    for (unsigned i = 0; i < format->nb_streams; i++) {
        AVStream *stream = format->streams[i];
        if (stream->codecpar->codec_type != AVMEDIA_TYPE_AUDIO)
            continue;
        int track = source->info.tracks++;
        bool preferred = stream->disposition & AV_DISPOSITION_DEFAULT;
        if (wanted >= 0 ? track == wanted : !chosen || (preferred && !is_default)) {
            chosen = stream;
            is_default = preferred;
            source->info.track = track;
        }
    }
    return chosen;
}

static int no_track(const struct g4_audio_source *source, struct g4_err *err)
{
    const char *name = name_of(source);
    if (source->info.tracks > 0)
        return g4_err_set(err, G4_EINPUT, "'%s': --stream %d, but its audio streams are 0..%d",
                          name, source->options.stream, source->info.tracks - 1);
    for (unsigned i = 0; i < source->av.format->nb_streams; i++)
        if (source->av.format->streams[i]->codecpar->codec_type == AVMEDIA_TYPE_VIDEO)
            return g4_err_set(err, G4_EINPUT,
                              "'%s': no audio stream; for the pictures: g4-video '%s' | "
                              "g4-decode",
                              name, name);
    return g4_err_set(err, G4_EINPUT, "'%s': no audio stream", name);
}

static int open_av(void *context, struct g4_err *err)
{
    struct g4_audio_source *source = context;
    int status = g4_av_source_open(&source->av, err);
    if (status < 0)
        return status;
    AVStream *stream = choose(source);
    if (!stream)
        return g4_media_input_check_end(source->input, err) < 0 ? G4_EINPUT : no_track(source, err);
    const AVCodecParameters *parameters = stream->codecpar;
    source->info.format = source->av.kind->name;
    source->info.codec = avcodec_get_name(parameters->codec_id);
    source->info.rate = (uint32_t)parameters->sample_rate;
    source->info.channels = parameters->ch_layout.nb_channels;
    status = check_format(source, parameters->sample_rate, parameters->ch_layout.nb_channels, err);
    return status < 0 ? status : g4_av_source_decoder(&source->av, stream, err);
}

static int open_raw(struct g4_audio_source *source, struct g4_err *err)
{
    const struct g4_audio_options *o = &source->options;
    void *memory;
    source->info.format = o->raw == G4_AUDIO_RAW_S16LE ? "s16le" : "f32le";
    source->info.codec = source->info.format;
    source->info.rate = o->raw_rate;
    source->info.channels = o->raw_channels;
    int status = g4_alloc(&memory, 1, RAW_BYTES, "reading", err);
    source->raw = memory;
    if (o->raw_rate > INT32_MAX || o->raw_channels > RAW_BYTES / 8)
        return g4_err_set(err, G4_EUSAGE, "--rate %u, --channels %d: out of range", o->raw_rate,
                          o->raw_channels);
    return status < 0 ? status : check_format(source, (int)o->raw_rate, o->raw_channels, err);
}

static int probe(void *context, struct g4_err *err)
{
    struct g4_audio_source *source = context;
    return g4_av_source_probe(&source->av, G4_AV_SOUND, err);
}

static int open_any(struct g4_audio_source *source, struct g4_err *err)
{
    const char *name = name_of(source);
    int status =
        g4_guard_open(&source->guard, g4_media_input_limits(source->input)->max_decode_cpu, err);
    if (status == 0)
        status = g4_av_library_load(source->options.raw ? G4_AV_TOOLS : G4_AV_FORMATS, err);
    if (status < 0)
        return status;
    if (source->options.raw) {
        status = open_raw(source, err);
    } else {
        g4_av_source_init(&source->av, source->input, source->guard);
        status = g4_guard_call(source->guard, probe, source, name, err);
        if (status == 0)
            status = g4_av_source_prepare(&source->av, false, false, err);
        if (status == 0)
            status = g4_guard_call(source->guard, open_av, source, name, err);
    }
    /* The first samples at once: what cannot be decoded at all fails here. */
    if (status == 0)
        status = g4_guard_call(source->guard, fill, source, name, err);
    if (status == 0 && source->ready.count == 0 && source->failure.code < 0) {
        if (err)
            *err = source->failure;
        status = source->failure.code;
    }
    return status;
}

int g4_audio_source_open(struct g4_audio_source **out, struct g4_media_input *input,
                         const struct g4_audio_options *options, struct g4_err *err)
{
    void *memory;
    *out = NULL;
    if (options->start_us < 0 || options->start_us > LONGEST_US ||
        options->duration_us > LONGEST_US)
        return g4_err_set(err, G4_EUSAGE, "--start, --duration: out of range");
    int status = g4_alloc(&memory, 1, sizeof **out, "a sound", err);
    if (status < 0)
        return status;
    struct g4_audio_source *source = memory;
    source->options = *options;
    source->input = input;
    source->info.t0_us = options->start_us;
    source->begin = samples_of(options->start_us);
    source->finish = INT64_MAX;
    if (options->duration_us >= 0)
        source->finish = samples_of(options->start_us + options->duration_us);
    status = open_any(source, err);
    if (status < 0) {
        g4_audio_source_close(source);
        return status;
    }
    *out = source;
    return 0;
}

void g4_audio_source_close(struct g4_audio_source *source)
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
    g4_av_source_close(&source->av);
    g4_resampler_release(&source->resampler);
    g4_samples_release(&source->mono);
    g4_samples_release(&source->fresh);
    g4_samples_release(&source->ready);
    free(source->raw);
    free(source);
}

void g4_audio_source_info(const struct g4_audio_source *source, struct g4_audio_info *info)
{
    *info = source->info;
}

int g4_audio_source_read(void *context, float *out, size_t cap, size_t *got, struct g4_err *err)
{
    struct g4_audio_source *source = context;
    *got = 0;
    while (source->given == source->ready.count) {
        if (source->failure.code < 0) {
            if (err)
                *err = source->failure;
            return source->failure.code;
        }
        if (source->ended)
            return 0;
        int status = g4_guard_call(source->guard, fill, source, name_of(source), err);
        if (status < 0)
            return status;
    }
    size_t left = source->ready.count - source->given;
    *got = left < cap ? left : cap;
    memcpy(out, source->ready.data + source->given, *got * sizeof *out);
    source->given += *got;
    return 0;
}

const char *g4_audio_source_note(struct g4_audio_source *source)
{
    const struct g4_audio_info *info = &source->info;
    int used = 0;
    source->note[0] = '\0';
    if (info->tracks > 1 && source->options.stream < 0)
        used = snprintf(source->note, sizeof source->note,
                        "%d audio streams, only number %d was taken (--stream N)", info->tracks,
                        info->track);
    if (source->av.damaged > 0)
        snprintf(source->note + used, sizeof source->note - (size_t)used,
                 "%sdamaged packets left out: %llu", used ? "; " : "",
                 (unsigned long long)source->av.damaged);
    return source->note[0] ? source->note : NULL;
}

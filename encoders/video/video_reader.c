/* video_reader.c - demuxer and decoder of a clip; when to seek, and what a seek may leave out. */
#include "encoders/video/video_reader.h"

#include <math.h>

/* Seeking over less than this is not cheaper than decoding. */
#define SEEK_SECONDS 0.25

enum { SEEK_TRIES = 3 };

static const char *name_of(const struct g4_video_reader *reader)
{
    return g4_media_input_name(reader->av.input);
}

double g4_video_reader_seconds(const struct g4_video_reader *reader, int64_t time)
{
    return (double)(time - reader->origin) * reader->tick;
}

double g4_video_reader_scanned(const struct g4_video_reader *reader, int64_t time)
{
    const struct g4_video_scan *scan = &reader->scan;
    return (double)(time - (scan->exact ? reader->origin : scan->first)) * reader->tick;
}

/* The default track; cover pictures are none. */
static AVStream *choose(struct g4_video_reader *reader)
{
    AVFormatContext *format = reader->av.format;
    AVStream *chosen = NULL;
    reader->sounds = 0;
    reader->pictures = 0;
    for (unsigned i = 0; i < format->nb_streams; i++) {
        AVStream *stream = format->streams[i];
        enum AVMediaType type = stream->codecpar->codec_type;
        reader->sounds += type == AVMEDIA_TYPE_AUDIO;
        if (type != AVMEDIA_TYPE_VIDEO || stream->disposition & AV_DISPOSITION_ATTACHED_PIC)
            continue;
        bool preferred = stream->disposition & AV_DISPOSITION_DEFAULT;
        if (!chosen || (preferred && !(chosen->disposition & AV_DISPOSITION_DEFAULT))) {
            chosen = stream;
            reader->picture = reader->pictures;
        }
        reader->pictures++;
    }
    return chosen;
}

static int check_size(const struct g4_video_reader *reader, int width, int height,
                      struct g4_err *err)
{
    if (reader->max_side && (width > reader->max_side || height > reader->max_side))
        return g4_err_set(err, G4_ELIMIT,
                          "'%s': frames of %d x %d pixels, more than %ld a side "
                          "(--max-side)",
                          name_of(reader), width, height, reader->max_side);
    return 0;
}

/* Demuxer and stream, without a decoder. */
static int open_demuxer(struct g4_video_reader *reader, AVStream **stream, struct g4_err *err)
{
    const char *name = name_of(reader);
    int status = g4_av_source_open(&reader->av, err);
    if (status < 0)
        return status;
    *stream = choose(reader);
    if (!*stream && g4_media_input_check_end(reader->av.input, err) < 0)
        return G4_EINPUT;
    if (!*stream && reader->sounds)
        return g4_err_set(err, G4_EINPUT,
                          "'%s': no video stream; for the sound: g4-audio '%s' | g4-decode", name,
                          name);
    if (!*stream)
        return g4_err_set(err, G4_EINPUT, "'%s': no video stream", name);
    const AVCodecParameters *parameters = (*stream)->codecpar;
    reader->codec = avcodec_get_name(parameters->codec_id);
    reader->width = parameters->width;
    reader->height = parameters->height;
    reader->tick = av_q2d((*stream)->time_base);
    return check_size(reader, parameters->width, parameters->height, err);
}

static int open_decoder(struct g4_video_reader *reader, struct g4_err *err)
{
    AVStream *stream;
    int status = open_demuxer(reader, &stream, err);
    return status < 0 ? status : g4_av_source_decoder(&reader->av, stream, err);
}

static int scan_clip(struct g4_video_reader *reader, bool all, struct g4_err *err)
{
    AVStream *stream;
    int status = open_demuxer(reader, &stream, err);
    if (status == 0)
        status = g4_video_scan_run(&reader->scan, &reader->av, stream, all, err);
    reader->seekable = reader->scan.key_count > 0;
    reader->tried = INT64_MIN;
    g4_av_source_close(&reader->av);
    return status;
}

int g4_video_reader_open(struct g4_video_reader *reader, bool scan, bool all, struct g4_err *err)
{
    int status = 0;
    if (g4_media_input_seekable(reader->av.input) &&
        (scan || all || g4_video_scan_indexed(&reader->av)))
        status = scan_clip(reader, all, err);
    return status < 0 ? status : open_decoder(reader, err);
}

/* From the first frame again, for good without seeking. */
static int restart(struct g4_video_reader *reader, struct g4_err *err)
{
    g4_av_source_close(&reader->av);
    reader->seekable = false;
    return open_decoder(reader, err);
}

enum landing { LOST = 0, LANDED = 1, BEHIND = 2 };

/* Whether this frame came before the decoder began again. */
static bool seen(const struct g4_video_reader *reader)
{
    int64_t stamp = g4_av_frame_time(reader->av.frame);
    return stamp == AV_NOPTS_VALUE || g4_video_reader_seconds(reader, stamp) <= reader->last;
}

/*
 * After a seek: the first frame that needs nothing from before the key frame, into av.frame. LANDED
 * when it is new and not too late for the target, BEHIND when it was seen before, else LOST.
 */
static int land(struct g4_video_reader *reader, double target, struct g4_err *err)
{
    struct g4_av_source *av = &reader->av;
    int more;
    while ((more = g4_av_source_frame(av, err)) > 0) {
        int64_t stamp = g4_av_frame_time(av->frame);
        if (!av->resume_key || av->resume_time == AV_NOPTS_VALUE || stamp == AV_NOPTS_VALUE)
            return LOST;
        if (stamp < av->resume_time)
            continue;
        double time = g4_video_reader_seconds(reader, stamp);
        return time <= reader->last ? BEHIND : time <= target + 1e-6 ? LANDED : LOST;
    }
    return more;
}

/* The key frame to try: at or before `want`, and worth the seek. */
static bool worthwhile(const struct g4_video_reader *reader, int64_t want, int64_t *key)
{
    /* An index may count in decoding time; its first entry is the first frame. */
    int64_t first = reader->scan.keys[0];
    int64_t shift = first < reader->origin ? reader->origin - first : 0;
    return g4_video_scan_key(&reader->scan, want - shift, key) && *key != reader->tried &&
           g4_video_reader_seconds(reader, *key + shift) > reader->last + SEEK_SECONDS;
}

/* 1: av.frame is a frame further on. 0: decode on. */
static int skip_ahead(struct g4_video_reader *reader, double target, struct g4_err *err)
{
    int64_t want = reader->origin + (int64_t)fmin(target / reader->tick + 0.5, 4e18), key;
    int landed = BEHIND;
    for (int i = 0; i < SEEK_TRIES && worthwhile(reader, want, &key); i++) {
        reader->tried = key;
        reader->in_a_row = 0;
        landed = g4_av_source_seek(&reader->av, want) == 0 ? land(reader, target, err) : LOST;
        if (landed < 0 || landed == LANDED)
            return landed;
        reader->replaying = true;
        if (landed == BEHIND)
            break;
        want = key - 1;
    }
    return landed == LOST ? restart(reader, err) : 0;
}

/* Seconds from the first frame; never less than the frame before. */
static double clock_of(struct g4_video_reader *reader, const AVFrame *frame)
{
    double step = reader->frames > 1 ? reader->last - reader->prev : 0;
    int64_t stamp = g4_av_frame_time(frame);
    if (stamp == AV_NOPTS_VALUE)
        return reader->last + g4_av_source_step(&reader->av);
    double time = g4_video_reader_seconds(reader, stamp) + reader->shift;
    if (time < reader->last - G4_VIDEO_JUMP_SECONDS && !g4_video_scan_indexed(&reader->av)) {
        reader->shift += reader->last + step - time;
        time = reader->last + step;
    }
    return fmax(time, reader->last);
}

int g4_video_reader_next(struct g4_video_reader *reader, double target, double *time,
                         struct g4_err *err)
{
    int more = 0;
    if (reader->seekable && reader->frames > 0 && target >= 0)
        more = skip_ahead(reader, target, err);
    while (more == 0) {
        more = g4_av_source_frame(&reader->av, err);
        if (more <= 0)
            return more;
        if (reader->replaying && seen(reader))
            more = 0;
    }
    const AVFrame *frame = reader->av.frame;
    int status = more < 0 ? more : check_size(reader, frame->width, frame->height, err);
    if (status < 0)
        return status;
    reader->replaying = false;
    if (reader->frames == 0 && g4_av_frame_time(frame) != AV_NOPTS_VALUE)
        reader->origin = g4_av_frame_time(frame);
    *time = reader->frames ? clock_of(reader, frame) : 0;
    reader->prev = reader->last;
    reader->last = *time;
    reader->frames++;
    reader->in_a_row++;
    return 1;
}

void g4_video_reader_release(struct g4_video_reader *reader)
{
    g4_av_source_close(&reader->av);
    g4_video_scan_release(&reader->scan);
}

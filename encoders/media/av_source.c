/* av_source.c - libav behind callbacks: reading, opening, decoding. Recognition is in av_probe.c.
 */
#include "encoders/media/av_source.h"

#include <libavutil/opt.h>
#include <string.h>

#include "encoders/media/av_message.h"

enum {
    IO_BYTES = 64 << 10,
    PROGRESS_BYTES = 1 << 20, /* so much fresh input counts as progress */
    MAX_STREAMS = 256,
};

void g4_av_source_init(struct g4_av_source *source, struct g4_media_input *input,
                       struct g4_guard *guard)
{
    *source = (struct g4_av_source){.input = input, .guard = guard, .resume_time = AV_NOPTS_VALUE};
    g4_av_message_begin();
}

static int read_bytes(void *opaque, uint8_t *buffer, int size)
{
    struct g4_av_source *source = opaque;
    size_t got;
    if (g4_media_input_read(source->input, source->at, buffer, (size_t)size, &got,
                            &source->io_err) < 0)
        return AVERROR(EIO);
    if (got == 0)
        return AVERROR_EOF;
    source->at += got;
    if (source->at > source->furthest + PROGRESS_BYTES) {
        source->furthest = source->at;
        g4_guard_progress(source->guard);
    }
    return (int)got;
}

static int64_t seek_bytes(void *opaque, int64_t offset, int whence)
{
    struct g4_av_source *source = opaque;
    int64_t size = g4_media_input_size(source->input);
    if (whence & AVSEEK_SIZE)
        return size >= 0 ? size : AVERROR(ENOSYS);
    whence &= ~AVSEEK_FORCE;
    int64_t from = whence == SEEK_SET ? 0 : whence == SEEK_CUR ? (int64_t)source->at : size;
    if (from < 0 || offset > INT64_MAX - from || from + offset < 0)
        return AVERROR(EINVAL);
    source->at = (uint64_t)(from + offset);
    return from + offset;
}

/* A container that refers to another file gets nothing. */
static int refuse_open(AVFormatContext *format, AVIOContext **io, const char *url, int flags,
                       AVDictionary **options)
{
    (void)format;
    (void)url;
    (void)flags;
    (void)options;
    *io = NULL;
    return AVERROR(EACCES);
}

static int open_io(struct g4_av_source *source, struct g4_err *err)
{
    unsigned char *buffer = av_malloc(IO_BYTES);
    bool seekable = g4_media_input_seekable(source->input);
    source->io = buffer ? avio_alloc_context(buffer, IO_BYTES, 0, source, read_bytes, NULL,
                                             seekable ? seek_bytes : NULL)
                        : NULL;
    if (!source->io) {
        av_free(buffer);
        return g4_err_nomem(err, IO_BYTES, "reading");
    }
    source->io->seekable = seekable ? AVIO_SEEKABLE_NORMAL : 0;
    return 0;
}

/* Streams are examined with the limits that decoding has. */
static int find_streams(struct g4_av_source *source, struct g4_err *err)
{
    AVFormatContext *format = source->format;
    const char *name = g4_media_input_name(source->input);
    unsigned count = format->nb_streams;
    AVDictionary *options[MAX_STREAMS] = {NULL};
    if (count > MAX_STREAMS)
        return g4_err_set(err, G4_EINPUT, "'%s': %u streams", name, count);
    for (unsigned i = 0; i < count; i++) {
        const AVCodecParameters *p = format->streams[i]->codecpar;
        if (source->max_pixels && p->width > 0 && p->height > 0 &&
            (uint64_t)p->width > source->max_pixels / (uint64_t)p->height)
            return g4_err_set(err, G4_ELIMIT,
                              "'%s': frames of %d x %d pixels, too large (--max-side)", name,
                              p->width, p->height);
    }
    for (unsigned i = 0; i < count; i++) {
        av_dict_set(&options[i], "threads", "1", 0);
        if (source->max_pixels)
            av_dict_set_int(&options[i], "max_pixels", (int64_t)source->max_pixels, 0);
    }
    int r = avformat_find_stream_info(format, count ? options : NULL);
    for (unsigned i = 0; i < count; i++)
        av_dict_free(&options[i]);
    return r < 0 ? g4_av_error(err, name, "find its streams", r) : 0;
}

int g4_av_source_open(struct g4_av_source *source, struct g4_err *err)
{
    const char *name = g4_media_input_name(source->input);
    int status = open_io(source, err);
    if (status < 0)
        return status;
    source->format = avformat_alloc_context();
    source->packet = av_packet_alloc();
    source->frame = av_frame_alloc();
    if (!source->format || !source->packet || !source->frame)
        return g4_err_nomem(err, sizeof *source->frame, "a demuxer");
    source->format->pb = source->io;
    source->format->io_open = refuse_open;
    source->format->fps_probe_size = 0; /* frame rates are not asked for */
    AVDictionary *options = NULL;
    av_dict_set(&options, "protocol_whitelist", "", 0);
    av_dict_set(&options, "format_whitelist", source->kind->name, 0);
    av_dict_set_int(&options, "max_streams", MAX_STREAMS, 0);
    int r = avformat_open_input(&source->format, "", source->kind, &options);
    av_dict_free(&options);
    if (source->io_err.code < 0) {
        *err = source->io_err;
        return err->code;
    }
    if (r < 0)
        return g4_media_input_check_end(source->input, err) < 0
                   ? err->code
                   : g4_av_error(err, name, "open it", r);
    return find_streams(source, err);
}

int g4_av_source_decoder(struct g4_av_source *source, AVStream *stream, struct g4_err *err)
{
    const char *name = g4_media_input_name(source->input);
    const AVCodecParameters *parameters = stream->codecpar;
    const AVCodec *codec = avcodec_find_decoder(parameters->codec_id);
    for (unsigned i = 0; i < source->format->nb_streams; i++)
        if (source->format->streams[i] != stream)
            source->format->streams[i]->discard = AVDISCARD_ALL;
    if (!codec)
        return g4_err_set(err, G4_EUNSUPPORTED, "'%s': no decoder for %s", name,
                          avcodec_get_name(parameters->codec_id));
    source->codec = avcodec_alloc_context3(codec);
    if (!source->codec)
        return g4_err_nomem(err, sizeof *source->codec, "a decoder");
    int r = avcodec_parameters_to_context(source->codec, parameters);
    source->codec->pkt_timebase = stream->time_base;
    source->codec->thread_count = 1;
    if (source->max_pixels)
        source->codec->max_pixels = (int64_t)source->max_pixels;
    if (r >= 0)
        r = avcodec_open2(source->codec, codec, NULL);
    if (r < 0)
        return g4_av_error(err, name, "open its decoder", r);
    source->stream = stream;
    return 0;
}

int g4_av_source_packet(struct g4_av_source *source, struct g4_err *err)
{
    const char *name = g4_media_input_name(source->input);
    for (;;) {
        int r = av_read_frame(source->format, source->packet);
        if (source->io_err.code < 0) {
            *err = source->io_err;
            return err->code;
        }
        if (r == AVERROR(ENOMEM)) /* also what damaged sizes come to */
            return g4_av_error(err, name, "read on", r);
        if (r == AVERROR(EAGAIN))
            continue;
        if (r < 0) {
            source->broken = r == AVERROR_EOF ? 0 : r;
            return 0;
        }
        if (source->packet->stream_index == source->stream->index)
            break;
        av_packet_unref(source->packet);
    }
    if (av_packet_get_side_data(source->packet, AV_PKT_DATA_ENCRYPTION_INFO, NULL)) {
        av_packet_unref(source->packet);
        return g4_err_set(err, G4_EUNSUPPORTED,
                          "'%s': encrypted; decrypt it first: ffmpeg -decryption_key KEY "
                          "-i '%s' -c copy out.mp4",
                          name, name);
    }
    if (source->resumed) {
        source->resumed = false;
        source->resume_time = g4_av_packet_time(source->packet);
        source->resume_key = source->packet->flags & AV_PKT_FLAG_KEY;
    }
    return 1;
}

/* Gives the decoder its next packet, or the end. */
static int feed(struct g4_av_source *source, struct g4_err *err)
{
    int more = g4_av_source_packet(source, err);
    if (more < 0)
        return more;
    source->draining = more == 0;
    int r = avcodec_send_packet(source->codec, more ? source->packet : NULL);
    av_packet_unref(source->packet);
    if (r == AVERROR(ENOMEM))
        return g4_av_error(err, g4_media_input_name(source->input), "decode it", r);
    source->damaged += r < 0 && more;
    return 0;
}

int g4_av_source_frame(struct g4_av_source *source, struct g4_err *err)
{
    for (;;) {
        int r = avcodec_receive_frame(source->codec, source->frame);
        if (r >= 0) {
            source->frames++;
            g4_guard_progress(source->guard);
            return 1;
        }
        if (r == AVERROR_EOF)
            return 0;
        if (r == AVERROR(ENOMEM))
            return g4_av_error(err, g4_media_input_name(source->input), "decode it", r);
        if (r != AVERROR(EAGAIN)) {
            source->damaged++;
            if (source->draining)
                return 0;
        }
        int status = source->draining ? 0 : feed(source, err);
        if (status < 0)
            return status;
    }
}

int g4_av_source_seek(struct g4_av_source *source, int64_t time)
{
    int r = av_seek_frame(source->format, source->stream->index, time, AVSEEK_FLAG_BACKWARD);
    if (r < 0)
        return r;
    if (source->codec)
        avcodec_flush_buffers(source->codec);
    source->draining = false;
    source->broken = 0;
    source->resumed = true;
    source->resume_time = AV_NOPTS_VALUE;
    source->resume_key = false;
    return 0;
}

int g4_av_source_check_end(struct g4_av_source *source, struct g4_err *err)
{
    const char *name = g4_media_input_name(source->input);
    int status = g4_media_input_check_end(source->input, err);
    if (status == 0 && source->broken)
        status = g4_av_error(err, name, "read on", source->broken);
    return status;
}

int64_t g4_av_frame_time(const AVFrame *frame)
{
    return frame->best_effort_timestamp != AV_NOPTS_VALUE ? frame->best_effort_timestamp
                                                          : frame->pts;
}

int64_t g4_av_packet_time(const AVPacket *packet)
{
    return packet->pts != AV_NOPTS_VALUE ? packet->pts : packet->dts;
}

double g4_av_source_step(const struct g4_av_source *source)
{
    AVRational rate = av_guess_frame_rate(source->format, source->stream, NULL);
    return rate.num > 0 && rate.den > 0 ? av_q2d(av_inv_q(rate)) : 0.04;
}

void g4_av_source_close(struct g4_av_source *source)
{
    av_frame_free(&source->frame);
    av_packet_free(&source->packet);
    avcodec_free_context(&source->codec);
    if (source->format)
        avformat_close_input(&source->format);
    if (source->io) {
        av_freep(&source->io->buffer);
        avio_context_free(&source->io);
    }
    source->stream = NULL;
    source->at = 0;
    source->broken = 0;
    source->draining = source->resumed = false;
    source->resume_time = AV_NOPTS_VALUE;
}

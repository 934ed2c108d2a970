/* av_image.c - a table of magic bytes, one libav decoder, one packet: the whole file. */
#include "encoders/vision/av_image.h"

#include <libavcodec/avcodec.h>
#include <libswscale/swscale.h>
#include <stdlib.h>
#include <string.h>

#include "encoders/media/av_library.h"
#include "encoders/media/av_message.h"
#include "encoders/media/av_picture.h"
#include "encoders/media/guard.h"
#include "encoders/media/media_input.h"
#include "encoders/vision/picture_kind.h"
#include "lib/base/mem.h"

/* What the decoder's thread works on; its own copy, in case it never comes back. */
struct job {
    char *name;
    const struct g4_picture_kind *kind;
    struct g4_image_limits limits;
    struct g4_image image;
    AVPacket *packet;
    AVFrame *frame;
    AVCodecContext *codec;
    struct SwsContext *sws;
    struct g4_err refused; /* the size is over the limit */
};

static void job_free(struct job *job)
{
    if (!job)
        return;
    av_packet_free(&job->packet);
    av_frame_free(&job->frame);
    avcodec_free_context(&job->codec);
    sws_freeContext(job->sws);
    g4_image_release(&job->image);
    free(job->name);
    free(job);
}

/* Before the memory of a picture is taken. */
static int get_buffer(AVCodecContext *codec, AVFrame *frame, int flags)
{
    struct job *job = codec->opaque;
    uint64_t most = job->limits.max_pixels;
    if (most && (uint64_t)frame->width * (uint64_t)frame->height > most) {
        g4_err_set(&job->refused, G4_ELIMIT,
                   "'%s': picture of %d x %d, more than %llu pixels; "
                   "--max-pixels lifts the limit",
                   job->name, frame->width, frame->height, (unsigned long long)most);
        return AVERROR(EINVAL);
    }
    return avcodec_default_get_buffer2(codec, frame, flags);
}

static int open_decoder(struct job *job, struct g4_err *err)
{
    const AVCodec *codec = avcodec_find_decoder(job->kind->codec);
    if (!codec)
        return g4_err_set(err, G4_EUNSUPPORTED,
                          "'%s': this libavcodec has no decoder for %s; convert it "
                          "first, for example with ImageMagick",
                          job->name, job->kind->name);
    job->codec = avcodec_alloc_context3(codec);
    job->frame = av_frame_alloc();
    if (!job->codec || !job->frame)
        return g4_err_nomem(err, sizeof *job->frame, "a decoder");
    job->codec->thread_count = 1;
    job->codec->opaque = job;
    job->codec->get_buffer2 = get_buffer;
    int r = avcodec_open2(job->codec, codec, NULL);
    return r < 0 ? g4_av_error(err, job->name, "open its decoder", r) : 0;
}

/* One packet and the end; the first frame counts. */
static int first_frame(struct job *job, struct g4_err *err)
{
    int r = avcodec_send_packet(job->codec, job->packet);
    if (r >= 0)
        r = avcodec_send_packet(job->codec, NULL);
    if (r >= 0)
        r = avcodec_receive_frame(job->codec, job->frame);
    if (r >= 0)
        return 0;
    if (job->refused.code < 0) {
        *err = job->refused;
        return err->code;
    }
    return g4_av_error(err, job->name, "decode it", r == AVERROR_EOF ? AVERROR_INVALIDDATA : r);
}

static int decode(void *context, struct g4_err *err)
{
    struct job *job = context;
    g4_av_message_begin();
    int status = open_decoder(job, err);
    if (status == 0)
        status = first_frame(job, err);
    if (status < 0)
        return status;
    /* Decoders hide damage where they can: half a picture would be taken for the whole. */
    if (job->frame->flags & AV_FRAME_FLAG_CORRUPT || job->frame->decode_error_flags ||
        g4_av_complaint()[0])
        return g4_err_set(err, G4_EINPUT, "'%s': damaged or truncated %s (%s)", job->name,
                          job->kind->name, g4_av_complaint());
    status = g4_av_picture(&job->image, &job->sws, job->frame, true, err);
    if (status < 0)
        g4_err_prefix(err, "'%s'", job->name);
    return status;
}

static int job_new(struct job **out, const struct g4_picture_kind *kind, const unsigned char *data,
                   size_t n, const char *name, const struct g4_image_limits *limits,
                   struct g4_err *err)
{
    void *memory;
    int status = g4_alloc(&memory, 1, sizeof **out, "a picture", err);
    if (status < 0)
        return status;
    struct job *job = *out = memory;
    job->kind = kind;
    job->limits = *limits;
    job->name = strdup(name);
    job->packet = av_packet_alloc();
    if (n > INT32_MAX - AV_INPUT_BUFFER_PADDING_SIZE || !job->name || !job->packet ||
        av_new_packet(job->packet, (int)n) < 0)
        return g4_err_nomem(err, n, "a picture");
    memcpy(job->packet->data, data, n);
    return 0;
}

int g4_av_image_load(struct g4_image *image, const unsigned char *data, size_t n, const char *name,
                     const struct g4_image_limits *limits, bool *several, int *orientation,
                     struct g4_err *err)
{
    struct g4_picture_facts facts;
    *image = (struct g4_image){0};
    int status = g4_picture_recognise(&facts, data, n, name, err);
    if (status == 0)
        status = g4_av_library_load(G4_AV_CODECS, err);
    if (status < 0)
        return status;
    const struct g4_media_limits media = G4_MEDIA_LIMITS;
    struct g4_guard *guard = NULL;
    struct job *job = NULL;
    status = g4_guard_open(&guard, media.max_decode_cpu, err);
    if (status == 0)
        status = job_new(&job, facts.kind, data, n, name, limits, err);
    if (status == 0)
        status = g4_guard_call(guard, decode, job, name, err);
    bool lost = guard && g4_guard_lost(guard);
    g4_guard_close(guard);
    if (status == 0) {
        *image = job->image;
        job->image = (struct g4_image){0};
        *orientation = facts.orientation;
        if (several)
            *several = facts.several;
    }
    /* After a decoder that never came back all of the job is its own. */
    if (!lost)
        job_free(job);
    return status;
}

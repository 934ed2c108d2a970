/*
 * av_source.h - one demuxer and one decoder of libav on an input of ours.
 *
 *     probe (content, never the suffix) -> prepare (spool a pipe that must seek) -> open -> decoder
 *     -> frame, frame ... -> close
 *
 * libav sees bytes through callbacks only: no protocol, no second file, no format outside a list of
 * self-contained ones (no playlists, no scripts, no devices). One codec thread: the result and the
 * guard's clock depend on nothing else. All functions but prepare parse untrusted bytes: call them
 * on a guard's thread.
 */
#ifndef G4_ENCODERS_MEDIA_AV_SOURCE_H
#define G4_ENCODERS_MEDIA_AV_SOURCE_H

#include <libavcodec/avcodec.h>
#include <libavformat/avformat.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "encoders/media/guard.h"
#include "encoders/media/media_input.h"
#include "lib/base/err.h"

enum g4_av_medium { G4_AV_SOUND, G4_AV_VIDEO };

struct g4_av_source {
    struct g4_media_input *input; /* borrowed */
    struct g4_guard *guard;       /* borrowed; told of progress */
    const AVInputFormat *kind;    /* set by probe */
    uint64_t max_pixels;          /* of a frame; 0 = libav's own limit. Set before open */
    AVIOContext *io;
    AVFormatContext *format;
    AVCodecContext *codec;
    AVStream *stream; /* the one that is decoded */
    AVPacket *packet;
    AVFrame *frame;
    uint64_t at;       /* where the demuxer reads */
    uint64_t furthest; /* highest offset reached, for the guard */
    bool draining;
    bool resumed;         /* no packet came since a seek */
    int64_t resume_time;  /* presentation time of the first packet after a seek */
    bool resume_key;      /* that packet is a key frame */
    uint64_t frames;      /* decoded in all */
    uint64_t damaged;     /* packets left out in all */
    int broken;           /* libav's code when reading broke off; 0 at a proper end */
    struct g4_err io_err; /* why the input could not be read */
};

/* A zeroed source on an input; nothing is taken yet. */
void g4_av_source_init(struct g4_av_source *source, struct g4_media_input *input,
                       struct g4_guard *guard);

/* Recognises the container. What is not in the list for the medium is refused, with a hint. */
int g4_av_source_probe(struct g4_av_source *source, enum g4_av_medium medium, struct g4_err *err);

/*
 * Spools a pipe unless its container can be read forward. `live`: also a file in MP4 that has its
 * index in front. `seek`: always. May wait for the whole input.
 */
int g4_av_source_prepare(struct g4_av_source *source, bool live, bool seek, struct g4_err *err);

/* Opens the demuxer and looks for streams. */
int g4_av_source_open(struct g4_av_source *source, struct g4_err *err);

/* Opens the decoder of one stream; the packets of all others are dropped. */
int g4_av_source_decoder(struct g4_av_source *source, AVStream *stream, struct g4_err *err);

/* The next packet of that stream into source->packet (the caller unrefs it): 1, or 0 at the end. */
int g4_av_source_packet(struct g4_av_source *source, struct g4_err *err);

/* The next frame into source->frame: 1, or 0 at the end. Packets that cannot be decoded are counted
 * and left out; negative only when the input cannot be read or memory is short. */
int g4_av_source_frame(struct g4_av_source *source, struct g4_err *err);

/* Goes to the key frame at or before `time` (stream's time base); 0 or a negative libav code. */
int g4_av_source_seek(struct g4_av_source *source, int64_t time);

/* At the end: 0, or why the input ended before it should have. */
int g4_av_source_check_end(struct g4_av_source *source, struct g4_err *err);

/* Presentation time of a frame or packet in the stream's time base, AV_NOPTS_VALUE if it has none.
 */
int64_t g4_av_frame_time(const AVFrame *frame);
int64_t g4_av_packet_time(const AVPacket *packet);

/* Seconds from one frame of the stream to the next, by the container's or the codec's word; 1/25
 * when neither knows. For frames that have no time. */
double g4_av_source_step(const struct g4_av_source *source);

/* Safe on an initialised source and twice. A seekable input can be opened again afterwards. */
void g4_av_source_close(struct g4_av_source *source);

#endif

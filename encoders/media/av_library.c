/*
 * av_library.c - the libraries, and the functions of them that are called, in one table.
 *
 * The declarations are libav's, so a wrong parameter in the table does not compile. A function that
 * returns nothing does nothing while its library is not loaded: then there is nothing yet that it
 * could release. Any other loads it.
 */
#include "encoders/media/av_library.h"

#include <assert.h>
#include <dlfcn.h>
#include <libavcodec/avcodec.h>
#include <libavformat/avformat.h>
#include <libavutil/avstring.h>
#include <libavutil/imgutils.h>
#include <libavutil/log.h>
#include <libavutil/pixdesc.h>
#include <libavutil/tx.h>
#include <libswresample/swresample.h>
#include <libswscale/swscale.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* In the order in which they are loaded. */
enum library { AVUTIL, SWRESAMPLE, SWSCALE, AVCODEC, AVFORMAT, LIBRARIES };

static const struct {
    const char *file;
    enum g4_av_part part;
} libraries[LIBRARIES] = {
    {"libavutil.so." AV_STRINGIFY(LIBAVUTIL_VERSION_MAJOR), G4_AV_TOOLS},
    {"libswresample.so." AV_STRINGIFY(LIBSWRESAMPLE_VERSION_MAJOR), G4_AV_TOOLS},
    {"libswscale.so." AV_STRINGIFY(LIBSWSCALE_VERSION_MAJOR), G4_AV_TOOLS},
    {"libavcodec.so." AV_STRINGIFY(LIBAVCODEC_VERSION_MAJOR), G4_AV_CODECS},
    {"libavformat.so." AV_STRINGIFY(LIBAVFORMAT_VERSION_MAJOR), G4_AV_FORMATS},
};

/* What differs between versions. */
#if LIBAVFORMAT_VERSION_MAJOR >= 61
#define WRITTEN const uint8_t *
#define SIDE_DATA(F)                                                                               \
    F(AVCODEC, const AVPacketSideData *, av_packet_side_data_get,                                  \
      (const AVPacketSideData *side, int n, enum AVPacketSideDataType type), (side, n, type))
#else
#define WRITTEN uint8_t *
#define SIDE_DATA(F)                                                                               \
    F(AVFORMAT, uint8_t *, av_stream_get_side_data,                                                \
      (const AVStream *stream, enum AVPacketSideDataType type, size_t *size),                      \
      (stream, type, size))
#endif

#if LIBSWRESAMPLE_VERSION_INT >= AV_VERSION_INT(4, 9, 100)
#define CHANNEL_LAYOUT const AVChannelLayout
#else
#define CHANNEL_LAYOUT AVChannelLayout
#endif
#if LIBSWRESAMPLE_VERSION_MAJOR >= 5
#define SAMPLES_OUT uint8_t *const *
#define SAMPLES_IN  const uint8_t *const *
#else
#define SAMPLES_OUT uint8_t **
#define SAMPLES_IN  const uint8_t **
#endif

/* clang-format off */
/* F(library, type, name, (parameters), (arguments)); N the same for what returns nothing. */
#define FUNCTIONS(F, N)                                                                            \
    F(AVUTIL, void *, av_calloc, (size_t n, size_t size), (n, size))                               \
    N(AVUTIL, av_dict_free, (AVDictionary **dict), (dict))                                         \
    F(AVUTIL, int, av_dict_set,                                                                    \
      (AVDictionary **dict, const char *key, const char *value, int flags),                        \
      (dict, key, value, flags))                                                                   \
    F(AVUTIL, int, av_dict_set_int,                                                                \
      (AVDictionary **dict, const char *key, int64_t value, int flags), (dict, key, value, flags)) \
    F(AVUTIL, AVFrame *, av_frame_alloc, (void), ())                                               \
    N(AVUTIL, av_frame_free, (AVFrame **frame), (frame))                                           \
    F(AVUTIL, int, av_frame_get_buffer, (AVFrame *frame, int align), (frame, align))               \
    F(AVUTIL, AVFrameSideData *, av_frame_get_side_data,                                           \
      (const AVFrame *frame, enum AVFrameSideDataType type), (frame, type))                        \
    N(AVUTIL, av_frame_move_ref, (AVFrame *to, AVFrame *from), (to, from))                         \
    N(AVUTIL, av_frame_unref, (AVFrame *frame), (frame))                                           \
    N(AVUTIL, av_free, (void *memory), (memory))                                                   \
    N(AVUTIL, av_freep, (void *pointer), (pointer))                                                \
    F(AVUTIL, int, av_get_bytes_per_sample, (enum AVSampleFormat format), (format))                \
    F(AVUTIL, enum AVSampleFormat, av_get_packed_sample_fmt, (enum AVSampleFormat format),         \
      (format))                                                                                    \
    F(AVUTIL, const char *, av_get_pix_fmt_name, (enum AVPixelFormat format), (format))            \
    N(AVUTIL, av_log_set_callback, (void (*callback)(void *, int, const char *, va_list)),         \
      (callback))                                                                                  \
    F(AVUTIL, void *, av_malloc, (size_t size), (size))                                            \
    F(AVUTIL, void *, av_mallocz, (size_t size), (size))                                           \
    F(AVUTIL, int, av_match_list, (const char *name, const char *list, char separator),            \
      (name, list, separator))                                                                     \
    F(AVUTIL, const AVPixFmtDescriptor *, av_pix_fmt_desc_get, (enum AVPixelFormat format),        \
      (format))                                                                                    \
    N(AVUTIL, av_read_image_line2,                                                                 \
      (void *dst, const uint8_t *data[4], const int linesize[4], const AVPixFmtDescriptor *desc,   \
       int x, int y, int c, int w, int palette, int element),                                      \
      (dst, data, linesize, desc, x, y, c, w, palette, element))                                   \
    F(AVUTIL, int64_t, av_rescale_q, (int64_t a, AVRational from, AVRational to), (a, from, to))   \
    F(AVUTIL, int, av_sample_fmt_is_planar, (enum AVSampleFormat format), (format))                \
    F(AVUTIL, int, av_strerror, (int code, char *text, size_t size), (code, text, size))           \
    F(AVUTIL, int, av_tx_init,                                                                     \
      (AVTXContext **tx, av_tx_fn *run, enum AVTXType type, int inverse, int n, const void *scale, \
       uint64_t flags),                                                                            \
      (tx, run, type, inverse, n, scale, flags))                                                   \
    N(AVUTIL, av_tx_uninit, (AVTXContext **tx), (tx))                                              \
    F(SWRESAMPLE, int, swr_alloc_set_opts2,                                                        \
      (struct SwrContext **swr, CHANNEL_LAYOUT *to, enum AVSampleFormat to_format, int to_rate,    \
       CHANNEL_LAYOUT *from, enum AVSampleFormat from_format, int from_rate, int offset,           \
       void *log),                                                                                 \
      (swr, to, to_format, to_rate, from, from_format, from_rate, offset, log))                    \
    F(SWRESAMPLE, int, swr_convert,                                                                \
      (struct SwrContext *swr, SAMPLES_OUT out, int room, SAMPLES_IN in, int n),                   \
      (swr, out, room, in, n))                                                                     \
    N(SWRESAMPLE, swr_free, (struct SwrContext **swr), (swr))                                      \
    F(SWRESAMPLE, int, swr_get_out_samples, (struct SwrContext *swr, int n), (swr, n))             \
    F(SWRESAMPLE, int, swr_init, (struct SwrContext *swr), (swr))                                  \
    N(SWSCALE, sws_freeContext, (struct SwsContext *sws), (sws))                                   \
    F(SWSCALE, struct SwsContext *, sws_getCachedContext,                                          \
      (struct SwsContext *sws, int w, int h, enum AVPixelFormat from, int to_w, int to_h,          \
       enum AVPixelFormat to, int flags, SwsFilter *before, SwsFilter *after,                      \
       const double *parameters),                                                                  \
      (sws, w, h, from, to_w, to_h, to, flags, before, after, parameters))                         \
    F(SWSCALE, const int *, sws_getCoefficients, (int space), (space))                             \
    F(SWSCALE, int, sws_scale,                                                                     \
      (struct SwsContext *sws, const uint8_t *const data[], const int stride[], int y, int h,      \
       uint8_t *const to[], const int to_stride[]),                                                \
      (sws, data, stride, y, h, to, to_stride))                                                    \
    F(SWSCALE, int, sws_setColorspaceDetails,                                                      \
      (struct SwsContext *sws, const int inverse[4], int range, const int table[4], int to_range,  \
       int brightness, int contrast, int saturation),                                              \
      (sws, inverse, range, table, to_range, brightness, contrast, saturation))                    \
    F(AVCODEC, int, av_new_packet, (AVPacket *packet, int size), (packet, size))                   \
    F(AVCODEC, AVPacket *, av_packet_alloc, (void), ())                                            \
    N(AVCODEC, av_packet_free, (AVPacket **packet), (packet))                                      \
    F(AVCODEC, uint8_t *, av_packet_get_side_data,                                                 \
      (const AVPacket *packet, enum AVPacketSideDataType type, size_t *size),                      \
      (packet, type, size))                                                                        \
    N(AVCODEC, av_packet_unref, (AVPacket *packet), (packet))                                      \
    F(AVCODEC, AVCodecContext *, avcodec_alloc_context3, (const AVCodec *kind), (kind))            \
    F(AVCODEC, int, avcodec_default_get_buffer2,                                                   \
      (AVCodecContext *codec, AVFrame *frame, int flags), (codec, frame, flags))                   \
    F(AVCODEC, const AVCodec *, avcodec_find_decoder, (enum AVCodecID id), (id))                   \
    N(AVCODEC, avcodec_flush_buffers, (AVCodecContext *codec), (codec))                            \
    N(AVCODEC, avcodec_free_context, (AVCodecContext **codec), (codec))                            \
    F(AVCODEC, const char *, avcodec_get_name, (enum AVCodecID id), (id))                          \
    F(AVCODEC, int, avcodec_open2,                                                                 \
      (AVCodecContext *codec, const AVCodec *kind, AVDictionary **options),                        \
      (codec, kind, options))                                                                      \
    F(AVCODEC, int, avcodec_parameters_to_context,                                                 \
      (AVCodecContext *codec, const AVCodecParameters *parameters), (codec, parameters))           \
    F(AVCODEC, int, avcodec_receive_frame, (AVCodecContext *codec, AVFrame *frame),                \
      (codec, frame))                                                                              \
    F(AVCODEC, int, avcodec_send_packet, (AVCodecContext *codec, const AVPacket *packet),          \
      (codec, packet))                                                                             \
    F(AVFORMAT, AVRational, av_guess_frame_rate,                                                   \
      (AVFormatContext *format, AVStream *stream, AVFrame *frame), (format, stream, frame))        \
    F(AVFORMAT, const AVInputFormat *, av_probe_input_format3,                                     \
      (const AVProbeData *probe, int opened, int *score), (probe, opened, score))                  \
    F(AVFORMAT, int, av_read_frame, (AVFormatContext *format, AVPacket *packet),                   \
      (format, packet))                                                                            \
    F(AVFORMAT, int, av_seek_frame,                                                                \
      (AVFormatContext *format, int stream, int64_t time, int flags),                              \
      (format, stream, time, flags))                                                               \
    F(AVFORMAT, AVFormatContext *, avformat_alloc_context, (void), ())                             \
    N(AVFORMAT, avformat_close_input, (AVFormatContext **format), (format))                        \
    F(AVFORMAT, int, avformat_find_stream_info,                                                    \
      (AVFormatContext *format, AVDictionary **options), (format, options))                        \
    F(AVFORMAT, const AVIndexEntry *, avformat_index_get_entry, (AVStream *stream, int i),         \
      (stream, i))                                                                                 \
    F(AVFORMAT, int, avformat_index_get_entries_count, (const AVStream *stream), (stream))         \
    F(AVFORMAT, int, avformat_open_input,                                                          \
      (AVFormatContext **format, const char *url, const AVInputFormat *kind,                       \
       AVDictionary **options),                                                                    \
      (format, url, kind, options))                                                                \
    F(AVFORMAT, AVIOContext *, avio_alloc_context,                                                 \
      (unsigned char *buffer, int size, int writing, void *opaque,                                 \
       int (*get)(void *opaque, uint8_t *to, int n), int (*put)(void *opaque, WRITTEN from, int n),\
       int64_t (*seek)(void *opaque, int64_t offset, int whence)),                                 \
      (buffer, size, writing, opaque, get, put, seek))                                             \
    N(AVFORMAT, avio_context_free, (AVIOContext **io), (io))                                       \
    SIDE_DATA(F)
/* clang-format on */

/* ISO C lets any function pointer pass as one of another type, and back. */
typedef void function(void);

#define NUMBER_F(library, type, name, parameters, arguments) NUMBER_##name,
#define NUMBER_N(library, name, parameters, arguments)       NUMBER_##name,
#define ENTRY_F(library, type, name, parameters, arguments)  {library, #name},
#define ENTRY_N(library, name, parameters, arguments)        {library, #name},

enum number { FUNCTIONS(NUMBER_F, NUMBER_N) NUMBERS };

static const struct {
    enum library library;
    const char *name;
} functions[NUMBERS] = {FUNCTIONS(ENTRY_F, ENTRY_N)};

/* ------------------------------------------------------------------------------------ loading */

static function *addresses[NUMBERS];
static pthread_once_t once[G4_AV_PARTS] = {PTHREAD_ONCE_INIT, PTHREAD_ONCE_INIT, PTHREAD_ONCE_INIT};
static atomic_bool loaded[G4_AV_PARTS];
static char failure[G4_AV_PARTS][400];

/* Looks all its functions up at once: later that would wait for a library that is being loaded. */
static bool load_library(enum library library, char *why, size_t room)
{
    void *handle = dlopen(libraries[library].file, RTLD_NOW | RTLD_LOCAL);
    if (!handle) {
        snprintf(why, room, "%s", dlerror());
        return false;
    }
    for (int i = 0; i < NUMBERS; i++) {
        if (functions[i].library != library)
            continue;
        void *symbol = dlsym(handle, functions[i].name);
        if (!symbol) {
            snprintf(why, room, "%s", dlerror());
            return false;
        }
        static_assert(sizeof symbol == sizeof addresses[i], "as POSIX has it");
        memcpy(&addresses[i], &symbol, sizeof symbol);
    }
    return true;
}

static void load_part(enum g4_av_part part)
{
    bool whole = part == 0 || loaded[part - 1];
    if (!whole)
        memcpy(failure[part], failure[part - 1], sizeof failure[part]);
    for (int i = 0; i < LIBRARIES && whole; i++)
        if (libraries[i].part == part)
            whole = load_library((enum library)i, failure[part], sizeof failure[part]);
    loaded[part] = whole;
}

static void load_tools(void)
{
    load_part(G4_AV_TOOLS);
}

static void load_codecs(void)
{
    load_part(G4_AV_CODECS);
}

static void load_formats(void)
{
    load_part(G4_AV_FORMATS);
}

static bool ensure(enum g4_av_part part)
{
    static void (*const load[G4_AV_PARTS])(void) = {load_tools, load_codecs, load_formats};
    for (enum g4_av_part p = 0; p <= part && !loaded[part]; p++)
        pthread_once(&once[p], load[p]);
    return loaded[part];
}

int g4_av_library_load(enum g4_av_part part, struct g4_err *err)
{
    return ensure(part) ? 0
                        : g4_err_set(err, G4_EUNSUPPORTED, "cannot load libav: %s", failure[part]);
}

static pthread_t loader;

static void *load_ahead(void *unused)
{
    ensure(G4_AV_FORMATS);
    return unused;
}

static void end_loader(void)
{
    pthread_join(loader, NULL);
}

void g4_av_library_begin(void)
{
    if (pthread_create(&loader, NULL, load_ahead, NULL) == 0)
        atexit(end_loader);
}

/* ---------------------------------------------------------------------------------- functions */

static function *address(enum library library, enum number number)
{
    bool there = ensure(libraries[library].part);
    assert(there);
    (void)there;
    return addresses[number];
}

#define DEFINE_F(library, type, name, parameters, arguments)                                       \
    type name parameters                                                                           \
    {                                                                                              \
        return ((type(*) parameters)address(library, NUMBER_##name))arguments;                     \
    }
#define DEFINE_N(library, name, parameters, arguments)                                             \
    void name parameters                                                                           \
    {                                                                                              \
        if (loaded[libraries[library].part])                                                       \
            ((void(*) parameters)addresses[NUMBER_##name]) arguments;                              \
    }

FUNCTIONS(DEFINE_F, DEFINE_N)

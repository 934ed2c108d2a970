/*
 * av_deferred.c - libav's functions that g4-vision needs, by their own names; each loads the
 * libraries when it is first called and goes on to the real one. Linked into g4-vision in place of
 * the libraries themselves: see av_library.h. The declarations are libav's, so a wrong parameter
 * does not compile; the version of each library is the one that the headers belong to.
 */
#include <assert.h>
#include <dlfcn.h>
#include <libavcodec/avcodec.h>
#include <libavutil/imgutils.h>
#include <libavutil/log.h>
#include <libavutil/pixdesc.h>
#include <libswscale/swscale.h>
#include <pthread.h>
#include <string.h>

#include "encoders/media/av_library.h"

enum library { AVUTIL, AVCODEC, SWSCALE, LIBRARIES };

static const char *const file_names[LIBRARIES] = {
    "libavutil.so." AV_STRINGIFY(LIBAVUTIL_VERSION_MAJOR),
    "libavcodec.so." AV_STRINGIFY(LIBAVCODEC_VERSION_MAJOR),
    "libswscale.so." AV_STRINGIFY(LIBSWSCALE_VERSION_MAJOR),
};

static void *libraries[LIBRARIES];
static char failure[400];
static pthread_once_t once = PTHREAD_ONCE_INIT;

static void load(void)
{
    for (int i = 0; i < LIBRARIES && !failure[0]; i++) {
        libraries[i] = dlopen(file_names[i], RTLD_NOW | RTLD_LOCAL);
        if (!libraries[i])
            snprintf(failure, sizeof failure, "%s", dlerror());
    }
}

int g4_av_library_load(struct g4_err *err)
{
    pthread_once(&once, load);
    return failure[0] ? g4_err_set(err, G4_EUNSUPPORTED, "cannot load libav: %s", failure) : 0;
}

/* The address of a function, into a pointer of its type: ISO C converts no void * to one. */
static void find(void *pointer, size_t size, enum library library, const char *name)
{
    pthread_once(&once, load);
    void *symbol = libraries[library] ? dlsym(libraries[library], name) : NULL;
    assert(symbol && size == sizeof symbol);
    memcpy(pointer, &symbol, size);
}

AVFrame *av_frame_alloc(void)
{
    AVFrame *(*real)(void);
    find(&real, sizeof real, AVUTIL, "av_frame_alloc");
    return real();
}

void av_frame_free(AVFrame **frame)
{
    void (*real)(AVFrame * *frame);
    find(&real, sizeof real, AVUTIL, "av_frame_free");
    real(frame);
}

int av_frame_get_buffer(AVFrame *frame, int align)
{
    int (*real)(AVFrame * frame, int align);
    find(&real, sizeof real, AVUTIL, "av_frame_get_buffer");
    return real(frame, align);
}

const char *av_get_pix_fmt_name(enum AVPixelFormat format)
{
    const char *(*real)(enum AVPixelFormat format);
    find(&real, sizeof real, AVUTIL, "av_get_pix_fmt_name");
    return real(format);
}

void av_log_set_callback(void (*callback)(void *, int, const char *, va_list))
{
    void (*real)(void (*callback)(void *, int, const char *, va_list));
    find(&real, sizeof real, AVUTIL, "av_log_set_callback");
    real(callback);
}

const AVPixFmtDescriptor *av_pix_fmt_desc_get(enum AVPixelFormat format)
{
    const AVPixFmtDescriptor *(*real)(enum AVPixelFormat format);
    find(&real, sizeof real, AVUTIL, "av_pix_fmt_desc_get");
    return real(format);
}

void av_read_image_line2(void *dst, const uint8_t *data[4], const int linesize[4],
                         const AVPixFmtDescriptor *desc, int x, int y, int c, int w, int palette,
                         int element)
{
    void (*real)(void *dst, const uint8_t *data[4], const int linesize[4],
                 const AVPixFmtDescriptor *desc, int x, int y, int c, int w, int palette,
                 int element);
    find(&real, sizeof real, AVUTIL, "av_read_image_line2");
    real(dst, data, linesize, desc, x, y, c, w, palette, element);
}

int av_strerror(int code, char *text, size_t size)
{
    int (*real)(int code, char *text, size_t size);
    find(&real, sizeof real, AVUTIL, "av_strerror");
    return real(code, text, size);
}

int av_new_packet(AVPacket *packet, int size)
{
    int (*real)(AVPacket * packet, int size);
    find(&real, sizeof real, AVCODEC, "av_new_packet");
    return real(packet, size);
}

AVPacket *av_packet_alloc(void)
{
    AVPacket *(*real)(void);
    find(&real, sizeof real, AVCODEC, "av_packet_alloc");
    return real();
}

void av_packet_free(AVPacket **packet)
{
    void (*real)(AVPacket * *packet);
    find(&real, sizeof real, AVCODEC, "av_packet_free");
    real(packet);
}

AVCodecContext *avcodec_alloc_context3(const AVCodec *codec)
{
    AVCodecContext *(*real)(const AVCodec *codec);
    find(&real, sizeof real, AVCODEC, "avcodec_alloc_context3");
    return real(codec);
}

int avcodec_default_get_buffer2(AVCodecContext *codec, AVFrame *frame, int flags)
{
    int (*real)(AVCodecContext * codec, AVFrame * frame, int flags);
    find(&real, sizeof real, AVCODEC, "avcodec_default_get_buffer2");
    return real(codec, frame, flags);
}

const AVCodec *avcodec_find_decoder(enum AVCodecID id)
{
    const AVCodec *(*real)(enum AVCodecID id);
    find(&real, sizeof real, AVCODEC, "avcodec_find_decoder");
    return real(id);
}

void avcodec_free_context(AVCodecContext **codec)
{
    void (*real)(AVCodecContext * *codec);
    find(&real, sizeof real, AVCODEC, "avcodec_free_context");
    real(codec);
}

int avcodec_open2(AVCodecContext *codec, const AVCodec *kind, AVDictionary **options)
{
    int (*real)(AVCodecContext * codec, const AVCodec *kind, AVDictionary **options);
    find(&real, sizeof real, AVCODEC, "avcodec_open2");
    return real(codec, kind, options);
}

int avcodec_receive_frame(AVCodecContext *codec, AVFrame *frame)
{
    int (*real)(AVCodecContext * codec, AVFrame * frame);
    find(&real, sizeof real, AVCODEC, "avcodec_receive_frame");
    return real(codec, frame);
}

int avcodec_send_packet(AVCodecContext *codec, const AVPacket *packet)
{
    int (*real)(AVCodecContext * codec, const AVPacket *packet);
    find(&real, sizeof real, AVCODEC, "avcodec_send_packet");
    return real(codec, packet);
}

void sws_freeContext(struct SwsContext *sws)
{
    void (*real)(struct SwsContext * sws);
    find(&real, sizeof real, SWSCALE, "sws_freeContext");
    real(sws);
}

struct SwsContext *sws_getCachedContext(struct SwsContext *sws, int w, int h,
                                        enum AVPixelFormat from, int out_w, int out_h,
                                        enum AVPixelFormat to, int flags, SwsFilter *before,
                                        SwsFilter *after, const double *parameters)
{
    struct SwsContext *(*real)(struct SwsContext * sws, int w, int h, enum AVPixelFormat from,
                               int out_w, int out_h, enum AVPixelFormat to, int flags,
                               SwsFilter *before, SwsFilter *after, const double *parameters);
    find(&real, sizeof real, SWSCALE, "sws_getCachedContext");
    return real(sws, w, h, from, out_w, out_h, to, flags, before, after, parameters);
}

const int *sws_getCoefficients(int space)
{
    const int *(*real)(int space);
    find(&real, sizeof real, SWSCALE, "sws_getCoefficients");
    return real(space);
}

int sws_scale(struct SwsContext *sws, const uint8_t *const data[], const int stride[], int y, int h,
              uint8_t *const out[], const int out_stride[])
{
    int (*real)(struct SwsContext * sws, const uint8_t *const data[], const int stride[], int y,
                int h, uint8_t *const out[], const int out_stride[]);
    find(&real, sizeof real, SWSCALE, "sws_scale");
    return real(sws, data, stride, y, h, out, out_stride);
}

int sws_setColorspaceDetails(struct SwsContext *sws, const int inverse[4], int range,
                             const int table[4], int out_range, int brightness, int contrast,
                             int saturation)
{
    int (*real)(struct SwsContext * sws, const int inverse[4], int range, const int table[4],
                int out_range, int brightness, int contrast, int saturation);
    find(&real, sizeof real, SWSCALE, "sws_setColorspaceDetails");
    return real(sws, inverse, range, table, out_range, brightness, contrast, saturation);
}

/* av_picture.c - pixel formats to RGB. */
#include "encoders/media/av_picture.h"

#include <libavcodec/avcodec.h>
#include <libavutil/imgutils.h>
#include <libavutil/pixdesc.h>
#include <libswscale/swscale.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/mem.h"

enum { LINES_OF_HD = 720 };

static uint8_t over_white(unsigned c, unsigned a)
{
    return (uint8_t)((c * a + 255 * (255 - a) + 127) / 255);
}

static void palette_rows(struct g4_image *image, const AVFrame *frame)
{
    for (size_t y = 0; y < image->height; y++) {
        const uint8_t *row = frame->data[0] + (ptrdiff_t)y * frame->linesize[0];
        uint8_t *out = image->rgb + y * image->width * 3;
        for (size_t x = 0; x < image->width; x++, out += 3) {
            uint32_t argb;
            memcpy(&argb, frame->data[1] + 4 * (size_t)row[x], sizeof argb);
            for (int c = 0; c < 3; c++)
                out[c] = over_white(argb >> (16 - 8 * c) & 255, argb >> 24);
        }
    }
}

static unsigned to_byte(unsigned value, int depth)
{
    if (depth >= 8)
        return value >> (depth - 8);
    unsigned most = (1u << depth) - 1;
    return (value * 255 + most / 2) / most;
}

/* Formats whose components are R G B [A] or grey [A]. line: room for 4 x width. */
static void component_rows(struct g4_image *image, const AVFrame *frame,
                           const AVPixFmtDescriptor *desc, uint16_t *line)
{
    const size_t w = image->width;
    bool alpha = desc->flags & AV_PIX_FMT_FLAG_ALPHA;
    int colours = desc->nb_components - alpha;
    bool inverted = frame->format == AV_PIX_FMT_MONOWHITE;
    for (size_t y = 0; y < image->height; y++) {
        uint8_t *out = image->rgb + y * w * 3;
        for (int c = 0; c < desc->nb_components; c++)
            av_read_image_line2(line + (size_t)c * w, (const uint8_t **)(uintptr_t)frame->data,
                                frame->linesize, desc, 0, (int)y, c, (int)w, 0, sizeof *line);
        for (size_t x = 0; x < w; x++, out += 3) {
            unsigned a =
                alpha ? to_byte(line[(size_t)colours * w + x], desc->comp[colours].depth) : 255;
            for (int c = 0; c < 3; c++) {
                int from = colours < 3 ? 0 : c;
                unsigned v = to_byte(line[(size_t)from * w + x], desc->comp[from].depth);
                out[c] = over_white(inverted ? 255 - v : v, a);
            }
        }
    }
}

static int by_component(struct g4_image *image, const AVFrame *frame,
                        const AVPixFmtDescriptor *desc, struct g4_err *err)
{
    void *line;
    if (desc->flags & AV_PIX_FMT_FLAG_PAL) {
        palette_rows(image, frame);
        return 0;
    }
    int status = g4_alloc(&line, 4 * image->width, sizeof(uint16_t), "a row of pixels", err);
    if (status == 0)
        component_rows(image, frame, desc, line);
    free(line);
    return status;
}

static const int *matrix_of(const AVFrame *frame, bool still)
{
    enum AVColorSpace space = frame->colorspace;
    if (space == AVCOL_SPC_UNSPECIFIED || space == AVCOL_SPC_RGB)
        space = still || frame->height < LINES_OF_HD ? AVCOL_SPC_SMPTE170M : AVCOL_SPC_BT709;
    return sws_getCoefficients((int)space);
}

/* On padded memory: libswscale may write whole vectors beyond a row. */
static int scale_to(AVFrame *out, struct SwsContext **sws, const AVFrame *frame, bool still)
{
    const int flags =
        SWS_BICUBIC | SWS_ACCURATE_RND | SWS_FULL_CHR_H_INT | SWS_FULL_CHR_H_INP | SWS_BITEXACT;
    *sws = sws_getCachedContext(*sws, frame->width, frame->height, frame->format, out->width,
                                out->height, out->format, flags, NULL, NULL, NULL);
    if (!*sws)
        return AVERROR(EINVAL);
    int full = frame->color_range == AVCOL_RANGE_JPEG;
    const int *matrix = matrix_of(frame, still);
    /* Refused for formats without a matrix; then there is nothing to set. */
    sws_setColorspaceDetails(*sws, matrix, full, sws_getCoefficients(SWS_CS_DEFAULT), 1, 0, 1 << 16,
                             1 << 16);
    int r = av_frame_get_buffer(out, 0);
    if (r >= 0)
        r = sws_scale(*sws, (const uint8_t *const *)frame->data, frame->linesize, 0, frame->height,
                      out->data, out->linesize);
    return r;
}

static void copy_rows(struct g4_image *image, const AVFrame *rgb, bool alpha)
{
    for (size_t y = 0; y < image->height; y++) {
        const uint8_t *row = rgb->data[0] + (ptrdiff_t)y * rgb->linesize[0];
        uint8_t *out = image->rgb + y * image->width * 3;
        if (!alpha)
            memcpy(out, row, image->width * 3);
        for (size_t x = 0; alpha && x < image->width; x++)
            for (size_t c = 0; c < 3; c++)
                out[3 * x + c] = over_white(row[4 * x + c], row[4 * x + 3]);
    }
}

static int by_scaler(struct g4_image *image, struct SwsContext **sws, const AVFrame *frame,
                     bool still, bool alpha, struct g4_err *err)
{
    AVFrame *rgb = av_frame_alloc();
    if (!rgb)
        return g4_err_nomem(err, sizeof *rgb, "a frame");
    rgb->format = alpha ? AV_PIX_FMT_RGBA : AV_PIX_FMT_RGB24;
    rgb->width = frame->width;
    rgb->height = frame->height;
    int r = scale_to(rgb, sws, frame, still);
    if (r >= 0)
        copy_rows(image, rgb, alpha);
    av_frame_free(&rgb);
    if (r == AVERROR(ENOMEM))
        return g4_err_nomem(err, image->width * image->height * 4, "a frame");
    if (r < 0)
        return g4_err_set(err, G4_EUNSUPPORTED, "pixel format %s cannot be converted",
                          av_get_pix_fmt_name(frame->format));
    return 0;
}

int g4_av_picture(struct g4_image *image, struct SwsContext **sws, const AVFrame *frame, bool still,
                  struct g4_err *err)
{
    const AVPixFmtDescriptor *desc = av_pix_fmt_desc_get(frame->format);
    if (!desc || frame->width < 1 || frame->height < 1)
        return g4_err_set(err, G4_EINPUT, "a frame of %d x %d pixels without a format",
                          frame->width, frame->height);
    if (image->width != (size_t)frame->width || image->height != (size_t)frame->height) {
        g4_image_release(image);
        int status = g4_image_new(image, (size_t)frame->width, (size_t)frame->height, err);
        if (status < 0)
            return status;
    }
    const uint64_t odd = AV_PIX_FMT_FLAG_FLOAT | AV_PIX_FMT_FLAG_BAYER | AV_PIX_FMT_FLAG_HWACCEL;
    bool grey = desc->nb_components <= 2;
    /* The grey of a video may be of limited range, which the scaler knows. */
    bool plain = desc->flags & (AV_PIX_FMT_FLAG_RGB | AV_PIX_FMT_FLAG_PAL) || (grey && still);
    if (plain && !(desc->flags & odd))
        return by_component(image, frame, desc, err);
    return by_scaler(image, sws, frame, still, desc->flags & AV_PIX_FMT_FLAG_ALPHA, err);
}

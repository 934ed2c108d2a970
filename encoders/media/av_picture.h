/*
 * av_picture.h - a decoded frame of any pixel format to 8-bit full-range RGB, without scaling.
 *
 *     RGB, palette, grey, 1-bit   sample by sample: the high byte of deeper ones, shallower ones
 *                                 spread over 0..255
 *     YUV                         libswscale, accurate rounding, full chroma, the frame's own
 *                                 matrix and range; untagged: BT.601 below 720 lines (and all
 *                                 still pictures), else BT.709
 *     alpha                       over white: (c*a + 255*(255-a) + 127) / 255
 */
#ifndef G4_ENCODERS_MEDIA_AV_PICTURE_H
#define G4_ENCODERS_MEDIA_AV_PICTURE_H

#include <libavutil/frame.h>
#include <stdbool.h>

#include "encoders/vision/image.h"
#include "lib/base/err.h"

struct SwsContext;

/* Replaces *image (zeroed, or an image). *sws is kept from call to call (NULL at first) and freed
 * with sws_freeContext. still: a picture, not a frame of a video. Errors do not name the input. */
int g4_av_picture(struct g4_image *image, struct SwsContext **sws, const AVFrame *frame, bool still,
                  struct g4_err *err);

#endif

/*
 * av_image.h - pictures that libav decodes: WebP, BMP, GIF, TIFF, Netpbm, QOI, JPEG 2000,
 * PSD, PCX, SGI. PNG and JPEG have readers of their own.
 *
 * The content decides by an explicit table; no demuxer is used and nothing else is opened.
 */
#ifndef G4_ENCODERS_VISION_AV_IMAGE_H
#define G4_ENCODERS_VISION_AV_IMAGE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "encoders/vision/image.h"
#include "lib/base/err.h"

/*
 * Decodes the n bytes of a whole file to 8-bit RGB: grey and palette expanded, the high byte of
 * deeper samples, alpha over white: (c*a + 255*(255-a) + 127) / 255. The first picture of several
 * (*several set, may be NULL). A picture about which the decoder complains is an error, however
 * much it shows. *orientation: 1..8 as the file says (TIFF, WebP with EXIF), not applied; else 1.
 * name is the operand, for messages: every error names it. What is known but not decodable (HEIC,
 * AVIF, JPEG XL, SVG, camera raw, animated WebP, sound, video ...) says what to do.
 * limits->max_pixels holds before memory is taken. data is not needed afterwards.
 */
int g4_av_image_load(struct g4_image *image, const unsigned char *data, size_t n, const char *name,
                     const struct g4_image_limits *limits, bool *several, int *orientation,
                     struct g4_err *err);

#endif

/*
 * jpeg.h - JPEG to rows of 8-bit RGB, through libjpeg-turbo with its accurate transform and smooth
 * chroma upsampling.
 *
 *     CMYK, YCCK: R = C' K' / 255 rounded, with C' = 255 - C; Adobe's files store C' itself
 */
#ifndef G4_ENCODERS_VISION_JPEG_H
#define G4_ENCODERS_VISION_JPEG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "encoders/vision/rows.h"

bool g4_jpeg_is(const unsigned char *data, size_t n);

/* Decodes n bytes. max_scans: most scans of the file (0 = any); with it, pixels x scans may not
 * pass 2 Gpx. Data that is damaged or ends early is an error. */
int g4_jpeg_read(const struct g4_rows *rows, const unsigned char *data, size_t n,
                 uint64_t max_scans, struct g4_err *err);

#endif

/*
 * ppm.h - binary PGM and PPM (P5, P6) to rows of 8-bit RGB.
 *
 *     "P5"|"P6"  width  height  maxval  one white space  samples
 *
 * '#' begins a comment up to the end of the line. Samples of two bytes are big-endian; they are
 * brought to 0..65535 and keep their high byte.
 */
#ifndef G4_ENCODERS_VISION_PPM_H
#define G4_ENCODERS_VISION_PPM_H

#include <stdbool.h>
#include <stddef.h>

#include "encoders/vision/rows.h"

bool g4_ppm_is(const unsigned char *data, size_t n);

/* Decodes the first picture in n bytes. */
int g4_ppm_read(const struct g4_rows *rows, const unsigned char *data, size_t n,
                struct g4_err *err);

#endif

/*
 * png.h - PNG to rows of 8-bit RGB, through libpng's row functions.
 *
 *     grey, palette, 1..4 bits -> RGB       16 bits -> their high byte
 *     alpha, tRNS              -> over opaque white: (c a + 255 (255 - a) + 127) / 255
 *
 * Gamma, colour profiles and texts are skipped without being unpacked, so that neither a broken
 * profile nor a text of gigabytes matters.
 */
#ifndef G4_ENCODERS_VISION_PNG_H
#define G4_ENCODERS_VISION_PNG_H

#include <stdbool.h>
#include <stddef.h>

#include "encoders/vision/rows.h"

bool g4_png_is(const unsigned char *data, size_t n);

/* Decodes n bytes. *animated (may be NULL) is set when there are more frames than the first. An
 * interlaced picture is held whole while it is read. */
int g4_png_read(const struct g4_rows *rows, const unsigned char *data, size_t n, bool *animated,
                struct g4_err *err);

#endif

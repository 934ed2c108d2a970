/*
 * rows.h - where the decoders of the picture formats put what they read: row by row, top row first.
 *
 * begin once, as soon as the header is known and before anything the size of the picture is
 * allocated; then put, height times. A negative status of either ends the decoding and is handed
 * on.
 */
#ifndef G4_ENCODERS_VISION_ROWS_H
#define G4_ENCODERS_VISION_ROWS_H

#include <stddef.h>
#include <stdint.h>

#include "lib/base/err.h"

struct g4_rows {
    /* width, height as stored; orientation: the EXIF value 1..8 that is still to be applied. */
    int (*begin)(void *ctx, size_t width, size_t height, int orientation, struct g4_err *err);
    int (*put)(void *ctx, const uint8_t *rgb, struct g4_err *err); /* [width][3] */
    void *ctx;
};

#endif

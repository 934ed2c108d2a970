/*
 * image.h - an upright picture in memory, 8-bit RGB; and the one way to get it from a file.
 */
#ifndef G4_ENCODERS_VISION_IMAGE_H
#define G4_ENCODERS_VISION_IMAGE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/base/err.h"
#include "lib/base/pool.h"

struct g4_image {
    uint8_t *rgb; /* [height][width][3], owned; NULL when empty */
    size_t width, height;
    long fitted; /* 0: the file's own pixels; else resized already for this budget of
                    soft tokens (resize.h) */
};

void g4_image_release(struct g4_image *image); /* safe on a zeroed struct */

/* Allocates an image of that size, black. Refuses 0 and sizes that wrap. */
int g4_image_new(struct g4_image *image, size_t width, size_t height, struct g4_err *err);

struct g4_image_limits {
    uint64_t max_pixels; /* 128 Mpx; 0 = none. --max-pixels */
    uint64_t max_bytes;  /* of a file: 1 GiB; 0 = none. --max-bytes */
    uint64_t max_scans;  /* of a progressive JPEG: 100; 0 = none. --max-scans. Together with
                            pixels x scans <= 2 Gpx */
    bool orient;         /* apply the EXIF orientation (tag 0x0112) */
};

/*
 * Reads operand (a path, or "-" for stdin) and decodes by content: PNG, JPEG, PPM/PGM (P5, P6),
 * else what libav knows as a picture (WebP, BMP, GIF, TIFF). Grey and palette are expanded, alpha
 * is laid over white, of 16 bits the high byte counts, CMYK is converted, the orientation applied,
 * colour profiles ignored; of an animation the first frame (*animated set, may be NULL). Truncated
 * data is an error, never a grey half. Every error names the operand.
 */
int g4_image_load(struct g4_image *image, const char *operand, const struct g4_image_limits *limits,
                  bool *animated, struct g4_err *err);

/*
 * The same, but the picture is resized for a budget while it is read, where it need not be turned:
 * the bytes are those of a resize afterwards, and memory does not grow with the picture (but for
 * interlaced PNG, progressive JPEG and what libav reads). image->fitted says whether it was.
 */
int g4_image_load_fitted(struct g4_image *image, const char *operand,
                         const struct g4_image_limits *limits, long budget, struct g4_pool *pool,
                         bool *animated, struct g4_err *err);

/* Refuses a picture of no pixels, and one above max_pixels (G4_ELIMIT): for decoders, before they
 * allocate. */
int g4_image_check(size_t width, size_t height, const struct g4_image_limits *limits,
                   struct g4_err *err);

/* Keeps the rectangle w x h at (x, y); G4_EINPUT when it does not lie inside. */
int g4_image_crop(struct g4_image *image, size_t w, size_t h, size_t x, size_t y,
                  struct g4_err *err);

#endif

/*
 * orient.h - the EXIF orientation: finding it, and turning a picture upright.
 */
#ifndef G4_ENCODERS_VISION_ORIENT_H
#define G4_ENCODERS_VISION_ORIENT_H

#include <stddef.h>

#include "encoders/vision/image.h"

/* Looks for a tag in the first directory of a TIFF structure of n bytes ("II*" or "MM", as EXIF
 * embeds it). *value: its first number when that is of type BYTE, SHORT or LONG, else 0. */
bool g4_tiff_find(const unsigned char *tiff, size_t n, unsigned tag, uint32_t *value);

/* Tag 0x0112 of that directory: 1..8; 1 when it is missing, malformed or out of range. */
int g4_exif_orientation(const unsigned char *tiff, size_t n);

/*
 * Turns the picture S, w x h, into R:
 *     1  S[y][x]    2  S[y][w-1-x]    3  S[h-1-y][w-1-x]    4  S[h-1-y][x]
 *     5  S[x][y]    6  S[h-1-x][y]    7  S[h-1-x][w-1-y]    8  S[x][w-1-y]      5..8: R is h x w
 */
int g4_image_orient(struct g4_image *image, int orientation, struct g4_err *err);

#endif

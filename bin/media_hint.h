/*
 * media_hint.h - which program a file was meant for, by its first bytes.
 */
#ifndef G4_BIN_MEDIA_HINT_H
#define G4_BIN_MEDIA_HINT_H

#include <stddef.h>

/* "g4-vision", "g4-audio", "g4-video", or NULL when the bytes are none of the usual media. */
const char *g4_media_hint(const unsigned char *bytes, size_t n);

#endif

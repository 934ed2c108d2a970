/*
 * picture_kind.h - what a picture file is, by its first bytes: which libav decoder takes it, or
 * what a person can do about it.
 */
#ifndef G4_ENCODERS_VISION_PICTURE_KIND_H
#define G4_ENCODERS_VISION_PICTURE_KIND_H

#include <libavcodec/codec_id.h>
#include <stdbool.h>
#include <stddef.h>

#include "lib/base/err.h"

struct g4_picture_kind {
    const char *name; /* "WebP" */
    enum AVCodecID codec;
};

struct g4_picture_facts {
    const struct g4_picture_kind *kind;
    bool several;    /* more than one picture inside: animation, pages */
    int orientation; /* 1..8 as the file says */
};

/*
 * G4_OK and *facts, or an error that names the input: G4_EUNSUPPORTED for what is known but cannot
 * be decoded, with what to do; G4_EINPUT for what is truncated, no picture, or not known.
 */
int g4_picture_recognise(struct g4_picture_facts *facts, const unsigned char *data, size_t n,
                         const char *name, struct g4_err *err);

#endif

/*
 * picture.h - a picture to the rows of one segment: what g4-vision and g4-video do alike.
 */
#ifndef G4_BIN_PICTURE_H
#define G4_BIN_PICTURE_H

#include <stddef.h>
#include <stdint.h>

#include "encoders/vision/vision_encoder.h"
#include "lib/format/stream.h"

struct g4_picture {
    int64_t budget; /* -t */
    struct g4_vision_encoder *encoder;
    size_t width;               /* floats of a row */
    float *rows;                /* [plan.rows, width] of the newest picture; until the next one */
    size_t rows_capacity;       /* floats */
    struct g4_vision_plan plan; /* of the newest picture */
};

/* Whether the budget is one that the models know; G4_EUSAGE. */
int g4_picture_check(const struct g4_picture *picture, struct g4_err *err);

/* Opens the encoder; fills width and encoder id of the stream's head. */
int g4_picture_open(struct g4_picture *picture, const struct g4_model *model,
                    const struct g4_exec *exec, struct g4_stream_head *head, struct g4_err *err);
void g4_picture_close(struct g4_picture *picture);

/* Encodes into rows and plan. */
int g4_picture_encode(struct g4_picture *picture, const struct g4_image *image, struct g4_err *err);

/* The segment that announces the newest picture; times in microseconds, -1 = none. */
struct g4_segment g4_picture_segment(const struct g4_picture *picture, enum g4_stream_kind kind,
                                     int64_t t0, int64_t t1);

#endif

/*
 * vision_encoder.h - a picture to soft tokens.
 *
 *     rgb -> resize -> patches [N, 768] -> tower [N, D] -> 3x3 mean [N/9, D] -> projection [N/9,
 * text]
 *
 * open(model) -> load(picture, budget) -> run -> close. `load` resizes and plans the memory (grown
 * once to the largest picture so far); `run` allocates nothing.
 */
#ifndef G4_ENCODERS_VISION_VISION_ENCODER_H
#define G4_ENCODERS_VISION_VISION_ENCODER_H

#include "encoders/vision/image.h"
#include "lib/model/model.h"
#include "lib/nn/exec.h"
#include "lib/nn/trace.h"

struct g4_vision_encoder;

/* model and exec must outlive the encoder. G4_EUNSUPPORTED: the model has no vision input. */
int g4_vision_encoder_open(struct g4_vision_encoder **encoder, const struct g4_model *model,
                           const struct g4_exec *exec, struct g4_err *err);
void g4_vision_encoder_close(struct g4_vision_encoder *encoder);

/* Text width of the rows. */
size_t g4_vision_encoder_width(const struct g4_vision_encoder *encoder);
int g4_vision_encoder_id(const struct g4_vision_encoder *encoder, uint8_t id[G4_ID_BYTES],
                         struct g4_err *err);

/* A picture to be encoded next: what the stream says about it. */
struct g4_vision_plan {
    size_t width, height;  /* after the resize */
    size_t grid_w, grid_h; /* soft tokens per row and column */
    size_t rows;           /* grid_w * grid_h */
};
/* A picture that was fitted while it was read (image.h) must be fitted to this budget. */
int g4_vision_encoder_load(struct g4_vision_encoder *encoder, const struct g4_image *image,
                           long budget, struct g4_vision_plan *plan, struct g4_err *err);

/* Encodes what was loaded. rows [plan.rows, width]. Trace stages: "resized" (as floats),
 * "positions", "patches", "embedded", "layer" k, "pooled", "standardized", "soft" (12B: "dense",
 * "normed"). */
void g4_vision_encoder_run(struct g4_vision_encoder *encoder, float *rows,
                           const struct g4_trace *trace);

#endif

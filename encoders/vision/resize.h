/*
 * resize.h - the reference's size rule and its antialiased bicubic resize, bit exact (vision.md 2, 3).
 */
#ifndef G4_ENCODERS_VISION_RESIZE_H
#define G4_ENCODERS_VISION_RESIZE_H

#include "encoders/vision/image.h"
#include "lib/base/pool.h"

/* Whether budget is one of 70, 140, 280, 560, 1120. */
bool g4_vision_budget_ok(long budget);

/* Size the picture is stretched to; both multiples of 48. tokens = w/48 * h/48. */
int g4_target_size(size_t width, size_t height, long budget, size_t *to_width, size_t *to_height,
                   struct g4_err *err);

/* dst is allocated by the call (may not be src). Horizontal pass first, 8 bits in between. */
int g4_resize(struct g4_pool *pool, struct g4_image *dst, const struct g4_image *src, size_t width,
              size_t height, struct g4_err *err);

#endif

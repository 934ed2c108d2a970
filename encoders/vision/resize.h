/*
 * resize.h - the size rule of the models and their antialiased bicubic resize, bit exact.
 *
 * Target of a picture W x H at budget B (soft tokens of 48 x 48 pixels), all in float64:
 *
 *     f = sqrt(B * 48 * 48 / (H * W)),  H' = 48 floor(f H / 48),  W' = 48 floor(f W / 48)
 *     a side of 0 becomes 48, the other then min(48 floor(long / short), 48 B)
 *
 * Resize: each axis by its own taps (resize_axis.h), horizontal first, its result rounded to 8
 * bits, then vertical:
 *
 *     out = clamp((2^(bits-1) + sum_j q[j] * in[lo + j]) >> bits, 0, 255)
 */
#ifndef G4_ENCODERS_VISION_RESIZE_H
#define G4_ENCODERS_VISION_RESIZE_H

#include "encoders/vision/image.h"
#include "lib/base/pool.h"

enum { G4_TOKEN_PIXELS = 48 }; /* side of the square that becomes one soft token */

/* Whether budget is one of 70, 140, 280, 560, 1120. */
bool g4_vision_budget_ok(long budget);

/* Size the picture is stretched to; both multiples of 48. tokens = w/48 * h/48. G4_EUSAGE: no such
 * budget; G4_EINPUT: no pixels. */
int g4_target_size(size_t width, size_t height, long budget, size_t *to_width, size_t *to_height,
                   struct g4_err *err);

/* dst is allocated by the call (may not be src). */
int g4_resize(struct g4_pool *pool, struct g4_image *dst, const struct g4_image *src, size_t width,
              size_t height, struct g4_err *err);

/*
 * The same for a picture that comes in pieces, top row first. Memory besides dst: the taps, and as
 * many rows of the new width as the vertical taps reach over.
 */
struct g4_resizer;

/* dst (width x height) is allocated by the call and complete after the last put. The resizer keeps
 * pool and dst until it is freed. */
int g4_resizer_new(struct g4_resizer **resizer, struct g4_pool *pool, struct g4_image *dst,
                   size_t from_width, size_t from_height, size_t width, size_t height,
                   struct g4_err *err);
void g4_resizer_put(struct g4_resizer *resizer, const uint8_t *rgb, size_t rows);
void g4_resizer_free(struct g4_resizer *resizer);

#endif

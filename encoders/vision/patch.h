/*
 * patch.h - a resized picture as rows for a network: square patches and where they lie.
 *
 *     patch p = row * grid_w + col at (x = col, y = row)
 *     patches[p][(py * side + px) * 3 + c] = float(u8) * (float)(1/255)     c: red, green, blue
 *
 * or, for weights whose columns are in that order (struct g4_weights_form),
 *
 *     patches[p][(c * side + py) * side + px]
 */
#ifndef G4_ENCODERS_VISION_PATCH_H
#define G4_ENCODERS_VISION_PATCH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "encoders/vision/image.h"
#include "lib/nn/linear.h"

/* patches [N, side * side * 3] of a picture whose sides are multiples of `side`. */
void g4_patchify(struct g4_pool *pool, float *patches, const struct g4_image *image, size_t side,
                 bool channels_first);

/* x, y [grid_w * grid_h]: column and row of every patch. */
void g4_patch_positions(int32_t *x, int32_t *y, size_t grid_w, size_t grid_h);

/* rows[p, D] += table_x[x[p]] + table_y[y[p]], p < n; tables [positions, D]. tmp: n * D floats. */
void g4_patch_add_positions(const struct g4_exec *exec, float *rows, size_t n,
                            const struct g4_matrix *table_x, const struct g4_matrix *table_y,
                            const int32_t *x, const int32_t *y, float *tmp);

#endif

/*
 * rope.h - rotary positions, half-split pairs.
 *
 * A head (or half of one) of width 2h turns its pairs (j, j + h), j = 0..h-1, by
 * position * freq[j]:
 *     x[j]' = x[j] cos - x[j+h] sin        x[j+h]' = x[j+h] cos + x[j] sin
 */
#ifndef G4_NN_ROPE_H
#define G4_NN_ROPE_H

#include <stddef.h>
#include <stdint.h>

#include "lib/nn/exec.h"

/* freq[j] = theta^(-2j / width) for j < turning, 0 for turning <= j < half. float64 power, rounded
 * once. Text: width = head width d, half = d/2, turning = factor * d/2. Vision: width = d/2
 * (channels of one axis), half = turning = d/4. */
void g4_rope_freq(float *freq, size_t half, size_t turning, size_t width, double theta);

/* cos, sin [n, half] of angle = (float)position[i] * freq[j] (the product in float32, the functions
 * in float64). */
void g4_rope_table(const struct g4_exec *exec, float *cos_table, float *sin_table,
                   const int32_t *position, size_t n, const float *freq, size_t half);

/* Turns x in place: row i (ldx floats apart), head h (at h * head_stride), width 2 * half. */
void g4_rope(const struct g4_exec *exec, float *x, size_t ldx, size_t n, size_t heads,
             size_t head_stride, const float *cos_table, const float *sin_table, size_t half);

#endif

/*
 * resize_axis.h - the taps of one axis of the resize, n_in -> n_out samples.
 *
 *     scale = n_in / n_out, support = 2 max(scale, 1), inv = 1 / max(scale, 1), c = scale (i + 0.5)
 *     lo = max(trunc(c - support + 0.5), 0),  n = min(trunc(c + support + 0.5), n_in) - lo
 *     w[j] = K((j + lo - c + 0.5) inv) / sum       K: cubic convolution with a = -1/2
 *     q[j] = w[j] * 2^bits rounded, half away from zero; bits <= 22 and every q < 2^15
 *
 * float64 in exactly this order (no contraction to fused multiply-add), so that q is the same on
 * every machine. The kernel is cut at the borders and made to sum to 1 again; q is not corrected.
 */
#ifndef G4_ENCODERS_VISION_RESIZE_AXIS_H
#define G4_ENCODERS_VISION_RESIZE_AXIS_H

#include <stddef.h>
#include <stdint.h>

#include "lib/base/err.h"

struct g4_axis_tap {
    size_t lo; /* first input sample */
    size_t n;  /* number of taps */
    size_t at; /* of its weights in q */
};

struct g4_axis {
    size_t n_out;
    struct g4_axis_tap *taps; /* [n_out] */
    int16_t *q;
    int bits;
    size_t reach; /* largest n */
};

/* n_in, n_out >= 1. On failure *axis is zeroed. */
int g4_axis_init(struct g4_axis *axis, size_t n_in, size_t n_out, struct g4_err *err);
void g4_axis_release(struct g4_axis *axis); /* safe on a zeroed struct */

#endif

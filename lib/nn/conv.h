/*
 * conv.h - the two convolutions of the audio tower, over time.
 */
#ifndef G4_NN_CONV_H
#define G4_NN_CONV_H

#include <stddef.h>

#include "lib/nn/linear.h"

/*
 * 3x3, stride 2 both ways, one zero row and column on every side, no bias, as gemm over gathered
 * rows. out[i][j][o] = sum_{c,a,b} kernel[o][c][a][b] * in[2i + a - 1][2j + b - 1][c] in [rows,
 * cols, channels_in], kernel [channels_out, channels_in * 9] with its columns in the stored order
 * (c, a, b), out [(rows+1)/2, (cols+1)/2, channels_out]. patches: scratch of g4_conv3x3_scratch()
 * floats (a block of output rows at a time, not the whole).
 */
void g4_conv3x3_stride2(const struct g4_exec *exec, float *out, const float *in, size_t rows,
                        size_t cols, size_t channels_in, const struct g4_matrix *kernel,
                        float *patches);
size_t g4_conv3x3_scratch(size_t cols, size_t channels_in);

/* y[t][c] = sum_{i<taps} kernel[c][i] * x[t - taps + 1 + i][c], zeros before t = 0; y is not x.
 * x, y [n, channels]; kernel [channels, taps]. */
void g4_depthwise_causal(const struct g4_exec *exec, float *y, const float *x, size_t n,
                         size_t channels, const float *kernel, size_t taps);

#endif

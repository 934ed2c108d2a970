/*
 * quant.h - what the bytes of every weight type mean: the scalar truth that kernels are checked
 * against (quant.c), and the encoders that write such bytes (quantise.c, quantise_k.c).
 *
 * d, m are halves; nib(k) is the low nibble of byte k for k < 16, else the high nibble of byte
 * k - 16 (of a block of 32). Byte offsets and formulas stand beside each decoder in quant.c.
 */
#ifndef G4_TENSOR_QUANT_H
#define G4_TENSOR_QUANT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/tensor/dtype.h"

/*
 * out[n] = the stored numbers of n elements from `data` on; n is whole blocks, dtype below
 * G4_DTYPE_WEIGHTS. Of codes (G4_DTYPE_CODES..) the codes themselves, without their scales: I4
 * gives -8..7, SFP8 its value before the tensor's scale. Any bytes give some number: NaN and
 * infinities only where a stored half (or float) is one, or an exponent of MXFP4 leads beyond the
 * floats.
 */
void g4_dequantise(enum g4_dtype dtype, float *out, const void *data, size_t n);

/* Whether g4_quantise can write the type. */
bool g4_quantise_known(enum g4_dtype dtype);

/*
 * data = n elements of x in the type; n is whole blocks, x is finite. F32, F16 and BF16 (nearest,
 * ties to even), Q4_0, Q4_1, Q5_0, Q5_1, Q8_0, Q4_K, Q5_K, Q6_K, SFP8 (x within +-1.875; larger
 * values are cut: scale the tensor first). Q4_0 and Q8_0 give the bytes every other writer gives:
 *
 *     Q4_0  m = the first x of largest |x|, d = m / -8, q = min(15, (int)(x * (1 / d) + 8.5))
 *     Q8_0  d = max|x| / 127, q = round(x * (1 / d))
 *
 * The K types search scale and minimum for the least weighted square error. Sizes beyond 65504 (the
 * largest half) may come back as infinities or NaN.
 */
void g4_quantise(enum g4_dtype dtype, void *data, const float *x, size_t n);

#endif

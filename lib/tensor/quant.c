/*
 * quant.c - what stored bytes mean, one function per type.
 *
 * Notation above each decoder: number = offset in the block, d and m = halves, y[k] = element k.
 * Products of a half with small integers are exact in float32, so the formulas leave no room for
 * another order of operations except where they add a minimum: that is one rounding at the end.
 */
#include "lib/tensor/quant.h"

#include <assert.h>
#include <math.h>
#include <string.h>

#include "lib/tensor/half.h"

enum { B = 32, K = 256 }; /* elements of the two sizes of blocks */

/* The levels of IQ4_NL and IQ4_XS, finer around zero. */
static const int8_t nonlinear[16] = {-127, -104, -83, -65, -49, -35, -22, -10,
                                     1,    13,   25,  38,  53,  69,  89,  113};

/* Twice the sixteen values of a float with two exponent bits and one of mantissa. */
static const int8_t e2m1[16] = {0, 1, 2, 3, 4, 6, 8, 12, 0, -1, -2, -3, -4, -6, -8, -12};

/* Nibble k of 32: the low ones of all bytes come first. */
static int nibble(const unsigned char *q, int k)
{
    return k < 16 ? q[k] & 15 : q[k - 16] >> 4;
}

/* 0 d, 2 q[16]: y = (q - 8) d */
static void q4_0(float *y, const unsigned char *b)
{
    const float d = g4_f16_at(b);
    for (int k = 0; k < B; k++)
        y[k] = (float)(nibble(b + 2, k) - 8) * d;
}

/* 0 d, 2 m, 4 q[16]: y = q d + m */
static void q4_1(float *y, const unsigned char *b)
{
    const float d = g4_f16_at(b), m = g4_f16_at(b + 2);
    for (int k = 0; k < B; k++)
        y[k] = (float)nibble(b + 4, k) * d + m;
}

/* Nibble k with the fifth bit from bit k of the 32 at h. */
static int five_bits(const unsigned char *q, const unsigned char *h, int k)
{
    return nibble(q, k) | (h[k / 8] >> k % 8 & 1) << 4;
}

/* 0 d, 2 h[4], 6 q[16]: y = (q - 16) d */
static void q5_0(float *y, const unsigned char *b)
{
    const float d = g4_f16_at(b);
    for (int k = 0; k < B; k++)
        y[k] = (float)(five_bits(b + 6, b + 2, k) - 16) * d;
}

/* 0 d, 2 m, 4 h[4], 8 q[16]: y = q d + m */
static void q5_1(float *y, const unsigned char *b)
{
    const float d = g4_f16_at(b), m = g4_f16_at(b + 2);
    for (int k = 0; k < B; k++)
        y[k] = (float)five_bits(b + 8, b + 4, k) * d + m;
}

/* 0 d, 2 q int8[32]: y = q d */
static void q8_0(float *y, const unsigned char *b)
{
    const float d = g4_f16_at(b);
    for (int k = 0; k < B; k++)
        y[k] = (float)(int8_t)b[2 + k] * d;
}

/* 0 d, 2 q[16]: y = nonlinear[q] d */
static void iq4_nl(float *y, const unsigned char *b)
{
    const float d = g4_f16_at(b);
    for (int k = 0; k < B; k++)
        y[k] = (float)nonlinear[nibble(b + 2, k)] * d;
}

/* 0 exponent, 1 q[16]: y = e2m1[q] 2^(exponent - 128) */
static void mxfp4(float *y, const unsigned char *b)
{
    const float d = ldexpf(1, b[0] - 128);
    for (int k = 0; k < B; k++)
        y[k] = (float)e2m1[nibble(b + 1, k)] * d;
}

/* Two-bit field k of 256: of every 128, the lowest bits of 32 bytes come first. */
static int two_bits(const unsigned char *q, int k)
{
    return q[k / 128 * 32 + k % 32] >> k % 128 / 32 * 2 & 3;
}

/* 0 s[16] (scale | minimum << 4 of 16 elements), 16 q[64], 80 d, 82 m:
 * y = d (s & 15) q - m (s >> 4) */
static void q2_k(float *y, const unsigned char *b)
{
    const float d = g4_f16_at(b + 80), m = g4_f16_at(b + 82);
    for (int k = 0; k < K; k++) {
        const int s = b[k / 16];
        y[k] = d * (float)(s & 15) * (float)two_bits(b + 16, k) - m * (float)(s >> 4);
    }
}

/* Scale j of 16 in Q3_K: four low bits from a nibble, two high bits from the last four bytes. */
static int scale_3(const unsigned char *s, int j)
{
    const int low = j < 8 ? s[j] & 15 : s[j - 8] >> 4;
    return (low | (s[8 + j % 4] >> j / 4 * 2 & 3) << 4) - 32;
}

/* 0 h[32] (bit k / 32 of byte k mod 32 set = do not take 4 away), 32 q[64], 96 s[12], 108 d:
 * y = d s (q - 4 or 0) */
static void q3_k(float *y, const unsigned char *b)
{
    const float d = g4_f16_at(b + 108);
    for (int k = 0; k < K; k++) {
        const int high = b[k % 32] >> k / 32 & 1;
        y[k] = d * (float)scale_3(b + 96, k / 16) * (float)(two_bits(b + 32, k) - (high ? 0 : 4));
    }
}

/* Scale and minimum j of 8 in Q4_K and Q5_K, six bits each in t[12]. */
static void scale_and_minimum(const unsigned char *t, int j, int *s, int *m)
{
    if (j < 4) {
        *s = t[j] & 63;
        *m = t[j + 4] & 63;
    } else {
        *s = (t[j + 4] & 15) | t[j - 4] >> 6 << 4;
        *m = t[j + 4] >> 4 | t[j] >> 6 << 4;
    }
}

/* Nibble k of 256: of every 64, the low ones of 32 bytes come first. */
static int nibble_k(const unsigned char *q, int k)
{
    return q[k / 64 * 32 + k % 32] >> k % 64 / 32 * 4 & 15;
}

/* 0 d, 2 m, 4 t[12], 16 q[128]: y = d s q - m min, s and min for 32 elements */
static void q4_k(float *y, const unsigned char *b)
{
    const float d = g4_f16_at(b), m = g4_f16_at(b + 2);
    for (int k = 0; k < K; k++) {
        int s, min;
        scale_and_minimum(b + 4, k / 32, &s, &min);
        y[k] = d * (float)s * (float)nibble_k(b + 16, k) - m * (float)min;
    }
}

/* 0 d, 2 m, 4 t[12], 16 h[32] (bit k / 32 of byte k mod 32 is the fifth), 48 q[128]: as Q4_K */
static void q5_k(float *y, const unsigned char *b)
{
    const float d = g4_f16_at(b), m = g4_f16_at(b + 2);
    for (int k = 0; k < K; k++) {
        int s, min;
        scale_and_minimum(b + 4, k / 32, &s, &min);
        const int q = nibble_k(b + 48, k) | (b[16 + k % 32] >> k / 32 & 1) << 4;
        y[k] = d * (float)s * (float)q - m * (float)min;
    }
}

/* 0 l[128] (of every 128 elements, the low nibbles of 64 bytes come first), 128 h[64] (two bits
 * each), 192 s int8[16], 208 d: y = d s (q - 32), s for 16 elements */
static void q6_k(float *y, const unsigned char *b)
{
    const float d = g4_f16_at(b + 208);
    for (int k = 0; k < K; k++) {
        const int low = b[k / 128 * 64 + k % 64] >> k % 128 / 64 * 4 & 15;
        const int q = low | two_bits(b + 128, k) << 4;
        y[k] = d * (float)(int8_t)b[192 + k / 16] * (float)(q - 32);
    }
}

/* 0 d, 2 sh u16, 4 sl[4], 8 q[128]: y = d (s - 32) nonlinear[q]; s for 32 elements, four low bits
 * in sl, two high bits in sh; each 32 elements are 16 bytes of nibbles */
static void iq4_xs(float *y, const unsigned char *b)
{
    const float d = g4_f16_at(b);
    const int high = b[2] | b[3] << 8;
    for (int k = 0; k < K; k++) {
        const int g = k / 32;
        const int s = (b[4 + g / 2] >> g % 2 * 4 & 15) | (high >> 2 * g & 3) << 4;
        y[k] = d * (float)(s - 32) * (float)nonlinear[nibble(b + 8 + g * 16, k % 32)];
    }
}

/* Four in a byte: y = q - 2 */
static void i2(float *y, const unsigned char *b)
{
    for (int k = 0; k < 4; k++)
        y[k] = (float)((b[0] >> 2 * k & 3) - 2);
}

/* Two in a byte: y = q - 8 */
static void i4(float *y, const unsigned char *b)
{
    y[0] = (float)((b[0] & 15) - 8);
    y[1] = (float)((b[0] >> 4) - 8);
}

static void i8(float *y, const unsigned char *b)
{
    y[0] = (float)(int8_t)b[0];
}

/* sign, then c in 0..127: 0 is zero (with either sign); below 64 five bits of exponent and two of
 * mantissa, 2^(c / 4 - 23) (1 + c mod 4 / 4); else three of mantissa, 2^(c / 8 - 15) (1 + c mod 8 /
 * 8). Both are the upper bits of a bf16. */
static void sfp8(float *y, const unsigned char *b)
{
    const int c = b[0] & 127, sign = (b[0] & 128) << 8;
    const int bits = c < 64 ? 0x3400 + (c << 5) : 0x3800 + (c << 4);
    y[0] = c == 0 ? 0.0f : g4_bf16_to_f32((uint16_t)(sign | bits));
}

static void f32(float *y, const unsigned char *b)
{
    memcpy(y, b, sizeof *y);
}

static void f16(float *y, const unsigned char *b)
{
    *y = g4_f16_at(b);
}

static void bf16(float *y, const unsigned char *b)
{
    *y = g4_bf16_at(b);
}

/* One block. */
static void (*const decode[G4_DTYPE_WEIGHTS])(float *y, const unsigned char *b) = {
    [G4_DTYPE_F32] = f32,     [G4_DTYPE_F16] = f16,       [G4_DTYPE_BF16] = bf16,
    [G4_DTYPE_Q4_0] = q4_0,   [G4_DTYPE_Q4_1] = q4_1,     [G4_DTYPE_Q5_0] = q5_0,
    [G4_DTYPE_Q5_1] = q5_1,   [G4_DTYPE_Q8_0] = q8_0,     [G4_DTYPE_Q2_K] = q2_k,
    [G4_DTYPE_Q3_K] = q3_k,   [G4_DTYPE_Q4_K] = q4_k,     [G4_DTYPE_Q5_K] = q5_k,
    [G4_DTYPE_Q6_K] = q6_k,   [G4_DTYPE_IQ4_NL] = iq4_nl, [G4_DTYPE_IQ4_XS] = iq4_xs,
    [G4_DTYPE_MXFP4] = mxfp4, [G4_DTYPE_I2] = i2,         [G4_DTYPE_I4] = i4,
    [G4_DTYPE_I8] = i8,       [G4_DTYPE_SFP8] = sfp8,
};

void g4_dequantise(enum g4_dtype dtype, float *out, const void *data, size_t n)
{
    assert(dtype < G4_DTYPE_WEIGHTS);
    const struct g4_dtype_info *info = g4_dtype_info(dtype);
    const unsigned char *b = data;
    assert(n % info->block == 0);
    for (size_t k = 0; k < n; k += info->block, b += info->bytes)
        decode[dtype](out + k, b);
}

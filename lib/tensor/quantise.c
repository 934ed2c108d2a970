/*
 * quantise.c - from numbers to stored bytes: floats, blocks of 32, and the table of encoders.
 */
#include <assert.h>
#include <math.h>
#include <string.h>

#include "lib/tensor/half.h"
#include "lib/tensor/quant.h"
#include "lib/tensor/quantise_k.h"

enum { B = 32 }; /* elements of a block */

/* A product with it rounds otherwise than a division by d. Of a d so small that its half is zero
 * it may not be a number to count on. */
static float inverse(float d)
{
    const float i = 1.0f / d;
    return isfinite(i) ? i : 0.0f;
}

/* Of the elements of largest size the first, with its sign. */
static float extreme(const float *x)
{
    float size = 0, value = 0;
    for (int k = 0; k < B; k++) {
        if (fabsf(x[k]) > size) {
            size = fabsf(x[k]);
            value = x[k];
        }
    }
    return value;
}

static void range(const float *x, float *min, float *max)
{
    *min = *max = x[0];
    for (int k = 1; k < B; k++) {
        *min = x[k] < *min ? x[k] : *min;
        *max = x[k] > *max ? x[k] : *max;
    }
}

/* The whole part of x >= 0, at most top. (A range beyond the floats' makes x no number.) */
static int level(float x, int top)
{
    return x < (float)top ? (int)x : top;
}

static void put_nibbles(unsigned char *q, const int *levels)
{
    for (int k = 0; k < 16; k++)
        q[k] = (unsigned char)((levels[k] & 15) | (levels[k + 16] & 15) << 4);
}

static void put_fifth_bits(unsigned char *h, const int *levels)
{
    memset(h, 0, 4);
    for (int k = 0; k < B; k++)
        h[k / 8] = (unsigned char)(h[k / 8] | levels[k] >> 4 << k % 8);
}

/* levels: x / d, moved up so that the extreme, which is of the sign of -d, becomes 0. */
static float signed_levels(int *levels, const float *x, int steps)
{
    const float d = extreme(x) / (float)-steps, id = inverse(d), up = (float)steps + 0.5f;
    for (int k = 0; k < B; k++)
        levels[k] = level(x[k] * id + up, 2 * steps - 1);
    return d;
}

/* levels: (x - min) / d in 0..top */
static float unsigned_levels(int *levels, const float *x, int top, float *min)
{
    float max;
    range(x, min, &max);
    const float d = (max - *min) / (float)top, id = inverse(d);
    for (int k = 0; k < B; k++)
        levels[k] = level((x[k] - *min) * id + 0.5f, top);
    return d;
}

static void q4_0(unsigned char *b, const float *x)
{
    int levels[B];
    g4_f16_put(b, signed_levels(levels, x, 8));
    put_nibbles(b + 2, levels);
}

static void q4_1(unsigned char *b, const float *x)
{
    int levels[B];
    float min;
    g4_f16_put(b, unsigned_levels(levels, x, 15, &min));
    g4_f16_put(b + 2, min);
    put_nibbles(b + 4, levels);
}

static void q5_0(unsigned char *b, const float *x)
{
    int levels[B];
    g4_f16_put(b, signed_levels(levels, x, 16));
    put_fifth_bits(b + 2, levels);
    put_nibbles(b + 6, levels);
}

static void q5_1(unsigned char *b, const float *x)
{
    int levels[B];
    float min;
    g4_f16_put(b, unsigned_levels(levels, x, 31, &min));
    g4_f16_put(b + 2, min);
    put_fifth_bits(b + 4, levels);
    put_nibbles(b + 8, levels);
}

static void q8_0(unsigned char *b, const float *x)
{
    const float d = fabsf(extreme(x)) / 127, id = inverse(d);
    g4_f16_put(b, d);
    for (int k = 0; k < B; k++)
        b[2 + k] = (unsigned char)(int8_t)roundf(x[k] * id);
}

/* Codes follow each other as the upper bits of a float do, from 2^-7 on with one bit of mantissa
 * more: the nearest is the float's bits, less the bits of code 0 there, rounded (ties to even). */
static void sfp8(unsigned char *b, const float *x)
{
    uint32_t bits, code;
    memcpy(&bits, x, sizeof bits);
    const uint32_t sign = bits >> 24 & 128, size = bits & 0x7fffffffu;
    const float value = fabsf(*x), smallest = 1.25f / (1 << 23);
    if (value < smallest) /* below it is nothing but zero */
        code = value > smallest / 2;
    else if (value < 1.0f / 128)
        code = (size - 0x34000000u + 0xfffff + (size >> 21 & 1)) >> 21;
    else
        code = (size - 0x38000000u + 0x7ffff + (size >> 20 & 1)) >> 20;
    code = code < 127 ? code : 127;
    *b = (unsigned char)(code ? sign | code : 0);
}

static void f32(unsigned char *b, const float *x)
{
    memcpy(b, x, sizeof *x);
}

static void bf16(unsigned char *b, const float *x)
{
    const uint16_t h = g4_f32_to_bf16(*x);
    b[0] = (unsigned char)h;
    b[1] = (unsigned char)(h >> 8);
}

static void f16(unsigned char *b, const float *x)
{
    g4_f16_put(b, *x);
}

/* One block. */
static void (*const encode[G4_DTYPE_WEIGHTS])(unsigned char *b, const float *x) = {
    [G4_DTYPE_F32] = f32,
    [G4_DTYPE_F16] = f16,
    [G4_DTYPE_BF16] = bf16,
    [G4_DTYPE_Q4_0] = q4_0,
    [G4_DTYPE_Q4_1] = q4_1,
    [G4_DTYPE_Q5_0] = q5_0,
    [G4_DTYPE_Q5_1] = q5_1,
    [G4_DTYPE_Q8_0] = q8_0,
    [G4_DTYPE_Q4_K] = g4_quantise_q4_k,
    [G4_DTYPE_Q5_K] = g4_quantise_q5_k,
    [G4_DTYPE_Q6_K] = g4_quantise_q6_k,
    [G4_DTYPE_SFP8] = sfp8,
};

bool g4_quantise_known(enum g4_dtype dtype)
{
    return dtype < G4_DTYPE_WEIGHTS && encode[dtype];
}

void g4_quantise(enum g4_dtype dtype, void *data, const float *x, size_t n)
{
    assert(g4_quantise_known(dtype));
    const struct g4_dtype_info *info = g4_dtype_info(dtype);
    unsigned char *b = data;
    assert(n % info->block == 0);
    for (size_t k = 0; k < n; k += info->block, b += info->bytes)
        encode[dtype](b, x + k);
}

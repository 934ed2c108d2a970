/*
 * half.h - the two 16-bit float formats, bit by bit.
 *
 * bf16 is the upper half of a float32; f16 is IEEE binary16 (5 exponent bits, bias 15).
 */
#ifndef G4_TENSOR_HALF_H
#define G4_TENSOR_HALF_H

#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "lib/tensor/dtype.h"

static inline float g4_bf16_to_f32(uint16_t h)
{
    uint32_t bits = (uint32_t)h << 16;
    float x;
    memcpy(&x, &bits, sizeof x);
    return x;
}

/* Nearest, ties to even; NaN stays a (quiet) NaN. */
static inline uint16_t g4_f32_to_bf16(float x)
{
    uint32_t bits;
    memcpy(&bits, &x, sizeof bits);
    if ((bits & 0x7fffffffu) > 0x7f800000u)
        return (uint16_t)(bits >> 16 | 0x40);
    return (uint16_t)((bits + 0x7fffu + (bits >> 16 & 1)) >> 16);
}

static inline float g4_f16_to_f32(uint16_t h)
{
    uint32_t sign = (uint32_t)(h & 0x8000) << 16;
    uint32_t exponent = h >> 10 & 31;
    uint32_t mantissa = h & 1023;
    uint32_t bits;
    float x;
    if (exponent == 0) { /* zero and subnormals: mantissa * 2^-24, exact */
        x = (float)mantissa * 5.9604644775390625e-8f;
        memcpy(&bits, &x, sizeof bits);
        bits |= sign;
    } else {
        bits = sign | (exponent == 31 ? 0x7f800000u : (exponent + 112) << 23) | mantissa << 13;
    }
    memcpy(&x, &bits, sizeof x);
    return x;
}

/* The number at p, of any alignment. */
static inline float g4_f16_at(const void *p)
{
    uint16_t h;
    memcpy(&h, p, sizeof h);
    return g4_f16_to_f32(h);
}

static inline float g4_bf16_at(const void *p)
{
    uint16_t h;
    memcpy(&h, p, sizeof h);
    return g4_bf16_to_f32(h);
}

/* Number i of a row of F32, F16 or BF16, of any alignment. */
static inline float g4_float_at(enum g4_dtype dtype, const void *row, size_t i)
{
    const unsigned char *p = row;
    float x;
    if (dtype == G4_DTYPE_F16)
        return g4_f16_at(p + i * sizeof(uint16_t));
    if (dtype == G4_DTYPE_BF16)
        return g4_bf16_at(p + i * sizeof(uint16_t));
    memcpy(&x, p + i * sizeof x, sizeof x);
    return x;
}

/* Nearest, ties to even; 65520 and beyond is infinity; NaN stays a (quiet) NaN. */
static inline uint16_t g4_f32_to_f16(float x)
{
    uint32_t bits;
    memcpy(&bits, &x, sizeof bits);
    const uint32_t sign = bits >> 16 & 0x8000, size = bits & 0x7fffffffu;
    uint32_t half;
    if (size > 0x7f800000u) {
        half = 0x7e00 | (size >> 13 & 1023);
    } else if (size >= 0x47800000u) { /* 65536 */
        half = 0x7c00;
    } else if (size >= 0x38800000u) { /* 2^-14: the exponent's bias goes from 127 to 15 */
        half = (size + 0xfff + (size >> 13 & 1) - 0x38000000u) >> 13;
    } else { /* subnormal: a sum with 0.5 rounds to multiples of 2^-24 */
        float sum;
        memcpy(&sum, &size, sizeof sum);
        sum += 0.5f;
        memcpy(&half, &sum, sizeof half);
        half -= 0x3f000000u;
    }
    return (uint16_t)(sign | half);
}

/* Writes the nearest f16 at p, of any alignment. Returns what will be read there. */
static inline float g4_f16_put(void *p, float x)
{
    const uint16_t h = g4_f32_to_f16(x);
    memcpy(p, &h, sizeof h);
    return g4_f16_to_f32(h);
}

#endif

/*
 * half.h - the two 16-bit float formats, bit by bit.
 *
 * bf16 is the upper half of a float32; f16 is IEEE binary16 (5 exponent bits, bias 15).
 */
#ifndef G4_TENSOR_HALF_H
#define G4_TENSOR_HALF_H

#include <stdint.h>
#include <string.h>

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

#endif

/*
 * block_fixture.h - stored numbers of every weight type: random bytes, in which what must be a
 * sensible number is one. The same in every run.
 */
#ifndef G4_TESTS_BLOCK_FIXTURE_H
#define G4_TESTS_BLOCK_FIXTURE_H

#include <stdint.h>
#include <string.h>

#include "lib/tensor/dtype.h"
#include "lib/tensor/half.h"

/* Where the halves of a block lie, -1: there is none. */
struct block_halves {
    int at[2];
};

static inline struct block_halves block_halves(enum g4_dtype dtype)
{
    switch (dtype) {
    case G4_DTYPE_Q4_0:
    case G4_DTYPE_Q5_0:
    case G4_DTYPE_Q8_0:
    case G4_DTYPE_IQ4_NL:
    case G4_DTYPE_IQ4_XS: return (struct block_halves){{0, -1}};
    case G4_DTYPE_Q4_1:
    case G4_DTYPE_Q5_1:
    case G4_DTYPE_Q4_K:
    case G4_DTYPE_Q5_K: return (struct block_halves){{0, 2}};
    case G4_DTYPE_Q2_K: return (struct block_halves){{80, 82}};
    case G4_DTYPE_Q3_K: return (struct block_halves){{108, -1}};
    case G4_DTYPE_Q6_K: return (struct block_halves){{208, -1}};
    default: return (struct block_halves){{-1, -1}};
    }
}

static inline uint32_t block_random(uint32_t *state)
{
    *state = *state * 1664525u + 1013904223u;
    return *state >> 8;
}

/* One block; floats are in -1..1, halves of either sign in 2^-9 .. 2^-5. */
static inline void fill_block(enum g4_dtype dtype, unsigned char *block, uint32_t *state)
{
    const size_t bytes = g4_dtype_info(dtype)->bytes;
    for (size_t i = 0; i < bytes; i++)
        block[i] = (unsigned char)block_random(state);
    const struct block_halves halves = block_halves(dtype);
    for (int i = 0; i < 2; i++) {
        const uint32_t bits = block_random(state);
        const uint16_t half = (uint16_t)((bits & 0x83ff) | (6 + (bits >> 10) % 4) << 10);
        if (halves.at[i] >= 0)
            memcpy(block + halves.at[i], &half, sizeof half);
    }
    const float x = (float)(int32_t)(block_random(state) & 0xffff) / 32768.0f - 1.0f;
    const uint16_t f16 = g4_f32_to_f16(x), bf16 = g4_f32_to_bf16(x);
    if (dtype == G4_DTYPE_F32)
        memcpy(block, &x, sizeof x);
    else if (dtype == G4_DTYPE_F16)
        memcpy(block, &f16, sizeof f16);
    else if (dtype == G4_DTYPE_BF16)
        memcpy(block, &bf16, sizeof bf16);
    else if (dtype == G4_DTYPE_MXFP4)
        block[0] = (unsigned char)(120 + block[0] % 8);
}

/* n elements, whole blocks. */
static inline void fill_blocks(enum g4_dtype dtype, void *data, size_t n, uint32_t seed)
{
    const struct g4_dtype_info *info = g4_dtype_info(dtype);
    uint32_t state = seed * 2654435761u + 1;
    for (size_t i = 0; i < n / info->block; i++)
        fill_block(dtype, (unsigned char *)data + i * info->bytes, &state);
}

#endif

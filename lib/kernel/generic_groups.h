/*
 * generic_groups.h - quantised blocks read by groups of 32 elements, and a group times x in eight
 * bits: what generic_q.c and generic_gemmq.c share.
 *
 *     w[k] = scale[k / 16] * code[k] + min        code: small integers
 *     x[k] ~ d * q[k]
 *     sum of w x ~ d * (scale[0] * sum of code q, k < 16, + scale[1] * the same, k >= 16) + min * m
 */
#ifndef G4_KERNEL_GENERIC_GROUPS_H
#define G4_KERNEL_GENERIC_GROUPS_H

#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "lib/kernel/kernel.h"
#include "lib/kernel/product_types.h"
#include "lib/tensor/half.h"

struct group {
    int8_t code[GROUP];
    float scale[2], min;
};

/* ------------------------------------------------------------------------------ reading groups */

/* Low nibbles are elements 0..15, high ones 16..31. */
static inline void read_nibbles(struct group *g, const unsigned char *q)
{
    for (size_t k = 0; k < 16; k++) {
        g->code[k] = (int8_t)(q[k] & 15);
        g->code[k + 16] = (int8_t)(q[k] >> 4);
    }
}

/* Bit k of the 32 at `bits` is worth 16. */
static inline void add_fifth_bits(struct group *g, const unsigned char *bits)
{
    for (size_t k = 0; k < GROUP; k++)
        g->code[k] = (int8_t)(g->code[k] + (bits[k / 8] >> k % 8 & 1) * 16);
}

static inline void add_to_codes(struct group *g, int offset)
{
    for (size_t k = 0; k < GROUP; k++)
        g->code[k] = (int8_t)(g->code[k] + offset);
}

static inline void set_scale(struct group *g, float scale, float min)
{
    g->scale[0] = g->scale[1] = scale;
    g->min = min;
}

static inline void read_q4_0(struct group *g, const unsigned char *block, size_t j)
{
    (void)j;
    set_scale(g, g4_f16_at(block), 0.0f);
    read_nibbles(g, block + 2);
    add_to_codes(g, -8);
}

static inline void read_q4_1(struct group *g, const unsigned char *block, size_t j)
{
    (void)j;
    set_scale(g, g4_f16_at(block), g4_f16_at(block + 2));
    read_nibbles(g, block + 4);
}

static inline void read_q5_0(struct group *g, const unsigned char *block, size_t j)
{
    (void)j;
    set_scale(g, g4_f16_at(block), 0.0f);
    read_nibbles(g, block + 6);
    add_fifth_bits(g, block + 2);
    add_to_codes(g, -16);
}

static inline void read_q5_1(struct group *g, const unsigned char *block, size_t j)
{
    (void)j;
    set_scale(g, g4_f16_at(block), g4_f16_at(block + 2));
    read_nibbles(g, block + 8);
    add_fifth_bits(g, block + 4);
}

static inline void read_q8_0(struct group *g, const unsigned char *block, size_t j)
{
    (void)j;
    set_scale(g, g4_f16_at(block), 0.0f);
    memcpy(g->code, block + 2, GROUP);
}

static inline void read_iq4_nl(struct group *g, const unsigned char *block, size_t j)
{
    static const int8_t value[16] = {-127, -104, -83, -65, -49, -35, -22, -10,
                                     1,    13,   25,  38,  53,  69,  89,  113};
    (void)j;
    set_scale(g, g4_f16_at(block), 0.0f);
    read_nibbles(g, block + 2);
    for (size_t k = 0; k < GROUP; k++)
        g->code[k] = value[g->code[k]];
}

/* Group j of the eight of a K block: d, dmin and twelve bytes of 6-bit scales and minima. */
static inline void set_packed_scale(struct group *g, const unsigned char *block, size_t j)
{
    const unsigned char *t = block + 4;
    int scale = t[j % 4] & 63, min = t[j % 4 + 4] & 63;
    if (j >= 4) {
        scale = (t[j + 4] & 15) | t[j - 4] >> 6 << 4;
        min = t[j + 4] >> 4 | t[j] >> 6 << 4;
    }
    set_scale(g, g4_f16_at(block) * (float)scale, -g4_f16_at(block + 2) * (float)min);
}

/* Groups 2i and 2i + 1 are the low and the high nibbles of the same 32 bytes. */
static inline void read_paired_nibbles(struct group *g, const unsigned char *q, size_t j)
{
    for (size_t k = 0; k < GROUP; k++)
        g->code[k] = (int8_t)(q[j / 2 * GROUP + k] >> j % 2 * 4 & 15);
}

static inline void read_q4_k(struct group *g, const unsigned char *block, size_t j)
{
    set_packed_scale(g, block, j);
    read_paired_nibbles(g, block + 16, j);
}

static inline void read_q5_k(struct group *g, const unsigned char *block, size_t j)
{
    set_packed_scale(g, block, j);
    read_paired_nibbles(g, block + 48, j);
    for (size_t k = 0; k < GROUP; k++)
        g->code[k] = (int8_t)(g->code[k] + (block[16 + k] >> j & 1) * 16);
}

static inline void read_q6_k(struct group *g, const unsigned char *block, size_t j)
{
    const size_t half = j / 4, c = j % 4;
    const unsigned char *low = block + 64 * half + 32 * (c % 2), *high = block + 128 + 32 * half;
    int8_t scale[2];
    memcpy(scale, block + 192 + 2 * j, sizeof scale);
    for (size_t k = 0; k < GROUP; k++)
        g->code[k] = (int8_t)(((low[k] >> c / 2 * 4 & 15) | (high[k] >> 2 * c & 3) << 4) - 32);
    for (size_t i = 0; i < 2; i++)
        g->scale[i] = g4_f16_at(block + 208) * (float)scale[i];
    g->min = 0.0f;
}

/* How to read a type. */
struct type {
    void (*read)(struct group *g, const unsigned char *block, size_t j);
    enum g4_dtype dtype;
};

/* Group i of a row. */
static inline void read_group(const struct type *type, struct group *g, const unsigned char *row,
                              size_t i)
{
    const struct g4_dtype_info *info = g4_dtype_info(type->dtype);
    const size_t per_block = info->block / GROUP;
    type->read(g, row + i / per_block * info->bytes, i % per_block);
}

/* The sum of 16 products. */
static inline int sum_16(const int8_t *code, const int8_t *q)
{
    int sum = 0;
    for (size_t k = 0; k < 16; k++)
        sum += code[k] * q[k];
    return sum;
}

/* Group i of row j of x, times that of W. */
static inline float product(const struct group *g, const struct g4_q8 *x, size_t j, size_t i)
{
    const int8_t *q = x->q + j * x->ldq + i * GROUP;
    const float d = x->d[j * x->ldd + i], m = x->m[j * x->ldd + i];
    const float first = (float)sum_16(g->code, q), last = (float)sum_16(g->code + 16, q + 16);
    return d * (g->scale[0] * first + g->scale[1] * last) + g->min * m;
}

#endif

/*
 * blocks_neon.h - quantised blocks in registers of 16 bytes: a unit is one group. See blocks.h.
 * Included by *_neon.c, *_dotprod.c and *_i8mm.c only.
 */
#ifndef G4_KERNEL_BLOCKS_NEON_H
#define G4_KERNEL_BLOCKS_NEON_H

#include "lib/kernel/neon.h"

#include "lib/kernel/blocks.h"

enum { UNIT = 1, UNITS = GROUPS / UNIT };

typedef int32x4_t ivec;
typedef float32x4_t fvec;

G4_INLINE uint8x16_t low_nibbles(uint8x16_t v)
{
    return vandq_u8(v, vdupq_n_u8(15));
}

G4_INLINE uint8x16_t high_nibbles(uint8x16_t v)
{
    return vshrq_n_u8(v, 4);
}

/* 16 is added to the codes where bits of v are those of `bit`, one in every byte. */
G4_INLINE uint8x16_t add_16(uint8x16_t code, uint8x16_t v, uint8x16_t bit)
{
    return vorrq_u8(code, vandq_u8(vtstq_u8(v, bit), vdupq_n_u8(16)));
}

/* Fifth bits of sixteen elements: the 16 bits at p. */
G4_INLINE uint8x16_t add_fifth_bits(uint8x16_t code, const unsigned char *p)
{
    const uint8x16_t bit = vreinterpretq_u8_u64(vdupq_n_u64(0x8040201008040201));
    return add_16(code, vcombine_u8(vdup_n_u8(p[0]), vdup_n_u8(p[1])), bit);
}

/* The numbers that the codes of IQ4_NL stand for. */
G4_INLINE int8x16_t nonlinear_values(void)
{
    static const int8_t value[16] = {-127, -104, -83, -65, -49, -35, -22, -10,
                                     1,    13,   25,  38,  53,  69,  89,  113};
    return vld1q_s8(value);
}

/* The codes of a group: the first 16 elements, the last 16. */
struct codes {
    int8x16_t a, b;
};

/* A block of nibbles. */
G4_INLINE struct codes nibble_codes(enum g4_dtype dtype, const unsigned char *p)
{
    const size_t size = block_size(dtype);
    const uint8x16_t v = vld1q_u8(p + size - 16);
    uint8x16_t a = low_nibbles(v), b = high_nibbles(v);
    if (dtype == G4_DTYPE_IQ4_NL)
        return (struct codes){vqtbl1q_s8(nonlinear_values(), a), vqtbl1q_s8(nonlinear_values(), b)};
    if (has_fifth_bits(dtype)) {
        a = add_fifth_bits(a, p + size - 20);
        b = add_fifth_bits(b, p + size - 18);
    }
    return (struct codes){vreinterpretq_s8_u8(a), vreinterpretq_s8_u8(b)};
}

/* Sixteen elements of group g of a block of Q4_K or Q5_K, from 0 or 16 on. Groups 2 i and 2 i + 1
 * are the low and the high nibbles of the same bytes; bit g of byte k is the fifth of element k. */
G4_INLINE int8x16_t pair_codes(enum g4_dtype dtype, const unsigned char *p, size_t g, size_t from)
{
    const uint8x16_t v = vld1q_u8(p + (dtype == G4_DTYPE_Q5_K ? 48 : 16) + 32 * (g / 2) + from);
    uint8x16_t code = g % 2 ? high_nibbles(v) : low_nibbles(v);
    if (dtype == G4_DTYPE_Q5_K)
        code = add_16(code, vld1q_u8(p + 16 + from), vdupq_n_u8((uint8_t)(1 << g)));
    return vreinterpretq_s8_u8(code);
}

/* The same of Q6_K. Groups 0 .. 3 of half a block are the low nibbles of 64 bytes, then the high
 * ones; two more bits of each are bits 2 g of 32 bytes, and go to bits 4 and 5. */
G4_INLINE int8x16_t q6_k_codes(const unsigned char *p, size_t g, size_t from)
{
    const uint8x16_t v = vld1q_u8(p + 64 * (g / 4) + g % 2 * 32 + from);
    uint8x16_t top = vld1q_u8(p + 128 + 32 * (g / 4) + from);
    switch (g % 4) {
    case 0: top = vshlq_n_u8(top, 4); break;
    case 1: top = vshlq_n_u8(top, 2); break;
    case 3: top = vshrq_n_u8(top, 2); break;
    default: break;
    }
    const uint8x16_t low = g % 4 < 2 ? low_nibbles(v) : high_nibbles(v);
    return vreinterpretq_s8_u8(vorrq_u8(low, vandq_u8(top, vdupq_n_u8(0x30))));
}

/* Group g of the chunk at p. */
G4_INLINE struct codes load_codes(enum g4_dtype dtype, const unsigned char *p, size_t g)
{
    const unsigned char *block = p + g * block_size(dtype); /* of types with blocks of 32 */
    if (dtype == G4_DTYPE_Q6_K)
        return (struct codes){q6_k_codes(p, g, 0), q6_k_codes(p, g, 16)};
    if (is_k(dtype))
        return (struct codes){pair_codes(dtype, p, g, 0), pair_codes(dtype, p, g, 16)};
    if (dtype != G4_DTYPE_Q8_0)
        return nibble_codes(dtype, block);
    struct codes codes;
    memcpy(&codes.a, block + 2, sizeof codes.a);
    memcpy(&codes.b, block + 18, sizeof codes.b);
    return codes;
}

/* ------------------------------------------------------------------------------ one row */

G4_INLINE float half_at(const unsigned char *p)
{
    const float16x4_t h = vreinterpret_f16_u16(vdup_n_u16(load_u16(p)));
    return vgetq_lane_f32(vcvt_f32_f16(h), 0);
}

G4_INLINE size_t groups_of_block(enum g4_dtype dtype)
{
    return is_k(dtype) ? GROUPS : 1;
}

/* What the groups of a block are multiplied with, sixteen elements each, and what is added. Of
 * Q6_K the scales of sixteens are whole numbers times d, which is the block's. */
struct block_scales {
    float scale[2 * GROUPS], min[GROUPS], d;
};

G4_INLINE void load_block_scales(enum g4_dtype dtype, const unsigned char *p,
                                 struct block_scales *s)
{
    const float d = half_at(p + (dtype == G4_DTYPE_Q6_K ? 208 : 0));
    uint64_t words[2];
    s->d = d;
    if (dtype == G4_DTYPE_Q6_K) {
        for (size_t i = 0; i < 2 * GROUPS; i++)
            s->scale[i] = d * (float)(int8_t)p[192 + i];
    } else if (is_k(dtype)) {
        const float m = half_at(p + 2);
        packed_words(p + 4, words);
        for (size_t g = 0; g < GROUPS; g++) {
            s->scale[2 * g] = s->scale[2 * g + 1] = d * (float)(words[0] >> 8 * g & 255);
            s->min[g] = -m * (float)(words[1] >> 8 * g & 255);
        }
    } else {
        s->scale[0] = s->scale[1] = d;
        s->min[0] = has_min(dtype) ? half_at(p + 2) : 0;
    }
}

/* ------------------------------------------------------------------------------ four rows */

/* The halves at `at` of four rows. */
G4_INLINE fvec halves_of_rows(const unsigned char *const w[4], size_t at)
{
    uint16_t h[4];
#pragma GCC unroll UNROLL
    for (size_t r = 0; r < 4; r++)
        h[r] = load_u16(w[r] + at);
    return vcvt_f32_f16(vreinterpret_f16_u16(vld1_u16(h)));
}

/* The 6-bit scales and minima of four rows: bytes[0] scales of groups 0..3, group g of row r in
 * byte 4 g + r; bytes[1] of groups 4..7; bytes[2] and [3] minima. */
G4_INLINE void packed_bytes_of_rows(const unsigned char *const w[4], uint8x16_t bytes[4])
{
    uint8x16_t row[4];
#pragma GCC unroll UNROLL
    for (size_t r = 0; r < 4; r++) {
        uint64_t words[2];
        packed_words(w[r] + 4, words);
        row[r] = vreinterpretq_u8_u64(vld1q_u64(words));
    }
    const uint16x8_t s01 = vreinterpretq_u16_u8(vzip1q_u8(row[0], row[1]));
    const uint16x8_t s23 = vreinterpretq_u16_u8(vzip1q_u8(row[2], row[3]));
    const uint16x8_t m01 = vreinterpretq_u16_u8(vzip2q_u8(row[0], row[1]));
    const uint16x8_t m23 = vreinterpretq_u16_u8(vzip2q_u8(row[2], row[3]));
    bytes[0] = vreinterpretq_u8_u16(vzip1q_u16(s01, s23));
    bytes[1] = vreinterpretq_u8_u16(vzip2q_u16(s01, s23));
    bytes[2] = vreinterpretq_u8_u16(vzip1q_u16(m01, m23));
    bytes[3] = vreinterpretq_u8_u16(vzip2q_u16(m01, m23));
}

/* What a chunk of four rows begins (or ends) with, in types whose blocks are chunks. */
struct heads {
    fvec d, m;           /* of the four rows; m with the sign changed, since it is taken away */
    uint8x16_t bytes[4]; /* see packed_bytes_of_rows */
};

G4_INLINE void load_heads(enum g4_dtype dtype, const unsigned char *const w[4], struct heads *heads)
{
    if (dtype == G4_DTYPE_Q6_K) {
        heads->d = halves_of_rows(w, 208);
    } else if (is_k(dtype)) {
        heads->d = halves_of_rows(w, 0);
        heads->m = vnegq_f32(halves_of_rows(w, 2));
        packed_bytes_of_rows(w, heads->bytes);
    }
}

/* A group of four rows. Scale and minimum of row r: lane r. */
struct unit {
    struct codes codes[4];
    int32_t within[4]
                  [2]; /* Q6_K: the scales of a and b; `scale` is what they are multiplied with */
    fvec scale, min;
};

/* Row r of group u of the chunks at w[4]. */
G4_INLINE void load_row(enum g4_dtype dtype, const unsigned char *const w[4],
                        const struct heads *heads, size_t u, size_t here, size_t r,
                        struct unit *unit)
{
    (void)heads;
    (void)here;
    unit->codes[r] = load_codes(dtype, w[r], u);
    if (dtype == G4_DTYPE_Q6_K) {
        unit->within[r][0] = (int8_t)w[r][192 + 2 * u];
        unit->within[r][1] = (int8_t)w[r][193 + 2 * u];
    }
}

/* Bytes 4 g .. 4 g + 3 of a register, as floats. */
G4_INLINE fvec four_bytes(uint8x16_t v, size_t g)
{
    const uint16x8_t h = vmovl_u8(g < 2 ? vget_low_u8(v) : vget_high_u8(v));
    return vcvtq_f32_u32(vmovl_u16(g % 2 ? vget_high_u16(h) : vget_low_u16(h)));
}

/* The scales of the unit. */
G4_INLINE void load_scales(enum g4_dtype dtype, const unsigned char *const w[4],
                           const struct heads *heads, size_t u, size_t here, struct unit *unit)
{
    const size_t at = u * block_size(dtype);
    (void)here;
    if (dtype == G4_DTYPE_Q6_K) {
        unit->scale = heads->d;
    } else if (is_k(dtype)) {
        unit->scale = vmulq_f32(heads->d, four_bytes(heads->bytes[u / 4], u % 4));
        unit->min = vmulq_f32(heads->m, four_bytes(heads->bytes[2 + u / 4], u % 4));
    } else {
        unit->scale = halves_of_rows(w, at);
        if (has_min(dtype))
            unit->min = halves_of_rows(w, at + 2);
    }
}

#endif

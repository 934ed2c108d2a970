/*
 * panels.h - quantised weights as panels for gemm_q8: the loops, for registers of any size. An
 * including file (panels_avx2.h, panels_avx512.h) has plain arithmetic by name, the numbers
 *
 *     LANES       of 32 bits in a register: rows of W in a strip
 *     STRIPS      in a panel
 *     UNSIGNED    products take unsigned codes only: signed ones get 128 added
 *
 * and what brings rows into lanes
 *
 *     load_rows         16 bytes of every row: bytes 4 i .. 4 i + 3 of row r in lane r of v[i]
 *     words_of_rows     4 bytes of every row
 *     halves_of_rows    a half of every row, as a float
 *     add_fifth         16 to the codes whose fifth bit is 1: of element 4 i + b, bit 4 i + b of
 *                       the lane
 *     add_16            16 to the codes where v has the bit
 *
 * A panel holds group after group of 32 along k, of each group strip after strip, and of a strip
 * these registers:
 *
 *     code[8]    four neighbours along k in each lane, as bytes
 *     scale      what the integer sum is multiplied with
 *     min        types with minima only
 *
 * of Q6_K the scale of the block, then those of both halves of the group, as floats.
 */
#ifndef G4_KERNEL_PANELS_H
#define G4_KERNEL_PANELS_H

#include "lib/kernel/blocks.h"

enum {
    REGISTER = 4 * LANES, /* bytes */
    NR = STRIPS * LANES,
    FOURS = GROUP / 4,
    AT_SCALE = FOURS, /* where the scale of a strip is, in registers */
    LINE = 64,        /* bytes of a cache line */
};

/* ------------------------------------------------------------------------------ the layout */

/* What a strip of a group holds besides codes. */
enum kind {
    PLAIN,    /* a scale */
    MINIMA,   /* and a minimum */
    SIXTEENS, /* three scales */
};

G4_INLINE enum kind kind_of(enum g4_dtype dtype)
{
    return dtype == G4_DTYPE_Q6_K ? SIXTEENS : has_min(dtype) ? MINIMA : PLAIN;
}

/* Bytes of a strip of a group. */
G4_INLINE size_t strip_bytes(enum g4_dtype dtype)
{
    const enum kind kind = kind_of(dtype);
    return REGISTER * (AT_SCALE + (kind == PLAIN ? 1u : kind == MINIMA ? 2u : 3u));
}

/* What codes in a panel are too large by. */
G4_INLINE int panel_offset(enum g4_dtype dtype)
{
    return UNSIGNED && is_signed(dtype) ? 128 : code_offset(dtype);
}

static size_t panel_bytes(enum g4_dtype dtype, size_t k)
{
    return k / GROUP * STRIPS * strip_bytes(dtype);
}

/* What follows is in the second cache soon. */
G4_INLINE void fetch(const unsigned char *p, size_t bytes)
{
#pragma GCC unroll UNROLL
    for (size_t at = 0; at < bytes; at += LINE)
        __builtin_prefetch(p + at, 0, 2);
}

G4_INLINE void put_codes(unsigned char *panel, const ivec code[FOURS])
{
#pragma GCC unroll UNROLL
    for (size_t i = 0; i < FOURS; i++)
        put(panel, i, code[i]);
}

G4_INLINE ivec low_nibbles(ivec v)
{
    return and_bits(v, bytes_of(15));
}

G4_INLINE ivec high_nibbles(ivec v)
{
    return low_nibbles(down_16(v, 4));
}

/* ------------------------------------------------------------------------------ blocks of 32 */

G4_INLINE void block_codes(enum g4_dtype dtype, const unsigned char *p, size_t stride,
                           ivec code[FOURS])
{
    const size_t size = block_size(dtype);
    ivec v[4], bits = bytes_of(0);
    if (dtype == G4_DTYPE_Q8_0) {
        load_rows(p + 2, stride, code);
        load_rows(p + 18, stride, code + 4);
    } else {
        load_rows(p + size - 16, stride, v);
    }
    if (has_fifth_bits(dtype))
        bits = words_of_rows(p + size - 20, stride);
#pragma GCC unroll UNROLL
    for (size_t i = 0; i < FOURS; i++) {
        if (dtype != G4_DTYPE_Q8_0)
            code[i] = i < 4 ? low_nibbles(v[i]) : high_nibbles(v[i - 4]);
        if (dtype == G4_DTYPE_IQ4_NL)
            code[i] = nonlinear(code[i]);
        if (has_fifth_bits(dtype))
            code[i] = add_fifth(code[i], bits, i);
        if (UNSIGNED && is_signed(dtype))
            code[i] = xor_bits(code[i], bytes_of(0x80));
    }
}

G4_INLINE void pack_block(enum g4_dtype dtype, unsigned char *panel, const unsigned char *p,
                          size_t stride)
{
    ivec code[FOURS];
    block_codes(dtype, p, stride, code);
    put_codes(panel, code);
    if (has_min(dtype)) {
        const ivec both = words_of_rows(p, stride);
        put_floats(panel, AT_SCALE, low_halves(both));
        put_floats(panel, AT_SCALE + 1, low_halves(down_32(both, 16)));
    } else {
        put_floats(panel, AT_SCALE, halves_of_rows(p, stride));
    }
}

/* ------------------------------------------------------------------------------ blocks of 256 */

/* d and m of Q4_K and Q5_K, and twelve bytes of scales and minima: see packed_bytes. */
struct packed {
    fvec d, m;
    ivec t[3];
};

G4_INLINE struct packed load_packed(const unsigned char *p, size_t stride)
{
    ivec v[4];
    load_rows(p, stride, v);
    /* m with the sign changed, since it is taken away */
    const ivec m = xor_bits(down_32(v[0], 16), words_of(0x8000));
    return (struct packed){low_halves(v[0]), low_halves(m), {v[1], v[2], v[3]}};
}

/* (v >> n) & mask in every lane. */
G4_INLINE ivec bits_at(ivec v, int n, int mask)
{
    return and_bits(down_32(v, n), words_of(mask));
}

G4_INLINE void put_packed(unsigned char *panel, const struct packed *packed, int group)
{
    const ivec *t = packed->t;
    const int at = 8 * (group % 4);
    ivec s = bits_at(t[0], at, 63), m = bits_at(t[1], at, 63);
    if (group >= 4) {
        s = or_bits(bits_at(t[2], at, 15), bits_at(t[0], at + 2, 0x30));
        m = or_bits(bits_at(t[2], at + 4, 15), bits_at(t[1], at + 2, 0x30));
    }
    put_floats(panel, AT_SCALE, multiply(packed->d, to_floats(s)));
    put_floats(panel, AT_SCALE + 1, multiply(packed->m, to_floats(m)));
}

/* Groups 2 i and 2 i + 1 are the low and the high nibbles of 32 bytes; bit j of byte k of 32 more
 * is the fifth of element k of group j. */
G4_INLINE void pack_pairs(enum g4_dtype dtype, unsigned char *panel, size_t step,
                          const unsigned char *p, size_t stride, const unsigned char *next)
{
    const size_t part = LANES * block_size(dtype) / GROUPS;
    const unsigned char *nibbles = p + (dtype == G4_DTYPE_Q5_K ? 48 : 16);
    const struct packed packed = load_packed(p, stride);
    ivec fifth[FOURS], v[FOURS], code[FOURS];
    if (dtype == G4_DTYPE_Q5_K) {
        load_rows(p + 16, stride, fifth);
        load_rows(p + 32, stride, fifth + 4);
    }
#pragma GCC unroll UNROLL
    for (int group = 0; group < GROUPS; group++, panel += step, next += part) {
        fetch(next, part);
        if (group % 2 == 0) {
            load_rows(nibbles + 16 * group, stride, v);
            load_rows(nibbles + 16 * group + 16, stride, v + 4);
        }
#pragma GCC unroll UNROLL
        for (size_t i = 0; i < FOURS; i++) {
            code[i] = group % 2 ? high_nibbles(v[i]) : low_nibbles(v[i]);
            if (dtype == G4_DTYPE_Q5_K)
                code[i] = add_16(code[i], fifth[i], bytes_of(1 << group));
        }
        put_codes(panel, code);
        put_packed(panel, &packed, group);
    }
}

/* Sixteen elements of four groups, half a block: groups 0 and 1 are low nibbles at `low` and 32
 * bytes further, 2 and 3 the high ones; two more bits of each are bits 2 g of the bytes at `high`,
 * and go to bits 4 and 5. */
G4_INLINE void pack_sixteen(unsigned char *panel, size_t step, const unsigned char *low,
                            const unsigned char *high, size_t stride)
{
    const ivec two = bytes_of(0x30);
    ivec top[4], v[2][4];
    load_rows(high, stride, top);
    load_rows(low, stride, v[0]);
    load_rows(low + 32, stride, v[1]);
#pragma GCC unroll UNROLL
    for (size_t i = 0; i < 4; i++) {
        const ivec t[4] = {up_16(top[i], 4), up_16(top[i], 2), top[i], down_16(top[i], 2)};
#pragma GCC unroll UNROLL
        for (size_t g = 0; g < 4; g++) {
            const ivec nibble = g < 2 ? low_nibbles(v[g % 2][i]) : high_nibbles(v[g % 2][i]);
            put(panel + g * step, i, or_bits(nibble, and_bits(t[g], two)));
        }
    }
}

G4_INLINE void pack_sixteens(unsigned char *panel, size_t step, const unsigned char *p,
                             size_t stride, const unsigned char *next)
{
    const size_t part = LANES * block_size(G4_DTYPE_Q6_K) / 4;
    const fvec d = halves_of_rows(p + 208, stride);
    ivec scales[4]; /* of two groups each */
    load_rows(p + 192, stride, scales);
#pragma GCC unroll UNROLL
    for (int g = 0; g < GROUPS; g++) {
        unsigned char *at = panel + (size_t)g * step;
        put_floats(at, AT_SCALE, d);
        put_floats(at, AT_SCALE + 1, signed_byte(scales[g / 2], g % 2 * 2));
        put_floats(at, AT_SCALE + 2, signed_byte(scales[g / 2], g % 2 * 2 + 1));
    }
    for (size_t i = 0; i < 4; i++) { /* the first and the last sixteen of both halves */
        const size_t half = i / 2, b = i % 2;
        fetch(next + i * part, part);
        pack_sixteen(panel + 4 * half * step + b * 4 * REGISTER, step, p + 64 * half + 16 * b,
                     p + 128 + 32 * half + 16 * b, stride);
    }
}

/* ------------------------------------------------------------------------------ pack */

/* A strip of k columns of LANES rows, by type. Meanwhile as many bytes at `next` are fetched. */
typedef void strip_fn(unsigned char *panel, const unsigned char *p, size_t stride, size_t k,
                      const unsigned char *next);

G4_INLINE void pack_strip(enum g4_dtype dtype, unsigned char *panel, const unsigned char *p,
                          size_t stride, size_t k, const unsigned char *next)
{
    const size_t step = STRIPS * strip_bytes(dtype), bytes = LANES * block_size(dtype);
    if (!is_k(dtype)) {
        for (size_t i = 0; i < k; i += GROUP, panel += step, p += block_size(dtype)) {
            fetch(next + i / GROUP * bytes, bytes);
            pack_block(dtype, panel, p, stride);
        }
        return;
    }
    for (size_t i = 0; i < k; i += CHUNK, panel += GROUPS * step, p += block_size(dtype)) {
        if (dtype == G4_DTYPE_Q6_K)
            pack_sixteens(panel, step, p, stride, next + i / CHUNK * bytes);
        else
            pack_pairs(dtype, panel, step, p, stride, next + i / CHUNK * bytes);
    }
}

/* A strip of less than LANES rows: of those that do not exist all bytes are 0. */
G4_INLINE void pack_part(enum g4_dtype dtype, unsigned char *panel, const unsigned char *p,
                         size_t stride, size_t rows, size_t k, strip_fn *strip)
{
    enum { LARGEST = GROUPS * 34 }; /* bytes of a chunk */
    const size_t step = STRIPS * strip_bytes(dtype);
    unsigned char chunk[LANES * LARGEST];
    memset(chunk, 0, sizeof chunk);
    for (size_t i = 0; i < k; i += CHUNK, p += chunk_size(dtype), panel += GROUPS * step) {
        const size_t columns = k - i < CHUNK ? k - i : CHUNK;
        const size_t blocks = is_k(dtype) ? 1 : columns / GROUP;
        for (size_t r = 0; r < rows; r++)
            memcpy(chunk + r * LARGEST, p + r * stride, blocks * block_size(dtype));
        strip(panel, chunk, LARGEST, columns, chunk);
    }
}

/* See struct g4_gemm_q8. Rows follow each other in memory, and panels are mostly made in turn: what
 * follows a strip is wanted next. */
G4_INLINE void pack(enum g4_dtype dtype, unsigned char *panel, const unsigned char *w,
                    size_t stride, size_t rows, size_t k, strip_fn *strip)
{
    for (size_t s = 0; s < STRIPS; s++) {
        const size_t here = rows > s * LANES ? rows - s * LANES : 0;
        unsigned char *at = panel + s * strip_bytes(dtype);
        if (here >= LANES)
            strip(at, w + s * LANES * stride, stride, k, w + (s + 1) * LANES * stride);
        else
            pack_part(dtype, at, w + (here ? s * LANES * stride : 0), stride, here, k, strip);
    }
}

#endif

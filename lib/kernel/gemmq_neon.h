/*
 * gemmq_neon.h - gemm_q8: panels of eight rows of W in bytes, and rows of x over them. An including
 * file has
 *
 *     PIECE      how many neighbours along k an instruction multiplies: bytes of a row that lie
 *                side by side in a panel
 *     XR         most rows of x in a tile
 *     tile       y[m, cols] = x[m, k] panel for m <= XR
 *
 * A panel is, group after group of 32 along k,
 *
 *     code[32 / PIECE][8][PIECE]    signed, without their offset
 *     scale[8], min[8]              of the rows; min in types that have it
 *     within[2][8]                  Q6_K: the whole-numbered scales of both sixteens
 *
 * Sums of a group are whole numbers, and floats are taken in the order and by the operations of
 * gemvq.h: the same bits.
 */
#ifndef G4_KERNEL_GEMMQ_NEON_H
#define G4_KERNEL_GEMMQ_NEON_H

#include "lib/kernel/blocks_neon.h"
#include "lib/kernel/isa.h"

enum {
    NR = 8,
    LINE = 64, /* bytes panels are a multiple of */
    AT_SCALE = NR * GROUP,
    AT_MIN = AT_SCALE + NR * 4, /* or `within` */
};

/* Bytes of a group of a panel. */
G4_INLINE size_t group_bytes(enum g4_dtype dtype)
{
    if (dtype == G4_DTYPE_Q6_K)
        return AT_MIN + 2 * NR * sizeof(int32_t);
    return has_min(dtype) ? AT_MIN + NR * sizeof(float) : AT_MIN;
}

static size_t panel_bytes(enum g4_dtype dtype, size_t k)
{
    return (k / GROUP * group_bytes(dtype) + LINE - 1) / LINE * LINE;
}

/* Group g of a block of row r. */
G4_INLINE void pack_group(enum g4_dtype dtype, unsigned char *to, const unsigned char *block,
                          const struct block_scales *s, size_t g, size_t r)
{
    const struct codes codes = load_codes(dtype, block, g);
    const int8x16_t offset = vdupq_n_s8((int8_t)code_offset(dtype));
    int8_t bytes[GROUP];
    vst1q_s8(bytes, vsubq_s8(codes.a, offset));
    vst1q_s8(bytes + 16, vsubq_s8(codes.b, offset));
#pragma GCC unroll UNROLL
    for (size_t i = 0; i < GROUP / PIECE; i++)
        memcpy(to + (i * NR + r) * PIECE, bytes + i * PIECE, PIECE);
    const float scale = dtype == G4_DTYPE_Q6_K ? s->d : s->scale[2 * g];
    memcpy(to + AT_SCALE + r * sizeof scale, &scale, sizeof scale);
    if (has_min(dtype))
        memcpy(to + AT_MIN + r * sizeof(float), &s->min[g], sizeof(float));
    if (dtype == G4_DTYPE_Q6_K) {
        for (size_t i = 0; i < 2; i++) {
            const int32_t within = (int8_t)block[192 + 2 * g + i];
            memcpy(to + AT_MIN + (i * NR + r) * sizeof within, &within, sizeof within);
        }
    }
}

G4_INLINE void pack(enum g4_dtype dtype, unsigned char *panel, const unsigned char *w,
                    size_t stride, size_t rows, size_t k)
{
    const size_t groups = groups_of_block(dtype), bytes = group_bytes(dtype);
    for (size_t r = 0; r < NR; r++) { /* rows that do not exist: the last one once more */
        const unsigned char *block = w + (r < rows ? r : rows - 1) * stride;
        unsigned char *to = panel;
        for (size_t i = 0; i < k / GROUP; i += groups, block += block_size(dtype)) {
            struct block_scales s;
            load_block_scales(dtype, block, &s);
#pragma GCC unroll UNROLL
            for (size_t g = 0; g < groups; g++, to += bytes)
                pack_group(dtype, to, block, &s, g, r);
        }
    }
}

/* Rows of x from `first` on, as a tile sees them. */
struct x_rows {
    const int8_t *q;
    const float *d, *m;
    size_t ldq, ldd;
};

G4_INLINE struct x_rows rows_of(const struct g4_q8 *x, size_t first)
{
    return (struct x_rows){x->q + first * x->ldq, x->d + first * x->ldd, x->m + first * x->ldd,
                           x->ldq, x->ldd};
}

/* m is a constant. */
G4_INLINE void tile(enum g4_dtype dtype, float *y, size_t ldy, const struct x_rows *x,
                    const unsigned char *panel, size_t cols, size_t k, const size_t m);

G4_INLINE void multiply_rows(enum g4_dtype dtype, float *y, size_t ldy, const struct g4_q8 *x,
                             size_t first, size_t m, const unsigned char *panel, size_t cols,
                             size_t k)
{
    for (size_t j = 0; j < m; j += XR, y += XR * ldy) {
        const struct x_rows rows = rows_of(x, first + j);
        switch (m - j) {
        case 1: tile(dtype, y, ldy, &rows, panel, cols, k, 1); break;
        case 2: tile(dtype, y, ldy, &rows, panel, cols, k, 2); break;
        case 3: tile(dtype, y, ldy, &rows, panel, cols, k, 3); break;
        default: tile(dtype, y, ldy, &rows, panel, cols, k, XR); break;
        }
    }
}

#define GEMM_Q8(name, dtype)                                                                       \
    static void pack_##name(void *panel, const void *w, size_t stride, size_t rows, size_t k)      \
    {                                                                                              \
        pack(dtype, panel, w, stride, rows, k);                                                    \
    }                                                                                              \
    static void multiply_##name(float *y, size_t ldy, const struct g4_q8 *x, size_t first,         \
                                size_t m, const void *panel, size_t cols, size_t k,                \
                                const void *next, size_t ahead)                                    \
    {                                                                                              \
        (void)next;                                                                                \
        (void)ahead;                                                                               \
        multiply_rows(dtype, y, ldy, x, first, m, panel, cols, k);                                 \
    }

PRODUCT_TYPES(GEMM_Q8)

#define SET_GEMM_Q8(name, dtype)                                                                   \
    gemm->pack[dtype] = pack_##name;                                                               \
    gemm->multiply[dtype] = multiply_##name;

/* More rows are never quicker in floats: an instruction multiplies a quarter or half as many. */
static void set_gemm_q8(struct g4_gemm_q8 *gemm, const char *name, size_t rows_to_pack)
{
    *gemm = (struct g4_gemm_q8){
        .name = name,
        .nr = NR,
        .rows_to_pack = rows_to_pack,
        .rows_at_most = SIZE_MAX,
        .panel_bytes = panel_bytes,
    };
    PRODUCT_TYPES(SET_GEMM_Q8)
}

#endif

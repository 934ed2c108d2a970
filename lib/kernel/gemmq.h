/*
 * gemmq.h - gemm_q8: the loops, for registers of any size. An including file has panels.h, what
 * sums.h asks for, and
 *
 *     PARTS          partial sums of a pair of rows, as gemv_q8 of the level has them
 *     MR             rows of x at a time
 *     TOGETHER       strips at a time: their codes are in registers while rows of x pass
 *     add_fours      integer sums += those of four registers of codes
 *     store_parts    the sum of the partial sums
 *
 * Rows of x pass over a panel group after group. Group g of a pair of rows goes to partial sum
 * g % PARTS: the order in which gemv_q8 adds, hence its bits.
 */
#ifndef G4_KERNEL_GEMMQ_H
#define G4_KERNEL_GEMMQ_H

#include "lib/kernel/sums.h"

/* Adds the products of a group of n rows of x with strips s0 .. of the panel to sum. x and panel
 * are those of the group, g its place in `start`. */
G4_INLINE void add_group(enum g4_dtype dtype, fvec (*sum)[STRIPS], const struct g4_q8 *x, size_t n,
                         int32_t (*start)[2 * AT_ONCE], size_t g, const unsigned char *panel,
                         size_t s0)
{
    const enum kind kind = kind_of(dtype);
    const size_t bytes = strip_bytes(dtype);
    ivec code[TOGETHER][FOURS];
    panel += s0 * bytes;
#pragma GCC unroll UNROLL
    for (size_t i = 0; i < TOGETHER * FOURS; i++)
        code[i / FOURS][i % FOURS] = codes_at(panel + i / FOURS * bytes, i % FOURS);
    for (size_t j = 0; j < n; j++) {
        const int8_t *q = x->q + j * x->ldq;
        const fvec d = spread(x->d + j * x->ldd), m = spread(x->m + j * x->ldd);
        ivec a[TOGETHER], b[TOGETHER];
#pragma GCC unroll UNROLL
        for (size_t s = 0; s < TOGETHER; s++) {
            a[s] = start_at(dtype, start[j], g, 0);
            b[s] = start_at(dtype, start[j], g, 1);
        }
        add_fours(dtype, a, code, q, 0);
        add_fours(dtype, kind == SIXTEENS ? b : a, code, q, 4);
#pragma GCC unroll UNROLL
        for (size_t s = 0; s < TOGETHER; s++)
            sum[j][s0 + s] = add_scaled(dtype, sum[j][s0 + s], a[s], b[s], panel + s * bytes, d, m);
    }
}

/* Rows first .. first+n-1 of x, n at most MR. With every group `ahead` bytes more at next are
 * fetched. */
G4_INLINE void multiply_rows(enum g4_dtype dtype, float *y, size_t ldy, const struct g4_q8 *x,
                             size_t first, size_t n, const unsigned char *panel, size_t cols,
                             size_t groups, const unsigned char *next, size_t ahead)
{
    int32_t start[MR][2 * AT_ONCE];
    fvec sum[PARTS][MR][STRIPS];
    for (size_t p = 0; p < PARTS; p++)
        memset(sum[p], 0, n * sizeof sum[p][0]);
    for (size_t g = 0; g < groups; g++, panel += STRIPS * strip_bytes(dtype)) {
        struct g4_q8 here = *x;
        for (size_t end = ahead; end > 0; end -= LINE, next += LINE)
            fetch(next, LINE);
        if (g % AT_ONCE == 0 && panel_offset(dtype))
            starts_of_rows(dtype, start, x, first, n, g,
                           groups - g < AT_ONCE ? groups - g : AT_ONCE);
        here.q += first * x->ldq + g * GROUP;
        here.d += first * x->ldd + g;
        here.m += first * x->ldd + g;
        for (size_t s = 0; s < STRIPS; s += TOGETHER)
            add_group(dtype, sum[g % PARTS], &here, n, start, g % AT_ONCE, panel, s);
    }
    for (size_t j = 0; j < n; j++)
        for (size_t s = 0; s < STRIPS && cols > s * LANES; s++)
            store_parts(y + j * ldy + s * LANES, cols - s * LANES, &sum[0][j][s], MR * STRIPS);
}

#define GEMM_Q8(name, dtype)                                                                       \
    static __attribute__((noinline)) void strip_##name(unsigned char *panel,                       \
                                                       const unsigned char *p, size_t stride,      \
                                                       size_t k, const unsigned char *next)        \
    {                                                                                              \
        pack_strip(dtype, panel, p, stride, k, next);                                              \
    }                                                                                              \
    static void pack_##name(void *panel, const void *w, size_t stride, size_t rows, size_t k)      \
    {                                                                                              \
        pack(dtype, panel, w, stride, rows, k, strip_##name);                                      \
    }                                                                                              \
    static void multiply_##name(float *y, size_t ldy, const struct g4_q8 *x, size_t first,         \
                                size_t m, const void *panel, size_t cols, size_t k,                \
                                const void *next, size_t ahead)                                    \
    {                                                                                              \
        const size_t lines = ahead / LINE / (k / GROUP + !k);                                      \
        for (size_t i = 0; i < m; i += MR)                                                         \
            multiply_rows(dtype, y + i * ldy, ldy, x, first + i, m - i < MR ? m - i : MR, panel,   \
                          cols, k / GROUP, next, i == 0 ? lines * LINE : 0);                       \
    }

PRODUCT_TYPES(GEMM_Q8)

#define SET_GEMM_Q8(name, dtype)                                                                   \
    gemm->pack[dtype] = pack_##name;                                                               \
    gemm->multiply[dtype] = multiply_##name;

static void set_gemm_q8(struct g4_gemm_q8 *gemm)
{
    gemm->nr = NR;
    gemm->panel_bytes = panel_bytes;
    PRODUCT_TYPES(SET_GEMM_Q8)
}

#endif

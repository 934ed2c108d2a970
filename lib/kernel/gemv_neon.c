/*
 * gemv_neon.c - products of a few rows with weights where they lie, and widening.
 *
 * gemv: tiles of 4 rows of W by up to 4 rows of x. The sum of a pair of rows is always the same 4
 * partial sums in the same order, whatever tile it is part of, hence the same bits in every batch.
 */
#include "lib/kernel/isa.h"

#if defined(__ARM_NEON)

#include "lib/kernel/neon.h"

enum {
    WR = 4,        /* rows of W at a time */
    XR = 4,        /* most rows of x at a time */
    LINE = 64,     /* bytes of a cache line */
    AHEAD = 1024,  /* bytes of a row of W to what is fetched meanwhile */
    SUM_KEYS = 16, /* rows of V at a time in weighted_sum, so that their lines are used whole */
    SUM_ROWS = 4,  /* most rows of p at a time */
};

/* sum[xr][wr] += x[xr, 4] W[wr, 4]^T, of which `left` columns exist. */
G4_INLINE void step(enum g4_dtype dtype, float32x4_t sum[XR][WR], const float *x, size_t ldx,
                    const unsigned char *w, size_t stride, size_t left, const size_t wr,
                    const size_t xr)
{
    float32x4_t v[WR];
#pragma GCC unroll UNROLL
    for (size_t r = 0; r < wr; r++)
        v[r] = load_stored(dtype, w + r * stride, left);
#pragma GCC unroll UNROLL
    for (size_t j = 0; j < xr; j++) {
        const float32x4_t a = load(x + j * ldx, left);
#pragma GCC unroll UNROLL
        for (size_t r = 0; r < wr; r++)
            sum[j][r] = vfmaq_f32(sum[j][r], a, v[r]);
    }
}

/* y[xr, wr] = x[xr, k] W[wr, k]^T; wr and xr are constants. */
G4_INLINE void tile(enum g4_dtype dtype, float *y, size_t ldy, const float *x, size_t ldx,
                    const unsigned char *w, size_t stride, size_t k, const size_t wr,
                    const size_t xr)
{
    const size_t bytes = element_bytes(dtype), line = LINE / bytes;
    float32x4_t sum[XR][WR];
    size_t i = 0;
#pragma GCC unroll UNROLL
    for (size_t j = 0; j < xr; j++)
#pragma GCC unroll UNROLL
        for (size_t r = 0; r < wr; r++)
            sum[j][r] = vdupq_n_f32(0);
    for (; i + line <= k; i += line) {
#pragma GCC unroll UNROLL
        for (size_t r = 0; r < wr; r++)
            __builtin_prefetch(w + r * stride + i * bytes + AHEAD);
#pragma GCC unroll UNROLL
        for (size_t at = i; at < i + line; at += 4)
            step(dtype, sum, x + at, ldx, w + at * bytes, stride, 4, wr, xr);
    }
    for (; i + 4 <= k; i += 4)
        step(dtype, sum, x + i, ldx, w + i * bytes, stride, 4, wr, xr);
    if (i < k)
        step(dtype, sum, x + i, ldx, w + i * bytes, stride, k - i, wr, xr);
#pragma GCC unroll UNROLL
    for (size_t j = 0; j < xr; j++)
#pragma GCC unroll UNROLL
        for (size_t r = 0; r < wr; r++)
            y[j * ldy + r] = vaddvq_f32(sum[j][r]);
}

/* The products of wr rows of W with n rows of x, at most XR of them. */
G4_INLINE void tile_rows(enum g4_dtype dtype, float *y, size_t ldy, const float *x, size_t ldx,
                         size_t n, const unsigned char *w, size_t stride, size_t k, const size_t wr)
{
    switch (n) {
    case 1: tile(dtype, y, ldy, x, ldx, w, stride, k, wr, 1); break;
    case 2: tile(dtype, y, ldy, x, ldx, w, stride, k, wr, 2); break;
    case 3: tile(dtype, y, ldy, x, ldx, w, stride, k, wr, 3); break;
    default: tile(dtype, y, ldy, x, ldx, w, stride, k, wr, XR); break;
    }
}

G4_INLINE void gemv(enum g4_dtype dtype, float *y, size_t ldy, const float *x, size_t ldx, size_t n,
                    const void *w, size_t stride, size_t rows, size_t k)
{
    const unsigned char *base = w;
    size_t r = 0;
    for (; r + WR <= rows; r += WR)
        for (size_t j = 0; j < n; j += XR)
            tile_rows(dtype, y + j * ldy + r, ldy, x + j * ldx, ldx, n - j < XR ? n - j : XR,
                      base + r * stride, stride, k, WR);
    for (; r < rows; r++)
        for (size_t j = 0; j < n; j++)
            tile(dtype, y + j * ldy + r, ldy, x + j * ldx, ldx, base + r * stride, stride, k, 1, 1);
}

/* y[m, 16] += p[m, keys] V[keys, 16]; m is a constant. */
G4_INLINE void sum_tile(enum g4_dtype dtype, float *y, size_t ldy, const float *p, size_t ldp,
                        const unsigned char *v, size_t stride, size_t keys, size_t left,
                        const size_t m)
{
    float32x4_t sum[SUM_ROWS][4], column[4];
#pragma GCC unroll UNROLL
    for (size_t r = 0; r < m; r++)
#pragma GCC unroll UNROLL
        for (size_t c = 0; c < 4; c++)
            sum[r][c] = load(y + r * ldy + 4 * c, behind(left, 4 * c));
    for (size_t i = 0; i < keys; i++) {
        const unsigned char *row = v + i * stride;
#pragma GCC unroll UNROLL
        for (size_t c = 0; c < 4; c++)
            column[c] = load_stored(dtype, row + 4 * c * element_bytes(dtype), behind(left, 4 * c));
#pragma GCC unroll UNROLL
        for (size_t r = 0; r < m; r++)
#pragma GCC unroll UNROLL
            for (size_t c = 0; c < 4; c++)
                sum[r][c] = vfmaq_n_f32(sum[r][c], column[c], p[r * ldp + i]);
    }
#pragma GCC unroll UNROLL
    for (size_t r = 0; r < m; r++)
#pragma GCC unroll UNROLL
        for (size_t c = 0; c < 4; c++)
            store(y + r * ldy + 4 * c, behind(left, 4 * c), sum[r][c]);
}

/* As many rows at once as there are. */
G4_INLINE size_t sum_rows(enum g4_dtype dtype, float *y, size_t ldy, const float *p, size_t ldp,
                          size_t rows, const unsigned char *v, size_t stride, size_t keys,
                          size_t left)
{
    if (rows >= SUM_ROWS) {
        sum_tile(dtype, y, ldy, p, ldp, v, stride, keys, left, SUM_ROWS);
        return SUM_ROWS;
    }
    if (rows >= 2) {
        sum_tile(dtype, y, ldy, p, ldp, v, stride, keys, left, 2);
        return 2;
    }
    sum_tile(dtype, y, ldy, p, ldp, v, stride, keys, left, 1);
    return 1;
}

G4_INLINE void weighted_sum(enum g4_dtype dtype, float *y, size_t ldy, const float *p, size_t ldp,
                            size_t m, const void *v, size_t stride, size_t k, size_t d)
{
    for (size_t i = 0; i < k; i += SUM_KEYS) {
        const size_t keys = k - i < SUM_KEYS ? k - i : SUM_KEYS;
        for (size_t c = 0; c < d; c += 16) {
            const unsigned char *base =
                (const unsigned char *)v + i * stride + c * element_bytes(dtype);
            for (size_t r = 0; r < m;)
                r += d - c >= 16 ? sum_rows(dtype, y + r * ldy + c, ldy, p + r * ldp + i, ldp,
                                            m - r, base, stride, keys, 16)
                                 : sum_rows(dtype, y + r * ldy + c, ldy, p + r * ldp + i, ldp,
                                            m - r, base, stride, keys, d - c);
        }
    }
}

G4_INLINE void widen(enum g4_dtype dtype, float *y, const void *w, size_t n, float scale)
{
    for (size_t i = 0; i < n; i += 4) {
        const unsigned char *p = (const unsigned char *)w + i * element_bytes(dtype);
        store(y + i, n - i, vmulq_n_f32(load_stored(dtype, p, n - i), scale));
    }
}

#define SLOTS(name, dtype)                                                                         \
    static void gemv_##name##_neon(float *y, size_t ldy, const float *x, size_t ldx, size_t n,     \
                                   const void *w, size_t stride, size_t rows, size_t k)            \
    {                                                                                              \
        gemv(dtype, y, ldy, x, ldx, n, w, stride, rows, k);                                        \
    }                                                                                              \
    static void weighted_sum_##name##_neon(float *y, size_t ldy, const float *p, size_t ldp,       \
                                           size_t m, const void *v, size_t stride, size_t k,       \
                                           size_t d)                                               \
    {                                                                                              \
        weighted_sum(dtype, y, ldy, p, ldp, m, v, stride, k, d);                                   \
    }                                                                                              \
    static void widen_##name##_neon(float *y, const void *w, size_t n, float scale)                \
    {                                                                                              \
        widen(dtype, y, w, n, scale);                                                              \
    }

#define SET_SLOTS(name, dtype_)                                                                    \
    kernels->dtype[dtype_].gemv = gemv_##name##_neon;                                              \
    kernels->dtype[dtype_].weighted_sum = weighted_sum_##name##_neon;                              \
    kernels->dtype[dtype_].widen = widen_##name##_neon;

SLOTS(f32, G4_DTYPE_F32)
SLOTS(f16, G4_DTYPE_F16)
SLOTS(bf16, G4_DTYPE_BF16)

void g4_kernels_init_gemv_neon(struct g4_kernels *kernels)
{
    SET_SLOTS(f32, G4_DTYPE_F32)
    SET_SLOTS(f16, G4_DTYPE_F16)
    SET_SLOTS(bf16, G4_DTYPE_BF16)
}

#else

void g4_kernels_init_gemv_neon(struct g4_kernels *kernels)
{
    (void)kernels;
}

#endif

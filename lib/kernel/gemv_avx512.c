/*
 * gemv_avx512.c - products of a few rows with weights where they lie, and widening.
 *
 * gemv: tiles of 4 rows of W by up to 4 rows of x. The sum of a pair of rows is always the same 16
 * partial sums in the same order, whatever tile it is part of, hence the same bits in every batch.
 */
#include "lib/kernel/isa.h"

#if defined(__AVX512F__)

#include "lib/kernel/avx512.h"

enum {
    WR = 4,        /* rows of W at a time */
    XR = 4,        /* most rows of x at a time */
    LINE = 64,     /* bytes of a cache line */
    AHEAD = 16384, /* bytes from a row of W to what is fetched meanwhile: memory is far away */
    SUM_KEYS = 16, /* rows of V at a time in weighted_sum, so that their lines are used whole */
    SUM_ROWS = 8,  /* most rows of p at a time */
};

/* sum[xr][wr] += x[xr, 16] W[wr, 16]^T, of which `left` columns exist. */
G4_INLINE void step(enum g4_dtype dtype, __m512 sum[XR][WR], const float *x, size_t ldx,
                    const unsigned char *w, size_t stride, size_t left, const size_t wr,
                    const size_t xr)
{
    __m512 v[WR];
#pragma GCC unroll UNROLL
    for (size_t r = 0; r < wr; r++)
        v[r] = load_stored(dtype, w + r * stride, left);
#pragma GCC unroll UNROLL
    for (size_t j = 0; j < xr; j++) {
        const __m512 a = load(x + j * ldx, left);
#pragma GCC unroll UNROLL
        for (size_t r = 0; r < wr; r++)
            sum[j][r] = _mm512_fmadd_ps(a, v[r], sum[j][r]);
    }
}

/* y[xr, wr] = x[xr, k] W[wr, k]^T; wr and xr are constants. What lies `ahead` bytes on is fetched
 * meanwhile. */
G4_INLINE void tile(enum g4_dtype dtype, float *y, size_t ldy, const float *x, size_t ldx,
                    const unsigned char *w, size_t stride, size_t ahead, size_t k, const size_t wr,
                    const size_t xr)
{
    const size_t bytes = element_bytes(dtype), line = LINE / bytes;
    __m512 sum[XR][WR];
    size_t i = 0;
#pragma GCC unroll UNROLL
    for (size_t j = 0; j < xr; j++)
#pragma GCC unroll UNROLL
        for (size_t r = 0; r < wr; r++)
            sum[j][r] = _mm512_setzero_ps();
    for (; i + line <= k; i += line) {
#pragma GCC unroll UNROLL
        for (size_t r = 0; r < wr; r++)
            _mm_prefetch((const char *)w + r * stride + i * bytes + ahead, _MM_HINT_T1);
#pragma GCC unroll UNROLL
        for (size_t at = i; at < i + line; at += 16)
            step(dtype, sum, x + at, ldx, w + at * bytes, stride, 16, wr, xr);
    }
    for (; i < k; i += 16)
        step(dtype, sum, x + i, ldx, w + i * bytes, stride, k - i, wr, xr);
#pragma GCC unroll UNROLL
    for (size_t j = 0; j < xr; j++)
#pragma GCC unroll UNROLL
        for (size_t r = 0; r < wr; r++)
            y[j * ldy + r] = _mm512_reduce_add_ps(sum[j][r]);
}

/* The products of WR rows of W with n rows of x, at most XR of them. */
G4_INLINE void tile_rows(enum g4_dtype dtype, float *y, size_t ldy, const float *x, size_t ldx,
                         size_t n, const unsigned char *w, size_t stride, size_t ahead, size_t k)
{
    switch (n) {
    case 1: tile(dtype, y, ldy, x, ldx, w, stride, ahead, k, WR, 1); break;
    case 2: tile(dtype, y, ldy, x, ldx, w, stride, ahead, k, WR, 2); break;
    case 3: tile(dtype, y, ldy, x, ldx, w, stride, ahead, k, WR, 3); break;
    default: tile(dtype, y, ldy, x, ldx, w, stride, ahead, k, WR, XR); break;
    }
}

G4_INLINE void gemv(enum g4_dtype dtype, float *y, size_t ldy, const float *x, size_t ldx, size_t n,
                    const void *w, size_t stride, size_t rows, size_t k)
{
    /* whole rows beyond this tile: the same columns are fetched; stride may be 0 */
    const size_t ahead = (AHEAD / (stride + 1) + WR) * stride;
    const unsigned char *base = w;
    size_t r = 0;
    for (; r + WR <= rows; r += WR)
        for (size_t j = 0; j < n; j += XR)
            tile_rows(dtype, y + j * ldy + r, ldy, x + j * ldx, ldx, n - j < XR ? n - j : XR,
                      base + r * stride, stride, ahead, k);
    for (; r < rows; r++)
        for (size_t j = 0; j < n; j++)
            tile(dtype, y + j * ldy + r, ldy, x + j * ldx, ldx, base + r * stride, stride, ahead, k,
                 1, 1);
}

/* y[m, 32] += p[m, keys] V[keys, 32]; m is a constant. */
G4_INLINE void sum_tile(enum g4_dtype dtype, float *y, size_t ldy, const float *p, size_t ldp,
                        const unsigned char *v, size_t stride, size_t keys, size_t left,
                        const size_t m)
{
    const size_t second = left > 16 ? left - 16 : 0;
    __m512 sum[SUM_ROWS][2];
#pragma GCC unroll UNROLL
    for (size_t r = 0; r < m; r++) {
        sum[r][0] = load(y + r * ldy, left);
        sum[r][1] = load(y + r * ldy + 16, second);
    }
    for (size_t i = 0; i < keys; i++) {
        const unsigned char *row = v + i * stride;
        _mm_prefetch((const char *)row + SUM_KEYS * stride, _MM_HINT_T1);
        const __m512 v0 = load_stored(dtype, row, left);
        const __m512 v1 = load_stored(dtype, row + 16 * element_bytes(dtype), second);
#pragma GCC unroll UNROLL
        for (size_t r = 0; r < m; r++) {
            const __m512 a = _mm512_set1_ps(p[r * ldp + i]);
            sum[r][0] = _mm512_fmadd_ps(a, v0, sum[r][0]);
            sum[r][1] = _mm512_fmadd_ps(a, v1, sum[r][1]);
        }
    }
#pragma GCC unroll UNROLL
    for (size_t r = 0; r < m; r++) {
        store(y + r * ldy, left, sum[r][0]);
        store(y + r * ldy + 16, second, sum[r][1]);
    }
}

/* m rows at once when there are that many. */
G4_INLINE size_t sum_rows(enum g4_dtype dtype, float *y, size_t ldy, const float *p, size_t ldp,
                          size_t rows, const unsigned char *v, size_t stride, size_t keys,
                          size_t left)
{
    if (rows >= SUM_ROWS) {
        sum_tile(dtype, y, ldy, p, ldp, v, stride, keys, left, SUM_ROWS);
        return SUM_ROWS;
    }
    if (rows >= 4) {
        sum_tile(dtype, y, ldy, p, ldp, v, stride, keys, left, 4);
        return 4;
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
        for (size_t c = 0; c < d; c += 32) {
            const unsigned char *base =
                (const unsigned char *)v + i * stride + c * element_bytes(dtype);
            for (size_t r = 0; r < m;)
                r += sum_rows(dtype, y + r * ldy + c, ldy, p + r * ldp + i, ldp, m - r, base,
                              stride, keys, d - c);
        }
    }
}

G4_INLINE void widen(enum g4_dtype dtype, float *y, const void *w, size_t n, float scale)
{
    const __m512 s = _mm512_set1_ps(scale);
    for (size_t i = 0; i < n; i += 16) {
        const unsigned char *p = (const unsigned char *)w + i * element_bytes(dtype);
        store(y + i, n - i, _mm512_mul_ps(load_stored(dtype, p, n - i), s));
    }
}

static void gemv_f32_avx512(float *y, size_t ldy, const float *x, size_t ldx, size_t n,
                            const void *w, size_t stride, size_t rows, size_t k)
{
    gemv(G4_DTYPE_F32, y, ldy, x, ldx, n, w, stride, rows, k);
}

static void gemv_f16_avx512(float *y, size_t ldy, const float *x, size_t ldx, size_t n,
                            const void *w, size_t stride, size_t rows, size_t k)
{
    gemv(G4_DTYPE_F16, y, ldy, x, ldx, n, w, stride, rows, k);
}

static void gemv_bf16_avx512(float *y, size_t ldy, const float *x, size_t ldx, size_t n,
                             const void *w, size_t stride, size_t rows, size_t k)
{
    gemv(G4_DTYPE_BF16, y, ldy, x, ldx, n, w, stride, rows, k);
}

static void weighted_sum_f32_avx512(float *y, size_t ldy, const float *p, size_t ldp, size_t m,
                                    const void *v, size_t stride, size_t k, size_t d)
{
    weighted_sum(G4_DTYPE_F32, y, ldy, p, ldp, m, v, stride, k, d);
}

static void weighted_sum_f16_avx512(float *y, size_t ldy, const float *p, size_t ldp, size_t m,
                                    const void *v, size_t stride, size_t k, size_t d)
{
    weighted_sum(G4_DTYPE_F16, y, ldy, p, ldp, m, v, stride, k, d);
}

static void weighted_sum_bf16_avx512(float *y, size_t ldy, const float *p, size_t ldp, size_t m,
                                     const void *v, size_t stride, size_t k, size_t d)
{
    weighted_sum(G4_DTYPE_BF16, y, ldy, p, ldp, m, v, stride, k, d);
}

static void widen_f32_avx512(float *y, const void *w, size_t n, float scale)
{
    widen(G4_DTYPE_F32, y, w, n, scale);
}

static void widen_f16_avx512(float *y, const void *w, size_t n, float scale)
{
    widen(G4_DTYPE_F16, y, w, n, scale);
}

static void widen_bf16_avx512(float *y, const void *w, size_t n, float scale)
{
    widen(G4_DTYPE_BF16, y, w, n, scale);
}

void g4_kernels_init_gemv_avx512(struct g4_kernels *kernels)
{
    struct g4_kernels_dtype *f32 = &kernels->dtype[G4_DTYPE_F32],
                            *f16 = &kernels->dtype[G4_DTYPE_F16];
    struct g4_kernels_dtype *bf16 = &kernels->dtype[G4_DTYPE_BF16];
    f32->gemv = gemv_f32_avx512;
    f16->gemv = gemv_f16_avx512;
    bf16->gemv = gemv_bf16_avx512;
    f32->weighted_sum = weighted_sum_f32_avx512;
    f16->weighted_sum = weighted_sum_f16_avx512;
    bf16->weighted_sum = weighted_sum_bf16_avx512;
    f32->widen = widen_f32_avx512;
    f16->widen = widen_f16_avx512;
    bf16->widen = widen_bf16_avx512;
}

#else

void g4_kernels_init_gemv_avx512(struct g4_kernels *kernels)
{
    (void)kernels;
}

#endif

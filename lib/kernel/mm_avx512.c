/*
 * mm_avx512.c - gemm with tiles of 12 x 32 floats, and the packing of its panels.
 *
 * A tile keeps 24 registers of sums; each step of k loads 32 columns of the panel (2 registers) and
 * multiplies them with one number of each of 12 rows.
 */
#include "lib/kernel/isa.h"

#if defined(__AVX512F__)

#include "lib/kernel/avx512.h"

enum { MR = 12, NR = 32, KC = 512 };

/* y[rows, 32] (+)= x[rows, k] panel[k, 32]; rows is a constant. */
G4_INLINE void tile(float *y, size_t ldy, const float *x, size_t ldx, const float *panel,
                    size_t cols, size_t k, bool add, const size_t rows)
{
    __m512 sum[MR][2];
#pragma GCC unroll UNROLL
    for (size_t r = 0; r < rows; r++)
        sum[r][0] = sum[r][1] = _mm512_setzero_ps();

    /* rows 0, 3, 6, 9; the others are one or two strides on: addresses the processor adds itself */
    const float *x0 = x, *x3 = x + 3 * ldx, *x6 = x + 6 * ldx, *x9 = x + 9 * ldx;
    for (size_t i = 0; i < k; i++) {
        const __m512 b0 = _mm512_load_ps(panel + i * NR), b1 = _mm512_load_ps(panel + i * NR + 16);
#pragma GCC unroll UNROLL
        for (size_t r = 0; r < rows; r++) {
            const float *base = r < 3 ? x0 : r < 6 ? x3 : r < 9 ? x6 : x9;
            const __m512 a = _mm512_set1_ps(base[r % 3 * ldx + i]);
            sum[r][0] = _mm512_fmadd_ps(a, b0, sum[r][0]);
            sum[r][1] = _mm512_fmadd_ps(a, b1, sum[r][1]);
        }
    }

    const size_t second = cols > 16 ? cols - 16 : 0;
#pragma GCC unroll UNROLL
    for (size_t r = 0; r < rows; r++) {
        float *row = y + r * ldy;
        if (add) {
            sum[r][0] = _mm512_add_ps(load(row, cols), sum[r][0]);
            sum[r][1] = _mm512_add_ps(load(row + 16, second), sum[r][1]);
        }
        store(row, cols, sum[r][0]);
        store(row + 16, second, sum[r][1]);
    }
}

static void tile_rows(float *y, size_t ldy, const float *x, size_t ldx, size_t m,
                      const float *panel, size_t cols, size_t k, bool add)
{
    switch (m) {
    case 1: tile(y, ldy, x, ldx, panel, cols, k, add, 1); break;
    case 2: tile(y, ldy, x, ldx, panel, cols, k, add, 2); break;
    case 3: tile(y, ldy, x, ldx, panel, cols, k, add, 3); break;
    case 4: tile(y, ldy, x, ldx, panel, cols, k, add, 4); break;
    case 5: tile(y, ldy, x, ldx, panel, cols, k, add, 5); break;
    case 6: tile(y, ldy, x, ldx, panel, cols, k, add, 6); break;
    case 7: tile(y, ldy, x, ldx, panel, cols, k, add, 7); break;
    case 8: tile(y, ldy, x, ldx, panel, cols, k, add, 8); break;
    case 9: tile(y, ldy, x, ldx, panel, cols, k, add, 9); break;
    case 10: tile(y, ldy, x, ldx, panel, cols, k, add, 10); break;
    case 11: tile(y, ldy, x, ldx, panel, cols, k, add, 11); break;
    default: tile(y, ldy, x, ldx, panel, cols, k, add, MR); break;
    }
}

static void multiply_avx512(float *y, size_t ldy, const void *x, size_t ldx, size_t m,
                            const void *panel, size_t cols, size_t k, bool add)
{
    const float *factors = x;
    for (; m >= MR; m -= MR, factors += MR * ldx, y += MR * ldy)
        tile_rows(y, ldy, factors, ldx, MR, panel, cols, k, add);
    if (m > 0)
        tile_rows(y, ldy, factors, ldx, m, panel, cols, k, add);
}

/* Bytes of a row: 16 rows at a time are too many for the hardware to foresee */
enum { AHEAD = 256 };

/* 16 rows by 16 elements into the panel. */
G4_INLINE void pack_block(enum g4_dtype dtype, float *panel, size_t nr, const unsigned char *w,
                          size_t stride, size_t rows, size_t left)
{
    __m512i v[16];
#pragma GCC unroll UNROLL
    for (size_t r = 0; r < 16; r++) {
        if (r < rows) {
            _mm_prefetch((const char *)w + r * stride + AHEAD, _MM_HINT_T0);
            v[r] = _mm512_castps_si512(load_stored(dtype, w + r * stride, left));
        } else {
            v[r] = _mm512_setzero_si512();
        }
    }
    transpose16(v);
#pragma GCC unroll UNROLL
    for (size_t i = 0; i < 16; i++)
        if (i < left)
            _mm512_store_si512(panel + i * nr, v[i]);
}

/* 16 rows by 32 bf16: pairs are transposed as words, then every word gives two floats. */
G4_INLINE void pack_block_bf16(float *panel, size_t nr, const unsigned char *w, size_t stride)
{
    __m512i v[16];
    const __m512i upper = _mm512_set1_epi32((int)0xffff0000);
#pragma GCC unroll UNROLL
    for (size_t r = 0; r < 16; r++) {
        _mm_prefetch((const char *)w + r * stride + AHEAD, _MM_HINT_T0);
        v[r] = _mm512_loadu_si512(w + r * stride);
    }
    transpose16(v);
#pragma GCC unroll UNROLL
    for (size_t i = 0; i < 16; i++) {
        _mm512_store_si512(panel + 2 * i * nr, _mm512_slli_epi32(v[i], 16));
        _mm512_store_si512(panel + (2 * i + 1) * nr, _mm512_and_si512(v[i], upper));
    }
}

/* nr is a multiple of 16. */
G4_INLINE void pack_rows(const struct g4_gemm *gemm, enum g4_dtype dtype, float *panel,
                         const void *w, size_t stride, size_t rows, size_t k)
{
    const size_t bytes = element_bytes(dtype), nr = gemm->nr;
    for (size_t r = 0; r < nr; r += 16) {
        const size_t used = rows > r ? rows - r : 0;
        const unsigned char *base = used ? (const unsigned char *)w + r * stride : w;
        size_t i = 0;
        if (dtype == G4_DTYPE_BF16 && used >= 16)
            for (; i + 32 <= k; i += 32)
                pack_block_bf16(panel + i * nr + r, nr, base + i * bytes, stride);
        for (; i < k; i += 16)
            pack_block(dtype, panel + i * nr + r, nr, base + i * bytes, stride, used, k - i);
    }
}

G4_INLINE void pack_cols(const struct g4_gemm *gemm, enum g4_dtype dtype, float *panel,
                         const void *w, size_t stride, size_t cols, size_t k)
{
    const size_t bytes = element_bytes(dtype), nr = gemm->nr;
    for (size_t i = 0; i < k; i++) {
        const unsigned char *row = (const unsigned char *)w + i * stride;
        for (size_t c = 0; c < nr; c += 16) {
            const __m512 v =
                c < cols ? load_stored(dtype, row + c * bytes, cols - c) : _mm512_setzero_ps();
            _mm512_store_ps(panel + i * nr + c, v);
        }
    }
}

#include "lib/kernel/packing.h"

void g4_kernels_init_mm_avx512(struct g4_kernels *kernels)
{
    struct g4_gemm *gemm = &kernels->gemm_f32;
    gemm->name = "avx512";
    gemm->mr = MR;
    gemm->nr = NR;
    gemm->kc = KC;
    set_packing(gemm);
    gemm->multiply = multiply_avx512;
}

#else

void g4_kernels_init_mm_avx512(struct g4_kernels *kernels)
{
    (void)kernels;
}

#endif

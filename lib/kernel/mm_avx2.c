/*
 * mm_avx2.c - gemm with tiles of 6 x 16 floats, and the packing of its panels.
 *
 * A tile keeps 12 registers of sums; each step of k loads 16 columns of the panel (2 registers) and
 * multiplies them with one number of each of 6 rows.
 */
#include "lib/kernel/isa.h"

#if defined(__AVX2__)

#include "lib/kernel/avx2.h"

enum { MR = 6, NR = 16, KC = 512 };

/* y[rows, 16] (+)= x[rows, k] panel[k, 16]; rows is a constant. */
G4_INLINE void tile(float *y, size_t ldy, const float *x, size_t ldx, const float *panel,
                    size_t cols, size_t k, bool add, const size_t rows)
{
    __m256 sum[MR][2];
#pragma GCC unroll UNROLL
    for (size_t r = 0; r < rows; r++)
        sum[r][0] = sum[r][1] = _mm256_setzero_ps();

    /* rows 0 and 3; the others are one and two strides on: addresses the processor adds itself */
    const float *x0 = x, *x3 = x + 3 * ldx;
    for (size_t i = 0; i < k; i++) {
        const __m256 b0 = _mm256_load_ps(panel + i * NR), b1 = _mm256_load_ps(panel + i * NR + 8);
#pragma GCC unroll UNROLL
        for (size_t r = 0; r < rows; r++) {
            const __m256 a = _mm256_broadcast_ss((r < 3 ? x0 : x3) + r % 3 * ldx + i);
            sum[r][0] = _mm256_fmadd_ps(a, b0, sum[r][0]);
            sum[r][1] = _mm256_fmadd_ps(a, b1, sum[r][1]);
        }
    }

    const size_t second = cols > 8 ? cols - 8 : 0;
#pragma GCC unroll UNROLL
    for (size_t r = 0; r < rows; r++) {
        float *row = y + r * ldy;
        if (add) {
            sum[r][0] = _mm256_add_ps(load(row, cols), sum[r][0]);
            sum[r][1] = _mm256_add_ps(load(row + 8, second), sum[r][1]);
        }
        store(row, cols, sum[r][0]);
        store(row + 8, second, sum[r][1]);
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
    default: tile(y, ldy, x, ldx, panel, cols, k, add, MR); break;
    }
}

static void multiply_avx2(float *y, size_t ldy, const void *x, size_t ldx, size_t m,
                          const void *panel, size_t cols, size_t k, bool add)
{
    const float *factors = x;
    for (; m >= MR; m -= MR, factors += MR * ldx, y += MR * ldy)
        tile_rows(y, ldy, factors, ldx, MR, panel, cols, k, add);
    if (m > 0)
        tile_rows(y, ldy, factors, ldx, m, panel, cols, k, add);
}

/* Transposes 8 x 8 words of 32 bits in place. */
G4_INLINE void transpose8(__m256i v[8])
{
    __m256i t[8];
#pragma GCC unroll UNROLL
    for (int i = 0; i < 8; i += 2) { /* pairs of rows: words of two rows interleaved */
        t[i] = _mm256_unpacklo_epi32(v[i], v[i + 1]);
        t[i + 1] = _mm256_unpackhi_epi32(v[i], v[i + 1]);
    }
#pragma GCC unroll UNROLL
    for (int i = 0; i < 8; i += 4) { /* 4 rows: each 128-bit lane holds a column of them */
        v[i] = _mm256_unpacklo_epi64(t[i], t[i + 2]);
        v[i + 1] = _mm256_unpackhi_epi64(t[i], t[i + 2]);
        v[i + 2] = _mm256_unpacklo_epi64(t[i + 1], t[i + 3]);
        v[i + 3] = _mm256_unpackhi_epi64(t[i + 1], t[i + 3]);
    }
#pragma GCC unroll UNROLL
    for (int i = 0; i < 4; i++) { /* lanes of rows 0-3 and 4-7 brought together */
        t[i] = _mm256_permute2x128_si256(v[i], v[i + 4], 0x20);
        t[i + 4] = _mm256_permute2x128_si256(v[i], v[i + 4], 0x31);
    }
#pragma GCC unroll UNROLL
    for (int i = 0; i < 8; i++)
        v[i] = t[i];
}

/* Bytes of a row: 8 rows at a time are too many for the hardware to foresee */
enum { AHEAD = 256 };

/* 8 rows by 8 elements into the panel. */
G4_INLINE void pack_block(enum g4_dtype dtype, float *panel, size_t nr, const unsigned char *w,
                          size_t stride, size_t rows, size_t left)
{
    __m256i v[8];
#pragma GCC unroll UNROLL
    for (size_t r = 0; r < 8; r++) {
        if (r < rows) {
            _mm_prefetch((const char *)w + r * stride + AHEAD, _MM_HINT_T0);
            v[r] = _mm256_castps_si256(load_stored(dtype, w + r * stride, left));
        } else {
            v[r] = _mm256_setzero_si256();
        }
    }
    transpose8(v);
#pragma GCC unroll UNROLL
    for (size_t i = 0; i < 8; i++)
        if (i < left)
            _mm256_store_si256((__m256i *)(void *)(panel + i * nr), v[i]);
}

/* 8 rows by 16 bf16: pairs are transposed as words, then every word gives two floats. */
G4_INLINE void pack_block_bf16(float *panel, size_t nr, const unsigned char *w, size_t stride)
{
    __m256i v[8];
    const __m256i upper = _mm256_set1_epi32((int)0xffff0000);
#pragma GCC unroll UNROLL
    for (size_t r = 0; r < 8; r++) {
        _mm_prefetch((const char *)w + r * stride + AHEAD, _MM_HINT_T0);
        v[r] = _mm256_loadu_si256((const __m256i *)(const void *)(w + r * stride));
    }
    transpose8(v);
#pragma GCC unroll UNROLL
    for (size_t i = 0; i < 8; i++) {
        float *to = panel + 2 * i * nr;
        _mm256_store_si256((__m256i *)(void *)to, _mm256_slli_epi32(v[i], 16));
        _mm256_store_si256((__m256i *)(void *)(to + nr), _mm256_and_si256(v[i], upper));
    }
}

/* nr is a multiple of 8. */
G4_INLINE void pack_rows(const struct g4_gemm *gemm, enum g4_dtype dtype, float *panel,
                         const void *w, size_t stride, size_t rows, size_t k)
{
    const size_t bytes = element_bytes(dtype), nr = gemm->nr;
    for (size_t r = 0; r < nr; r += 8) {
        const size_t used = rows > r ? rows - r : 0;
        const unsigned char *base = used ? (const unsigned char *)w + r * stride : w;
        size_t i = 0;
        if (dtype == G4_DTYPE_BF16 && used >= 8)
            for (; i + 16 <= k; i += 16)
                pack_block_bf16(panel + i * nr + r, nr, base + i * bytes, stride);
        for (; i < k; i += 8)
            pack_block(dtype, panel + i * nr + r, nr, base + i * bytes, stride, used, k - i);
    }
}

G4_INLINE void pack_cols(const struct g4_gemm *gemm, enum g4_dtype dtype, float *panel,
                         const void *w, size_t stride, size_t cols, size_t k)
{
    const size_t bytes = element_bytes(dtype), nr = gemm->nr;
    for (size_t i = 0; i < k; i++) {
        const unsigned char *row = (const unsigned char *)w + i * stride;
        for (size_t c = 0; c < nr; c += 8) {
            const __m256 v =
                c < cols ? load_stored(dtype, row + c * bytes, cols - c) : _mm256_setzero_ps();
            _mm256_store_ps(panel + i * nr + c, v);
        }
    }
}

#include "lib/kernel/packing.h"

void g4_kernels_init_mm_avx2(struct g4_kernels *kernels)
{
    struct g4_gemm *gemm = &kernels->gemm_f32;
    gemm->name = "avx2";
    gemm->mr = MR;
    gemm->nr = NR;
    gemm->kc = KC;
    set_packing(gemm);
    gemm->multiply = multiply_avx2;
}

#else

void g4_kernels_init_mm_avx2(struct g4_kernels *kernels)
{
    (void)kernels;
}

#endif

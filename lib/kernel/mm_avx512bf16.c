/*
 * mm_avx512bf16.c - gemm with bf16 factors: tiles of 12 x 32 sums, and the packing of its panels.
 *
 * An instruction multiplies 16 pairs of neighbours along k with another 16 and adds both products
 * of a pair to a float. A tile keeps 24 registers of sums; each pair of k loads 32 columns of the
 * panel (2 registers) and multiplies them with one pair of each of 12 rows.
 */
#include "lib/kernel/isa.h"

#if defined(__AVX512BF16__)

#include <string.h>

#include "lib/kernel/avx512.h"

enum { MR = 12, NV = 2, NR = 16 * NV, KC = 1024, STEP = 2 };

static size_t padded(const struct g4_gemm *gemm, size_t k)
{
    return (k + gemm->step - 1) / gemm->step * gemm->step;
}

G4_INLINE __m512bh as_bf16(__m512i v)
{
    __m512bh h;
    memcpy(&h, &v, sizeof h);
    return h;
}

G4_INLINE __m512i as_words(__m512bh h)
{
    __m512i v;
    memcpy(&v, &h, sizeof v);
    return v;
}

/* A pair of factors of one row, in every lane. */
G4_INLINE __m512bh broadcast_pair(const uint16_t *x)
{
    int32_t pair;
    memcpy(&pair, x, sizeof pair);
    return as_bf16(_mm512_set1_epi32(pair));
}

/* y[rows, 16 * vectors] (+)= x[rows, 2 * pairs] panel; rows and vectors are constants. */
G4_INLINE void tile(float *y, size_t ldy, const uint16_t *x, size_t ldx, const uint16_t *panel,
                    size_t cols, size_t pairs, bool add, const size_t rows, const size_t vectors)
{
    __m512 sum[MR][NV];
#pragma GCC unroll UNROLL
    for (size_t r = 0; r < rows; r++)
#pragma GCC unroll UNROLL
        for (size_t v = 0; v < vectors; v++)
            sum[r][v] = _mm512_setzero_ps();

    /* rows 0, 3, 6, 9; the others are one or two strides on: addresses the processor adds itself */
    const uint16_t *x0 = x, *x3 = x + 3 * ldx, *x6 = x + 6 * ldx, *x9 = x + 9 * ldx;
    for (size_t i = 0; i < pairs; i++) {
        __m512bh b[NV];
#pragma GCC unroll UNROLL
        for (size_t v = 0; v < vectors; v++)
            b[v] = as_bf16(_mm512_load_si512(panel + 2 * (i * NR + 16 * v)));
#pragma GCC unroll UNROLL
        for (size_t r = 0; r < rows; r++) {
            const uint16_t *base = r < 3 ? x0 : r < 6 ? x3 : r < 9 ? x6 : x9;
            const __m512bh a = broadcast_pair(base + r % 3 * ldx + 2 * i);
#pragma GCC unroll UNROLL
            for (size_t v = 0; v < vectors; v++)
                sum[r][v] = _mm512_dpbf16_ps(sum[r][v], a, b[v]);
        }
    }

#pragma GCC unroll UNROLL
    for (size_t r = 0; r < rows; r++) {
#pragma GCC unroll UNROLL
        for (size_t v = 0; v < vectors; v++) {
            float *row = y + r * ldy + 16 * v;
            const size_t left = cols > 16 * v ? cols - 16 * v : 0;
            if (add)
                sum[r][v] = _mm512_add_ps(load(row, left), sum[r][v]);
            store(row, left, sum[r][v]);
        }
    }
}

/* vectors is a constant. */
G4_INLINE void tile_rows(float *y, size_t ldy, const uint16_t *x, size_t ldx, size_t m,
                         const uint16_t *panel, size_t cols, size_t pairs, bool add,
                         const size_t vectors)
{
    switch (m) {
    case 1: tile(y, ldy, x, ldx, panel, cols, pairs, add, 1, vectors); break;
    case 2: tile(y, ldy, x, ldx, panel, cols, pairs, add, 2, vectors); break;
    case 3: tile(y, ldy, x, ldx, panel, cols, pairs, add, 3, vectors); break;
    case 4: tile(y, ldy, x, ldx, panel, cols, pairs, add, 4, vectors); break;
    case 5: tile(y, ldy, x, ldx, panel, cols, pairs, add, 5, vectors); break;
    case 6: tile(y, ldy, x, ldx, panel, cols, pairs, add, 6, vectors); break;
    case 7: tile(y, ldy, x, ldx, panel, cols, pairs, add, 7, vectors); break;
    case 8: tile(y, ldy, x, ldx, panel, cols, pairs, add, 8, vectors); break;
    case 9: tile(y, ldy, x, ldx, panel, cols, pairs, add, 9, vectors); break;
    case 10: tile(y, ldy, x, ldx, panel, cols, pairs, add, 10, vectors); break;
    case 11: tile(y, ldy, x, ldx, panel, cols, pairs, add, 11, vectors); break;
    default: tile(y, ldy, x, ldx, panel, cols, pairs, add, MR, vectors); break;
    }
}

static void wide_rows(float *y, size_t ldy, const uint16_t *x, size_t ldx, size_t m,
                      const uint16_t *panel, size_t cols, size_t pairs, bool add)
{
    tile_rows(y, ldy, x, ldx, m, panel, cols, pairs, add, NV);
}

/* At most 16 columns: what is left of a head of 72. */
static void narrow_rows(float *y, size_t ldy, const uint16_t *x, size_t ldx, size_t m,
                        const uint16_t *panel, size_t cols, size_t pairs, bool add)
{
    tile_rows(y, ldy, x, ldx, m, panel, cols, pairs, add, 1);
}

static void multiply_avx512bf16(float *y, size_t ldy, const void *x, size_t ldx, size_t m,
                                const void *panel, size_t cols, size_t k, bool add)
{
    const uint16_t *factors = x;
    const size_t pairs = k / 2 + k % 2;
    for (size_t r = 0; r < m; r += MR) {
        const size_t rows = m - r < MR ? m - r : MR;
        if (cols > 16)
            wide_rows(y + r * ldy, ldy, factors + r * ldx, ldx, rows, panel, cols, pairs, add);
        else
            narrow_rows(y + r * ldy, ldy, factors + r * ldx, ldx, rows, panel, cols, pairs, add);
    }
}

/* 32 factors of stored numbers, of which `left` exist; the others are 0. dtype is a constant
 * wherever this is called. */
G4_INLINE __m512i load_factors(enum g4_dtype dtype, const unsigned char *w, size_t left)
{
    if (dtype == G4_DTYPE_BF16) {
        const __mmask32 mask = left >= 32 ? ~(__mmask32)0 : ((__mmask32)1 << left) - 1;
        return left >= 32 ? _mm512_loadu_si512(w) : _mm512_maskz_loadu_epi16(mask, w);
    }
    const __m512 low = load_stored(dtype, w, left);
    const __m512 high = left > 16 ? load_stored(dtype, w + 16 * element_bytes(dtype), left - 16)
                                  : _mm512_setzero_ps();
    return as_words(_mm512_cvtne2ps_pbh(high, low));
}

static void convert_avx512bf16(const struct g4_gemm *gemm, void *y, const float *x, size_t k)
{
    unsigned char *to = y;
    const size_t all = padded(gemm, k);
    for (size_t i = 0; i < all; i += 32, to += 64) {
        const size_t left = all - i;
        const __m512i v = i < k ? load_factors(G4_DTYPE_F32, (const unsigned char *)(x + i), k - i)
                                : _mm512_setzero_si512();
        if (left >= 32)
            _mm512_storeu_si512(to, v);
        else
            _mm512_mask_storeu_epi16(to, ((__mmask32)1 << left) - 1, v);
    }
}

/* Bytes of a row: 16 rows at a time are too many for the hardware to foresee */
enum { AHEAD = 256 };

/* 16 rows by 32 factors into the panel, of which `left` lie in it. */
G4_INLINE void pack_block(enum g4_dtype dtype, uint16_t *panel, size_t nr, const unsigned char *w,
                          size_t stride, size_t rows, size_t k, size_t left)
{
    __m512i v[16];
#pragma GCC unroll UNROLL
    for (size_t r = 0; r < 16; r++) {
        if (r < rows) {
            _mm_prefetch((const char *)w + r * stride + AHEAD, _MM_HINT_T0);
            v[r] = load_factors(dtype, w + r * stride, k);
        } else {
            v[r] = _mm512_setzero_si512();
        }
    }
    transpose16(v);
#pragma GCC unroll UNROLL
    for (size_t i = 0; i < 16; i++)
        if (2 * i < left)
            _mm512_store_si512(panel + 2 * i * nr, v[i]);
}

/* The panel is a multiple of 16 wide. */
G4_INLINE void pack_rows(const struct g4_gemm *gemm, enum g4_dtype dtype, uint16_t *panel,
                         const void *w, size_t stride, size_t rows, size_t k)
{
    const size_t nr = gemm->nr, all = padded(gemm, k);
    for (size_t r = 0; r < nr; r += 16) {
        const size_t used = rows > r ? rows - r : 0;
        const unsigned char *row = used ? (const unsigned char *)w + r * stride : w;
        size_t i = 0;
        if (used >= 16)
            for (; i + 32 <= k; i += 32)
                pack_block(dtype, panel + i * nr + 2 * r, nr, row + i * element_bytes(dtype),
                           stride, 16, 32, 32);
        for (; i < all; i += 32)
            pack_block(dtype, panel + i * nr + 2 * r, nr, row + i * element_bytes(dtype), stride,
                       i < k ? used : 0, i < k ? k - i : 0, all - i);
    }
}

/* Two rows of 16 stored numbers as 16 pairs. */
G4_INLINE __m512i load_pairs(enum g4_dtype dtype, const unsigned char *first,
                             const unsigned char *second, size_t left)
{
    const __m512 a = load_stored(dtype, first, left);
    const __m512 b = second ? load_stored(dtype, second, left) : _mm512_setzero_ps();
    if (dtype == G4_DTYPE_BF16) /* widened bf16 are their upper halves */
        return _mm512_or_si512(_mm512_srli_epi32(_mm512_castps_si512(a), 16),
                               _mm512_castps_si512(b));
    const __m512i turn =
        _mm512_set_epi16(31, 15, 30, 14, 29, 13, 28, 12, 27, 11, 26, 10, 25, 9, 24, 8, 23, 7, 22, 6,
                         21, 5, 20, 4, 19, 3, 18, 2, 17, 1, 16, 0);
    return _mm512_permutexvar_epi16(turn, as_words(_mm512_cvtne2ps_pbh(b, a)));
}

G4_INLINE void pack_cols(const struct g4_gemm *gemm, enum g4_dtype dtype, uint16_t *panel,
                         const void *v, size_t stride, size_t cols, size_t k)
{
    const size_t bytes = element_bytes(dtype), nr = gemm->nr;
    const size_t all = padded(gemm, k);
    for (size_t i = 0; i < all; i += 2) {
        const unsigned char *first = (const unsigned char *)v + i * stride;
        const unsigned char *second = i + 1 < k ? first + stride : NULL;
        for (size_t c = 0; c < nr; c += 16) {
            __m512i pairs = _mm512_setzero_si512();
            if (i < k && c < cols)
                pairs = load_pairs(dtype, first + c * bytes, second ? second + c * bytes : NULL,
                                   cols - c);
            _mm512_store_si512(panel + i * nr + 2 * c, pairs);
        }
    }
}

#include "lib/kernel/packing.h"

void g4_kernels_init_mm_avx512bf16(struct g4_kernels *kernels)
{
    kernels->float_products = false;
    kernels->gemm_bf16 = (struct g4_gemm){
        .name = "avx512bf16",
        .type = G4_DTYPE_BF16,
        .mr = MR,
        .nr = NR,
        .kc = KC,
        .step = STEP,
        .rows_to_pack = 256,
        .convert = convert_avx512bf16,
        .multiply = multiply_avx512bf16,
    };
    set_packing(&kernels->gemm_bf16);
}

#else

void g4_kernels_init_mm_avx512bf16(struct g4_kernels *kernels)
{
    (void)kernels;
}

#endif

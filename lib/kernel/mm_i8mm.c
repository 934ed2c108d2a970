/*
 * mm_i8mm.c - gemm with bf16 factors by BFMMLA: tiles of 8 x 8 sums, and the packing of its panels.
 *
 * An instruction multiplies four neighbours along k of two rows of x with four of two columns and
 * adds them to 2 x 2 sums. A tile keeps 16 registers of sums. A panel has pairs of neighbours side
 * by side; two of its lines, four columns of each, interleaved give the factors of four columns.
 */
#include "lib/kernel/isa.h"

#if defined(__ARM_FEATURE_BF16_VECTOR_ARITHMETIC)

#include "lib/kernel/neon.h"

enum {
    MR = 8,      /* rows of a tile */
    NC = 8,      /* columns of a tile */
    NR = 2 * NC, /* of a panel */
    KC = 512,
    STEP = 8,
    XP = MR / 2, /* pairs of rows */
    WP = NC / 2, /* pairs of columns */
};

static size_t padded(const struct g4_gemm *gemm, size_t k)
{
    return (k + gemm->step - 1) / gemm->step * gemm->step;
}

/* The factors of four columns from four of k on: two columns in each of w[0] and w[1]. */
G4_INLINE void load_columns(bfloat16x8_t w[2], const uint16_t *panel)
{
    const uint32x4_t a = vreinterpretq_u32_u16(vld1q_u16(panel));
    const uint32x4_t b = vreinterpretq_u32_u16(vld1q_u16(panel + 2 * NR));
    w[0] = vreinterpretq_bf16_u32(vzip1q_u32(a, b));
    w[1] = vreinterpretq_bf16_u32(vzip2q_u32(a, b));
}

/* STEP factors of rows 2 p and 2 p + 1 (or 2 p once more): four of both in x[0] and in x[1]. */
G4_INLINE void load_rows(bfloat16x8_t x[2], const uint16_t *row, size_t ldx, bool second)
{
    const uint64x2_t a = vreinterpretq_u64_u16(vld1q_u16(row));
    const uint64x2_t b = vreinterpretq_u64_u16(vld1q_u16(second ? row + ldx : row));
    x[0] = vreinterpretq_bf16_u64(vzip1q_u64(a, b));
    x[1] = vreinterpretq_bf16_u64(vzip2q_u64(a, b));
}

/* Row r of a tile, columns 4 v .. 4 v + 3. */
G4_INLINE float32x4_t four_sums(float32x4_t sum[XP][WP], size_t r, size_t v)
{
    const float32x4_t a = sum[r / 2][2 * v], b = sum[r / 2][2 * v + 1];
    return r % 2 ? vcombine_f32(vget_high_f32(a), vget_high_f32(b))
                 : vcombine_f32(vget_low_f32(a), vget_low_f32(b));
}

/* y[rows, 8] (+)= x[rows, k] panel; rows is a constant. */
G4_INLINE void tile(float *y, size_t ldy, const uint16_t *x, size_t ldx, const uint16_t *panel,
                    size_t cols, size_t k, bool add, const size_t rows)
{
    float32x4_t sum[XP][WP];
#pragma GCC unroll UNROLL
    for (size_t p = 0; 2 * p < rows; p++)
#pragma GCC unroll UNROLL
        for (size_t v = 0; v < WP; v++)
            sum[p][v] = vdupq_n_f32(0);
    for (size_t i = 0; i < k; i += STEP) {
        bfloat16x8_t a[XP][2], b[WP];
#pragma GCC unroll UNROLL
        for (size_t p = 0; 2 * p < rows; p++)
            load_rows(a[p], x + 2 * p * ldx + i, ldx, 2 * p + 1 < rows);
#pragma GCC unroll UNROLL
        for (size_t half = 0; half < 2; half++) {
#pragma GCC unroll UNROLL
            for (size_t v = 0; v < WP; v += 2)
                load_columns(b + v, panel + (i + 4 * half) * NR + 4 * v);
#pragma GCC unroll UNROLL
            for (size_t p = 0; 2 * p < rows; p++)
#pragma GCC unroll UNROLL
                for (size_t v = 0; v < WP; v++)
                    sum[p][v] = vbfmmlaq_f32(sum[p][v], a[p][half], b[v]);
        }
    }
#pragma GCC unroll UNROLL
    for (size_t r = 0; r < rows; r++) {
#pragma GCC unroll UNROLL
        for (size_t v = 0; v < WP / 2; v++) {
            const size_t left = behind(cols, 4 * v);
            const float32x4_t four = four_sums(sum, r, v);
            float *to = y + r * ldy + 4 * v;
            store(to, left, add ? vaddq_f32(load(to, left), four) : four);
        }
    }
}

static void tile_rows(float *y, size_t ldy, const uint16_t *x, size_t ldx, size_t m,
                      const uint16_t *panel, size_t cols, size_t k, bool add)
{
    switch (m) {
    case 1: tile(y, ldy, x, ldx, panel, cols, k, add, 1); break;
    case 2: tile(y, ldy, x, ldx, panel, cols, k, add, 2); break;
    case 3: tile(y, ldy, x, ldx, panel, cols, k, add, 3); break;
    case 4: tile(y, ldy, x, ldx, panel, cols, k, add, 4); break;
    case 5: tile(y, ldy, x, ldx, panel, cols, k, add, 5); break;
    case 6: tile(y, ldy, x, ldx, panel, cols, k, add, 6); break;
    case 7: tile(y, ldy, x, ldx, panel, cols, k, add, 7); break;
    default: tile(y, ldy, x, ldx, panel, cols, k, add, MR); break;
    }
}

/* Factors behind k are zeros up to a multiple of STEP. */
static void multiply_i8mm(float *y, size_t ldy, const void *x, size_t ldx, size_t m,
                          const void *panel, size_t cols, size_t k, bool add)
{
    const uint16_t *factors = x, *w = panel;
    for (size_t r = 0; r < m; r += MR)
        for (size_t c = 0; c < cols; c += NC)
            tile_rows(y + r * ldy + c, ldy, factors + r * ldx, ldx, m - r < MR ? m - r : MR,
                      w + 2 * c, cols - c, k, add);
}

/* 8 factors of stored numbers, of which `left` exist; the others are 0. */
G4_INLINE uint16x8_t load_factors(enum g4_dtype dtype, const void *w, size_t left)
{
    uint16x8_t v = vdupq_n_u16(0);
    if (dtype == G4_DTYPE_BF16) {
        memcpy(&v, w, left < 8 ? left * 2 : sizeof v);
        return v;
    }
    const unsigned char *second = (const unsigned char *)w + 4 * element_bytes(dtype);
    const bfloat16x8_t low = vcvtq_low_bf16_f32(load_stored(dtype, w, left));
    return vreinterpretq_u16_bf16(
        vcvtq_high_bf16_f32(low, load_stored(dtype, second, behind(left, 4))));
}

static void convert_i8mm(const struct g4_gemm *gemm, void *y, const float *x, size_t k)
{
    uint16_t *to = y;
    for (size_t i = 0; i < padded(gemm, k); i += STEP)
        vst1q_u16(to + i, load_factors(G4_DTYPE_F32, x + i, k - i));
}

/* 4 rows by 8 factors into the panel. */
G4_INLINE void pack_block(enum g4_dtype dtype, uint16_t *panel, size_t nr, const unsigned char *w,
                          size_t stride, size_t rows, size_t left)
{
    uint32x4_t v[4];
#pragma GCC unroll UNROLL
    for (size_t r = 0; r < 4; r++)
        v[r] = r < rows ? vreinterpretq_u32_u16(load_factors(dtype, w + r * stride, left))
                        : vdupq_n_u32(0);
    const uint32x4x2_t t = vtrnq_u32(v[0], v[1]), u = vtrnq_u32(v[2], v[3]);
    v[0] = vcombine_u32(vget_low_u32(t.val[0]), vget_low_u32(u.val[0]));
    v[1] = vcombine_u32(vget_low_u32(t.val[1]), vget_low_u32(u.val[1]));
    v[2] = vcombine_u32(vget_high_u32(t.val[0]), vget_high_u32(u.val[0]));
    v[3] = vcombine_u32(vget_high_u32(t.val[1]), vget_high_u32(u.val[1]));
#pragma GCC unroll UNROLL
    for (size_t i = 0; i < 4; i++)
        vst1q_u16(panel + 2 * i * nr, vreinterpretq_u16_u32(v[i]));
}

/* The panel is a multiple of 4 wide. */
G4_INLINE void pack_rows(const struct g4_gemm *gemm, enum g4_dtype dtype, uint16_t *panel,
                         const void *w, size_t stride, size_t rows, size_t k)
{
    const size_t nr = gemm->nr, bytes = element_bytes(dtype);
    for (size_t r = 0; r < nr; r += 4) {
        const size_t used = behind(rows, r);
        const unsigned char *row = used ? (const unsigned char *)w + r * stride : w;
        size_t i = 0;
        if (used >= 4)
            for (; i + STEP <= k; i += STEP)
                pack_block(dtype, panel + i * nr + 2 * r, nr, row + i * bytes, stride, 4, STEP);
        for (; i < k; i += STEP)
            pack_block(dtype, panel + i * nr + 2 * r, nr, row + i * bytes, stride, used, k - i);
    }
}

G4_INLINE void pack_cols(const struct g4_gemm *gemm, enum g4_dtype dtype, uint16_t *panel,
                         const void *v, size_t stride, size_t cols, size_t k)
{
    const size_t bytes = element_bytes(dtype), nr = gemm->nr;
    for (size_t i = 0; i < padded(gemm, k); i += 2) {
        const unsigned char *row = (const unsigned char *)v + i * stride;
        for (size_t c = 0; c < nr; c += 8) {
            uint16x8_t a = vdupq_n_u16(0), b = a;
            if (i < k && c < cols)
                a = load_factors(dtype, row + c * bytes, cols - c);
            if (i + 1 < k && c < cols)
                b = load_factors(dtype, row + stride + c * bytes, cols - c);
            vst1q_u16(panel + i * nr + 2 * c, vzip1q_u16(a, b));
            vst1q_u16(panel + i * nr + 2 * c + 8, vzip2q_u16(a, b));
        }
    }
}

#include "lib/kernel/packing.h"

void g4_kernels_init_mm_i8mm(struct g4_kernels *kernels)
{
    kernels->float_products = false;
    kernels->gemm_bf16 = (struct g4_gemm){
        .name = "i8mm",
        .type = G4_DTYPE_BF16,
        .mr = MR,
        .nr = NR,
        .kc = KC,
        .step = STEP,
        .rows_to_pack = 256,
        .convert = convert_i8mm,
        .multiply = multiply_i8mm,
    };
    set_packing(&kernels->gemm_bf16);
}

#else

void g4_kernels_init_mm_i8mm(struct g4_kernels *kernels)
{
    (void)kernels;
}

#endif

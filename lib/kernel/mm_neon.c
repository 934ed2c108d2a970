/*
 * mm_neon.c - gemm with tiles of 5 x 16 floats, and the packing of its panels.
 *
 * A tile keeps 20 registers of sums. Each step of k loads 16 columns of the panel (4 registers) and
 * multiplies them with one number of each of 5 rows: a lane of the four numbers along k that a row
 * has in a register.
 */
#include "lib/kernel/isa.h"

#if defined(__ARM_NEON)

#include "lib/kernel/neon.h"

enum { MR = 5, NV = 4, NR = 4 * NV, KC = 512 };

/* sum[rows, 16] += x[rows, 1] panel[1, 16]: x is lane `lane` of a. rows and lane are constants. */
G4_INLINE void step(float32x4_t sum[MR][NV], const float32x4_t a[MR], const float *panel,
                    const size_t rows, const int lane)
{
    float32x4_t b[NV];
#pragma GCC unroll UNROLL
    for (size_t v = 0; v < NV; v++)
        b[v] = vld1q_f32(panel + 4 * v);
#pragma GCC unroll UNROLL
    for (size_t r = 0; r < rows; r++) {
#pragma GCC unroll UNROLL
        for (size_t v = 0; v < NV; v++) {
            switch (lane) {
            case 0: sum[r][v] = vfmaq_laneq_f32(sum[r][v], b[v], a[r], 0); break;
            case 1: sum[r][v] = vfmaq_laneq_f32(sum[r][v], b[v], a[r], 1); break;
            case 2: sum[r][v] = vfmaq_laneq_f32(sum[r][v], b[v], a[r], 2); break;
            default: sum[r][v] = vfmaq_laneq_f32(sum[r][v], b[v], a[r], 3); break;
            }
        }
    }
}

/* y[rows, 16] (+)= x[rows, k] panel[k, 16]; rows is a constant. */
G4_INLINE void tile(float *y, size_t ldy, const float *x, size_t ldx, const float *panel,
                    size_t cols, size_t k, bool add, const size_t rows)
{
    float32x4_t sum[MR][NV], a[MR];
    size_t i = 0;
#pragma GCC unroll UNROLL
    for (size_t r = 0; r < rows; r++)
#pragma GCC unroll UNROLL
        for (size_t v = 0; v < NV; v++)
            sum[r][v] = vdupq_n_f32(0);

    for (; i + 4 <= k; i += 4) {
#pragma GCC unroll UNROLL
        for (size_t r = 0; r < rows; r++)
            a[r] = vld1q_f32(x + r * ldx + i);
        step(sum, a, panel + i * NR, rows, 0);
        step(sum, a, panel + (i + 1) * NR, rows, 1);
        step(sum, a, panel + (i + 2) * NR, rows, 2);
        step(sum, a, panel + (i + 3) * NR, rows, 3);
    }
    for (; i < k; i++) {
#pragma GCC unroll UNROLL
        for (size_t r = 0; r < rows; r++)
            a[r] = vdupq_n_f32(x[r * ldx + i]);
        step(sum, a, panel + i * NR, rows, 0);
    }

#pragma GCC unroll UNROLL
    for (size_t r = 0; r < rows; r++) {
#pragma GCC unroll UNROLL
        for (size_t v = 0; v < NV; v++) {
            const size_t left = behind(cols, 4 * v);
            float *to = y + r * ldy + 4 * v;
            store(to, left, add ? vaddq_f32(load(to, left), sum[r][v]) : sum[r][v]);
        }
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
    default: tile(y, ldy, x, ldx, panel, cols, k, add, MR); break;
    }
}

static void multiply_neon(float *y, size_t ldy, const void *x, size_t ldx, size_t m,
                          const void *panel, size_t cols, size_t k, bool add)
{
    const float *factors = x;
    for (; m >= MR; m -= MR, factors += MR * ldx, y += MR * ldy)
        tile_rows(y, ldy, factors, ldx, MR, panel, cols, k, add);
    if (m > 0)
        tile_rows(y, ldy, factors, ldx, m, panel, cols, k, add);
}

/* 4 rows by 4 elements into the panel. */
G4_INLINE void pack_block(enum g4_dtype dtype, float *panel, size_t nr, const unsigned char *w,
                          size_t stride, size_t rows, size_t left)
{
    float32x4_t v[4];
#pragma GCC unroll UNROLL
    for (size_t r = 0; r < 4; r++)
        v[r] = r < rows ? load_stored(dtype, w + r * stride, left) : vdupq_n_f32(0);
    const float32x4x2_t t = vtrnq_f32(v[0], v[1]), u = vtrnq_f32(v[2], v[3]);
    v[0] = vcombine_f32(vget_low_f32(t.val[0]), vget_low_f32(u.val[0]));
    v[1] = vcombine_f32(vget_low_f32(t.val[1]), vget_low_f32(u.val[1]));
    v[2] = vcombine_f32(vget_high_f32(t.val[0]), vget_high_f32(u.val[0]));
    v[3] = vcombine_f32(vget_high_f32(t.val[1]), vget_high_f32(u.val[1]));
#pragma GCC unroll UNROLL
    for (size_t i = 0; i < 4; i++)
        if (i < left)
            vst1q_f32(panel + i * nr, v[i]);
}

/* nr is a multiple of 4. */
G4_INLINE void pack_rows(const struct g4_gemm *gemm, enum g4_dtype dtype, float *panel,
                         const void *w, size_t stride, size_t rows, size_t k)
{
    const size_t bytes = element_bytes(dtype), nr = gemm->nr;
    for (size_t r = 0; r < nr; r += 4) {
        const size_t used = behind(rows, r);
        const unsigned char *base = used ? (const unsigned char *)w + r * stride : w;
        size_t i = 0;
        if (used >= 4)
            for (; i + 4 <= k; i += 4)
                pack_block(dtype, panel + i * nr + r, nr, base + i * bytes, stride, 4, 4);
        for (; i < k; i += 4)
            pack_block(dtype, panel + i * nr + r, nr, base + i * bytes, stride, used, k - i);
    }
}

G4_INLINE void pack_cols(const struct g4_gemm *gemm, enum g4_dtype dtype, float *panel,
                         const void *w, size_t stride, size_t cols, size_t k)
{
    const size_t bytes = element_bytes(dtype), nr = gemm->nr;
    for (size_t i = 0; i < k; i++) {
        const unsigned char *row = (const unsigned char *)w + i * stride;
        for (size_t c = 0; c < nr; c += 4) {
            const float32x4_t v =
                c < cols ? load_stored(dtype, row + c * bytes, cols - c) : vdupq_n_f32(0);
            vst1q_f32(panel + i * nr + c, v);
        }
    }
}

#include "lib/kernel/packing.h"

void g4_kernels_init_mm_neon(struct g4_kernels *kernels)
{
    struct g4_gemm *gemm = &kernels->gemm_f32;
    gemm->name = "neon";
    gemm->mr = MR;
    gemm->nr = NR;
    gemm->kc = KC;
    set_packing(gemm);
    gemm->multiply = multiply_neon;
}

#else

void g4_kernels_init_mm_neon(struct g4_kernels *kernels)
{
    (void)kernels;
}

#endif

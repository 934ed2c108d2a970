/*
 * gemmq_dotprod.c - gemm_q8 by SDOT: four bytes of each of four rows of W times four bytes of a row
 * of x, which is a lane.
 */
#include "lib/kernel/isa.h"

#if defined(__ARM_FEATURE_DOTPROD)

enum {
    PIECE = 4,
    XR = 4,
};

#include "lib/kernel/gemmq_neon.h"

enum { NV = NR / 4 }; /* registers of four rows */

/* sum + the products of piece i of 16 bytes of x. */
G4_INLINE ivec dot_lane(ivec sum, int8x16_t w, int8x16_t x, size_t i)
{
    switch (i) {
    case 0: return vdotq_laneq_s32(sum, w, x, 0);
    case 1: return vdotq_laneq_s32(sum, w, x, 1);
    case 2: return vdotq_laneq_s32(sum, w, x, 2);
    default: return vdotq_laneq_s32(sum, w, x, 3);
    }
}

/* t[m][NV] += sixteen elements of x by the half of a group at `codes`. */
G4_INLINE void add_half(ivec t[XR][NV], const unsigned char *codes, const int8_t *q, size_t ldq,
                        const size_t m)
{
    int8x16_t x[XR];
#pragma GCC unroll UNROLL
    for (size_t r = 0; r < m; r++)
        x[r] = vld1q_s8(q + r * ldq);
#pragma GCC unroll UNROLL
    for (size_t i = 0; i < 16 / PIECE; i++) {
#pragma GCC unroll UNROLL
        for (size_t v = 0; v < NV; v++) {
            const int8x16_t w = vreinterpretq_s8_u8(vld1q_u8(codes + (i * NR + 4 * v) * PIECE));
#pragma GCC unroll UNROLL
            for (size_t r = 0; r < m; r++)
                t[r][v] = dot_lane(t[r][v], w, x[r], i);
        }
    }
}

G4_INLINE fvec floats_at(const unsigned char *p, size_t i)
{
    return vreinterpretq_f32_u8(vld1q_u8(p + i * sizeof(fvec)));
}

/* The whole-numbered sums of a group. */
G4_INLINE void sum_group(enum g4_dtype dtype, ivec t[XR][NV], const unsigned char *group,
                         const int8_t *q, size_t ldq, const size_t m)
{
    ivec second[XR][NV];
#pragma GCC unroll UNROLL
    for (size_t r = 0; r < m; r++)
#pragma GCC unroll UNROLL
        for (size_t v = 0; v < NV; v++)
            t[r][v] = second[r][v] = vdupq_n_s32(0);
    add_half(t, group, q, ldq, m);
    if (dtype != G4_DTYPE_Q6_K) {
        add_half(t, group + 16 * NR, q + 16, ldq, m);
        return;
    }
    add_half(second, group + 16 * NR, q + 16, ldq, m);
#pragma GCC unroll UNROLL
    for (size_t v = 0; v < NV; v++) {
        const ivec a = vreinterpretq_s32_f32(floats_at(group + AT_MIN, v));
        const ivec b = vreinterpretq_s32_f32(floats_at(group + AT_MIN, NV + v));
#pragma GCC unroll UNROLL
        for (size_t r = 0; r < m; r++)
            t[r][v] = vmlaq_s32(vmulq_s32(t[r][v], a), second[r][v], b);
    }
}

G4_INLINE void tile(enum g4_dtype dtype, float *y, size_t ldy, const struct x_rows *x,
                    const unsigned char *panel, size_t cols, size_t k, const size_t m)
{
    fvec sum[XR][NV];
    ivec t[XR][NV];
#pragma GCC unroll UNROLL
    for (size_t r = 0; r < m; r++)
#pragma GCC unroll UNROLL
        for (size_t v = 0; v < NV; v++)
            sum[r][v] = vdupq_n_f32(0);
    for (size_t g = 0; g < k / GROUP; g++, panel += group_bytes(dtype)) {
        sum_group(dtype, t, panel, x->q + g * GROUP, x->ldq, m);
#pragma GCC unroll UNROLL
        for (size_t v = 0; v < NV; v++) {
            const fvec scale = floats_at(panel + AT_SCALE, v);
#pragma GCC unroll UNROLL
            for (size_t r = 0; r < m; r++) {
                const fvec each = vmulq_n_f32(scale, x->d[r * x->ldd + g]);
                sum[r][v] = vfmaq_f32(sum[r][v], vcvtq_f32_s32(t[r][v]), each);
                if (has_min(dtype))
                    sum[r][v] =
                        vfmaq_n_f32(sum[r][v], floats_at(panel + AT_MIN, v), x->m[r * x->ldd + g]);
            }
        }
    }
#pragma GCC unroll UNROLL
    for (size_t r = 0; r < m; r++)
#pragma GCC unroll UNROLL
        for (size_t v = 0; v < NV; v++)
            store(y + r * ldy + 4 * v, behind(cols, 4 * v), sum[r][v]);
}

/* Beyond what one gemv_q8 takes, which reads W once for all. */
void g4_kernels_init_gemmq_dotprod(struct g4_kernels *kernels)
{
    set_gemm_q8(&kernels->gemm_q8, "dotprod", G4_GEMV_ROWS + 1);
}

#else

void g4_kernels_init_gemmq_dotprod(struct g4_kernels *kernels)
{
    (void)kernels;
}

#endif

/*
 * gemmq_i8mm.c - gemm_q8 by SMMLA: eight bytes of each of two rows of x times eight of each of two
 * rows of W.
 */
#include "lib/kernel/isa.h"

#if defined(__ARM_FEATURE_MATMUL_INT8)

enum {
    PIECE = 8,
    XR = 4,
};

#include "lib/kernel/gemmq_neon.h"

enum {
    XP = XR / 2, /* pairs of rows of x */
    WP = NR / 2, /* pairs of rows of W */
};

/* t[pairs][WP] += sixteen elements of x by the half of a group at `codes`. Row 2 p + 1 that does
 * not exist is row 2 p once more. */
G4_INLINE void add_half(ivec t[XP][WP], const unsigned char *codes, const int8_t *q, size_t ldq,
                        const size_t m)
{
    int8x16_t x[2][XP]; /* by piece */
#pragma GCC unroll UNROLL
    for (size_t p = 0; 2 * p < m; p++) {
        const int8_t *row = q + 2 * p * ldq;
        const int64x2_t a = vreinterpretq_s64_s8(vld1q_s8(row));
        const int64x2_t b = vreinterpretq_s64_s8(vld1q_s8(2 * p + 1 < m ? row + ldq : row));
        x[0][p] = vreinterpretq_s8_s64(vzip1q_s64(a, b));
        x[1][p] = vreinterpretq_s8_s64(vzip2q_s64(a, b));
    }
#pragma GCC unroll UNROLL
    for (size_t i = 0; i < 16 / PIECE; i++) {
#pragma GCC unroll UNROLL
        for (size_t v = 0; v < WP; v++) {
            const int8x16_t w = vreinterpretq_s8_u8(vld1q_u8(codes + (i * NR + 2 * v) * PIECE));
#pragma GCC unroll UNROLL
            for (size_t p = 0; 2 * p < m; p++)
                t[p][v] = vmmlaq_s32(t[p][v], x[i][p], w);
        }
    }
}

/* Numbers 2 i and 2 i + 1 of four bytes at p, twice: of the two rows of W, for both rows of x. */
G4_INLINE fvec two_at(const unsigned char *p, size_t i)
{
    const uint8x8_t two = vld1_u8(p + i * sizeof(float32x2_t));
    return vreinterpretq_f32_u8(vcombine_u8(two, two));
}

/* A number of each of two rows of x: of row 2 p, then of the next, if it exists. */
G4_INLINE fvec of_rows(const float *v, size_t ldd, size_t p, const size_t m)
{
    const float *first = v + 2 * p * ldd;
    return vcombine_f32(vdup_n_f32(*first), vdup_n_f32(2 * p + 1 < m ? first[ldd] : *first));
}

/* The whole-numbered sums of a group. */
G4_INLINE void sum_group(enum g4_dtype dtype, ivec t[XP][WP], const unsigned char *group,
                         const int8_t *q, size_t ldq, const size_t m)
{
    ivec second[XP][WP];
#pragma GCC unroll UNROLL
    for (size_t p = 0; 2 * p < m; p++)
#pragma GCC unroll UNROLL
        for (size_t v = 0; v < WP; v++)
            t[p][v] = second[p][v] = vdupq_n_s32(0);
    add_half(t, group, q, ldq, m);
    if (dtype != G4_DTYPE_Q6_K) {
        add_half(t, group + 16 * NR, q + 16, ldq, m);
        return;
    }
    add_half(second, group + 16 * NR, q + 16, ldq, m);
#pragma GCC unroll UNROLL
    for (size_t v = 0; v < WP; v++) {
        const ivec a = vreinterpretq_s32_f32(two_at(group + AT_MIN, v));
        const ivec b = vreinterpretq_s32_f32(two_at(group + AT_MIN, WP + v));
#pragma GCC unroll UNROLL
        for (size_t p = 0; 2 * p < m; p++)
            t[p][v] = vmlaq_s32(vmulq_s32(t[p][v], a), second[p][v], b);
    }
}

G4_INLINE void tile(enum g4_dtype dtype, float *y, size_t ldy, const struct x_rows *x,
                    const unsigned char *panel, size_t cols, size_t k, const size_t m)
{
    fvec sum[XP][WP], d[XP], least[XP];
    ivec t[XP][WP];
#pragma GCC unroll UNROLL
    for (size_t p = 0; 2 * p < m; p++)
#pragma GCC unroll UNROLL
        for (size_t v = 0; v < WP; v++)
            sum[p][v] = vdupq_n_f32(0);
    for (size_t g = 0; g < k / GROUP; g++, panel += group_bytes(dtype)) {
        sum_group(dtype, t, panel, x->q + g * GROUP, x->ldq, m);
#pragma GCC unroll UNROLL
        for (size_t p = 0; 2 * p < m; p++) {
            d[p] = of_rows(x->d + g, x->ldd, p, m);
            if (has_min(dtype))
                least[p] = of_rows(x->m + g, x->ldd, p, m);
        }
#pragma GCC unroll UNROLL
        for (size_t v = 0; v < WP; v++) {
            const fvec scale = two_at(panel + AT_SCALE, v);
#pragma GCC unroll UNROLL
            for (size_t p = 0; 2 * p < m; p++) {
                const fvec each = vmulq_f32(scale, d[p]);
                sum[p][v] = vfmaq_f32(sum[p][v], vcvtq_f32_s32(t[p][v]), each);
                if (has_min(dtype))
                    sum[p][v] = vfmaq_f32(sum[p][v], two_at(panel + AT_MIN, v), least[p]);
            }
        }
    }
#pragma GCC unroll UNROLL
    for (size_t r = 0; r < m; r++) {
#pragma GCC unroll UNROLL
        for (size_t v = 0; v < WP; v += 2) { /* four columns */
            const fvec a = sum[r / 2][v], b = sum[r / 2][v + 1];
            const fvec row = r % 2 ? vcombine_f32(vget_high_f32(a), vget_high_f32(b))
                                   : vcombine_f32(vget_low_f32(a), vget_low_f32(b));
            store(y + r * ldy + 2 * v, behind(cols, 2 * v), row);
        }
    }
}

/* Half as many instructions as gemv_q8 a row, which pays for packing from about a dozen rows on. */
void g4_kernels_init_gemmq_i8mm(struct g4_kernels *kernels)
{
    set_gemm_q8(&kernels->gemm_q8, "i8mm", 13);
}

#else

void g4_kernels_init_gemmq_i8mm(struct g4_kernels *kernels)
{
    (void)kernels;
}

#endif

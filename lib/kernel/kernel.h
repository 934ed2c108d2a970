/*
 * kernel.h - the table of kernels, and the contract of every slot.
 *
 * The generic C version of a slot (generic_*.c) is its specification; an ISA file overwrites the
 * slots it is better at, upwards: generic -> (OpenBLAS) -> AVX2 -> AVX-512 -> ... The kernel check
 * runs every slot of every level against generic at odd sizes.
 *
 * Common rules: no alignment is required of any pointer but panels (64 bytes); no multiples are
 * required of any size (tails are inside); inputs and outputs may not overlap unless the slot says
 * so; sizes may be 0. One call is one thread. A slot's result depends on its arguments only.
 */
#ifndef G4_KERNEL_KERNEL_H
#define G4_KERNEL_KERNEL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/base/err.h"
#include "lib/kernel/cpu.h"
#include "lib/tensor/dtype.h"

enum { G4_GEMV_ROWS = 16 }; /* most rows of x in one gemv call */

/*
 * Rows of x rounded to eight bits for products with quantised weights: per row and 32 elements
 *     d = max|x| / 127, q = round(x * (1 / d)), m = d * (sum of the 32 q)
 * so that x is about d * q. k is a multiple of 32. Where max|x| is below 2^-100 x counts as 0: d, q
 * and m are 0. Where an x is infinite or NaN d is infinite or NaN (NaN wins), q is 0 and m is NaN,
 * so that every product with it is NaN.
 */
struct g4_q8 {
    int8_t *q; /* [n, k], rows ldq bytes apart, a multiple of 64; 64-byte aligned */
    float *d;  /* [n, k / 32], rows ldd floats apart */
    float *m;  /* [n, k / 32], rows ldd floats apart */
    size_t ldq, ldd;
};

/*
 * What depends on the type of stored numbers. `w` points to rows of that type, `stride` bytes
 * apart; k and n are whole blocks of it. Types of codes (G4_DTYPE_CODES..) are taken without their
 * scales. Of types beyond G4_DTYPE_FLOATS every level has widen; the other slots may be NULL, and
 * lib/nn then widens rows and goes on with F32.
 */
struct g4_kernels_dtype {
    /* y[n, rows] = x[n, k] W[rows, k]^T for n in 1..G4_GEMV_ROWS, float32 products and sums. Row i
     * of y is bit-equal whatever n and whatever the other rows are. */
    void (*gemv)(float *y, size_t ldy, const float *x, size_t ldx, size_t n, const void *w,
                 size_t stride, size_t rows, size_t k);
    /* y[n] = w[n] * scale. */
    void (*widen)(float *y, const void *w, size_t n, float scale);
    /* y[m, d] += p[m, k] V[k, d], rows of V stride bytes apart; m small. */
    void (*weighted_sum)(float *y, size_t ldy, const float *p, size_t ldp, size_t m, const void *v,
                         size_t stride, size_t k, size_t d);
    /* gemv with x in eight bits: integer products and sums within 32 elements (16 where the type
     * has a scale for 16), float32 beyond. The same promise about rows of y. The types of which a
     * level has this slot are the same at every level, generic's: else answers would differ. They
     * are Q4_0, Q4_1, Q5_0, Q5_1, Q8_0, IQ4_NL, Q4_K, Q5_K and Q6_K. */
    void (*gemv_q8)(float *y, size_t ldy, const struct g4_q8 *x, size_t n, const void *w,
                    size_t stride, size_t rows, size_t k);
};

/*
 * The product of many rows of x with a matrix. What changes together is one record: the type of the
 * factors, the sizes of tiles and panels, how rows of x and of W become factors, and the product.
 *
 * Factors are F32 or BF16; sums are float32 in both. A row of x as factors is k of them, then zeros
 * up to a multiple of `step`. A panel is nr columns of y (rows of W) as factors, numbers that are
 * neighbours along k side by side: with pair = 1 (F32) or 2 (BF16)
 *     panel[(i / pair * nr + c) * pair + i % pair] = W[c][i]
 * 0 for columns without a row of W and for i from k up to a multiple of `step`.
 */
struct g4_gemm {
    const char *name;    /* "openblas", "avx512" ...: for -v and the tests */
    enum g4_dtype type;  /* of the factors: F32 or BF16 */
    size_t mr, nr, kc;   /* rows of a tile, columns of a panel, most k of a product */
    size_t step;         /* kc is a multiple of it, and it of pair */
    size_t rows_to_pack; /* of x: fewer do not pay for packing the same part of W once more */

    /* y = x[k] as factors, k rounded up to `step` of them. BF16: nearest, ties to even; numbers
     * below 2^-126 may become 0. y may begin where x does. */
    void (*convert)(const struct g4_gemm *gemm, void *y, const float *x, size_t k);
    /* The panel of W[rows, k], rows <= nr, `stride` bytes apart. By the type of W. */
    void (*pack_rows[G4_DTYPE_FLOATS])(const struct g4_gemm *gemm, void *panel, const void *w,
                                       size_t stride, size_t rows, size_t k);
    /* The panel of a W that is k-major: V[k, cols], cols <= nr, W[c][i] = V[i][c]. */
    void (*pack_cols[G4_DTYPE_FLOATS])(const struct g4_gemm *gemm, void *panel, const void *v,
                                       size_t stride, size_t cols, size_t k);
    /* y[m, cols] (+)= x[m, k] panel, cols <= nr, k <= kc; add: y += instead of y =. x are factors,
     * ldx of them from row to row; a row of y does not depend on the other rows. */
    void (*multiply)(float *y, size_t ldy, const void *x, size_t ldx, size_t m, const void *panel,
                     size_t cols, size_t k, bool add);
};

/*
 * gemv_q8 for more rows of x than a few: blocks of quantised weights become panels once, and rows
 * of x pass over them. What multiply computes is what gemv_q8 of the same level computes, to the
 * bit: which of the two is taken, and with how many rows, is a question of speed alone.
 *
 * A panel holds nr rows of W over all of k: codes as bytes, and scales. Its layout is the record's
 * own. Of types without gemv_q8, and at levels without a record, pack and multiply are NULL.
 */
struct g4_gemm_q8 {
    const char *name;    /* "avx512vnni" ...: for the tests */
    size_t nr;           /* rows of W in a panel */
    size_t rows_to_pack; /* of x: fewer do not pay for panels, gemv_q8 is quicker */
    size_t rows_at_most; /* of x: more are quicker by way of g4_kernels_gemm */

    /* Bytes of a panel of k columns: a multiple of 64. */
    size_t (*panel_bytes)(enum g4_dtype dtype, size_t k);
    /* The panel, 64-byte aligned, of W[rows, k], rows <= nr, `stride` bytes apart; k is whole
     * blocks. Rows that do not exist are computed as anything finite. By the type of W. */
    void (*pack[G4_DTYPE_WEIGHTS])(void *panel, const void *w, size_t stride, size_t rows,
                                   size_t k);
    /* y[m, cols] = x[m, k] panel, cols <= nr: rows first .. first+m-1 of x. By the type of W.
     * Meanwhile `ahead` bytes at `next` may be brought nearer: what is packed afterwards. */
    void (*multiply[G4_DTYPE_WEIGHTS])(float *y, size_t ldy, const struct g4_q8 *x, size_t first,
                                       size_t m, const void *panel, size_t cols, size_t k,
                                       const void *next, size_t ahead);
};

struct g4_kernels {
    enum g4_cpu cpu;
    struct g4_gemm_q8 gemm_q8;
    struct g4_gemm gemm_f32;  /* no factor is rounded below float32 */
    struct g4_gemm gemm_bf16; /* as exact as BF16 weights; generic where the level has no better */
    bool float_products;      /* gemm_bf16 is slower: products of many rows are gemm_f32's */

    struct g4_kernels_dtype dtype[G4_DTYPE_WEIGHTS];

    /* y = x / sqrt(mean(x^2) + eps) * w; w NULL = 1; y may be x. */
    void (*rms_norm)(float *y, const float *x, const float *w, size_t n, float eps);
    /* y += scale * x / sqrt(mean(x^2) + eps) * w */
    void (*rms_norm_add)(float *y, const float *x, const float *w, size_t n, float eps,
                         float scale);
    /* y = (x - mean) / sqrt(mean((x - mean)^2) + eps) * w + b; w NULL = 1, b NULL = 0; y may be x.
     */
    void (*layer_norm)(float *y, const float *x, const float *w, const float *b, size_t n,
                       float eps);
    /* y = gelu(gate) * up (tanh form); y may be either. */
    void (*gelu_mul)(float *y, const float *gate, const float *up, size_t n);
    void (*silu)(float *y, const float *x, size_t n); /* y may be x */
    void (*glu)(float *y, const float *a, const float *b,
                size_t n); /* y = a * sigmoid(b); y may be a or b */
    void (*softcap)(float *y, const float *x, float cap,
                    size_t n);              /* y = cap * tanh(x / cap); y may be x */
    float (*max)(const float *x, size_t n); /* -INFINITY for n = 0 */
    /* y = exp(x - max), returns the sum; y may be x. x = -INFINITY gives exactly 0. */
    float (*exp_sum)(float *y, const float *x, float max, size_t n);
    /* The same with y rounded to bf16 (below 2^-126: to 0); the sum is that of the exps before
     * rounding, which may be off by 1e-5 of themselves. y and x may overlap where y does not begin
     * behind x. */
    float (*exp_sum_bf16)(uint16_t *y, const float *x, float max, size_t n);
    void (*clamp)(float *y, const float *x, float lo, float hi, size_t n); /* y may be x */
    void (*scale)(float *y, const float *x, float s, size_t n);          /* y = x * s; y may be x */
    void (*add_scale)(float *y, const float *x, float s, size_t n);      /* y = (y + x) * s */
    void (*axpy)(float *y, const float *x, float s, size_t n);           /* y += x * s */
    void (*mul_add)(float *y, const float *a, const float *b, size_t n); /* y += a * b */
    float (*dot)(const float *x, const float *y, size_t n);
    /* turn pairs (j, j + half): see lib/nn/rope.h; in place. */
    void (*rope)(float *x, const float *cos_row, const float *sin_row, size_t half);
    void (*to_bf16)(uint16_t *y, const float *x, size_t n); /* nearest even */
    /* Row i of q8 from x[n], n a multiple of 32: see struct g4_q8. The same bytes at every level:
     * every step is a float32 operation, max|x| taken over the bits without the sign, round(v) =
     * (int)(v + 0.5 with the sign of v). */
    void (*to_q8)(const struct g4_q8 *q8, size_t i, const float *x, size_t n);
};

/* The record for products of many rows, unless float32 factors are asked for. */
static inline const struct g4_gemm *g4_kernels_gemm(const struct g4_kernels *kernels)
{
    return kernels->float_products ? &kernels->gemm_f32 : &kernels->gemm_bf16;
}

/* Fills the table for a level (at most what the machine has). use_blas: let OpenBLAS do gemm_f32 at
 * the generic level, if it can be loaded. */
void g4_kernels_init(struct g4_kernels *kernels, enum g4_cpu cpu, bool use_blas);

/* The table for g4_cpu_choose(), built once. NULL and err when $G4_CPU is wrong. */
const struct g4_kernels *g4_kernels_best(struct g4_err *err);

#endif

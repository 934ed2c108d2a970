/*
 * generic_gemm.c - the specification of both gemm records, in plain C.
 *
 * Stored numbers are read one by one as float32; factors are written by `put`, which knows the
 * place of W[c][i] in a panel.
 */
#include <string.h>

#include "lib/kernel/isa.h"
#include "lib/tensor/half.h"

enum { NR = 32, KC = 256 };

/* The factor of column c at k = i. */
static void put(const struct g4_gemm *gemm, void *panel, size_t c, size_t i, float x)
{
    if (gemm->type == G4_DTYPE_F32)
        ((float *)panel)[i * gemm->nr + c] = x;
    else
        ((uint16_t *)panel)[(i / 2 * gemm->nr + c) * 2 + i % 2] = g4_f32_to_bf16(x);
}

static size_t padded(const struct g4_gemm *gemm, size_t k)
{
    return (k + gemm->step - 1) / gemm->step * gemm->step;
}

static void pack_rows(const struct g4_gemm *gemm, enum g4_dtype dtype, void *panel, const void *w,
                      size_t stride, size_t rows, size_t k)
{
    for (size_t r = 0; r < gemm->nr; r++) {
        const unsigned char *row = r < rows ? (const unsigned char *)w + r * stride : NULL;
        for (size_t i = 0; i < padded(gemm, k); i++)
            put(gemm, panel, r, i, row && i < k ? g4_float_at(dtype, row, i) : 0.0f);
    }
}

static void pack_cols(const struct g4_gemm *gemm, enum g4_dtype dtype, void *panel, const void *v,
                      size_t stride, size_t cols, size_t k)
{
    for (size_t i = 0; i < padded(gemm, k); i++) {
        const unsigned char *row = i < k ? (const unsigned char *)v + i * stride : NULL;
        for (size_t c = 0; c < gemm->nr; c++)
            put(gemm, panel, c, i, row && c < cols ? g4_float_at(dtype, row, c) : 0.0f);
    }
}

static void convert_f32_generic(const struct g4_gemm *gemm, void *y, const float *x, size_t k)
{
    memmove(y, x, k * sizeof *x);
    memset((float *)y + k, 0, (padded(gemm, k) - k) * sizeof *x);
}

static void convert_bf16_generic(const struct g4_gemm *gemm, void *y, const float *x, size_t k)
{
    uint16_t *to = y;
    for (size_t i = 0; i < k; i++) { /* forwards: a result never lies on numbers still to come */
        const uint16_t h = g4_f32_to_bf16(g4_float_at(G4_DTYPE_F32, x, i));
        memcpy(to + i, &h, sizeof h);
    }
    memset(to + k, 0, (padded(gemm, k) - k) * sizeof *to);
}

static void multiply_f32_generic(float *y, size_t ldy, const void *x, size_t ldx, size_t m,
                                 const void *panel, size_t cols, size_t k, bool add)
{
    const float *factors = x, *w = panel;
    for (size_t r = 0; r < m; r++) {
        float sum[NR] = {0};
        for (size_t i = 0; i < k; i++)
            for (size_t c = 0; c < NR; c++)
                sum[c] += factors[r * ldx + i] * w[i * NR + c];
        for (size_t c = 0; c < cols; c++)
            y[r * ldy + c] = add ? y[r * ldy + c] + sum[c] : sum[c];
    }
}

static void multiply_bf16_generic(float *y, size_t ldy, const void *x, size_t ldx, size_t m,
                                  const void *panel, size_t cols, size_t k, bool add)
{
    const uint16_t *factors = x, *w = panel;
    for (size_t r = 0; r < m; r++) {
        float sum[NR] = {0};
        for (size_t i = 0; i < k; i++)
            for (size_t c = 0; c < NR; c++)
                sum[c] += g4_bf16_to_f32(factors[r * ldx + i]) *
                          g4_bf16_to_f32(w[(i / 2 * NR + c) * 2 + i % 2]);
        for (size_t c = 0; c < cols; c++)
            y[r * ldy + c] = add ? y[r * ldy + c] + sum[c] : sum[c];
    }
}

#include "lib/kernel/packing.h"

void g4_kernels_init_generic_gemm(struct g4_kernels *kernels)
{
    kernels->float_products = true;
    kernels->gemm_f32 = (struct g4_gemm){
        .name = "generic",
        .type = G4_DTYPE_F32,
        .mr = 1,
        .nr = NR,
        .kc = KC,
        .step = 1,
        .rows_to_pack = 256,
        .convert = convert_f32_generic,
        .multiply = multiply_f32_generic,
    };
    set_packing(&kernels->gemm_f32);
    kernels->gemm_bf16 = kernels->gemm_f32;
    kernels->gemm_bf16.type = G4_DTYPE_BF16;
    kernels->gemm_bf16.step = 2;
    kernels->gemm_bf16.convert = convert_bf16_generic;
    kernels->gemm_bf16.multiply = multiply_bf16_generic;
}

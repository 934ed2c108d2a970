/*
 * generic_mm.c - the specification of the slots that read stored floats, in plain C.
 *
 * Everything that reads stored numbers goes through widen: a chunk of a row becomes float32 on the
 * stack, then the arithmetic is the same for every type.
 */
#include <string.h>

#include "lib/kernel/isa.h"
#include "lib/tensor/half.h"

enum {
    CHUNK = 256, /* elements widened at a time */
    LANES = 8,   /* partial sums of a dot product: element i goes to sum i % LANES */
};

/* How to read a type. */
struct type {
    void (*widen)(float *y, const void *w, size_t n, float scale);
    size_t bytes;
};

static size_t min_size(size_t a, size_t b)
{
    return a < b ? a : b;
}

static void widen_f32_generic(float *y, const void *w, size_t n, float scale)
{
    for (size_t i = 0; i < n; i++)
        y[i] = g4_float_at(G4_DTYPE_F32, w, i) * scale;
}

static void widen_f16_generic(float *y, const void *w, size_t n, float scale)
{
    for (size_t i = 0; i < n; i++)
        y[i] = g4_float_at(G4_DTYPE_F16, w, i) * scale;
}

static void widen_bf16_generic(float *y, const void *w, size_t n, float scale)
{
    for (size_t i = 0; i < n; i++)
        y[i] = g4_float_at(G4_DTYPE_BF16, w, i) * scale;
}

static const struct type f32 = {widen_f32_generic, 4}, f16 = {widen_f16_generic, 2},
                         bf16 = {widen_bf16_generic, 2};

/* Address of element (row, i) of a matrix. */
static const void *element(const struct type *type, const void *w, size_t stride, size_t row,
                           size_t i)
{
    return (const unsigned char *)w + row * stride + i * type->bytes;
}

static float sum_lanes(const float *lane)
{
    return ((lane[0] + lane[4]) + (lane[2] + lane[6])) +
           ((lane[1] + lane[5]) + (lane[3] + lane[7]));
}

static void add_products(float *lane, const float *x, const float *w, size_t n)
{
    size_t i = 0;
    for (; i + LANES <= n; i += LANES)
        for (size_t j = 0; j < LANES; j++)
            lane[j] += x[i + j] * w[i + j];
    for (size_t j = 0; i + j < n; j++)
        lane[j] += x[i + j] * w[i + j];
}

static void gemv(const struct type *type, float *y, size_t ldy, const float *x, size_t ldx,
                 size_t n, const void *w, size_t stride, size_t rows, size_t k)
{
    float chunk[CHUNK], lanes[G4_GEMV_ROWS][LANES];
    for (size_t r = 0; r < rows; r++) {
        memset(lanes, 0, sizeof lanes);
        for (size_t i = 0; i < k; i += CHUNK) {
            const size_t count = min_size(CHUNK, k - i);
            type->widen(chunk, element(type, w, stride, r, i), count, 1.0f);
            for (size_t j = 0; j < n; j++)
                add_products(lanes[j], x + j * ldx + i, chunk, count);
        }
        for (size_t j = 0; j < n; j++)
            y[j * ldy + r] = sum_lanes(lanes[j]);
    }
}

static void weighted_sum(const struct type *type, float *y, size_t ldy, const float *p, size_t ldp,
                         size_t m, const void *v, size_t stride, size_t k, size_t d)
{
    float chunk[CHUNK];
    for (size_t i = 0; i < k; i++) {
        for (size_t c = 0; c < d; c += CHUNK) {
            const size_t count = min_size(CHUNK, d - c);
            type->widen(chunk, element(type, v, stride, i, c), count, 1.0f);
            for (size_t r = 0; r < m; r++)
                for (size_t j = 0; j < count; j++)
                    y[r * ldy + c + j] += p[r * ldp + i] * chunk[j];
        }
    }
}

static void gemv_f32_generic(float *y, size_t ldy, const float *x, size_t ldx, size_t n,
                             const void *w, size_t stride, size_t rows, size_t k)
{
    gemv(&f32, y, ldy, x, ldx, n, w, stride, rows, k);
}

static void gemv_f16_generic(float *y, size_t ldy, const float *x, size_t ldx, size_t n,
                             const void *w, size_t stride, size_t rows, size_t k)
{
    gemv(&f16, y, ldy, x, ldx, n, w, stride, rows, k);
}

static void gemv_bf16_generic(float *y, size_t ldy, const float *x, size_t ldx, size_t n,
                              const void *w, size_t stride, size_t rows, size_t k)
{
    gemv(&bf16, y, ldy, x, ldx, n, w, stride, rows, k);
}

static void weighted_sum_f32_generic(float *y, size_t ldy, const float *p, size_t ldp, size_t m,
                                     const void *v, size_t stride, size_t k, size_t d)
{
    weighted_sum(&f32, y, ldy, p, ldp, m, v, stride, k, d);
}

static void weighted_sum_f16_generic(float *y, size_t ldy, const float *p, size_t ldp, size_t m,
                                     const void *v, size_t stride, size_t k, size_t d)
{
    weighted_sum(&f16, y, ldy, p, ldp, m, v, stride, k, d);
}

static void weighted_sum_bf16_generic(float *y, size_t ldy, const float *p, size_t ldp, size_t m,
                                      const void *v, size_t stride, size_t k, size_t d)
{
    weighted_sum(&bf16, y, ldy, p, ldp, m, v, stride, k, d);
}

void g4_kernels_init_generic_mm(struct g4_kernels *kernels)
{
    kernels->dtype[G4_DTYPE_F32] = (struct g4_kernels_dtype){
        .gemv = gemv_f32_generic,
        .widen = widen_f32_generic,
        .weighted_sum = weighted_sum_f32_generic,
    };
    kernels->dtype[G4_DTYPE_F16] = (struct g4_kernels_dtype){
        .gemv = gemv_f16_generic,
        .widen = widen_f16_generic,
        .weighted_sum = weighted_sum_f16_generic,
    };
    kernels->dtype[G4_DTYPE_BF16] = (struct g4_kernels_dtype){
        .gemv = gemv_bf16_generic,
        .widen = widen_bf16_generic,
        .weighted_sum = weighted_sum_bf16_generic,
    };
}

/*
 * generic_q.c - the specification of the slots for quantised weights, in plain C.
 *
 * widen is the scalar truth of lib/tensor/quant.h; products with x in eight bits go group by group,
 * see generic_groups.h.
 */
#include <math.h>
#include <string.h>

#include "lib/kernel/generic_groups.h"
#include "lib/kernel/isa.h"
#include "lib/tensor/quant.h"

static void gemv_q8(const struct type *type, float *y, size_t ldy, const struct g4_q8 *x, size_t n,
                    const void *w, size_t stride, size_t rows, size_t k)
{
    for (size_t r = 0; r < rows; r++) {
        float sum[G4_GEMV_ROWS] = {0};
        for (size_t i = 0; i < k / GROUP; i++) {
            struct group g;
            read_group(type, &g, (const unsigned char *)w + r * stride, i);
            for (size_t j = 0; j < n; j++)
                sum[j] += product(&g, x, j, i);
        }
        for (size_t j = 0; j < n; j++)
            y[j * ldy + r] = sum[j];
    }
}

static uint32_t bits_of(float x)
{
    uint32_t bits;
    memcpy(&bits, &x, sizeof bits);
    return bits;
}

/* One group of x. Returns d; *sum = the sum of q. */
static float round_group(int8_t *q, const float *x, int *sum)
{
    const uint32_t infinity = bits_of(INFINITY), least = bits_of(0x1p-100f);
    uint32_t bits = 0;
    float largest;
    *sum = 0;
    for (size_t k = 0; k < GROUP; k++) {
        const uint32_t b = bits_of(x[k]) & 0x7fffffff;
        bits = b > bits ? b : bits;
    }
    memcpy(&largest, &bits, sizeof largest);
    if (bits < least || bits >= infinity) {
        memset(q, 0, GROUP);
        return bits < least ? 0.0f : largest;
    }
    const float d = largest / 127.0f, inverse = 1.0f / d;
    for (size_t k = 0; k < GROUP; k++) {
        const float v = x[k] * inverse;
        q[k] = (int8_t)(v + (v < 0 ? -0.5f : 0.5f));
        *sum += q[k];
    }
    return d;
}

static void to_q8_generic(const struct g4_q8 *q8, size_t i, const float *x, size_t n)
{
    for (size_t k = 0; k < n; k += GROUP) {
        int sum;
        const float d = round_group(q8->q + i * q8->ldq + k, x + k, &sum);
        q8->d[i * q8->ldd + k / GROUP] = d;
        q8->m[i * q8->ldd + k / GROUP] = d * (float)sum;
    }
}

/* ------------------------------------------------------------------------------ slots */

static void widen(enum g4_dtype dtype, float *y, const void *w, size_t n, float scale)
{
    g4_dequantise(dtype, y, w, n);
    for (size_t i = 0; i < n; i++)
        y[i] *= scale;
}

#define WIDEN(name, dtype)                                                                         \
    static void widen_##name##_generic(float *y, const void *w, size_t n, float scale)             \
    {                                                                                              \
        widen(dtype, y, w, n, scale);                                                              \
    }

#define GEMV_Q8(name, type_dtype)                                                                  \
    static void gemv_q8_##name##_generic(float *y, size_t ldy, const struct g4_q8 *x, size_t n,    \
                                         const void *w, size_t stride, size_t rows, size_t k)      \
    {                                                                                              \
        static const struct type type = {read_##name, type_dtype};                                 \
        gemv_q8(&type, y, ldy, x, n, w, stride, rows, k);                                          \
    }

/* Types that are widened before products. */
#define WIDENED_TYPES(X)                                                                           \
    X(q2_k, G4_DTYPE_Q2_K)                                                                         \
    X(q3_k, G4_DTYPE_Q3_K)                                                                         \
    X(iq4_xs, G4_DTYPE_IQ4_XS)                                                                     \
    X(mxfp4, G4_DTYPE_MXFP4)                                                                       \
    X(i2, G4_DTYPE_I2)                                                                             \
    X(i4, G4_DTYPE_I4)                                                                             \
    X(i8, G4_DTYPE_I8)                                                                             \
    X(sfp8, G4_DTYPE_SFP8)

PRODUCT_TYPES(WIDEN)
PRODUCT_TYPES(GEMV_Q8)
WIDENED_TYPES(WIDEN)

#define SET_WIDEN(name, dtype_)   kernels->dtype[dtype_].widen = widen_##name##_generic;
#define SET_GEMV_Q8(name, dtype_) kernels->dtype[dtype_].gemv_q8 = gemv_q8_##name##_generic;

void g4_kernels_init_generic_q(struct g4_kernels *kernels)
{
    PRODUCT_TYPES(SET_WIDEN)
    PRODUCT_TYPES(SET_GEMV_Q8)
    WIDENED_TYPES(SET_WIDEN)
    kernels->to_q8 = to_q8_generic;
}

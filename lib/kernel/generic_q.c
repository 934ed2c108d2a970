/*
 * generic_q.c - the specification of the slots for quantised weights, in plain C.
 *
 * widen is the scalar truth of lib/tensor/quant.h. For products with x in eight bits every type is
 * read as groups of 32 elements
 *
 *     w[k] = scale[k / 16] * code[k] + min        code: small integers
 *     x[k] ~ d * q[k]
 *     sum of w x ~ d * (scale[0] * sum of code q, k < 16, + scale[1] * the same, k >= 16) + min * m
 */
#include <math.h>
#include <string.h>

#include "lib/kernel/isa.h"
#include "lib/tensor/half.h"
#include "lib/tensor/quant.h"

enum { GROUP = 32 };

struct group {
    int8_t code[GROUP];
    float scale[2], min;
};

static float half_at(const unsigned char *p)
{
    uint16_t h;
    memcpy(&h, p, sizeof h);
    return g4_f16_to_f32(h);
}

/* ------------------------------------------------------------------------------ reading groups */

/* Low nibbles are elements 0..15, high ones 16..31. */
static void read_nibbles(struct group *g, const unsigned char *q)
{
    for (size_t k = 0; k < 16; k++) {
        g->code[k] = (int8_t)(q[k] & 15);
        g->code[k + 16] = (int8_t)(q[k] >> 4);
    }
}

/* Bit k of the 32 at `bits` is worth 16. */
static void add_fifth_bits(struct group *g, const unsigned char *bits)
{
    for (size_t k = 0; k < GROUP; k++)
        g->code[k] = (int8_t)(g->code[k] + (bits[k / 8] >> k % 8 & 1) * 16);
}

static void add_to_codes(struct group *g, int offset)
{
    for (size_t k = 0; k < GROUP; k++)
        g->code[k] = (int8_t)(g->code[k] + offset);
}

static void set_scale(struct group *g, float scale, float min)
{
    g->scale[0] = g->scale[1] = scale;
    g->min = min;
}

static void read_q4_0(struct group *g, const unsigned char *block, size_t j)
{
    (void)j;
    set_scale(g, half_at(block), 0.0f);
    read_nibbles(g, block + 2);
    add_to_codes(g, -8);
}

static void read_q4_1(struct group *g, const unsigned char *block, size_t j)
{
    (void)j;
    set_scale(g, half_at(block), half_at(block + 2));
    read_nibbles(g, block + 4);
}

static void read_q5_0(struct group *g, const unsigned char *block, size_t j)
{
    (void)j;
    set_scale(g, half_at(block), 0.0f);
    read_nibbles(g, block + 6);
    add_fifth_bits(g, block + 2);
    add_to_codes(g, -16);
}

static void read_q5_1(struct group *g, const unsigned char *block, size_t j)
{
    (void)j;
    set_scale(g, half_at(block), half_at(block + 2));
    read_nibbles(g, block + 8);
    add_fifth_bits(g, block + 4);
}

static void read_q8_0(struct group *g, const unsigned char *block, size_t j)
{
    (void)j;
    set_scale(g, half_at(block), 0.0f);
    memcpy(g->code, block + 2, GROUP);
}

static void read_iq4_nl(struct group *g, const unsigned char *block, size_t j)
{
    static const int8_t value[16] = {-127, -104, -83, -65, -49, -35, -22, -10,
                                     1,    13,   25,  38,  53,  69,  89,  113};
    (void)j;
    set_scale(g, half_at(block), 0.0f);
    read_nibbles(g, block + 2);
    for (size_t k = 0; k < GROUP; k++)
        g->code[k] = value[g->code[k]];
}

/* Group j of the eight of a K block: d, dmin and twelve bytes of 6-bit scales and minima. */
static void set_packed_scale(struct group *g, const unsigned char *block, size_t j)
{
    const unsigned char *t = block + 4;
    int scale = t[j % 4] & 63, min = t[j % 4 + 4] & 63;
    if (j >= 4) {
        scale = (t[j + 4] & 15) | t[j - 4] >> 6 << 4;
        min = t[j + 4] >> 4 | t[j] >> 6 << 4;
    }
    set_scale(g, half_at(block) * (float)scale, -half_at(block + 2) * (float)min);
}

/* Groups 2i and 2i + 1 are the low and the high nibbles of the same 32 bytes. */
static void read_paired_nibbles(struct group *g, const unsigned char *q, size_t j)
{
    for (size_t k = 0; k < GROUP; k++)
        g->code[k] = (int8_t)(q[j / 2 * GROUP + k] >> j % 2 * 4 & 15);
}

static void read_q4_k(struct group *g, const unsigned char *block, size_t j)
{
    set_packed_scale(g, block, j);
    read_paired_nibbles(g, block + 16, j);
}

static void read_q5_k(struct group *g, const unsigned char *block, size_t j)
{
    set_packed_scale(g, block, j);
    read_paired_nibbles(g, block + 48, j);
    for (size_t k = 0; k < GROUP; k++)
        g->code[k] = (int8_t)(g->code[k] + (block[16 + k] >> j & 1) * 16);
}

static void read_q6_k(struct group *g, const unsigned char *block, size_t j)
{
    const size_t half = j / 4, c = j % 4;
    const unsigned char *low = block + 64 * half + 32 * (c % 2), *high = block + 128 + 32 * half;
    int8_t scale[2];
    memcpy(scale, block + 192 + 2 * j, sizeof scale);
    for (size_t k = 0; k < GROUP; k++)
        g->code[k] = (int8_t)(((low[k] >> c / 2 * 4 & 15) | (high[k] >> 2 * c & 3) << 4) - 32);
    for (size_t i = 0; i < 2; i++)
        g->scale[i] = half_at(block + 208) * (float)scale[i];
    g->min = 0.0f;
}

/* ------------------------------------------------------------------------------ products */

/* How to read a type. */
struct type {
    void (*read)(struct group *g, const unsigned char *block, size_t j);
    enum g4_dtype dtype;
};

static float product(const struct group *g, const int8_t *q, float d, float m)
{
    int sum[2] = {0, 0};
    for (size_t k = 0; k < GROUP; k++)
        sum[k / 16] += g->code[k] * q[k];
    return d * (g->scale[0] * (float)sum[0] + g->scale[1] * (float)sum[1]) + g->min * m;
}

static void gemv_q8(const struct type *type, float *y, size_t ldy, const struct g4_q8 *x, size_t n,
                    const void *w, size_t stride, size_t rows, size_t k)
{
    const struct g4_dtype_info *info = g4_dtype_info(type->dtype);
    const size_t per_block = info->block / GROUP;
    for (size_t r = 0; r < rows; r++) {
        const unsigned char *row = (const unsigned char *)w + r * stride;
        float sum[G4_GEMV_ROWS] = {0};
        for (size_t i = 0; i < k / GROUP; i++) {
            struct group g;
            type->read(&g, row + i / per_block * info->bytes, i % per_block);
            for (size_t j = 0; j < n; j++)
                sum[j] += product(&g, x->q + j * x->ldq + i * GROUP, x->d[j * x->ldd + i],
                                  x->m[j * x->ldd + i]);
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

/* Types that products know, and types that are widened before them. */
#define PRODUCT_TYPES(X)                                                                           \
    X(q4_0, G4_DTYPE_Q4_0)                                                                         \
    X(q4_1, G4_DTYPE_Q4_1)                                                                         \
    X(q5_0, G4_DTYPE_Q5_0)                                                                         \
    X(q5_1, G4_DTYPE_Q5_1)                                                                         \
    X(q8_0, G4_DTYPE_Q8_0)                                                                         \
    X(iq4_nl, G4_DTYPE_IQ4_NL)                                                                     \
    X(q4_k, G4_DTYPE_Q4_K)                                                                         \
    X(q5_k, G4_DTYPE_Q5_K)                                                                         \
    X(q6_k, G4_DTYPE_Q6_K)

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

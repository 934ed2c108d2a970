/*
 * check_q.c - the slots of quantised weights, at every level, against lib/tensor/quant.h in
 * float64.
 */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "lib/tensor/quant.h"
#include "tests/kernel/check.h"
#include "tests/unit/block_fixture.h"

enum { GROUP = 32, MAX_COLS = 2304 };

static const struct g4_kernels_dtype *isa_of(const struct check *c)
{
    return &c->isa->dtype[c->dtype];
}

size_t block_bytes(const struct check *c, size_t n)
{
    size_t bytes = 0;
    if (!g4_dtype_row_bytes(c->dtype, n, &bytes))
        abort();
    return bytes;
}

struct area area_blocks(const struct check *c, size_t n, size_t shift, uint32_t seed)
{
    struct area area = area_open(block_bytes(c, n), shift);
    fill_blocks(c->dtype, area.data, n, seed);
    return area;
}

/* ------------------------------------------------------------------------------ widen */

static void widen_case(struct check *c, size_t n, size_t shift, float scale)
{
    struct area w = area_blocks(c, n, shift, (uint32_t)(n + shift));
    struct area y = area_floats(n, 4 * shift, 2), want = area_copy(&y, 0);
    const float *got = y.data;
    float *expected = want.data;
    g4_dequantise(c->dtype, expected, w.data, n);
    isa_of(c)->widen(y.data, w.data, n, scale);
    for (size_t i = 0; i < n; i++)
        check_value(c, got[i], expected[i] * scale, 1, "widen");
    check_fence(c, &y, "widen");
    area_close(&w);
    area_close(&y);
    area_close(&want);
}

static void check_widen(struct check *c)
{
    const size_t block = g4_dtype_info(c->dtype)->block;
    for (size_t blocks = 0; blocks <= 9; blocks++) {
        for (size_t shift = 0; shift < 4; shift++)
            widen_case(c, blocks * block, shift, shift % 2 ? 0.7f : 1.0f);
    }
    for (size_t n = 10; n * block <= MAX_COLS; n += 7)
        widen_case(c, n * block, n % 5, -1.5f);
}

/* Zeros, the largest and the smallest halves, infinities and NaN: what the bytes say. */
static void check_widen_halves(struct check *c)
{
    static const uint16_t halves[] = {0,      0x8000, 1,      0x03ff, 0x0400, 0x7bff,
                                      0xfbff, 0x7c00, 0xfc00, 0x7e00, 0x3c00, 0x83ff};
    const struct g4_dtype_info *info = g4_dtype_info(c->dtype);
    const struct block_halves at = block_halves(c->dtype);
    float got[256], want[256];
    for (size_t i = 0; i < sizeof halves / sizeof *halves; i++) {
        struct area w = area_blocks(c, info->block, i % 3, 7);
        for (int h = 0; h < 2; h++)
            if (at.at[h] >= 0)
                memcpy((unsigned char *)w.data + at.at[h], &halves[i], sizeof *halves);
        g4_dequantise(c->dtype, want, w.data, info->block);
        isa_of(c)->widen(got, w.data, info->block, 1.0f);
        for (size_t k = 0; k < info->block; k++)
            check_value(c, got[k], want[k], 1, "widen");
        area_close(&w);
    }
}

/* ------------------------------------------------------------------------------ to_q8 */

struct rounded rounded_open(size_t n, size_t k)
{
    struct rounded r;
    const size_t ldq = (k + 63) / 64 * 64, ldd = k / GROUP + k % 3, scales = k / GROUP;
    r.q = area_open(n * ldq, 0);
    r.d = area_open(((n - 1) * ldd + scales) * sizeof(float), 4 * (k / GROUP % 3));
    r.m = area_open(r.d.bytes, r.d.shift);
    r.q8 = (struct g4_q8){r.q.data, r.d.data, r.m.data, ldq, ldd};
    return r;
}

void rounded_close(struct check *c, struct rounded *r)
{
    check_fence(c, &r->q, "q");
    check_fence(c, &r->d, "d");
    check_fence(c, &r->m, "m");
    area_close(&r->q);
    area_close(&r->d);
    area_close(&r->m);
}

bool same_float(float a, float b)
{
    return memcmp(&a, &b, sizeof a) == 0 || (isnan(a) && isnan(b));
}

/* The same bytes as generic; memory beside the row untouched. */
static void to_q8_case(struct check *c, const float *x, size_t k)
{
    struct rounded got = rounded_open(2, k), want = rounded_open(2, k);
    for (size_t row = 0; row < 2; row++) {
        c->isa->to_q8(&got.q8, row, x, k);
        c->generic->to_q8(&want.q8, row, x, k);
        const size_t at = row * got.q8.ldq, scales = row * got.q8.ldd;
        if (memcmp(got.q8.q + at, want.q8.q + at, k) != 0)
            check_fail(c, "to_q8: bytes differ (k %zu)", k);
        for (size_t i = scales; i < scales + k / GROUP; i++)
            if (!same_float(got.q8.d[i], want.q8.d[i]) || !same_float(got.q8.m[i], want.q8.m[i]))
                check_fail(c, "to_q8: d %g m %g, expected %g %g (k %zu)", (double)got.q8.d[i],
                           (double)got.q8.m[i], (double)want.q8.d[i], (double)want.q8.m[i], k);
    }
    rounded_close(c, &got);
    rounded_close(c, &want);
}

/* x is d q but for half a step; m is d times the sum. */
static void to_q8_error(struct check *c, const float *x, size_t k)
{
    struct rounded r = rounded_open(1, k);
    c->isa->to_q8(&r.q8, 0, x, k);
    for (size_t g = 0; g < k / GROUP; g++) {
        const double d = r.q8.d[g];
        double largest = 0, sum = 0;
        for (size_t i = g * GROUP; i < (g + 1) * GROUP; i++) {
            largest = fmax(largest, fabs((double)x[i]));
            sum += d * r.q8.q[i];
            const double error = fabs(d * r.q8.q[i] - x[i]);
            if (!(error <= 0.50001 * d))
                check_fail(c, "to_q8: %g became %d times %g", (double)x[i], r.q8.q[i], d);
        }
        check_value(c, d, largest / 127, largest / 127, "d");
        check_value(c, r.q8.m[g], sum, 127 * GROUP * d, "m");
    }
    rounded_close(c, &r);
}

static void check_to_q8(struct check *c)
{
    static const float special[] = {INFINITY, -INFINITY, NAN,     0x1p-100f, 0x1p-101f, 1e-42f,
                                    3e38f,    -3e38f,    -1e-30f, 0.0f,      -0.0f};
    for (size_t k = 0; k <= MAX_COLS; k += k < 320 ? GROUP : 7 * GROUP) {
        struct area x = area_floats(k, 4 * (k / GROUP % 4), (uint32_t)k + 1);
        to_q8_case(c, x.data, k);
        to_q8_error(c, x.data, k);
        area_close(&x);
    }
    for (size_t s = 0; s < sizeof special / sizeof *special; s++) {
        for (size_t at = 0; at < GROUP; at += 5) {
            struct area x = area_floats(3 * GROUP, 0, 9);
            float *group = (float *)x.data + GROUP;
            for (size_t i = 0; i < GROUP; i++)
                group[i] = i == at ? special[s] : special[s] * 0.37f;
            to_q8_case(c, x.data, 3 * GROUP);
            group[(at + 9) % GROUP] = NAN;
            to_q8_case(c, x.data, 3 * GROUP);
            area_close(&x);
        }
    }
}

/* Halves of a step go away from zero, zeros give zeros, what is not finite gives NaN. */
static void check_to_q8_rule(struct check *c)
{
    float x[4 * GROUP] = {127, 0.5f, -0.5f, 1.5f, -1.5f, 2.5f, -2.5f, 0.49f, -126.5f, 5};
    struct rounded r = rounded_open(1, 4 * GROUP);
    static const int8_t want[10] = {127, 1, -1, 2, -2, 3, -3, 0, -127, 5};
    x[GROUP + 3] = 0x1p-101f;
    x[2 * GROUP + 31] = -INFINITY;
    x[3 * GROUP] = NAN;
    x[3 * GROUP + 1] = INFINITY;
    c->isa->to_q8(&r.q8, 0, x, 4 * GROUP);
    if (r.q8.d[0] != 1.0f || memcmp(r.q8.q, want, sizeof want) != 0 || r.q8.m[0] != 5.0f)
        check_fail(c, "to_q8: rounding: d %g, m %g", (double)r.q8.d[0], (double)r.q8.m[0]);
    if (r.q8.d[1] != 0 || r.q8.m[1] != 0 || r.q8.d[2] != INFINITY || !isnan(r.q8.m[2]) ||
        !isnan(r.q8.d[3]) || !isnan(r.q8.m[3]))
        check_fail(c, "to_q8: special numbers");
    for (size_t i = GROUP; i < 4 * GROUP; i++)
        if (r.q8.q[i] != 0)
            check_fail(c, "to_q8: element %zu is %d", i, r.q8.q[i]);
    rounded_close(c, &r);
}

/* ------------------------------------------------------------------------------ gemv_q8 */

/* The product of a row of W and row j of x, and the sum of its absolute values, in float64. */
static double product(const struct g4_q8 *x, size_t j, const float *w, size_t k, double *size)
{
    double sum = 0;
    *size = 1e-30;
    for (size_t i = 0; i < k; i++) {
        const double term = (double)x->d[j * x->ldd + i / GROUP] * x->q[j * x->ldq + i] * w[i];
        sum += term;
        *size += fabs(term);
    }
    return sum;
}

static void gemv_q8_case(struct check *c, size_t n, size_t rows, size_t k)
{
    const size_t stride = block_bytes(c, k) + rows % 3, ldy = rows + n % 3;
    struct area x = area_floats(n * k, 0, 1), y = area_floats((n - 1) * ldy + rows, 4 * (n % 4), 3);
    struct area w = area_open(rows ? (rows - 1) * stride + block_bytes(c, k) : 0, rows % 4);
    struct rounded r = rounded_open(n, k);
    const float *got = y.data;
    float *before = malloc(y.bytes + 1), row[MAX_COLS], alone[128];
    if (!before || k > MAX_COLS || rows > 128)
        abort();
    memcpy(before, got, y.bytes);
    for (size_t i = 0; i < rows; i++)
        fill_blocks(c->dtype, (unsigned char *)w.data + i * stride, k, (uint32_t)(i + k));
    for (size_t j = 0; j < n; j++)
        c->generic->to_q8(&r.q8, j, (const float *)x.data + j * k, k);

    isa_of(c)->gemv_q8(y.data, ldy, &r.q8, n, w.data, stride, rows, k);
    for (size_t i = 0; i < rows; i++) {
        g4_dequantise(c->dtype, row, (const unsigned char *)w.data + i * stride, k);
        for (size_t j = 0; j < n; j++) {
            double size, want = product(&r.q8, j, row, k, &size);
            check_value(c, got[j * ldy + i], want, size, "gemv_q8");
        }
    }
    for (size_t i = 0; i < y.bytes / sizeof *got; i++)
        if (i % ldy >= rows && memcmp(&got[i], &before[i], sizeof *got) != 0)
            check_fail(c, "gemv_q8: wrote between rows of y");
    for (size_t j = 0; j < n; j++) {
        struct g4_q8 one = r.q8;
        one.q += j * one.ldq;
        one.d += j * one.ldd;
        one.m += j * one.ldd;
        isa_of(c)->gemv_q8(alone, rows, &one, 1, w.data, stride, rows, k);
        if (memcmp(alone, got + j * ldy, rows * sizeof *got) != 0)
            check_fail(c, "row %zu of %zu differs from itself alone (rows %zu, k %zu)", j, n, rows,
                       k);
    }
    check_fence(c, &y, "gemv_q8");
    free(before);
    rounded_close(c, &r);
    area_close(&x);
    area_close(&y);
    area_close(&w);
}

static void check_gemv_q8(struct check *c)
{
    static const size_t rows[] = {0, 1, 2, 3, 4, 5, 7, 9, 18, 33, SIZE_MAX};
    const size_t block = g4_dtype_info(c->dtype)->block;
    for (size_t blocks = 0; blocks * block <= MAX_COLS; blocks += blocks < 10 ? 1 : 21)
        for (const size_t *r = rows; *r != SIZE_MAX; r++)
            for (size_t n = 1; n <= G4_GEMV_ROWS; n += *r > 9 ? 5 : 1)
                gemv_q8_case(c, n, *r, blocks * block);
}

/* Products of the largest codes and scales with the largest q, in which 16 bits would run over: all
 * bytes of the blocks alike but the halves, which are 1, and the scales of a K type. */
static void gemv_q8_largest(struct check *c, unsigned char codes, unsigned char scales,
                            const float *x, size_t k)
{
    const struct g4_dtype_info *info = g4_dtype_info(c->dtype);
    const struct block_halves at = block_halves(c->dtype);
    const size_t from = c->dtype == G4_DTYPE_Q6_K ? 192 : 4, count = info->block == 256 ? 12 : 0;
    const uint16_t one = 0x3c00;
    struct area w = area_open(block_bytes(c, k), 0);
    struct rounded r = rounded_open(1, k);
    float row[MAX_COLS], got;
    for (size_t b = 0; b < k / info->block; b++) {
        unsigned char *block = (unsigned char *)w.data + b * info->bytes;
        memset(block, codes, info->bytes);
        memset(block + from, scales, c->dtype == G4_DTYPE_Q6_K ? 16 : count);
        for (int h = 0; h < 2; h++)
            if (at.at[h] >= 0)
                memcpy(block + at.at[h], &one, sizeof one);
    }
    c->generic->to_q8(&r.q8, 0, x, k);
    isa_of(c)->gemv_q8(&got, 1, &r.q8, 1, w.data, block_bytes(c, k), 1, k);
    g4_dequantise(c->dtype, row, w.data, k);
    double size, want = product(&r.q8, 0, row, k, &size);
    check_value(c, got, want, size, "largest codes");
    rounded_close(c, &r);
    area_close(&w);
}

static void check_gemv_q8_largest(struct check *c)
{
    static const unsigned char bytes[] = {0x00, 0xff, 0x80, 0x7f, 0x81, 0x0f, 0xf0};
    float x[512];
    for (size_t pattern = 0; pattern < 4; pattern++) {
        for (size_t i = 0; i < 512; i++) /* all 1, all -1, alternating by one and by two */
            x[i] = pattern < 2 ? 1.0f - 2.0f * (float)pattern : i >> (pattern - 2) & 1 ? 1 : -1;
        for (size_t i = 0; i < sizeof bytes; i++)
            for (size_t j = 0; j < sizeof bytes; j++)
                gemv_q8_largest(c, bytes[i], bytes[j], x, 512);
    }
}

/* The level whose bits those of a level are: VNNI's are those of AVX-512 without it; on Arm all
 * are those of NEON. */
static enum g4_cpu same_bits_as(enum g4_cpu level)
{
#if defined(__aarch64__)
    return level > G4_CPU_NEON ? G4_CPU_NEON : level;
#else
    return level > G4_CPU_AVX512 ? G4_CPU_AVX512 : level;
#endif
}

/* The same types as generic, and the same bits as the level below. */
static void check_gemv_q8_levels(struct check *c)
{
    enum { ROWS = 7, N = 3, K = 512 };
    struct g4_kernels below;
    g4_kernels_init(&below, same_bits_as(c->isa->cpu), false);
    for (int type = 0; type < G4_DTYPE_WEIGHTS; type++) {
        c->dtype = (enum g4_dtype)type;
        if (!c->isa->dtype[type].widen)
            check_fail(c, "type %d: no widen", type);
        if (!isa_of(c)->gemv_q8 != !c->generic->dtype[type].gemv_q8)
            check_fail(c, "type %d: a gemv_q8 at this level or at generic only", type);
        if (!isa_of(c)->gemv_q8)
            continue;
        struct area x = area_floats(N * K, 0, 5), w = area_blocks(c, ROWS * K, 0, 6);
        struct rounded r = rounded_open(N, K);
        float got[N * ROWS], want[N * ROWS];
        for (size_t j = 0; j < N; j++)
            c->generic->to_q8(&r.q8, j, (const float *)x.data + j * K, K);
        isa_of(c)->gemv_q8(got, ROWS, &r.q8, N, w.data, block_bytes(c, K), ROWS, K);
        below.dtype[type].gemv_q8(want, ROWS, &r.q8, N, w.data, block_bytes(c, K), ROWS, K);
        if (memcmp(got, want, sizeof got) != 0)
            check_fail(c, "type %d: not the bits of the level below", type);
        rounded_close(c, &r);
        area_close(&x);
        area_close(&w);
    }
}

/* A row of x that is not finite, and blocks that are not, spoil their own results only. */
static void check_gemv_q8_nan(struct check *c)
{
    enum { ROWS = 5, N = 3 };
    const size_t k = 2 * g4_dtype_info(c->dtype)->block, stride = block_bytes(c, k);
    const struct block_halves at = block_halves(c->dtype);
    const uint16_t nan_half = 0x7e00;
    struct area x = area_floats(N * k, 0, 1), w = area_blocks(c, ROWS * k, 0, 2);
    struct rounded r = rounded_open(N, k);
    float y[N * ROWS];
    ((float *)x.data)[k + 1] = INFINITY;
    memcpy((unsigned char *)w.data + 3 * stride + at.at[0], &nan_half, sizeof nan_half);
    for (size_t j = 0; j < N; j++)
        c->generic->to_q8(&r.q8, j, (const float *)x.data + j * k, k);
    isa_of(c)->gemv_q8(y, ROWS, &r.q8, N, w.data, stride, ROWS, k);
    for (size_t i = 0; i < N * ROWS; i++) {
        const bool spoilt = i / ROWS == 1 || i % ROWS == 3;
        if (isnan(y[i]) != spoilt)
            check_fail(c, "y[%zu][%zu] is %g", i / ROWS, i % ROWS, (double)y[i]);
    }
    rounded_close(c, &r);
    area_close(&x);
    area_close(&w);
}

/* The rounding of the products of groups, added one after another. */
#define PRODUCT 2e-6, "sum |x w|"
#define EXACT   0, "nothing"

const struct check_slot check_q_slots[] = {
    {"widen.q4_0", check_widen, G4_DTYPE_Q4_0, EXACT},
    {"widen.q4_1", check_widen, G4_DTYPE_Q4_1, EXACT},
    {"widen.q5_0", check_widen, G4_DTYPE_Q5_0, EXACT},
    {"widen.q5_1", check_widen, G4_DTYPE_Q5_1, EXACT},
    {"widen.q8_0", check_widen, G4_DTYPE_Q8_0, EXACT},
    {"widen.q2_k", check_widen, G4_DTYPE_Q2_K, EXACT},
    {"widen.q3_k", check_widen, G4_DTYPE_Q3_K, EXACT},
    {"widen.q4_k", check_widen, G4_DTYPE_Q4_K, EXACT},
    {"widen.q5_k", check_widen, G4_DTYPE_Q5_K, EXACT},
    {"widen.q6_k", check_widen, G4_DTYPE_Q6_K, EXACT},
    {"widen.iq4_nl", check_widen, G4_DTYPE_IQ4_NL, EXACT},
    {"widen.iq4_xs", check_widen, G4_DTYPE_IQ4_XS, EXACT},
    {"widen.mxfp4", check_widen, G4_DTYPE_MXFP4, EXACT},
    {"widen.i2", check_widen, G4_DTYPE_I2, EXACT},
    {"widen.i4", check_widen, G4_DTYPE_I4, EXACT},
    {"widen.i8", check_widen, G4_DTYPE_I8, EXACT},
    {"widen.sfp8", check_widen, G4_DTYPE_SFP8, EXACT},
    {"widen_halves.q4_0", check_widen_halves, G4_DTYPE_Q4_0, EXACT},
    {"widen_halves.q4_1", check_widen_halves, G4_DTYPE_Q4_1, EXACT},
    {"widen_halves.q5_0", check_widen_halves, G4_DTYPE_Q5_0, EXACT},
    {"widen_halves.q5_1", check_widen_halves, G4_DTYPE_Q5_1, EXACT},
    {"widen_halves.q8_0", check_widen_halves, G4_DTYPE_Q8_0, EXACT},
    {"widen_halves.q2_k", check_widen_halves, G4_DTYPE_Q2_K, EXACT},
    {"widen_halves.q3_k", check_widen_halves, G4_DTYPE_Q3_K, EXACT},
    {"widen_halves.q4_k", check_widen_halves, G4_DTYPE_Q4_K, EXACT},
    {"widen_halves.q5_k", check_widen_halves, G4_DTYPE_Q5_K, EXACT},
    {"widen_halves.q6_k", check_widen_halves, G4_DTYPE_Q6_K, EXACT},
    {"widen_halves.iq4_nl", check_widen_halves, G4_DTYPE_IQ4_NL, EXACT},
    {"widen_halves.iq4_xs", check_widen_halves, G4_DTYPE_IQ4_XS, EXACT},
    {"to_q8", check_to_q8, 0, 1e-6, "the result"},
    {"to_q8_rule", check_to_q8_rule, 0, EXACT},
    {"gemv_q8.q4_0", check_gemv_q8, G4_DTYPE_Q4_0, PRODUCT},
    {"gemv_q8.q4_1", check_gemv_q8, G4_DTYPE_Q4_1, PRODUCT},
    {"gemv_q8.q5_0", check_gemv_q8, G4_DTYPE_Q5_0, PRODUCT},
    {"gemv_q8.q5_1", check_gemv_q8, G4_DTYPE_Q5_1, PRODUCT},
    {"gemv_q8.q8_0", check_gemv_q8, G4_DTYPE_Q8_0, PRODUCT},
    {"gemv_q8.iq4_nl", check_gemv_q8, G4_DTYPE_IQ4_NL, PRODUCT},
    {"gemv_q8.q4_k", check_gemv_q8, G4_DTYPE_Q4_K, PRODUCT},
    {"gemv_q8.q5_k", check_gemv_q8, G4_DTYPE_Q5_K, PRODUCT},
    {"gemv_q8.q6_k", check_gemv_q8, G4_DTYPE_Q6_K, PRODUCT},
    {"gemv_q8_largest.q4_0", check_gemv_q8_largest, G4_DTYPE_Q4_0, PRODUCT},
    {"gemv_q8_largest.q4_1", check_gemv_q8_largest, G4_DTYPE_Q4_1, PRODUCT},
    {"gemv_q8_largest.q5_0", check_gemv_q8_largest, G4_DTYPE_Q5_0, PRODUCT},
    {"gemv_q8_largest.q5_1", check_gemv_q8_largest, G4_DTYPE_Q5_1, PRODUCT},
    {"gemv_q8_largest.q8_0", check_gemv_q8_largest, G4_DTYPE_Q8_0, PRODUCT},
    {"gemv_q8_largest.iq4_nl", check_gemv_q8_largest, G4_DTYPE_IQ4_NL, PRODUCT},
    {"gemv_q8_largest.q4_k", check_gemv_q8_largest, G4_DTYPE_Q4_K, PRODUCT},
    {"gemv_q8_largest.q5_k", check_gemv_q8_largest, G4_DTYPE_Q5_K, PRODUCT},
    {"gemv_q8_largest.q6_k", check_gemv_q8_largest, G4_DTYPE_Q6_K, PRODUCT},
    {"gemv_q8_levels", check_gemv_q8_levels, 0, EXACT},
    {"gemv_q8_nan.q4_0", check_gemv_q8_nan, G4_DTYPE_Q4_0, EXACT},
    {"gemv_q8_nan.q5_1", check_gemv_q8_nan, G4_DTYPE_Q5_1, EXACT},
    {"gemv_q8_nan.q8_0", check_gemv_q8_nan, G4_DTYPE_Q8_0, EXACT},
    {"gemv_q8_nan.iq4_nl", check_gemv_q8_nan, G4_DTYPE_IQ4_NL, EXACT},
    {"gemv_q8_nan.q4_k", check_gemv_q8_nan, G4_DTYPE_Q4_K, EXACT},
    {"gemv_q8_nan.q6_k", check_gemv_q8_nan, G4_DTYPE_Q6_K, EXACT},
    {NULL, NULL, 0, EXACT},
};

/*
 * check_mm.c - the product, packing and widening slots against generic.
 */
#include <math.h>
#include <string.h>

#include "tests/kernel/check.h"

static const size_t few_rows[] = {1, 2, 3, 4, 5, 7, 8, 11, 13, 16, SIZE_MAX};

static const struct g4_kernels_dtype *generic_of(const struct check *c)
{
    return &c->generic->dtype[c->dtype];
}

static const struct g4_kernels_dtype *isa_of(const struct check *c)
{
    return &c->isa->dtype[c->dtype];
}

/* Products: the error is relative to the sum of |x w|, so that cancellation does not count. All
 * entries of x and w are at most 1, and that sum is at least about k / 8. */
static double product_scale(size_t k)
{
    return 1.0 + (double)k / 8;
}

static void gemv_case(struct check *c, size_t n, size_t rows, size_t k)
{
    const size_t bytes = weight_bytes(c->dtype), pad = k % 3, shift = k % 4;
    const size_t ldy = rows + pad, ldx = k + pad, row = k + pad, stride = row * bytes;
    const size_t w_count = rows ? (rows - 1) * row + k : 0;
    struct area x = area_floats((n - 1) * ldx + k, 4 * shift, 1);
    struct area w = area_weights(c, w_count, 2 * shift, 2);
    struct area y = area_floats((n - 1) * ldy + rows, 4 * shift, 3), want = area_copy(&y, 0);
    float *got = y.data, *expected = want.data;

    generic_of(c)->gemv(want.data, ldy, x.data, ldx, n, w.data, stride, rows, k);
    isa_of(c)->gemv(y.data, ldy, x.data, ldx, n, w.data, stride, rows, k);
    for (size_t i = 0; i < y.bytes / sizeof(float); i++)
        check_value(c, got[i], expected[i], i % ldy < rows ? product_scale(k) : 1e-30, "gemv");
    check_fence(c, &y, "gemv");

    /* each row alone: the same bits */
    struct area alone = area_floats(rows, 0, 4);
    for (size_t i = 0; i < n; i++) {
        isa_of(c)->gemv(alone.data, rows, (const float *)x.data + i * ldx, ldx, 1, w.data, stride,
                        rows, k);
        if (memcmp(alone.data, got + i * ldy, rows * sizeof *got) != 0)
            check_fail(c, "row %zu of %zu differs from itself alone (rows %zu, k %zu)", i, n, rows,
                       k);
    }
    area_close(&x);
    area_close(&w);
    area_close(&y);
    area_close(&want);
    area_close(&alone);
}

static void check_gemv(struct check *c)
{
    static const size_t rows[] = {0, 1, 2, 3, 4, 5, 7, 9, 65, SIZE_MAX};
    for (const size_t *k = check_sizes; *k != SIZE_MAX; k++)
        for (const size_t *r = rows; *r != SIZE_MAX; r++)
            for (const size_t *n = few_rows; *n != SIZE_MAX; n++)
                gemv_case(c, *n, *r, *k);
}

/* The record under test; its sizes and its type of factors also steer generic's functions. */
static const struct g4_gemm *record(const struct g4_kernels *kernels, bool bf16)
{
    return bf16 ? &kernels->gemm_bf16 : &kernels->gemm_f32;
}

static size_t padded(const struct g4_gemm *gemm, size_t k)
{
    return (k + gemm->step - 1) / gemm->step * gemm->step;
}

/* Room for a panel, at the end of the area; aligned as panels are. */
static struct area area_panel(const struct g4_gemm *gemm, size_t k)
{
    const size_t bytes = padded(gemm, k) * gemm->nr * weight_bytes(gemm->type);
    return area_open(bytes, (64 - bytes % 64) % 64);
}

/* rows x k, row-major, packed as columns of a panel: pack_rows; k x cols: pack_cols. */
static void pack_case(struct check *c, bool bf16, bool by_rows, size_t used, size_t k)
{
    const struct g4_gemm *gemm = record(c->isa, bf16), *generic = record(c->generic, bf16);
    const size_t bytes = weight_bytes(c->dtype), outer = by_rows ? used : k,
                 inner = by_rows ? k : used;
    const size_t row = inner + k % 3, count = outer ? (outer - 1) * row + inner : 0;
    struct area w = area_weights(c, count, 2 * (k % 4), 1);
    struct area got = area_panel(gemm, k), want = area_panel(gemm, k);
    memset(got.data, 1, got.bytes);
    memset(want.data, 2, want.bytes);
    if (by_rows) {
        generic->pack_rows[c->dtype](gemm, want.data, w.data, row * bytes, used, k);
        gemm->pack_rows[c->dtype](gemm, got.data, w.data, row * bytes, used, k);
    } else {
        generic->pack_cols[c->dtype](gemm, want.data, w.data, row * bytes, used, k);
        gemm->pack_cols[c->dtype](gemm, got.data, w.data, row * bytes, used, k);
    }
    if (memcmp(got.data, want.data, want.bytes) != 0)
        check_fail(c, "panel differs (nr %zu, used %zu, k %zu)", gemm->nr, used, k);
    check_fence(c, &got, "panel");
    area_close(&w);
    area_close(&got);
    area_close(&want);
}

static void check_pack(struct check *c, bool bf16, bool by_rows)
{
    const size_t nr = record(c->isa, bf16)->nr;
    for (const size_t *k = check_sizes; *k != SIZE_MAX; k++)
        for (size_t used = 0; used <= nr; used += used < 20 || used + 9 > nr ? 1 : 7)
            pack_case(c, bf16, by_rows, used, *k);
}

static void check_pack_rows(struct check *c)
{
    check_pack(c, false, true);
}

static void check_pack_cols(struct check *c)
{
    check_pack(c, false, false);
}

static void check_pack_rows_bf16(struct check *c)
{
    check_pack(c, true, true);
}

static void check_pack_cols_bf16(struct check *c)
{
    check_pack(c, true, false);
}

/* Rows of x as factors: elsewhere, and in the place of x. */
static void convert_case(struct check *c, bool bf16, struct area *x, size_t k)
{
    const struct g4_gemm *gemm = record(c->isa, bf16);
    const size_t bytes = padded(gemm, k) * weight_bytes(gemm->type);
    struct area got = area_open(bytes, 2 * (k % 4)), want = area_open(bytes, 0);
    struct area both = area_open(bytes > x->bytes ? bytes : x->bytes, 0);
    record(c->generic, bf16)->convert(gemm, want.data, x->data, k);
    gemm->convert(gemm, got.data, x->data, k);
    memcpy(both.data, x->data, x->bytes);
    gemm->convert(gemm, both.data, both.data, k);
    if (memcmp(got.data, want.data, bytes) != 0 || memcmp(both.data, want.data, bytes) != 0)
        check_fail(c, "factors differ (k %zu)", k);
    check_fence(c, &got, "factors");
    area_close(&got);
    area_close(&want);
    area_close(&both);
}

static void check_convert(struct check *c, bool bf16)
{
    enum { ALL = 1 << 17 };
    for (const size_t *k = check_sizes; *k != SIZE_MAX; k++) {
        struct area x = area_floats(*k, 4 * (*k % 4), 1);
        convert_case(c, bf16, &x, *k);
        area_close(&x);
    }
    /* every upper half but those of subnormal numbers and NaN, with lower halves around the tie */
    struct area x = area_open(ALL * sizeof(float), 0);
    for (uint32_t i = 0; i < ALL; i++) {
        const uint32_t exponent = i >> 8 & 255, low = i & 1 ? 0x7fff : 0x8000;
        const uint32_t bits = exponent % 255 == 0 ? 0 : i >> 1 << 16 | low;
        memcpy((float *)x.data + i, &bits, sizeof bits);
    }
    convert_case(c, bf16, &x, ALL);
    area_close(&x);

    const float odd[3] = {NAN, INFINITY, -INFINITY};
    uint16_t half[32 * 2];
    const struct g4_gemm *gemm = record(c->isa, bf16);
    gemm->convert(gemm, half, odd, 3);
    if (bf16 && !(half[0] > 0x7f80 && half[1] == 0x7f80 && half[2] == 0xff80))
        check_fail(c, "nan, inf, -inf become 0x%04x 0x%04x 0x%04x", half[0], half[1], half[2]);
}

static void check_convert_f32(struct check *c)
{
    check_convert(c, false);
}

static void check_convert_bf16(struct check *c)
{
    check_convert(c, true);
}

static void check_widen(struct check *c)
{
    for (const size_t *n = check_sizes; *n != SIZE_MAX; n++) {
        for (size_t shift = 0; shift < 4; shift++) {
            struct area w = area_weights(c, *n, 2 * shift, 1), y = area_floats(*n, 4 * shift, 2);
            struct area want = area_copy(&y, 0);
            generic_of(c)->widen(want.data, w.data, *n, 0.7f);
            isa_of(c)->widen(y.data, w.data, *n, 0.7f);
            if (memcmp(y.data, want.data, want.bytes) != 0)
                check_fail(c, "differs (n %zu)", *n);
            check_fence(c, &y, "widen");
            area_close(&w);
            area_close(&y);
            area_close(&want);
        }
    }
}

/* Every one of the 65536 numbers of a 16-bit type. */
static void check_widen_all(struct check *c)
{
    enum { ALL = 1 << 16 };
    struct area w = area_open(ALL * 2, 0), y = area_open(ALL * 4, 0), want = area_open(ALL * 4, 0);
    uint16_t *bits = w.data;
    const float *got = y.data, *expected = want.data;
    for (size_t i = 0; i < ALL; i++)
        bits[i] = (uint16_t)i;
    generic_of(c)->widen(want.data, w.data, ALL, 1.0f);
    isa_of(c)->widen(y.data, w.data, ALL, 1.0f);
    for (size_t i = 0; i < ALL; i++) {
        const bool same = memcmp(&got[i], &expected[i], sizeof *got) == 0;
        if (!same && !(isnan(got[i]) && isnan(expected[i])))
            check_fail(c, "0x%04zx: got %a, expected %a", i, (double)got[i], (double)expected[i]);
    }
    area_close(&w);
    area_close(&y);
    area_close(&want);
}

static void weighted_sum_case(struct check *c, size_t m, size_t k, size_t d)
{
    const size_t bytes = weight_bytes(c->dtype), pad = d % 3, ldy = d + pad, ldp = k + pad,
                 row = d + pad;
    struct area p = area_floats((m - 1) * ldp + k, 4 * (k % 4), 1);
    struct area v = area_weights(c, k ? (k - 1) * row + d : 0, 2 * (d % 4), 2);
    struct area y = area_floats((m - 1) * ldy + d, 4 * (d % 4), 3), want = area_copy(&y, 0);
    const float *got = y.data, *expected = want.data;
    generic_of(c)->weighted_sum(want.data, ldy, p.data, ldp, m, v.data, row * bytes, k, d);
    isa_of(c)->weighted_sum(y.data, ldy, p.data, ldp, m, v.data, row * bytes, k, d);
    for (size_t i = 0; i < y.bytes / sizeof(float); i++)
        check_value(c, got[i], expected[i], i % ldy < d ? product_scale(k) : 1e-30, "weighted_sum");
    check_fence(c, &y, "weighted_sum");
    area_close(&p);
    area_close(&v);
    area_close(&y);
    area_close(&want);
}

static void check_weighted_sum(struct check *c)
{
    static const size_t ks[] = {0, 1, 2, 3, 4, 5, 9, 64, 257, SIZE_MAX};
    for (const size_t *d = check_sizes; *d != SIZE_MAX; d++)
        for (const size_t *k = ks; *k != SIZE_MAX; k++)
            for (const size_t *m = few_rows; *m != SIZE_MAX; m++)
                weighted_sum_case(c, *m, *k, *d);
}

/* Factors of m rows of k floats, rows ldx factors apart (made by generic). */
static struct area area_factors(const struct check *c, bool bf16, size_t m, size_t k, size_t ldx,
                                uint32_t seed)
{
    const struct g4_gemm *gemm = record(c->isa, bf16);
    const size_t size = weight_bytes(gemm->type);
    const size_t count = m ? (m - 1) * ldx + padded(gemm, k) : 0;
    struct area x = area_floats(m * k, 0, seed), xs = area_open(count * size, size * (k % 4));
    for (size_t r = 0; r < m; r++)
        record(c->generic, bf16)
            ->convert(gemm, (char *)xs.data + r * ldx * size, (float *)x.data + r * k, k);
    area_close(&x);
    return xs;
}

/* The same product by generic, in panels of its own width. */
static void generic_product(const struct check *c, bool bf16, float *y, size_t ldy, const void *x,
                            size_t ldx, size_t m, const float *w, size_t cols, size_t k, bool add)
{
    const struct g4_gemm *gemm = record(c->generic, bf16);
    struct area panel = area_panel(gemm, k);
    for (size_t col = 0; col < cols; col += gemm->nr) {
        const size_t used = cols - col < gemm->nr ? cols - col : gemm->nr;
        gemm->pack_cols[G4_DTYPE_F32](gemm, panel.data, w + col, cols * sizeof *w, used, k);
        gemm->multiply(y + col, ldy, x, ldx, m, panel.data, used, k, add);
    }
    area_close(&panel);
}

static void multiply_case(struct check *c, bool bf16, size_t m, size_t cols, size_t k, bool add)
{
    const struct g4_gemm *gemm = record(c->isa, bf16);
    const size_t pad = k % 3, ldy = cols + pad, ldx = padded(gemm, k) + pad;
    struct area x = area_factors(c, bf16, m, k, ldx, 1), w = area_floats(k * cols, 0, 2);
    struct area panel = area_panel(gemm, k);
    struct area y = area_floats(m ? (m - 1) * ldy + cols : 0, 4 * (m % 4), 3);
    struct area want = area_copy(&y, 0);
    const float *got = y.data, *expected = want.data;
    record(c->generic, bf16)
        ->pack_cols[G4_DTYPE_F32](gemm, panel.data, w.data, cols * sizeof(float), cols, k);
    generic_product(c, bf16, want.data, ldy, x.data, ldx, m, w.data, cols, k, add);
    gemm->multiply(y.data, ldy, x.data, ldx, m, panel.data, cols, k, add);
    for (size_t i = 0; i < y.bytes / sizeof(float); i++)
        check_value(c, got[i], expected[i], i % ldy < cols ? product_scale(k) : 1e-30, "multiply");
    check_fence(c, &y, "multiply");
    area_close(&x);
    area_close(&w);
    area_close(&panel);
    area_close(&y);
    area_close(&want);
}

/* A row's bits do not depend on the rows computed with it. */
static void rows_case(struct check *c, bool bf16, size_t m, size_t k)
{
    const struct g4_gemm *gemm = record(c->isa, bf16);
    const size_t nr = gemm->nr, ldx = padded(gemm, k);
    struct area x = area_factors(c, bf16, m, k, ldx, 1), panel = area_panel(gemm, k);
    struct area w = area_floats(k * nr, 0, 4), y = area_floats(m * nr, 0, 2);
    struct area alone = area_floats(nr, 0, 3);
    record(c->generic, bf16)
        ->pack_cols[G4_DTYPE_F32](gemm, panel.data, w.data, nr * sizeof(float), nr, k);
    gemm->multiply(y.data, nr, x.data, ldx, m, panel.data, nr, k, false);
    for (size_t i = 0; i < m; i++) {
        const char *row = (const char *)x.data + i * ldx * weight_bytes(gemm->type);
        gemm->multiply(alone.data, nr, row, ldx, 1, panel.data, nr, k, false);
        /* OpenBLAS has other sums for one row */
        const float *a = alone.data, *b = (const float *)y.data + i * nr;
        for (size_t j = 0; j < nr; j++)
            check_value(c, b[j], a[j], product_scale(k), "one row");
        if (strcmp(gemm->name, "openblas") != 0 && memcmp(a, b, nr * sizeof *a) != 0)
            check_fail(c, "row %zu of %zu differs from itself alone (k %zu)", i, m, k);
    }
    area_close(&x);
    area_close(&panel);
    area_close(&w);
    area_close(&y);
    area_close(&alone);
}

static void check_multiply(struct check *c, bool bf16)
{
    static const size_t ks[] = {0, 1, 2, 3, 7, 32, 33, 64, 101, 256, SIZE_MAX};
    const struct g4_gemm *gemm = record(c->isa, bf16);
    const size_t nr = gemm->nr;
    for (const size_t *k = ks; *k != SIZE_MAX; k++) {
        if (*k > gemm->kc)
            continue;
        for (size_t m = 0; m <= 2 * gemm->mr + 3; m++)
            for (size_t cols = 1; cols <= nr; cols += cols < 18 || cols + 6 > nr ? 1 : 5)
                multiply_case(c, bf16, m, cols, *k, m % 2 == 1);
        multiply_case(c, bf16, 100, nr, *k, true);
    }
    multiply_case(c, bf16, gemm->mr + 1, nr, gemm->kc, true);
    rows_case(c, bf16, 2 * gemm->mr + 1, 77);
}

static void check_multiply_f32(struct check *c)
{
    check_multiply(c, false);
}

static void check_multiply_bf16(struct check *c)
{
    check_multiply(c, true);
}

/* The rounding of k products added one after another. */
#define PRODUCT 2e-6, "sum |x w|"
#define EXACT   0, "nothing"

const struct check_slot check_mm_slots[] = {
    {"gemv.f32", check_gemv, G4_DTYPE_F32, PRODUCT},
    {"gemv.f16", check_gemv, G4_DTYPE_F16, PRODUCT},
    {"gemv.bf16", check_gemv, G4_DTYPE_BF16, PRODUCT},
    {"widen.f32", check_widen, G4_DTYPE_F32, EXACT},
    {"widen.f16", check_widen, G4_DTYPE_F16, EXACT},
    {"widen.bf16", check_widen, G4_DTYPE_BF16, EXACT},
    {"widen_all.f16", check_widen_all, G4_DTYPE_F16, EXACT},
    {"widen_all.bf16", check_widen_all, G4_DTYPE_BF16, EXACT},
    {"weighted_sum.f32", check_weighted_sum, G4_DTYPE_F32, PRODUCT},
    {"weighted_sum.f16", check_weighted_sum, G4_DTYPE_F16, PRODUCT},
    {"weighted_sum.bf16", check_weighted_sum, G4_DTYPE_BF16, PRODUCT},
    {"gemm_f32.convert", check_convert_f32, G4_DTYPE_F32, EXACT},
    {"gemm_f32.pack_rows.f32", check_pack_rows, G4_DTYPE_F32, EXACT},
    {"gemm_f32.pack_rows.f16", check_pack_rows, G4_DTYPE_F16, EXACT},
    {"gemm_f32.pack_rows.bf16", check_pack_rows, G4_DTYPE_BF16, EXACT},
    {"gemm_f32.pack_cols.f32", check_pack_cols, G4_DTYPE_F32, EXACT},
    {"gemm_f32.pack_cols.f16", check_pack_cols, G4_DTYPE_F16, EXACT},
    {"gemm_f32.pack_cols.bf16", check_pack_cols, G4_DTYPE_BF16, EXACT},
    {"gemm_f32.multiply", check_multiply_f32, G4_DTYPE_F32, PRODUCT},
    {"gemm_bf16.convert", check_convert_bf16, G4_DTYPE_BF16, EXACT},
    {"gemm_bf16.pack_rows.f32", check_pack_rows_bf16, G4_DTYPE_F32, EXACT},
    {"gemm_bf16.pack_rows.f16", check_pack_rows_bf16, G4_DTYPE_F16, EXACT},
    {"gemm_bf16.pack_rows.bf16", check_pack_rows_bf16, G4_DTYPE_BF16, EXACT},
    {"gemm_bf16.pack_cols.f32", check_pack_cols_bf16, G4_DTYPE_F32, EXACT},
    {"gemm_bf16.pack_cols.f16", check_pack_cols_bf16, G4_DTYPE_F16, EXACT},
    {"gemm_bf16.pack_cols.bf16", check_pack_cols_bf16, G4_DTYPE_BF16, EXACT},
    {"gemm_bf16.multiply", check_multiply_bf16, G4_DTYPE_BF16, PRODUCT},
    {NULL, NULL, G4_DTYPE_F32, EXACT},
};

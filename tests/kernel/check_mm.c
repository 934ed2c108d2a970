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

/* rows x k, row-major, packed as columns of a panel: pack_rows; k x cols: pack_cols. */
static void pack_case(struct check *c, bool by_rows, size_t nr, size_t used, size_t k)
{
    const size_t bytes = weight_bytes(c->dtype), outer = by_rows ? used : k,
                 inner = by_rows ? k : used;
    const size_t row = inner + k % 3, count = outer ? (outer - 1) * row + inner : 0;
    struct area w = area_weights(c, count, 2 * (k % 4), 1);
    const size_t panel = k * nr * sizeof(float);
    struct area got = area_open(panel, (64 - panel % 64) % 64), want = area_open(panel, 0);
    memset(got.data, 1, panel);
    memset(want.data, 2, panel);
    if (by_rows) {
        generic_of(c)->pack_rows(want.data, nr, w.data, row * bytes, used, k);
        isa_of(c)->pack_rows(got.data, nr, w.data, row * bytes, used, k);
    } else {
        generic_of(c)->pack_cols(want.data, nr, w.data, row * bytes, used, k);
        isa_of(c)->pack_cols(got.data, nr, w.data, row * bytes, used, k);
    }
    if (memcmp(got.data, want.data, panel) != 0)
        check_fail(c, "panel differs (nr %zu, used %zu, k %zu)", nr, used, k);
    check_fence(c, &got, "panel");
    area_close(&w);
    area_close(&got);
    area_close(&want);
}

static void check_pack(struct check *c, bool by_rows)
{
    const size_t nr = c->isa->gemm_nr;
    for (const size_t *k = check_sizes; *k != SIZE_MAX; k++)
        for (size_t used = 0; used <= nr; used += used < 20 || used + 9 > nr ? 1 : 7)
            pack_case(c, by_rows, nr, used, *k);
}

static void check_pack_rows(struct check *c)
{
    check_pack(c, true);
}

static void check_pack_cols(struct check *c)
{
    check_pack(c, false);
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

/* The same product by generic, in panels of its own width. */
static void generic_gemm(const struct check *c, float *y, size_t ldy, const float *x, size_t ldx,
                         size_t m, const float *w, size_t cols, size_t k, bool add)
{
    const size_t nr = c->generic->gemm_nr;
    struct area panel = area_open(k * nr * sizeof(float), 0);
    for (size_t col = 0; col < cols; col += nr) {
        const size_t used = cols - col < nr ? cols - col : nr;
        c->generic->dtype[G4_DTYPE_F32].pack_cols(panel.data, nr, w + col, cols * sizeof *w, used,
                                                  k);
        c->generic->gemm(y + col, ldy, x, ldx, m, panel.data, used, k, add);
    }
    area_close(&panel);
}

static void gemm_case(struct check *c, size_t m, size_t cols, size_t k, bool add)
{
    const size_t nr = c->isa->gemm_nr, pad = k % 3, ldy = cols + pad, ldx = k + pad;
    const size_t rows = m ? m - 1 : 0, bytes = k * nr * sizeof(float);
    struct area x = area_floats(m ? rows * ldx + k : 0, 4 * (k % 4), 1),
                w = area_floats(k * cols, 0, 2);
    struct area panel = area_open(bytes, (64 - bytes % 64) % 64);
    struct area y = area_floats(m ? rows * ldy + cols : 0, 4 * (m % 4), 3), want = area_copy(&y, 0);
    const float *got = y.data, *expected = want.data;
    c->generic->dtype[G4_DTYPE_F32].pack_cols(panel.data, nr, w.data, cols * sizeof(float), cols,
                                              k);
    generic_gemm(c, want.data, ldy, x.data, ldx, m, w.data, cols, k, add);
    c->isa->gemm(y.data, ldy, x.data, ldx, m, panel.data, cols, k, add);
    for (size_t i = 0; i < y.bytes / sizeof(float); i++)
        check_value(c, got[i], expected[i], i % ldy < cols ? product_scale(k) : 1e-30, "gemm");
    check_fence(c, &y, "gemm");
    area_close(&x);
    area_close(&w);
    area_close(&panel);
    area_close(&y);
    area_close(&want);
}

static void check_gemm(struct check *c)
{
    static const size_t ks[] = {0, 1, 2, 3, 7, 64, 101, 256, SIZE_MAX};
    const size_t mr = c->isa->gemm_mr, nr = c->isa->gemm_nr;
    for (const size_t *k = ks; *k != SIZE_MAX; k++) {
        if (*k > c->isa->gemm_kc)
            continue;
        for (size_t m = 0; m <= 2 * mr + 3; m++)
            for (size_t cols = 1; cols <= nr; cols += cols < 18 || cols + 6 > nr ? 1 : 5)
                gemm_case(c, m, cols, *k, m % 2 == 1);
        gemm_case(c, 100, nr, *k, true);
    }
}

/* A row's sums do not depend on the rows computed with it. */
static void check_gemm_rows(struct check *c)
{
    const size_t mr = c->isa->gemm_mr, nr = c->isa->gemm_nr, k = 77, m = 2 * mr + 1;
    struct area x = area_floats(m * k, 0, 1), panel = area_open(k * nr * sizeof(float), 0);
    struct area y = area_floats(m * nr, 0, 2), alone = area_floats(nr, 0, 3);
    float *numbers = panel.data;
    for (size_t i = 0; i < k * nr; i++)
        numbers[i] = (float)(i % 19) * 0.1f - 0.9f;
    c->isa->gemm(y.data, nr, x.data, k, m, panel.data, nr, k, false);
    for (size_t i = 0; i < m; i++) {
        c->isa->gemm(alone.data, nr, (const float *)x.data + i * k, k, 1, panel.data, nr, k, false);
        const float *a = alone.data, *b = (const float *)y.data + i * nr;
        for (size_t j = 0; j < nr; j++)
            check_value(c, b[j], a[j], product_scale(k), "gemm, one row");
    }
    area_close(&x);
    area_close(&panel);
    area_close(&y);
    area_close(&alone);
}

/* The rounding of k products added one after another. */
#define PRODUCT 2e-6, "sum |x w|"
#define EXACT   0, "nothing"

const struct check_slot check_mm_slots[] = {
    {"gemv.f32", check_gemv, G4_DTYPE_F32, PRODUCT},
    {"gemv.f16", check_gemv, G4_DTYPE_F16, PRODUCT},
    {"gemv.bf16", check_gemv, G4_DTYPE_BF16, PRODUCT},
    {"pack_rows.f32", check_pack_rows, G4_DTYPE_F32, EXACT},
    {"pack_rows.f16", check_pack_rows, G4_DTYPE_F16, EXACT},
    {"pack_rows.bf16", check_pack_rows, G4_DTYPE_BF16, EXACT},
    {"pack_cols.f32", check_pack_cols, G4_DTYPE_F32, EXACT},
    {"pack_cols.f16", check_pack_cols, G4_DTYPE_F16, EXACT},
    {"pack_cols.bf16", check_pack_cols, G4_DTYPE_BF16, EXACT},
    {"widen.f32", check_widen, G4_DTYPE_F32, EXACT},
    {"widen.f16", check_widen, G4_DTYPE_F16, EXACT},
    {"widen.bf16", check_widen, G4_DTYPE_BF16, EXACT},
    {"widen_all.f16", check_widen_all, G4_DTYPE_F16, EXACT},
    {"widen_all.bf16", check_widen_all, G4_DTYPE_BF16, EXACT},
    {"weighted_sum.f32", check_weighted_sum, G4_DTYPE_F32, PRODUCT},
    {"weighted_sum.f16", check_weighted_sum, G4_DTYPE_F16, PRODUCT},
    {"weighted_sum.bf16", check_weighted_sum, G4_DTYPE_BF16, PRODUCT},
    {"gemm", check_gemm, G4_DTYPE_F32, PRODUCT},
    {"gemm_rows", check_gemm_rows, G4_DTYPE_F32, PRODUCT},
    {NULL, NULL, G4_DTYPE_F32, EXACT},
};

/*
 * check_gemmq.c - gemm_q8 of every level against the same level's gemv_q8: the same bits.
 */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "tests/kernel/check.h"
#include "tests/unit/block_fixture.h"

enum { MOST_COLS = 64, MOST_M = 50, MOST_FIRST = 5, PANEL_FILL = 0xff };

static const struct g4_gemm_q8 *record(const struct check *c)
{
    return &c->isa->gemm_q8;
}

static bool absent(const struct check *c)
{
    return !record(c)->pack[c->dtype];
}

static size_t most(size_t a, size_t b)
{
    return a > b ? a : b;
}

/* Rows of x, a matrix, and what gemv_q8 of the level makes of them. */
struct product {
    size_t n, cols, k, stride;
    struct area x, w;
    struct rounded rounded;
    float *want; /* [n, cols] */
};

static struct product product_open(const struct check *c, size_t n, size_t cols, size_t k)
{
    struct product p = {n, cols, k, block_bytes(c, k) + cols % 3, {0}, {0}, {.q8 = {0}}, NULL};
    p.x = area_floats(n * k, 0, 1);
    p.w = area_open((cols - 1) * p.stride + block_bytes(c, k), cols % 4);
    p.rounded = rounded_open(n, k);
    p.want = malloc(n * cols * sizeof *p.want);
    if (!p.want)
        abort();
    for (size_t i = 0; i < cols; i++)
        fill_blocks(c->dtype, (unsigned char *)p.w.data + i * p.stride, k, (uint32_t)(i + k));
    return p;
}

static void product_close(struct check *c, struct product *p)
{
    free(p->want);
    rounded_close(c, &p->rounded);
    area_close(&p->x);
    area_close(&p->w);
}

/* Rounds x, and fills `want`. */
static void product_expect(const struct check *c, struct product *p)
{
    for (size_t j = 0; j < p->n; j++)
        c->isa->to_q8(&p->rounded.q8, j, (const float *)p->x.data + j * p->k, p->k);
    for (size_t j = 0; j < p->n; j++) {
        struct g4_q8 one = p->rounded.q8;
        one.q += j * one.ldq;
        one.d += j * one.ldd;
        one.m += j * one.ldd;
        c->isa->dtype[c->dtype].gemv_q8(p->want + j * p->cols, p->cols, &one, 1, p->w.data,
                                        p->stride, p->cols, p->k);
    }
}

/* Rows first .. first+m-1 by the panel, into memory that shows what was written. */
static void multiply_case(struct check *c, const struct product *p, const void *panel, size_t first,
                          size_t m)
{
    const size_t ldy = p->cols + m % 3;
    struct area y = area_floats((m - 1) * ldy + p->cols, 4 * (m % 4), 3), before = area_copy(&y, 0);
    const float *got = y.data, *untouched = before.data;
    record(c)->multiply[c->dtype](y.data, ldy, &p->rounded.q8, first, m, panel, p->cols, p->k,
                                  panel, m % 2 ? 4096 : 0);
    for (size_t i = 0; i < y.bytes / sizeof *got; i++) {
        const size_t row = i / ldy, col = i % ldy;
        const float want = col < p->cols ? p->want[(first + row) * p->cols + col] : untouched[i];
        if (!same_float(got[i], want))
            check_fail(c, "y[%zu][%zu] is %.9g, not %.9g (m %zu, first %zu, cols %zu, k %zu)", row,
                       col, (double)got[i], (double)want, m, first, p->cols, p->k);
    }
    check_fence(c, &y, "multiply");
    area_close(&y);
    area_close(&before);
}

/* A panel, and every number of rows over it. */
static void check_product(struct check *c, const struct product *p)
{
    static const size_t m[] = {1, 2, 3, 4, 5, 7, 8, 12, 16, 17, MOST_M, SIZE_MAX};
    const size_t bytes = record(c)->panel_bytes(c->dtype, p->k);
    struct area panel = area_open(bytes, 0);
    if (bytes % 64 != 0)
        check_fail(c, "a panel of %zu bytes", bytes);
    memset(panel.data, PANEL_FILL, bytes);
    record(c)->pack[c->dtype](panel.data, p->w.data, p->stride, p->cols, p->k);
    check_fence(c, &panel, "pack");
    for (const size_t *i = m; *i <= p->n; i++)
        for (size_t first = 0; first + *i <= p->n && first <= MOST_FIRST; first += MOST_FIRST)
            multiply_case(c, p, panel.data, first, *i);
    area_close(&panel);
}

static void check_gemm_q8(struct check *c)
{
    static const size_t blocks[] = {1, 2, 3, 4, 5, 7, 8, 9, 16, 19, SIZE_MAX};
    const size_t block = g4_dtype_info(c->dtype)->block, nr = record(c)->nr;
    if (absent(c))
        return;
    for (const size_t *b = blocks; *b != SIZE_MAX && *b * block <= 9 * 256; b++) {
        const size_t step = *b == 2 || *b == 9 ? 1 : nr > 1 ? nr - 1 : 1;
        for (size_t cols = 1; cols <= nr; cols += step) {
            struct product p =
                product_open(c, *b == 3 ? MOST_M + MOST_FIRST : 17, cols, *b * block);
            product_expect(c, &p);
            check_product(c, &p);
            product_close(c, &p);
        }
    }
}

/* Rows of x and blocks of W with numbers that are not finite, too large and too small. */
static void check_gemm_q8_special(struct check *c)
{
    static const float odd[] = {INFINITY, -INFINITY, NAN,   3e38f, -3e38f,
                                1e-42f,   0x1p-100f, -0.0f, 1e30f, -1e-30f};
    static const uint16_t halves[] = {0, 0x8000, 1, 0x03ff, 0x7bff, 0xfbff, 0x7c00, 0xfc00, 0x7e00};
    enum { ODD = sizeof odd / sizeof *odd, HALVES = sizeof halves / sizeof *halves };
    const size_t k = 3 * most(g4_dtype_info(c->dtype)->block, 160), nr = record(c)->nr;
    const struct block_halves at = block_halves(c->dtype);
    if (absent(c))
        return;
    struct product p = product_open(c, 2 * ODD + 1, nr, k);
    for (size_t i = 0; i < ODD; i++)
        for (size_t g = 0; g < 32; g++) /* a whole group, and a single number */
            ((float *)p.x.data)[(2 * i + (g == 0)) * k + 64 + g] = odd[i];
    for (size_t i = 1; i < nr; i += 2)
        for (int h = 0; h < 2; h++)
            if (at.at[h] >= 0)
                memcpy((unsigned char *)p.w.data + i * p.stride + at.at[h], &halves[i / 2 % HALVES],
                       sizeof *halves);
    product_expect(c, &p);
    check_product(c, &p);
    product_close(c, &p);
}

/* The largest codes and scales with the largest q, where narrow sums would run over. */
static void check_gemm_q8_largest(struct check *c)
{
    static const unsigned char bytes[] = {0x00, 0xff, 0x80, 0x7f, 0x81, 0x0f, 0xf0};
    const size_t k = most(g4_dtype_info(c->dtype)->block, 96), nr = record(c)->nr;
    const size_t info_bytes = g4_dtype_info(c->dtype)->bytes;
    const struct block_halves at = block_halves(c->dtype);
    const uint16_t one = 0x3c00;
    if (absent(c))
        return;
    struct product p = product_open(c, 17, nr, k);
    for (size_t i = 0; i < 17 * k; i++) /* all 1, all -1, alternating */
        ((float *)p.x.data)[i] = i / k % 4 == 0 ? 1.0f : i / k % 4 == 1 ? -1.0f : i % 2 ? 1 : -1;
    for (size_t i = 0; i < nr; i++) {
        unsigned char *row = (unsigned char *)p.w.data + i * p.stride;
        memset(row, bytes[i % sizeof bytes], block_bytes(c, k));
        for (size_t b = 0; b < block_bytes(c, k); b += info_bytes)
            for (int h = 0; h < 2; h++)
                if (at.at[h] >= 0)
                    memcpy(row + b + at.at[h], &one, sizeof one);
    }
    product_expect(c, &p);
    check_product(c, &p);
    product_close(c, &p);
}

/* A record is whole: of the types that have gemv_q8, or of none. */
static void check_gemm_q8_types(struct check *c)
{
    const struct g4_gemm_q8 *gemm = record(c);
    bool any = false;
    for (int type = 0; type < G4_DTYPE_WEIGHTS; type++) {
        any = any || gemm->pack[type];
        if (!gemm->pack[type] != !gemm->multiply[type])
            check_fail(c, "type %d: one of pack and multiply", type);
        if (gemm->pack[type] && !c->isa->dtype[type].gemv_q8)
            check_fail(c, "type %d: no gemv_q8", type);
    }
    for (int type = 0; type < G4_DTYPE_WEIGHTS && any; type++)
        if (c->isa->dtype[type].gemv_q8 && !gemm->pack[type])
            check_fail(c, "type %d: no panels", type);
    if (any && (gemm->nr == 0 || gemm->nr > MOST_COLS || gemm->rows_to_pack == 0 ||
                gemm->rows_at_most < gemm->rows_to_pack || !gemm->panel_bytes || !gemm->name))
        check_fail(c, "sizes");
}

#define EXACT 0, "nothing"

const struct check_slot check_gemmq_slots[] = {
    {"gemm_q8_types", check_gemm_q8_types, 0, EXACT},
    {"gemm_q8.q4_0", check_gemm_q8, G4_DTYPE_Q4_0, EXACT},
    {"gemm_q8.q4_1", check_gemm_q8, G4_DTYPE_Q4_1, EXACT},
    {"gemm_q8.q5_0", check_gemm_q8, G4_DTYPE_Q5_0, EXACT},
    {"gemm_q8.q5_1", check_gemm_q8, G4_DTYPE_Q5_1, EXACT},
    {"gemm_q8.q8_0", check_gemm_q8, G4_DTYPE_Q8_0, EXACT},
    {"gemm_q8.iq4_nl", check_gemm_q8, G4_DTYPE_IQ4_NL, EXACT},
    {"gemm_q8.q4_k", check_gemm_q8, G4_DTYPE_Q4_K, EXACT},
    {"gemm_q8.q5_k", check_gemm_q8, G4_DTYPE_Q5_K, EXACT},
    {"gemm_q8.q6_k", check_gemm_q8, G4_DTYPE_Q6_K, EXACT},
    {"gemm_q8_special.q4_0", check_gemm_q8_special, G4_DTYPE_Q4_0, EXACT},
    {"gemm_q8_special.q4_1", check_gemm_q8_special, G4_DTYPE_Q4_1, EXACT},
    {"gemm_q8_special.q5_0", check_gemm_q8_special, G4_DTYPE_Q5_0, EXACT},
    {"gemm_q8_special.q5_1", check_gemm_q8_special, G4_DTYPE_Q5_1, EXACT},
    {"gemm_q8_special.q8_0", check_gemm_q8_special, G4_DTYPE_Q8_0, EXACT},
    {"gemm_q8_special.iq4_nl", check_gemm_q8_special, G4_DTYPE_IQ4_NL, EXACT},
    {"gemm_q8_special.q4_k", check_gemm_q8_special, G4_DTYPE_Q4_K, EXACT},
    {"gemm_q8_special.q5_k", check_gemm_q8_special, G4_DTYPE_Q5_K, EXACT},
    {"gemm_q8_special.q6_k", check_gemm_q8_special, G4_DTYPE_Q6_K, EXACT},
    {"gemm_q8_largest.q4_0", check_gemm_q8_largest, G4_DTYPE_Q4_0, EXACT},
    {"gemm_q8_largest.q4_1", check_gemm_q8_largest, G4_DTYPE_Q4_1, EXACT},
    {"gemm_q8_largest.q5_0", check_gemm_q8_largest, G4_DTYPE_Q5_0, EXACT},
    {"gemm_q8_largest.q5_1", check_gemm_q8_largest, G4_DTYPE_Q5_1, EXACT},
    {"gemm_q8_largest.q8_0", check_gemm_q8_largest, G4_DTYPE_Q8_0, EXACT},
    {"gemm_q8_largest.iq4_nl", check_gemm_q8_largest, G4_DTYPE_IQ4_NL, EXACT},
    {"gemm_q8_largest.q4_k", check_gemm_q8_largest, G4_DTYPE_Q4_K, EXACT},
    {"gemm_q8_largest.q5_k", check_gemm_q8_largest, G4_DTYPE_Q5_K, EXACT},
    {"gemm_q8_largest.q6_k", check_gemm_q8_largest, G4_DTYPE_Q6_K, EXACT},
    {NULL, NULL, 0, EXACT},
};

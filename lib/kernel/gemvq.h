/*
 * gemvq.h - products of a few rows in eight bits with blocks of quantised weights where they lie:
 * the loops, for registers of any size. An including file has the units of blocks_avx2.h,
 * blocks_avx512.h or blocks_neon.h, and
 *
 *     load_x      a unit of a row of x (struct x_unit): q as the codes lie, and what follows from
 *                 the offset of codes
 *     products    the integer sums of a unit of one row of W, four for every group
 *     sum_rows    from those of four rows to one: group g of row r in lane 4 g + r
 *     spread      the float of group g in lanes 4 g .. 4 g + 3
 *
 * and plain arithmetic by name.
 *
 * Four rows of W at a time, all rows of x, a chunk after the other, a unit after the other:
 *
 *     sum[lane 4 g + r] += (float)(code * q over the group) * (scale of W * d of x) + min of W * m
 *
 * The sum of a pair of rows is always the same UNIT partial sums in the same order, whatever the
 * other rows are, hence the same bits in every batch.
 */
#ifndef G4_KERNEL_GEMVQ_H
#define G4_KERNEL_GEMVQ_H

enum {
    WR = 4,       /* rows of W at a time */
    LINE = 64,    /* bytes of a cache line */
    AHEAD = 2048, /* bytes from what is read to what is fetched meanwhile */
};

/* A number for each of the four rows. */
typedef float quad __attribute__((vector_size(WR * sizeof(float))));

/* sum + a unit of a row of x by four rows of W, of which the integer sums are t. d, m: of x. */
G4_INLINE fvec add_sums(enum g4_dtype dtype, fvec sum, const struct unit *unit, const ivec t[WR],
                        const float *d, const float *m, size_t here)
{
    const fvec scale = multiply(unit->scale, spread(d, here));
    sum = multiply_add(to_floats(sum_rows(t)), scale, sum);
    return has_min(dtype) ? multiply_add(unit->min, spread(m, here), sum) : sum;
}

/* Adds the products of unit u of a chunk, in which `here` groups exist, to sum[n]; k: where it is
 * in x. With a single row of x every row of W is used as soon as it is read: registers are few. */
G4_INLINE void add_unit(enum g4_dtype dtype, fvec *sum, const struct g4_q8 *x, size_t n, size_t k,
                        const unsigned char *const w[WR], const struct heads *heads, size_t u,
                        size_t here, const bool single)
{
    const float *d = x->d + k / GROUP, *m = x->m + k / GROUP;
    struct unit unit;
    struct x_unit xu;
    ivec t[WR];
    if (single)
        xu = load_x(dtype, x->q + k, here);
#pragma GCC unroll UNROLL
    for (size_t r = 0; r < WR; r++) {
        load_row(dtype, w, heads, u, here, r, &unit);
        if (single)
            t[r] = products(dtype, &unit, r, &xu);
    }
    load_scales(dtype, w, heads, u, here, &unit);
    if (single)
        sum[0] = add_sums(dtype, sum[0], &unit, t, d, m, here);
    for (size_t j = 0; !single && j < n; j++) {
        xu = load_x(dtype, x->q + j * x->ldq + k, here);
#pragma GCC unroll UNROLL
        for (size_t r = 0; r < WR; r++)
            t[r] = products(dtype, &unit, r, &xu);
        sum[j] = add_sums(dtype, sum[j], &unit, t, d + j * x->ldd, m + j * x->ldd, here);
    }
}

/* The same of a chunk, in which `left` groups exist. */
G4_INLINE void add_chunk(enum g4_dtype dtype, fvec *sum, const struct g4_q8 *x, size_t n, size_t k,
                         const unsigned char *const w[WR], size_t left, const bool single)
{
    struct heads heads;
    load_heads(dtype, w, &heads);
#pragma GCC unroll UNROLL
    for (size_t u = 0; u < UNITS; u++) {
        const size_t first = u * UNIT, here = left - first < UNIT ? left - first : UNIT;
        if (left > first)
            add_unit(dtype, sum, x, n, k + first * GROUP, w, &heads, u, here, single);
    }
}

/* add_chunk for less than a chunk. */
typedef void tail_fn(fvec *sum, const struct g4_q8 *x, size_t n, size_t k,
                     const unsigned char *const w[WR], size_t left);

/* The bytes from p on are in the second cache soon. */
G4_INLINE void fetch(const unsigned char *p, size_t bytes)
{
#pragma GCC unroll UNROLL
    for (size_t at = 0; at < bytes; at += LINE)
        __builtin_prefetch(p + at, 0, 2);
}

/* What a tile is made of: rows of W `apart` bytes from each other, `count` of them (the others are
 * the last one once more), which become numbers of y `step` floats from each other. Meanwhile what
 * lies `ahead` bytes further on in each is fetched. */
struct tile {
    const unsigned char *first;
    size_t apart, count, step, ahead;
};

G4_INLINE void tile(enum g4_dtype dtype, float *y, size_t ldy, const struct g4_q8 *x, size_t n,
                    const struct tile *tile, size_t k, tail_fn *tail, const bool single)
{
    const size_t bytes = chunk_size(dtype), ahead = tile->ahead;
    const unsigned char *w[WR];
    fvec sum[G4_GEMV_ROWS];
    size_t i = 0;
#pragma GCC unroll UNROLL
    for (size_t r = 0; r < WR; r++)
        w[r] = tile->first + (r < tile->count ? r : tile->count - 1) * tile->apart;
    for (size_t j = 0; j < n; j++)
        sum[j] = zero_floats();
    for (; i + CHUNK <= k; i += CHUNK) {
#pragma GCC unroll UNROLL
        for (size_t r = 0; r < WR; r++)
            fetch(w[r] + ahead, bytes);
        add_chunk(dtype, sum, x, n, i, w, GROUPS, single);
#pragma GCC unroll UNROLL
        for (size_t r = 0; r < WR; r++)
            w[r] += bytes;
    }
    if (!is_k(dtype) && i < k)
        tail(sum, x, n, i, w, (k - i) / GROUP);
    for (size_t j = 0; j < n; j++) {
        const quad v = sum_groups(sum[j]);
        for (size_t r = 0; r < tile->count; r++)
            y[j * ldy + r * tile->step] = v[r];
    }
}

G4_INLINE void run_tile(enum g4_dtype dtype, float *y, size_t ldy, const struct g4_q8 *x, size_t n,
                        const struct tile *t, size_t k, tail_fn *tail)
{
    if (n == 1)
        tile(dtype, y, ldy, x, 1, t, k, tail, true);
    else
        tile(dtype, y, ldy, x, n, t, k, tail, false);
}

/* The rows of a tile come from the WR quarters of W, so that each quarter is read in one go: a core
 * reads several runs at a time faster than one, the more so where pages are small. */
G4_INLINE void gemv_q8(enum g4_dtype dtype, float *y, size_t ldy, const struct g4_q8 *x, size_t n,
                       const void *w, size_t stride, size_t rows, size_t k, tail_fn *tail)
{
    const size_t quarter = rows / WR, rest = rows % WR, apart = quarter * stride;
    const unsigned char *base = w;
    for (size_t at = 0; at < AHEAD && at < apart; at += LINE)
        for (size_t r = 0; r < WR; r++)
            fetch(base + r * apart + at, LINE);
    for (size_t r = 0; r < quarter; r++) {
        const size_t left = (quarter - 1 - r) * stride;
        const struct tile t = {base + r * stride, apart, WR, quarter, left < AHEAD ? left : AHEAD};
        run_tile(dtype, y + r, ldy, x, n, &t, k, tail);
    }
    if (rest > 0) {
        const struct tile t = {base + WR * apart, stride, rest, 1, 0};
        run_tile(dtype, y + WR * quarter, ldy, x, n, &t, k, tail);
    }
}

#define GEMV_Q8(name, dtype)                                                                       \
    static __attribute__((noinline)) void tail_##name(fvec *sum, const struct g4_q8 *x, size_t n,  \
                                                      size_t k, const unsigned char *const w[WR],  \
                                                      size_t left)                                 \
    {                                                                                              \
        add_chunk(dtype, sum, x, n, k, w, left, false);                                            \
    }                                                                                              \
    static void gemv_q8_##name(float *y, size_t ldy, const struct g4_q8 *x, size_t n,              \
                               const void *w, size_t stride, size_t rows, size_t k)                \
    {                                                                                              \
        gemv_q8(dtype, y, ldy, x, n, w, stride, rows, k, tail_##name);                             \
    }

PRODUCT_TYPES(GEMV_Q8)

#define SET_GEMV_Q8(name, dtype_) kernels->dtype[dtype_].gemv_q8 = gemv_q8_##name;

static void set_gemv_q8(struct g4_kernels *kernels)
{
    PRODUCT_TYPES(SET_GEMV_Q8)
}

#endif

/* resize.c - rows come, are narrowed at once, and wait in a ring until the last row above and below
 * an output row has come. */
#include "encoders/vision/resize.h"

#include <assert.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "encoders/vision/resize_axis.h"
#include "lib/base/mem.h"

enum {
    BLOCK_ROWS = 128,      /* fewest input rows worked on together: enough for many threads ... */
    BLOCK_BYTES = 1 << 20, /* ... and more where rows are short, since every job has its price */
    ITEM_BYTES = 1 << 14,  /* of narrowed rows made by one item of work */
    STRIP = 48, /* bytes of an output row summed side by side: target rows are whole strips */
};

static const long budgets[] = {70, 140, 280, 560, 1120};

bool g4_vision_budget_ok(long budget)
{
    for (size_t i = 0; i < sizeof budgets / sizeof *budgets; i++)
        if (budgets[i] == budget)
            return true;
    return false;
}

int g4_target_size(size_t width, size_t height, long budget, size_t *to_width, size_t *to_height,
                   struct g4_err *err)
{
    if (!g4_vision_budget_ok(budget))
        return g4_err_set(err, G4_EUSAGE, "%ld soft tokens: expected 70, 140, 280, 560 or 1120",
                          budget);
    if (width == 0 || height == 0)
        return g4_err_set(err, G4_EINPUT, "picture of %zu x %zu pixels", width, height);
    const double side = G4_TOKEN_PIXELS, h = (double)height, w = (double)width;
    const double area = (double)budget * side * side;
    const double f = sqrt(area / (h * w));
    double new_h = floor(f * h / side) * side;
    double new_w = floor(f * w / side) * side;
    if (new_h == 0) {
        new_h = side;
        new_w = fmin(floor(w / h) * side, (double)budget * side);
    } else if (new_w == 0) {
        new_w = side;
        new_h = fmin(floor(h / w) * side, (double)budget * side);
    }
    *to_width = (size_t)new_w;
    *to_height = (size_t)new_h;
    return 0;
}

struct g4_resizer {
    struct g4_pool *pool;
    struct g4_axis across, down;
    struct g4_image *dst;
    size_t from_row; /* bytes of an input row */
    size_t row;      /* bytes of an output row */
    uint8_t *ring;   /* input row y, narrowed, in slot y % slots */
    size_t slots;
    size_t received;      /* input rows so far */
    size_t done;          /* output rows so far */
    size_t most_rows;     /* of a block */
    size_t item_rows;     /* rows narrowed by one item of work */
    const uint8_t *block; /* input rows received.. that are being worked on */
    size_t block_rows;
};

static size_t smaller(size_t a, size_t b)
{
    return a < b ? a : b;
}

static size_t larger(size_t a, size_t b)
{
    return a > b ? a : b;
}

static inline uint8_t to_byte(int32_t sum, int bits)
{
    int32_t v = sum >> bits; /* arithmetic: towards minus infinity */
    return (uint8_t)(v < 0 ? 0 : v > 255 ? 255 : v);
}

static void narrow_row(const struct g4_axis *axis, uint8_t *out, const uint8_t *in)
{
    const int32_t half = axis->bits ? 1 << (axis->bits - 1) : 0;
    for (size_t x = 0; x < axis->n_out; x++) {
        const struct g4_axis_tap *tap = &axis->taps[x];
        const int16_t *q = axis->q + tap->at;
        const uint8_t *p = in + tap->lo * 3;
        int32_t r = half, g = half, b = half;
        for (size_t j = 0; j < tap->n; j++) {
            r += q[j] * p[j * 3];
            g += q[j] * p[j * 3 + 1];
            b += q[j] * p[j * 3 + 2];
        }
        out[x * 3] = to_byte(r, axis->bits);
        out[x * 3 + 1] = to_byte(g, axis->bits);
        out[x * 3 + 2] = to_byte(b, axis->bits);
    }
}

static void narrow_item(void *ctx, size_t item, int worker)
{
    (void)worker;
    const struct g4_resizer *r = ctx;
    const size_t from = item * r->item_rows;
    const size_t to = smaller(from + r->item_rows, r->block_rows);
    for (size_t y = from; y < to; y++) {
        size_t slot = (r->received + y) % r->slots;
        narrow_row(&r->across, r->ring + slot * r->row, r->block + y * r->from_row);
    }
}

/* `bytes` <= STRIP bytes of an output row, from byte `at` on. */
static void sum_strip(const struct g4_resizer *r, const struct g4_axis_tap *tap, uint8_t *out,
                      size_t at, size_t bytes)
{
    const int16_t *q = r->down.q + tap->at;
    size_t slot = tap->lo % r->slots;
    int32_t sum[STRIP];
    for (size_t i = 0; i < STRIP; i++)
        sum[i] = r->down.bits ? 1 << (r->down.bits - 1) : 0;
    for (size_t j = 0; j < tap->n; j++) {
        const uint8_t *in = r->ring + slot * r->row + at;
        if (bytes == STRIP) /* a constant count, for the compiler's vectors */
            for (size_t i = 0; i < STRIP; i++)
                sum[i] += q[j] * in[i];
        else
            for (size_t i = 0; i < bytes; i++)
                sum[i] += q[j] * in[i];
        slot = slot + 1 < r->slots ? slot + 1 : 0;
    }
    for (size_t i = 0; i < bytes; i++)
        out[at + i] = to_byte(sum[i], r->down.bits);
}

static void sum_item(void *ctx, size_t item, int worker)
{
    (void)worker;
    const struct g4_resizer *r = ctx;
    const size_t y = r->done + item;
    uint8_t *out = r->dst->rgb + y * r->row;
    for (size_t at = 0; at < r->row; at += STRIP)
        sum_strip(r, &r->down.taps[y], out, at, smaller(r->row - at, STRIP));
}

int g4_resizer_new(struct g4_resizer **out, struct g4_pool *pool, struct g4_image *dst,
                   size_t from_width, size_t from_height, size_t width, size_t height,
                   struct g4_err *err)
{
    struct g4_resizer *r;
    *out = NULL;
    *dst = (struct g4_image){0};
    int status = g4_alloc((void **)&r, 1, sizeof *r, "the resize", err);
    if (status < 0)
        return status;
    r->pool = pool;
    r->dst = dst;
    r->from_row = from_width * 3;
    status = g4_image_new(dst, width, height, err);
    if (status >= 0)
        status = g4_axis_init(&r->across, from_width, width, err);
    if (status >= 0)
        status = g4_axis_init(&r->down, from_height, height, err);
    if (status >= 0) {
        r->row = width * 3;
        r->most_rows = larger(BLOCK_ROWS, BLOCK_BYTES / r->row);
        r->item_rows = larger(1, ITEM_BYTES / r->row);
        r->slots = r->down.reach + r->most_rows;
        status = g4_alloc((void **)&r->ring, r->slots, r->row, "the resize", err);
    }
    if (status < 0) {
        g4_resizer_free(r);
        g4_image_release(dst);
        return status;
    }
    *out = r;
    return 0;
}

void g4_resizer_free(struct g4_resizer *r)
{
    if (!r)
        return;
    g4_axis_release(&r->across);
    g4_axis_release(&r->down);
    free(r->ring);
    free(r);
}

void g4_resizer_put(struct g4_resizer *r, const uint8_t *rgb, size_t rows)
{
    while (rows > 0) {
        const size_t n = smaller(rows, r->most_rows);
        r->block = rgb;
        r->block_rows = n;
        g4_pool_run(r->pool, narrow_item, r, (n + r->item_rows - 1) / r->item_rows);
        r->received += n;
        size_t ready = r->done;
        while (ready < r->down.n_out &&
               r->down.taps[ready].lo + r->down.taps[ready].n <= r->received)
            ready++;
        g4_pool_run(r->pool, sum_item, r, ready - r->done);
        r->done = ready;
        rgb += n * r->from_row;
        rows -= n;
    }
}

int g4_resize(struct g4_pool *pool, struct g4_image *dst, const struct g4_image *src, size_t width,
              size_t height, struct g4_err *err)
{
    struct g4_resizer *r;
    int status = g4_resizer_new(&r, pool, dst, src->width, src->height, width, height, err);
    if (status < 0)
        return status;
    g4_resizer_put(r, src->rgb, src->height);
    assert(r->done == height);
    g4_resizer_free(r);
    return 0;
}

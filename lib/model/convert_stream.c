/*
 * convert_stream.c - the order of the work.
 *
 *     for each tensor, for each piece of it:
 *         at once:  write the piece before | make the rows of this one, some in an item
 *
 * What is written lags one piece behind what is made, so that disk and processors work together.
 */
#include "lib/model/convert_stream.h"

#include <math.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/mem.h"
#include "lib/base/progress.h"
#include "lib/model/convert_rows.h"

enum {
    ITEM_ELEMENTS = 128 * 1024, /* in an item, or one row */
    PIECE_ITEMS = 32,
};

static const float sfp8_largest = 1.875f;

struct stream {
    const struct g4_convert *plan;
    struct g4_pool *pool;
    g4_convert_write *write;
    void *ctx;
    struct g4_err *err;
    int status;

    struct g4_convert_row row; /* what all rows of the tensor being made have in common */
    size_t from, rows;         /* of it, in this piece */
    size_t item_rows, row_bytes;
    unsigned char *piece;  /* being made */
    unsigned char *ready;  /* made before, to be written: */
    size_t ready_bytes;    /* so much of it */
    atomic_size_t bad_row; /* the first of the tensor that cannot be rounded */
    atomic_uint largest;   /* bits of the largest |x| of the tensor */
    float *scales;         /* of each tensor of the plan */
    float *numbers;        /* two rows for each worker, */
    size_t longest;        /* of so many columns */
    const char *what;      /* for a terminal, */
    unsigned long done_kb, total_kb;
};

static size_t pieces(size_t n, size_t size)
{
    return n / size + (n % size != 0);
}

static float *numbers_of(const struct stream *s, int worker)
{
    return s->numbers + (size_t)worker * 2 * s->longest;
}

/* First row behind an item, of `rows`. */
static size_t item_end(const struct stream *s, size_t item, size_t rows)
{
    return rows - item * s->item_rows > s->item_rows ? (item + 1) * s->item_rows : rows;
}

static void make_rows(struct stream *s, size_t item, int worker)
{
    const size_t end = item_end(s, item, s->rows);
    for (size_t i = item * s->item_rows; i < end; i++) {
        const size_t r = s->from + i;
        if (g4_convert_row(&s->row, r, s->piece + i * s->row_bytes, numbers_of(s, worker)))
            continue;
        size_t first = atomic_load(&s->bad_row);
        while (r < first && !atomic_compare_exchange_weak(&s->bad_row, &first, r))
            ;
    }
}

static void write_ready(struct stream *s)
{
    if (s->ready_bytes > 0 && s->status == 0)
        s->status = s->write(s->ctx, s->ready, s->ready_bytes, s->err);
    s->ready_bytes = 0;
}

/* Item 0 writes, the others make. */
static void run_item(void *ctx, size_t item, int worker)
{
    if (item == 0)
        write_ready(ctx);
    else
        make_rows(ctx, item - 1, worker);
}

static int refuse_number(const struct stream *s, size_t row)
{
    const struct g4_convert_tensor *t = s->row.tensor;
    return g4_err_set(s->err, G4_EINPUT,
                      "'%s': tensor '%s': row %zu holds a number that is not finite, or beyond the "
                      "range of %s",
                      s->plan->model->path, t->source ? t->source->name : t->name,
                      g4_convert_source_row(t, row), g4_dtype_info(t->dtype)->name);
}

/* Makes s->rows rows from s->from on, which then are what is ready. */
static void make_piece(struct stream *s)
{
    unsigned char *const made = s->piece;
    g4_pool_run(s->pool, run_item, s, pieces(s->rows, s->item_rows) + 1);
    s->piece = s->ready;
    s->ready = made;
    s->ready_bytes = s->rows * s->row_bytes;
    const size_t bad = atomic_load(&s->bad_row);
    if (s->status == 0 && bad != SIZE_MAX)
        s->status = refuse_number(s, bad);
    s->done_kb += (unsigned long)(s->ready_bytes >> 10);
    g4_progress(s->what, s->done_kb >> 10, s->total_kb >> 10);
}

static void find_largest(void *ctx, size_t item, int worker)
{
    struct stream *s = ctx;
    const size_t end = item_end(s, item, s->row.tensor->rows);
    uint32_t most = 0;
    for (size_t r = item * s->item_rows; r < end; r++) {
        const uint32_t bits = g4_convert_row_largest(&s->row, r, numbers_of(s, worker));
        most = bits > most ? bits : most;
    }
    unsigned now = atomic_load(&s->largest);
    while (most > now && !atomic_compare_exchange_weak(&s->largest, &now, most))
        ;
}

/* What a tensor is divided by so that its largest number has room; 1 where all have. */
static float scale_of(struct stream *s)
{
    float largest;
    atomic_store(&s->largest, 0);
    g4_pool_run(s->pool, find_largest, s, pieces(s->row.tensor->rows, s->item_rows));
    const unsigned bits = atomic_load(&s->largest);
    memcpy(&largest, &bits, sizeof largest);
    return isfinite(largest) && largest > sfp8_largest ? largest / sfp8_largest : 1.0f;
}

static void make_tensor(struct stream *s, size_t index)
{
    const struct g4_convert_tensor *t = &s->plan->tensors[index];
    if (t->rows == 0 || t->cols == 0)
        return;
    s->row.tensor = t;
    s->item_rows = t->cols < ITEM_ELEMENTS ? ITEM_ELEMENTS / t->cols : 1;
    g4_dtype_row_bytes(t->dtype, t->cols, &s->row_bytes); /* fits: it was announced */
    s->row.scale = 1;
    if (t->dtype == G4_DTYPE_SFP8)
        s->row.scale = scale_of(s);
    s->scales[index] = s->row.scale;
    for (s->from = 0; s->from < t->rows && s->status == 0; s->from += s->rows) {
        s->rows = t->rows - s->from;
        if (s->rows > s->item_rows * PIECE_ITEMS)
            s->rows = s->item_rows * PIECE_ITEMS;
        make_piece(s);
    }
}

/* For pieces of the largest tensors and rows of the longest. */
static int allocate(struct stream *s)
{
    size_t piece = 0, total = 0;
    for (size_t i = 0; i < s->plan->count; i++) {
        const struct g4_convert_tensor *t = &s->plan->tensors[i];
        const size_t cols = t->cols, items = cols < ITEM_ELEMENTS ? ITEM_ELEMENTS : cols;
        size_t most = 0, bytes = 0; /* a piece has no more elements than the tensor */
        if (!g4_mul_size(items, PIECE_ITEMS, &most) || most > t->rows * cols)
            most = t->rows * cols;
        most = pieces(most, g4_dtype_info(t->dtype)->block);
        most *= g4_dtype_info(t->dtype)->bytes; /* no more than the tensor has */
        g4_dtype_row_bytes(t->dtype, t->rows * cols, &bytes);
        piece = most > piece ? most : piece;
        total += bytes >> 10;
        s->longest = cols > s->longest ? cols : s->longest;
    }
    s->total_kb = (unsigned long)total;
    const size_t threads = (size_t)g4_pool_threads(s->pool);
    int status = g4_alloc((void **)&s->piece, piece + 1, 1, "a piece of the result", s->err);
    if (status == 0)
        status = g4_alloc((void **)&s->ready, piece + 1, 1, "a piece of the result", s->err);
    if (status == 0)
        status = g4_alloc((void **)&s->numbers, s->longest + 1, threads * 2 * sizeof *s->numbers,
                          "rows of numbers", s->err);
    if (status == 0)
        status =
            g4_alloc((void **)&s->scales, s->plan->count + 1, sizeof *s->scales, "scales", s->err);
    return status;
}

int g4_convert_stream(const struct g4_convert *plan, const struct g4_exec *exec,
                      g4_convert_write *write, void *ctx, const char *what, struct g4_err *err)
{
    struct stream s = {.plan = plan,
                       .pool = exec->pool,
                       .write = write,
                       .ctx = ctx,
                       .err = err,
                       .what = what,
                       .row = {.kernels = exec->kernels}};
    atomic_init(&s.bad_row, SIZE_MAX);
    s.status = allocate(&s);
    s.row.scales = s.scales;
    for (size_t i = 0; i < plan->count && s.status == 0; i++)
        make_tensor(&s, i);
    write_ready(&s);
    g4_progress_clear();
    free(s.piece);
    free(s.ready);
    free(s.numbers);
    free(s.scales);
    return s.status;
}

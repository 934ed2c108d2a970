/*
 * attention.c - blockwise softmax attention.
 *
 * The rows of a kv head are its (query, head of the group) pairs, query by query, so heads that
 * share keys are multiplied together. An item is one kv head and one block of its rows; for every
 * block of keys that any of them sees:
 *
 *     S[rows, keys] = Q K^T
 *     of each row's visible part: m' = max(m, max S), P = exp(S - m'), the rest of P is 0
 *     sum = sum * exp(m - m') + sum P,  O = O * exp(m - m') + P V,  m = m'
 *
 * and in the end out = O / sum. Many rows go through packed panels and gemm; a few (decoding) read
 * keys and values where they lie, by gemv and weighted_sum. With few rows and many keys an item is
 * one part of the keys; the parts' O, sum and m are joined as blocks are.
 */
#include "lib/nn/attention.h"

#include <assert.h>
#include <math.h>
#include <string.h>

#include "lib/nn/scratch.h"

enum {
    BLOCK_ROWS = 256,          /* most rows of an item */
    BLOCK_ROWS_MIN = 64,       /* fewer make packing too dear, even for idle threads */
    BLOCK_KEYS = 256,          /* most keys at a time */
    ROW_FLOATS = 64 * 1024,    /* most floats of Q, and of O */
    PANEL_FLOATS = 128 * 1024, /* most floats of packed keys or values */
    PART_KEYS = 512,           /* fewest keys in a part of them */
    ITEMS = 16,                /* split rows or keys only while there are fewer items than this */
    PAD = 16,                  /* floats between rows: rows a power of two apart share cache sets */
};

/* What a row of O holds in its padding, behind head_dim rounded up: */
enum { MAX, SUM };

struct job {
    const struct g4_exec *exec;
    const struct g4_attention *a;
    size_t group;              /* query heads per kv head */
    size_t rows;               /* of a kv head: queries * group */
    size_t width, ld;          /* of a row of Q and of O: head_dim padded, and with PAD */
    size_t block_rows, blocks; /* blocks per kv head */
    size_t parts, part_keys;   /* of the keys; more than one part only if there is one block */
    float *partial;            /* O of every item [block_rows, ld], when parts > 1 */
};

/* An item and its scratch. */
struct block {
    size_t kv_head;
    size_t row, m;             /* first row, how many */
    size_t from, to;           /* keys that any of the rows sees, in this part */
    float *q, *o, *s, *panels; /* [m, ld], [m, ld], [m, lds] */
    size_t lds;
};

/* The row's maximum and sum. */
static float *row_state(const struct job *j, float *o, size_t r)
{
    return o + r * j->ld + j->width;
}

static size_t head_of(const struct job *j, const struct block *b, size_t row)
{
    return b->kv_head * j->group + row % j->group;
}

/* Key (or value) `key` of the block's kv head. */
static const void *key_row(const struct job *j, const struct block *b, const void *base, size_t ld,
                           size_t key)
{
    const struct g4_dtype_info *info = g4_dtype_info(j->a->dtype);
    return (const unsigned char *)base + (key * ld + b->kv_head * j->a->head_dim) * info->bytes;
}

/* The keys that rows row..row+m-1 see: lo and hi grow from query to query, so the first and the
 * last of them decide. */
static void key_range(const struct job *j, size_t row, size_t m, size_t *from, size_t *to)
{
    *from = j->a->lo ? j->a->lo[row / j->group] : 0;
    *to = j->a->hi ? j->a->hi[(row + m - 1) / j->group] : j->a->keys;
}

static void lay_out(const struct job *j, struct block *b, size_t item, float *scratch)
{
    const size_t part = item % j->parts, block = item / j->parts;
    b->kv_head = block / j->blocks;
    b->row = block % j->blocks * j->block_rows;
    b->m = g4_min_size(j->block_rows, j->rows - b->row);
    key_range(j, b->row, b->m, &b->from, &b->to);
    b->from = g4_min_size(b->from + part * j->part_keys, b->to);
    b->to = g4_min_size(b->from + j->part_keys, b->to);

    b->lds = BLOCK_KEYS + PAD;
    b->panels = scratch;
    b->s = b->panels + PANEL_FLOATS;
    b->q = b->s + j->block_rows * b->lds;
    b->o = b->q + j->block_rows * j->ld;
    assert(b->o + j->block_rows * j->ld <= scratch + G4_SCRATCH_FLOATS);
    if (j->parts > 1)
        b->o = j->partial + item * j->block_rows * j->ld;
}

static void gather(const struct job *j, const struct block *b)
{
    const size_t d = j->a->head_dim;
    for (size_t r = 0; r < b->m; r++) {
        const size_t row = b->row + r;
        memcpy(b->q + r * j->ld, j->a->q + row / j->group * j->a->ldq + head_of(j, b, row) * d,
               d * sizeof *b->q);
        memset(b->o + r * j->ld, 0, d * sizeof *b->o);
        row_state(j, b->o, r)[MAX] = -INFINITY;
        row_state(j, b->o, r)[SUM] = 0.0f;
    }
}

static void scatter(const struct job *j, const struct block *b)
{
    const size_t d = j->a->head_dim;
    for (size_t r = 0; r < b->m; r++) {
        const size_t row = b->row + r;
        j->exec->kernels->scale(j->a->out + row / j->group * j->a->ldo + head_of(j, b, row) * d,
                                b->o + r * j->ld, 1.0f / row_state(j, b->o, r)[SUM], d);
    }
}

/* y[m, cols] (+)= x[m, k] panel[k, nr] for any k. */
static void multiply(const struct g4_kernels *kernels, float *y, size_t ldy, const float *x,
                     size_t ldx, size_t m, const float *panel, size_t cols, size_t k, bool add)
{
    for (size_t k0 = 0; k0 < k; k0 += kernels->gemm_kc)
        kernels->gemm(y, ldy, x + k0, ldx, m, panel + k0 * kernels->gemm_nr, cols,
                      g4_min_size(kernels->gemm_kc, k - k0), add || k0 > 0);
}

/* S[m, n] = Q K^T for keys key..key+n-1. */
static void scores(const struct job *j, const struct block *b, size_t key, size_t n)
{
    const struct g4_kernels *kernels = j->exec->kernels;
    const struct g4_kernels_dtype *type = &kernels->dtype[j->a->dtype];
    const size_t d = j->a->head_dim, nr = kernels->gemm_nr;
    const size_t stride = j->a->ldk * g4_dtype_info(j->a->dtype)->bytes;
    if (b->m <= G4_GEMV_ROWS) {
        type->gemv(b->s, b->lds, b->q, j->ld, b->m, key_row(j, b, j->a->k, j->a->ldk, key), stride,
                   n, d);
        return;
    }
    for (size_t c = 0; c < n; c += nr) {
        const size_t cols = g4_min_size(nr, n - c);
        type->pack_rows(b->panels, nr, key_row(j, b, j->a->k, j->a->ldk, key + c), stride, cols, d);
        multiply(kernels, b->s + c, b->lds, b->q, j->ld, b->m, b->panels, cols, d, false);
    }
}

/* Row r of S becomes its row of P; O and the row's sum are brought to the new maximum. */
static void softmax_row(const struct job *j, const struct block *b, size_t r, size_t key, size_t n)
{
    const struct g4_kernels *kernels = j->exec->kernels;
    const size_t query = (b->row + r) / j->group;
    const size_t lo = j->a->lo ? j->a->lo[query] : 0, hi = j->a->hi ? j->a->hi[query] : j->a->keys;
    const size_t from = g4_min_size(lo > key ? lo - key : 0, n);
    const size_t to = g4_max_size(g4_min_size(hi > key ? hi - key : 0, n), from);
    float *s = b->s + r * b->lds, *o = b->o + r * j->ld, *state = row_state(j, b->o, r);

    memset(s, 0, from * sizeof *s);
    memset(s + to, 0, (n - to) * sizeof *s);
    if (from == to)
        return;
    const float max = kernels->max(s + from, to - from);
    if (max > state[MAX]) {
        const float shrink = expf(state[MAX] - max); /* 0 the first time */
        kernels->scale(o, o, shrink, j->a->head_dim);
        state[SUM] *= shrink;
        state[MAX] = max;
    }
    state[SUM] += kernels->exp_sum(s + from, s + from, state[MAX], to - from);
}

/* O[m, d] += P[m, n] V for values key..key+n-1. */
static void add_values(const struct job *j, const struct block *b, size_t key, size_t n)
{
    const struct g4_kernels *kernels = j->exec->kernels;
    const struct g4_kernels_dtype *type = &kernels->dtype[j->a->dtype];
    const struct g4_dtype_info *info = g4_dtype_info(j->a->dtype);
    const size_t d = j->a->head_dim, nr = kernels->gemm_nr, stride = j->a->ldv * info->bytes;
    const unsigned char *v = key_row(j, b, j->a->v, j->a->ldv, key);
    if (b->m <= G4_GEMV_ROWS) {
        type->weighted_sum(b->o, j->ld, b->s, b->lds, b->m, v, stride, n, d);
        return;
    }
    for (size_t c = 0; c < d; c += nr) {
        const size_t cols = g4_min_size(nr, d - c);
        type->pack_cols(b->panels, nr, v + c * info->bytes, stride, cols, n);
        multiply(kernels, b->o + c, j->ld, b->s, b->lds, b->m, b->panels, cols, n, true);
    }
}

static void run_item(void *ctx, size_t item, int worker)
{
    const struct job *j = ctx;
    struct block b;
    lay_out(j, &b, item, g4_scratch(j->exec, worker));
    gather(j, &b);
    for (size_t key = b.from; key < b.to; key += BLOCK_KEYS) {
        const size_t n = g4_min_size(BLOCK_KEYS, b.to - key);
        scores(j, &b, key, n);
        for (size_t r = 0; r < b.m; r++)
            softmax_row(j, &b, r, key, n);
        add_values(j, &b, key, n);
    }
    if (j->parts == 1)
        scatter(j, &b);
}

/* Brings the parts of a kv head to their common maximum, adds them to the first, writes out. */
static void join_parts(const struct job *j, size_t kv_head)
{
    const struct g4_kernels *kernels = j->exec->kernels;
    const size_t d = j->a->head_dim, part_floats = j->block_rows * j->ld;
    float *first = j->partial + kv_head * j->parts * part_floats;
    const struct block b = {.kv_head = kv_head, .m = j->rows, .o = first};
    for (size_t r = 0; r < b.m; r++) {
        float *state = row_state(j, first, r);
        float max = state[MAX];
        for (size_t part = 1; part < j->parts; part++)
            max = fmaxf(max, row_state(j, first + part * part_floats, r)[MAX]);
        const float shrink = expf(state[MAX] - max);
        kernels->scale(first + r * j->ld, first + r * j->ld, shrink, d);
        state[SUM] *= shrink;
        for (size_t part = 1; part < j->parts; part++) {
            float *o = first + part * part_floats;
            const float weight = expf(row_state(j, o, r)[MAX] - max);
            kernels->axpy(first + r * j->ld, o + r * j->ld, weight, d);
            state[SUM] += weight * row_state(j, o, r)[SUM];
        }
    }
    scatter(j, &b);
}

/* Rows by blocks, as large as still make ITEMS of them; few rows with many keys by parts of these.
 */
static void divide(struct job *j)
{
    const size_t kv_heads = j->a->kv_heads;
    const size_t most = g4_min_size(BLOCK_ROWS, ROW_FLOATS / j->a->head_dim);
    const size_t enough = g4_pieces(j->rows * kv_heads, ITEMS);
    j->block_rows = g4_min_size(most, g4_max_size(enough, BLOCK_ROWS_MIN));
    j->blocks = g4_pieces(j->rows, j->block_rows);
    j->parts = 1;
    j->part_keys = SIZE_MAX / 2;
    if (j->rows > G4_GEMV_ROWS || kv_heads >= ITEMS)
        return;

    size_t from, to;
    key_range(j, 0, j->rows, &from, &to);
    j->block_rows = j->rows;
    j->parts = g4_min_size(g4_pieces(to - from, PART_KEYS), ITEMS / kv_heads);
    j->part_keys = g4_pieces(to - from, j->parts);
    j->partial = g4_scratch_shared(j->exec);
    assert(kv_heads * j->parts * j->block_rows * j->ld <= G4_SCRATCH_FLOATS);
}

void g4_attention(const struct g4_exec *exec, const struct g4_attention *a)
{
    assert(a->head_dim > 0 && a->head_dim <= G4_ATTENTION_HEAD_DIM && a->heads % a->kv_heads == 0);
    struct job j = {.exec = exec, .a = a, .group = a->heads / a->kv_heads};
    if (a->queries == 0)
        return;
    j.rows = a->queries * j.group;
    j.width = g4_round_up(a->head_dim, 16);
    j.ld = j.width + PAD;
    divide(&j);
    g4_pool_run(exec->pool, run_item, &j, a->kv_heads * j.blocks * j.parts);
    for (size_t h = 0; j.parts > 1 && h < a->kv_heads; h++)
        join_parts(&j, h);
}

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
 * and in the end out = O / sum. Many rows go through packed panels and gemm, with Q, K, P and V in
 * the type of its factors (S, O, maxima and sums are float32 whatever it is). Panels of a kv head
 * are made once for all its blocks of rows, for as many heads at a time as the shared scratch
 * holds. Where that is less than one, it holds O of all rows of a head instead, and the panels of
 * one range of keys after the other; where not even O fits, items make panels for themselves.
 *
 * A few rows (decoding) read keys and values where they lie, by gemv and weighted_sum. With few
 * rows and many keys an item is one part of the keys; the parts' O, sum and m are joined as blocks
 * are.
 */
#include "lib/nn/attention.h"

#include <assert.h>
#include <math.h>
#include <string.h>

#include "lib/nn/scratch.h"

enum {
    BLOCK_ROWS = 256,          /* most rows of an item */
    BLOCK_ROWS_MIN = 64,       /* fewer make packing too dear, even for idle threads */
    BLOCK_KEYS = 256,          /* most keys at a time; a multiple of every panel's width */
    ROW_FLOATS = 64 * 1024,    /* most floats of O, and of what Q may take */
    PANEL_FLOATS = 256 * 1024, /* most floats of packed keys or values of a block */
    PART_KEYS = 512,           /* fewest keys in a part of them */
    RANGE_BLOCKS = 4,          /* fewest blocks of keys in a range of them */
    ITEMS = 16,                /* split rows or keys only while there are fewer items than this */
    PAD = 16,                  /* floats between rows: rows a power of two apart share cache sets */
    TOGETHER = 16,             /* attentions in a run */
};

/* What a row of O holds in its padding, behind head_dim rounded up: */
enum { MAX, SUM };

struct job {
    const struct g4_exec *exec;
    const struct g4_attention *a;
    size_t group;                /* query heads per kv head */
    size_t rows;                 /* of a kv head: queries * group */
    size_t width, ld;            /* of a row of Q and of O: head_dim padded, and with PAD */
    size_t block_rows, blocks;   /* blocks per kv head */
    size_t parts, part_keys;     /* of the keys; more than one part only if there is one block */
    float *partial;              /* O of every item [block_rows, ld], of parts or over ranges */
    size_t range_from, range_to; /* keys that are looked at in this pass over the items */
    bool first_range, last_range;
    const struct g4_gemm *gemm; /* of blocks with many rows */
    size_t k_bytes, v_bytes;    /* of the panels of a block of keys */
    unsigned char *panels;      /* [heads, key_blocks] of both; NULL: items make their own */
    size_t first_head, key_block, key_blocks; /* the first of the panels, and of a head how many */
};

/* An item and its scratch. */
struct block {
    size_t kv_head;
    size_t row, m;              /* first row, how many */
    size_t from, to;            /* keys that any of the rows sees, in this part */
    const struct g4_gemm *gemm; /* NULL: too few rows */
    float *o, *s;               /* [m, ld], [m, lds] floats; a row of P takes the place of S's */
    void *q;                    /* [m, ldq] factors, or floats where there is no gemm */
    unsigned char *panels;      /* room for its own */
    size_t lds, ldq, ldp;       /* ldp: factors from row to row of P */
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

/* Key (or value) `key` of a kv head. */
static const unsigned char *key_row(const struct job *j, size_t kv_head, const void *base,
                                    size_t ld, size_t key)
{
    const struct g4_dtype_info *info = g4_dtype_info(j->a->dtype);
    return (const unsigned char *)base + (key * ld + kv_head * j->a->head_dim) * info->bytes;
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
    b->kv_head = j->first_head + block / j->blocks;
    b->row = block % j->blocks * j->block_rows;
    b->m = g4_min_size(j->block_rows, j->rows - b->row);
    key_range(j, b->row, b->m, &b->from, &b->to);
    b->from = g4_min_size(b->from + part * j->part_keys, b->to);
    b->to = g4_min_size(b->from + j->part_keys, b->to);
    b->from = g4_max_size(b->from, j->range_from);
    b->to = g4_min_size(b->to, j->range_to);
    b->gemm = b->m > G4_GEMV_ROWS ? j->gemm : NULL;
    if (b->gemm) /* where a panel of keys begins */
        b->from = b->from / j->gemm->nr * j->gemm->nr;

    const size_t size = b->gemm ? g4_dtype_info(b->gemm->type)->bytes : sizeof(float);
    b->lds = BLOCK_KEYS + PAD;
    b->ldq = j->ld * sizeof(float) / size;
    b->ldp = b->lds * sizeof(float) / size;
    b->s = scratch + PANEL_FLOATS;
    b->o = b->s + j->block_rows * b->lds;
    b->q = b->o + j->block_rows * j->ld;
    b->panels = (unsigned char *)scratch;
    assert(b->o + 2 * j->block_rows * j->ld <= scratch + G4_SCRATCH_FLOATS);
    if (j->parts > 1 || !j->first_range || !j->last_range)
        b->o = j->partial + item * j->block_rows * j->ld;
}

static void gather(const struct job *j, const struct block *b)
{
    const size_t d = j->a->head_dim;
    for (size_t r = 0; r < b->m; r++) {
        const size_t row = b->row + r;
        const float *q = j->a->q + row / j->group * j->a->ldq + head_of(j, b, row) * d;
        float *to = (float *)b->q + r * j->ld, *o = b->o + r * j->ld;
        if (b->gemm)
            b->gemm->convert(b->gemm, to, q, d);
        else
            memcpy(to, q, d * sizeof *q);
        if (!j->first_range)
            continue;
        memset(o, 0, d * sizeof *o);
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

/* y[m, cols] (+)= x[m, k] panel for any k: a panel is its parts of kc, one behind the other. */
static void multiply(const struct g4_gemm *gemm, float *y, size_t ldy, const void *x, size_t ldx,
                     size_t m, const void *panel, size_t cols, size_t k, bool add)
{
    const size_t size = g4_dtype_info(gemm->type)->bytes;
    for (size_t k0 = 0; k0 < k; k0 += gemm->kc)
        gemm->multiply(y, ldy, (const unsigned char *)x + k0 * size, ldx, m,
                       (const unsigned char *)panel + k0 * gemm->nr * size, cols,
                       g4_min_size(gemm->kc, k - k0), add || k0 > 0);
}

/* Bytes of a panel of keys, and of a panel of a block of values. */
static size_t key_panel(const struct job *j)
{
    return g4_round_up(j->a->head_dim, j->gemm->step) * j->gemm->nr *
           g4_dtype_info(j->gemm->type)->bytes;
}

static size_t value_panel(const struct job *j)
{
    return BLOCK_KEYS * j->gemm->nr * g4_dtype_info(j->gemm->type)->bytes;
}

static void pack_keys(const struct job *j, size_t kv_head, unsigned char *panels, size_t key,
                      size_t n)
{
    const struct g4_gemm *gemm = j->gemm;
    const size_t nr = gemm->nr, stride = j->a->ldk * g4_dtype_info(j->a->dtype)->bytes;
    for (size_t c = 0; c < n; c += nr)
        gemm->pack_rows[j->a->dtype](gemm, panels + c / nr * key_panel(j),
                                     key_row(j, kv_head, j->a->k, j->a->ldk, key + c), stride,
                                     g4_min_size(nr, n - c), j->a->head_dim);
}

static void pack_values(const struct job *j, size_t kv_head, unsigned char *panels, size_t key,
                        size_t n)
{
    const struct g4_gemm *gemm = j->gemm;
    const size_t bytes = g4_dtype_info(j->a->dtype)->bytes, d = j->a->head_dim, nr = gemm->nr;
    const unsigned char *v = key_row(j, kv_head, j->a->v, j->a->ldv, key);
    for (size_t c = 0; c < d; c += nr)
        gemm->pack_cols[j->a->dtype](gemm, panels + c / nr * value_panel(j), v + c * bytes,
                                     j->a->ldv * bytes, g4_min_size(nr, d - c), n);
}

/* The shared panels of a kv head's block of keys; those of its values follow. */
static unsigned char *shared_panels(const struct job *j, size_t kv_head, size_t key_block)
{
    const size_t i = (kv_head - j->first_head) * j->key_blocks + key_block - j->key_block;
    return j->panels + i * (j->k_bytes + j->v_bytes);
}

/* One block of keys of one kv head into the shared panels. */
static void pack_item(void *ctx, size_t item, int worker)
{
    const struct job *j = ctx;
    const size_t kv_head = j->first_head + item / j->key_blocks;
    const size_t key_block = j->key_block + item % j->key_blocks, key = key_block * BLOCK_KEYS;
    const size_t n = g4_min_size(BLOCK_KEYS, j->a->keys - key);
    unsigned char *panels = shared_panels(j, kv_head, key_block);
    (void)worker;
    pack_keys(j, kv_head, panels, key, n);
    pack_values(j, kv_head, panels + j->k_bytes, key, n);
}

/* Panels of the n keys from `key` on, which lie in one block and begin where a panel does. */
static const unsigned char *keys(const struct job *j, const struct block *b, size_t key, size_t n)
{
    if (j->panels)
        return shared_panels(j, b->kv_head, key / BLOCK_KEYS) +
               key % BLOCK_KEYS / j->gemm->nr * key_panel(j);
    pack_keys(j, b->kv_head, b->panels, key, n);
    return b->panels;
}

/* The same of the values. */
static const unsigned char *values(const struct job *j, const struct block *b, size_t key, size_t n)
{
    if (j->panels)
        return shared_panels(j, b->kv_head, key / BLOCK_KEYS) + j->k_bytes +
               key % BLOCK_KEYS * (value_panel(j) / BLOCK_KEYS);
    pack_values(j, b->kv_head, b->panels, key, n);
    return b->panels;
}

/* S[m, n] = Q K^T for keys key..key+n-1. */
static void scores(const struct job *j, const struct block *b, size_t key, size_t n)
{
    const struct g4_gemm *gemm = b->gemm;
    const size_t d = j->a->head_dim, stride = j->a->ldk * g4_dtype_info(j->a->dtype)->bytes;
    if (!gemm) {
        j->exec->kernels->dtype[j->a->dtype].gemv(b->s, b->lds, b->q, b->ldq, b->m,
                                                  key_row(j, b->kv_head, j->a->k, j->a->ldk, key),
                                                  stride, n, d);
        return;
    }
    const unsigned char *panels = keys(j, b, key, n);
    for (size_t c = 0; c < n; c += gemm->nr)
        multiply(gemm, b->s + c, b->lds, b->q, b->ldq, b->m, panels + c / gemm->nr * key_panel(j),
                 g4_min_size(gemm->nr, n - c), d, false);
}

/* O and the row's sum are brought to the maximum of all so far and of s[n], which is returned. */
static float raise_maximum(const struct job *j, const float *s, size_t n, float *o, float *state)
{
    const struct g4_kernels *kernels = j->exec->kernels;
    const float max = kernels->max(s, n);
    if (max > state[MAX]) {
        const float shrink = expf(state[MAX] - max); /* 0 the first time */
        kernels->scale(o, o, shrink, j->a->head_dim);
        state[SUM] *= shrink;
        state[MAX] = max;
    }
    return state[MAX];
}

/* A row of S becomes a row of P, in its place: visible are s[from .. to-1] of n keys. */
static void softmax_row(const struct job *j, const struct block *b, float *s, size_t from,
                        size_t to, size_t n, float *o, float *state)
{
    const struct g4_kernels *kernels = j->exec->kernels;
    const bool bf16 = b->gemm && b->gemm->type == G4_DTYPE_BF16;
    const size_t size = bf16 ? sizeof(uint16_t) : sizeof(float);
    const size_t end = b->gemm ? g4_round_up(n, b->gemm->step) : n;
    unsigned char *p = (unsigned char *)s;
    if (from < to) {
        const float max = raise_maximum(j, s + from, to - from, o, state);
        state[SUM] += bf16 ? kernels->exp_sum_bf16((uint16_t *)s + from, s + from, max, to - from)
                           : kernels->exp_sum(s + from, s + from, max, to - from);
    }
    memset(p, 0, from * size);
    memset(p + to * size, 0, (end - to) * size);
}

/* S becomes P. */
static void softmax(const struct job *j, const struct block *b, size_t key, size_t n)
{
    for (size_t r = 0; r < b->m; r++) {
        const size_t query = (b->row + r) / j->group;
        const size_t lo = j->a->lo ? j->a->lo[query] : 0;
        const size_t hi = j->a->hi ? j->a->hi[query] : j->a->keys;
        const size_t from = g4_min_size(lo > key ? lo - key : 0, n);
        const size_t to = g4_max_size(g4_min_size(hi > key ? hi - key : 0, n), from);
        softmax_row(j, b, b->s + r * b->lds, from, to, n, b->o + r * j->ld, row_state(j, b->o, r));
    }
}

/* O[m, d] += P[m, n] V for values key..key+n-1. */
static void add_values(const struct job *j, const struct block *b, size_t key, size_t n)
{
    const struct g4_gemm *gemm = b->gemm;
    const size_t d = j->a->head_dim, stride = j->a->ldv * g4_dtype_info(j->a->dtype)->bytes;
    if (!gemm) {
        j->exec->kernels->dtype[j->a->dtype].weighted_sum(
            b->o, j->ld, b->s, b->lds, b->m, key_row(j, b->kv_head, j->a->v, j->a->ldv, key),
            stride, n, d);
        return;
    }
    const unsigned char *panels = values(j, b, key, n);
    for (size_t c = 0; c < d; c += gemm->nr)
        multiply(gemm, b->o + c, j->ld, b->s, b->ldp, b->m, panels + c / gemm->nr * value_panel(j),
                 g4_min_size(gemm->nr, d - c), n, true);
}

static void run_block(const struct job *j, size_t item, int worker)
{
    struct block b;
    lay_out(j, &b, item, g4_scratch(j->exec, worker));
    gather(j, &b);
    for (size_t key = b.from, n; key < b.to; key += n) {
        n = g4_min_size(BLOCK_KEYS - key % BLOCK_KEYS, b.to - key);
        scores(j, &b, key, n);
        softmax(j, &b, key, n);
        add_values(j, &b, key, n);
    }
    if (j->parts == 1 && j->last_range)
        scatter(j, &b);
}

static void run_item(void *ctx, size_t item, int worker)
{
    run_block(ctx, item, worker);
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

/* Floats of the parts of a job. */
static size_t partial_floats(const struct job *j)
{
    return j->parts > 1 ? j->a->kv_heads * j->parts * j->block_rows * j->ld : 0;
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
    assert(partial_floats(j) <= G4_SCRATCH_FLOATS);
}

/* Panels of every key and value that is seen, for as many kv heads as there is room for: how many;
 * 0: items make their own. */
static size_t share_panels(struct job *j)
{
    size_t from, to;
    j->k_bytes = BLOCK_KEYS / j->gemm->nr * key_panel(j);
    j->v_bytes = g4_pieces(j->a->head_dim, j->gemm->nr) * value_panel(j);
    assert(g4_max_size(j->k_bytes, j->v_bytes) <= PANEL_FLOATS * sizeof(float));
    if (j->blocks == 1)
        return 0;
    key_range(j, 0, j->rows, &from, &to);
    j->key_block = from / BLOCK_KEYS;
    j->key_blocks = g4_pieces(to, BLOCK_KEYS) - j->key_block;
    return G4_SCRATCH_SHARED_FLOATS * sizeof(float) / (j->k_bytes + j->v_bytes) / j->key_blocks;
}

/* The panels of some heads, then their rows, until all heads are done. */
static void run_with_panels(struct job *j, size_t room)
{
    const size_t kv_heads = j->a->kv_heads, most = g4_pieces(kv_heads, g4_pieces(kv_heads, room));
    j->panels = (unsigned char *)g4_scratch_shared(j->exec);
    for (j->first_head = 0; j->first_head < kv_heads; j->first_head += most) {
        const size_t heads = g4_min_size(most, kv_heads - j->first_head);
        g4_pool_run(j->exec->pool, pack_item, j, heads * j->key_blocks);
        g4_pool_run(j->exec->pool, run_item, j, heads * j->blocks);
    }
}

/* Floats of O of all rows of a kv head. */
static size_t head_floats(const struct job *j)
{
    return j->blocks * j->block_rows * j->ld;
}

/* Blocks of keys in a range, when the shared scratch holds O of a kv head as well and not the
 * panels of all keys; 0: too few to be worth it. */
static size_t range_blocks(const struct job *j)
{
    if (j->blocks == 1 || head_floats(j) >= G4_SCRATCH_SHARED_FLOATS)
        return 0;
    const size_t room = (G4_SCRATCH_SHARED_FLOATS - head_floats(j)) * sizeof(float);
    const size_t most = room / (j->k_bytes + j->v_bytes);
    return most < RANGE_BLOCKS ? 0 : g4_pieces(j->key_blocks, g4_pieces(j->key_blocks, most));
}

/* Head by head, and range by range of its keys: their panels, then all rows. */
static void run_ranges(struct job *j, size_t most)
{
    const size_t from = j->key_block, to = from + j->key_blocks;
    j->partial = g4_scratch_shared(j->exec);
    j->panels = (unsigned char *)(j->partial + head_floats(j));
    for (j->first_head = 0; j->first_head < j->a->kv_heads; j->first_head++) {
        for (j->key_block = from; j->key_block < to; j->key_block += j->key_blocks) {
            j->key_blocks = g4_min_size(most, to - j->key_block);
            j->range_from = j->key_block * BLOCK_KEYS;
            j->range_to = j->range_from + j->key_blocks * BLOCK_KEYS;
            j->first_range = j->key_block == from;
            j->last_range = j->key_block + j->key_blocks == to;
            g4_pool_run(j->exec->pool, pack_item, j, j->key_blocks);
            g4_pool_run(j->exec->pool, run_item, j, j->blocks);
        }
    }
}

/* ------------------------------------------------------------------------------ several */

struct run {
    struct job jobs[TOGETHER];
    size_t first[TOGETHER + 1]; /* of a job's items; of all at the end */
    size_t heads[TOGETHER + 1]; /* the same of the kv heads whose parts are joined */
    size_t count;
    size_t used; /* floats of the shared scratch */
};

/* The job that item i belongs to, by where each job's items begin. */
static size_t job_of(const struct run *run, const size_t *first, size_t i)
{
    size_t job = run->count - 1;
    while (i < first[job])
        job--;
    return job;
}

static void run_item_of(void *ctx, size_t item, int worker)
{
    const struct run *run = ctx;
    const size_t job = job_of(run, run->first, item);
    run_block(&run->jobs[job], item - run->first[job], worker);
}

static void join_item(void *ctx, size_t item, int worker)
{
    const struct run *run = ctx;
    const size_t job = job_of(run, run->heads, item);
    (void)worker;
    join_parts(&run->jobs[job], item - run->heads[job]);
}

static void finish_run(struct run *run, const struct g4_exec *exec)
{
    g4_pool_run(exec->pool, run_item_of, run, run->first[run->count]);
    g4_pool_run(exec->pool, join_item, run, run->heads[run->count]);
    run->count = run->used = 0;
}

static void add_job(struct run *run, const struct job *job)
{
    const size_t floats = partial_floats(job);
    if (run->count == TOGETHER || floats > G4_SCRATCH_SHARED_FLOATS - run->used)
        finish_run(run, job->exec);
    const size_t i = run->count;
    run->jobs[i] = *job;
    run->jobs[i].partial = g4_scratch_shared(job->exec) + run->used;
    run->first[i + 1] = run->first[i] + job->a->kv_heads * job->blocks * job->parts;
    run->heads[i + 1] = run->heads[i] + (job->parts > 1 ? job->a->kv_heads : 0);
    run->used += floats;
    run->count++;
}

void g4_attention_all(const struct g4_exec *exec, const struct g4_attention *attentions,
                      size_t count)
{
    struct run run;
    run.count = run.used = run.first[0] = run.heads[0] = 0;
    for (size_t i = 0; i < count; i++) {
        const struct g4_attention *a = &attentions[i];
        assert(a->head_dim > 0 && a->head_dim <= G4_ATTENTION_HEAD_DIM);
        assert(a->heads % a->kv_heads == 0);
        struct job j = {.exec = exec, .a = a, .group = a->heads / a->kv_heads};
        if (a->queries == 0)
            continue;
        j.range_to = SIZE_MAX;
        j.first_range = j.last_range = true;
        j.gemm = g4_kernels_gemm(exec->kernels);
        j.rows = a->queries * j.group;
        j.width = g4_round_up(a->head_dim, 16);
        j.ld = j.width + PAD;
        divide(&j);
        const size_t room = share_panels(&j), range = room > 0 ? 0 : range_blocks(&j);
        if (room == 0 && range == 0) {
            add_job(&run, &j);
            continue;
        }
        if (run.count > 0) /* the panels take the place of its parts */
            finish_run(&run, exec);
        if (room > 0)
            run_with_panels(&j, room);
        else
            run_ranges(&j, range);
    }
    if (run.count > 0)
        finish_run(&run, exec);
}

void g4_attention(const struct g4_exec *exec, const struct g4_attention *attention)
{
    g4_attention_all(exec, attention, 1);
}

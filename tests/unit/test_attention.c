/*
 * test_attention.c - blockwise attention against the whole score matrix in float64.
 */
#include "lib/nn/attention.h"
#include "tests/unit/nn_fixture.h"

enum mask { ALL, CAUSAL, SLIDING, BLOCK };

struct shape {
    size_t heads, kv_heads, dim, queries, keys;
    enum mask mask; /* the last query sees the last key */
    bool bf16;
};

enum { WINDOW = 37, IMAGE = 24, PAD = 3 };

static void visible(const struct shape *s, size_t query, size_t *lo, size_t *hi)
{
    const size_t at = s->keys - s->queries + query; /* the query's own key; unused for ALL */
    *lo = 0;
    *hi = s->keys;
    if (s->mask == ALL)
        return;
    *hi = at + 1;
    if (s->mask == SLIDING || s->mask == BLOCK)
        *lo = at + 1 > WINDOW ? at + 1 - WINDOW : 0;
    if (s->mask == BLOCK) { /* keys come in pictures of IMAGE rows */
        const size_t end = (at / IMAGE + 1) * IMAGE;
        *hi = end < s->keys ? end : s->keys;
    }
}

static double dot(const float *a, const float *b, size_t n)
{
    double sum[4] = {0};
    for (size_t c = 0; c < n; c++)
        sum[c % 4] += (double)a[c] * b[c];
    return sum[0] + sum[1] + sum[2] + sum[3];
}

/* One query and head. p, o: scratch for the keys and for the sums. */
static void expected_row(float *out, const float *q, const float *k, const float *v, size_t ld,
                         size_t d, size_t lo, size_t hi, double *p, double *o)
{
    double max = -INFINITY, sum = 0;
    for (size_t j = lo; j < hi; j++) {
        p[j] = dot(q, k + j * ld, d);
        max = fmax(max, p[j]);
    }
    memset(o, 0, d * sizeof *o);
    for (size_t j = lo; j < hi; j++) {
        p[j] = exp(p[j] - max);
        sum += p[j];
        for (size_t c = 0; c < d; c++)
            o[c] += p[j] * v[j * ld + c];
    }
    for (size_t c = 0; c < d; c++)
        out[c] = (float)(o[c] / sum);
}

static void expected(float *out, const struct shape *s, const float *q, const float *k,
                     const float *v)
{
    const size_t d = s->dim, ldq = s->heads * d + PAD, ldk = s->kv_heads * d + PAD;
    double *p = calloc(s->keys, sizeof *p), *o = calloc(d, sizeof *o);
    assert_true(p && o);
    for (size_t i = 0; i < s->queries; i++) {
        size_t lo, hi;
        visible(s, i, &lo, &hi);
        for (size_t h = 0; h < s->heads; h++) {
            const size_t at = h * s->kv_heads / s->heads * d;
            expected_row(out + i * ldq + h * d, q + i * ldq + h * d, k + at, v + at, ldk, d, lo, hi,
                         p, o);
        }
    }
    free(p);
    free(o);
}

static float *run_shape(const struct g4_exec *exec, const void *ctx, size_t *n)
{
    const struct shape *s = ctx;
    const size_t ldq = s->heads * s->dim + PAD, ldk = s->kv_heads * s->dim + PAD;
    float *q = filled(s->queries * ldq, 1), *k = filled(s->keys * ldk, 2),
          *v = filled(s->keys * ldk, 3);
    float *out = floats(s->queries * ldq), *want = floats(s->queries * ldq);
    uint32_t *lo = calloc(s->queries, sizeof *lo), *hi = calloc(s->queries, sizeof *hi);
    uint16_t *k16 = s->bf16 ? as_bf16(k, s->keys * ldk) : NULL;
    uint16_t *v16 = s->bf16 ? as_bf16(v, s->keys * ldk) : NULL;
    assert_true(lo && hi);
    round_to_factors(exec->kernels, q, s->queries * ldq);
    round_to_factors(exec->kernels, k, s->keys * ldk);
    round_to_factors(exec->kernels, v, s->keys * ldk);
    for (size_t i = 0; i < s->queries; i++) {
        size_t from, to;
        visible(s, i, &from, &to);
        lo[i] = (uint32_t)from;
        hi[i] = (uint32_t)to;
    }
    const struct g4_attention a = {
        .heads = s->heads,
        .kv_heads = s->kv_heads,
        .head_dim = s->dim,
        .queries = s->queries,
        .q = q,
        .ldq = ldq,
        .keys = s->keys,
        .dtype = s->bf16 ? G4_DTYPE_BF16 : G4_DTYPE_F32,
        .k = s->bf16 ? (const void *)k16 : k,
        .v = s->bf16 ? (const void *)v16 : v,
        .ldk = ldk,
        .ldv = ldk,
        .lo = s->mask == ALL ? NULL : lo,
        .hi = s->mask == ALL ? NULL : hi,
        .out = out,
        .ldo = ldq,
    };
    expected(want, s, q, k, v);
    g4_attention(exec, &a);
    /* The scores are sums of dim products, and the error of a score is that of its weight; as a
     * factor of bf16 a weight is off by up to 2^-8 of itself. */
    const double factor = exec->kernels->float_products ? 0 : 1.0 / 256;
    assert_close(out, want, s->queries * ldq, 2e-6 + 3e-8 * (double)s->dim + factor, "out");
    free(q);
    free(k);
    free(v);
    free(want);
    free(lo);
    free(hi);
    free(k16);
    free(v16);
    *n = s->queries * ldq;
    return out;
}

static void test_shapes(void **state)
{
    static const struct shape shapes[] = {
        {1, 1, 1, 1, 1, ALL, false},          {2, 2, 64, 300, 300, ALL, false},
        {3, 1, 72, 20, 20, CAUSAL, true},     {8, 1, 16, 50, 300, CAUSAL, true},
        {8, 1, 24, 1, 700, CAUSAL, true},     {4, 2, 128, 3, 130, SLIDING, true},
        {4, 4, 24, 290, 290, SLIDING, false}, {4, 1, 40, 90, 120, BLOCK, true},
        {2, 1, 512, 140, 140, CAUSAL, true},  {1, 1, 1024, 70, 70, CAUSAL, false},
        {16, 2, 32, 1, 2500, ALL, true},      {2, 1, 20, 1, 5000, SLIDING, true},
        {8, 1, 256, 2, 4100, CAUSAL, true},   {5, 1, 8, 4, 6000, CAUSAL, false},
        {3, 3, 72, 600, 600, SLIDING, true},
    };
    (void)state;
    for (size_t i = 0; i < sizeof shapes / sizeof *shapes; i++)
        on_every_level(run_shape, &shapes[i]);
}

/* More keys than the shared scratch has room for as panels, of which bf16 takes half as much. */
static void test_long_shapes(void **state)
{
    static const struct shape shapes[] = {
        {1, 1, 1024, 65, 2049, ALL, false},    /* of one head, in float32 of none, at a time */
        {1, 1, 1024, 70, 2100, CAUSAL, false}, /* in float32 of a range of its keys */
        {3, 3, 1024, 65, 700, ALL, true},      /* in float32 of two heads */
    };
    (void)state;
    for (size_t i = 0; i < sizeof shapes / sizeof *shapes; i++)
        on_two_levels(run_shape, &shapes[i]);
}

/* Scores far beyond the range of exp: only differences from the maximum count. */
static float *run_large(const struct g4_exec *exec, const void *ctx, size_t *n)
{
    enum { KEYS = 600 };
    float *q = floats(2), *k = floats(2 * KEYS), *v = floats(2 * KEYS), *out = floats(2);
    (void)ctx;
    q[0] = 1000.0f;
    for (size_t i = 0; i < KEYS; i++) {
        k[2 * i] = (float)i - 300.0f; /* scores -300000 .. 299000 */
        v[2 * i] = (float)i;
        v[2 * i + 1] = 1.0f;
    }
    const struct g4_attention a = {
        .heads = 1,
        .kv_heads = 1,
        .head_dim = 2,
        .queries = 1,
        .q = q,
        .ldq = 2,
        .keys = KEYS,
        .dtype = G4_DTYPE_F32,
        .k = k,
        .v = v,
        .ldk = 2,
        .ldv = 2,
        .out = out,
        .ldo = 2,
    };
    g4_attention(exec, &a);
    assert_true(out[0] == KEYS - 1 && out[1] == 1.0f);
    free(q);
    free(k);
    free(v);
    *n = 2;
    return out;
}

static void test_large_scores(void **state)
{
    (void)state;
    on_every_level(run_large, NULL);
}

/* Attentions of all kinds in one go: what each makes alone. */
static float *run_together(const struct g4_exec *exec, const void *ctx, size_t *n)
{
    enum { COUNT = 40, DIM = 64, HEADS = 8, KEYS = 3000, QUERIES = 80, LD = HEADS * DIM };
    static const size_t queries[] = {1, QUERIES, 1, 0, 2, 1, QUERIES, QUERIES, 1, 1};
    static const size_t keys[] = {700, 90, 1, 50, KEYS, 2500, KEYS, 100};
    float *q = filled(QUERIES * LD, 1), *k = filled(KEYS * DIM, 2), *v = filled(KEYS * DIM, 3);
    float *alone = floats(QUERIES * LD), *together = floats(COUNT * QUERIES * LD);
    struct g4_attention jobs[COUNT];
    (void)ctx;
    for (size_t i = 0; i < COUNT; i++)
        jobs[i] = (struct g4_attention){
            .heads = HEADS,
            .kv_heads = 1,
            .head_dim = DIM,
            .queries = queries[i % (sizeof queries / sizeof *queries)],
            .q = q,
            .ldq = LD,
            .keys = keys[i % (sizeof keys / sizeof *keys)],
            .dtype = G4_DTYPE_F32,
            .k = k,
            .v = v,
            .ldk = DIM,
            .ldv = DIM,
            .out = together + i * QUERIES * LD,
            .ldo = LD,
        };
    g4_attention_all(exec, jobs, COUNT);
    for (size_t i = 0; i < COUNT; i++) {
        const size_t floats_out = jobs[i].queries * LD;
        jobs[i].out = alone;
        g4_attention(exec, &jobs[i]);
        assert_memory_equal(alone, together + i * QUERIES * LD, floats_out * sizeof *alone);
    }
    free(q);
    free(k);
    free(v);
    free(alone);
    *n = COUNT * QUERIES * LD;
    return together;
}

static void test_together(void **state)
{
    (void)state;
    on_every_level(run_together, NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_shapes),
        cmocka_unit_test(test_long_shapes),
        cmocka_unit_test(test_large_scores),
        cmocka_unit_test(test_together),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

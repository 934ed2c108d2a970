/*
 * test_kvcache.c - what a cache still holds after any sequence of passes, and what it costs.
 *
 * Keys stored at position p of layer l have the value p + l / 8, values its negative: whatever
 * comes out says where it came from.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "decoder/kvcache.h"

enum { LAYERS = 4, WINDOW = 7, CONTEXT = 500 };

/* Sliding, full, sliding that borrows, full that borrows. */
static struct g4_layer_config layers[LAYERS] = {
    {.head_dim = 4, .kv_heads = 2, .source = 0},
    {.full = true, .head_dim = 8, .kv_heads = 1, .source = 1},
    {.head_dim = 4, .kv_heads = 2, .source = 0},
    {.full = true, .head_dim = 8, .kv_heads = 1, .source = 1},
};
static const struct g4_text_config config = {
    .num_hidden_layers = LAYERS,
    .sliding_window = WINDOW,
    .layer = layers,
    .first_shared = 2,
};
static struct g4_exec exec;

static uint32_t next(uint32_t *state)
{
    *state = *state * 1664525u + 1013904223u;
    return *state >> 8;
}

static int open_exec(void **state)
{
    struct g4_err err;
    (void)state;
    return g4_exec_open(&exec, 2, &err);
}

static int close_exec(void **state)
{
    (void)state;
    g4_exec_close(&exec);
    return 0;
}

static float value_at(size_t layer, size_t p)
{
    return (float)p + (float)layer / 8;
}

static void run_pass(struct g4_kvcache *cache, size_t rows)
{
    float k[CONTEXT * 8], v[CONTEXT * 8];
    g4_kvcache_begin(cache, rows);
    for (size_t layer = 0; layer < 2; layer++) {
        for (size_t i = 0; i < rows * 8; i++) {
            k[i] = value_at(layer, cache->n + i / 8);
            v[i] = -k[i];
        }
        g4_kvcache_store(cache, &exec, layer, k, v);
    }
}

static void expect_row(const struct g4_kvcache *cache, size_t layer, size_t p)
{
    float row[8];
    for (int v = 0; v < 2; v++) {
        assert_true(g4_kvcache_row(cache, layer, v, p, row));
        for (int i = 0; i < 8; i++)
            assert_true(row[i] == (v ? -1 : 1) * value_at(layer, p));
    }
}

/* Inside a pass: the view shows every key that any of its queries may look at. */
static void expect_view(const struct g4_kvcache *cache)
{
    for (size_t layer = 0; layer < 2; layer++) {
        struct g4_kv_view view = g4_kvcache_view(cache, layer);
        size_t base = g4_kvcache_base(cache, layer == 1), end = cache->n + cache->pass;
        size_t needed = layer == 1 || cache->n < WINDOW ? 0 : cache->n - (WINDOW - 1);
        assert_int_equal(view.width, 8);
        assert_true(base <= needed);
        assert_int_equal(view.keys, end - base);
        const float *k = view.k, *v = view.v;
        for (size_t p = needed; p < end; p++) {
            assert_true(k[(p - base) * 8] == value_at(layer, p));
            assert_true(v[(p - base) * 8 + 7] == -value_at(layer, p));
        }
    }
}

static void holds_what_the_next_position_needs(void **state)
{
    (void)state;
    for (uint32_t seed = 1; seed <= 60; seed++) {
        uint32_t random = seed;
        size_t chunk = 1 + next(&random) % 20;
        struct g4_kvcache cache;
        struct g4_err err;
        assert_int_equal(g4_kvcache_open(&cache, &config, G4_DTYPE_F32, CONTEXT, chunk, &err), 0);
        while (cache.n < CONTEXT) {
            size_t rows = 1 + next(&random) % (seed % 5 == 0 ? 3 * chunk : chunk);
            if (rows > CONTEXT - cache.n)
                rows = CONTEXT - cache.n;
            assert_int_equal(g4_kvcache_reserve(&cache, cache.n + rows, rows, &err), 0);
            run_pass(&cache, rows);
            expect_view(&cache);
            g4_kvcache_end(&cache);
            size_t kept = cache.n < WINDOW - 1 ? cache.n : WINDOW - 1;
            for (size_t p = cache.n - kept; p < cache.n; p++)
                expect_row(&cache, 0, p);
            for (size_t p = 0; p < cache.n; p++)
                expect_row(&cache, 1, p);
        }
        g4_kvcache_close(&cache);
    }
}

static void answers_only_for_what_it_holds(void **state)
{
    (void)state;
    struct g4_kvcache cache;
    struct g4_err err;
    float row[8];
    assert_int_equal(g4_kvcache_open(&cache, &config, G4_DTYPE_F32, CONTEXT, 10, &err), 0);
    assert_int_equal(g4_kvcache_reserve(&cache, 40, 10, &err), 0);
    for (int i = 0; i < 4; i++) {
        run_pass(&cache, 10);
        g4_kvcache_end(&cache);
    }
    assert_false(g4_kvcache_row(&cache, 0, false, 0, row));  /* slid out */
    assert_false(g4_kvcache_row(&cache, 0, false, 40, row)); /* not there yet */
    assert_false(g4_kvcache_row(&cache, 2, false, 39, row)); /* borrows */
    assert_true(g4_kvcache_row(&cache, 1, false, 0, row));
    g4_kvcache_reset(&cache);
    assert_false(g4_kvcache_row(&cache, 1, false, 0, row));
    run_pass(&cache, 3);
    g4_kvcache_end(&cache);
    expect_row(&cache, 0, 0);
    g4_kvcache_close(&cache);
    g4_kvcache_close(&cache);
}

static void bf16_rounds_to_nearest(void **state)
{
    (void)state;
    struct g4_kvcache cache;
    struct g4_err err;
    float k[8], row[8];
    for (int i = 0; i < 8; i++)
        k[i] = 1.0f + (float)i / 512; /* the format's steps here are 1/128 */
    assert_int_equal(g4_kvcache_open(&cache, &config, G4_DTYPE_BF16, CONTEXT, 1, &err), 0);
    g4_kvcache_begin(&cache, 1);
    g4_kvcache_store(&cache, &exec, 0, k, k);
    g4_kvcache_end(&cache);
    assert_true(g4_kvcache_row(&cache, 0, true, 0, row));
    const float expected[] = {0, 0, 0, 1, 1, 1, 2, 2}; /* ties to even: 2/4 down, 6/4 up */
    for (int i = 0; i < 8; i++)
        assert_true(row[i] == 1.0f + expected[i] / 128);
    g4_kvcache_close(&cache);
}

static void impossible_growth_leaves_the_rest_usable(void **state)
{
    (void)state;
    struct g4_kvcache cache;
    struct g4_err err;
    assert_int_equal(g4_kvcache_open(&cache, &config, G4_DTYPE_F32, SIZE_MAX / 2, 4, &err), 0);
    assert_int_equal(g4_kvcache_reserve(&cache, 4, 4, &err), 0);
    run_pass(&cache, 4);
    g4_kvcache_end(&cache);
    assert_int_equal(g4_kvcache_reserve(&cache, SIZE_MAX / 4, 4, &err), G4_ENOMEM);
    assert_non_null(strstr(err.text, "key/value cache"));
    expect_row(&cache, 0, 3);
    expect_row(&cache, 1, 0);
    assert_int_equal(g4_kvcache_reserve(&cache, 5, 1, &err), 0);
    run_pass(&cache, 1);
    g4_kvcache_end(&cache);
    expect_row(&cache, 1, 4);
    g4_kvcache_close(&cache);
}

/* Released sizes: positions cost nkv * d per owning layer, the sliding ones at most the window. */
static void bytes_of_released_models(void **state)
{
    (void)state;
    static const struct {
        size_t window, sliding, full, sliding_width, full_width, mib_4096, mib_131072;
    } models[] = {
        {512, 12, 3, 256, 512, 30, 774},         /* E2B */
        {512, 20, 4, 512, 1024, 84, 2068},       /* E4B */
        {1024, 40, 8, 2048, 512, 384, 2368},     /* 12B */
        {1024, 25, 5, 2048, 1024, 280, 2760},    /* 26B-A4B */
        {1024, 50, 10, 4096, 2048, 1120, 11040}, /* 31B */
    };
    for (size_t m = 0; m < sizeof models / sizeof models[0]; m++) {
        struct g4_layer_config layer[61];
        size_t owners = models[m].sliding + models[m].full;
        for (size_t i = 0; i < owners; i++) {
            bool full = i >= models[m].sliding;
            layer[i] = (struct g4_layer_config){
                .full = full,
                .kv_heads = 1,
                .source = i,
                .head_dim = full ? models[m].full_width : models[m].sliding_width,
            };
        }
        layer[owners] = (struct g4_layer_config){.full = true, .kv_heads = 1, .head_dim = 512};
        const struct g4_text_config text = {.num_hidden_layers = owners + 1,
                                            .layer = layer,
                                            .sliding_window = models[m].window};
        assert_int_equal(g4_kvcache_bytes(&text, G4_DTYPE_BF16, 4096) >> 20, models[m].mib_4096);
        assert_int_equal(g4_kvcache_bytes(&text, G4_DTYPE_BF16, 131072) >> 20,
                         models[m].mib_131072);
        assert_int_equal(g4_kvcache_bytes(&text, G4_DTYPE_F32, 4096) >> 20, 2 * models[m].mib_4096);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(holds_what_the_next_position_needs),
        cmocka_unit_test(answers_only_for_what_it_holds),
        cmocka_unit_test(bf16_rounds_to_nearest),
        cmocka_unit_test(impossible_growth_leaves_the_rest_usable),
        cmocka_unit_test(bytes_of_released_models),
    };
    return cmocka_run_group_tests(tests, open_exec, close_exec);
}

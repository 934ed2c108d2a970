/* test_tower.c - the vision tower: how many patches go through the feed-forward together is a
 * question of memory alone.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "encoders/vision/tower.h"

enum { GRID_W = 12, GRID_H = 15, TOKENS = 20 };

static void open_model(struct g4_model *model)
{
    const char *top = getenv("G4_TOP");
    char path[4096];
    struct g4_err err = {0};
    snprintf(path, sizeof path, "%s/tests/data/golden/vision-small", top ? top : ".");
    if (g4_model_open(model, path, NULL, &err) < 0)
        fail_msg("%s", err.text);
}

static void fill(float *x, size_t n)
{
    uint32_t state = 5;
    for (size_t i = 0; i < n; i++) {
        state = state * 1664525u + 1013904223u;
        x[i] = (float)(state >> 8) / 16777216.0f;
    }
}

static void lay_out(struct g4_arena *arena, struct g4_tower_plan *plan,
                    const struct g4_vision_config *config, size_t grid_w, size_t grid_h)
{
    g4_arena_release(arena);
    g4_tower_plan(plan, arena, config, grid_w, grid_h);
    assert_int_equal(g4_arena_alloc(arena, "a test", NULL), 0);
    g4_tower_plan(plan, arena, config, grid_w, grid_h);
}

static void parts_of_the_patches(void **state)
{
    (void)state;
    struct g4_model model;
    struct g4_exec exec;
    struct g4_vision_weights weights;
    struct g4_arena arena = {0};
    struct g4_tower_plan plan;
    open_model(&model);
    const struct g4_vision_config *config = &model.config.vision;
    assert_int_equal(g4_exec_open(&exec, 2, NULL), 0);
    assert_int_equal(g4_vision_weights_bind(&weights, &model, NULL), 0);
    const size_t bytes = TOKENS * config->hidden_size * sizeof(float);
    float *whole = malloc(bytes);
    assert_non_null(whole);

    const size_t n = (size_t)GRID_W * GRID_H;
    const size_t rows[] = {n, 90, 50}; /* all at once, halves, a shorter last part */
    for (size_t i = 0; i < 3; i++) {
        lay_out(&arena, &plan, config, GRID_W, GRID_H);
        assert_int_equal(plan.ff_rows, n);
        plan.ff_rows = rows[i];
        fill(plan.patches, n * config->patch_size * config->patch_size * 3);
        const float *out = g4_tower_run(&exec, config, &weights, &plan, NULL);
        if (i == 0)
            memcpy(whole, out, bytes);
        else
            assert_memory_equal(out, whole, bytes);
    }
    free(whole);
    g4_arena_release(&arena);
    g4_vision_weights_release(&weights);
    g4_exec_close(&exec);
    g4_model_close(&model);
}

/* The memory of a large picture grows with its patches, and no faster. */
static void memory_grows_with_the_patches(void **state)
{
    (void)state;
    struct g4_model model;
    struct g4_tower_plan plan;
    size_t used[2];
    open_model(&model);
    for (size_t i = 0; i < 2; i++) {
        struct g4_arena arena = {0};
        g4_tower_plan(&plan, &arena, &model.config.vision, 60, i == 0 ? 42 : 168);
        used[i] = arena.used;
        assert_true(plan.ff_rows < plan.n / 2 + 2);
    }
    assert_in_range(used[1], 3 * used[0], 4 * used[0] + 4096);
    g4_model_close(&model);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(parts_of_the_patches),
        cmocka_unit_test(memory_grows_with_the_patches),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

/* test_vision.c - the encoder's interface on the small models: refusals, reuse, threads, identity.
 */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "encoders/vision/resize.h"
#include "encoders/vision/vision_encoder.h"

static const char *const models[] = {"vision-small", "vision-large", "unified-12b"};

struct fixture {
    struct g4_exec exec;
    struct g4_model model;
    struct g4_vision_encoder *encoder;
};

static void open_model(struct g4_model *model, const char *name)
{
    const char *top = getenv("G4_TOP");
    char path[4096];
    struct g4_err err = {0};
    snprintf(path, sizeof path, "%s/tests/data/golden/%s", top ? top : ".", name);
    if (g4_model_open(model, path, NULL, &err) < 0)
        fail_msg("%s", err.text);
}

static void open_fixture(struct fixture *f, const char *name, int threads)
{
    struct g4_err err = {0};
    memset(f, 0, sizeof *f);
    open_model(&f->model, name);
    assert_int_equal(g4_exec_open(&f->exec, threads, NULL), 0);
    if (g4_vision_encoder_open(&f->encoder, &f->model, &f->exec, &err) < 0)
        fail_msg("%s", err.text);
}

static void close_fixture(struct fixture *f)
{
    g4_vision_encoder_close(f->encoder);
    g4_model_close(&f->model);
    g4_exec_close(&f->exec);
}

static struct g4_image noise(size_t w, size_t h)
{
    struct g4_image image;
    uint32_t state = 3;
    assert_int_equal(g4_image_new(&image, w, h, NULL), 0);
    for (size_t i = 0; i < w * h * 3; i++) {
        state = state * 1664525u + 1013904223u;
        image.rgb[i] = (uint8_t)(state >> 24);
    }
    return image;
}

static float *encode(struct fixture *f, const struct g4_image *image, long budget, size_t *bytes)
{
    struct g4_vision_plan plan;
    struct g4_err err = {0};
    if (g4_vision_encoder_load(f->encoder, image, budget, &plan, &err) < 0)
        fail_msg("%s", err.text);
    assert_int_equal(plan.grid_w * plan.grid_h, plan.rows);
    assert_int_equal(plan.grid_w * 48, plan.width);
    assert_int_equal(plan.grid_h * 48, plan.height);
    assert_true(plan.rows <= (size_t)budget);
    *bytes = plan.rows * g4_vision_encoder_width(f->encoder) * sizeof(float);
    float *rows = malloc(*bytes);
    assert_non_null(rows);
    g4_vision_encoder_run(f->encoder, rows, NULL);
    for (size_t i = 0; i < *bytes / sizeof(float); i++)
        assert_true(isfinite(rows[i]));
    return rows;
}

static void any_number_of_threads(void **state)
{
    (void)state;
    struct g4_image image = noise(200, 120);
    for (size_t m = 0; m < 3; m++) {
        float *first = NULL;
        for (int threads = 1; threads <= 3; threads++) {
            struct fixture f;
            size_t bytes;
            open_fixture(&f, models[m], threads);
            float *rows = encode(&f, &image, 70, &bytes);
            if (first) {
                assert_memory_equal(rows, first, bytes);
                free(rows);
            } else {
                first = rows;
            }
            close_fixture(&f);
        }
        free(first);
    }
    g4_image_release(&image);
}

/* What was encoded before, larger or smaller, leaves no trace. */
static void one_after_another(void **state)
{
    (void)state;
    struct g4_image image = noise(150, 100), other = noise(100, 200);
    for (size_t m = 0; m < 3; m++) {
        struct fixture f;
        size_t bytes, ignored;
        open_fixture(&f, models[m], 2);
        float *first = encode(&f, &image, 70, &bytes);
        free(encode(&f, &other, 140, &ignored));
        float *again = encode(&f, &image, 70, &bytes);
        assert_memory_equal(first, again, bytes);
        free(first);
        free(again);
        close_fixture(&f);
    }
    g4_image_release(&image);
    g4_image_release(&other);
}

/* A picture that was resized while it was read goes in as it is. */
static void fitted_before(void **state)
{
    (void)state;
    struct g4_image image = noise(333, 100), resized;
    struct fixture f;
    size_t bytes, w, h;
    open_fixture(&f, "vision-small", 2);
    float *expected = encode(&f, &image, 70, &bytes);
    assert_int_equal(g4_target_size(image.width, image.height, 70, &w, &h, NULL), 0);
    assert_int_equal(g4_resize(f.exec.pool, &resized, &image, w, h, NULL), 0);
    resized.fitted = 70;
    float *got = encode(&f, &resized, 70, &bytes);
    assert_memory_equal(got, expected, bytes);
    free(expected);
    free(got);
    close_fixture(&f);
    g4_image_release(&image);
    g4_image_release(&resized);
}

static void beyond_the_table(void **state)
{
    (void)state;
    struct g4_image strip = noise(600, 4);
    struct g4_vision_plan plan;
    struct g4_err err = {0};
    struct fixture f;
    open_fixture(&f, "vision-small", 1); /* its table has 256 positions */
    assert_int_equal(g4_vision_encoder_load(f.encoder, &strip, 1120, &plan, &err), G4_EUNSUPPORTED);
    assert_non_null(strstr(err.text, "256 positions"));
    assert_int_equal(g4_vision_encoder_load(f.encoder, &strip, 100, &plan, &err), G4_EUSAGE);
    assert_non_null(strstr(err.text, "100"));
    close_fixture(&f);
    g4_image_release(&strip);
}

static void a_model_without_eyes(void **state)
{
    (void)state;
    struct g4_model model;
    struct g4_exec exec;
    struct g4_vision_encoder *encoder;
    struct g4_err err = {0};
    open_model(&model, "audio-e2b");
    assert_int_equal(g4_exec_open(&exec, 1, NULL), 0);
    assert_int_equal(g4_vision_encoder_open(&encoder, &model, &exec, &err), G4_EUNSUPPORTED);
    assert_null(encoder);
    assert_non_null(strstr(err.text, "no vision input"));
    g4_exec_close(&exec);
    g4_model_close(&model);
}

static void odd_configurations(void **state)
{
    (void)state;
    struct g4_model model;
    struct g4_exec exec;
    struct g4_vision_encoder *encoder;
    struct g4_err err = {0};
    assert_int_equal(g4_exec_open(&exec, 1, NULL), 0);
    open_model(&model, "vision-small");
    const struct g4_vision_config good = model.config.vision;

    model.config.vision.pooling_kernel_size = 2;
    assert_int_equal(g4_vision_encoder_open(&encoder, &model, &exec, &err), G4_EUNSUPPORTED);
    assert_non_null(strstr(err.text, "pooling_kernel_size 2"));
    model.config.vision = good;
    model.config.vision.head_dim = 18;
    assert_int_equal(g4_vision_encoder_open(&encoder, &model, &exec, &err), G4_EUNSUPPORTED);
    assert_non_null(strstr(err.text, "head_dim is 18"));
    model.config.vision = good;
    model.config.vision.num_hidden_layers = 4; /* one more than the file has */
    assert_int_equal(g4_vision_encoder_open(&encoder, &model, &exec, &err), G4_EINPUT);
    assert_non_null(strstr(err.text, "model.vision_tower.encoder.layers.3"));
    model.config.vision = good;
    model.config.vision.intermediate_size++;
    assert_int_equal(g4_vision_encoder_open(&encoder, &model, &exec, &err), G4_EINPUT);
    assert_non_null(strstr(err.text, "shape"));
    assert_null(encoder);
    g4_model_close(&model);
    g4_exec_close(&exec);
}

static void identity(void **state)
{
    (void)state;
    uint8_t id[3][G4_ID_BYTES], again[G4_ID_BYTES];
    for (size_t m = 0; m < 3; m++) {
        struct fixture f;
        open_fixture(&f, models[m], 1);
        assert_int_equal(g4_vision_encoder_id(f.encoder, id[m], NULL), 0);
        assert_int_equal(g4_vision_encoder_id(f.encoder, again, NULL), 0);
        assert_memory_equal(id[m], again, G4_ID_BYTES);
        for (size_t k = 0; k < m; k++)
            assert_memory_not_equal(id[m], id[k], G4_ID_BYTES);
        close_fixture(&f);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(any_number_of_threads),
        cmocka_unit_test(one_after_another),
        cmocka_unit_test(fitted_before),
        cmocka_unit_test(beyond_the_table),
        cmocka_unit_test(a_model_without_eyes),
        cmocka_unit_test(odd_configurations),
        cmocka_unit_test(identity),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

/* test_audio_encoder.c - the encoder's interface on the small models: limits, reuse, identity. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "encoders/audio/audio_encoder.h"

struct fixture {
    struct g4_exec exec;
    struct g4_model model;
    struct g4_audio_encoder *encoder;
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
    if (g4_audio_encoder_open(&f->encoder, &f->model, &f->exec, &err) < 0)
        fail_msg("%s", err.text);
}

static void close_fixture(struct fixture *f)
{
    g4_audio_encoder_close(f->encoder);
    g4_model_close(&f->model);
    g4_exec_close(&f->exec);
}

static float *noise(size_t n)
{
    uint32_t state = 5;
    float *samples = malloc(n * sizeof *samples);
    assert_non_null(samples);
    for (size_t i = 0; i < n; i++) {
        state = state * 1664525u + 1013904223u;
        samples[i] = (float)(state >> 8) / 33554432.0f - 0.25f;
    }
    return samples;
}

static float *encode(struct fixture *f, const float *samples, size_t n, size_t *bytes)
{
    *bytes = g4_audio_encoder_rows(f->encoder, n) * g4_audio_encoder_width(f->encoder);
    *bytes *= sizeof(float);
    float *rows = malloc(*bytes);
    assert_non_null(rows);
    assert_int_equal(g4_audio_encoder_plan(f->encoder, n, NULL), 0);
    g4_audio_encoder_run(f->encoder, rows, samples, n, NULL);
    return rows;
}

static void a_model_without_ears(void **state)
{
    (void)state;
    struct fixture f = {0};
    struct g4_err err = {0};
    open_model(&f.model, "vision-small");
    assert_int_equal(g4_exec_open(&f.exec, 1, NULL), 0);
    assert_int_equal(g4_audio_encoder_open(&f.encoder, &f.model, &f.exec, &err), G4_EUNSUPPORTED);
    assert_string_equal(err.text, "model 'vision-small' takes no audio");
    assert_null(f.encoder);
    close_fixture(&f);
}

static void at_most_30_seconds(void **state)
{
    (void)state;
    struct fixture f;
    struct g4_err err = {0};
    open_fixture(&f, "audio-e2b", 1);
    assert_int_equal(g4_audio_encoder_shortest(f.encoder), 161);
    assert_int_equal(g4_audio_encoder_rows(f.encoder, 160), 0);
    assert_int_equal(g4_audio_encoder_rows(f.encoder, 161), 1);
    assert_int_equal(g4_audio_encoder_rows(f.encoder, 480000), 750);
    assert_int_equal(g4_audio_encoder_plan(f.encoder, 480001, &err), G4_ELIMIT);
    assert_string_equal(err.text, "480001 samples of sound at once: the model takes 480000 (30 s)");
    assert_int_equal(g4_audio_encoder_plan(f.encoder, 480000, &err), 0);
    close_fixture(&f);
}

static void raw_samples_have_no_such_limit(void **state)
{
    (void)state;
    struct fixture f;
    open_fixture(&f, "unified-12b", 1);
    assert_int_equal(g4_audio_encoder_shortest(f.encoder), 1);
    assert_int_equal(g4_audio_encoder_rows(f.encoder, 0), 0);
    assert_int_equal(g4_audio_encoder_rows(f.encoder, 1), 1);
    assert_int_equal(g4_audio_encoder_rows(f.encoder, 640), 1);
    assert_int_equal(g4_audio_encoder_rows(f.encoder, 641), 2);
    assert_int_equal(g4_audio_encoder_plan(f.encoder, 960000, NULL), 0);
    close_fixture(&f);
}

/* What an encoder did before must not show in what it does next. */
static void reuse(void **state)
{
    (void)state;
    const char *const models[] = {"audio-e2b", "unified-12b"};
    const size_t longest = 50000, shortest = 5001;
    float *samples = noise(longest);
    for (size_t m = 0; m < 2; m++) {
        struct fixture f;
        size_t bytes, many;
        open_fixture(&f, models[m], 2);
        float *first = encode(&f, samples, shortest, &bytes);
        float *other = encode(&f, samples, longest, &many);
        float *again = encode(&f, samples, shortest, &bytes);
        assert_true(many > bytes);
        assert_memory_equal(first, again, bytes);
        free(first);
        free(other);
        free(again);
        close_fixture(&f);
    }
    free(samples);
}

static void threads_do_not_matter(void **state)
{
    (void)state;
    const char *const models[] = {"audio-e2b", "unified-12b"};
    const size_t n = 100000;
    float *samples = noise(n);
    for (size_t m = 0; m < 2; m++) {
        float *one = NULL;
        for (int threads = 1; threads <= 4; threads++) {
            struct fixture f;
            size_t bytes;
            open_fixture(&f, models[m], threads);
            float *rows = encode(&f, samples, n, &bytes);
            if (one)
                assert_memory_equal(one, rows, bytes);
            close_fixture(&f);
            if (one)
                free(rows);
            else
                one = rows;
        }
        free(one);
    }
    free(samples);
}

static void identity(void **state)
{
    (void)state;
    uint8_t id[3][G4_ID_BYTES];
    const uint8_t zero[G4_ID_BYTES] = {0};
    const char *const models[] = {"audio-e2b", "audio-e2b", "unified-12b"};
    for (size_t i = 0; i < 3; i++) {
        struct fixture f;
        open_fixture(&f, models[i], 1);
        assert_int_equal(g4_audio_encoder_id(f.encoder, id[i], NULL), 0);
        assert_memory_not_equal(id[i], zero, G4_ID_BYTES);
        close_fixture(&f);
    }
    assert_memory_equal(id[0], id[1], G4_ID_BYTES);
    assert_memory_not_equal(id[0], id[2], G4_ID_BYTES);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_model_without_ears),           cmocka_unit_test(at_most_30_seconds),
        cmocka_unit_test(raw_samples_have_no_such_limit), cmocka_unit_test(reuse),
        cmocka_unit_test(threads_do_not_matter),          cmocka_unit_test(identity),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

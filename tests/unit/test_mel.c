/* test_mel.c - features against a direct transform, and the counts around every border. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "encoders/audio/mel.h"

enum { MELS = G4_AUDIO_MELS };

static const double PI = 3.14159265358979323846;

static float *features_of(const float *samples, size_t n, int threads)
{
    struct g4_mel *mel;
    struct g4_pool *pool;
    assert_int_equal(g4_mel_open(&mel, threads, NULL), 0);
    assert_int_equal(g4_pool_new(&pool, threads, NULL), 0);
    float *features = malloc((g4_mel_frames(n) * MELS + 1) * sizeof *features);
    assert_non_null(features);
    g4_mel_run(mel, pool, features, samples, n);
    g4_pool_free(pool);
    g4_mel_close(mel);
    return features;
}

static float *noise(size_t n)
{
    uint32_t state = 1;
    float *samples = malloc(n * sizeof *samples);
    assert_non_null(samples);
    for (size_t i = 0; i < n; i++) {
        state = state * 1664525u + 1013904223u;
        samples[i] = (float)((double)state / 4294967296.0 - 0.5);
    }
    return samples;
}

static void counts(void **state)
{
    (void)state;
    const size_t samples[] = {0,   1,   159, 160,  161,  320,   321,   480,    481,    640,
                              641, 800, 801, 1600, 1601, 16000, 51360, 479999, 480000, 480001};
    const size_t frames[] = {0, 0, 0, 0, 1,  1,  2,   2,    3,    3,
                             4, 4, 5, 9, 10, 99, 320, 2999, 2999, 3000};
    const size_t tokens[] = {0, 0, 0, 0, 1, 1, 1, 1, 1, 1, 1, 1, 2, 3, 3, 25, 80, 750, 750, 750};
    for (size_t i = 0; i < sizeof samples / sizeof *samples; i++) {
        assert_int_equal(g4_mel_frames(samples[i]), frames[i]);
        assert_int_equal(g4_audio_tokens(samples[i]), tokens[i]);
    }
    assert_int_equal(G4_AUDIO_MIN_SAMPLES, 161);
}

static void silence_is_the_floor(void **state)
{
    (void)state;
    const float samples[1000] = {0};
    float *features = features_of(samples, 1000, 1);
    for (size_t i = 0; i < g4_mel_frames(1000) * MELS; i++)
        assert_true(features[i] == (float)log(0.001));
    free(features);
}

/* Magnitude of line k of frame t, summed directly. */
static double direct_line(const float *samples, size_t t, int k)
{
    double re = 0, im = 0;
    for (int j = 0; j < 320; j++) {
        long at = (long)t * 160 - 160 + j;
        double x = at < 0 ? 0.0 : (double)samples[at];
        double y = x * (0.5 - 0.5 * cos(2 * PI * j / 320));
        re += y * cos(2 * PI * (j * k % 512) / 512);
        im -= y * sin(2 * PI * (j * k % 512) / 512);
    }
    return hypot(re, im);
}

static double direct_feature(const float *samples, size_t t, int b)
{
    double edge[3], sum = 0;
    for (int i = 0; i < 3; i++)
        edge[i] = 700 * (pow(10, 2595 * log10(1 + 8000 / 700.0) * (b + i) / 129 / 2595) - 1);
    for (int k = 0; k <= 256; k++) {
        double hz = 31.25 * k, weight = 0;
        if (hz > edge[0] && hz <= edge[1])
            weight = (hz - edge[0]) / (edge[1] - edge[0]);
        else if (hz > edge[1] && hz < edge[2])
            weight = (edge[2] - hz) / (edge[2] - edge[1]);
        if (weight > 0)
            sum += weight * direct_line(samples, t, k);
    }
    return log(sum + 0.001);
}

static void equals_a_direct_transform(void **state)
{
    (void)state;
    const size_t n = 161 + 3 * 160;
    float *samples = noise(n);
    float *features = features_of(samples, n, 1);
    assert_int_equal(g4_mel_frames(n), 4);
    for (size_t t = 0; t < 4; t++)
        for (int b = 0; b < MELS; b++)
            assert_true(fabs((double)features[t * MELS + (size_t)b] -
                             direct_feature(samples, t, b)) < 1e-6);
    assert_true(features[0] == (float)log(0.001)); /* bin 0 lies between two lines */
    free(features);
    free(samples);
}

/* The sample behind a frame decides whether the frame counts, not what it holds. */
static void the_last_sample_has_no_value(void **state)
{
    (void)state;
    float *samples = noise(481);
    float *before = features_of(samples, 481, 1);
    samples[480] = 1.0f;
    float *after = features_of(samples, 481, 1);
    assert_memory_equal(before, after, 3 * MELS * sizeof *before);
    free(before);
    free(after);
    free(samples);
}

static void threads_do_not_matter(void **state)
{
    (void)state;
    const size_t n = 48123;
    float *samples = noise(n);
    float *one = features_of(samples, n, 1);
    for (int threads = 2; threads <= 4; threads++) {
        float *many = features_of(samples, n, threads);
        assert_memory_equal(one, many, g4_mel_frames(n) * MELS * sizeof *one);
        free(many);
    }
    free(one);
    free(samples);
}

static void too_short_writes_nothing(void **state)
{
    (void)state;
    const float samples[160] = {0};
    float *features = features_of(samples, 160, 2);
    free(features);
    g4_mel_close(NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(counts),
        cmocka_unit_test(silence_is_the_floor),
        cmocka_unit_test(equals_a_direct_transform),
        cmocka_unit_test(the_last_sample_has_no_value),
        cmocka_unit_test(threads_do_not_matter),
        cmocka_unit_test(too_short_writes_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

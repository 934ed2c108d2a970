/* test_segment.c - clips tile the sound: nothing lost, nothing twice, nothing too short. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "encoders/audio/segment.h"

enum { WINDOW = 1000, SHORTEST = 161 };

/* A sound whose sample i is i, handed out in portions of at most `portion`. */
struct sound {
    size_t length, at, portion;
    size_t fails_at; /* an error instead of this sample; SIZE_MAX: none */
    unsigned calls_after_end;
    int ended;
};

static int read_sound(void *ctx, float *out, size_t cap, size_t *got, struct g4_err *err)
{
    struct sound *sound = ctx;
    assert_true(cap > 0);
    sound->calls_after_end += sound->ended != 0;
    if (sound->at >= sound->fails_at)
        return g4_err_set(err, G4_EINPUT, "the sound is broken");
    size_t n = sound->length - sound->at;
    n = n < cap ? n : cap;
    n = n < sound->portion ? n : sound->portion;
    for (size_t i = 0; i < n; i++)
        out[i] = (float)(sound->at + i);
    sound->at += n;
    sound->ended = n == 0;
    *got = n;
    return 0;
}

static struct g4_segmenter *open_on(struct sound *sound, enum g4_split split)
{
    struct g4_segmenter *segmenter;
    assert_int_equal(
        g4_segmenter_open(&segmenter, split, WINDOW, SHORTEST, read_sound, sound, NULL), 0);
    return segmenter;
}

/* Cuts a sound of n samples and checks the tiling. Returns the number of clips; *last: the length
 * of the last one. */
static size_t tile(size_t n, size_t portion, size_t *last)
{
    struct sound sound = {.length = n, .portion = portion, .fails_at = SIZE_MAX};
    struct g4_segmenter *segmenter = open_on(&sound, G4_SPLIT_FIXED);
    struct g4_clip clip;
    size_t position = 0, clips = 0;
    *last = 0;
    for (;;) {
        assert_int_equal(g4_segmenter_next(segmenter, &clip, NULL), 0);
        if (clip.count == 0)
            break;
        assert_int_equal(clip.start, position);
        assert_int_equal(clip.index, clips);
        assert_true(clip.count <= WINDOW);
        assert_true(clip.count >= SHORTEST || n < SHORTEST);
        for (size_t i = 0; i < clip.count; i++)
            assert_true(clip.samples[i] == (float)(position + i));
        position += clip.count;
        clips++;
        *last = clip.count;
        assert_int_equal(clip.more, position < n);
    }
    assert_int_equal(position, n);
    assert_int_equal(g4_segmenter_next(segmenter, &clip, NULL), 0);
    assert_int_equal(clip.count, 0);
    assert_int_equal(sound.calls_after_end, 0);
    g4_segmenter_close(segmenter);
    return clips;
}

static void fixed_windows(void **state)
{
    (void)state;
    size_t last;
    assert_int_equal(tile(0, 100, &last), 0);
    assert_int_equal(tile(1, 100, &last), 1);
    assert_int_equal(tile(160, 100, &last), 1);
    assert_int_equal(tile(999, 7, &last), 1);
    assert_int_equal(tile(1000, 4096, &last), 1);
    assert_int_equal(tile(1161, 4096, &last), 2);
    assert_int_equal(last, 161);
    assert_int_equal(tile(3500, 333, &last), 4);
    assert_int_equal(last, 500);
    assert_int_equal(tile(4000, 1, &last), 4);
    assert_int_equal(last, 1000);
}

/* A rest of 1..160 samples takes 160 from the window before it. */
static void short_rest_is_made_long_enough(void **state)
{
    (void)state;
    size_t last;
    for (size_t rest = 1; rest < SHORTEST; rest++) {
        assert_int_equal(tile(WINDOW + rest, 97, &last), 2);
        assert_int_equal(last, rest + SHORTEST - 1);
        assert_int_equal(tile(3 * WINDOW + rest, 5000, &last), 4);
        assert_int_equal(last, rest + SHORTEST - 1);
    }
}

static void none_takes_the_first_window(void **state)
{
    (void)state;
    const size_t lengths[] = {999, 1000, 1001, 1e6};
    for (size_t i = 0; i < 4; i++) {
        struct sound sound = {.length = lengths[i], .portion = 64, .fails_at = SIZE_MAX};
        struct g4_segmenter *segmenter = open_on(&sound, G4_SPLIT_NONE);
        struct g4_clip clip;
        assert_int_equal(g4_segmenter_next(segmenter, &clip, NULL), 0);
        assert_int_equal(clip.start, 0);
        assert_int_equal(clip.count, lengths[i] < WINDOW ? lengths[i] : WINDOW);
        assert_int_equal(clip.more, lengths[i] > WINDOW);
        assert_true(sound.at <= WINDOW + SHORTEST); /* what is not wanted is not read */
        assert_int_equal(g4_segmenter_next(segmenter, &clip, NULL), 0);
        assert_int_equal(clip.count, 0);
        g4_segmenter_close(segmenter);
    }
}

static void errors_of_the_sound(void **state)
{
    (void)state;
    struct sound sound = {.length = 5000, .portion = 100, .fails_at = 2500};
    struct g4_segmenter *segmenter = open_on(&sound, G4_SPLIT_FIXED);
    struct g4_clip clip;
    struct g4_err err = {0};
    assert_int_equal(g4_segmenter_next(segmenter, &clip, &err), 0);
    assert_int_equal(g4_segmenter_next(segmenter, &clip, &err), 0);
    assert_int_equal(clip.start, 1000);
    assert_int_equal(g4_segmenter_next(segmenter, &clip, &err), G4_EINPUT);
    assert_string_equal(err.text, "the sound is broken");
    assert_int_equal(g4_segmenter_next(segmenter, &clip, &err), 0);
    assert_int_equal(clip.count, 0);
    g4_segmenter_close(segmenter);
}

static void windows_that_cannot_be(void **state)
{
    (void)state;
    struct sound sound = {.portion = 1, .fails_at = SIZE_MAX};
    struct g4_segmenter *segmenter;
    struct g4_err err = {0};
    assert_int_equal(g4_segmenter_open(&segmenter, G4_SPLIT_FIXED, 2 * SHORTEST - 1, SHORTEST,
                                       read_sound, &sound, &err),
                     G4_EUSAGE);
    assert_null(segmenter);
    assert_string_equal(err.text, "a window of 0.0200625 s is too short: at least 0.020125 s");
    assert_int_equal(g4_segmenter_open(&segmenter, G4_SPLIT_FIXED, SIZE_MAX / 4, SHORTEST,
                                       read_sound, &sound, &err),
                     G4_ENOMEM);
    assert_null(segmenter);
    g4_segmenter_close(NULL);
}

static void times(void **state)
{
    (void)state;
    assert_int_equal(g4_sample_us(0), 0);
    assert_int_equal(g4_sample_us(1), 63); /* 62.5 */
    assert_int_equal(g4_sample_us(2), 125);
    assert_int_equal(g4_sample_us(480000), 30000000);
    assert_int_equal(g4_sample_us(16000ull * 86400), 86400000000ull);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(fixed_windows),
        cmocka_unit_test(short_rest_is_made_long_enough),
        cmocka_unit_test(none_takes_the_first_window),
        cmocka_unit_test(errors_of_the_sound),
        cmocka_unit_test(windows_that_cannot_be),
        cmocka_unit_test(times),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

/* test_video_sample.c - which frame a sample shows, whole and while frames arrive. */
#include <limits.h>
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "encoders/video/video_sample.h"

enum { MOST = 64 };

struct picks {
    double time[MOST];
    long frame[MOST];
    long count;
};

static void take(struct picks *picks, const struct g4_video_rule *rule, long first, long n,
                 long frame)
{
    for (long k = first; k < first + n; k++) {
        assert_true(picks->count < MOST);
        assert_int_equal(k, picks->count);
        picks->time[k] = g4_video_time(rule, k);
        picks->frame[picks->count++] = frame;
    }
}

/* The whole rule over a list of frame times. */
static void run(struct picks *picks, const struct g4_video_rule *rule, const double *times, long n)
{
    struct g4_video_sampler sampler;
    long first;
    picks->count = 0;
    g4_video_sampler_init(&sampler, rule);
    for (long i = 0; i < n; i++) {
        long settled = g4_video_sampler_frame(&sampler, times[i], &first);
        take(picks, rule, first, settled, i - 1);
    }
    double duration = g4_video_duration(sampler.prev, sampler.last, sampler.frames, rule->fps);
    long rest = g4_video_sampler_end(&sampler, duration, &first);
    take(picks, rule, first, rest, n - 1);
}

static struct g4_video_rule clock_rule(long count)
{
    return (struct g4_video_rule){.end = HUGE_VAL, .fps = 1, .count = count};
}

static void constant(double *times, long n, double fps)
{
    for (long i = 0; i < n; i++)
        times[i] = (double)i / fps;
}

static void ten_seconds(void **state)
{
    (void)state;
    double times[300];
    struct picks picks;
    struct g4_video_rule rule = clock_rule(60);
    constant(times, 300, 30);
    run(&picks, &rule, times, 300);
    assert_int_equal(picks.count, 10);
    for (long k = 0; k < 10; k++)
        assert_int_equal(picks.frame[k], 30 * k);
    /* 10.9 s: one more, and no stretching. */
    double longer[327];
    constant(longer, 327, 30);
    run(&picks, &rule, longer, 327);
    assert_int_equal(picks.count, 11);
    assert_int_equal(picks.frame[10], 300);
}

static void short_and_single(void **state)
{
    (void)state;
    double times[12];
    struct picks picks;
    struct g4_video_rule rule = clock_rule(60);
    constant(times, 12, 30);
    run(&picks, &rule, times, 12);
    assert_int_equal(picks.count, 1);
    run(&picks, &rule, times, 1);
    assert_int_equal(picks.count, 1);
    rule.fps = 4;
    run(&picks, &rule, times, 1);
    assert_int_equal(picks.count, 1);
}

static void slow_clip_repeats(void **state)
{
    (void)state;
    const double times[] = {0, 2.5, 5};
    const long want[] = {0, 0, 0, 1, 1, 2, 2, 2};
    struct picks picks;
    struct g4_video_rule rule = clock_rule(60);
    run(&picks, &rule, times, 3);
    assert_int_equal(picks.count, 8);
    for (long k = 0; k < 8; k++)
        assert_int_equal(picks.frame[k], want[k]);
}

static void rounding_at_the_border(void **state)
{
    (void)state;
    /* Millisecond stamps: the frame at 1.0000005 still counts for t = 1, one at 1.01 does not. */
    const double times[] = {0, 0.5, 1.0000005, 1.5, 2.01, 2.5};
    const long want[] = {0, 2, 3};
    struct picks picks;
    struct g4_video_rule rule = clock_rule(60);
    run(&picks, &rule, times, 6);
    assert_int_equal(picks.count, 3);
    for (long k = 0; k < 3; k++)
        assert_int_equal(picks.frame[k], want[k]);
    assert_true(g4_video_longer(59.9999995, 60));
    assert_false(g4_video_longer(59.967, 60));
}

static void limits_and_start(void **state)
{
    (void)state;
    double times[300];
    struct picks picks;
    constant(times, 300, 30);
    struct g4_video_rule rule = clock_rule(4);
    run(&picks, &rule, times, 300);
    assert_int_equal(picks.count, 4);
    rule = clock_rule(LONG_MAX);
    rule.start = 2.5;
    rule.end = 5.5;
    run(&picks, &rule, times, 300);
    assert_int_equal(picks.count, 3);
    assert_int_equal(picks.frame[0], 75);
    assert_true(fabs(picks.time[2] - 4.5) < 1e-12);
    rule.start = 10;
    rule.end = HUGE_VAL;
    run(&picks, &rule, times, 300);
    assert_int_equal(picks.count, 0);
}

static void fit_and_list(void **state)
{
    (void)state;
    double times[300];
    struct picks picks;
    constant(times, 300, 30);
    struct g4_video_rule rule = {.end = HUGE_VAL, .fps = 1, .span = 10, .count = 4};
    run(&picks, &rule, times, 300);
    assert_int_equal(picks.count, 4);
    for (long k = 0; k < 4; k++) {
        assert_int_equal(picks.frame[k], 75 * k);
        assert_true(fabs(picks.time[k] - 2.5 * (double)k) < 1e-12);
    }
    const double list[] = {0, 3.1, 9.9};
    rule = (struct g4_video_rule){.end = HUGE_VAL, .fps = 1, .list = list, .count = 3};
    run(&picks, &rule, times, 300);
    assert_int_equal(picks.count, 3);
    assert_int_equal(picks.frame[1], 93);
    assert_int_equal(picks.frame[2], 297);
}

static void reached_means_certain(void **state)
{
    (void)state;
    struct g4_video_sampler sampler;
    struct g4_video_rule rule = clock_rule(60);
    long first;
    g4_video_sampler_init(&sampler, &rule);
    assert_false(g4_video_sampler_reached(&sampler, 0));
    assert_int_equal(g4_video_sampler_frame(&sampler, 0, &first), 0);
    assert_true(g4_video_sampler_reached(&sampler, 0));
    assert_false(g4_video_sampler_reached(&sampler, 1));
    assert_int_equal(g4_video_sampler_frame(&sampler, 3, &first), 3);
    assert_int_equal(first, 0);
    assert_true(g4_video_sampler_reached(&sampler, 3));
}

static void uniform(void **state)
{
    (void)state;
    size_t indices[32];
    assert_int_equal(g4_video_uniform(300, 32, indices, NULL), 0);
    const size_t want[] = {0, 9, 18, 28, 37, 46, 56, 65, 75, 84};
    for (size_t i = 0; i < 10; i++)
        assert_int_equal(indices[i], want[i]);
    assert_int_equal(indices[31], 290);
    struct g4_err err;
    assert_int_equal(g4_video_uniform(31, 32, indices, &err), G4_EINPUT);
    assert_string_equal(err.text, "31 frames, fewer than the 32 asked for");
    /* No product that could wrap. */
    assert_int_equal(g4_video_uniform(SIZE_MAX, 2, indices, NULL), 0);
    assert_int_equal(indices[1], SIZE_MAX / 2);
    assert_int_equal(g4_video_rate_count(327, 30, 1), 10);
    assert_int_equal(g4_video_rate_count(3, 30, 1), 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(ten_seconds),           cmocka_unit_test(short_and_single),
        cmocka_unit_test(slow_clip_repeats),     cmocka_unit_test(rounding_at_the_border),
        cmocka_unit_test(limits_and_start),      cmocka_unit_test(fit_and_list),
        cmocka_unit_test(reached_means_certain), cmocka_unit_test(uniform),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

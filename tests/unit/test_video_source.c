/* test_video_source.c - which frames of a clip come, from files, pipes and by seeking. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "encoders/video/video_source.h"
#include "tests/unit/media_fixture.h"

enum { MOST = 200 };

struct frames {
    int status;
    struct g4_err err;
    char note[200];
    int n;
    struct g4_video_frame frame[MOST];
    int number[MOST]; /* of the frame shown, by its grey */
    uint64_t sum[MOST];
    size_t width, height;
};

/* Grey level of luma 16 + i. */
static int number_of(const struct g4_image *image)
{
    int grey = image->rgb[0];
    for (int i = 0; i < 200; i++) {
        int expected = (i * 255 + 109) / 219;
        if (expected == grey)
            return i;
    }
    return -1;
}

static uint64_t sum_of(const struct g4_image *image)
{
    uint64_t sum = 0;
    for (size_t i = 0; i < image->width * image->height * 3; i++)
        sum = sum * 131 + image->rgb[i];
    return sum;
}

static void read_frames(struct frames *f, struct g4_video_source *source)
{
    struct g4_image image = {0};
    struct g4_video_frame frame;
    for (;;) {
        f->status = g4_video_source_next(source, &image, &frame, &f->err);
        if (f->status < 0 || frame.end)
            break;
        assert_true(f->n < MOST);
        f->frame[f->n] = frame;
        f->number[f->n] = number_of(&image);
        f->sum[f->n++] = sum_of(&image);
        f->width = image.width;
        f->height = image.height;
    }
    const char *note = g4_video_source_note(source);
    snprintf(f->note, sizeof f->note, "%s", note ? note : "");
    g4_image_release(&image);
}

static struct frames *load(const char *operand, const struct g4_video_options *options)
{
    struct frames *f = calloc(1, sizeof *f);
    const struct g4_media_limits limits = G4_MEDIA_LIMITS;
    struct g4_media_input *input = NULL;
    struct g4_video_source *source = NULL;
    f->status = g4_media_input_open(&input, operand, "g4-video", &limits, &f->err);
    if (f->status == 0)
        f->status = g4_video_source_open(&source, input, options, &f->err);
    if (f->status == 0)
        read_frames(f, source);
    g4_video_source_close(source);
    g4_media_input_close(input);
    return f;
}

static const struct g4_video_options defaults = G4_VIDEO_OPTIONS;

static struct frames *load_clip(int count, int fps, const struct g4_video_options *options,
                                int (*as)(char path[32], const struct media_bytes *b))
{
    struct media_bytes b = media_clip(count, fps);
    char path[32];
    int fd = as(path, &b);
    struct frames *f = load(path, options);
    close(fd);
    free(b.data);
    return f;
}

/* Sample k shows frame number[k] and lasts from t[k] to t[k + 1], in milliseconds. */
static void assert_frames(struct frames *f, int n, const int *number, const int *t)
{
    assert_int_equal(f->status, 0);
    assert_int_equal(f->n, n);
    for (int k = 0; k < n; k++) {
        assert_int_equal(f->number[k], number[k]);
        assert_int_equal(f->frame[k].t0_us, t[k] * 1000);
        assert_int_equal(f->frame[k].t1_us, t[k + 1] * 1000);
    }
}

static void one_a_second(void **state)
{
    (void)state;
    static const int number[] = {0, 10, 20}, t[] = {0, 1000, 2000, 2500};
    struct frames *f = load_clip(25, 10, &defaults, media_file);
    assert_frames(f, 3, number, t);
    assert_string_equal(f->note, "");
    assert_true(f->frame[0].first_of_part && !f->frame[1].first_of_part);
    assert_int_equal(f->width, CLIP_WIDTH);
    assert_int_equal(f->height, CLIP_HEIGHT);
    free(f);
}

static void slow_clip_repeats(void **state)
{
    (void)state;
    static const int number[] = {0, 0, 0, 1, 1, 1};
    struct g4_video_options o = defaults;
    o.fps = 3;
    struct frames *f = load_clip(2, 1, &o, media_file);
    assert_int_equal(f->n, 6);
    for (int k = 0; k < 6; k++) {
        assert_int_equal(f->number[k], number[k]);
        assert_int_equal(f->frame[k].same, k != 0 && k != 3);
    }
    free(f);
}

static void too_long(void **state)
{
    (void)state;
    struct g4_video_options o = defaults;
    o.max_frames = 2;
    static const int fit[] = {0, 25}, fit_t[] = {0, 2500, 5000};
    struct frames *f = load_clip(50, 10, &o, media_file);
    assert_frames(f, 2, fit, fit_t);
    assert_non_null(strstr(f->note, "5.0 s long, 2 frames were spread over it"));
    free(f);
    o.mode = G4_VIDEO_FIRST;
    static const int first[] = {0, 10}, first_t[] = {0, 1000, 2000};
    f = load_clip(50, 10, &o, media_file);
    assert_frames(f, 2, first, first_t);
    assert_non_null(strstr(f->note, "only the first 2 s"));
    free(f);
    o.mode = G4_VIDEO_PARTS;
    static const int all[] = {0, 10, 20, 30, 40}, all_t[] = {0, 1000, 2000, 3000, 4000, 5000};
    f = load_clip(50, 10, &o, media_file);
    assert_frames(f, 5, all, all_t);
    for (int k = 0; k < 5; k++) {
        assert_int_equal(f->frame[k].part, k / 2);
        assert_int_equal(f->frame[k].first_of_part, k % 2 == 0);
    }
    assert_string_equal(f->note, "");
    free(f);
}

/* Exactly at the limit is not too long, whatever the mode. */
static void at_the_limit(void **state)
{
    (void)state;
    static const int number[] = {0, 10}, t[] = {0, 1000, 2000};
    struct g4_video_options o = defaults;
    o.max_frames = 2;
    for (int mode = G4_VIDEO_FIT; mode <= G4_VIDEO_FIRST; mode++) {
        o.mode = (enum g4_video_mode)mode;
        struct frames *f = load_clip(20, 10, &o, media_file);
        assert_frames(f, 2, number, t);
        assert_string_equal(f->note, "");
        free(f);
    }
}

static void spans(void **state)
{
    (void)state;
    static const int number[] = {15, 25}, t[] = {1500, 2500, 3000};
    struct g4_video_options o = defaults;
    o.start_us = 1500000;
    o.duration_us = 1500000;
    struct frames *f = load_clip(50, 10, &o, media_file);
    assert_frames(f, 2, number, t);
    free(f);
    o.start_us = 5000000;
    f = load_clip(50, 10, &o, media_file);
    assert_int_equal(f->status, G4_EINPUT);
    assert_non_null(strstr(f->err.text, "--start 5 s is beyond its end at 5 s"));
    free(f);
}

static void evenly_by_number(void **state)
{
    (void)state;
    static const int number[] = {0, 16, 33}, t[] = {0, 1600, 3300, 5000};
    struct g4_video_options o = defaults;
    o.frames = 3;
    struct frames *f = load_clip(50, 10, &o, media_file);
    assert_frames(f, 3, number, t);
    free(f);
    o.frames = 51;
    f = load_clip(50, 10, &o, media_file);
    assert_non_null(strstr(f->err.text, "50 frames, fewer than the 51 asked for"));
    free(f);
    o.frames = 2000;
    f = load_clip(50, 10, &o, media_file);
    assert_int_equal(f->status, G4_EUSAGE);
    free(f);
}

static void pipes_agree(void **state)
{
    (void)state;
    struct g4_video_options o = defaults;
    o.max_frames = 3;
    for (int mode = G4_VIDEO_FIT; mode <= G4_VIDEO_FIRST; mode++) {
        o.mode = (enum g4_video_mode)mode;
        struct frames *a = load_clip(45, 10, &o, media_file),
                      *b = load_clip(45, 10, &o, media_pipe);
        assert_int_equal(b->status, 0);
        assert_int_equal(a->n, b->n);
        for (int k = 0; k < a->n; k++) {
            assert_int_equal(a->number[k], b->number[k]);
            assert_int_equal(a->frame[k].t0_us, b->frame[k].t0_us);
            assert_int_equal(a->frame[k].t1_us, b->frame[k].t1_us);
        }
        free(a);
        free(b);
    }
}

/* The same times reached by seeking and by decoding everything show the same pictures. */
static void seeking_agrees(void **state)
{
    (void)state;
    const char *top = getenv("G4_TOP");
    char path[4096];
    snprintf(path, sizeof path, "%s/examples/media/minute.mp4", top ? top : ".");
    struct g4_video_options o = defaults;
    o.mode = G4_VIDEO_FIRST;
    struct frames *all = load(path, &o);
    assert_int_equal(all->status, 0);
    assert_int_equal(all->n, 60);
    o.mode = G4_VIDEO_FIT;
    o.max_frames = 4;
    struct frames *few = load(path, &o);
    assert_int_equal(few->n, 4);
    for (int k = 0; k < 4; k++) {
        int64_t t = few->frame[k].t0_us;
        assert_true(t % 1000000 == 0);
        assert_true(few->sum[k] == all->sum[t / 1000000]);
    }
    o = defaults;
    o.start_us = 40000000;
    struct frames *late = load(path, &o);
    assert_int_equal(late->n, 20);
    for (int k = 0; k < 20; k++)
        assert_true(late->sum[k] == all->sum[40 + k]);
    free(all);
    free(few);
    free(late);
}

static void refused(void **state)
{
    (void)state;
    struct g4_video_options o = defaults;
    o.max_side = 20;
    struct frames *f = load_clip(5, 10, &o, media_file);
    assert_int_equal(f->status, G4_ELIMIT);
    assert_non_null(strstr(f->err.text, "--max-side"));
    free(f);
    int16_t samples[1000] = {0};
    struct media_bytes b = media_wav(1, 1, 16000, 16, samples, sizeof samples, sizeof samples);
    char path[32];
    int fd = media_file(path, &b);
    f = load(path, &defaults);
    assert_non_null(strstr(f->err.text, "g4-audio"));
    free(f);
    close(fd);
    free(b.data);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(one_a_second), cmocka_unit_test(slow_clip_repeats),
        cmocka_unit_test(too_long),     cmocka_unit_test(at_the_limit),
        cmocka_unit_test(spans),        cmocka_unit_test(evenly_by_number),
        cmocka_unit_test(pipes_agree),  cmocka_unit_test(seeking_agrees),
        cmocka_unit_test(refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

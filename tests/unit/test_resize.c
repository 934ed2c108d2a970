/* test_resize.c - the resize against its definition, in pieces and with threads; the size rule. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "encoders/vision/resize.h"
#include "encoders/vision/resize_axis.h"

static struct g4_image noise(size_t w, size_t h)
{
    struct g4_image image;
    uint32_t state = (uint32_t)(w * 31 + h);
    assert_int_equal(g4_image_new(&image, w, h, NULL), 0);
    for (size_t i = 0; i < w * h * 3; i++) {
        state = state * 1664525u + 1013904223u;
        image.rgb[i] = (uint8_t)(state >> 24);
    }
    return image;
}

/* One axis, straight from the taps: `step` bytes between samples. */
static uint8_t sample(const struct g4_axis *axis, size_t i, const uint8_t *in, size_t step)
{
    const struct g4_axis_tap *tap = &axis->taps[i];
    int64_t sum = (int64_t)1 << (axis->bits - 1);
    for (size_t j = 0; j < tap->n; j++)
        sum += (int64_t)axis->q[tap->at + j] * in[(tap->lo + j) * step];
    sum = (int64_t)floor((double)sum / (double)(1 << axis->bits));
    return (uint8_t)(sum < 0 ? 0 : sum > 255 ? 255 : sum);
}

static struct g4_image by_definition(const struct g4_image *src, size_t w, size_t h)
{
    struct g4_image wide, out;
    struct g4_axis across, down;
    assert_int_equal(g4_axis_init(&across, src->width, w, NULL), 0);
    assert_int_equal(g4_axis_init(&down, src->height, h, NULL), 0);
    assert_int_equal(g4_image_new(&wide, w, src->height, NULL), 0);
    assert_int_equal(g4_image_new(&out, w, h, NULL), 0);
    for (size_t y = 0; y < src->height; y++)
        for (size_t x = 0; x < w * 3; x++)
            wide.rgb[y * w * 3 + x] =
                sample(&across, x / 3, src->rgb + y * src->width * 3 + x % 3, 3);
    for (size_t y = 0; y < h; y++)
        for (size_t x = 0; x < w * 3; x++)
            out.rgb[y * w * 3 + x] = sample(&down, y, wide.rgb + x, w * 3);
    g4_axis_release(&across);
    g4_axis_release(&down);
    g4_image_release(&wide);
    return out;
}

static void expect_same(const struct g4_image *a, const struct g4_image *b)
{
    assert_int_equal(a->width, b->width);
    assert_int_equal(a->height, b->height);
    assert_memory_equal(a->rgb, b->rgb, a->width * a->height * 3);
}

static const size_t cases[][4] = {
    {37, 91, 96, 144},   {300, 200, 48, 96}, {1, 1, 384, 384}, {500, 1, 240, 48},
    {1, 700, 48, 336},   {640, 4, 3360, 48}, {96, 48, 96, 48}, {49, 47, 48, 48},
    {1000, 999, 48, 48}, {64, 64, 64, 21},
};

static void like_the_definition(void **state)
{
    (void)state;
    struct g4_pool *pool;
    for (int threads = 1; threads <= 3; threads++) {
        assert_int_equal(g4_pool_new(&pool, threads, NULL), 0);
        for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
            const size_t *c = cases[i];
            struct g4_image src = noise(c[0], c[1]), got,
                            expected = by_definition(&src, c[2], c[3]);
            assert_int_equal(g4_resize(pool, &got, &src, c[2], c[3], NULL), 0);
            expect_same(&got, &expected);
            g4_image_release(&src);
            g4_image_release(&got);
            g4_image_release(&expected);
        }
        g4_pool_free(pool);
    }
}

static void in_pieces(void **state)
{
    (void)state;
    struct g4_pool *pool;
    assert_int_equal(g4_pool_new(&pool, 2, NULL), 0);
    struct g4_image src = noise(211, 613), expected, got;
    assert_int_equal(g4_resize(pool, &expected, &src, 96, 240, NULL), 0);
    for (size_t piece = 1; piece < 700; piece = piece * 3 + 1) {
        struct g4_resizer *r;
        assert_int_equal(g4_resizer_new(&r, pool, &got, 211, 613, 96, 240, NULL), 0);
        for (size_t y = 0; y < 613; y += piece)
            g4_resizer_put(r, src.rgb + y * 211 * 3, y + piece < 613 ? piece : 613 - y);
        expect_same(&got, &expected);
        g4_resizer_free(r);
        g4_image_release(&got);
    }
    g4_image_release(&src);
    g4_image_release(&expected);
    g4_pool_free(pool);
}

static void same_size_is_a_copy(void **state)
{
    (void)state;
    struct g4_pool *pool;
    assert_int_equal(g4_pool_new(&pool, 1, NULL), 0);
    struct g4_image src = noise(130, 97), got;
    assert_int_equal(g4_resize(pool, &got, &src, 130, 97, NULL), 0);
    expect_same(&got, &src);
    g4_image_release(&src);
    g4_image_release(&got);
    g4_pool_free(pool);
}

/* 14 bits where something is enlarged (a weight of 1), more the smaller the largest weight is: at
 * half the size 0.43. */
static void fixed_point(void **state)
{
    (void)state;
    struct g4_axis axis;
    static const size_t sizes[][3] = {
        {100, 300, 14}, {100, 100, 14}, {200, 100, 16}, {40000, 100, 22}};
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
        assert_int_equal(g4_axis_init(&axis, sizes[i][0], sizes[i][1], NULL), 0);
        assert_int_equal(axis.bits, sizes[i][2]);
        for (size_t o = 0; o < axis.n_out; o++) {
            assert_true(axis.taps[o].n >= 1 && axis.taps[o].n <= axis.reach);
            assert_true(axis.taps[o].lo + axis.taps[o].n <= sizes[i][0]);
        }
        g4_axis_release(&axis);
    }
}

static void size_rule(void **state)
{
    (void)state;
    struct g4_err err;
    size_t w, h;
    assert_int_equal(g4_target_size(640, 480, 280, &w, &h, &err), 0);
    assert_int_equal(w, 912);
    assert_int_equal(h, 672);
    assert_int_equal(g4_target_size(1000, 1, 1120, &w, &h, &err), 0);
    assert_int_equal(w, 50784);
    assert_int_equal(h, 48);
    assert_int_equal(g4_target_size(1, SIZE_MAX, 70, &w, &h, &err), 0);
    assert_int_equal(w, 48);
    assert_int_equal(h, 3360);
    assert_int_equal(g4_target_size(0, 5, 70, &w, &h, &err), G4_EINPUT);
    assert_int_equal(g4_target_size(5, 5, 71, &w, &h, &err), G4_EUSAGE);
    assert_non_null(strstr(err.text, "71"));
    assert_false(g4_vision_budget_ok(0));
    assert_true(g4_vision_budget_ok(1120));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(like_the_definition), cmocka_unit_test(in_pieces),
        cmocka_unit_test(same_size_is_a_copy), cmocka_unit_test(fixed_point),
        cmocka_unit_test(size_rule),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

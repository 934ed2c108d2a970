/* test_patch.c - pixels cut into patches, in the order of either kind of weights. */
#include "encoders/vision/patch.h"
#include "tests/unit/picture_fixture.h"

enum { SIDE = 16, GRID_W = 3, GRID_H = 2, VALUES = SIDE * SIDE * 3 };

static void check(bool channels_first, int threads)
{
    struct g4_err err = {0};
    struct g4_image image = {0};
    struct g4_pool *pool;
    static float patches[GRID_W * GRID_H * VALUES];
    assert_int_equal(g4_image_new(&image, GRID_W * SIDE, GRID_H * SIDE, &err), 0);
    for (size_t i = 0; i < image.width * image.height * 3; i++)
        image.rgb[i] = (uint8_t)(i * 37 + i / 251);
    assert_int_equal(g4_pool_new(&pool, threads, &err), 0);
    g4_patchify(pool, patches, &image, SIDE, channels_first);
    for (size_t y = 0; y < image.height; y++)
        for (size_t x = 0; x < image.width; x++)
            for (size_t c = 0; c < 3; c++) {
                const size_t patch = y / SIDE * GRID_W + x / SIDE, py = y % SIDE, px = x % SIDE;
                const size_t at =
                    channels_first ? (c * SIDE + py) * SIDE + px : (py * SIDE + px) * 3 + c;
                const uint8_t byte = image.rgb[(y * image.width + x) * 3 + c];
                assert_true(patches[patch * VALUES + at] == (float)byte * (float)(1.0 / 255.0));
            }
    g4_pool_free(pool);
    g4_image_release(&image);
}

static void channels_last(void **state)
{
    (void)state;
    check(false, 1);
    check(false, 3);
}

static void channels_first(void **state)
{
    (void)state;
    check(true, 1);
    check(true, 3);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(channels_last),
        cmocka_unit_test(channels_first),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

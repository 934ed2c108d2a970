/* test_image.c - PPM and PGM, operands that are no pictures, fitting while reading, the crop. */
#include "tests/unit/picture_fixture.h"

#include "encoders/vision/resize.h"

static void expect_pixels(const char *file, size_t n, size_t w, size_t h, const char *rgb)
{
    struct g4_image image;
    expect_loaded(&image, file, n);
    assert_int_equal(image.width, w);
    assert_int_equal(image.height, h);
    assert_memory_equal(image.rgb, rgb, w * h * 3);
    g4_image_release(&image);
}

#define BYTES(text) text, sizeof(text) - 1

static void netpbm(void **state)
{
    (void)state;
    expect_pixels(BYTES("P6 2 1 255\nabcdef"), 2, 1, "abcdef");
    expect_pixels(BYTES("P5\n# a comment\n2#another\n1\n255\nab"), 2, 1, "aaabbb");
    expect_pixels(BYTES("P5 1 1 15\n\x0f"), 1, 1, "\xff\xff\xff");
    expect_pixels(BYTES("P5 1 1 15\n\x63"), 1, 1, "\xff\xff\xff"); /* beyond the largest */
    expect_pixels(BYTES("P5 1 1 65535\n\x12\xff"), 1, 1, "\x12\x12\x12");
    expect_pixels(BYTES("P6 1 1 65535\n\x12\xff\x34\x00\xff\xff"), 1, 1, "\x12\x34\xff");
    expect_pixels(BYTES("P5 1 1 1023\n\x03\xff"), 1, 1, "\xff\xff\xff");
    expect_pixels(BYTES("P5 1 1 255\nab"), 1, 1, "aaa"); /* bytes behind the picture */
}

static void broken_netpbm(void **state)
{
    (void)state;
    expect_refused(BYTES("P6 2 1 255\nabcde"), &usual_limits, G4_EINPUT,
                   "truncated PPM: 0 of 1 rows");
    expect_refused(BYTES("P6 2 2 255\nabcdefg"), &usual_limits, G4_EINPUT, "1 of 2 rows");
    expect_refused(BYTES("P6 2 1"), &usual_limits, G4_EINPUT, "header");
    expect_refused(BYTES("P6 2 x 255\nabcdef"), &usual_limits, G4_EINPUT, "header");
    expect_refused(BYTES("P6 -2 1 255\nabcdef"), &usual_limits, G4_EINPUT, "header");
    expect_refused(BYTES("P6 0 1 255\nabcdef"), &usual_limits, G4_EINPUT, "0 x 1");
    expect_refused(BYTES("P6 1 1 0\nabc"), &usual_limits, G4_EINPUT, "1..65535");
    expect_refused(BYTES("P6 1 1 70000\nabc"), &usual_limits, G4_EINPUT, "1..65535");
    expect_refused(BYTES("P6 99999999999999999999 1 255\nabc"), &usual_limits, G4_EINPUT, "header");
    expect_refused(BYTES("P6 2147483647 2147483647 255\nabc"), &usual_limits, G4_ELIMIT,
                   "--max-pixels");
}

static void no_pictures(void **state)
{
    (void)state;
    expect_refused("", 0, &usual_limits, G4_EINPUT, "empty");
    struct g4_err err = {0};
    struct g4_image image;
    assert_int_equal(g4_image_load(&image, "/tmp", &usual_limits, NULL, &err), G4_EIO);
    assert_non_null(strstr(err.text, "directory; for all files in it: find '/tmp'"));
    assert_int_equal(g4_image_load(&image, "https://example.org/a.png", &usual_limits, NULL, &err),
                     G4_ENOTFOUND);
    assert_non_null(strstr(err.text, "curl -L 'https://example.org/a.png'"));
    assert_int_equal(g4_image_load(&image, "no-such\n.png", &usual_limits, NULL, &err),
                     G4_ENOTFOUND);
    assert_non_null(strstr(err.text, "no-such\\n.png"));
    assert_null(image.rgb);
    g4_image_release(&image);
}

static void crop(void **state)
{
    (void)state;
    struct g4_err err;
    struct g4_image image;
    expect_loaded(&image, BYTES("P5 4 3 255\nabcdefghijkl"));
    assert_int_equal(g4_image_crop(&image, 5, 1, 0, 0, &err), G4_EINPUT);
    assert_int_equal(g4_image_crop(&image, 2, 2, 3, 0, &err), G4_EINPUT);
    assert_int_equal(g4_image_crop(&image, 0, 2, 0, 0, &err), G4_EINPUT);
    assert_int_equal(g4_image_crop(&image, 1, SIZE_MAX, 0, 2, &err), G4_EINPUT);
    assert_int_equal(g4_image_crop(&image, 1, 1, SIZE_MAX, 0, &err), G4_EINPUT);
    assert_int_equal(g4_image_crop(&image, 2, 2, 2, 1, &err), 0);
    assert_int_equal(image.width, 2);
    assert_int_equal(image.height, 2);
    assert_memory_equal(image.rgb, "ggghhhkkklll", 12);
    g4_image_release(&image);
}

/* Reading and resizing at once gives the bytes of doing it one after the other. */
static void fitted(void **state)
{
    (void)state;
    enum { W = 301, H = 463 };
    struct file_bytes f = {0};
    struct g4_image whole, resized, image;
    struct g4_pool *pool;
    struct g4_err err;
    size_t w, h;
    uint8_t *pixels = malloc(W * H * 3);
    assert_non_null(pixels);
    fill_bytes(pixels, W * H * 3, 7);
    add_bytes(&f, BYTES("P6 301 463 255\n"));
    add_bytes(&f, pixels, W * H * 3);
    expect_loaded(&whole, f.data, f.n);
    assert_int_equal(whole.fitted, 0);
    assert_int_equal(g4_pool_new(&pool, 2, &err), 0);
    assert_int_equal(g4_target_size(W, H, 70, &w, &h, &err), 0);
    assert_int_equal(g4_resize(pool, &resized, &whole, w, h, &err), 0);
    assert_int_equal(
        g4_image_load_fitted(&image, picture_path, &usual_limits, 70, pool, NULL, &err), 0);
    assert_int_equal(image.fitted, 70);
    assert_int_equal(image.width, w);
    assert_int_equal(image.height, h);
    assert_memory_equal(image.rgb, resized.rgb, w * h * 3);
    g4_image_release(&image);

    write_bytes(f.data, f.n / 2); /* a cut file leaves nothing behind */
    assert_int_equal(
        g4_image_load_fitted(&image, picture_path, &usual_limits, 70, pool, NULL, &err), G4_EINPUT);
    assert_null(image.rgb);
    g4_pool_free(pool);
    g4_image_release(&whole);
    g4_image_release(&resized);
    free(pixels);
    free(f.data);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(netpbm), cmocka_unit_test(broken_netpbm), cmocka_unit_test(no_pictures),
        cmocka_unit_test(crop),   cmocka_unit_test(fitted),
    };
    return cmocka_run_group_tests(tests, make_path, remove_path);
}

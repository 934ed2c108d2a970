/* test_orient.c - the eight orientations, and EXIF that is not what it says. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "encoders/vision/orient.h"

enum { W = 37, H = 70 };

/* Value of the pixel that the rule puts at R[y][x]: its place in S. */
static size_t source_of(int orientation, size_t y, size_t x)
{
    switch (orientation) {
    case 2: return y * W + (W - 1 - x);
    case 3: return (H - 1 - y) * W + (W - 1 - x);
    case 4: return (H - 1 - y) * W + x;
    case 5: return x * W + y;
    case 6: return (H - 1 - x) * W + y;
    case 7: return (H - 1 - x) * W + (W - 1 - y);
    case 8: return x * W + (W - 1 - y);
    default: return y * W + x;
    }
}

static void eight_ways(void **state)
{
    (void)state;
    for (int orientation = 0; orientation <= 9; orientation++) {
        struct g4_image image;
        assert_int_equal(g4_image_new(&image, W, H, NULL), 0);
        for (size_t i = 0; i < W * H; i++) {
            image.rgb[i * 3] = (uint8_t)i;
            image.rgb[i * 3 + 1] = (uint8_t)(i >> 8);
            image.rgb[i * 3 + 2] = 77;
        }
        assert_int_equal(g4_image_orient(&image, orientation, NULL), 0);
        bool turned = orientation >= 5 && orientation <= 8;
        assert_int_equal(image.width, turned ? H : W);
        assert_int_equal(image.height, turned ? W : H);
        for (size_t y = 0; y < image.height; y++)
            for (size_t x = 0; x < image.width; x++) {
                const uint8_t *p = image.rgb + (y * image.width + x) * 3;
                assert_int_equal(p[0] + p[1] * 256u, source_of(orientation, y, x));
                assert_int_equal(p[2], 77);
            }
        g4_image_release(&image);
    }
}

/* One directory of two entries; the second is the orientation. */
static const uint8_t little[] = {'I', 'I', '*', 0, 8, 0,   0,   0,   2, 0,    0x0f, 1, 2,
                                 0,   4,   0,   0, 0, 'c', 'a', 'm', 0, 0x12, 1,    3, 0,
                                 1,   0,   0,   0, 6, 0,   0,   0,   0, 0,    0,    0};
static const uint8_t big[] = {'M', 'M', 0, '*', 0, 0, 0, 8, 0, 1, 1, 0x12, 0,
                              3,   0,   0, 0,   1, 0, 8, 0, 0, 0, 0, 0,    0};

static void exif_values(void **state)
{
    (void)state;
    uint8_t copy[sizeof little];
    assert_int_equal(g4_exif_orientation(little, sizeof little), 6);
    assert_int_equal(g4_exif_orientation(big, sizeof big), 8);
    for (int value = 0; value < 256; value++) {
        memcpy(copy, little, sizeof copy);
        copy[30] = (uint8_t)value;
        assert_int_equal(g4_exif_orientation(copy, sizeof copy),
                         value >= 1 && value <= 8 ? value : 1);
    }
    memcpy(copy, little, sizeof copy);
    copy[24] = 2; /* of type ASCII */
    assert_int_equal(g4_exif_orientation(copy, sizeof copy), 1);
    copy[24] = 4; /* LONG */
    assert_int_equal(g4_exif_orientation(copy, sizeof copy), 6);
}

/* Every cut and every flipped bit must be answered from inside the bytes given (the sanitised run
 * sees a step outside). */
static void exif_damaged(void **state)
{
    (void)state;
    for (size_t n = 0; n <= sizeof little; n++) {
        uint8_t *copy = malloc(n ? n : 1);
        assert_non_null(copy);
        memcpy(copy, little, n);
        assert_int_equal(g4_exif_orientation(copy, n), n >= 32 ? 6 : 1);
        free(copy);
    }
    uint8_t *copy = malloc(sizeof little);
    assert_non_null(copy);
    for (size_t bit = 0; bit < sizeof little * 8; bit++) {
        memcpy(copy, little, sizeof little);
        copy[bit / 8] ^= (uint8_t)(1 << bit % 8);
        assert_in_range(g4_exif_orientation(copy, sizeof little), 1, 8);
    }
    memcpy(copy, little, sizeof little);
    memset(copy + 4, 0xff, 4); /* the directory at the end of the address space */
    assert_int_equal(g4_exif_orientation(copy, sizeof little), 1);
    free(copy);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(eight_ways),
        cmocka_unit_test(exif_values),
        cmocka_unit_test(exif_damaged),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

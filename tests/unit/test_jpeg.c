/* test_jpeg.c - JPEG files made by libjpeg: kinds of colour, scans, damage. */
#include "tests/unit/picture_fixture.h"

#include <jpeglib.h>

struct jpeg_kind {
    J_COLOR_SPACE space; /* of the pixels given */
    int channels;
    bool progressive;
    bool adobe;          /* CMYK: mark the file as Adobe's */
    const uint8_t *exif; /* APP1, NULL = none */
    unsigned exif_bytes;
};

static struct file_bytes make_jpeg(const struct jpeg_kind *kind, const uint8_t *pixels, unsigned w,
                                   unsigned h)
{
    struct jpeg_compress_struct c;
    struct jpeg_error_mgr errors;
    unsigned char *out = NULL;
    unsigned long n = 0;
    c.err = jpeg_std_error(&errors);
    jpeg_create_compress(&c);
    jpeg_mem_dest(&c, &out, &n);
    c.image_width = w;
    c.image_height = h;
    c.input_components = kind->channels;
    c.in_color_space = kind->space;
    jpeg_set_defaults(&c);
    jpeg_set_quality(&c, 100, TRUE);
    for (int i = 0; i < c.num_components; i++)
        c.comp_info[i].h_samp_factor = c.comp_info[i].v_samp_factor = 1;
    if (kind->space == JCS_CMYK)
        c.write_Adobe_marker = kind->adobe;
    if (kind->progressive)
        jpeg_simple_progression(&c);
    jpeg_start_compress(&c, TRUE);
    if (kind->exif)
        jpeg_write_marker(&c, JPEG_APP0 + 1, kind->exif, kind->exif_bytes);
    while (c.next_scanline < h) {
        JSAMPROW row =
            (JSAMPROW)(uintptr_t)(pixels + (size_t)c.next_scanline * w * (size_t)kind->channels);
        jpeg_write_scanlines(&c, &row, 1);
    }
    jpeg_finish_compress(&c);
    jpeg_destroy_compress(&c);
    struct file_bytes f = {0};
    add_bytes(&f, out, n);
    free(out);
    return f;
}

static const struct jpeg_kind colour = {JCS_RGB, 3, false, false, NULL, 0};

/* A flat picture survives compression almost unchanged. */
static void expect_flat(const struct jpeg_kind *kind, const uint8_t *pixel, int r, int g, int b)
{
    uint8_t pixels[16 * 16 * 4];
    struct g4_image image;
    for (size_t i = 0; i < 16 * 16; i++)
        memcpy(pixels + i * (size_t)kind->channels, pixel, (size_t)kind->channels);
    struct file_bytes f = make_jpeg(kind, pixels, 16, 16);
    expect_loaded(&image, f.data, f.n);
    const int expected[3] = {r, g, b};
    for (size_t i = 0; i < 16 * 16 * 3; i++)
        assert_in_range(abs(image.rgb[i] - expected[i % 3]), 0, 2);
    g4_image_release(&image);
    free(f.data);
}

static void colours(void **state)
{
    (void)state;
    const struct jpeg_kind grey = {JCS_GRAYSCALE, 1, false, false, NULL, 0};
    const struct jpeg_kind adobe = {JCS_CMYK, 4, false, true, NULL, 0};
    const struct jpeg_kind other = {JCS_CMYK, 4, false, false, NULL, 0};
    static const uint8_t cmyk[4] = {200, 100, 50, 220};
    expect_flat(&colour, (const uint8_t *)"\x40\x80\xc0", 0x40, 0x80, 0xc0);
    expect_flat(&grey, (const uint8_t *)"\x99", 0x99, 0x99, 0x99);
    expect_flat(&adobe, cmyk, 200 * 220 / 255, 100 * 220 / 255, 50 * 220 / 255);
    expect_flat(&other, cmyk, 55 * 35 / 255, 155 * 35 / 255, 205 * 35 / 255);
}

static struct file_bytes noisy(bool progressive)
{
    static uint8_t pixels[64 * 48 * 3];
    const struct jpeg_kind kind = {JCS_RGB, 3, progressive, false, NULL, 0};
    fill_bytes(pixels, sizeof pixels, 1);
    return make_jpeg(&kind, pixels, 64, 48);
}

static void cut_anywhere(void **state)
{
    (void)state;
    for (int progressive = 0; progressive < 2; progressive++) {
        struct file_bytes f = noisy(progressive);
        for (size_t n = 3; n < f.n; n += n + 40 < f.n ? 37 : 1)
            expect_refused(f.data, n, &usual_limits, G4_EINPUT, "JPEG: ");
        free(f.data);
    }
}

static void damaged(void **state)
{
    (void)state;
    struct file_bytes f = noisy(false);
    memset(f.data + f.n / 2, 0xff, 8);
    expect_refused(f.data, f.n, &usual_limits, G4_EINPUT, "corrupt JPEG: ");
    free(f.data);
}

/* Some cameras leave bytes between the last pixel and the end marker; they harm nothing. */
static void stray_bytes(void **state)
{
    (void)state;
    struct file_bytes f = noisy(false);
    struct g4_image clean, image;
    expect_loaded(&clean, f.data, f.n);
    f.n -= 2;
    add_bytes(&f, "\0\0\0\xff\xd9 more", 10);
    expect_loaded(&image, f.data, f.n);
    assert_memory_equal(image.rgb, clean.rgb, clean.width * clean.height * 3);
    g4_image_release(&clean);
    g4_image_release(&image);
    free(f.data);
}

static void scan_limit(void **state)
{
    (void)state;
    struct file_bytes f = noisy(true);
    const struct g4_image_limits three = {.max_scans = 3, .orient = true}, none = {.orient = true};
    struct g4_image image;
    struct g4_err err;
    expect_refused(f.data, f.n, &three, G4_ELIMIT, "--max-scans");
    assert_int_equal(g4_image_load(&image, picture_path, &none, NULL, &err), 0);
    g4_image_release(&image);
    free(f.data);
    f = noisy(false); /* one scan is always allowed */
    write_bytes(f.data, f.n);
    const struct g4_image_limits one = {.max_scans = 1, .orient = true};
    assert_int_equal(g4_image_load(&image, picture_path, &one, NULL, &err), 0);
    g4_image_release(&image);
    free(f.data);
}

/* A size that only the header claims. */
static void limit_before_memory(void **state)
{
    (void)state;
    struct file_bytes f = noisy(true);
    for (size_t i = 0; i + 9 < f.n; i++)
        if (f.data[i] == 0xff && f.data[i + 1] == 0xc2) {
            memset(f.data + i + 5, 0xff,
                   4); /* height and width 65535: libjpeg's own limit is below */
            f.data[i + 5] = f.data[i + 7] = 0xf0;
            break;
        }
    expect_refused(f.data, f.n, &usual_limits, G4_ELIMIT, "--max-pixels");
    const struct g4_image_limits scans_only = {.max_scans = 100, .orient = true};
    struct g4_err err = {0};
    struct g4_image image;
    int status = g4_image_load(&image, picture_path, &scans_only, NULL, &err);
    assert_true(status == G4_ELIMIT || status == G4_ENOMEM || status == G4_EINPUT);
    free(f.data);
}

static void orientation(void **state)
{
    (void)state;
    static const uint8_t exif[] = {'E',  'x', 'i', 'f', 0, 0, 'I', 'I', '*', 0, 8, 0, 0, 0, 1, 0,
                                   0x12, 1,   3,   0,   1, 0, 0,   0,   8,   0, 0, 0, 0, 0, 0, 0};
    const struct jpeg_kind kind = {JCS_RGB, 3, false, false, exif, sizeof exif};
    uint8_t pixels[16 * 8 * 3] = {0};
    struct g4_image image;
    memset(pixels, 250, 8 * 3); /* left half of the first row */
    struct file_bytes f = make_jpeg(&kind, pixels, 16, 8);
    expect_loaded(&image, f.data, f.n);
    assert_int_equal(image.width, 8);
    assert_int_equal(image.height, 16);
    assert_true(image.rgb[15 * 8 * 3] > 200); /* upright: lower left */
    assert_true(image.rgb[0] < 50);
    g4_image_release(&image);
    free(f.data);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(colours),     cmocka_unit_test(cut_anywhere),
        cmocka_unit_test(damaged),     cmocka_unit_test(stray_bytes),
        cmocka_unit_test(scan_limit),  cmocka_unit_test(limit_before_memory),
        cmocka_unit_test(orientation),
    };
    return cmocka_run_group_tests(tests, make_path, remove_path);
}

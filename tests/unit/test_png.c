/* test_png.c - PNG files put together chunk by chunk: kinds of pixels, limits, damage. */
#include "tests/unit/picture_fixture.h"

#include <zlib.h>

enum { GREY = 0, RGB = 2, PALETTE = 3, GREY_ALPHA = 4, RGBA = 6 };

static void put32(uint8_t *p, uint32_t v)
{
    for (int i = 0; i < 4; i++)
        p[i] = (uint8_t)(v >> (24 - 8 * i));
}

static void add_chunk(struct file_bytes *f, const char *type, const void *data, size_t n)
{
    uint8_t word[4];
    put32(word, (uint32_t)n);
    add_bytes(f, word, 4);
    const size_t start = f->n;
    add_bytes(f, type, 4);
    add_bytes(f, data, n);
    put32(word, (uint32_t)crc32(0, f->data + start, (uInt)(n + 4)));
    add_bytes(f, word, 4);
}

static void add_header(struct file_bytes *f, uint32_t w, uint32_t h, int depth, int colour,
                       int interlace)
{
    uint8_t ihdr[13] = {0};
    put32(ihdr, w);
    put32(ihdr + 4, h);
    ihdr[8] = (uint8_t)depth;
    ihdr[9] = (uint8_t)colour;
    ihdr[12] = (uint8_t)interlace;
    add_bytes(f, "\x89PNG\r\n\x1a\n", 8);
    add_chunk(f, "IHDR", ihdr, sizeof ihdr);
}

/* raw: the filtered rows, filter byte first. */
static void add_pixels(struct file_bytes *f, const void *raw, size_t n)
{
    uLongf size = compressBound((uLong)n);
    uint8_t *packed = malloc(size);
    assert_non_null(packed);
    assert_int_equal(compress(packed, &size, raw, (uLong)n), Z_OK);
    add_chunk(f, "IDAT", packed, size);
    free(packed);
}

static void add_rows(struct file_bytes *f, const uint8_t *pixels, size_t row, size_t h)
{
    uint8_t *raw = malloc((row + 1) * h);
    assert_non_null(raw);
    for (size_t y = 0; y < h; y++) {
        raw[y * (row + 1)] = 0;
        memcpy(raw + y * (row + 1) + 1, pixels + y * row, row);
    }
    add_pixels(f, raw, (row + 1) * h);
    free(raw);
}

static struct file_bytes simple_rgb(const uint8_t *pixels, uint32_t w, uint32_t h)
{
    struct file_bytes f = {0};
    add_header(&f, w, h, 8, RGB, 0);
    add_rows(&f, pixels, w * 3, h);
    add_chunk(&f, "IEND", NULL, 0);
    return f;
}

static void plain_pixels(void **state)
{
    (void)state;
    uint8_t pixels[7 * 5 * 3];
    struct g4_image image;
    fill_bytes(pixels, sizeof pixels, 1);
    struct file_bytes f = simple_rgb(pixels, 7, 5);
    expect_loaded(&image, f.data, f.n);
    assert_int_equal(image.width, 7);
    assert_int_equal(image.height, 5);
    assert_memory_equal(image.rgb, pixels, sizeof pixels);
    g4_image_release(&image);
    free(f.data);
}

/* The seven passes of a 9 x 10 picture must come to the same pixels, alpha included. */
static void interlaced_alpha(void **state)
{
    (void)state;
    enum { W = 9, H = 10 };
    static const uint8_t x0[] = {0, 4, 0, 2, 0, 1, 0}, dx[] = {8, 8, 4, 4, 2, 2, 1};
    static const uint8_t y0[] = {0, 0, 4, 0, 2, 0, 1}, dy[] = {8, 8, 8, 4, 4, 2, 2};
    uint8_t pixels[H][W][4], raw[7 * H + sizeof pixels];
    size_t n = 0;
    struct g4_image image;
    fill_bytes(pixels[0][0], sizeof pixels, 2);
    for (int pass = 0; pass < 7; pass++)
        for (size_t y = y0[pass]; y < H; y += dy[pass]) {
            raw[n++] = 0;
            for (size_t x = x0[pass]; x < W; x += dx[pass], n += 4)
                memcpy(raw + n, pixels[y][x], 4);
        }
    struct file_bytes f = {0};
    add_header(&f, W, H, 8, RGBA, 1);
    add_pixels(&f, raw, n);
    add_chunk(&f, "IEND", NULL, 0);
    expect_loaded(&image, f.data, f.n);
    for (size_t y = 0; y < H; y++)
        for (size_t x = 0; x < W; x++)
            for (size_t c = 0; c < 3; c++) {
                unsigned a = pixels[y][x][3], v = pixels[y][x][c];
                assert_int_equal(image.rgb[(y * W + x) * 3 + c],
                                 (v * a + 255 * (255 - a) + 127) / 255);
            }
    g4_image_release(&image);
    free(f.data);
}

/* 16 bits: the high byte, not a rounded one; the colour key is compared with all 16 bits. */
static void deep_samples(void **state)
{
    (void)state;
    static const uint8_t pixels[] = {0x12, 0xff, 0x34, 0x80, 0xff, 0xff,
                                     0x12, 0xff, 0x34, 0x81, 0xff, 0xff};
    static const uint8_t key[] = {0x12, 0xff, 0x34, 0x80, 0xff, 0xff};
    static const uint8_t expected[] = {255, 255, 255, 0x12, 0x34, 0xff};
    struct g4_image image;
    struct file_bytes f = {0};
    add_header(&f, 2, 1, 16, RGB, 0);
    add_chunk(&f, "tRNS", key, sizeof key);
    add_rows(&f, pixels, sizeof pixels, 1);
    add_chunk(&f, "IEND", NULL, 0);
    expect_loaded(&image, f.data, f.n);
    assert_memory_equal(image.rgb, expected, sizeof expected);
    g4_image_release(&image);
    free(f.data);
}

static void limit_before_memory(void **state)
{
    (void)state;
    const struct g4_image_limits none = {.orient = true};
    struct file_bytes f = {0};
    add_header(&f, 50000, 50000, 8, RGB, 0);
    add_rows(&f, (const uint8_t *)"", 0, 1);
    expect_refused(f.data, f.n, &usual_limits, G4_ELIMIT, "--max-pixels");
    free(f.data);

    f = (struct file_bytes){0};
    add_header(&f, 0, 5, 8, RGB, 0);
    expect_refused(f.data, f.n, &usual_limits, G4_EINPUT, "IHDR");
    free(f.data);

    /* With the limit lifted the size alone must not bring the program down. */
    f = (struct file_bytes){0};
    add_header(&f, 0x7fffffff, 0x7fffffff, 16, RGBA, 1);
    expect_refused(f.data, f.n, &none, G4_EINPUT, "truncated");
    add_rows(&f, (const uint8_t *)"", 0, 1);
    expect_refused(f.data, f.n, &none, G4_ENOMEM, "cannot allocate");
    free(f.data);
}

static void cut_anywhere(void **state)
{
    (void)state;
    uint8_t pixels[20 * 20 * 3];
    fill_bytes(pixels, sizeof pixels, 3);
    struct file_bytes f = simple_rgb(pixels, 20, 20);
    for (size_t n = 8; n < f.n; n += n + 20 < f.n ? 13 : 1)
        expect_refused(f.data, n, &usual_limits, G4_EINPUT, "broken PNG: ");
    free(f.data);
}

static void damaged_pixels(void **state)
{
    (void)state;
    uint8_t pixels[20 * 20 * 3];
    fill_bytes(pixels, sizeof pixels, 4);
    struct file_bytes f = simple_rgb(pixels, 20, 20);
    f.data[f.n / 2] ^= 0x10;
    expect_refused(f.data, f.n, &usual_limits, G4_EINPUT, "IDAT");
    free(f.data);

    /* Too few rows behind a correct checksum. */
    f = (struct file_bytes){0};
    add_header(&f, 20, 20, 8, RGB, 0);
    add_rows(&f, pixels, 60, 10);
    add_chunk(&f, "IEND", NULL, 0);
    expect_refused(f.data, f.n, &usual_limits, G4_EINPUT, "image data");
    free(f.data);
}

/* Broken profiles and texts that would unpack to gigabytes are none of our business. */
static void odd_chunks(void **state)
{
    (void)state;
    const uint8_t pixel[3] = {9, 8, 7};
    const size_t large = 20 << 20;
    uint8_t *junk = calloc(large, 1);
    struct g4_image image;
    struct file_bytes f = {0};
    assert_non_null(junk);
    memcpy(junk, "name\0\0not deflate", 17);
    add_header(&f, 1, 1, 8, RGB, 0);
    add_chunk(&f, "iCCP", junk, 40);
    add_chunk(&f, "gAMA", "\0\0\0\0", 4);
    add_chunk(&f, "zTXt", junk, large);
    add_chunk(&f, "caBX", junk, large);
    add_rows(&f, pixel, 3, 1);
    add_chunk(&f, "iTXt", "x", 1);
    add_chunk(&f, "IEND", NULL, 0);
    add_bytes(&f, "trailing bytes", 14);
    expect_loaded(&image, f.data, f.n);
    assert_memory_equal(image.rgb, pixel, 3);
    g4_image_release(&image);
    free(junk);
    free(f.data);
}

/* Orientation 6, in front of the pixels or behind them. */
static void orientation(void **state)
{
    (void)state;
    static const uint8_t exif[] = {'M',  'M', 0, '*', 0, 0, 0, 8, 0, 1, 1,
                                   0x12, 0,   3, 0,   0, 0, 1, 0, 6, 0, 0};
    static const uint8_t pixels[] = {1, 1, 1, 2, 2, 2};
    const struct g4_image_limits as_stored = {.orient = false};
    struct g4_image image;
    struct g4_err err;
    for (int behind = 0; behind < 2; behind++) {
        struct file_bytes f = {0};
        add_header(&f, 2, 1, 8, RGB, 0);
        if (!behind)
            add_chunk(&f, "eXIf", exif, sizeof exif);
        add_rows(&f, pixels, 6, 1);
        if (behind)
            add_chunk(&f, "eXIf", exif, sizeof exif);
        add_chunk(&f, "IEND", NULL, 0);
        expect_loaded(&image, f.data, f.n);
        assert_int_equal(image.width, 1);
        assert_int_equal(image.height, 2);
        g4_image_release(&image);
        assert_int_equal(g4_image_load(&image, picture_path, &as_stored, NULL, &err), 0);
        assert_int_equal(image.width, 2);
        g4_image_release(&image);
        free(f.data);
    }
}

static void animation(void **state)
{
    (void)state;
    const uint8_t pixel[3] = {1, 2, 3};
    for (uint8_t frames = 1; frames <= 2; frames++) {
        const uint8_t control[8] = {0, 0, 0, frames, 0, 0, 0, 0};
        struct g4_image image;
        struct g4_err err;
        struct file_bytes f = {0};
        bool animated = frames == 1;
        add_header(&f, 1, 1, 8, RGB, 0);
        add_chunk(&f, "acTL", control, sizeof control);
        add_rows(&f, pixel, 3, 1);
        add_chunk(&f, "IEND", NULL, 0);
        write_bytes(f.data, f.n);
        assert_int_equal(g4_image_load(&image, picture_path, &usual_limits, &animated, &err), 0);
        assert_int_equal(animated, frames == 2);
        g4_image_release(&image);
        free(f.data);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(plain_pixels), cmocka_unit_test(interlaced_alpha),
        cmocka_unit_test(deep_samples), cmocka_unit_test(limit_before_memory),
        cmocka_unit_test(cut_anywhere), cmocka_unit_test(damaged_pixels),
        cmocka_unit_test(odd_chunks),   cmocka_unit_test(orientation),
        cmocka_unit_test(animation),
    };
    return cmocka_run_group_tests(tests, make_path, remove_path);
}

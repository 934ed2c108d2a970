/* test_av_image.c - pictures that libav decodes, and what is told about those it does not. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "encoders/vision/av_image.h"
#include "tests/unit/media_fixture.h"

static const struct g4_image_limits limits = {.max_pixels = 1000, .orient = true};

struct picture {
    struct g4_image image;
    bool several;
    int orientation, status;
    struct g4_err err;
};

static struct picture load(const void *data, size_t n)
{
    struct picture p = {0};
    p.status =
        g4_av_image_load(&p.image, data, n, "in.bin", &limits, &p.several, &p.orientation, &p.err);
    return p;
}

static void assert_refused(const void *data, size_t n, int status, const char *words)
{
    struct picture p = load(data, n);
    assert_int_equal(p.status, status);
    assert_null(p.image.rgb);
    if (!strstr(p.err.text, words) || strncmp(p.err.text, "'in.bin': ", 10) != 0)
        fail_msg("'%s' is not in: %s", words, p.err.text);
}

/* A TIFF, 2 x 1, of the given kind; one strip at the end. */
static struct media_bytes tiff(unsigned bits, unsigned samples, unsigned photometric,
                               unsigned compression, unsigned extra, unsigned orientation,
                               const void *strip, size_t n)
{
    struct media_bytes b = {0};
    unsigned entries = 10 + (extra > 0);
    uint32_t behind = 8 + 2 + 12 * entries + 4;
    const uint32_t values[][3] = {
        {256, 4, 2},           {257, 4, 1},           {258, 3, bits},        {259, 3, compression},
        {262, 3, photometric}, {273, 4, behind + 8},  {274, 3, orientation}, {277, 3, samples},
        {278, 4, 1},           {279, 4, (uint32_t)n}, {338, 3, extra},
    };
    media_add(&b, "II*\0\x08\0\0\0", 8);
    media_number(&b, entries, 2);
    for (unsigned i = 0; i < entries; i++) {
        unsigned tag = values[i][0];
        bool wide =
            tag == 258 && samples > 2; /* more than fits in the entry: behind the directory */
        media_number(&b, tag, 2);
        media_number(&b, values[i][1], 2);
        media_number(&b, tag == 258 ? samples : 1, 4);
        if (wide)
            media_number(&b, behind, 4);
        else if (tag == 258 && samples == 2)
            media_number(&b, bits | bits << 16, 4);
        else
            media_number(&b, values[i][2], 4);
    }
    media_number(&b, 0, 4);
    for (int i = 0; i < 4; i++)
        media_number(&b, bits, 2);
    media_add(&b, strip, n);
    return b;
}

static void assert_pixels(struct media_bytes b, const uint8_t expected[6])
{
    struct picture p = load(b.data, b.n);
    if (p.status < 0)
        fail_msg("%s", p.err.text);
    assert_int_equal(p.image.width, 2);
    assert_int_equal(p.image.height, 1);
    assert_memory_equal(p.image.rgb, expected, 6);
    g4_image_release(&p.image);
    free(b.data);
}

static void tiff_kinds(void **state)
{
    (void)state;
    static const uint8_t rgb[] = {1, 2, 3, 250, 251, 252};
    assert_pixels(tiff(8, 3, 2, 1, 0, 1, rgb, 6), rgb);
    /* Alpha: nothing of the first, half of the second. (c a + 255 (255 - a) + 127) / 255 */
    static const uint8_t rgba[] = {10, 20, 30, 0, 0, 100, 255, 128};
    static const uint8_t white[] = {255, 255, 255, 127, 177, 255};
    assert_pixels(tiff(8, 4, 2, 1, 2, 1, rgba, 8), white);
    /* The high byte of 16 bits. */
    static const uint8_t deep[] = {0xff, 1, 0xff, 2, 0xff, 3, 0, 250, 0, 251, 0, 252};
    assert_pixels(tiff(16, 3, 2, 1, 0, 1, deep, 12), rgb);
    static const uint8_t grey[] = {7, 200}, greys[] = {7, 7, 7, 200, 200, 200};
    assert_pixels(tiff(8, 1, 1, 1, 0, 1, grey, 2), greys);
    static const uint8_t inverse[] = {248, 248, 248, 55, 55, 55};
    assert_pixels(tiff(8, 1, 0, 1, 0, 1, grey, 2), inverse);
}

static void tiff_facts(void **state)
{
    (void)state;
    static const uint8_t rgb[] = {1, 2, 3, 250, 251, 252};
    struct media_bytes b = tiff(8, 3, 2, 1, 0, 6, rgb, 6);
    struct picture p = load(b.data, b.n);
    assert_int_equal(p.status, 0);
    assert_int_equal(p.orientation, 6);
    assert_false(p.several);
    g4_image_release(&p.image);
    assert_refused(b.data, b.n - 4, G4_EINPUT, "strip");
    free(b.data);
    b = tiff(8, 4, 5, 1, 0, 1, "\1\2\3\4\5\6\7\10", 8);
    assert_refused(b.data, b.n, G4_EUNSUPPORTED, "photometric 5");
    free(b.data);
}

/* 2 x 1, red and blue; the second picture of the animation is blue and red. */
static const unsigned char gif_head[] = {'G',  'I', 'F', '8', '9', 'a', 2, 0, 1,  0,
                                         0x80, 0,   0,   255, 0,   0,   0, 0, 255};
static const unsigned char gif_first[] = {0x2c, 0, 0, 0, 0, 2, 0, 1, 0, 0, 2, 2, 0x44, 0x0a, 0};
static const unsigned char gif_second[] = {0x2c, 0, 0, 0, 0, 2, 0, 1, 0, 0, 2, 2, 0x0c, 0x0a, 0};

static void gif_animation(void **state)
{
    (void)state;
    static const uint8_t expected[] = {255, 0, 0, 0, 0, 255};
    struct media_bytes b = {0};
    media_add(&b, gif_head, sizeof gif_head);
    media_add(&b, gif_first, sizeof gif_first);
    media_add(&b, ";", 1);
    assert_refused(b.data, b.n - 4, G4_EINPUT, "truncated GIF");
    struct picture p = load(b.data, b.n);
    assert_int_equal(p.status, 0);
    assert_memory_equal(p.image.rgb, expected, 6);
    assert_false(p.several);
    g4_image_release(&p.image);
    b.n--;
    media_add(&b, gif_second, sizeof gif_second);
    media_add(&b, ";", 1);
    p = load(b.data, b.n);
    assert_int_equal(p.status, 0);
    assert_memory_equal(p.image.rgb, expected, 6);
    assert_true(p.several);
    g4_image_release(&p.image);
    free(b.data);
}

static void qoi(void **state)
{
    (void)state;
    /* 2 x 1 RGB, two literal pixels. */
    static const unsigned char file[] = {'q', 'o', 'i', 'f',  0,  0,  0,  2, 0, 0, 0, 1, 3, 0, 0xfe,
                                         9,   8,   7,   0xfe, 60, 50, 40, 0, 0, 0, 0, 0, 0, 0, 1};
    static const uint8_t expected[] = {9, 8, 7, 60, 50, 40};
    struct picture p = load(file, sizeof file);
    assert_int_equal(p.status, 0);
    assert_memory_equal(p.image.rgb, expected, 6);
    g4_image_release(&p.image);
    assert_refused(file, sizeof file - 1, G4_EINPUT, "truncated QOI");
}

static void too_many_pixels(void **state)
{
    (void)state;
    char header[64];
    int n = snprintf(header, sizeof header, "P4\n50000 50000\n");
    assert_refused(header, (size_t)n + 1, G4_EINPUT, "in.bin");
    static const char small[] = "P1\n40 40\n";
    struct media_bytes b = {0};
    media_add(&b, small, sizeof small - 1);
    for (int i = 0; i < 1600; i++)
        media_add(&b, i % 2 ? "0 " : "1 ", 2);
    assert_refused(b.data, b.n, G4_ELIMIT, "--max-pixels");
    free(b.data);
}

static void advice(void **state)
{
    (void)state;
    assert_refused("\0\0\0\x18"
                   "ftypheic\0\0\0\0",
                   16, G4_EUNSUPPORTED, "heif-convert");
    assert_refused("\0\0\0\x18"
                   "ftypavif\0\0\0\0",
                   16, G4_EUNSUPPORTED, "avifdec");
    assert_refused("\0\0\0\x18"
                   "ftypisom\0\0\0\0",
                   16, G4_EINPUT, "g4-video");
    assert_refused("RIFF\x24\0\0\0WAVEfmt ", 16, G4_EINPUT, "g4-audio");
    assert_refused("\x89G4S\r\n\x1a\n--------", 16, G4_EINPUT, "g4-decode");
    assert_refused("<?xml version='1.0'?><svg>", 26, G4_EUNSUPPORTED, "rsvg-convert");
    assert_refused("%PDF-1.4", 8, G4_EUNSUPPORTED, "pdftoppm");
    assert_refused("II*\0\x10\0\0\0CR\2\0", 12, G4_EUNSUPPORTED, "raw");
    static const char webp[] =
        "RIFF\x20\0\0\0WEBPVP8X\x0a\0\0\0\2\0\0\0\1\0\0\1\0\0ANIM\0\0\0\0\0\0\0";
    assert_refused(webp, 40, G4_EUNSUPPORTED, "webpmux -get frame 1");
    assert_refused("hello, world", 12, G4_EINPUT, "not recognised as a picture");
    assert_refused("x", 1, G4_EINPUT, "not recognised as a picture");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(tiff_kinds),      cmocka_unit_test(tiff_facts),
        cmocka_unit_test(gif_animation),   cmocka_unit_test(qoi),
        cmocka_unit_test(too_many_pixels), cmocka_unit_test(advice),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

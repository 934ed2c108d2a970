/* test_media_input.c - files, pipes and spools; how far a container reaches. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "encoders/media/extent.h"
#include "encoders/media/media_input.h"
#include "tests/unit/media_fixture.h"

static struct media_bytes counting(size_t n)
{
    struct media_bytes b = {0};
    for (size_t i = 0; i < n; i++) {
        unsigned char c = (unsigned char)(i * 37 >> 3);
        media_add(&b, &c, 1);
    }
    return b;
}

static struct g4_media_input *open_input(const char *path, uint64_t max_spool)
{
    struct g4_media_limits limits = G4_MEDIA_LIMITS;
    struct g4_media_input *input;
    struct g4_err err;
    limits.max_spool = max_spool;
    assert_int_equal(g4_media_input_open(&input, path, "g4-audio", &limits, &err), 0);
    return input;
}

/* Reads exactly n bytes at offset, in whatever portions they come. */
static void assert_bytes(struct g4_media_input *input, const struct media_bytes *b, uint64_t offset,
                         size_t n)
{
    unsigned char buffer[40000];
    size_t have = 0, got = 1;
    while (have < n && got > 0) {
        assert_int_equal(
            g4_media_input_read(input, offset + have, buffer + have, n - have, &got, NULL), 0);
        have += got;
    }
    assert_int_equal(have, n);
    assert_memory_equal(buffer, b->data + offset, n);
}

static void a_file_seeks(void **state)
{
    (void)state;
    struct media_bytes b = counting(30000);
    char path[32];
    int fd = media_file(path, &b);
    struct g4_media_input *input = open_input(path, 0);
    assert_true(g4_media_input_seekable(input));
    assert_int_equal(g4_media_input_size(input), 30000);
    assert_bytes(input, &b, 20000, 10000);
    assert_bytes(input, &b, 5, 100);
    size_t got;
    unsigned char c;
    assert_int_equal(g4_media_input_read(input, 30000, &c, 1, &got, NULL), 0);
    assert_int_equal(got, 0);
    g4_media_input_close(input);
    close(fd);
    free(b.data);
}

static void a_pipe_goes_forward(void **state)
{
    (void)state;
    struct media_bytes b = counting(30000);
    char path[32];
    int fd = media_pipe(path, &b);
    struct g4_media_input *input = open_input(path, 0);
    const unsigned char *head;
    size_t got;
    assert_true(g4_media_input_is_pipe(input));
    assert_false(g4_media_input_seekable(input));
    assert_int_equal(g4_media_input_size(input), -1);
    assert_int_equal(g4_media_input_peek(input, 8000, 9000, &head, &got, NULL), 0);
    assert_true(got >= 8000 && got <= 9000);
    assert_memory_equal(head, b.data, got);
    assert_bytes(input, &b, 0, 15000);
    assert_bytes(input, &b, 10, 100); /* what was peeked stays */
    assert_bytes(input, &b, 20000, 10000);
    unsigned char c;
    assert_int_equal(g4_media_input_read(input, 19000, &c, 1, &got, NULL), G4_EIO);
    assert_int_equal(g4_media_input_read(input, 30000, &c, 1, &got, NULL), 0);
    assert_int_equal(got, 0);
    assert_int_equal(g4_media_input_size(input), 30000);
    g4_media_input_close(input);
    close(fd);
    free(b.data);
}

static void a_spooled_pipe_seeks(void **state)
{
    (void)state;
    struct media_bytes b = counting(30000);
    char path[32];
    int fd = media_pipe(path, &b);
    struct g4_media_input *input = open_input(path, 30000);
    assert_int_equal(g4_media_input_spool(input, NULL), 0);
    assert_true(g4_media_input_seekable(input));
    assert_true(g4_media_input_is_pipe(input));
    assert_int_equal(g4_media_input_size(input), 30000);
    assert_bytes(input, &b, 25000, 5000);
    assert_bytes(input, &b, 0, 30000);
    g4_media_input_close(input);
    close(fd);
    fd = media_pipe(path, &b);
    input = open_input(path, 29999);
    struct g4_err err;
    assert_int_equal(g4_media_input_spool(input, &err), G4_ELIMIT);
    assert_non_null(strstr(err.text, "--max-spool"));
    g4_media_input_close(input);
    close(fd);
    free(b.data);
}

/* The offset that stdin has is byte 0. */
static void stdin_begins_where_it_stands(void **state)
{
    (void)state;
    struct media_bytes b = counting(1000);
    char path[32];
    int fd = media_file(path, &b), saved = dup(0);
    lseek(fd, 400, SEEK_SET);
    dup2(fd, 0);
    struct g4_media_input *input = open_input("-", 0);
    const struct media_bytes rest = {b.data + 400, 600, 0};
    assert_string_equal(g4_media_input_name(input), "stdin");
    assert_int_equal(g4_media_input_size(input), 600);
    assert_bytes(input, &rest, 0, 600);
    g4_media_input_close(input);
    dup2(saved, 0);
    close(saved);
    close(fd);
    free(b.data);
}

/* ------------------------------------------------------------------------------------ extents */

static void put_big(struct media_bytes *b, uint32_t value)
{
    const unsigned char p[4] = {(unsigned char)(value >> 24), (unsigned char)(value >> 16),
                                (unsigned char)(value >> 8), (unsigned char)value};
    media_add(b, p, 4);
}

/* Fed in portions of every size: the container must end at `end` (0: nothing is stated). */
static void assert_extent(struct media_bytes b, uint64_t end)
{
    for (size_t portion = 1; portion <= b.n; portion = portion < 50 ? portion + 1 : 2 * portion) {
        struct g4_extent extent = {0};
        for (size_t at = 0; at < b.n; at += portion)
            g4_extent_feed(&extent, at, b.data + at, b.n - at < portion ? b.n - at : portion);
        assert_int_equal(extent.end, end);
        assert_false(g4_extent_truncated(&extent, end));
        if (end > 0)
            assert_true(g4_extent_truncated(&extent, end - 1));
    }
    free(b.data);
}

static void extents_of_sounds(void **state)
{
    (void)state;
    char samples[1000] = {0};
    assert_extent(media_wav(1, 1, 16000, 16, samples, 1000, 1000), 1044);
    assert_extent(media_wav(1, 1, 16000, 16, samples, 1000, 5000), 5044);
    assert_extent(media_wav(1, 1, 16000, 16, samples, 1000, 0), 0);
    assert_extent(media_wav(1, 1, 16000, 16, samples, 1000, 0xffffffff), 0);
    struct media_bytes b = {0};
    media_add(&b, ".snd", 4);
    put_big(&b, 28);
    put_big(&b, 500);
    media_add(&b, samples, 100);
    assert_extent(b, 528);
    b = (struct media_bytes){0};
    media_add(&b, "FORM\0\0\0\0AIFF", 12);
    media_add(&b, "COMM", 4);
    put_big(&b, 17); /* odd: a byte of padding follows */
    media_add(&b, samples, 18);
    media_add(&b, "SSND", 4);
    put_big(&b, 300);
    assert_extent(b, 12 + 26 + 308);
    b = (struct media_bytes){0};
    media_add(&b, "RF64\xff\xff\xff\xffWAVE", 12);
    media_add(&b, "ds64", 4);
    media_number(&b, 28, 4);
    media_number(&b, 0, 8);
    media_number(&b, 5000000000, 8);
    media_add(&b, samples, 12);
    media_add(&b, "data\xff\xff\xff\xff", 8);
    assert_extent(b, 12 + 36 + 8 + 5000000000);
}

static void extents_of_boxes(void **state)
{
    (void)state;
    char body[300] = {0};
    struct media_bytes b = {0};
    put_big(&b, 24);
    media_add(&b, "ftyp", 4);
    media_add(&b, body, 16);
    put_big(&b, 1);
    media_add(&b, "mdat", 4);
    put_big(&b, 0);
    put_big(&b, 116); /* 64-bit size */
    media_add(&b, body, 100);
    put_big(&b, 50);
    media_add(&b, "moov", 4);
    media_add(&b, body, 10);
    assert_extent(b, 24 + 116 + 50);
    b = (struct media_bytes){0};
    put_big(&b, 16);
    media_add(&b, "ftyp12345678", 12);
    media_add(&b, "trailing bytes of nobody", 24);
    assert_extent(b, 16);
    b = (struct media_bytes){0};
    put_big(&b, 16);
    media_add(&b, "ftyp12345678", 12);
    put_big(&b, 0);
    media_add(&b, "mdat", 4);
    media_add(&b, body, 100); /* size 0: to the end of the file */
    assert_extent(b, 16);
    b = (struct media_bytes){0};
    media_add(&b, "\x1a\x45\xdf\xa3\x84\1\2\3\4", 9);
    media_add(&b, "\x18\x53\x80\x67\x41\x00", 6); /* 256 bytes */
    media_add(&b, body, 20);
    assert_extent(b, 9 + 6 + 256);
    b = (struct media_bytes){0};
    media_add(&b, "\x1a\x45\xdf\xa3\x84\1\2\3\4", 9);
    media_add(&b, "\x18\x53\x80\x67\x01\xff\xff\xff\xff\xff\xff\xff", 12); /* not known */
    media_add(&b, body, 20);
    assert_extent(b, 9);
}

/* Sizes near the end of what can be counted, and boxes without end. */
static void hostile_extents(void **state)
{
    (void)state;
    struct media_bytes b = {0};
    put_big(&b, 1);
    media_add(&b, "ftyp\xff\xff\xff\xff\xff\xff\xff\xff", 12);
    assert_extent(b, 0);
    b = (struct media_bytes){0};
    for (int i = 0; i < 300000; i++) {
        put_big(&b, 8);
        media_add(&b, "free", 4);
    }
    struct g4_extent extent = {0};
    g4_extent_feed(&extent, 0, b.data, b.n);
    assert_true(extent.done);
    assert_false(g4_extent_truncated(&extent, b.n));
    free(b.data);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_file_seeks),         cmocka_unit_test(a_pipe_goes_forward),
        cmocka_unit_test(a_spooled_pipe_seeks), cmocka_unit_test(stdin_begins_where_it_stands),
        cmocka_unit_test(extents_of_sounds),    cmocka_unit_test(extents_of_boxes),
        cmocka_unit_test(hostile_extents),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

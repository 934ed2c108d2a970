/*
 * test_stream.c - streams written and read back, cut at every byte, with every bit flipped, and
 * what the writer refuses. The rules one by one: tests/broken/streams.py and tests/cli/stream.bats.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <fcntl.h>
#include <math.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <unistd.h>

#include "lib/format/stream.h"

enum { WIDTH = 4 };

static struct g4_err err;

static const struct g4_stream_head head_bf16 = {
    .dtype = G4_STREAM_BF16,
    .width = WIDTH,
    .space_id = {1, 2, 3},
    .encoder_id = {4, 5, 6},
};

static int new_file(void)
{
    FILE *file = tmpfile();
    assert_non_null(file);
    int fd = dup(fileno(file));
    assert_true(fd >= 0);
    fclose(file);
    return fd;
}

static struct g4_stream_writer *new_writer(int fd, const struct g4_stream_head *head)
{
    struct g4_stream_writer *writer;
    assert_int_equal(g4_stream_writer_new(&writer, fd, head, &err), 0);
    return writer;
}

static struct g4_segment image(uint32_t source, uint16_t w, uint16_t h)
{
    return (struct g4_segment){.source = source,
                               .kind = G4_KIND_IMAGE,
                               .t0 = -1,
                               .t1 = -1,
                               .rows = (uint32_t)w * h,
                               .grid_w = w,
                               .grid_h = h};
}

static struct g4_segment audio(uint32_t source, int64_t t0)
{
    return (struct g4_segment){.source = source,
                               .kind = G4_KIND_AUDIO,
                               .t0 = t0,
                               .t1 = -1,
                               .rows = G4_STREAM_ROWS_UNKNOWN,
                               .us_per_row = 40000};
}

/* Every record type: an image, a text, sound in two pieces, a failure inside a segment, one
 * outside. */
static void write_everything(int fd, const struct g4_stream_head *head)
{
    const float rows[3 * WIDTH] = {1, -2.5f, 3e-3f, 1e30f, 5, 6, 7, 8, -0.0f, 1e-40f, 11, 12};
    struct g4_stream_writer *w = new_writer(fd, head);
    struct g4_segment s = image(0, 3, 1);
    assert_int_equal(g4_stream_meta_program(w, "g4-test", "1", "a\\b", &err), 0);
    assert_int_equal(g4_stream_meta_source(w, 0, "pho\xffto\n.png", -1, &err), 0);
    assert_int_equal(g4_stream_segm(w, &s, &err), 0);
    assert_int_equal(g4_stream_rows(w, rows, 3, &err), 0);
    assert_int_equal(g4_stream_sege(w, -1, &err), 0);
    assert_int_equal(g4_stream_text(w, 0, "and now:", 8, &err), 0);
    s = audio(1, 500000);
    assert_int_equal(g4_stream_meta_source(w, 1, "-", 3, &err), 0);
    assert_int_equal(g4_stream_segm(w, &s, &err), 0);
    assert_int_equal(s.number, 1);
    assert_int_equal(g4_stream_rows(w, rows, 1, &err), 0);
    assert_int_equal(g4_stream_rows(w, rows + WIDTH, 2, &err), 0);
    assert_int_equal(g4_stream_sege(w, 620000, &err), 0);
    s = audio(1, 620000);
    assert_int_equal(g4_stream_segm(w, &s, &err), 0);
    assert_int_equal(g4_stream_fail(w, 77, "decoder gave up", &err), 0);
    assert_int_equal(g4_stream_fail(w, 2, "cannot read", &err), 0);
    assert_int_equal(g4_stream_ends(w, &err), 0);
    g4_stream_writer_free(w);
}

static struct g4_stream_reader *new_reader(int fd)
{
    struct g4_stream_reader *reader;
    assert_int_equal(g4_stream_reader_new(&reader, fd, "'x.g4s'", &err), 0);
    return reader;
}

static void next(struct g4_stream_reader *reader, struct g4_record *record,
                 enum g4_record_type type)
{
    assert_int_equal(g4_stream_next(reader, record, &err), 0);
    assert_int_equal(record->type, type);
}

static void check_rows(const struct g4_record *r, const float *expected, size_t n,
                       enum g4_stream_dtype dtype)
{
    assert_int_equal(r->row_count * WIDTH, n);
    for (size_t i = 0; i < n; i++) {
        if (dtype == G4_STREAM_F32)
            assert_memory_equal(&r->rows[i], &expected[i], sizeof *expected);
        else
            assert_true(fabsf(r->rows[i] - expected[i]) <= fabsf(expected[i]) / 256 + 1e-40f);
    }
}

/* Reads what write_everything wrote, field by field. */
static void read_everything(struct g4_stream_reader *reader, const struct g4_stream_head *head)
{
    const float rows[3 * WIDTH] = {1, -2.5f, 3e-3f, 1e30f, 5, 6, 7, 8, -0.0f, 1e-40f, 11, 12};
    struct g4_record r;
    char *name;
    long part;
    next(reader, &r, G4_RECORD_HEAD);
    assert_memory_equal(&r.head.space_id, head->space_id, 16);
    assert_memory_equal(&r.head.encoder_id, head->encoder_id, 16);
    assert_int_equal(r.head.dtype, head->dtype);
    assert_int_equal(r.head.width, WIDTH);
    next(reader, &r, G4_RECORD_META);
    assert_string_equal(r.text,
                        "{\"program\":\"g4-test\",\"version\":\"1\",\"model\":\"a\\\\\\\\b\"}");
    assert_int_equal(g4_stream_meta_string(&r, "source", &name, &err), 0);
    assert_null(name);
    next(reader, &r, G4_RECORD_META);
    assert_int_equal(g4_stream_meta_string(&r, "source", &name, &err), 0);
    assert_string_equal(name, "pho\\xffto\n.png");
    free(name);
    assert_int_equal(g4_stream_meta_part(&r, &part, &err), 0);
    assert_int_equal(part, -1);
    next(reader, &r, G4_RECORD_SEGM);
    assert_int_equal(r.segment.kind, G4_KIND_IMAGE);
    assert_int_equal(r.segment.grid_w, 3);
    assert_int_equal(r.segment.grid_h, 1);
    assert_int_equal(r.segment.rows, 3);
    next(reader, &r, G4_RECORD_ROWS);
    check_rows(&r, rows, 3 * WIDTH, head->dtype);
    next(reader, &r, G4_RECORD_SEGE);
    next(reader, &r, G4_RECORD_TEXT);
    assert_string_equal(r.text, "and now:");
    assert_int_equal(r.text_bytes, 8);
    next(reader, &r, G4_RECORD_META);
    assert_int_equal(g4_stream_meta_part(&r, &part, &err), 0);
    assert_int_equal(part, 3);
    next(reader, &r, G4_RECORD_SEGM);
    assert_int_equal(r.source, 1);
    assert_int_equal(r.segment.t0, 500000);
    assert_int_equal(r.segment.rows, G4_STREAM_ROWS_UNKNOWN);
    next(reader, &r, G4_RECORD_ROWS);
    check_rows(&r, rows, WIDTH, head->dtype);
    next(reader, &r, G4_RECORD_ROWS);
    check_rows(&r, rows + WIDTH, 2 * WIDTH, head->dtype);
    assert_int_equal(r.segment.number, 1);
    next(reader, &r, G4_RECORD_SEGE);
    assert_int_equal(r.segment.t1, 620000);
    assert_int_equal(r.segment.rows, 3);
    assert_int_equal(r.segment.us_per_row, 40000);
    next(reader, &r, G4_RECORD_SEGM);
    next(reader, &r, G4_RECORD_FAIL);
    assert_true(r.closes_segment);
    assert_int_equal(r.source, 1);
    assert_int_equal(r.segment.number, 2);
    assert_string_equal(r.text, "decoder gave up");
    next(reader, &r, G4_RECORD_FAIL);
    assert_false(r.closes_segment);
    assert_int_equal(r.source, 2);
    next(reader, &r, G4_RECORD_ENDS);
}

static void test_round_trip(void **state)
{
    struct g4_stream_head head = head_bf16;
    struct g4_record r;
    int fd = new_file();
    (void)state;
    write_everything(fd, &head);
    head.dtype = G4_STREAM_F32;
    write_everything(fd, &head); /* one behind the other, as cat does */
    lseek(fd, 0, SEEK_SET);
    struct g4_stream_reader *reader = new_reader(fd);
    read_everything(reader, &head_bf16);
    read_everything(reader, &head);
    for (int i = 0; i < 3; i++) {
        next(reader, &r, G4_RECORD_EOF);
        assert_int_equal(r.stream, 2);
    }
    g4_stream_reader_free(reader);
    close(fd);
}

static void on_alarm(int number)
{
    (void)number;
}

/* A writer that gives one byte at a time, while a timer interrupts the reader's calls. */
static void test_one_byte_reads(void **state)
{
    int fd = new_file(), pair[2];
    (void)state;
    write_everything(fd, &head_bf16);
    lseek(fd, 0, SEEK_SET);
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, pair), 0);
    pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        char byte;
        close(pair[0]);
        while (read(fd, &byte, 1) == 1)
            if (write(pair[1], &byte, 1) != 1)
                _exit(1);
        _exit(0);
    }
    close(pair[1]);
    const struct sigaction action = {.sa_handler = on_alarm};
    const struct itimerval often = {{0, 200}, {0, 200}}, never = {{0, 0}, {0, 0}};
    sigaction(SIGALRM, &action, NULL);
    setitimer(ITIMER_REAL, &often, NULL);
    struct g4_stream_reader *reader = new_reader(pair[0]);
    struct g4_record r;
    read_everything(reader, &head_bf16);
    next(reader, &r, G4_RECORD_EOF);
    setitimer(ITIMER_REAL, &never, NULL);
    int status;
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_int_equal(status, 0);
    g4_stream_reader_free(reader);
    close(pair[0]);
    close(fd);
}

/* Reads bytes[0..n) to the end; 0, or the error. The file is reused: one write per attempt. */
static int attempt(int fd, const unsigned char *bytes, size_t n)
{
    struct g4_record r;
    assert_int_equal(ftruncate(fd, 0), 0);
    assert_int_equal(pwrite(fd, bytes, n, 0), (ssize_t)n);
    lseek(fd, 0, SEEK_SET);
    struct g4_stream_reader *reader = new_reader(fd);
    int status;
    do
        status = g4_stream_next(reader, &r, &err);
    while (status == 0 && r.type != G4_RECORD_EOF);
    if (status < 0) {
        struct g4_err again;
        assert_int_equal(g4_stream_next(reader, &r, &again), status);
        assert_string_equal(again.text, err.text);
        assert_non_null(strstr(err.text, "'x.g4s': "));
    }
    g4_stream_reader_free(reader);
    return status;
}

static size_t everything(unsigned char **bytes, int fd)
{
    write_everything(fd, &head_bf16);
    off_t size = lseek(fd, 0, SEEK_END);
    assert_true(size > 0);
    *bytes = malloc((size_t)size + 64);
    assert_non_null(*bytes);
    assert_int_equal(pread(fd, *bytes, (size_t)size, 0), size);
    return (size_t)size;
}

static void test_cut_at_every_byte(void **state)
{
    int fd = new_file();
    unsigned char *bytes;
    size_t n = everything(&bytes, fd);
    (void)state;
    for (size_t i = 0; i < n; i++) {
        assert_int_equal(attempt(fd, bytes, i), G4_EINPUT);
        assert_non_null(strstr(err.text, i == 0 ? "empty" : "truncated"));
    }
    assert_int_equal(attempt(fd, bytes, n), 0);
    memset(bytes + n, 0, 64);
    for (size_t i = 1; i <= 64; i++)
        assert_int_equal(attempt(fd, bytes, n + i), G4_EINPUT);
    print_message("%zu cuts refused\n", n);
    free(bytes);
    close(fd);
}

static void test_every_bit_flipped(void **state)
{
    int fd = new_file();
    unsigned char *bytes;
    size_t n = everything(&bytes, fd);
    (void)state;
    for (size_t i = 0; i < 8 * n; i++) {
        bytes[i / 8] ^= (unsigned char)(1 << i % 8);
        assert_true(attempt(fd, bytes, n) < 0);
        bytes[i / 8] ^= (unsigned char)(1 << i % 8);
    }
    assert_int_equal(attempt(fd, bytes, n), 0);
    print_message("%zu flipped bits refused\n", 8 * n);
    free(bytes);
    close(fd);
}

/* Units of 64 bytes left out, sent twice, or in another order. */
static void test_units_out_of_order(void **state)
{
    int fd = new_file();
    unsigned char *bytes, unit[64];
    size_t n = everything(&bytes, fd), refused = 0;
    unsigned char *other = malloc(n + 64);
    assert_non_null(other);
    (void)state;
    for (size_t i = 0; i + 64 <= n; i += 64) {
        memcpy(other, bytes, i);
        memcpy(other + i, bytes + i + 64, n - i - 64);
        assert_true(attempt(fd, other, n - 64) < 0);
        memcpy(other + i, bytes + i, 64);
        memcpy(other + i + 64, bytes + i, n - i);
        assert_true(attempt(fd, other, n + 64) < 0);
        memcpy(other, bytes, n);
        if (i + 128 > n || memcmp(bytes + i, bytes + i + 64, 64) == 0)
            continue;
        memcpy(unit, other + i, 64);
        memcpy(other + i, other + i + 64, 64);
        memcpy(other + i + 64, unit, 64);
        assert_true(attempt(fd, other, n) < 0);
        refused++;
    }
    assert_true(refused > 10);
    free(other);
    free(bytes);
    close(fd);
}

static void test_writer_refuses(void **state)
{
    const float good[WIDTH] = {1, 2, 3, 4}, nan_row[WIDTH] = {1, 2, NAN, 4},
                inf_row[WIDTH] = {INFINITY};
    const float too_large[WIDTH] = {3.4e38f}; /* finite, but not as bf16 */
    int fd = new_file();
    struct g4_stream_writer *w = new_writer(fd, &head_bf16);
    struct g4_segment s = audio(0, 1000), wrong;
    (void)state;
    assert_int_equal(g4_stream_meta(w, 0, "[1]", &err), G4_EINPUT);
    assert_int_equal(g4_stream_meta(w, 0, "{\"program\":\"p\"}", &err), G4_EINPUT);
    assert_int_equal(g4_stream_text(w, 0, "", 0, &err), G4_EINPUT);
    assert_int_equal(g4_stream_text(w, 0, "\xff", 1, &err), G4_EINPUT);
    assert_int_equal(g4_stream_text(w, 0, "a\0b", 3, &err), G4_EINPUT);
    assert_int_equal(g4_stream_rows(w, good, 1, &err), G4_EINPUT);
    assert_int_equal(g4_stream_sege(w, 0, &err), G4_EINPUT);
    wrong = image(0, 0, 1);
    assert_int_equal(g4_stream_segm(w, &wrong, &err), G4_EINPUT);
    wrong = image(1, 1, 1);
    assert_int_equal(g4_stream_segm(w, &wrong, &err), G4_EINPUT);
    assert_string_equal(err.text, "SEGM: source 1, at most 0 expected");
    assert_int_equal(g4_stream_segm(w, &s, &err), 0);
    assert_int_equal(g4_stream_segm(w, &s, &err), G4_EINPUT);
    assert_int_equal(g4_stream_ends(w, &err), G4_EINPUT);
    assert_int_equal(g4_stream_sege(w, 1000, &err), G4_EINPUT);
    assert_int_equal(g4_stream_rows(w, nan_row, 1, &err), G4_EINPUT);
    assert_int_equal(g4_stream_rows(w, inf_row, 1, &err), G4_EINPUT);
    assert_int_equal(g4_stream_rows(w, too_large, 1, &err), G4_EINPUT);
    assert_int_equal(g4_stream_rows(w, good, 0, &err), G4_EINPUT);
    assert_int_equal(g4_stream_rows(w, good, 1, &err), 0);
    assert_int_equal(g4_stream_sege(w, 999, &err), G4_EINPUT);
    assert_int_equal(g4_stream_sege(w, 1000, &err), 0);
    wrong = audio(0, 999);
    assert_int_equal(g4_stream_segm(w, &wrong, &err), G4_EINPUT);
    assert_int_equal(g4_stream_fail(w, 2, "x", &err), G4_EINPUT);
    assert_int_equal(g4_stream_fail(w, 0, "", &err), 0);
    assert_int_equal(g4_stream_segm(w, &s, &err), G4_EINPUT);
    assert_int_equal(g4_stream_ends(w, &err), 0);
    assert_int_equal(g4_stream_text(w, 0, "x", 1, &err), G4_EINPUT);
    assert_int_equal(g4_stream_ends(w, &err), G4_EINPUT);
    g4_stream_writer_free(w);
    /* What was refused left no trace: header, SEGM, ROWS, SEGE, FAIL, ENDS. */
    assert_int_equal(lseek(fd, 0, SEEK_END), 64 * (1 + 1 + 2 + 1 + 2 + 2));
    lseek(fd, 0, SEEK_SET);
    struct g4_stream_reader *reader = new_reader(fd);
    struct g4_record r;
    next(reader, &r, G4_RECORD_HEAD);
    next(reader, &r, G4_RECORD_SEGM);
    next(reader, &r, G4_RECORD_ROWS);
    next(reader, &r, G4_RECORD_SEGE);
    next(reader, &r, G4_RECORD_FAIL);
    assert_string_equal(r.text, "failed");
    next(reader, &r, G4_RECORD_ENDS);
    next(reader, &r, G4_RECORD_EOF);
    g4_stream_reader_free(reader);
    close(fd);
}

static void test_writer_head(void **state)
{
    struct g4_stream_writer *w;
    struct g4_stream_head head = {.dtype = G4_STREAM_BF16, .width = 65537};
    int fd = new_file();
    (void)state;
    assert_int_equal(g4_stream_writer_new(&w, fd, &head, &err), G4_EINPUT);
    assert_null(w);
    head = (struct g4_stream_head){.dtype = G4_STREAM_BF16, .width = 0, .space_id = {1}};
    assert_int_equal(g4_stream_writer_new(&w, fd, &head, &err), G4_EINPUT);
    head.space_id[0] = 0;
    w = new_writer(fd, &head);
    struct g4_segment s = image(0, 1, 1);
    assert_int_equal(g4_stream_segm(w, &s, &err), G4_EINPUT);
    g4_stream_writer_free(w);
    close(fd);
}

static void test_failed_write(void **state)
{
    int full = open("/dev/full", O_WRONLY), fd = open("/dev/null", O_WRONLY);
    struct g4_stream_writer *w;
    (void)state;
    assert_true(full >= 0 && fd >= 0);
    assert_int_equal(g4_stream_writer_new(&w, full, &head_bf16, &err), G4_EIO);
    assert_null(w);
    w = new_writer(fd, &head_bf16);
    assert_true(dup2(full, fd) == fd);
    assert_int_equal(g4_stream_text(w, 0, "x", 1, &err), G4_EIO);
    assert_string_equal(err.text, "cannot write: No space left on device");
    int null = open("/dev/null", O_WRONLY);
    assert_true(dup2(null, fd) == fd);
    assert_int_equal(g4_stream_ends(w, &err), G4_EIO);
    assert_string_equal(err.text, "cannot write: No space left on device");
    g4_stream_writer_free(w);
    close(null);
    close(full);
    close(fd);
}

/* 257 rows of 65536 f32: one row more than the cap of a record. */
static void test_rows_are_split(void **state)
{
    const struct g4_stream_head head = {.dtype = G4_STREAM_F32, .width = G4_STREAM_WIDTH};
    const size_t n = 257;
    int fd = new_file();
    float *rows = calloc(n, G4_STREAM_WIDTH * sizeof *rows);
    struct g4_stream_writer *w = new_writer(fd, &head);
    struct g4_segment s = image(0, 257, 1);
    struct g4_record r;
    (void)state;
    assert_non_null(rows);
    rows[n * G4_STREAM_WIDTH - 1] = NAN;
    assert_int_equal(g4_stream_segm(w, &s, &err), 0);
    assert_int_equal(g4_stream_rows(w, rows, n, &err), G4_EINPUT);
    assert_int_equal(lseek(fd, 0, SEEK_END), 128);
    rows[n * G4_STREAM_WIDTH - 1] = 0.5f;
    assert_int_equal(g4_stream_rows(w, rows, n, &err), 0);
    assert_int_equal(g4_stream_sege(w, -1, &err), 0);
    assert_int_equal(g4_stream_ends(w, &err), 0);
    g4_stream_writer_free(w);
    lseek(fd, 0, SEEK_SET);
    struct g4_stream_reader *reader = new_reader(fd);
    next(reader, &r, G4_RECORD_HEAD);
    next(reader, &r, G4_RECORD_SEGM);
    next(reader, &r, G4_RECORD_ROWS);
    assert_int_equal(r.row_count, 256);
    next(reader, &r, G4_RECORD_ROWS);
    assert_int_equal(r.row_count, 1);
    assert_true(r.rows[G4_STREAM_WIDTH - 1] == 0.5f);
    next(reader, &r, G4_RECORD_SEGE);
    next(reader, &r, G4_RECORD_ENDS);
    g4_stream_reader_free(reader);
    free(rows);
    close(fd);
}

static void test_bf16_rounds_to_nearest_even(void **state)
{
    const float in[WIDTH] = {1.00390625f, 1.01171875f, 1.004f, -1.00390625f};
    const float out[WIDTH] = {1.0f, 1.015625f, 1.0078125f, -1.0f};
    int fd = new_file();
    struct g4_stream_writer *w = new_writer(fd, &head_bf16);
    struct g4_segment s = image(0, 1, 1);
    struct g4_record r;
    (void)state;
    assert_int_equal(g4_stream_segm(w, &s, &err), 0);
    assert_int_equal(g4_stream_rows(w, in, 1, &err), 0);
    g4_stream_writer_free(w);
    lseek(fd, 0, SEEK_SET);
    struct g4_stream_reader *reader = new_reader(fd);
    next(reader, &r, G4_RECORD_HEAD);
    next(reader, &r, G4_RECORD_SEGM);
    next(reader, &r, G4_RECORD_ROWS);
    assert_memory_equal(r.rows, out, sizeof out);
    assert_int_equal(g4_stream_next(reader, &r, &err), G4_EINPUT);
    assert_string_equal(err.text, "'x.g4s': truncated: no ENDS (2 records came)");
    g4_stream_reader_free(reader);
    close(fd);
}

static void test_source_names(void **state)
{
    static const struct {
        const char *operand, *name;
    } cases[] = {
        {"-", "-"},
        {"a b.png", "a b.png"},
        {"a\\b", "a\\\\b"},
        {"\xff\xc3", "\\xff\\xc3"},
        {"\xc3\xa9.jpg", "\xc3\xa9.jpg"},
        {"\n\t\"", "\n\t\""},
        {"", ""},
        {"\xed\xa0\x80", "\\xed\\xa0\\x80"},
        {"\\xff", "\\\\xff"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        char *name = g4_stream_source_name(cases[i].operand);
        assert_string_equal(name, cases[i].name);
        free(name);
    }
}

static void test_long_words(void **state)
{
    int fd = new_file();
    struct g4_stream_writer *w = new_writer(fd, &head_bf16);
    const size_t n = 200000;
    char *text = malloc(n + 1);
    struct g4_record r;
    (void)state;
    assert_non_null(text);
    memset(text, 1, n); /* worst case of JSON escapes */
    text[n] = '\0';
    assert_int_equal(g4_stream_meta_program(w, "p", "1", "m", &err), 0);
    assert_int_equal(g4_stream_meta_source(w, 0, text, 0, &err), 0);
    for (size_t i = 0; i + 1 < n; i += 2)
        memcpy(text + i, "\xc3\xa9", 2);
    memcpy(text, "x\n", 2);
    assert_int_equal(g4_stream_fail(w, 0, text, &err), 0);
    assert_int_equal(g4_stream_ends(w, &err), 0);
    g4_stream_writer_free(w);
    free(text);
    lseek(fd, 0, SEEK_SET);
    struct g4_stream_reader *reader = new_reader(fd);
    next(reader, &r, G4_RECORD_HEAD);
    next(reader, &r, G4_RECORD_META);
    next(reader, &r, G4_RECORD_META);
    next(reader, &r, G4_RECORD_FAIL);
    assert_int_equal(r.text_bytes, G4_STREAM_META_CAP - 1); /* a character would straddle the cap */
    assert_memory_equal(r.text, "x\\n\xc3\xa9", 5);
    next(reader, &r, G4_RECORD_ENDS);
    g4_stream_reader_free(reader);
    close(fd);
}

static void test_agree(void **state)
{
    struct g4_stream_space space = {0};
    struct g4_stream_head any = {.dtype = G4_STREAM_BF16, .width = WIDTH},
                          text = {.dtype = G4_STREAM_F32},
                          wide = {.dtype = G4_STREAM_BF16, .width = 5}, other = head_bf16;
    other.space_id[15] = 9;
    (void)state;
    assert_int_equal(g4_stream_agree(&space, &text, &err), 0);
    assert_int_equal(g4_stream_agree(&space, &any, &err), 0);
    assert_int_equal(g4_stream_agree(&space, &head_bf16, &err), 0);
    assert_int_equal(g4_stream_agree(&space, &any, &err), 0);
    assert_int_equal(g4_stream_agree(&space, &wide, &err), G4_EINPUT);
    assert_string_equal(err.text, "width 5, but 4 in a stream before it");
    assert_int_equal(g4_stream_agree(&space, &other, &err), G4_EINPUT);
    assert_int_equal(g4_stream_agree(&space, &text, &err), 0);
    assert_int_equal(space.width, WIDTH);
    assert_memory_equal(space.space_id, head_bf16.space_id, 16);
}

static void test_first_bytes(void **state)
{
    int fd = new_file();
    size_t n;
    struct g4_record r;
    (void)state;
    assert_int_equal(write(fd, "\x89PNG\r\n", 6), 6);
    lseek(fd, 0, SEEK_SET);
    struct g4_stream_reader *reader = new_reader(fd);
    g4_stream_first_bytes(reader, &n);
    assert_int_equal(n, 0);
    assert_int_equal(g4_stream_next(reader, &r, &err), G4_EINPUT);
    assert_string_equal(err.text, "'x.g4s': not a soft-token stream");
    assert_memory_equal(g4_stream_first_bytes(reader, &n), "\x89PNG\r\n", 6);
    assert_int_equal(n, 6);
    g4_stream_reader_free(reader);
    close(fd);
    g4_stream_reader_free(NULL);
    g4_stream_writer_free(NULL);
}

static void test_unreadable(void **state)
{
    struct g4_record r;
    struct g4_stream_reader *reader = new_reader(-1);
    (void)state;
    assert_int_equal(g4_stream_next(reader, &r, &err), G4_EIO);
    assert_string_equal(err.text, "'x.g4s': cannot read: Bad file descriptor");
    g4_stream_reader_free(reader);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_round_trip),
        cmocka_unit_test(test_one_byte_reads),
        cmocka_unit_test(test_cut_at_every_byte),
        cmocka_unit_test(test_every_bit_flipped),
        cmocka_unit_test(test_units_out_of_order),
        cmocka_unit_test(test_writer_refuses),
        cmocka_unit_test(test_writer_head),
        cmocka_unit_test(test_failed_write),
        cmocka_unit_test(test_rows_are_split),
        cmocka_unit_test(test_bf16_rounds_to_nearest_even),
        cmocka_unit_test(test_source_names),
        cmocka_unit_test(test_long_words),
        cmocka_unit_test(test_agree),
        cmocka_unit_test(test_first_bytes),
        cmocka_unit_test(test_unreadable),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

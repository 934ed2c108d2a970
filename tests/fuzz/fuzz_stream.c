/*
 * fuzz_stream.c - any bytes as a soft-token stream: refused with a message, or every record in
 * order.
 *
 * The first byte chooses: even, the bytes as they are; odd, with all checksums made right, so that
 * the rules behind them are reached.
 */
#include <assert.h>
#include <math.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>
#include <zlib.h>

#include "lib/base/utf8.h"
#include "lib/format/stream.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { UNIT = 64, SIZE_AT = 8, PAYLOAD_CRC_AT = 56, CRC_AT = 60 };

static void put_crc(uint8_t *at, const uint8_t *data, size_t n)
{
    uint32_t crc = (uint32_t)crc32(crc32(0, NULL, 0), data, (unsigned)n);
    for (int i = 0; i < 4; i++)
        at[i] = (uint8_t)(crc >> 8 * i);
}

/* Header, then records one behind another, as far as their lengths stay inside. */
static void repair(uint8_t *p, size_t n)
{
    for (size_t at = 0, record = 0; n - at >= UNIT; record++) {
        uint64_t payload = 0;
        for (int i = 7; i >= 0 && record > 0; i--)
            payload = payload << 8 | p[at + SIZE_AT + (size_t)i];
        if (payload > n - at - UNIT)
            payload = n - at - UNIT;
        if (record > 0 && payload > 0)
            put_crc(p + at + PAYLOAD_CRC_AT, p + at + UNIT, (size_t)payload);
        put_crc(p + at + CRC_AT, p + at, CRC_AT);
        size_t whole = UNIT + ((size_t)payload + UNIT - 1) / UNIT * UNIT;
        if (whole > n - at)
            break;
        at += whole;
    }
}

/* What every reader relies on. */
static void check_record(const struct g4_record *r, uint32_t width)
{
    switch (r->type) {
    case G4_RECORD_META:
    case G4_RECORD_TEXT:
    case G4_RECORD_FAIL:
        assert(r->text_bytes > 0 && r->text[r->text_bytes] == '\0');
        assert(g4_utf8_valid(r->text, r->text_bytes));
        break;
    case G4_RECORD_ROWS:
        assert(r->row_count > 0 && r->row_count <= G4_STREAM_SEGMENT_ROWS && width > 0);
        for (size_t i = 0; i < r->row_count * width; i++)
            assert(isfinite(r->rows[i]));
        break;
    case G4_RECORD_SEGE:
        assert(r->segment.rows > 0 && r->segment.rows <= G4_STREAM_SEGMENT_ROWS);
        assert(r->segment.kind == G4_KIND_AUDIO ||
               r->segment.rows == (uint32_t)r->segment.grid_w * r->segment.grid_h);
        break;
    default: break;
    }
}

/* Whether the bytes are valid streams to their end. */
static int accepted(int fd, const uint8_t *data, size_t n)
{
    struct g4_stream_reader *reader;
    struct g4_record record;
    struct g4_err err = {0}, again = {0};
    uint32_t width = 0;
    int status;
    assert(ftruncate(fd, 0) == 0 && lseek(fd, 0, SEEK_SET) == 0);
    assert(write(fd, data, n) == (ssize_t)n && lseek(fd, 0, SEEK_SET) == 0);
    assert(g4_stream_reader_new(&reader, fd, "f", &err) == 0);
    while ((status = g4_stream_next(reader, &record, &err)) == 0 && record.type != G4_RECORD_EOF) {
        width = record.type == G4_RECORD_HEAD ? record.head.width : width;
        check_record(&record, width);
    }
    if (status < 0) {
        assert(err.text[0] != '\0' && !strchr(err.text, '\n'));
        assert(g4_stream_next(reader, &record, &again) == status &&
               strcmp(err.text, again.text) == 0);
    }
    g4_stream_reader_free(reader);
    return status == 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static int fd = -1;
    if (fd < 0)
        fd = memfd_create("stream", MFD_CLOEXEC);
    assert(fd >= 0);
    if (size < 2)
        return 0;
    size_t n = size - 1;
    uint8_t *copy = malloc(n);
    assert(copy);
    memcpy(copy, data + 1, n);
    if (data[0] & 1)
        repair(copy, n);
    if (accepted(fd, copy, n)) {
        /* Nothing that is cut, and nothing with a flipped bit, is a stream as well. */
        size_t bit = (size_t)(crc32(0, copy, (unsigned)n) % (8 * n));
        assert(!accepted(fd, copy, n - 1));
        copy[bit >> 3] ^= (uint8_t)(1u << (bit & 7));
        assert(!accepted(fd, copy, n));
    }
    free(copy);
    return 0;
}

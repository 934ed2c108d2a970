/*
 * stream_read.c - bytes to records.
 *
 * One unit of 64 bytes is a header; its checksum comes first, then its fields against the rules,
 * and only then its payload is read, piece by piece, into memory that grows with what came.
 */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/file.h"
#include "lib/base/mem.h"
#include "lib/format/stream_rules.h"
#include "lib/tensor/half.h"

enum { PIECE = 256 << 10 };

enum phase {
    PHASE_START,   /* nothing read */
    PHASE_STREAM,  /* inside a stream */
    PHASE_BETWEEN, /* behind ENDS */
    PHASE_EOF,
    PHASE_FAILED,
};

struct g4_stream_reader {
    int fd;
    char *name;
    enum phase phase;
    struct g4_err failure; /* PHASE_FAILED: what is repeated */
    unsigned char first[G4_STREAM_UNIT];
    size_t first_bytes;
    uint32_t streams; /* begun so far */
    uint64_t records; /* of this stream, headers read so far */
    struct g4_stream_space space;
    struct g4_stream_rules rules;
    unsigned char *piece; /* [PIECE] */
    char *text;           /* payload of words, NUL-terminated */
    size_t text_capacity;
    float *rows;          /* payload of ROWS, widened */
    size_t rows_capacity; /* floats */
};

int g4_stream_reader_new(struct g4_stream_reader **reader, int fd, const char *name,
                         struct g4_err *err)
{
    void *memory;
    *reader = NULL;
    int status = g4_alloc(&memory, 1, sizeof **reader, "a stream reader", err);
    if (status < 0)
        return status;
    struct g4_stream_reader *r = memory;
    r->fd = fd;
    r->name = strdup(name);
    r->piece = malloc(PIECE);
    if (r->name == NULL || r->piece == NULL) {
        g4_stream_reader_free(r);
        return g4_err_nomem(err, PIECE, "a stream reader");
    }
    *reader = r;
    return 0;
}

void g4_stream_reader_free(struct g4_stream_reader *reader)
{
    if (reader == NULL)
        return;
    free(reader->name);
    free(reader->piece);
    free(reader->text);
    free(reader->rows);
    free(reader);
}

const unsigned char *g4_stream_first_bytes(const struct g4_stream_reader *reader, size_t *n)
{
    *n = reader->first_bytes;
    return reader->first;
}

/* Exactly n bytes. *got tells a file that ended before (G4_EINPUT; the text is the caller's) from
 * one that cannot be read (G4_EIO). */
static int read_exact(struct g4_stream_reader *r, void *bytes, size_t n, size_t *got,
                      struct g4_err *err)
{
    int status = g4_read_full(r->fd, bytes, n, got, err);
    if (status < 0)
        return status;
    return *got < n ? G4_EINPUT : 0;
}

static int truncated(struct g4_err *err, const char *where)
{
    return g4_err_set(err, G4_EINPUT, "truncated: ends inside %s", where);
}

/* ------------------------------------------------------------------------------------- payloads */

/* Doubles *memory until it holds `need` elements, but no further than `most`. */
static int grow(void **memory, size_t *capacity, size_t need, size_t most, size_t element,
                struct g4_err *err)
{
    if (need <= *capacity)
        return 0;
    size_t size = *capacity * 2 > need ? *capacity * 2 : need;
    if (size > most)
        size = most;
    void *grown = realloc(*memory, size * element);
    if (grown == NULL)
        return g4_err_nomem(err, size * element, "a record of the stream");
    *memory = grown;
    *capacity = size;
    return 0;
}

/* What becomes of each piece of a payload; `at` bytes came before it. */
typedef int piece_fn(struct g4_stream_reader *r, const struct g4_record_header *record, uint64_t at,
                     size_t n, struct g4_err *err);

static int drop_piece(struct g4_stream_reader *r, const struct g4_record_header *record,
                      uint64_t at, size_t n, struct g4_err *err)
{
    (void)r, (void)record, (void)at, (void)n, (void)err;
    return 0;
}

static int keep_text(struct g4_stream_reader *r, const struct g4_record_header *record, uint64_t at,
                     size_t n, struct g4_err *err)
{
    void *memory = r->text;
    int status =
        grow(&memory, &r->text_capacity, (size_t)at + n + 1, (size_t)record->bytes + 1, 1, err);
    r->text = memory;
    if (status < 0)
        return status;
    memcpy(r->text + at, r->piece, n);
    r->text[at + n] = '\0';
    return 0;
}

static int keep_rows(struct g4_stream_reader *r, const struct g4_record_header *record, uint64_t at,
                     size_t n, struct g4_err *err)
{
    const size_t element = r->rules.head.dtype == G4_STREAM_F32 ? 4 : 2;
    const size_t start = (size_t)at / element, count = n / element;
    void *memory = r->rows;
    int status = grow(&memory, &r->rows_capacity, start + count, (size_t)record->bytes / element,
                      sizeof *r->rows, err);
    r->rows = memory;
    if (status < 0)
        return status;
    float *out = r->rows + start;
    for (size_t i = 0; i < count; i++) {
        if (element == 4) {
            uint32_t bits = g4_get_u32(r->piece + 4 * i);
            memcpy(&out[i], &bits, sizeof bits);
        } else {
            out[i] = g4_bf16_to_f32(g4_get_u16(r->piece + 2 * i));
        }
    }
    return 0;
}

static int read_padding(struct g4_stream_reader *r, uint64_t payload, struct g4_err *err)
{
    unsigned char padding[G4_STREAM_UNIT];
    size_t n = (size_t)(-payload % G4_STREAM_UNIT), got;
    int status = read_exact(r, padding, n, &got, err);
    if (status == G4_EINPUT)
        return truncated(err, "the padding");
    for (size_t i = 0; status == 0 && i < n; i++)
        if (padding[i] != 0)
            status =
                g4_err_set(err, G4_EINPUT, "padding byte %zu is %d, 0 expected", i, padding[i]);
    return status;
}

static int read_payload(struct g4_stream_reader *r, const struct g4_record_header *record,
                        piece_fn *take, struct g4_err *err)
{
    uint32_t crc = 0;
    for (uint64_t at = 0; at < record->bytes;) {
        uint64_t left = record->bytes - at;
        size_t n = left < PIECE ? (size_t)left : PIECE, got;
        int status = read_exact(r, r->piece, n, &got, err);
        if (status == G4_EINPUT)
            return truncated(err, "the payload");
        if (status == 0)
            status = take(r, record, at, n, err);
        if (status < 0)
            return status;
        crc = g4_stream_crc(crc, r->piece, n);
        at += n;
    }
    if (crc != record->payload_crc)
        return g4_err_set(err, G4_EINPUT, "payload checksum 0x%08x, but the bytes give 0x%08x",
                          record->payload_crc, crc);
    return read_padding(r, record->bytes, err);
}

static int check_finite(const struct g4_stream_reader *r, size_t rows, struct g4_err *err)
{
    const size_t width = r->rules.head.width;
    for (size_t i = 0; i < rows * width; i++) {
        uint32_t bits;
        memcpy(&bits, &r->rows[i], sizeof bits);
        if ((bits & 0x7f800000u) == 0x7f800000u)
            return g4_err_set(err, G4_EINPUT, "row %zu, element %zu is not finite", i / width,
                              i % width);
    }
    return 0;
}

/* -------------------------------------------------------------------------------------- records */

static int read_words(struct g4_stream_reader *r, const struct g4_record_header *record,
                      struct g4_record *out, struct g4_err *err)
{
    int status = read_payload(r, record, keep_text, err);
    if (status < 0)
        return status;
    out->text = r->text;
    out->text_bytes = (size_t)record->bytes;
    if (record->type == G4_TYPE_META)
        return g4_stream_check_meta(&r->rules, out->text, out->text_bytes, err);
    return g4_stream_check_text(out->text, out->text_bytes, err);
}

/* Reads and checks the payload, and fills *out. */
static int read_body(struct g4_stream_reader *r, const struct g4_record_header *record,
                     bool was_inside, struct g4_record *out, struct g4_err *err)
{
    int status;
    *out = (struct g4_record){.stream = r->streams - 1, .source = record->segment.source};
    switch (record->type) {
    case G4_TYPE_TEXT:
    case G4_TYPE_META:
        out->type = record->type == G4_TYPE_TEXT ? G4_RECORD_TEXT : G4_RECORD_META;
        return read_words(r, record, out, err);
    case G4_TYPE_FAIL:
        out->type = G4_RECORD_FAIL;
        out->closes_segment = was_inside;
        if (was_inside)
            out->segment = r->rules.open;
        return read_words(r, record, out, err);
    case G4_TYPE_ROWS:
        out->type = G4_RECORD_ROWS;
        out->segment = r->rules.open;
        status = read_payload(r, record, keep_rows, err);
        if (status < 0)
            return status;
        out->rows = r->rows;
        out->row_count = record->segment.rows;
        return check_finite(r, out->row_count, err);
    case G4_TYPE_ENDS:
        out->type = G4_RECORD_ENDS;
        status = read_payload(r, record, keep_text, err);
        if (status == 0)
            status = g4_stream_check_ends(&r->rules, (unsigned char *)r->text, err);
        if (status == 0)
            r->phase = PHASE_BETWEEN;
        return status;
    default:
        out->type = record->type == G4_TYPE_SEGM ? G4_RECORD_SEGM : G4_RECORD_SEGE;
        out->segment = record->segment;
        return read_payload(r, record, drop_piece, err);
    }
}

/* The next record that a caller has a use for. */
static int next_record(struct g4_stream_reader *r, struct g4_record *out, struct g4_err *err)
{
    for (;;) {
        unsigned char bytes[G4_STREAM_UNIT];
        char type[16] = "header";
        struct g4_record_header record;
        size_t got;
        r->records++;
        int status = read_exact(r, bytes, sizeof bytes, &got, err);
        if (status == G4_EINPUT && got == 0)
            return g4_err_set(err, G4_EINPUT, "truncated: no ENDS (%" PRIu64 " records came)",
                              r->records - 1);
        if (status == G4_EINPUT)
            status = truncated(err, "the header");
        if (status == 0 && g4_get_u32(bytes + 60) != g4_stream_crc(0, bytes, 60))
            status = g4_err_set(err, G4_EINPUT, "header checksum 0x%08x, but the bytes give 0x%08x",
                                g4_get_u32(bytes + 60), g4_stream_crc(0, bytes, 60));
        if (status == 0) {
            const bool inside = r->rules.in_segment;
            g4_record_decode(&record, bytes);
            g4_record_name(type, record.type);
            status = g4_stream_check_record(&r->rules, &record, err);
            if (status == 0 && !g4_record_known(record.type)) {
                status = read_payload(r, &record, drop_piece, err);
                if (status == 0)
                    continue;
            }
            if (status == 0)
                status = read_body(r, &record, inside, out, err);
        }
        if (status < 0)
            g4_err_prefix(err, "record %" PRIu64 " (%s)", r->records, type);
        return status;
    }
}

/* -------------------------------------------------------------------------------------- streams */

/* The bytes that a higher minor version appended to the stream header. */
static int read_extension(struct g4_stream_reader *r, size_t n, struct g4_err *err)
{
    size_t got;
    int status = read_exact(r, r->piece, n, &got, err);
    if (status == G4_EINPUT)
        return truncated(err, "it");
    if (status == 0 && g4_get_u32(r->piece + n - 4) != g4_stream_crc(0, r->piece, n - 4))
        status = g4_err_set(err, G4_EINPUT,
                            "checksum of the appended bytes 0x%08x, but they give 0x%08x",
                            g4_get_u32(r->piece + n - 4), g4_stream_crc(0, r->piece, n - 4));
    return status;
}

/* Where a stream header or the end of the file must be. */
static int next_stream(struct g4_stream_reader *r, struct g4_record *out, struct g4_err *err)
{
    unsigned char bytes[G4_STREAM_UNIT];
    const bool start = r->phase == PHASE_START;
    size_t got, header_bytes;
    struct g4_stream_rules rules = {.in_segment = false};
    *out = (struct g4_record){.type = G4_RECORD_EOF, .stream = r->streams};
    int status = read_exact(r, bytes, sizeof bytes, &got, err);
    if (start) {
        memcpy(r->first, bytes, got);
        r->first_bytes = got;
    }
    if (status == G4_EINPUT && got == 0) {
        r->phase = PHASE_EOF;
        return start ? g4_err_set(err, G4_EINPUT, "empty, no stream") : 0;
    }
    if (status < 0 && status != G4_EINPUT)
        return status;
    size_t common = got < sizeof g4_stream_magic ? got : sizeof g4_stream_magic;
    if (memcmp(bytes, g4_stream_magic, common) != 0)
        return g4_err_set(err, G4_EINPUT,
                          start ? "not a soft-token stream"
                                : "bytes behind ENDS that are not a stream");
    if (status < 0)
        return truncated(err, "the stream header");
    status = g4_stream_check_head(&rules.head, &header_bytes, bytes, err);
    if (status == 0 && header_bytes > sizeof bytes)
        status = read_extension(r, header_bytes - sizeof bytes, err);
    if (status == 0)
        status = g4_stream_agree(&r->space, &rules.head, err);
    if (status < 0) {
        if (r->streams > 0)
            g4_err_prefix(err, "header of stream %" PRIu32, r->streams + 1);
        else
            g4_err_prefix(err, "stream header");
        return status;
    }
    r->rules = rules;
    r->records = 0;
    r->streams++;
    r->phase = PHASE_STREAM;
    out->type = G4_RECORD_HEAD;
    out->head = rules.head;
    return 0;
}

int g4_stream_next(struct g4_stream_reader *reader, struct g4_record *record, struct g4_err *err)
{
    struct g4_stream_reader *r = reader;
    int status = 0;
    switch (r->phase) {
    case PHASE_START:
    case PHASE_BETWEEN: status = next_stream(r, record, &r->failure); break;
    case PHASE_STREAM: status = next_record(r, record, &r->failure); break;
    case PHASE_EOF:
        *record = (struct g4_record){.type = G4_RECORD_EOF, .stream = r->streams};
        break;
    case PHASE_FAILED: status = r->failure.code; break;
    }
    if (status == 0)
        return 0;
    if (r->phase != PHASE_FAILED) {
        if (r->streams > 1 && r->phase == PHASE_STREAM)
            g4_err_prefix(&r->failure, "stream %" PRIu32, r->streams);
        g4_err_prefix(&r->failure, "%s", r->name);
        r->phase = PHASE_FAILED;
    }
    *record = (struct g4_record){.type = G4_RECORD_EOF, .stream = r->streams};
    if (err != NULL)
        *err = r->failure;
    return status;
}

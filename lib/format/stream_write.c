/* stream_write.c - records to bytes, one write(2) each; checked by the reader's own rules. */
#include <stdlib.h>
#include <string.h>

#include "lib/base/file.h"
#include "lib/base/mem.h"
#include "lib/base/utf8.h"
#include "lib/format/stream_rules.h"
#include "lib/tensor/half.h"

struct g4_stream_writer {
    int fd;
    struct g4_stream_rules rules;
    unsigned char *bytes; /* the record being built: header, payload, padding */
    size_t capacity;
    struct g4_err broken; /* code not 0: a write failed, nothing more may follow */
};

static size_t padded(size_t n)
{
    return (n + G4_STREAM_UNIT - 1) / G4_STREAM_UNIT * G4_STREAM_UNIT;
}

/* Room for a record with n bytes of payload (at most the cap, so no sum wraps). */
static int reserve(struct g4_stream_writer *writer, size_t n, struct g4_err *err)
{
    size_t size = G4_STREAM_UNIT + padded(n);
    if (size <= writer->capacity)
        return 0;
    unsigned char *grown = realloc(writer->bytes, size);
    if (grown == NULL)
        return g4_err_nomem(err, size, "a record of the stream");
    writer->bytes = grown;
    writer->capacity = size;
    return 0;
}

static int put_bytes(struct g4_stream_writer *writer, size_t n, struct g4_err *err)
{
    int status = g4_write_full(writer->fd, writer->bytes, n, &writer->broken);
    if (status < 0 && err != NULL)
        *err = writer->broken;
    return status;
}

/* Sends the record whose payload lies behind the header in writer->bytes. */
static int send_record(struct g4_stream_writer *writer, struct g4_record_header *record,
                       struct g4_err *err)
{
    char name[16];
    if (writer->broken.code < 0) {
        if (err != NULL)
            *err = writer->broken;
        return writer->broken.code;
    }
    int status = g4_stream_check_record(&writer->rules, record, err);
    if (status < 0) {
        g4_err_prefix(err, "%s", g4_record_name(name, record->type));
        return status;
    }
    unsigned char *payload = writer->bytes + G4_STREAM_UNIT;
    size_t n = (size_t)record->bytes;
    record->payload_crc = n > 0 ? g4_stream_crc(0, payload, n) : 0;
    memset(payload + n, 0, padded(n) - n);
    g4_record_encode(writer->bytes, record);
    return put_bytes(writer, G4_STREAM_UNIT + padded(n), err);
}

int g4_stream_writer_new(struct g4_stream_writer **writer, int fd,
                         const struct g4_stream_head *head, struct g4_err *err)
{
    struct g4_stream_head checked;
    size_t header_bytes;
    void *memory;
    *writer = NULL;
    int status = g4_alloc(&memory, 1, sizeof **writer, "a stream", err);
    if (status < 0)
        return status;
    struct g4_stream_writer *w = memory;
    w->fd = fd;
    w->rules.head = *head;
    status = reserve(w, 0, err);
    if (status == 0) {
        g4_stream_head_encode(w->bytes, head);
        status = g4_stream_check_head(&checked, &header_bytes, w->bytes, err);
    }
    if (status == 0)
        status = put_bytes(w, G4_STREAM_UNIT, err);
    if (status < 0)
        g4_stream_writer_free(w);
    else
        *writer = w;
    return status;
}

void g4_stream_writer_free(struct g4_stream_writer *writer)
{
    if (writer == NULL)
        return;
    free(writer->bytes);
    free(writer);
}

static struct g4_record_header blank(uint32_t type)
{
    return (struct g4_record_header){.type = type, .segment = {.t0 = -1, .t1 = -1}};
}

/* TEXT, meta and FAIL. */
static int send_words(struct g4_stream_writer *writer, uint32_t type, uint32_t source,
                      const char *text, size_t n, struct g4_err *err)
{
    struct g4_record_header record = blank(type);
    record.segment.source = source;
    record.bytes = n;
    /* What is above the cap is for the rules to refuse, without a copy. */
    size_t kept = n <= G4_STREAM_TEXT_CAP ? n : 0;
    int status = reserve(writer, kept, err);
    if (status < 0)
        return status;
    if (kept > 0)
        memcpy(writer->bytes + G4_STREAM_UNIT, text, kept);
    return send_record(writer, &record, err);
}

int g4_stream_meta(struct g4_stream_writer *writer, uint32_t source, const char *json,
                   struct g4_err *err)
{
    size_t n = strlen(json);
    int status = g4_stream_check_meta(&writer->rules, json, n, err);
    return status < 0 ? status : send_words(writer, G4_TYPE_META, source, json, n, err);
}

int g4_stream_text(struct g4_stream_writer *writer, uint32_t source, const char *text, size_t n,
                   struct g4_err *err)
{
    int status = g4_stream_check_text(text, n, err);
    return status < 0 ? status : send_words(writer, G4_TYPE_TEXT, source, text, n, err);
}

int g4_stream_segm(struct g4_stream_writer *writer, struct g4_segment *segment, struct g4_err *err)
{
    struct g4_record_header record = blank(G4_TYPE_SEGM);
    segment->number = (uint32_t)writer->rules.segments;
    record.segment = *segment;
    record.kind = segment->kind;
    return send_record(writer, &record, err);
}

/* The values as the stream holds them; false when one of them is not finite there: near the end of
 * its range a finite float rounds to an infinite bf16. */
static bool encode_rows(unsigned char *out, const float *x, size_t n, enum g4_stream_dtype dtype)
{
    bool finite = true;
    if (dtype == G4_STREAM_F32) {
        for (size_t i = 0; i < n; i++) {
            uint32_t bits;
            memcpy(&bits, &x[i], sizeof bits);
            finite &= (bits & 0x7f800000u) != 0x7f800000u;
            g4_put_u32(out + 4 * i, bits);
        }
        return finite;
    }
    for (size_t i = 0; i < n; i++) {
        uint16_t bits = g4_f32_to_bf16(x[i]);
        finite &= (bits & 0x7f80) != 0x7f80;
        out[2 * i] = (unsigned char)bits;
        out[2 * i + 1] = (unsigned char)(bits >> 8);
    }
    return finite;
}

static bool rows_finite(const float *x, size_t n, enum g4_stream_dtype dtype)
{
    unsigned char scratch[4 * 256];
    for (size_t i = 0; i < n; i += 256)
        if (!encode_rows(scratch, x + i, n - i < 256 ? n - i : 256, dtype))
            return false;
    return true;
}

int g4_stream_rows(struct g4_stream_writer *writer, const float *rows, size_t n, struct g4_err *err)
{
    const struct g4_stream_rules *rules = &writer->rules;
    const size_t width = rules->head.width;
    const size_t row_bytes = width * (rules->head.dtype == G4_STREAM_F32 ? 4 : 2);
    if (!rules->in_segment || n == 0 || n > G4_STREAM_SEGMENT_ROWS)
        return g4_err_set(err, G4_EINPUT, "ROWS: %zu rows %s a segment", n,
                          rules->in_segment ? "inside" : "outside");
    const size_t most = G4_STREAM_ROWS_CAP / row_bytes;
    /* A single record is checked while it is built; several are checked before the first is sent.
     */
    if (n > most && !rows_finite(rows, n * width, rules->head.dtype))
        return g4_err_set(err, G4_EINPUT, "ROWS: a value is not finite");
    for (size_t done = 0; done < n;) {
        size_t count = n - done < most ? n - done : most;
        int status = reserve(writer, count * row_bytes, err);
        if (status < 0)
            return status;
        if (!encode_rows(writer->bytes + G4_STREAM_UNIT, rows + done * width, count * width,
                         rules->head.dtype))
            return g4_err_set(err, G4_EINPUT, "ROWS: a value is not finite");
        struct g4_record_header record = blank(G4_TYPE_ROWS);
        record.segment.number = rules->open.number;
        record.segment.source = rules->open.source;
        record.segment.rows = (uint32_t)count;
        record.bytes = count * row_bytes;
        status = send_record(writer, &record, err);
        if (status < 0)
            return status;
        done += count;
    }
    return 0;
}

int g4_stream_sege(struct g4_stream_writer *writer, int64_t t1, struct g4_err *err)
{
    struct g4_record_header record = blank(G4_TYPE_SEGE);
    record.segment = writer->rules.open;
    record.segment.t1 = t1;
    record.segment.rows = writer->rules.rows;
    record.kind = record.segment.kind;
    return send_record(writer, &record, err);
}

int g4_stream_fail(struct g4_stream_writer *writer, uint32_t source, const char *message,
                   struct g4_err *err)
{
    char *text = malloc(G4_STREAM_META_CAP + 1);
    if (text == NULL)
        return g4_err_nomem(err, G4_STREAM_META_CAP + 1, "a FAIL record");
    size_t n = g4_utf8_safe(text, G4_STREAM_META_CAP + 1, message, strlen(message));
    if (writer->rules.in_segment)
        source = writer->rules.open.source;
    int status = n > 0 ? send_words(writer, G4_TYPE_FAIL, source, text, n, err)
                       : send_words(writer, G4_TYPE_FAIL, source, "failed", 6, err);
    free(text);
    return status;
}

int g4_stream_ends(struct g4_stream_writer *writer, struct g4_err *err)
{
    struct g4_record_header record = blank(G4_TYPE_ENDS);
    record.bytes = G4_STREAM_ENDS_BYTES;
    int status = reserve(writer, G4_STREAM_ENDS_BYTES, err);
    if (status < 0)
        return status;
    unsigned char *payload = writer->bytes + G4_STREAM_UNIT;
    g4_put_u64(payload, writer->rules.segments);
    g4_put_u64(payload + 8, writer->rules.total_rows);
    return send_record(writer, &record, err);
}

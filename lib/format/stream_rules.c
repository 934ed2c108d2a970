/* stream_rules.c - what may stand where: each rule with the message that names field and value. */
#include "lib/format/stream_rules.h"

#include <inttypes.h>
#include <string.h>

static bool all_zero(const uint8_t *p, size_t n)
{
    for (size_t i = 0; i < n; i++)
        if (p[i] != 0)
            return false;
    return true;
}

/* "rows 0, at least 1 expected": `rule` continues the sentence. */
static int refuse(struct g4_err *err, const char *field, int64_t value, const char *rule)
{
    return g4_err_set(err, G4_EINPUT, "%s %" PRId64 ", %s", field, value, rule);
}

/* A field that can only have one value. */
static int expect(struct g4_err *err, const char *field, int64_t value, int64_t expected)
{
    if (value == expected)
        return 0;
    return g4_err_set(err, G4_EINPUT, "%s %" PRId64 ", %" PRId64 " expected", field, value,
                      expected);
}

/* -------------------------------------------------------------------------------- stream header */

static int check_head_fields(const struct g4_stream_head *head, const unsigned char *bytes,
                             struct g4_err *err)
{
    if (bytes[16] != G4_STREAM_BF16 && bytes[16] != G4_STREAM_F32)
        return refuse(err, "dtype", bytes[16], "1 (bf16) or 2 (f32) expected");
    for (int i = 17; i < 20; i++)
        if (bytes[i] != 0)
            return g4_err_set(err, G4_EINPUT, "reserved byte %d is %d, 0 expected", i, bytes[i]);
    if (head->width > G4_STREAM_WIDTH)
        return refuse(err, "width", head->width, "at most 65536 expected");
    if (head->width == 0 && !all_zero(head->space_id, sizeof head->space_id))
        return g4_err_set(err, G4_EINPUT, "space id is not zero, although width is 0");
    if (head->width == 0 && !all_zero(head->encoder_id, sizeof head->encoder_id))
        return g4_err_set(err, G4_EINPUT, "encoder id is not zero, although width is 0");
    return expect(err, "reserved bytes 56..59", g4_get_u32(bytes + 56), 0);
}

int g4_stream_check_head(struct g4_stream_head *head, size_t *header_bytes,
                         const unsigned char *bytes, struct g4_err *err)
{
    if (memcmp(bytes, g4_stream_magic, sizeof g4_stream_magic) != 0)
        return g4_err_set(err, G4_EINPUT, "the first 8 bytes are not those of a stream");
    uint16_t major = g4_get_u16(bytes + 8), minor = g4_get_u16(bytes + 10);
    if (major != 1)
        return refuse(err, "major version", major, "1 expected");
    if (g4_get_u32(bytes + 60) != g4_stream_crc(0, bytes, 60))
        return g4_err_set(err, G4_EINPUT, "checksum 0x%08x, but the bytes give 0x%08x",
                          g4_get_u32(bytes + 60), g4_stream_crc(0, bytes, 60));
    uint32_t size = g4_get_u32(bytes + 12);
    if (minor == 0 && size != G4_STREAM_UNIT)
        return refuse(err, "header bytes", size, "64 expected");
    if (size < G4_STREAM_UNIT || size > G4_STREAM_HEAD_MAX || size % G4_STREAM_UNIT != 0)
        return refuse(err, "header bytes", size, "a multiple of 64 in 64..4096 expected");
    *header_bytes = size;
    head->dtype = (enum g4_stream_dtype)bytes[16];
    head->width = g4_get_u32(bytes + 20);
    memcpy(head->space_id, bytes + 24, sizeof head->space_id);
    memcpy(head->encoder_id, bytes + 40, sizeof head->encoder_id);
    return check_head_fields(head, bytes, err);
}

int g4_stream_agree(struct g4_stream_space *space, const struct g4_stream_head *head,
                    struct g4_err *err)
{
    const size_t n = sizeof space->space_id;
    if (space->width != 0 && head->width != 0 && space->width != head->width)
        return g4_err_set(err, G4_EINPUT,
                          "width %" PRIu32 ", but %" PRIu32 " in a stream before it", head->width,
                          space->width);
    bool any = all_zero(head->space_id, n);
    if (!any && !all_zero(space->space_id, n) && memcmp(head->space_id, space->space_id, n) != 0)
        return g4_err_set(err, G4_EINPUT,
                          "space id %02x%02x%02x%02x..., but %02x%02x%02x%02x... in a "
                          "stream before it",
                          head->space_id[0], head->space_id[1], head->space_id[2],
                          head->space_id[3], space->space_id[0], space->space_id[1],
                          space->space_id[2], space->space_id[3]);
    if (head->width != 0)
        space->width = head->width;
    if (!any)
        memcpy(space->space_id, head->space_id, n);
    return 0;
}

/* -------------------------------------------------------------------------------------- records */

static int check_unknown(const struct g4_record_header *r, struct g4_err *err)
{
    if (!g4_record_letters(r->type))
        return g4_err_set(err, G4_EINPUT, "type is not four letters");
    if ((r->type & 255) <= 'Z')
        return g4_err_set(err, G4_EUNSUPPORTED, "unknown type, and one that must be understood");
    if (r->bytes > G4_STREAM_ROWS_CAP)
        return g4_err_set(err, G4_EINPUT, "payload bytes %" PRIu64 ", at most %d expected",
                          r->bytes, G4_STREAM_ROWS_CAP);
    return 0;
}

/* Fields that a record type leaves empty. */
enum { NO_SEGMENT = 1, NO_SOURCE = 2, NO_TIMES = 4, NO_ROWS = 8, NO_SHAPE = 16 };

static int check_empty(const struct g4_record_header *r, int fields, struct g4_err *err)
{
    const struct g4_segment *s = &r->segment;
    int status = 0;
    if (fields & NO_SEGMENT)
        status = expect(err, "segment", s->number, 0);
    if (status == 0 && fields & NO_SOURCE)
        status = expect(err, "source", s->source, 0);
    if (status == 0 && fields & NO_TIMES)
        status = expect(err, "t0", s->t0, -1);
    if (status == 0 && fields & NO_TIMES)
        status = expect(err, "t1", s->t1, -1);
    if (status == 0 && fields & NO_ROWS)
        status = expect(err, "rows", s->rows, 0);
    if (status == 0 && fields & NO_SHAPE)
        status = expect(err, "kind", r->kind, 0);
    if (status == 0 && fields & NO_SHAPE)
        status = expect(err, "grid width", s->grid_w, 0);
    if (status == 0 && fields & NO_SHAPE)
        status = expect(err, "grid height", s->grid_h, 0);
    if (status == 0 && fields & NO_SHAPE)
        status = expect(err, "microseconds per row", s->us_per_row, 0);
    return status;
}

static int check_bytes(const struct g4_record_header *r, uint64_t min, uint64_t max,
                       struct g4_err *err)
{
    if (r->bytes >= min && r->bytes <= max)
        return 0;
    if (min == max)
        return g4_err_set(err, G4_EINPUT, "payload bytes %" PRIu64 ", %" PRIu64 " expected",
                          r->bytes, min);
    return g4_err_set(err, G4_EINPUT,
                      "payload bytes %" PRIu64 ", %" PRIu64 "..%" PRIu64 " expected", r->bytes, min,
                      max);
}

/* Grid, rows and microseconds per row of a SEGM, which depend on its kind. */
static int check_shape(const struct g4_record_header *r, struct g4_err *err)
{
    const struct g4_segment *s = &r->segment;
    if (r->kind < G4_KIND_IMAGE || r->kind > G4_KIND_FRAME)
        return refuse(err, "kind", r->kind, "1 (image), 2 (audio) or 3 (video frame) expected");
    if (s->kind == G4_KIND_AUDIO) {
        int status = expect(err, "grid width", s->grid_w, 0);
        if (status == 0)
            status = expect(err, "grid height", s->grid_h, 0);
        if (status == 0 && s->us_per_row == 0)
            status = refuse(err, "microseconds per row", 0, "more expected for audio");
        if (status == 0 && s->rows != G4_STREAM_ROWS_UNKNOWN &&
            (s->rows == 0 || s->rows > G4_STREAM_SEGMENT_ROWS))
            status =
                refuse(err, "rows", s->rows, "1..65536 or 4294967295 (not known yet) expected");
        return status;
    }
    if (s->grid_w == 0)
        return refuse(err, "grid width", 0, "at least 1 expected");
    if (s->grid_h == 0)
        return refuse(err, "grid height", 0, "at least 1 expected");
    if (s->us_per_row != 0)
        return refuse(err, "microseconds per row", s->us_per_row, "0 expected but for audio");
    uint32_t product = (uint32_t)s->grid_w * s->grid_h;
    if (product > G4_STREAM_SEGMENT_ROWS)
        return refuse(err, "grid product", product, "at most 65536 rows expected");
    return expect(err, "rows", s->rows, product);
}

static int check_times(const struct g4_segment *s, struct g4_err *err)
{
    if (s->kind == G4_KIND_IMAGE) {
        int status = expect(err, "t0", s->t0, -1);
        return status < 0 ? status : expect(err, "t1", s->t1, -1);
    }
    if (s->t0 < 0)
        return refuse(err, "t0", s->t0, "at least 0 expected");
    if (s->t1 != -1 && s->t1 < s->t0)
        return refuse(err, "t1", s->t1, "not before t0 expected");
    return 0;
}

/* Sources begin in the order 0, 1, 2 ... with their first SEGM or FAIL; SEGMs never go back to an
 * earlier one, nor to one that has failed. Any source between that of the newest SEGM and the next
 * new one has had only a FAIL. */
static int check_source(const struct g4_stream_rules *rules, const struct g4_segment *s,
                        struct g4_err *err)
{
    if (s->source > rules->sources)
        return g4_err_set(err, G4_EINPUT, "source %" PRIu32 ", at most %" PRIu64 " expected",
                          s->source, rules->sources);
    if (s->source == rules->sources)
        return 0;
    if (rules->segments > 0 && s->source < rules->source)
        return g4_err_set(err, G4_EINPUT, "source %" PRIu32 ", but %" PRIu32 " had begun before it",
                          s->source, rules->source);
    if (rules->segments == 0 || s->source > rules->source || rules->source_failed)
        return refuse(err, "source", s->source, "which has failed");
    if (s->t0 < rules->t0)
        return g4_err_set(err, G4_EINPUT,
                          "t0 %" PRId64 ", but %" PRId64 " in the segment before it", s->t0,
                          rules->t0);
    return 0;
}

static int check_segm(struct g4_stream_rules *rules, const struct g4_record_header *r,
                      struct g4_err *err)
{
    const struct g4_segment *s = &r->segment;
    if (rules->in_segment)
        return g4_err_set(err, G4_EINPUT, "inside segment %" PRIu32, rules->open.number);
    if (rules->head.width == 0)
        return g4_err_set(err, G4_EINPUT, "in a stream of width 0");
    if (rules->segments >= UINT32_MAX)
        return g4_err_set(err, G4_EINPUT, "more segments than can be numbered");
    int status = check_bytes(r, 0, 0, err);
    if (status == 0)
        status = expect(err, "segment", s->number, (int64_t)rules->segments);
    if (status == 0)
        status = check_shape(r, err);
    if (status == 0)
        status = check_times(s, err);
    if (status == 0)
        status = check_source(rules, s, err);
    if (status < 0)
        return status;
    rules->in_segment = true;
    rules->open = *s;
    rules->rows = 0;
    rules->segments++;
    if (s->source == rules->sources) {
        rules->sources++;
        rules->source_failed = false;
    }
    rules->source = s->source;
    rules->t0 = s->t0;
    return 0;
}

static int check_inside(const struct g4_stream_rules *rules, const struct g4_segment *s,
                        struct g4_err *err)
{
    if (!rules->in_segment)
        return g4_err_set(err, G4_EINPUT, "outside a segment");
    int status = expect(err, "segment", s->number, rules->open.number);
    return status < 0 ? status : expect(err, "source", s->source, rules->open.source);
}

static int check_rows(struct g4_stream_rules *rules, const struct g4_record_header *r,
                      struct g4_err *err)
{
    const uint64_t element = rules->head.dtype == G4_STREAM_F32 ? 4 : 2;
    int status = check_inside(rules, &r->segment, err);
    if (status == 0)
        status = check_empty(r, NO_TIMES | NO_SHAPE, err);
    if (status < 0)
        return status;
    uint32_t most =
        rules->open.rows != G4_STREAM_ROWS_UNKNOWN ? rules->open.rows : G4_STREAM_SEGMENT_ROWS;
    if (r->segment.rows == 0)
        return refuse(err, "rows", 0, "at least 1 expected");
    if (r->segment.rows > most - rules->rows)
        return g4_err_set(err, G4_EINPUT,
                          "rows %" PRIu32 ", at most %" PRIu32 " of %" PRIu32 " are left",
                          r->segment.rows, most - rules->rows, most);
    if (r->bytes > G4_STREAM_ROWS_CAP)
        return check_bytes(r, 1, G4_STREAM_ROWS_CAP, err);
    uint64_t expected = element * rules->head.width * r->segment.rows;
    status = check_bytes(r, expected, expected, err);
    if (status < 0)
        return status;
    rules->rows += r->segment.rows;
    rules->total_rows += r->segment.rows;
    return 0;
}

static int check_sege(struct g4_stream_rules *rules, const struct g4_record_header *r,
                      struct g4_err *err)
{
    const struct g4_segment *s = &r->segment, *open = &rules->open;
    int status = check_inside(rules, s, err);
    if (status == 0)
        status = check_bytes(r, 0, 0, err);
    if (status == 0)
        status = expect(err, "kind", r->kind, open->kind);
    if (status == 0)
        status = expect(err, "grid width", s->grid_w, open->grid_w);
    if (status == 0)
        status = expect(err, "grid height", s->grid_h, open->grid_h);
    if (status == 0)
        status = expect(err, "microseconds per row", s->us_per_row, open->us_per_row);
    if (status == 0)
        status = expect(err, "t0", s->t0, open->t0);
    if (status == 0 && (open->t1 != -1 || open->kind == G4_KIND_IMAGE))
        status = expect(err, "t1", s->t1, open->t1);
    if (status == 0 && open->kind != G4_KIND_IMAGE && s->t1 < s->t0)
        status = refuse(err, "t1", s->t1, "not before t0 expected");
    if (status == 0)
        status = expect(err, "rows", s->rows, rules->rows);
    if (status == 0 && s->rows == 0)
        status = refuse(err, "rows", 0, "at least 1 expected");
    if (status == 0 && open->rows != G4_STREAM_ROWS_UNKNOWN && open->rows != s->rows)
        status = g4_err_set(err, G4_EINPUT, "rows %" PRIu32 ", but %" PRIu32 " were announced",
                            s->rows, open->rows);
    if (status == 0)
        rules->in_segment = false;
    return status;
}

static int check_words(const struct g4_stream_rules *rules, const struct g4_record_header *r,
                       struct g4_err *err)
{
    if (rules->in_segment)
        return g4_err_set(err, G4_EINPUT, "inside segment %" PRIu32, rules->open.number);
    int status = check_empty(r, NO_SEGMENT | NO_TIMES | NO_ROWS | NO_SHAPE, err);
    if (status < 0)
        return status;
    /* JSON needs at least its braces; which is for the check of the payload. */
    return r->type == G4_TYPE_TEXT ? check_bytes(r, 1, G4_STREAM_TEXT_CAP, err)
                                   : check_bytes(r, 1, G4_STREAM_META_CAP, err);
}

static int check_fail(struct g4_stream_rules *rules, const struct g4_record_header *r,
                      struct g4_err *err)
{
    const uint32_t source = r->segment.source;
    int status = check_empty(r, NO_SEGMENT | NO_TIMES | NO_ROWS | NO_SHAPE, err);
    if (status == 0)
        status = check_bytes(r, 1, G4_STREAM_META_CAP, err);
    if (status == 0 && rules->in_segment)
        status = expect(err, "source", source, rules->open.source);
    if (status == 0 && source > rules->sources)
        status = g4_err_set(err, G4_EINPUT, "source %" PRIu32 ", at most %" PRIu64 " expected",
                            source, rules->sources);
    if (status < 0)
        return status;
    rules->in_segment = false;
    if (source == rules->sources)
        rules->sources++;
    else if (rules->segments > 0 && source == rules->source)
        rules->source_failed = true;
    return 0;
}

static int check_ends(struct g4_stream_rules *rules, const struct g4_record_header *r,
                      struct g4_err *err)
{
    if (rules->in_segment)
        return g4_err_set(err, G4_EINPUT, "inside segment %" PRIu32, rules->open.number);
    int status = check_empty(r, NO_SEGMENT | NO_SOURCE | NO_TIMES | NO_ROWS | NO_SHAPE, err);
    if (status == 0)
        status = check_bytes(r, G4_STREAM_ENDS_BYTES, G4_STREAM_ENDS_BYTES, err);
    if (status == 0)
        rules->ended = true;
    return status;
}

int g4_stream_check_record(struct g4_stream_rules *rules, const struct g4_record_header *record,
                           struct g4_err *err)
{
    if (rules->ended)
        return g4_err_set(err, G4_EINPUT, "behind ENDS");
    if (!g4_record_known(record->type))
        return check_unknown(record, err);
    int status = expect(err, "flags", record->flags, 0);
    if (status < 0)
        return status;
    switch (record->type) {
    case G4_TYPE_SEGM: return check_segm(rules, record, err);
    case G4_TYPE_ROWS: return check_rows(rules, record, err);
    case G4_TYPE_SEGE: return check_sege(rules, record, err);
    case G4_TYPE_FAIL: return check_fail(rules, record, err);
    case G4_TYPE_ENDS: return check_ends(rules, record, err);
    default: return check_words(rules, record, err);
    }
}

int g4_stream_check_ends(const struct g4_stream_rules *rules, const unsigned char *payload,
                         struct g4_err *err)
{
    uint64_t segments = g4_get_u64(payload), rows = g4_get_u64(payload + 8);
    if (segments != rules->segments)
        return g4_err_set(err, G4_EINPUT, "counts %" PRIu64 " segments, but %" PRIu64 " came",
                          segments, rules->segments);
    if (rows != rules->total_rows)
        return g4_err_set(err, G4_EINPUT, "counts %" PRIu64 " rows, but %" PRIu64 " came", rows,
                          rules->total_rows);
    return 0;
}

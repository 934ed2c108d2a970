/*
 * stream-grep.c - passes only the segments of one kind through a soft-token stream; see
 * g4-stream(5).
 *
 *     g4-video --audio clip.mp4 | stream-grep audio | g4-decode -p 'What is said?'
 *
 * Needs the C library and zlib, nothing of g4: cc -std=c11 -o stream-grep stream-grep.c -lz
 * TEXT and FAIL pass, and meta of the sources that are left; segments and sources are numbered
 * anew. Everything read is checked, so what is not valid ends with status 1 and without ENDS.
 */
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <zlib.h>

enum {
    TYPE = 0,
    FLAGS = 4,
    BYTES = 8,
    SEGMENT = 16,
    SOURCE = 20,
    T0 = 24,
    T1 = 32,
    ROWS = 40,
    KIND = 44,
    GRID_W = 48,
    GRID_H = 50,
    US = 52,
    PAYLOAD_CRC = 56,
    CRC = 60,
    UNIT = 64,
    MIB = 1 << 20
};
#define UNKNOWN 0xFFFFFFFFu
#define GONE    0xFFFFFFFFu /* in `numbers`: nothing of this source has passed */

struct record {
    unsigned char head[UNIT];
    unsigned char *payload;
    size_t bytes, room;
};

static unsigned kind_wanted;
static unsigned dtype, width;
static unsigned file_width; /* what the streams before this one said; 0 = nothing yet */
static unsigned char file_space[16];

/* The stream as it comes in ... */
static struct {
    uint64_t segments, sources, rows, last_source;
    int64_t last_t0;
    bool last_failed, open;
    unsigned char segm[UNIT]; /* the open segment */
    uint32_t came;
} in;

/* ... and as it goes out. */
static struct {
    uint64_t segments, rows;
    uint32_t sources, *numbers; /* numbers[source coming in] = source going out */
    uint64_t room;
} out;

static void need(bool condition, const char *rule)
{
    if (condition)
        return;
    fprintf(stderr, "stream-grep: stdin: %s\n", rule);
    exit(1);
}

static uint64_t get(const unsigned char *p, int n)
{
    uint64_t v = 0;
    while (n-- > 0)
        v = v << 8 | p[n];
    return v;
}

static void put(unsigned char *p, int n, uint64_t v)
{
    for (; n-- > 0; v >>= 8)
        *p++ = (unsigned char)v;
}

static bool is(const struct record *r, const char *type)
{
    return memcmp(r->head + TYPE, type, 4) == 0;
}

static bool zero(const unsigned char *p, size_t n)
{
    while (n > 0 && p[n - 1] == 0)
        n--;
    return n == 0;
}

static void take(void *bytes, size_t n)
{
    need(fread(bytes, 1, n, stdin) == n, "truncated, or cannot be read");
}

/* ---------------------------------------------------------------------------------------- rules */

static bool utf8(const unsigned char *s, size_t n)
{
    static const uint32_t least[] = {0, 0, 0x80, 0x800, 0x10000};
    for (size_t i = 0; i < n;) {
        size_t length = s[i] < 0x80       ? 1
                        : s[i] >> 5 == 6  ? 2
                        : s[i] >> 4 == 14 ? 3
                        : s[i] >> 3 == 30 ? 4
                                          : 0;
        if (length == 0 || length > n - i)
            return false;
        uint32_t c = length == 1 ? s[i] : s[i] & (0x7f >> length);
        for (size_t k = 1; k < length; k++) {
            if (s[i + k] >> 6 != 2)
                return false;
            c = c << 6 | (s[i + k] & 0x3f);
        }
        if (c < least[length] || c > 0x10ffff || (c >= 0xd800 && c <= 0xdfff))
            return false;
        i += length;
    }
    return true;
}

static void check_size(const struct record *r, bool known)
{
    uint64_t n = get(r->head + BYTES, 8), least = 0, most = 64 * MIB;
    if (is(r, "TEXT") || is(r, "meta") || is(r, "FAIL")) {
        least = 1;
        most = is(r, "TEXT") ? MIB : MIB / 16;
    } else if (is(r, "SEGM") || is(r, "SEGE")) {
        most = 0;
    } else if (is(r, "ENDS")) {
        least = most = 16;
    }
    need(n >= least && n <= most, "size of a payload");
    need(!known || get(r->head + FLAGS, 4) == 0, "flags");
}

static void check_segm(const unsigned char *h)
{
    uint64_t rows = get(h + ROWS, 4), kind = get(h + KIND, 4), w = get(h + GRID_W, 2),
             y = get(h + GRID_H, 2);
    uint64_t us = get(h + US, 4), source = get(h + SOURCE, 4);
    int64_t t0 = (int64_t)get(h + T0, 8), t1 = (int64_t)get(h + T1, 8);
    need(width > 0 && get(h + SEGMENT, 4) == in.segments, "number of a segment");
    if (kind == 2)
        need(w == 0 && y == 0 && us > 0 && (rows == UNKNOWN || (rows >= 1 && rows <= 65536)),
             "audio segment");
    else
        need((kind == 1 || kind == 3) && us == 0 && w * y >= 1 && w * y == rows && rows <= 65536,
             "image segment");
    if (kind == 1)
        need(t0 == -1 && t1 == -1, "times of an image");
    else
        need(t0 >= 0 && (t1 == -1 || t1 >= t0), "times of a segment");
    bool again = in.segments > 0 && source == in.last_source && !in.last_failed && t0 >= in.last_t0;
    need(source == in.sources || again, "source of a segment");
    if (source == in.sources) {
        in.sources++;
        in.last_failed = false;
    }
    in.segments++;
    in.last_source = source;
    in.last_t0 = t0;
    in.open = true;
    in.came = 0;
    memcpy(in.segm, h, UNIT);
}

static void check_rows(const struct record *r)
{
    uint64_t rows = get(r->head + ROWS, 4), total = get(in.segm + ROWS, 4);
    size_t element = dtype == 1 ? 2 : 4;
    need(rows >= 1 && in.came + rows <= (total < 65536 ? total : 65536), "rows");
    need(r->bytes == rows * width * element, "bytes of rows");
    for (size_t i = 0; i < r->bytes; i += element) {
        const unsigned char *top = r->payload + i + element - 2;
        need((top[1] & 0x7f) != 0x7f || (top[0] & 0x80) == 0, "a value that is not finite");
    }
    in.came += (uint32_t)rows;
    in.rows += rows;
}

static void check_sege(const unsigned char *h)
{
    uint64_t rows = get(h + ROWS, 4), total = get(in.segm + ROWS, 4);
    int64_t t1 = (int64_t)get(h + T1, 8), announced = (int64_t)get(in.segm + T1, 8);
    need(memcmp(h + T0, in.segm + T0, 8) == 0 && memcmp(h + KIND, in.segm + KIND, 12) == 0,
         "end of a segment");
    need(rows == in.came && rows >= 1 && (total == rows || total == UNKNOWN), "rows of a segment");
    if (announced >= 0 || get(h + KIND, 4) == 1)
        need(t1 == announced, "end time of a segment");
    else
        need(t1 >= (int64_t)get(h + T0, 8), "end time of a segment");
    in.open = false;
}

static void check_fail(const unsigned char *h)
{
    uint64_t source = get(h + SOURCE, 4);
    need(in.open ? source == get(in.segm + SOURCE, 4) : source <= in.sources, "source of FAIL");
    if (source == in.sources)
        in.sources++;
    else if (in.segments > 0 && source == in.last_source)
        in.last_failed = true;
    in.open = false;
}

static void check(const struct record *r)
{
    const unsigned char *h = r->head;
    bool segm = is(r, "SEGM"), rows = is(r, "ROWS"), sege = is(r, "SEGE"), fail = is(r, "FAIL");
    if (rows || sege)
        need(in.open && memcmp(h + SEGMENT, in.segm + SEGMENT, 8) == 0,
             "a record outside its segment");
    else
        need(!in.open || fail, "a record inside a segment");
    if (!segm && !sege)
        need(get(h + T0, 8) == UINT64_MAX && get(h + T1, 8) == UINT64_MAX && zero(h + KIND, 12),
             "a field in use");
    if (!segm && !sege && !rows)
        need(zero(h + SEGMENT, 4) && zero(h + ROWS, 4), "a field in use");
    if (is(r, "TEXT") || is(r, "meta") || fail) {
        need(utf8(r->payload, r->bytes), "text that is not UTF-8");
        need(is(r, "meta") || memchr(r->payload, 0, r->bytes) == NULL, "NUL in a text");
    }
    if (segm)
        check_segm(h);
    else if (rows)
        check_rows(r);
    else if (sege)
        check_sege(h);
    else if (fail)
        check_fail(h);
    else if (is(r, "ENDS"))
        need(zero(h + SOURCE, 4) && get(r->payload, 8) == in.segments &&
                 get(r->payload + 8, 8) == in.rows,
             "counts of ENDS");
}

/* ----------------------------------------------------------------------------------- in and out */

/* Memory grows with what comes, whatever the header says. */
static void take_payload(struct record *r)
{
    uint64_t n = get(r->head + BYTES, 8);
    unsigned char padding[UNIT];
    for (r->bytes = 0; r->bytes < n;) {
        size_t piece = n - r->bytes < 65536 ? (size_t)(n - r->bytes) : 65536;
        if (r->bytes + piece > r->room) {
            r->room = 2 * r->room + piece;
            r->payload = realloc(r->payload, r->room);
            need(r->payload != NULL, "memory");
        }
        take(r->payload + r->bytes, piece);
        r->bytes += piece;
    }
    uint32_t crc = n > 0 ? (uint32_t)crc32(0, r->payload, (uInt)n) : 0;
    need(get(r->head + PAYLOAD_CRC, 4) == crc, "checksum of a payload");
    take(padding, (size_t)(-n % UNIT));
    need(zero(padding, (size_t)(-n % UNIT)), "padding");
}

/* The next record that is known. */
static void next(struct record *r)
{
    static const char known_types[] = "SEGM ROWS SEGE TEXT meta FAIL ENDS";
    for (;;) {
        char type[5] = "";
        bool known, letters = true;
        take(r->head, UNIT);
        need(get(r->head + CRC, 4) == crc32(0, r->head, CRC), "checksum of a record");
        memcpy(type, r->head, 4);
        for (int i = 0; i < 4; i++)
            letters = letters &&
                      ((type[i] >= 'A' && type[i] <= 'Z') || (type[i] >= 'a' && type[i] <= 'z'));
        known = letters && strstr(known_types, type) != NULL;
        need(known || (letters && type[0] >= 'a'), "unknown record");
        check_size(r, known);
        take_payload(r);
        if (known)
            return;
    }
}

static void emit(struct record *r)
{
    static const unsigned char padding[UNIT];
    put(r->head + PAYLOAD_CRC, 4, r->bytes > 0 ? crc32(0, r->payload, (uInt)r->bytes) : 0);
    put(r->head + CRC, 4, crc32(0, r->head, CRC));
    fwrite(r->head, 1, UNIT, stdout);
    fwrite(r->payload, 1, r->bytes, stdout);
    fwrite(padding, 1, -r->bytes % UNIT, stdout);
    need(fflush(stdout) == 0, "cannot write to stdout");
}

/* The number under which a source goes out; new: gives it one, and sends the meta that waited for
 * it. */
static uint32_t number_of(uint32_t source, bool new, struct record *waiting)
{
    while (source >= out.room && new) {
        uint64_t room = out.room > 0 ? 2 * out.room : 64;
        out.numbers = realloc(out.numbers, room * sizeof *out.numbers);
        need(out.numbers != NULL, "memory");
        while (out.room < room)
            out.numbers[out.room++] = GONE;
    }
    if (source >= out.room || (out.numbers[source] == GONE && !new))
        return GONE;
    if (out.numbers[source] == GONE) {
        out.numbers[source] = out.sources++;
        if (waiting->bytes > 0 && get(waiting->head + SOURCE, 4) == source) {
            put(waiting->head + SOURCE, 4, out.numbers[source]);
            emit(waiting);
            waiting->bytes = 0;
        }
    }
    return out.numbers[source];
}

/* Sends one record on, already checked. kind: of the newest segment. */
static void pass(struct record *r, struct record *waiting, bool first_meta, unsigned kind)
{
    uint32_t source = (uint32_t)get(r->head + SOURCE, 4);
    bool in_kind = kind == kind_wanted;
    if (is(r, "SEGM") || is(r, "ROWS") || is(r, "SEGE")) {
        if (!in_kind)
            return;
        put(r->head + SOURCE, 4, number_of(source, true, waiting));
        out.segments += is(r, "SEGM");
        out.rows += is(r, "ROWS") ? get(r->head + ROWS, 4) : 0;
        put(r->head + SEGMENT, 4, out.segments - 1);
    } else if (is(r, "FAIL")) {
        put(r->head + SOURCE, 4, number_of(source, true, waiting));
    } else if (is(r, "ENDS")) {
        put(r->payload, 8, out.segments);
        put(r->payload + 8, 8, out.rows);
    } else if (is(r, "meta") && !first_meta && number_of(source, false, waiting) == GONE) {
        struct record empty = *waiting; /* it waits for the first segment of its source */
        *waiting = *r;
        *r = empty;
        r->bytes = 0;
        return;
    } else {
        uint32_t number = number_of(source, false, waiting);
        put(r->head + SOURCE, 4, number == GONE ? 0 : number);
    }
    emit(r);
}

static void header(unsigned char *h)
{
    unsigned char more[4096];
    uint64_t minor = get(h + 10, 2), size = get(h + 12, 4);
    need(memcmp(h, "\x89G4S\r\n\x1a\n", 8) == 0, "not a stream");
    need(get(h + 8, 2) == 1 && get(h + 60, 4) == crc32(0, h, 60),
         "version or checksum of the header");
    need(size == 64 || (minor > 0 && size > 64 && size <= 4096 && size % 64 == 0),
         "size of the header");
    take(more, (size_t)size - 64);
    if (size > 64)
        need(get(more + size - 68, 4) == crc32(0, more, (uInt)size - 68),
             "checksum of the header's end");
    dtype = h[16];
    width = (unsigned)get(h + 20, 4);
    need((dtype == 1 || dtype == 2) && width <= 65536 && zero(h + 17, 3) && zero(h + 56, 4),
         "fields of the header");
    need(width > 0 || zero(h + 24, 32), "ids in a stream of width 0");
    need(width == 0 || file_width == 0 || width == file_width, "widths differ");
    need(zero(h + 24, 16) || zero(file_space, 16) || memcmp(h + 24, file_space, 16) == 0,
         "space ids differ");
    if (width > 0)
        file_width = width;
    if (!zero(h + 24, 16))
        memcpy(file_space, h + 24, 16);
    put(h + 10, 2, 0); /* what a higher minor version adds is left out */
    put(h + 12, 4, 64);
    put(h + 60, 4, crc32(0, h, 60));
    fwrite(h, 1, UNIT, stdout);
}

static void stream(void)
{
    struct record r = {0}, waiting = {0};
    bool first_meta = true;
    memset(&in, 0, sizeof in);
    out.segments = out.rows = out.sources = 0;
    for (uint64_t i = 0; i < out.room; i++)
        out.numbers[i] = GONE;
    bool ends;
    do {
        next(&r);
        check(&r);
        ends = is(&r, "ENDS");
        bool meta = is(&r, "meta");
        pass(&r, &waiting, first_meta, (unsigned)get(in.segm + KIND, 4));
        first_meta = first_meta && !meta;
    } while (!ends);
    free(r.payload);
    free(waiting.payload);
}

int main(int argc, char **argv)
{
    static const char *const kinds[] = {"", "image", "audio", "frame"};
    unsigned char first[UNIT];
    for (unsigned k = 1; argc == 2 && k <= 3; k++)
        if (strcmp(argv[1], kinds[k]) == 0)
            kind_wanted = k;
    if (kind_wanted == 0) {
        fputs("usage: stream-grep image|audio|frame < IN > OUT\n", stderr);
        return 2;
    }
    size_t n = fread(first, 1, UNIT, stdin);
    need(n > 0, "empty");
    do {
        need(n == UNIT, "truncated, or cannot be read");
        header(first);
        stream();
    } while ((n = fread(first, 1, UNIT, stdin)) > 0);
    need(!ferror(stdin), "cannot be read");
    free(out.numbers);
    need(fclose(stdout) == 0, "cannot write to stdout");
    return 0;
}

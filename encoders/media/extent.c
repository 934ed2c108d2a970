/* extent.c - walks the outermost parts of a container, header by header. */
#include "encoders/media/extent.h"

#include <string.h>

/* Writers that cannot seek back leave the length 0 or set it near the largest value of 31 or 32
 * bits. */
#define STREAMED  0x7fff0000u
#define MAX_STEPS 200000
#define MP3_SLACK 4096u

enum kind { UNKNOWN, WAV, W64, AIFF, AU, CAF, AVI, ASF, MP4, EBML, MP3 };

static const unsigned char guid_w64[16] = {'r',  'i',  'f',  'f',  0x2e, 0x91, 0xcf, 0x11,
                                           0xa5, 0xd6, 0x28, 0xdb, 0x04, 0xc1, 0x00, 0x00};
static const unsigned char guid_asf[16] = {0x30, 0x26, 0xb2, 0x75, 0x8e, 0x66, 0xcf, 0x11,
                                           0xa6, 0xd9, 0x00, 0xaa, 0x00, 0x62, 0xce, 0x6c};
static const unsigned char guid_asf_data[16] = {0x36, 0x26, 0xb2, 0x75, 0x8e, 0x66, 0xcf, 0x11,
                                                0xa6, 0xd9, 0x00, 0xaa, 0x00, 0x62, 0xce, 0x6c};

static uint64_t big(const unsigned char *p, int n)
{
    uint64_t v = 0;
    for (int i = 0; i < n; i++)
        v = v << 8 | p[i];
    return v;
}

static uint64_t little(const unsigned char *p, int n)
{
    uint64_t v = 0;
    for (int i = n - 1; i >= 0; i--)
        v = v << 8 | p[i];
    return v;
}

static bool is(const unsigned char *p, const char *four)
{
    return memcmp(p, four, 4) == 0;
}

/* The next header stands `bytes` behind this one; what of it came already is kept. */
static bool advance(struct g4_extent *e, uint64_t bytes)
{
    if (bytes > UINT64_MAX - e->next || ++e->steps > MAX_STEPS) {
        e->done = true;
        return true;
    }
    e->next += bytes;
    size_t drop = bytes < e->have ? (size_t)bytes : e->have;
    memmove(e->header, e->header + drop, e->have - drop);
    e->have -= drop;
    return true;
}

static bool finish(struct g4_extent *e)
{
    e->done = true;
    return true;
}

/* This part reaches from the header at e->next over `bytes`. */
static void reach(struct g4_extent *e, uint64_t bytes)
{
    e->end = bytes > UINT64_MAX - e->next ? UINT64_MAX : e->next + bytes;
}

/* Each step looks at the header at e->next. false: it needs more bytes of it. */

static bool step_unknown(struct g4_extent *e)
{
    static const char *const boxes[] = {"ftyp", "moov", "mdat", "free", "skip", "wide", "pnot"};
    const unsigned char *p = e->header;
    if (e->have < 16)
        return false;
    if ((is(p, "RIFF") || is(p, "RF64") || is(p, "BW64")) && is(p + 8, "WAVE")) {
        e->kind = WAV;
        return advance(e, 12);
    }
    if (is(p, "FORM") && (is(p + 8, "AIFF") || is(p + 8, "AIFC"))) {
        e->kind = AIFF;
        return advance(e, 12);
    }
    if (is(p, "caff")) {
        e->kind = CAF;
        return advance(e, 8);
    }
    if (memcmp(p, guid_w64, 16) == 0) {
        e->kind = W64;
        return advance(e, 40);
    }
    for (size_t i = 0; i < sizeof boxes / sizeof *boxes; i++)
        if (is(p + 4, boxes[i]))
            e->kind = MP4;
    if (is(p, "RIFF") && is(p + 8, "AVI "))
        e->kind = AVI;
    else if (is(p, ".snd"))
        e->kind = AU;
    else if (memcmp(p, guid_asf, 16) == 0)
        e->kind = ASF;
    else if (big(p, 4) == 0x1a45dfa3)
        e->kind = EBML;
    else if (memcmp(p, "ID3", 3) == 0 || (p[0] == 0xff && p[1] >= 0xe0))
        e->kind = MP3;
    return e->kind == UNKNOWN ? finish(e) : advance(e, 0);
}

static bool step_wav(struct g4_extent *e)
{
    if (e->have < 8 || (is(e->header, "ds64") && e->have < 24))
        return false;
    uint64_t size = little(e->header + 4, 4);
    if (is(e->header, "ds64"))
        e->wide = little(e->header + 16, 8);
    if (is(e->header, "data")) {
        bool streamed = size == 0 || size >= STREAMED;
        if (size == 0xffffffff && e->wide > 0 && e->wide < INT64_MAX) {
            size = e->wide;
            streamed = false;
        }
        if (streamed)
            e->end = 0;
        else
            reach(e, 8 + size);
        return finish(e);
    }
    reach(e, 8 + size);
    return advance(e, 8 + size + (size & 1));
}

static bool step_w64(struct g4_extent *e)
{
    if (e->have < 24)
        return false;
    uint64_t size = little(e->header + 16, 8);
    if (size < 24 || size > INT64_MAX)
        return finish(e);
    reach(e, size);
    return is(e->header, "data") ? finish(e) : advance(e, (size + 7) & ~(uint64_t)7);
}

static bool step_aiff(struct g4_extent *e)
{
    if (e->have < 8)
        return false;
    uint64_t size = big(e->header + 4, 4);
    if (is(e->header, "SSND")) {
        if (size == 0 || size >= STREAMED)
            e->end = 0;
        else
            reach(e, 8 + size);
        return finish(e);
    }
    reach(e, 8 + size);
    return advance(e, 8 + size + (size & 1));
}

static bool step_au(struct g4_extent *e)
{
    if (e->have < 12)
        return false;
    uint64_t size = big(e->header + 8, 4);
    if (size < STREAMED)
        reach(e, big(e->header + 4, 4) + size);
    return finish(e);
}

static bool step_caf(struct g4_extent *e)
{
    if (e->have < 12)
        return false;
    uint64_t size = big(e->header + 4, 8);
    if (size > INT64_MAX) {
        e->end = 0;
        return finish(e);
    }
    reach(e, 12 + size);
    return is(e->header, "data") ? finish(e) : advance(e, 12 + size);
}

static bool step_avi(struct g4_extent *e)
{
    if (e->have < 8)
        return false;
    uint64_t size = little(e->header + 4, 4);
    if (!is(e->header, "RIFF") || size == 0 || size >= 0xffff0000)
        return finish(e);
    reach(e, 8 + size);
    return advance(e, 8 + size + (size & 1));
}

static bool step_asf(struct g4_extent *e)
{
    if (e->have < 24)
        return false;
    uint64_t size = little(e->header + 16, 8);
    if (size < 24 || size > INT64_MAX)
        return finish(e);
    reach(e, size);
    return memcmp(e->header, guid_asf_data, 16) == 0 ? finish(e) : advance(e, size);
}

static bool step_mp4(struct g4_extent *e)
{
    static const char *const boxes[] = {"ftyp", "moov", "mdat", "free", "skip", "wide",
                                        "pnot", "uuid", "moof", "mfra", "styp", "sidx",
                                        "ssix", "prft", "emsg", "meta", "udta", "pdin"};
    if (e->have < 8)
        return false;
    uint64_t size = big(e->header, 4);
    bool known = false;
    for (size_t i = 0; i < sizeof boxes / sizeof *boxes; i++)
        known |= is(e->header + 4, boxes[i]);
    if (!known)
        return finish(e); /* bytes behind the last box are nobody's */
    if (size == 1) {
        if (e->have < 16)
            return false;
        size = big(e->header + 8, 8);
    }
    if (size < 8 || size > INT64_MAX)
        return finish(e); /* 0: to the end of the file, whatever it is */
    reach(e, size);
    return advance(e, size);
}

/* An element: id of 1..4 bytes, size of 1..8 bytes, both with their length in the leading zeros. */
static bool step_ebml(struct g4_extent *e)
{
    if (e->have < 12)
        return false;
    const unsigned char *p = e->header;
    int id_bytes = 1, size_bytes = 1;
    while (id_bytes < 4 && !(p[0] & 0x80 >> (id_bytes - 1)))
        id_bytes++;
    uint64_t id = big(p, id_bytes);
    while (size_bytes < 8 && !(p[id_bytes] & 0x80 >> (size_bytes - 1)))
        size_bytes++;
    uint64_t mask = ((uint64_t)1 << 7 * size_bytes) - 1;
    uint64_t size = big(p + id_bytes, size_bytes) & mask;
    uint64_t whole = (uint64_t)(id_bytes + size_bytes) + size;
    if ((id != 0x1a45dfa3 && id != 0x18538067 && id != 0xec) || size == mask)
        return finish(e);
    reach(e, whole);
    return id == 0x18538067 ? finish(e) : advance(e, whole);
}

/*
 * A tag of 10 bytes and what it states, then frames. The first frame may hold a Xing or Info header
 * behind its side information: flags, number of frames, bytes of all frames.
 */
static bool step_mp3(struct g4_extent *e)
{
    const unsigned char *p = e->header;
    if (e->have < 10)
        return false;
    if (memcmp(p, "ID3", 3) == 0) {
        uint64_t size = (uint64_t)p[6] << 21 | (uint64_t)p[7] << 14 | (uint64_t)p[8] << 7 | p[9];
        return advance(e, 10 + size + (p[5] & 0x10 ? 10 : 0));
    }
    if (p[0] != 0xff || p[1] < 0xe0)
        return finish(e);
    bool mpeg1 = (p[1] & 0x08) != 0, mono = (p[3] & 0xc0) == 0xc0;
    size_t at = 4 + (mpeg1 ? (mono ? 17 : 32) : (mono ? 9 : 17));
    if (e->have < at + 16)
        return false;
    bool stated = (is(p + at, "Xing") || is(p + at, "Info")) && (p[at + 7] & 3) == 3;
    uint64_t size = stated ? big(p + at + 12, 4) : 0;
    /* Writers count tags and padding differently; less than this is no cut. */
    if (size > MP3_SLACK)
        reach(e, size - MP3_SLACK);
    return finish(e);
}

static bool step(struct g4_extent *e)
{
    switch ((enum kind)e->kind) {
    case UNKNOWN: return step_unknown(e);
    case WAV: return step_wav(e);
    case W64: return step_w64(e);
    case AIFF: return step_aiff(e);
    case AU: return step_au(e);
    case CAF: return step_caf(e);
    case AVI: return step_avi(e);
    case ASF: return step_asf(e);
    case MP4: return step_mp4(e);
    case EBML: return step_ebml(e);
    case MP3: return step_mp3(e);
    }
    return finish(e);
}

void g4_extent_feed(struct g4_extent *e, uint64_t offset, const unsigned char *data, size_t n)
{
    uint64_t behind = offset + n;
    while (!e->done) {
        uint64_t want = e->next + e->have;
        if (e->have < sizeof e->header && want >= offset && want < behind) {
            size_t take = sizeof e->header - e->have;
            if (take > behind - want)
                take = (size_t)(behind - want);
            memcpy(e->header + e->have, data + (want - offset), take);
            e->have += take;
        }
        if (!step(e))
            return;
    }
}

bool g4_extent_wants(const struct g4_extent *e, uint64_t *offset)
{
    *offset = e->next + e->have;
    return !e->done;
}

bool g4_extent_truncated(const struct g4_extent *e, uint64_t size)
{
    return e->end > size;
}

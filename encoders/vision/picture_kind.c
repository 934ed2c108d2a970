/* picture_kind.c - tables of first bytes, and the few facts that decoders do not tell. */
#include "encoders/vision/picture_kind.h"

#include <stdint.h>
#include <string.h>

#include "encoders/vision/orient.h"

struct magic {
    size_t at, n;
    const char *bytes;
};

/* What libavcodec decodes. Where a first byte is not enough, recognise_*() look further. */
static const struct {
    struct magic magic;
    struct g4_picture_kind kind;
} kinds[] = {
    {{8, 4, "WEBP"}, {"WebP", AV_CODEC_ID_WEBP}},
    {{0, 4, "GIF8"}, {"GIF", AV_CODEC_ID_GIF}},
    {{0, 4, "II*\0"}, {"TIFF", AV_CODEC_ID_TIFF}},
    {{0, 4, "MM\0*"}, {"TIFF", AV_CODEC_ID_TIFF}},
    {{0, 4, "qoif"}, {"QOI", AV_CODEC_ID_QOI}},
    {{0, 12, "\0\0\0\x0cjP  \r\n\x87\n"}, {"JPEG 2000", AV_CODEC_ID_JPEG2000}},
    {{0, 4, "\xff\x4f\xff\x51"}, {"JPEG 2000", AV_CODEC_ID_JPEG2000}},
    {{0, 4, "8BPS"}, {"PSD", AV_CODEC_ID_PSD}},
    {{0, 2, "\x01\xda"}, {"SGI", AV_CODEC_ID_SGI}},
    {{0, 3, "\x0a\x05\x01"}, {"PCX", AV_CODEC_ID_PCX}},
    {{0, 2, "BM"}, {"BMP", AV_CODEC_ID_BMP}},
    {{0, 2, "P1"}, {"PBM", AV_CODEC_ID_PBM}},
    {{0, 2, "P2"}, {"PGM", AV_CODEC_ID_PGM}},
    {{0, 2, "P3"}, {"PPM", AV_CODEC_ID_PPM}},
    {{0, 2, "P4"}, {"PBM", AV_CODEC_ID_PBM}},
    {{0, 2, "P7"}, {"PAM", AV_CODEC_ID_PAM}},
};

enum advice { RAW, HEIC, AVIF, JXL, SVG, PAGES, SOUND, VIDEO, STREAM };

/* What is known but cannot be decoded here. */
static const struct {
    struct magic magic;
    enum advice advice;
} others[] = {
    {{4, 8, "ftypcrx "}, RAW},
    {{0, 10, "II*\0\x10\0\0\0CR"}, RAW},
    {{0, 4, "IIRO"}, RAW},
    {{0, 4, "IIRS"}, RAW},
    {{0, 4, "IIU\0"}, RAW},
    {{0, 8, "FUJIFILM"}, RAW},
    {{0, 4, "FOVb"}, RAW},
    {{6, 8, "HEAPCCDR"}, RAW},
    {{4, 8, "ftypheic"}, HEIC},
    {{4, 8, "ftypheix"}, HEIC},
    {{4, 8, "ftypheim"}, HEIC},
    {{4, 8, "ftyphevc"}, HEIC},
    {{4, 8, "ftypmif1"}, HEIC},
    {{4, 8, "ftypmsf1"}, HEIC},
    {{4, 8, "ftypavif"}, AVIF},
    {{4, 8, "ftypavis"}, AVIF},
    {{0, 12, "\0\0\0\x0cJXL \r\n\x87\n"}, JXL},
    {{0, 2, "\xff\x0a"}, JXL},
    {{0, 4, "<svg"}, SVG},
    {{0, 4, "%PDF"}, PAGES},
    {{0, 4, "%!PS"}, PAGES},
    {{0, 4, "\xc5\xd0\xd3\xc6"}, PAGES},
    {{8, 4, "WAVE"}, SOUND},
    {{0, 4, "fLaC"}, SOUND},
    {{0, 3, "ID3"}, SOUND},
    {{0, 2, "\xff\xfb"}, SOUND},
    {{8, 4, "AIFF"}, SOUND},
    {{4, 8, "ftypM4A "}, SOUND},
    {{0, 4, "OggS"}, SOUND},
    {{4, 4, "ftyp"}, VIDEO},
    {{4, 4, "moov"}, VIDEO},
    {{0, 4, "\x1a\x45\xdf\xa3"}, VIDEO},
    {{8, 4, "AVI "}, VIDEO},
    {{0, 3, "FLV"}, VIDEO},
    {{0, 8, "\x89G4S\r\n\x1a\n"}, STREAM},
};

struct bytes {
    const unsigned char *data;
    size_t n;
};

static bool matches(struct bytes file, const struct magic *magic)
{
    return file.n >= magic->at + magic->n &&
           memcmp(file.data + magic->at, magic->bytes, magic->n) == 0;
}

static uint32_t little32(const unsigned char *p)
{
    return (uint32_t)p[0] | (uint32_t)p[1] << 8 | (uint32_t)p[2] << 16 | (uint32_t)p[3] << 24;
}

static int truncated(const char *name, const char *what, struct g4_err *err)
{
    return g4_err_set(err, G4_EINPUT, "'%s': truncated %s", name, what);
}

/* Chunks behind "RIFF size WEBP": the flags of VP8X, the EXIF. */
static int webp_facts(struct g4_picture_facts *facts, struct bytes file, const char *name,
                      struct g4_err *err)
{
    if (file.n < 20 || little32(file.data + 4) > file.n - 8)
        return truncated(name, "WebP", err);
    size_t at = 12;
    while (file.n - at >= 8) {
        const unsigned char *chunk = file.data + at;
        size_t size = little32(chunk + 4), left = file.n - at - 8;
        if (memcmp(chunk, "ANIM", 4) == 0)
            return g4_err_set(err, G4_EUNSUPPORTED,
                              "'%s': an animated WebP; take a frame out first: "
                              "webpmux -get frame 1 '%s' -o frame.webp",
                              name, name);
        if (size > left)
            break;
        if (memcmp(chunk, "EXIF", 4) == 0) {
            /* Some writers keep JPEG's prefix. */
            size_t skip = size > 6 && memcmp(chunk + 8, "Exif\0", 6) == 0 ? 6 : 0;
            facts->orientation = g4_exif_orientation(chunk + 8 + skip, size - skip);
        }
        size += size & 1;
        at += 8 + (size < left ? size : left);
    }
    return 0;
}

/* Passes over data sub-blocks; 0 when they run out of the file. */
static size_t gif_blocks(struct bytes file, size_t at)
{
    while (at < file.n && file.data[at] != 0)
        at += 1 + (size_t)file.data[at];
    return at < file.n ? at + 1 : 0;
}

static size_t gif_table(unsigned char flags)
{
    return flags & 0x80 ? (size_t)3 << ((flags & 7) + 1) : 0;
}

/* Counts the pictures; a file that ends inside its first one is truncated. */
static int gif_facts(struct g4_picture_facts *facts, struct bytes file, const char *name,
                     struct g4_err *err)
{
    size_t pictures = 0, at = file.n >= 13 ? 13 + gif_table(file.data[10]) : 0;
    while (at > 0 && at < file.n && pictures < 2) {
        unsigned char kind = file.data[at];
        if (kind == 0x21) {
            at = gif_blocks(file, at + 2);
        } else if (kind == 0x2c && file.n - at > 11) {
            at = gif_blocks(file, at + 11 + gif_table(file.data[at + 9]));
            pictures += at > 0;
        } else {
            break;
        }
    }
    facts->several = pictures > 1;
    return pictures == 0 ? truncated(name, "GIF", err) : 0;
}

static uint32_t tag(struct bytes file, unsigned number)
{
    uint32_t value = 0;
    return g4_tiff_find(file.data, file.n, number, &value) ? value : 0;
}

static bool has_tag(struct bytes file, unsigned number)
{
    uint32_t value;
    return g4_tiff_find(file.data, file.n, number, &value);
}

/* Whether a directory follows the first one. */
static bool tiff_pages(struct bytes file)
{
    bool little = file.data[0] == 'I';
    const unsigned char *p = file.data;
    uint32_t first = little
                         ? little32(p + 4)
                         : (uint32_t)p[4] << 24 | (uint32_t)p[5] << 16 | (uint32_t)p[6] << 8 | p[7];
    if (file.n < 14 || first > file.n - 6)
        return false;
    size_t entries =
        little ? p[first] | (size_t)p[first + 1] << 8 : (size_t)p[first] << 8 | p[first + 1];
    size_t next = first + 2 + 12 * entries;
    if (next > file.n - 4)
        return false;
    return p[next] | p[next + 1] | p[next + 2] | p[next + 3];
}

static int give_advice(enum advice advice, const char *name, struct g4_err *err)
{
    switch (advice) {
    case RAW:
        return g4_err_set(err, G4_EUNSUPPORTED,
                          "'%s': a camera's raw picture; develop it first: "
                          "dcraw -c '%s' | g4-vision",
                          name, name);
    case HEIC:
        return g4_err_set(err, G4_EUNSUPPORTED,
                          "'%s': a HEIC picture; convert it first: "
                          "heif-convert '%s' out.png",
                          name, name);
    case AVIF:
        return g4_err_set(err, G4_EUNSUPPORTED,
                          "'%s': an AVIF picture; convert it first: "
                          "avifdec '%s' out.png",
                          name, name);
    case JXL: /* libjxl writes to stderr, and aborts, as it pleases */
        return g4_err_set(err, G4_EUNSUPPORTED,
                          "'%s': a JPEG XL picture; convert it first: "
                          "djxl '%s' out.png",
                          name, name);
    case SVG:
        return g4_err_set(err, G4_EUNSUPPORTED,
                          "'%s': an SVG drawing; render it first: "
                          "rsvg-convert '%s' | g4-vision",
                          name, name);
    case PAGES:
        return g4_err_set(err, G4_EUNSUPPORTED,
                          "'%s': a document; render a page first: "
                          "pdftoppm -png '%s' page",
                          name, name);
    case SOUND:
        return g4_err_set(err, G4_EINPUT, "'%s': sound, no picture; try g4-audio '%s' | g4-decode",
                          name, name);
    case VIDEO:
        return g4_err_set(err, G4_EINPUT, "'%s': video, no picture; try g4-video '%s' | g4-decode",
                          name, name);
    case STREAM: break;
    }
    return g4_err_set(err, G4_EINPUT, "'%s': a stream of soft tokens already; it is for g4-decode",
                      name);
}

static int tiff_facts(struct g4_picture_facts *facts, struct bytes file, const char *name,
                      struct g4_err *err)
{
    enum {
        SUBFILE = 254,
        COMPRESSION = 259,
        PHOTOMETRIC = 262,
        SUB_IFDS = 330,
        DNG_VERSION = 50706,
        OLD_JPEG = 6,
        JPEG = 7,
        PALETTE = 3,
        CFA = 32803,
    };
    if (file.n < 14)
        return truncated(name, "TIFF", err);
    /* A raw picture's first directory is its thumbnail, or holds the sensor's mosaic. */
    if (has_tag(file, DNG_VERSION) || tag(file, PHOTOMETRIC) == CFA ||
        (has_tag(file, SUB_IFDS) && tag(file, SUBFILE) & 1))
        return give_advice(RAW, name, err);
    /* libav decodes CMYK as RGB with alpha, and JPEG inside TIFF as black. */
    uint32_t compression = tag(file, COMPRESSION), photometric = tag(file, PHOTOMETRIC);
    if (photometric > PALETTE || compression == OLD_JPEG || compression == JPEG)
        return g4_err_set(err, G4_EUNSUPPORTED,
                          "'%s': a TIFF of a kind that is not supported (photometric "
                          "%u, compression %u); convert it first: convert '%s' out.png",
                          name, photometric, compression, name);
    facts->orientation = g4_exif_orientation(file.data, file.n);
    facts->several = tiff_pages(file);
    return 0;
}

/* The decoder does not miss the closing mark. */
static int qoi_whole(struct bytes file, const char *name, struct g4_err *err)
{
    static const char end[8] = {0, 0, 0, 0, 0, 0, 0, 1};
    return file.n < 22 || memcmp(file.data + file.n - 8, end, 8) != 0 ? truncated(name, "QOI", err)
                                                                      : 0;
}

static bool is_svg(struct bytes file)
{
    static const char tags[] = "<svg";
    size_t to = file.n < 4096 ? file.n : 4096;
    if (file.n < 5 || memcmp(file.data, "<?xml", 5) != 0)
        return false;
    for (size_t at = 0; at + 4 <= to; at++)
        if (memcmp(file.data + at, tags, 4) == 0)
            return true;
    return false;
}

int g4_picture_recognise(struct g4_picture_facts *facts, const unsigned char *data, size_t n,
                         const char *name, struct g4_err *err)
{
    const struct bytes file = {data, n};
    *facts = (struct g4_picture_facts){.orientation = 1};
    for (size_t i = 0; i < sizeof others / sizeof *others; i++)
        if (matches(file, &others[i].magic))
            return give_advice(others[i].advice, name, err);
    if (is_svg(file))
        return give_advice(SVG, name, err);
    for (size_t i = 0; i < sizeof kinds / sizeof *kinds && !facts->kind; i++)
        if (matches(file, &kinds[i].magic))
            facts->kind = &kinds[i].kind;
    if (!facts->kind)
        return g4_err_set(err, G4_EINPUT, "'%s': not recognised as a picture", name);
    switch (facts->kind->codec) {
    case AV_CODEC_ID_WEBP: return webp_facts(facts, file, name, err);
    case AV_CODEC_ID_GIF: return gif_facts(facts, file, name, err);
    case AV_CODEC_ID_TIFF: return tiff_facts(facts, file, name, err);
    case AV_CODEC_ID_QOI: return qoi_whole(file, name, err);
    default: return 0;
    }
}

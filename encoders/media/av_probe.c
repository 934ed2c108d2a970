/* av_probe.c - which container is it, may it be read, and must it be spooled. */
#include <libavutil/avstring.h>
#include <string.h>

#include "encoders/media/av_source.h"

enum { SMALLEST = 4 << 10, LARGEST = 1 << 20, ID3_HEADER = 10, LONGEST_TAG = 32 << 20 };

/* Self-contained formats, by libav's names. Whatever names other files, draws, or talks is missing.
 */
static const char sound_formats[] =
    "wav,w64,aiff,au,caf,mp3,flac,ogg,mov,matroska,aac,ac3,eac3,dts,truehd,loas,asf,avi,mpegts,"
    "mpeg,flv,"
    "amr,amrnb,amrwb,wv,ape,tta,tak,mpc,mpc8,dsf,voc,ircam,nut,mxf,ivf";
static const char video_formats[] = "mov,matroska,avi,mpegts,mpeg,mpegvideo,flv,asf,ogg,ivf,gif,"
                                    "h264,hevc,m4v,mxf,nut,dv,yuv4mpegpipe";
/* Nothing in these needs looking back. */
static const char forward_formats[] = "wav,mp3,flac,ogg,matroska,aac,ac3,eac3,dts,mpegts,mpeg,flv,"
                                      "au,amr,amrnb,amrwb,wv,tta,nut,ivf,h264,"
                                      "hevc,m4v,mpegvideo,yuv4mpegpipe,loas,truehd,w64";

static bool listed(const AVInputFormat *kind, const char *list)
{
    return av_match_list(kind->name, list, ',') > 0;
}

/* Size of the ID3v2 tags in front, which may be longer than any probe. */
static size_t tag_bytes(const unsigned char *data, size_t n)
{
    if (n < ID3_HEADER || memcmp(data, "ID3", 3) != 0 || data[3] == 0xff || data[4] == 0xff)
        return 0;
    size_t size = 0;
    for (int i = 6; i < 10; i++) {
        if (data[i] & 0x80)
            return 0;
        size = size << 7 | data[i];
    }
    if (size > LONGEST_TAG)
        return 0;
    return size + ID3_HEADER + (data[5] & 0x10 ? ID3_HEADER : 0);
}

static const AVInputFormat *probe_bytes(const unsigned char *data, size_t n, int enough)
{
    unsigned char *padded = av_mallocz(n + AVPROBE_PADDING_SIZE);
    if (!padded)
        return NULL;
    memcpy(padded, data, n);
    AVProbeData probe = {.filename = "", .buf = padded, .buf_size = (int)n};
    int score = 0;
    const AVInputFormat *kind = av_probe_input_format3(&probe, 1, &score);
    av_free(padded);
    return score > enough ? kind : NULL;
}

/* The same steps as libav's own: a little first, more while that is not conclusive. */
static int find_kind(struct g4_av_source *source, struct g4_err *err)
{
    const unsigned char *data;
    size_t got, skip = 0;
    int status = g4_media_input_peek(source->input, ID3_HEADER, SMALLEST, &data, &got, err);
    if (status == 0)
        skip = tag_bytes(data, got);
    for (size_t size = SMALLEST; status == 0 && !source->kind && size <= LARGEST; size *= 4) {
        status = g4_media_input_peek(source->input, skip + size, skip + size, &data, &got, err);
        if (status < 0)
            break;
        bool all = got < skip + size || size == LARGEST;
        if (got > skip)
            source->kind = probe_bytes(data + skip, got - skip, all ? 0 : AVPROBE_SCORE_MAX / 4);
        if (all)
            break;
    }
    return status;
}

static bool starts(const unsigned char *data, size_t got, const void *magic, size_t n)
{
    return got >= n && memcmp(data, magic, n) == 0;
}

static bool picture(const AVInputFormat *kind)
{
    size_t n = strlen(kind->name);
    return listed(kind, "image2,gif,apng,ico,jpeg,mjpeg,fits,xpm,xbin") ||
           (n > 5 && strcmp(kind->name + n - 5, "_pipe") == 0);
}

static int refuse(const struct g4_av_source *source, enum g4_av_medium medium, struct g4_err *err)
{
    const char *name = g4_media_input_name(source->input);
    const char *wanted = medium == G4_AV_SOUND ? "sound" : "video";
    const unsigned char *data;
    size_t got;
    int status = g4_media_input_peek(source->input, 8, 64, &data, &got, err);
    if (status < 0)
        return status;
    if (starts(data, got, "\x89G4S\r\n\x1a\n", 8))
        return g4_err_set(err, G4_EINPUT,
                          "'%s': a stream of soft tokens already; it is for g4-decode", name);
    if (starts(data, got, "#EXTM3U", 7) ||
        (source->kind && listed(source->kind, "hls,dash,concat,sdp,rtsp")))
        return g4_err_set(err, G4_EUNSUPPORTED, "'%s': a list that names other files; give those",
                          name);
    if (source->kind && picture(source->kind))
        return g4_err_set(err, G4_EINPUT,
                          "'%s': a picture, no %s stream; try g4-vision '%s' | g4-decode", name,
                          medium == G4_AV_SOUND ? "audio" : "video", name);
    if (source->kind && medium == G4_AV_VIDEO && listed(source->kind, sound_formats))
        return g4_err_set(err, G4_EINPUT,
                          "'%s': sound, no video stream; try g4-audio '%s' | g4-decode", name,
                          name);
    if (source->kind && medium == G4_AV_SOUND && listed(source->kind, video_formats))
        return g4_err_set(err, G4_EINPUT, "'%s': no audio stream", name);
    if (source->kind)
        return g4_err_set(err, G4_EUNSUPPORTED, "'%s': no %s that can be read (looks like '%s')",
                          name, wanted, source->kind->name);
    return g4_err_set(err, G4_EINPUT, "'%s': not recognised as %s%s", name, wanted,
                      medium == G4_AV_SOUND ? " (headerless samples: --raw, --rate, --channels)"
                                            : "");
}

int g4_av_source_probe(struct g4_av_source *source, enum g4_av_medium medium, struct g4_err *err)
{
    int status = find_kind(source, err);
    if (status < 0)
        return status;
    if (!source->kind ||
        !listed(source->kind, medium == G4_AV_SOUND ? sound_formats : video_formats))
        return refuse(source, medium, err);
    return 0;
}

/* An MP4 whose index (moov) comes before its data (mdat, moof). */
static bool index_in_front(struct g4_media_input *input)
{
    const unsigned char *data;
    size_t got;
    if (g4_media_input_peek(input, SMALLEST, SMALLEST, &data, &got, NULL) < 0)
        return false;
    for (size_t at = 0; got >= 8 && at <= got - 8;) {
        if (memcmp(data + at + 4, "moov", 4) == 0)
            return true;
        size_t size = (size_t)data[at] << 24 | (size_t)data[at + 1] << 16 |
                      (size_t)data[at + 2] << 8 | (size_t)data[at + 3];
        if (size < 8 || memcmp(data + at + 4, "mdat", 4) == 0 || size > got)
            return false;
        at += size;
    }
    return false;
}

/* The first frame of many an MP3 says how many there are, from which libav trims the end - in a
 * file. */
static bool counted_mp3(struct g4_media_input *input)
{
    const unsigned char *data;
    size_t got;
    if (g4_media_input_peek(input, ID3_HEADER, SMALLEST, &data, &got, NULL) < 0)
        return false;
    size_t skip = tag_bytes(data, got);
    if (g4_media_input_peek(input, skip + SMALLEST, skip + SMALLEST, &data, &got, NULL) < 0)
        return false;
    size_t to = got < skip + 200 ? got : skip + 200;
    for (size_t at = skip; at + 4 <= to; at++)
        if (memcmp(data + at, "Xing", 4) == 0 || memcmp(data + at, "Info", 4) == 0 ||
            memcmp(data + at, "VBRI", 4) == 0)
            return true;
    return false;
}

int g4_av_source_prepare(struct g4_av_source *source, bool live, bool seek, struct g4_err *err)
{
    bool counted = listed(source->kind, "mp3") && counted_mp3(source->input);
    if (!seek && !counted && listed(source->kind, forward_formats))
        return 0;
    if (!seek && live && listed(source->kind, "mov") && index_in_front(source->input))
        return 0;
    return g4_media_input_spool(source->input, err);
}

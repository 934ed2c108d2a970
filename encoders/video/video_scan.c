/* video_scan.c - reads packets, keeps times. */
#include "encoders/video/video_scan.h"

#include <stdlib.h>
#include <string.h>

#include "lib/base/mem.h"

enum {
    MAX_FRAMES = 1 << 24, /* 128 MB of times */
    MAX_KEYS = 1 << 22,
    TAIL_TRIES = 12,
    TAIL_SECONDS = 2, /* how far before the end the first try begins; doubled each time */
};

static int compare(const void *a, const void *b)
{
    int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;
    return (x > y) - (x < y);
}

static int keep_time(struct g4_video_scan *scan, int64_t time, const char *name, struct g4_err *err)
{
    if (scan->frames == scan->capacity) {
        size_t grown = scan->capacity ? 2 * scan->capacity : 4096;
        if (grown > MAX_FRAMES)
            return g4_err_set(err, G4_ELIMIT,
                              "'%s': more than %d frames; use -r instead of --frames", name,
                              MAX_FRAMES);
        int64_t *times = realloc(scan->times, grown * sizeof *times);
        if (!times)
            return g4_err_nomem(err, grown * sizeof *times, "frame times");
        scan->times = times;
        scan->capacity = grown;
    }
    scan->times[scan->frames] = time;
    return 0;
}

bool g4_video_scan_indexed(const struct g4_av_source *source)
{
    const char *name = source->kind->name;
    return strncmp(name, "mov", 3) == 0 || strncmp(name, "matroska", 8) == 0;
}

static void keep_last(struct g4_video_scan *scan, int64_t time)
{
    if (scan->frames == 0 || time < scan->first)
        scan->first = time;
    if (scan->frames == 0) {
        scan->last = scan->prev = time;
    } else if (time > scan->last) {
        scan->prev = scan->last;
        scan->last = time;
    } else if (time < scan->last && (time > scan->prev || scan->prev == scan->last)) {
        scan->prev = time;
    }
}

/* Reads packets from here to the end. */
static int read_rest(struct g4_video_scan *scan, struct g4_av_source *source, bool all,
                     struct g4_err *err)
{
    const char *name = g4_media_input_name(source->input);
    const int64_t jump = (int64_t)(G4_VIDEO_JUMP_SECONDS / av_q2d(source->stream->time_base));
    const int64_t step = (int64_t)(g4_av_source_step(source) / av_q2d(source->stream->time_base));
    bool indexed = g4_video_scan_indexed(source);
    int64_t shift = 0;
    int status;
    while ((status = g4_av_source_packet(source, err)) > 0) {
        int64_t time = g4_av_packet_time(source->packet);
        scan->exact &= source->packet->pts != AV_NOPTS_VALUE;
        if (time == AV_NOPTS_VALUE)
            time = scan->frames ? scan->last - shift + step : 0;
        bool shown = !(source->packet->flags & AV_PKT_FLAG_DISCARD) && time < INT64_MAX / 4 &&
                     time > INT64_MIN / 4;
        av_packet_unref(source->packet);
        g4_guard_progress(source->guard);
        if (!shown)
            continue;
        time += shift;
        if (!indexed && scan->frames > 0 && time < scan->last - jump && shift < INT64_MAX / 4) {
            shift += scan->last + (scan->last - scan->prev) - time;
            time = scan->last + (scan->last - scan->prev);
        }
        status = all ? keep_time(scan, time, name, err) : 0;
        if (status < 0)
            break;
        keep_last(scan, time);
        scan->frames++;
    }
    return status;
}

/* The key frames that the index knows. */
static int take_keys(struct g4_video_scan *scan, AVStream *stream, struct g4_err *err)
{
    int entries = avformat_index_get_entries_count(stream);
    void *memory;
    if (entries <= 0)
        return 0;
    size_t most = entries < MAX_KEYS ? (size_t)entries : MAX_KEYS;
    int status = g4_alloc(&memory, most, sizeof *scan->keys, "an index", err);
    if (status < 0)
        return status;
    scan->keys = memory;
    for (int i = 0; i < entries && scan->key_count < most; i++) {
        const AVIndexEntry *entry = avformat_index_get_entry(stream, i);
        if (entry && entry->flags & AVINDEX_KEYFRAME && !(entry->flags & AVINDEX_DISCARD_FRAME))
            scan->keys[scan->key_count++] = entry->timestamp;
    }
    qsort(scan->keys, scan->key_count, sizeof *scan->keys, compare);
    return 0;
}

/* Where the container says the clip ends; AV_NOPTS_VALUE when it does not. */
static int64_t stated_end(const struct g4_av_source *source, const AVStream *stream)
{
    int64_t start = stream->start_time != AV_NOPTS_VALUE ? stream->start_time : 0;
    int64_t duration = stream->duration;
    if (duration <= 0 && source->format->duration > 0)
        duration = av_rescale_q(source->format->duration, AV_TIME_BASE_Q, stream->time_base);
    if (duration <= 0 || start > INT64_MAX - duration)
        return AV_NOPTS_VALUE;
    return start + duration;
}

/* Reads only the end: from the last key frame on, or from earlier ones until two frames are seen.
 */
static int read_tail(struct g4_video_scan *scan, struct g4_av_source *source,
                     const AVStream *stream, struct g4_err *err)
{
    int64_t end = stated_end(source, stream),
            second = av_rescale_q(AV_TIME_BASE, AV_TIME_BASE_Q, stream->time_base);
    if (end == AV_NOPTS_VALUE || second <= 0)
        return 0;
    int64_t back = second / 1000;
    for (int i = 0; i < TAIL_TRIES && scan->frames < 2; i++) {
        scan->frames = 0;
        if (g4_av_source_seek(source, end - back) < 0)
            return 0;
        int status = read_rest(scan, source, false, err);
        if (status < 0)
            return status;
        back = i == 0 ? second * TAIL_SECONDS : back < INT64_MAX / 4 ? 2 * back : back;
    }
    return 0;
}

static int read_all(struct g4_video_scan *scan, struct g4_av_source *source, bool all,
                    struct g4_err *err)
{
    int status = read_rest(scan, source, all, err);
    if (all && scan->frames)
        qsort(scan->times, scan->frames, sizeof *scan->times, compare);
    return status;
}

int g4_video_scan_run(struct g4_video_scan *scan, struct g4_av_source *source, AVStream *stream,
                      bool all, struct g4_err *err)
{
    *scan = (struct g4_video_scan){.exact = true};
    for (unsigned i = 0; i < source->format->nb_streams; i++)
        if (source->format->streams[i] != stream)
            source->format->streams[i]->discard = AVDISCARD_ALL;
    source->stream = stream;
    bool indexed = g4_video_scan_indexed(source);
    int status = 0;
    if (indexed && !all)
        status = read_tail(scan, source, stream, err);
    if (status == 0 && scan->frames < 2) {
        /* Not the end alone, or it could not be read: from the beginning. */
        bool back = !indexed || all || g4_av_source_seek(source, INT64_MIN / 2) >= 0 ||
                    g4_av_source_seek(source, 0) >= 0;
        scan->frames = 0;
        if (back)
            status = read_all(scan, source, all, err);
    }
    return status < 0 || !indexed ? status : take_keys(scan, stream, err);
}

bool g4_video_scan_key(const struct g4_video_scan *scan, int64_t time, int64_t *key)
{
    size_t low = 0, high = scan->key_count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (scan->keys[middle] <= time)
            low = middle + 1;
        else
            high = middle;
    }
    if (low == 0)
        return false;
    *key = scan->keys[low - 1];
    return true;
}

void g4_video_scan_release(struct g4_video_scan *scan)
{
    free(scan->times);
    free(scan->keys);
    *scan = (struct g4_video_scan){0};
}

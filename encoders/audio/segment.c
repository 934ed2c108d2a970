/* segment.c - one window of samples with a little of what follows it. */
#include "encoders/audio/segment.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/mem.h"

struct g4_segmenter {
    enum g4_split split;
    size_t window, shortest;
    g4_samples_fn *read;
    void *ctx;
    bool ended;     /* the sound has no further samples */
    uint64_t start; /* position of held[0] in the sound */
    size_t count;   /* samples held */
    size_t given;   /* of which the last clip took this many */
    size_t clips;
    float held[]; /* [window + shortest] */
};

int g4_segmenter_open(struct g4_segmenter **out, enum g4_split split, size_t window,
                      size_t shortest, g4_samples_fn *read, void *ctx, struct g4_err *err)
{
    assert(shortest >= 1);
    *out = NULL;
    if (window / 2 < shortest)
        return g4_err_set(err, G4_EUSAGE, "a window of %g s is too short: at least %g s",
                          window / 16000.0, (double)shortest / 8000.0);
    size_t samples, bytes;
    if (!g4_add_size(window, shortest, &samples) || !g4_mul_size(samples, sizeof(float), &bytes) ||
        !g4_add_size(bytes, sizeof(struct g4_segmenter), &bytes))
        return g4_err_nomem(err, SIZE_MAX, "a clip of sound");
    void *memory;
    int status = g4_alloc(&memory, 1, bytes, "a clip of sound", err);
    if (status < 0)
        return status;
    struct g4_segmenter *segmenter = memory;
    segmenter->split = split;
    segmenter->window = window;
    segmenter->shortest = shortest;
    segmenter->read = read;
    segmenter->ctx = ctx;
    *out = segmenter;
    return 0;
}

void g4_segmenter_close(struct g4_segmenter *segmenter)
{
    free(segmenter);
}

/* Forgets the clip given last and moves what lies behind it to the front. */
static void advance(struct g4_segmenter *s)
{
    s->count -= s->given;
    s->start += s->given;
    memmove(s->held, s->held + s->given, s->count * sizeof *s->held);
    s->given = 0;
}

static int fill(struct g4_segmenter *s, struct g4_err *err)
{
    const size_t capacity = s->window + s->shortest;
    while (!s->ended && s->count < capacity) {
        size_t got = 0;
        int status = s->read(s->ctx, s->held + s->count, capacity - s->count, &got, err);
        if (status < 0) {
            s->ended = true;
            s->count = 0;
            return status;
        }
        assert(got <= capacity - s->count);
        s->count += got;
        s->ended = got == 0;
    }
    return 0;
}

/* Samples of the clip at the front of what is held. */
static size_t clip_length(const struct g4_segmenter *s)
{
    if (s->count <= s->window)
        return s->count;
    const size_t rest = s->count - s->window;
    if (s->split == G4_SPLIT_FIXED && rest < s->shortest)
        return s->window - (s->shortest - 1);
    return s->window;
}

int g4_segmenter_next(struct g4_segmenter *s, struct g4_clip *clip, struct g4_err *err)
{
    *clip = (struct g4_clip){0};
    if (s->split == G4_SPLIT_NONE && s->clips > 0)
        return 0;
    advance(s);
    int status = fill(s, err);
    if (status < 0)
        return status;
    if (s->count == 0)
        return 0;
    s->given = clip_length(s);
    *clip = (struct g4_clip){s->held, s->given, s->start, s->clips++, s->count > s->given};
    return 0;
}

uint64_t g4_sample_us(uint64_t position)
{
    /* 1e6 / 16000 = 62.5; split, so that no position overflows on the way */
    return position / 2 * 125 + position % 2 * 63;
}

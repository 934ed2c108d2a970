/* audio_resample.c - libswresample, mono float to mono float. */
#include "encoders/audio/audio_resample.h"

#include <libavutil/channel_layout.h>
#include <libavutil/samplefmt.h>
#include <libswresample/swresample.h>
#include <stdlib.h>

#include "encoders/audio/mel.h"
#include "lib/base/mem.h"

enum { PORTION = 1 << 20 }; /* samples given to libswresample at a time: it counts in int */

int g4_samples_reserve(struct g4_samples *samples, size_t more, struct g4_err *err)
{
    size_t need, bytes;
    if (!g4_add_size(samples->count, more, &need) || !g4_mul_size(need, 2 * sizeof(float), &bytes))
        return g4_err_nomem(err, more, "samples");
    if (need <= samples->capacity)
        return 0;
    float *grown = realloc(samples->data, bytes);
    if (!grown)
        return g4_err_nomem(err, bytes, "samples");
    samples->data = grown;
    samples->capacity = 2 * need;
    return 0;
}

void g4_samples_release(struct g4_samples *samples)
{
    free(samples->data);
    *samples = (struct g4_samples){0};
}

static int begin(struct g4_resampler *resampler, uint32_t rate, struct g4_err *err)
{
    resampler->rate = rate;
    if (rate == G4_AUDIO_RATE)
        return 0;
    AVChannelLayout mono = AV_CHANNEL_LAYOUT_MONO;
    int r = swr_alloc_set_opts2(&resampler->swr, &mono, AV_SAMPLE_FMT_FLT, G4_AUDIO_RATE, &mono,
                                AV_SAMPLE_FMT_FLT, (int)rate, 0, NULL);
    if (r >= 0)
        r = swr_init(resampler->swr);
    if (r < 0) {
        g4_resampler_release(resampler);
        return g4_err_set(err, G4_EUNSUPPORTED, "cannot resample from %u Hz", rate);
    }
    return 0;
}

/* in NULL: what is left inside. */
static int convert(struct g4_resampler *resampler, struct g4_samples *out, const float *in, int n,
                   struct g4_err *err)
{
    int room = swr_get_out_samples(resampler->swr, n);
    if (room <= 0)
        room = 1;
    int status = g4_samples_reserve(out, (size_t)room, err);
    if (status < 0)
        return status;
    uint8_t *to[1] = {(uint8_t *)(out->data + out->count)};
    const uint8_t *from[1] = {(const uint8_t *)in};
    int got = swr_convert(resampler->swr, to, room, in ? from : NULL, n);
    if (got < 0)
        return g4_err_set(err, G4_ENOMEM, "cannot resample from %u Hz", resampler->rate);
    out->count += (size_t)got;
    return got;
}

int g4_resampler_run(struct g4_resampler *resampler, struct g4_samples *out, uint32_t rate,
                     const float *in, size_t n, struct g4_err *err)
{
    int status = 0;
    if (rate != resampler->rate) {
        status = g4_resampler_flush(resampler, out, err);
        if (status == 0)
            status = begin(resampler, rate, err);
    }
    if (status == 0 && !resampler->swr) {
        status = g4_samples_reserve(out, n, err);
        for (size_t i = 0; status == 0 && i < n; i++)
            out->data[out->count++] = in[i];
        return status;
    }
    while (status >= 0 && n > 0) {
        size_t take = n < PORTION ? n : PORTION;
        status = convert(resampler, out, in, (int)take, err);
        in += take;
        n -= take;
    }
    return status < 0 ? status : 0;
}

int g4_resampler_flush(struct g4_resampler *resampler, struct g4_samples *out, struct g4_err *err)
{
    int got = resampler->swr ? 1 : 0;
    while (got > 0)
        got = convert(resampler, out, NULL, 0, err);
    g4_resampler_release(resampler);
    return got < 0 ? got : 0;
}

void g4_resampler_release(struct g4_resampler *resampler)
{
    swr_free(&resampler->swr);
    resampler->rate = 0;
}

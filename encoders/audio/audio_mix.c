/* audio_mix.c - one loop per sample type. */
#include "encoders/audio/audio_mix.h"

#include <assert.h>
#include <math.h>

/* Adds channel data (every `step`-th value) to mono, as floats. */
static void add_u8(float *mono, const uint8_t *s, size_t step, size_t n)
{
    for (size_t i = 0; i < n; i++)
        mono[i] += (float)(s[i * step] - 128) * 0x1p-7f;
}

static void add_s16(float *mono, const int16_t *s, size_t step, size_t n)
{
    for (size_t i = 0; i < n; i++)
        mono[i] += (float)s[i * step] * 0x1p-15f;
}

static void add_s32(float *mono, const int32_t *s, size_t step, size_t n)
{
    for (size_t i = 0; i < n; i++)
        mono[i] += (float)s[i * step] * 0x1p-31f;
}

static void add_s64(float *mono, const int64_t *s, size_t step, size_t n)
{
    for (size_t i = 0; i < n; i++)
        mono[i] += (float)s[i * step] * 0x1p-63f;
}

/* A value that is not finite stays so in the sum, where it is looked for. */
static float clip(float v)
{
    if (!isfinite(v))
        return NAN;
    return v > G4_AUDIO_CLIP ? G4_AUDIO_CLIP : v < -G4_AUDIO_CLIP ? -G4_AUDIO_CLIP : v;
}

static void add_flt(float *mono, const float *s, size_t step, size_t n)
{
    for (size_t i = 0; i < n; i++)
        mono[i] += clip(s[i * step]);
}

static void add_dbl(float *mono, const double *s, size_t step, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        double v = s[i * step];
        /* Clipped first: a finite double may be infinite as a float. */
        if (v > G4_AUDIO_CLIP || v < -G4_AUDIO_CLIP)
            v = isfinite(v) ? (v > 0 ? G4_AUDIO_CLIP : -G4_AUDIO_CLIP) : NAN;
        mono[i] += (float)v;
    }
}

static void add_channel(float *mono, const uint8_t *plane, enum AVSampleFormat packed, size_t at,
                        size_t step, size_t n)
{
    const void *s = plane + at * (size_t)av_get_bytes_per_sample(packed);
    switch (packed) {
    case AV_SAMPLE_FMT_U8: add_u8(mono, s, step, n); break;
    case AV_SAMPLE_FMT_S16: add_s16(mono, s, step, n); break;
    case AV_SAMPLE_FMT_S32: add_s32(mono, s, step, n); break;
    case AV_SAMPLE_FMT_S64: add_s64(mono, s, step, n); break;
    case AV_SAMPLE_FMT_FLT: add_flt(mono, s, step, n); break;
    case AV_SAMPLE_FMT_DBL: add_dbl(mono, s, step, n); break;
    default: assert(!"a sample format that libav does not have");
    }
}

bool g4_audio_mix(float *mono, const uint8_t *const *planes, enum AVSampleFormat format,
                  int channels, int channel, size_t n, size_t *bad)
{
    enum AVSampleFormat packed = av_get_packed_sample_fmt(format);
    bool planar = av_sample_fmt_is_planar(format);
    int from = channel < 0 ? 0 : channel;
    int to = channel < 0 ? channels : channel + 1;
    for (size_t i = 0; i < n; i++)
        mono[i] = 0.0f;
    for (int c = from; c < to; c++)
        add_channel(mono, planar ? planes[c] : planes[0], packed, planar ? 0 : (size_t)c,
                    planar ? 1 : (size_t)channels, n);
    for (size_t i = 0; i < n; i++) {
        if (!isfinite(mono[i])) {
            *bad = i;
            return false;
        }
        mono[i] /= (float)(to - from);
    }
    return true;
}

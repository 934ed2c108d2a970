/*
 * audio_mix.h - decoded samples of any type and number of channels to mono float.
 *
 *     value = unsigned 8: (s - 128) / 128; signed n bits: s / 2^(n-1); float as it is
 *     mono  = (c_0 + c_1 + ... + c_{C-1}) / C in float, or one channel alone
 */
#ifndef G4_ENCODERS_AUDIO_AUDIO_MIX_H
#define G4_ENCODERS_AUDIO_AUDIO_MIX_H

#include <libavutil/samplefmt.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Larger values are cut to this. It is far beyond ordinary overs, and beyond 16-bit samples that
 * somebody stored as floats without scaling. */
#define G4_AUDIO_CLIP 65536.0f

/*
 * mono[n] from n samples of `channels` channels: planes[c][i] for planar formats,
 * planes[0][i*channels+c] otherwise. channel -1: the mean; else that one. Returns false, with *bad
 * = the first such sample, when a value is infinite or not a number.
 */
bool g4_audio_mix(float *mono, const uint8_t *const *planes, enum AVSampleFormat format,
                  int channels, int channel, size_t n, size_t *bad);

#endif

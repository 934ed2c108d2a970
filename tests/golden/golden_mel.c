/*
 * golden_mel.c - media-mel*: features of given signals, and frames and tokens of given lengths.
 *
 *     KIND.samples I16 -> KIND.mel_exact (float64 FFT), KIND.mel (float32 FFT)
 *     counts.json: [{"samples", "frames", "soft_tokens", "soft_tokens_12b"}]
 */
#include <jansson.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "encoders/audio/mel.h"
#include "encoders/audio/unified_audio.h"
#include "lib/format/json_read.h"
#include "tests/golden/golden.h"

enum { MAX_JSON = 16 << 20 };

static const double EXACT_LIMIT = 1e-5; /* absolute, both in float64 */
static const double FLOAT_LIMIT = 5e-3; /* absolute, against a float32 FFT */

static void compare(struct golden *g, const char *kind, const char *which, double limit,
                    const float *got, size_t values)
{
    const struct g4_tensor *expected = golden_tensor(g, "%s.%s", kind, which);
    if (!expected)
        return;
    if (g4_tensor_count(expected) != values) {
        golden_ok(g, false, "%s.%s: %zu values, expected %zu", kind, which, values,
                  g4_tensor_count(expected));
        return;
    }
    double worst = 0;
    for (size_t i = 0; i < values; i++) {
        double x = got[i];
        worst = isfinite(x) ? fmax(worst, fabs(x - (double)g4_tensor_get(expected, i))) : INFINITY;
    }
    g->worst = fmax(g->worst, worst);
    golden_ok(g, worst < limit, "%s.%s: %.1e absolute (limit %.0e)", kind, which, worst, limit);
}

static void run_signal(struct golden *g, struct g4_mel *mel, const struct g4_tensor *stored)
{
    const size_t n = g4_tensor_count(stored), values = g4_mel_frames(n) * G4_AUDIO_MELS;
    char kind[256];
    const size_t length = strlen(stored->name) - strlen(".samples");
    float *samples = malloc((n + 1) * sizeof *samples);
    float *features = malloc((values + 1) * sizeof *features);
    if (!samples || !features || length >= sizeof kind) {
        golden_ok(g, false, "%s: out of memory", stored->name);
    } else {
        memcpy(kind, stored->name, length);
        kind[length] = '\0';
        for (size_t i = 0; i < n; i++)
            samples[i] = g4_tensor_get(stored, i) / 32768.0f;
        g4_mel_run(mel, g->exec.pool, features, samples, n);
        compare(g, kind, "mel_exact", EXACT_LIMIT, features, values);
        compare(g, kind, "mel", FLOAT_LIMIT, features, values);
    }
    free(samples);
    free(features);
}

static size_t number(const json_t *entry, const char *key)
{
    return (size_t)json_integer_value(json_object_get(entry, key));
}

static void run_counts(struct golden *g)
{
    const struct g4_unified_audio unified = {.frame = G4_AUDIO_TOKEN_SAMPLES};
    struct g4_err err = {0};
    json_t *counts;
    if (g4_json_load(&counts, golden_path(g, "counts.json"), MAX_JSON, &err) < 0) {
        golden_ok(g, false, "%s", err.text);
        return;
    }
    size_t i;
    json_t *entry;
    json_array_foreach(counts, i, entry)
    {
        const size_t n = number(entry, "samples");
        const size_t heard = n < G4_AUDIO_MAX_SAMPLES ? n : G4_AUDIO_MAX_SAMPLES;
        golden_ok(g, g4_mel_frames(heard) == number(entry, "frames"), "%zu samples: %zu frames", n,
                  g4_mel_frames(heard));
        golden_ok(g, g4_audio_tokens(heard) == number(entry, "soft_tokens"),
                  "%zu samples: %zu tokens", n, g4_audio_tokens(heard));
        golden_ok(g, g4_unified_audio_tokens(&unified, n) == number(entry, "soft_tokens_12b"),
                  "%zu samples: %zu tokens of 640", n, g4_unified_audio_tokens(&unified, n));
    }
    golden_ok(g, json_array_size(counts) > 0, "%zu lengths", json_array_size(counts));
    json_decref(counts);
}

void golden_mel(struct golden *g)
{
    static const char suffix[] = ".samples";
    struct g4_err err = {0};
    struct g4_mel *mel;
    if (g4_mel_open(&mel, g4_pool_threads(g->exec.pool), &err) < 0) {
        golden_ok(g, false, "%s", err.text);
        return;
    }
    size_t signals = 0;
    for (size_t i = 0; i < g->vectors.count; i++) {
        const struct g4_tensor *tensor = &g->vectors.tensors[i];
        const size_t length = strlen(tensor->name), end = sizeof suffix - 1;
        if (length <= end || strcmp(tensor->name + length - end, suffix) != 0)
            continue;
        run_signal(g, mel, tensor);
        signals++;
    }
    golden_ok(g, signals > 0, "%zu signals", signals);
    g4_mel_close(mel);
    run_counts(g);
}

/*
 * golden_audio.c - audio-*: features, every stage of the tower, soft tokens; and the clips of
 * unified-*.
 *
 * cases.json names the clips ("cases" or "clips": {"clip", "samples", "soft_tokens", ...}). Where
 * all stages are stored the tower is compared from the stored features, so that the FFT has no part
 * in it; from the samples the features and the soft tokens are compared, with the wider limits of
 * the FFT.
 */
#include <jansson.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "encoders/audio/audio_encoder.h"
#include "lib/format/json_read.h"
#include "tests/golden/golden.h"

enum { MAX_JSON = 16 << 20, MEL_STEP = 50 };

static const double STAGE_LIMIT = 1e-4; /* from given features */
static const double SOUND_LIMIT = 1e-3; /* soft tokens from samples, through another FFT */
static const double MEL_LIMIT = 5e-3;   /* absolute: what is stored is of a float32 FFT */

struct clip {
    struct golden *g;
    const char *name;
    struct g4_audio_encoder *encoder;
    bool unified;
    size_t layers;
    float *samples; /* [count] */
    size_t count;
    float *rows; /* [tokens, width] */
    size_t tokens, width;
    double soft_limit;
    bool from_samples; /* compare features and soft tokens only */
    unsigned compared;
};

static void compare_mel(struct clip *clip, const struct g4_tensor *expected, size_t step,
                        const float *got, size_t rows)
{
    size_t kept = (rows + step - 1) / step;
    if (g4_tensor_count(expected) != kept * G4_AUDIO_MELS) {
        golden_ok(clip->g, false, "%s mel: %zu frames, expected another number", clip->name, rows);
        return;
    }
    double worst = 0;
    for (size_t i = 0; i < kept * G4_AUDIO_MELS; i++) {
        size_t row = i / G4_AUDIO_MELS * step, col = i % G4_AUDIO_MELS;
        double x = got[row * G4_AUDIO_MELS + col];
        worst = isfinite(x) ? fmax(worst, fabs(x - (double)g4_tensor_get(expected, i))) : INFINITY;
    }
    golden_ok(clip->g, worst < MEL_LIMIT, "%s mel: %.1e absolute (limit %.0e)", clip->name, worst,
              MEL_LIMIT);
    clip->compared++;
}

static void put(void *ctx, const char *name, int index, const float *data, size_t ld, size_t rows,
                size_t cols)
{
    struct clip *clip = ctx;
    char stage[64], what[256];
    if (index < 0)
        snprintf(stage, sizeof stage, "%s", name);
    else
        snprintf(stage, sizeof stage, "%s%d", name, index);
    snprintf(what, sizeof what, "%s.%s%s", clip->name, stage,
             clip->from_samples ? " from samples" : "");
    const struct g4_tensor *expected = golden_tensor(clip->g, "%s.%s", clip->name, stage);
    const bool soft = strcmp(name, "soft") == 0;
    if (strcmp(name, "mel") == 0) {
        const struct g4_tensor *some = golden_tensor(clip->g, "%s.mel_every_50th", clip->name);
        if (expected || some)
            compare_mel(clip, expected ? expected : some, expected ? 1 : MEL_STEP, data, rows);
    } else if (expected && (soft || !clip->from_samples)) {
        golden_close(clip->g, what, expected, data, ld, rows, cols,
                     clip->from_samples ? clip->soft_limit : STAGE_LIMIT,
                     soft ? GOLDEN_AUDIO : GOLDEN_STAGE);
        clip->compared++;
    }
}

/* The tower from the stored features. */
static void run_stored_mel(struct clip *clip, const struct g4_tensor *mel)
{
    const struct g4_trace trace = {put, clip};
    const size_t values = g4_tensor_count(mel), frames = values / G4_AUDIO_MELS;
    if (frames != g4_mel_frames(clip->count) || values % G4_AUDIO_MELS != 0) {
        golden_ok(clip->g, false, "%s: %zu frames stored, %zu expected of %zu samples", clip->name,
                  frames, g4_mel_frames(clip->count), clip->count);
        return;
    }
    float *features = malloc((values ? values : 1) * sizeof *features);
    if (!features) {
        golden_ok(clip->g, false, "%s: out of memory", clip->name);
        return;
    }
    for (size_t i = 0; i < values; i++)
        features[i] = g4_tensor_get(mel, i);
    clip->from_samples = false;
    clip->compared = 0;
    g4_audio_encoder_run_mel(clip->encoder, clip->rows, features, frames, &trace);
    golden_ok(clip->g, clip->compared == clip->layers + 3, "%s: %u stages of %zu compared",
              clip->name, clip->compared, clip->layers + 3);
    free(features);
}

static void run_samples(struct clip *clip)
{
    const struct g4_trace trace = {put, clip};
    clip->from_samples = true;
    clip->compared = 0;
    g4_audio_encoder_run(clip->encoder, clip->rows, clip->samples, clip->count, &trace);
    golden_ok(clip->g, clip->compared == (clip->unified ? 1 : 2),
              "%s: %u results of samples compared", clip->name, clip->compared);
}

/* Reads the samples and makes room; false after a failure that was reported. */
static bool load_clip(struct clip *clip, const json_t *entry)
{
    struct golden *g = clip->g;
    struct g4_err err = {0};
    const struct g4_tensor *samples = golden_tensor(g, "%s.samples", clip->name);
    if (!samples) {
        golden_ok(g, false, "%s: no samples stored", clip->name);
        return false;
    }
    clip->count = g4_tensor_count(samples);
    if (!clip->unified && clip->count > G4_AUDIO_MAX_SAMPLES)
        clip->count = G4_AUDIO_MAX_SAMPLES; /* expected are the values of the first 30 s */
    clip->tokens = g4_audio_encoder_rows(clip->encoder, clip->count);
    json_int_t tokens = json_integer_value(json_object_get(entry, "soft_tokens"));
    golden_ok(g, (json_int_t)clip->tokens == tokens, "%s: %zu soft tokens", clip->name,
              clip->tokens);
    clip->samples = malloc((clip->count + 1) * sizeof *clip->samples);
    clip->rows = malloc((clip->tokens * clip->width + 1) * sizeof *clip->rows);
    if (!clip->samples || !clip->rows ||
        g4_audio_encoder_plan(clip->encoder, clip->count, &err) < 0) {
        golden_ok(g, false, "%s: %s", clip->name, err.code ? err.text : "out of memory");
        return false;
    }
    for (size_t i = 0; i < clip->count; i++)
        clip->samples[i] = g4_tensor_get(samples, i) / 32768.0f;
    return true;
}

static void run_clip(struct golden *g, struct g4_audio_encoder *encoder,
                     const struct g4_model *model, const json_t *entry)
{
    struct clip clip = {
        .g = g,
        .name = json_string_value(json_object_get(entry, "clip")),
        .encoder = encoder,
        .unified = model->config.audio.unified,
        .layers = model->config.audio.num_hidden_layers,
        .width = g4_audio_encoder_width(encoder),
        .soft_limit = model->config.audio.unified ? STAGE_LIMIT : SOUND_LIMIT,
    };
    if (load_clip(&clip, entry) && clip.tokens > 0) {
        const struct g4_tensor *mel = golden_tensor(g, "%s.mel", clip.name);
        if (mel && !clip.unified)
            run_stored_mel(&clip, mel);
        run_samples(&clip);
    }
    free(clip.samples);
    free(clip.rows);
}

void golden_audio(struct golden *g)
{
    struct g4_err err = {0};
    struct g4_model model = {0};
    struct g4_audio_encoder *encoder = NULL;
    json_t *cases = NULL;
    if (g4_json_load(&cases, golden_path(g, "cases.json"), MAX_JSON, &err) < 0 ||
        g4_model_open(&model, g->model, "", &err) < 0 ||
        g4_audio_encoder_open(&encoder, &model, &g->exec, &err) < 0) {
        golden_ok(g, false, "%s", err.text);
        goto out;
    }
    size_t i, clips = 0;
    json_t *entry;
    const char *const lists[] = {"cases", "clips"};
    for (size_t l = 0; l < 2; l++)
        json_array_foreach(json_object_get(cases, lists[l]), i, entry)
        {
            if (!json_is_string(json_object_get(entry, "clip")))
                continue;
            run_clip(g, encoder, &model, entry);
            clips++;
        }
    golden_ok(g, clips > 0, "%zu clips", clips);
out:
    g4_audio_encoder_close(encoder);
    g4_model_close(&model);
    json_decref(cases);
}

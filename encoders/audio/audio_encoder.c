/*
 * audio_encoder.c - chains the stages, for both kinds of model.
 *
 *     tower:   mel -> subsample -> conformer -> output_proj + bias -> RMS norm, projection
 *     unified: frames of samples                                  -> RMS norm, projection
 */
#include "encoders/audio/audio_encoder.h"

#include <assert.h>
#include <stdlib.h>

#include "encoders/audio/conformer.h"
#include "encoders/audio/subsample.h"
#include "encoders/audio/unified_audio.h"
#include "lib/base/mem.h"

struct g4_audio_encoder {
    const struct g4_model *model;
    const struct g4_exec *exec;
    size_t width;                    /* of the text model */
    size_t planned;                  /* samples there is memory for */
    struct g4_unified_audio unified; /* the only stage of a unified model */

    struct g4_mel *mel; /* from here on: the stages of a tower */
    struct g4_audio_weights weights;
    struct g4_subsample subsample;
    struct g4_conformer conformer;
    struct g4_arena arena;
    float *features; /* [T, 128] */
    float *x;        /* [N, D]: the stream through the blocks */
    float *tower;    /* [N, output_proj_dims] */
};

static bool is_unified(const struct g4_audio_encoder *e)
{
    return e->model->config.audio.unified;
}

static int open_tower(struct g4_audio_encoder *e, struct g4_err *err)
{
    const struct g4_audio_config *config = &e->model->config.audio;
    int status = g4_mel_open(&e->mel, g4_pool_threads(e->exec->pool), err);
    if (status == 0)
        status = g4_audio_weights_open(&e->weights, e->model, err);
    if (status == 0)
        status = g4_conformer_open(&e->conformer, e->exec, config, e->weights.blocks,
                                   e->model->weights.form.softplus_applied, err);
    return status;
}

static int no_audio(const struct g4_model *model, struct g4_err *err)
{
    if (model->weights.text && !model->weights.media)
        return g4_err_set(err, G4_EUNSUPPORTED,
                          "'%s' holds no audio tower: name its companion with --mmproj",
                          model->path);
    return g4_err_set(err, G4_EUNSUPPORTED, "model '%s' takes no audio", model->name);
}

int g4_audio_encoder_open(struct g4_audio_encoder **out, const struct g4_model *model,
                          const struct g4_exec *exec, struct g4_err *err)
{
    *out = NULL;
    if (!model->config.audio.present)
        return no_audio(model, err);
    void *memory;
    int status = g4_alloc(&memory, 1, sizeof(struct g4_audio_encoder), "the audio encoder", err);
    if (status < 0)
        return status;
    struct g4_audio_encoder *e = memory;
    e->model = model;
    e->exec = exec;
    e->width = model->config.text.hidden_size;
    status =
        is_unified(e) ? g4_unified_audio_open(&e->unified, model, exec, err) : open_tower(e, err);
    if (status < 0) {
        g4_err_prefix(err, "model '%s'", model->name);
        g4_audio_encoder_close(e);
        return status;
    }
    *out = e;
    return 0;
}

void g4_audio_encoder_close(struct g4_audio_encoder *e)
{
    if (!e)
        return;
    g4_unified_audio_close(&e->unified);
    g4_mel_close(e->mel);
    g4_conformer_close(&e->conformer);
    g4_subsample_release(&e->subsample);
    g4_audio_weights_close(&e->weights);
    g4_arena_release(&e->arena);
    free(e);
}

size_t g4_audio_encoder_width(const struct g4_audio_encoder *e)
{
    return e->width;
}

int g4_audio_encoder_id(const struct g4_audio_encoder *e, uint8_t id[G4_ID_BYTES],
                        struct g4_err *err)
{
    return g4_audio_weights_id(e->model, id, err);
}

size_t g4_audio_encoder_rows(const struct g4_audio_encoder *e, size_t n)
{
    return is_unified(e) ? g4_unified_audio_tokens(&e->unified, n) : g4_audio_tokens(n);
}

size_t g4_audio_encoder_shortest(const struct g4_audio_encoder *e)
{
    return is_unified(e) ? 1 : G4_AUDIO_MIN_SAMPLES;
}

static int plan_tower(struct g4_audio_encoder *e, size_t n, struct g4_err *err)
{
    const struct g4_audio_config *config = &e->model->config.audio;
    const size_t tokens = g4_audio_tokens(n);
    if (n > G4_AUDIO_MAX_SAMPLES)
        return g4_err_set(err, G4_ELIMIT, "%zu samples of sound at once: the model takes %d (%d s)",
                          n, G4_AUDIO_MAX_SAMPLES, G4_AUDIO_MAX_SAMPLES / G4_AUDIO_RATE);
    g4_arena_release(&e->arena);
    int status = 0;
    for (int measuring = 1; measuring >= 0 && status == 0; measuring--) {
        e->features = g4_arena_take(&e->arena, g4_mel_frames(n), G4_AUDIO_MELS * sizeof(float));
        e->x = g4_arena_take(&e->arena, tokens, config->hidden_size * sizeof(float));
        e->tower = g4_arena_take(&e->arena, tokens, config->output_proj_dims * sizeof(float));
        if (measuring)
            status = g4_arena_alloc(&e->arena, "the audio encoder", err);
    }
    if (status == 0)
        status = g4_subsample_plan(&e->subsample, e->exec, config, &e->weights, tokens, err);
    if (status == 0)
        status = g4_conformer_plan(&e->conformer, tokens, err);
    return status;
}

int g4_audio_encoder_plan(struct g4_audio_encoder *e, size_t n, struct g4_err *err)
{
    if (n <= e->planned)
        return 0;
    e->planned = 0;
    int status = is_unified(e)
                     ? g4_unified_audio_plan(&e->unified, g4_audio_encoder_rows(e, n), err)
                     : plan_tower(e, n, err);
    if (status == 0)
        e->planned = n;
    return status;
}

void g4_audio_encoder_run_mel(struct g4_audio_encoder *e, float *rows, const float *features,
                              size_t frames, const struct g4_trace *trace)
{
    const size_t tokens = (frames + 3) / 4;
    const size_t dim = e->conformer.dim, tower = e->weights.output_proj.w.rows;
    assert(!is_unified(e) && frames <= g4_mel_frames(e->planned));
    g4_subsample_run(&e->subsample, e->x, features, frames);
    g4_trace_put(trace, "subsampled", -1, e->x, dim, tokens, dim);
    g4_conformer_run(&e->conformer, e->x, tokens, trace);
    g4_linear(e->exec, &e->weights.output_proj, e->tower, tower, e->x, dim, tokens, NULL);
    g4_trace_put(trace, "tower", -1, e->tower, tower, tokens, tower);
    g4_embed_run(e->exec, &e->weights.embed, rows, e->tower, tokens);
    g4_trace_put(trace, "soft", -1, rows, e->width, tokens, e->width);
}

void g4_audio_encoder_run(struct g4_audio_encoder *e, float *rows, const float *samples, size_t n,
                          const struct g4_trace *trace)
{
    assert(n <= e->planned);
    if (is_unified(e)) {
        g4_unified_audio_run(&e->unified, rows, samples, n, trace);
        return;
    }
    const size_t frames = g4_mel_frames(n);
    g4_mel_run(e->mel, e->exec->pool, e->features, samples, n);
    g4_trace_put(trace, "mel", -1, e->features, G4_AUDIO_MELS, frames, G4_AUDIO_MELS);
    g4_audio_encoder_run_mel(e, rows, e->features, frames, trace);
}

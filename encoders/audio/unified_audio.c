/* unified_audio.c - frames of samples, straight into the text width. */
#include "encoders/audio/unified_audio.h"

#include <string.h>

#include "lib/model/bind.h"

int g4_unified_audio_open(struct g4_unified_audio *u, const struct g4_model *model,
                          const struct g4_exec *exec, struct g4_err *err)
{
    *u = (struct g4_unified_audio){.exec = exec, .frame = model->config.audio.audio_embed_dim};
    u->embed.eps = model->config.audio.rms_norm_eps;
    struct g4_bind bind = {.weights = &model->weights, .arena = &u->arena, .err = err};
    g4_bind_matrix(&bind, &u->embed.projection, model->config.text.hidden_size, u->frame, true,
                   "model.embed_audio.embedding_projection.weight");
    return bind.status;
}

void g4_unified_audio_close(struct g4_unified_audio *u)
{
    g4_arena_release(&u->arena);
    *u = (struct g4_unified_audio){0};
}

size_t g4_unified_audio_tokens(const struct g4_unified_audio *u, size_t n)
{
    return n / u->frame + (n % u->frame != 0);
}

int g4_unified_audio_plan(struct g4_unified_audio *u, size_t tokens, struct g4_err *err)
{
    g4_arena_release(&u->arena);
    g4_arena_take(&u->arena, tokens, u->frame * sizeof(float));
    int status = g4_arena_alloc(&u->arena, "the sound", err);
    if (status == 0)
        u->frames = g4_arena_take(&u->arena, tokens, u->frame * sizeof(float));
    return status;
}

void g4_unified_audio_run(const struct g4_unified_audio *u, float *rows, const float *samples,
                          size_t n, const struct g4_trace *trace)
{
    const size_t tokens = g4_unified_audio_tokens(u, n), width = u->embed.projection.rows;
    memcpy(u->frames, samples, n * sizeof *samples);
    memset(u->frames + n, 0, (tokens * u->frame - n) * sizeof *samples);
    g4_embed_run(u->exec, &u->embed, rows, u->frames, tokens);
    g4_trace_put(trace, "soft", -1, rows, width, tokens, width);
}

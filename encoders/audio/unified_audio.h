/*
 * unified_audio.h - the 12B model's ear: raw samples, no tower.
 *
 *     frame j = samples 640j .. 640j + 639, the last one filled with zeros     j < ceil(n / 640)
 *     out[j]  = W (frame j / sqrt(mean(frame j ^2) + eps))
 *
 * The filling counts in the mean. eps matters: a quiet frame (mean square near eps) is not raised
 * to unit size, and silence gives a zero row.
 */
#ifndef G4_ENCODERS_AUDIO_UNIFIED_AUDIO_H
#define G4_ENCODERS_AUDIO_UNIFIED_AUDIO_H

#include "encoders/embed.h"
#include "lib/base/mem.h"
#include "lib/model/model.h"
#include "lib/nn/trace.h"

struct g4_unified_audio {
    const struct g4_exec *exec;
    struct g4_embed embed; /* projection [text width, frame] */
    size_t frame;          /* audio_embed_dim: samples of a token */
    struct g4_arena arena;
    float *frames; /* [N, frame] */
};

int g4_unified_audio_open(struct g4_unified_audio *unified, const struct g4_model *model,
                          const struct g4_exec *exec, struct g4_err *err);
void g4_unified_audio_close(struct g4_unified_audio *unified); /* safe on a zeroed struct */

/* Tokens of n samples. */
size_t g4_unified_audio_tokens(const struct g4_unified_audio *unified, size_t n);

/* Memory for that many tokens, in place of what was there. */
int g4_unified_audio_plan(struct g4_unified_audio *unified, size_t tokens, struct g4_err *err);

/* rows [tokens, text width] of samples [n]. Trace: "soft". */
void g4_unified_audio_run(const struct g4_unified_audio *unified, float *rows, const float *samples,
                          size_t n, const struct g4_trace *trace);

#endif

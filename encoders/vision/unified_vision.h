/*
 * unified_vision.h - pictures for the model without a tower (12B): every 48 x 48 pixels become one
 * row by themselves.
 *
 *     a = ln(patch, patch_ln1)                       P = 48 * 48 * 3 values in 0..1
 *     b = ln(W a + bias, patch_ln2)                  [D], D = mm_embed_dim
 *     b = ln(b + table_x[col] + table_y[row], pos_norm)
 *
 * ln has mean, weight and bias, eps 1e-5. The projection into the text width follows (embed.h).
 */
#ifndef G4_ENCODERS_VISION_UNIFIED_VISION_H
#define G4_ENCODERS_VISION_UNIFIED_VISION_H

#include "encoders/embed.h"
#include "lib/base/mem.h"
#include "lib/model/model.h"
#include "lib/nn/trace.h"

struct g4_unified_weights {
    struct g4_arena arena;
    const float *ln1_weight, *ln1_bias; /* [P] */
    struct g4_linear dense;             /* [D, P] and its bias */
    const float *ln2_weight, *ln2_bias; /* [D] */
    struct g4_matrix position[2];       /* x, y: [position_embedding_size, D] */
    const float *pos_weight, *pos_bias; /* [D] */
    struct g4_embed embed;              /* [text width, D] */
};

/* On failure *weights is zeroed. */
int g4_unified_weights_bind(struct g4_unified_weights *weights, const struct g4_model *model,
                            struct g4_err *err);
void g4_unified_weights_release(struct g4_unified_weights *weights); /* safe on a zeroed struct */

struct g4_unified_plan {
    size_t grid_w, grid_h; /* in patches = soft tokens */
    size_t n;
    float *patches;     /* [N, P]: the caller fills it; afterwards room for positions [N, D] */
    float *b;           /* [N, D] */
    int32_t *col, *row; /* [N] */
};

/* Lays the plan out; with a measuring arena only counts. */
void g4_unified_plan(struct g4_unified_plan *plan, struct g4_arena *arena,
                     const struct g4_vision_config *c, size_t grid_w, size_t grid_h);

/* plan->patches -> the rows [N, D], which lie in the plan until its next use. Trace stages: "dense"
 * (after patch_ln2), "normed". */
float *g4_unified_vision_run(const struct g4_exec *exec, const struct g4_unified_weights *w,
                             const struct g4_unified_plan *plan, const struct g4_trace *trace);

#endif

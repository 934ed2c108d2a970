/*
 * tower.h - the vision tower: patches of a picture to one row per 3 x 3 of them.
 *
 * N patches of a grid, D = hidden_size, F = intermediate_size, heads of width d; every patch sees
 * every other, and nothing is padded. The recipe, in the order of tower.c:
 *
 *     embed       x = W_in (2 (patch - 1/2)) + table_x[col] + table_y[row]
 *     layer, L times:
 *                 h = rms(x, input_norm)
 *                 q = rope2d(rms_head(Wq h, q_norm))          where the model has limits, the
 *                 k = rope2d(rms_head(Wk h, k_norm))          linears clamp input and output
 *                 v =        rms_head(Wv h)                   no weight, no rotation
 *                 a = softmax(q k^T) v                        scale 1
 *                 x = x + rms(Wo a, post_attention_norm)
 *                 h = rms(x, pre_feedforward_norm)
 *                 x = x + rms(Wdown (gelu(Wgate h) * Wup h), post_feedforward_norm)
 *     pool        p = mean of 3 x 3 neighbours * sqrt(D)
 *     standardise p = (p - std_bias) * std_scale              large tower only
 *
 * rope2d: the first half of a head turns with the column, the second with the row; inside each half
 * the pairs are (j, j + d/4), their frequency theta^(-2j / (d/2)).
 */
#ifndef G4_ENCODERS_VISION_TOWER_H
#define G4_ENCODERS_VISION_TOWER_H

#include "encoders/vision/vision_weights.h"
#include "lib/nn/trace.h"

/* Memory of one picture, laid out in an arena. */
struct g4_tower_plan {
    size_t grid_w, grid_h; /* in patches */
    size_t n;              /* grid_w * grid_h */
    float *patches;        /* [N, patch_size^2 * 3]: the caller fills it, values 0..1 */
    float *x, *h;          /* [N, D] */
    float *t, *a;          /* the same memory: [N, D] for a while, attention [N, heads * d] */
    float *q, *k, *v;      /* [N, heads * d] */
    size_t ff_rows;        /* patches in the feed-forward at a time */
    float *gate, *up;      /* [ff_rows, F] */
    int32_t *col, *row;    /* [N] */
    float *freq;           /* [d/4] */
    float *cos_col, *sin_col, *cos_row, *sin_row; /* [N, d/4] */
};

/* Lays the plan out; with a measuring arena only counts. patches, q..v and gate..up share memory:
 * they are used one after the other. */
void g4_tower_plan(struct g4_tower_plan *plan, struct g4_arena *arena,
                   const struct g4_vision_config *c, size_t grid_w, size_t grid_h);

/* plan->patches -> the result [N / pooling^2, D], which lies in the plan until its next use. Trace
 * stages: "embedded", "layer" i, "pooled", "standardized". */
float *g4_tower_run(const struct g4_exec *exec, const struct g4_vision_config *c,
                    const struct g4_vision_weights *w, const struct g4_tower_plan *plan,
                    const struct g4_trace *trace);

#endif

/*
 * moe.h - the mixture of experts beside the dense feed-forward of a layer.
 *
 *     t     = rms(x) * router_scale * H^-0.5           no norm weight; x the residual itself
 *     prob  = softmax(router_proj t)                   over all E experts, float32
 *     best  = the k largest, best first, lowest index on a tie
 *     s_e   = prob_e / (sum of the k chosen) * per_expert_scale[e]
 *     y     = rms(x, pre_feedforward_layernorm_2)
 *     out   = sum over best: s_e * down_e( gelu(gate_e y) * (up_e y) )
 *
 * The (row, choice) pairs are grouped by expert, so that each expert's weights are read once for
 * all its rows and those of experts that nobody chose not at all. Experts run together as far as
 * the buffers hold their pairs. A row adds its experts in ascending order whatever the number of
 * rows.
 */
#ifndef G4_DECODER_MOE_H
#define G4_DECODER_MOE_H

#include <stddef.h>
#include <stdint.h>

#include "decoder/engine.h"
#include "lib/base/mem.h"
#include "lib/nn/trace.h"

struct g4_moe_scratch {
    float *t;         /* [rows, H] router input */
    float *prob;      /* [rows, E] */
    int32_t *index;   /* [rows, k] chosen experts */
    float *share;     /* [rows, k] their weights */
    size_t *first;    /* [E + 1] where an expert's pairs begin */
    uint32_t *pair;   /* [rows * k] row * k + choice, grouped by expert */
    uint32_t *place;  /* [rows * k] where in `pair` a pair stands */
    float *y;         /* [rows, H] normed rows */
    size_t room;      /* pairs in the buffers below: at least rows, and k */
    float *in, *out;  /* [room, H] rows of some experts */
    float *gate, *up; /* [room, FE] */
};

/* Takes nothing in models without experts. */
void g4_moe_scratch_take(struct g4_moe_scratch *scratch, struct g4_arena *arena,
                         const struct g4_text_config *config, size_t rows);

/* out [n, H] = experts(x [n, H]) of layer i, before its norm. Traces "moe.index", "moe.weight" [n,
 * k] and "moe.out". */
void g4_moe_run(const struct g4_engine *engine, size_t i, const struct g4_moe_scratch *scratch,
                float *out, const float *x, size_t n, const struct g4_trace *trace);

#endif

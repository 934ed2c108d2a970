/*
 * layer.h - one decoder layer, the same for a prompt, for one token and for several.
 *
 * x [n, H] is the residual stream; linear weights are [out, in], without bias; rms as in
 * lib/nn/norm.h with weights as stored; gelu is the tanh form. nh query heads, nkv key heads, d
 * head width, W window. Rows may belong to several timelines: only where keys and values are stored
 * and looked at does that make a difference.
 *
 *     y = rms(x, input_layernorm)
 *     k = rope(rms(k_proj y, k_norm))      per head        only in layers that own keys and values;
 *     v = rms(v_proj y)                    no weight       without v_proj it is k_proj's product,
 *     store k, v                                           raw, before k_norm and rope
 *
 *     q = rope(rms(q_proj y, q_norm))      per head
 *     a = softmax(q . k) v                 scale 1; k, v of this layer or of the one it reads
 *     x = x + rms(o_proj a, post_attention_layernorm)
 *
 *     m = down_proj( gelu(gate_proj y) * (up_proj y) )     y = rms(x, pre_feedforward_layernorm)
 *     with experts:                                        (decoder/moe.h)
 *         m = rms(m, post_feedforward_layernorm_1) + rms(experts(x), post_feedforward_layernorm_2)
 *     x = x + rms(m, post_feedforward_layernorm)
 *
 *     with per-layer embeddings e [n, P]:                  (decoder/ple.h)
 *         g = per_layer_projection( gelu(per_layer_input_gate x) * e )
 *         x = x + rms(g, post_per_layer_input_norm)
 *
 *     x = x * layer_scalar                 the whole stream
 */
#ifndef G4_DECODER_LAYER_H
#define G4_DECODER_LAYER_H

#include <stddef.h>
#include <stdint.h>

#include "decoder/engine.h"
#include "decoder/kvcache.h"
#include "decoder/moe.h"
#include "lib/base/mem.h"
#include "lib/nn/trace.h"

/* What the rows of a pass have in common with others of their layer type. */
struct g4_pass_type {
    const float *cos, *sin;  /* [n, d/2] */
    const uint32_t *lo, *hi; /* [n] visible keys lo..hi-1, counted from the cache's base */
};

/* Buffers of a layer, for the longest pass. */
struct g4_layer_scratch {
    float *y;         /* [rows, H] normed stream; then a block's output */
    float *q;         /* [rows, nh * d] */
    float *a;         /* [rows, nh * d] attended values */
    float *k, *v;     /* [rows, nkv * d] */
    float *gate, *up; /* [rows, max(F, P)] */
    float *m;         /* [rows, H] the block's output */
    struct g4_moe_scratch moe;
};

enum { G4_TIMELINES = G4_GEMV_ROWS }; /* most in a pass */

/* Rows on their way through the layers: as many of every timeline, one timeline behind the other.
 */
struct g4_pass {
    const struct g4_engine *engine;
    struct g4_kvcache *const *caches; /* [timelines] a pass is under way in each of them */
    size_t timelines;                 /* 1..G4_TIMELINES */
    const struct g4_layer_scratch *scratch;
    size_t n;                    /* of all timelines together */
    float *x;                    /* [n, H], in and out */
    const float *ple;            /* [n, L * P]; NULL without per-layer embeddings */
    struct g4_pass_type type[2]; /* sliding, full */
    const struct g4_trace *trace;
};

/* Lays the buffers out; on a measuring arena only counts. */
void g4_layer_scratch_take(struct g4_layer_scratch *scratch, struct g4_arena *arena,
                           const struct g4_text_config *config, size_t rows);

/* The last `rows` rows of a pass as a pass; all of them when it has several timelines. */
struct g4_pass g4_pass_tail(const struct g4_pass *pass, size_t rows);

/*
 * Runs layer i. Keys and values are stored for all rows; only the last `wanted` rows go on from
 * there, the x of the others is left as it was.
 */
void g4_layer_run(const struct g4_pass *pass, size_t i, size_t wanted);

#endif

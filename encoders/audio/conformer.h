/*
 * conformer.h - the blocks of the audio tower.
 *
 * A block, x [N, D], R = residual_weight (0.5), clip = clipped linear layer:
 *
 *     x = ff(x, feed_forward1)
 *     x = x + rms(clip(attention(rms(x) norm_pre_attn), post)) norm_post_attn
 *     x = lconv(x)
 *     x = ff(x, feed_forward2)
 *     x = rms(x) norm_out                                the stream itself is normalised
 *
 *     ff(x):    u = silu(clip(rms(x) pre_layer_norm, ffw_layer_1))
 *               x + R rms(clip(u, ffw_layer_2)) post_layer_norm
 *     lconv(x): g = glu(clip(rms(x) pre_layer_norm, linear_start))
 *               x + clip(silu(rms(depthwise(g)) conv_norm), linear_end)
 *
 * Attention of a head, d = D / heads; token t sees itself and window - 1 tokens before it:
 *
 *     q = clip(h, q_proj) softplus(per_dim_scale) / (sqrt(d) ln 2)    GGUF: softplus as stored
 *     k = clip(h, k_proj) ln(1 + e) / ln 2
 *     v = clip(h, v_proj)
 *     r[m] = relative_k_proj position(m)                 m = t - u: how long ago
 *     s(t, u) = q[t] . (k[u] + r[t - u])                 then cap * tanh(s / cap)
 *     a[t] = sum_u softmax_u(s) v[u]
 *
 *     position(m)[i] = sin(m w[i]), position(m)[D/2 + i] = cos(m w[i])
 *     w[i] = 10000^(-i / (D/2 - 1))                      i = 0 .. D/2 - 1
 */
#ifndef G4_ENCODERS_AUDIO_CONFORMER_H
#define G4_ENCODERS_AUDIO_CONFORMER_H

#include "encoders/audio/audio_weights.h"
#include "lib/nn/exec.h"
#include "lib/nn/trace.h"

struct g4_conformer {
    const struct g4_exec *exec;
    const struct g4_audio_config *config;
    const struct g4_audio_block *blocks;
    size_t dim, heads, head_dim;
    size_t window; /* tokens that a token sees, itself included */

    struct g4_arena tables; /* what follows from the weights alone */
    float *relative;        /* [layers, window, D]: r[window - 1] first, r[0] last */
    float *query_scale;     /* [layers, d]: the factors of q */
    float *head_scratch;    /* [threads, scratch_stride]: scaled queries, their scores */
    size_t scratch_stride;

    struct g4_arena buffers;
    float *h, *a;   /* [N, D] */
    float *wide;    /* [N, F]: hidden of ff; q, k, v; values and gates of lconv */
    float *clamped; /* [N, F]: for the linear layers */
};

/* Computes the tables. exec, config and blocks [num_hidden_layers] must outlive it.
 * softplus_applied: what the blocks have as per_dim_scale is its softplus. On failure nothing is to
 * be released. */
int g4_conformer_open(struct g4_conformer *conformer, const struct g4_exec *exec,
                      const struct g4_audio_config *config, const struct g4_audio_block *blocks,
                      bool softplus_applied, struct g4_err *err);
void g4_conformer_close(struct g4_conformer *conformer); /* safe on a zeroed struct */

/* Memory for n tokens, in place of what was there. */
int g4_conformer_plan(struct g4_conformer *conformer, size_t n, struct g4_err *err);

/* x [n, D] through all blocks, in place. Trace: "layer" k after each. */
void g4_conformer_run(const struct g4_conformer *conformer, float *x, size_t n,
                      const struct g4_trace *trace);

#endif

/*
 * text_weights.h - the matrices and vectors of the text decoder by role.
 *
 * Matrices are views into the mapped files; vectors are widened to float32. Field names are those
 * of the published tensors. H hidden size, V vocabulary, L layers, P per-layer width, F
 * feed-forward width, E experts, FE their width; nh, nkv, d as in decoder/layer.h.
 */
#ifndef G4_DECODER_TEXT_WEIGHTS_H
#define G4_DECODER_TEXT_WEIGHTS_H

#include "lib/base/err.h"
#include "lib/base/mem.h"
#include "lib/model/config.h"
#include "lib/model/weights.h"
#include "lib/nn/linear.h"

/* Only in models with experts. */
struct g4_moe_weights {
    struct g4_matrix router_proj;              /* [E, H] */
    const float *router_scale;                 /* [H] */
    const float *per_expert_scale;             /* [E] */
    struct g4_matrix *gate_proj, *up_proj;     /* [E] of [FE, H] */
    struct g4_matrix *down_proj;               /* [E] of [H, FE] */
    const float *pre_feedforward_layernorm_2;  /* [H] */
    const float *post_feedforward_layernorm_1; /* [H] */
    const float *post_feedforward_layernorm_2; /* [H] */
};

struct g4_text_layer {
    const float *input_layernorm;            /* [H] */
    const float *post_attention_layernorm;   /* [H] */
    const float *pre_feedforward_layernorm;  /* [H] */
    const float *post_feedforward_layernorm; /* [H] */
    struct g4_matrix q_proj;                 /* [nh d, H] */
    struct g4_matrix k_proj;                 /* [nkv d, H]; empty in layers that borrow */
    struct g4_matrix v_proj;                 /* [nkv d, H]; empty where borrowed or taken from k */
    struct g4_matrix o_proj;                 /* [H, nh d] */
    const float *q_norm, *k_norm;            /* [d]; k_norm NULL in layers that borrow */
    struct g4_matrix gate_proj, up_proj;     /* [F, H] */
    struct g4_matrix down_proj;              /* [H, F] */
    struct g4_matrix per_layer_input_gate;   /* [P, H]; empty without per-layer embeddings */
    struct g4_matrix per_layer_projection;   /* [H, P] */
    const float *post_per_layer_input_norm;  /* [H] */
    float layer_scalar;                      /* 1 when the file has none */
    struct g4_moe_weights moe;
};

struct g4_text_weights {
    struct g4_matrix embed_tokens;           /* [V, H] */
    struct g4_matrix lm_head;                /* [V, H]; embed_tokens unless the file has its own */
    struct g4_matrix embed_tokens_per_layer; /* [V, L P] */
    struct g4_matrix per_layer_model_projection; /* [L P, H] */
    const float *per_layer_projection_norm;      /* [P] */
    const float *norm;                           /* [H] */
    const float *rope_factors;   /* [d/2] divisors of the full layers' angles; NULL: none */
    const float *frequency[2];   /* [d/2] angles per position: sliding, full layers */
    size_t half[2];              /* d/2: sliding, full layers */
    struct g4_text_layer *layer; /* [L] */
    struct g4_arena arena;       /* vectors, tables of experts */
};

/*
 * Finds, checks and widens. Keys and values of layers that borrow are not looked for: files may
 * have them or not. Gate and up of the experts are views into experts.gate_up_proj [E, 2 FE, H],
 * gate rows first, or into tensors of their own, experts.gate_proj and experts.up_proj [E, FE, H].
 * Errors are those of lib/model/bind.h; G4_EUNSUPPORTED when layers of one type differ in head
 * width; G4_EINPUT for a rope factor that is not above 0. Zeroed on failure.
 */
int g4_text_weights_open(struct g4_text_weights *weights, const struct g4_text_config *config,
                         const struct g4_weights *files, struct g4_err *err);
void g4_text_weights_close(struct g4_text_weights *weights); /* safe on a zeroed struct */

#endif

/*
 * vision_weights.h - the tensors of the vision towers, bound to checked pointers.
 *
 * D = hidden_size, A = num_attention_heads * head_dim, F = intermediate_size. Matrices are views
 * into the mapped model; vectors are widened copies in the arena.
 */
#ifndef G4_ENCODERS_VISION_VISION_WEIGHTS_H
#define G4_ENCODERS_VISION_VISION_WEIGHTS_H

#include "encoders/embed.h"
#include "lib/base/mem.h"
#include "lib/model/model.h"

struct g4_vision_layer {
    const float *input_norm, *post_attention_norm;             /* [D] */
    const float *pre_feedforward_norm, *post_feedforward_norm; /* [D] */
    const float *q_norm, *k_norm;                              /* [head_dim] */
    struct g4_linear q, k, v;                                  /* [A, D] */
    struct g4_linear o;                                        /* [D, A] */
    struct g4_linear gate, up;                                 /* [F, D] */
    struct g4_linear down;                                     /* [D, F] */
};

struct g4_vision_weights {
    struct g4_arena arena;
    struct g4_matrix input_proj;       /* [D, patch_size^2 * 3] */
    struct g4_matrix position[2];      /* x, y: [position_embedding_size, D] */
    struct g4_vision_layer *layer;     /* [num_hidden_layers] */
    const float *std_bias, *std_scale; /* [D]; NULL where the model does not standardise */
    struct g4_embed embed;             /* [text width, D] */
};

/* Also refuses a configuration that the tower cannot run. On failure *weights is zeroed. */
int g4_vision_weights_bind(struct g4_vision_weights *weights, const struct g4_model *model,
                           struct g4_err *err);
void g4_vision_weights_release(struct g4_vision_weights *weights); /* safe on a zeroed struct */

/* The encoder id: lib/model/model.h. Of a model without a tower, too. */
int g4_vision_weights_id(const struct g4_model *model, uint8_t id[G4_ID_BYTES], struct g4_err *err);

#endif

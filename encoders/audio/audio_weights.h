/*
 * audio_weights.h - the tensors of the audio tower by their role.
 *
 * D = hidden_size, d = D / heads, F = 4 D, C0, C1 = subsampling_conv_channels, M = mel positions
 * left after the two convolutions (32 of 128). Matrices are views into the mapped model; vectors
 * are widened.
 */
#ifndef G4_ENCODERS_AUDIO_AUDIO_WEIGHTS_H
#define G4_ENCODERS_AUDIO_AUDIO_WEIGHTS_H

#include "encoders/embed.h"
#include "lib/base/mem.h"
#include "lib/model/model.h"
#include "lib/nn/linear.h"

enum { G4_AUDIO_FF_FACTOR = 4 }; /* F / D; no config field says it */

struct g4_audio_ff {
    const float *pre_layer_norm;  /* [D] */
    struct g4_linear ffw_layer_1; /* [F, D], clipped */
    struct g4_linear ffw_layer_2; /* [D, F], clipped */
    const float *post_layer_norm; /* [D] */
};

struct g4_audio_block {
    struct g4_audio_ff feed_forward1, feed_forward2;
    const float *norm_pre_attn, *norm_post_attn, *norm_out; /* [D] */
    struct g4_linear q_proj, k_proj, v_proj, post;          /* [D, D], clipped */
    struct g4_matrix relative_k_proj;                       /* [D, D] */
    const float *per_dim_scale;                             /* [d], see conformer.h */
    const float *conv_pre_norm;                             /* [D] */
    struct g4_linear linear_start; /* [2 D, D], clipped: values, then gates */
    const float *depthwise;        /* [D, taps] */
    const float *conv_norm;        /* [D] */
    struct g4_linear linear_end;   /* [D, D], clipped */
};

struct g4_audio_weights {
    struct g4_matrix conv[2];      /* [C0, 9], [C1, C0 * 9] */
    const float *conv_norm[2];     /* [C0], [C1] */
    struct g4_matrix input_proj;   /* [D, M * C1] */
    struct g4_audio_block *blocks; /* [num_hidden_layers] */
    struct g4_linear output_proj;  /* [output_proj_dims, D] and bias */
    struct g4_embed embed;         /* [text width, output_proj_dims] */
    struct g4_arena arena;         /* the vectors */
};

/* Mel positions left of 128 after two convolutions of stride 2. */
size_t g4_audio_mel_positions(void);

/* Finds and checks every tensor of the tower. The model must outlive the weights. */
int g4_audio_weights_open(struct g4_audio_weights *weights, const struct g4_model *model,
                          struct g4_err *err);
void g4_audio_weights_close(struct g4_audio_weights *weights); /* safe on a zeroed struct */

/* The encoder id: lib/model/model.h. Of a model without a tower, too. */
int g4_audio_weights_id(const struct g4_model *model, uint8_t id[G4_ID_BYTES], struct g4_err *err);

#endif

/*
 * embed.h - the last step of every encoder: into the width of the text model.
 *
 *     out[n, text] = W (x / sqrt(mean(x^2) + eps))       weightless RMS norm, then the projection
 */
#ifndef G4_ENCODERS_EMBED_H
#define G4_ENCODERS_EMBED_H

#include "lib/nn/linear.h"

struct g4_embed {
    struct g4_matrix projection; /* [text width, width of the tower] */
    float eps;
};

/* x [n, projection.cols] is normalised in place; out [n, projection.rows]. */
void g4_embed_run(const struct g4_exec *exec, const struct g4_embed *embed, float *out, float *x,
                  size_t n);

#endif

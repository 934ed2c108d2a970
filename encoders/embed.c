/* embed.c - norm and projection. */
#include "encoders/embed.h"

#include "lib/nn/norm.h"

void g4_embed_run(const struct g4_exec *exec, const struct g4_embed *embed, float *out, float *x,
                  size_t n)
{
    const struct g4_matrix *w = &embed->projection;
    g4_rms_norm(exec, x, w->cols, x, w->cols, n, w->cols, NULL, embed->eps);
    g4_matmul(exec, w, out, w->rows, x, w->cols, n);
}

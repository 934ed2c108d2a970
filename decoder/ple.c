/* ple.c - the projection for all rows at once, then norm and table row by row. */
#include "decoder/ple.h"

#include <math.h>

#include "lib/nn/linear.h"

struct ple_job {
    const struct g4_engine *engine;
    float *out;
    const int32_t *ids;
    size_t from, to;
    float *table_row;
};

/* Finishes the projected columns of one row. The layers of a row may share blocks of the table, so
 * their columns are read together. */
static void mix_row(void *ctx, size_t row, int worker)
{
    const struct ple_job *job = ctx;
    const struct g4_text_config *config = job->engine->config;
    const struct g4_text_weights *w = &job->engine->weights;
    const struct g4_kernels *kernels = job->engine->exec->kernels;
    size_t width = config->hidden_size_per_layer_input, columns = (job->to - job->from) * width;
    float *g = job->out + (row * config->num_hidden_layers + job->from) * width;
    float *e = job->table_row + (size_t)worker * config->num_hidden_layers * width;

    g4_matrix_part(job->engine->exec, &w->embed_tokens_per_layer, (size_t)job->ids[row],
                   job->from * width, columns, (float)sqrt((double)width), e);
    for (size_t i = 0; i < columns; i += width, g += width) {
        kernels->scale(g, g, (float)(1.0 / sqrt((double)config->hidden_size)), width);
        kernels->rms_norm(g, g, w->per_layer_projection_norm, width, config->rms_norm_eps);
        kernels->add_scale(g, e + i, (float)sqrt(0.5), width);
    }
}

void g4_ple_run(const struct g4_engine *engine, float *out, const int32_t *ids, const float *x,
                size_t n, size_t from, size_t to, float *table_row)
{
    size_t width = engine->config->hidden_size_per_layer_input;
    size_t all_layers = engine->config->num_hidden_layers * width;
    if (n == 0 || from == to)
        return;
    const struct g4_matrix *all = &engine->weights.per_layer_model_projection;
    struct g4_matrix part = g4_matrix_rows(all, from * width, (to - from) * width);
    g4_matmul(engine->exec, &part, out + from * width, all_layers, x, engine->config->hidden_size,
              n);
    struct ple_job job = {engine, out, ids, from, to, table_row};
    g4_pool_run(engine->exec->pool, mix_row, &job, n);
}

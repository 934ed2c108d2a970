/*
 * subsample.c - the two convolutions, a block of tokens at a time: after the first one 30 s of
 * sound would fill 50 MB, a block fills 4.
 */
#include "encoders/audio/subsample.h"

#include <math.h>

#include "encoders/audio/mel.h"
#include "lib/nn/conv.h"

enum {
    BLOCK_TOKENS = 64,
    FRAMES_PER_TOKEN = 4,
    HALF_MELS = (G4_AUDIO_MELS + 1) / 2,
};

int g4_subsample_plan(struct g4_subsample *s, const struct g4_exec *exec,
                      const struct g4_audio_config *config, const struct g4_audio_weights *weights,
                      size_t tokens, struct g4_err *err)
{
    g4_subsample_release(s);
    s->exec = exec;
    s->weights = weights;
    s->dim = config->hidden_size;
    s->channels[0] = config->conv_channels[0];
    s->channels[1] = config->conv_channels[1];
    s->eps = config->rms_norm_eps;
    size_t patches = g4_conv3x3_scratch(G4_AUDIO_MELS, 1);
    size_t patches_of_half = g4_conv3x3_scratch(HALF_MELS, s->channels[0]);
    if (patches < patches_of_half)
        patches = patches_of_half;
    const size_t most_tokens = BLOCK_TOKENS + 1; /* with the one in front */
    for (int measuring = 1; measuring >= 0; measuring--) {
        s->half =
            g4_arena_take(&s->arena, 2 * most_tokens * HALF_MELS * s->channels[0], sizeof(float));
        s->quarter = g4_arena_take(&s->arena, tokens * g4_audio_mel_positions() * s->channels[1],
                                   sizeof(float));
        s->patches = g4_arena_take(&s->arena, patches, sizeof(float));
        if (measuring) {
            int status = g4_arena_alloc(&s->arena, "the sound features", err);
            if (status < 0)
                return status;
        }
    }
    return 0;
}

void g4_subsample_release(struct g4_subsample *s)
{
    g4_arena_release(&s->arena);
    *s = (struct g4_subsample){0};
}

struct norm_relu {
    const struct g4_kernels *kernels;
    float *x; /* [items, cols, channels] */
    size_t cols, channels;
    const float *weight;
    float eps;
};

static void norm_relu_row(void *ctx, size_t item, int worker)
{
    (void)worker;
    const struct norm_relu *n = ctx;
    float *row = n->x + item * n->cols * n->channels;
    for (size_t i = 0; i < n->cols; i++) {
        float *x = row + i * n->channels;
        n->kernels->layer_norm(x, x, n->weight, NULL, n->channels, n->eps);
    }
    n->kernels->clamp(row, row, 0.0f, INFINITY, n->cols * n->channels);
}

/* out [ceil(rows/2), ceil(cols/2), channels[layer]] of in [rows, cols, its channels]. */
static void convolve(const struct g4_subsample *s, float *out, const float *in, size_t rows,
                     size_t cols, int layer)
{
    const size_t channels = s->channels[layer];
    const size_t rows_out = (rows + 1) / 2, cols_out = (cols + 1) / 2;
    g4_conv3x3_stride2(s->exec, out, in, rows, cols, layer == 0 ? 1 : s->channels[0],
                       &s->weights->conv[layer], s->patches);
    struct norm_relu job = {
        s->exec->kernels, out, cols_out, channels, s->weights->conv_norm[layer], s->eps,
    };
    g4_pool_run(s->exec->pool, norm_relu_row, &job, rows_out);
}

/*
 * Tokens first .. last - 1 into quarter. A convolution takes a row of zeros for the frames before
 * its input, which is right at the beginning of the sound only; so a later block begins one token
 * early, and that token comes out wrong. It belongs to the block before, which is therefore
 * computed afterwards.
 */
static void convolve_block(const struct g4_subsample *s, const float *features, size_t frames,
                           size_t first, size_t last)
{
    const size_t from = first > 0 ? first - 1 : 0;
    const size_t begin = from * FRAMES_PER_TOKEN;
    const size_t end = last * FRAMES_PER_TOKEN < frames ? last * FRAMES_PER_TOKEN : frames;
    const size_t width = g4_audio_mel_positions() * s->channels[1];
    convolve(s, s->half, features + begin * G4_AUDIO_MELS, end - begin, G4_AUDIO_MELS, 0);
    convolve(s, s->quarter + from * width, s->half, (end - begin + 1) / 2, HALF_MELS, 1);
}

void g4_subsample_run(const struct g4_subsample *s, float *rows, const float *features,
                      size_t frames)
{
    const size_t tokens = (frames + FRAMES_PER_TOKEN - 1) / FRAMES_PER_TOKEN;
    const size_t width = g4_audio_mel_positions() * s->channels[1];
    for (size_t block = (tokens + BLOCK_TOKENS - 1) / BLOCK_TOKENS; block-- > 0;) {
        size_t first = block * BLOCK_TOKENS, last = first + BLOCK_TOKENS;
        convolve_block(s, features, frames, first, last < tokens ? last : tokens);
    }
    g4_matmul(s->exec, &s->weights->input_proj, rows, s->dim, s->quarter, width, tokens);
}

/*
 * conv.c - the convolutions of the audio tower.
 */
#include "lib/nn/conv.h"

#include <string.h>

#include "lib/nn/rowwise.h"
#include "lib/nn/scratch.h"

enum {
    PATCH_ROWS = 512,          /* about so many patches at a time: enough for a good gemm */
    DEPTHWISE_ROWS = 32,       /* rows of an item */
    DEPTHWISE_CHANNELS = 1024, /* channels at a time */
};

static size_t halved(size_t n)
{
    return n / 2 + n % 2;
}

/* Output rows gathered at a time. */
static size_t block_rows(size_t cols)
{
    return g4_max_size(PATCH_ROWS / g4_max_size(halved(cols), 1), 1);
}

size_t g4_conv3x3_scratch(size_t cols, size_t channels_in)
{
    return block_rows(cols) * halved(cols) * channels_in * 9;
}

struct gather {
    float *patches;
    const float *in;
    size_t rows, cols, channels;
    size_t first; /* output row of the first patch */
};

/* Patch p is output row first + p / cols_out, column p % cols_out; its columns are (c, a, b). */
static void gather_patches(const struct g4_kernels *kernels, const void *job, size_t from,
                           size_t to)
{
    const struct gather *g = job;
    const size_t cols_out = halved(g->cols), width = g->channels * 9;
    (void)kernels;
    static const float zero = 0.0f;
    for (size_t p = from; p < to; p++) {
        float *patch = g->patches + p * width;
        const float *src[9];
        size_t step[9]; /* from channel to channel; beyond the border the same zero again */
        for (size_t tap = 0; tap < 9; tap++) {
            /* one more than the coordinate, so that the zero row and column before 0 are 0 */
            const size_t i = 2 * (g->first + p / cols_out) + tap / 3,
                         j = 2 * (p % cols_out) + tap % 3;
            const bool inside = i >= 1 && i <= g->rows && j >= 1 && j <= g->cols;
            src[tap] = inside ? g->in + ((i - 1) * g->cols + j - 1) * g->channels : &zero;
            step[tap] = inside;
        }
        for (size_t c = 0; c < g->channels; c++, patch += 9)
            for (size_t tap = 0; tap < 9; tap++)
                patch[tap] = src[tap][c * step[tap]];
    }
}

void g4_conv3x3_stride2(const struct g4_exec *exec, float *out, const float *in, size_t rows,
                        size_t cols, size_t channels_in, const struct g4_matrix *kernel,
                        float *patches)
{
    const size_t rows_out = halved(rows), cols_out = halved(cols), width = channels_in * 9;
    const size_t block = block_rows(cols);
    for (size_t first = 0; first < rows_out; first += block) {
        const size_t n = g4_min_size(block, rows_out - first) * cols_out;
        const struct gather job = {patches, in, rows, cols, channels_in, first};
        g4_rowwise(exec, gather_patches, &job, n, width);
        g4_matmul(exec, kernel, out + first * cols_out * kernel->rows, kernel->rows, patches, width,
                  n);
    }
}

struct depthwise {
    const struct g4_exec *exec;
    float *y;
    const float *x;
    size_t n, channels;
    const float *kernel;
    size_t taps;
};

static void depthwise_item(void *ctx, size_t item, int worker)
{
    const struct depthwise *d = ctx;
    const size_t from = item * DEPTHWISE_ROWS, to = g4_min_size(d->n, from + DEPTHWISE_ROWS);
    const size_t block = g4_min_size(DEPTHWISE_CHANNELS, G4_SCRATCH_FLOATS / d->taps);
    float *turned = g4_scratch(d->exec, worker); /* [taps, block] */

    for (size_t c0 = 0; c0 < d->channels; c0 += block) {
        const size_t channels = g4_min_size(block, d->channels - c0);
        for (size_t c = 0; c < channels; c++)
            for (size_t i = 0; i < d->taps; i++)
                turned[i * block + c] = d->kernel[(c0 + c) * d->taps + i];
        for (size_t t = from; t < to; t++) {
            float *y = d->y + t * d->channels + c0;
            memset(y, 0, channels * sizeof *y);
            for (size_t i = 0; i < d->taps; i++) {
                const size_t back = d->taps - 1 - i;
                if (t >= back)
                    d->exec->kernels->mul_add(y, turned + i * block,
                                              d->x + (t - back) * d->channels + c0, channels);
            }
        }
    }
}

void g4_depthwise_causal(const struct g4_exec *exec, float *y, const float *x, size_t n,
                         size_t channels, const float *kernel, size_t taps)
{
    struct depthwise d = {exec, y, x, n, channels, kernel, taps};
    g4_pool_run(exec->pool, depthwise_item, &d, g4_pieces(n, DEPTHWISE_ROWS));
}

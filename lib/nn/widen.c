/*
 * widen.c - rows of blocks and of scaled codes, cut where the caller wants them.
 *
 *     W[r][k0 ..] -> the block it begins in, whole blocks, the block it ends in
 *                 -> pieces that share a scale, times it
 */
#include "lib/nn/widen.h"

#include <assert.h>
#include <string.h>

#include "lib/nn/product.h"
#include "lib/nn/scratch.h"
#include "lib/tensor/half.h"

enum { BLOCK = 256 }; /* elements of the largest block */

float g4_scale_at(const struct g4_matrix *w, size_t r, size_t i)
{
    const struct g4_scales *s = &w->scales;
    const unsigned char *row = (const unsigned char *)s->data + r * s->stride;
    assert(s->dtype < G4_DTYPE_FLOATS);
    return g4_float_at(s->dtype, row, i);
}

/* out[n] = elements at .. at+n-1 of the block that begins at element k0 of the row. */
static void widen_edge(const struct g4_exec *exec, const struct g4_matrix *w, size_t row, size_t k0,
                       size_t at, size_t n, float factor, float *out)
{
    float block[BLOCK];
    const size_t size = g4_dtype_info(w->dtype)->block;
    assert(size <= BLOCK);
    exec->kernels->dtype[w->dtype].widen(block, g4_matrix_at(w, row, k0), size, factor);
    memcpy(out, block + at, n * sizeof *out);
}

/* The stored numbers themselves, times factor. */
static void widen_stored(const struct g4_exec *exec, const struct g4_matrix *w, size_t row,
                         size_t k0, size_t k, float factor, float *out)
{
    const size_t size = g4_dtype_info(w->dtype)->block, at = k0 % size;
    if (at > 0) {
        const size_t n = g4_min_size(size - at, k);
        widen_edge(exec, w, row, k0 - at, at, n, factor, out);
        k0 += n;
        k -= n;
        out += n;
    }
    const size_t whole = k - k % size;
    if (whole > 0)
        exec->kernels->dtype[w->dtype].widen(out, g4_matrix_at(w, row, k0), whole, factor);
    if (k > whole)
        widen_edge(exec, w, row, k0 + whole, 0, k - whole, factor, out + whole);
}

void g4_widen_part(const struct g4_exec *exec, const struct g4_matrix *w, size_t row, size_t k0,
                   size_t k, float factor, float *out)
{
    const size_t group = w->scales.group, end = k0 + k;
    if (!w->scales.data) {
        widen_stored(exec, w, row, k0, k, factor, out);
        return;
    }
    widen_stored(exec, w, row, k0, k, 1.0f, out);
    while (k0 < end) {
        const size_t n = g4_min_size(group - k0 % group, end - k0);
        exec->kernels->scale(out, out, factor * g4_scale_at(w, row, k0 / group), n);
        k0 += n;
        out += n;
    }
}

void g4_widen_rows(const struct g4_exec *exec, const struct g4_matrix *w, size_t row, size_t rows,
                   size_t k0, size_t k, float *out)
{
    struct g4_matrix stored = *w;
    if (!g4_scales_within_rows(w))
        stored.scales.data = NULL;
    for (size_t r = 0; r < rows; r++)
        g4_widen_part(exec, &stored, row + r, k0, k, 1.0f, out + r * k);
}

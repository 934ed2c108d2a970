/*
 * norm.c - normalisations of rows.
 */
#include "lib/nn/norm.h"

#include "lib/nn/rowwise.h"

struct norm {
    float *y;
    size_t ldy;
    const float *x;
    size_t ldx;
    const float *w, *b;
    size_t dim;
    float eps, scale;
};

static void rms_rows(const struct g4_kernels *kernels, const void *job, size_t from, size_t to)
{
    const struct norm *j = job;
    for (size_t i = from; i < to; i++)
        kernels->rms_norm(j->y + i * j->ldy, j->x + i * j->ldx, j->w, j->dim, j->eps);
}

static void rms_add_rows(const struct g4_kernels *kernels, const void *job, size_t from, size_t to)
{
    const struct norm *j = job;
    for (size_t i = from; i < to; i++)
        kernels->rms_norm_add(j->y + i * j->ldy, j->x + i * j->ldx, j->w, j->dim, j->eps, j->scale);
}

static void layer_rows(const struct g4_kernels *kernels, const void *job, size_t from, size_t to)
{
    const struct norm *j = job;
    for (size_t i = from; i < to; i++)
        kernels->layer_norm(j->y + i * j->ldy, j->x + i * j->ldx, j->w, j->b, j->dim, j->eps);
}

void g4_rms_norm(const struct g4_exec *exec, float *y, size_t ldy, const float *x, size_t ldx,
                 size_t n, size_t dim, const float *w, float eps)
{
    const struct norm job = {y, ldy, x, ldx, w, NULL, dim, eps, 1.0f};
    g4_rowwise(exec, rms_rows, &job, n, dim);
}

void g4_rms_norm_add(const struct g4_exec *exec, float *r, size_t ldr, const float *x, size_t ldx,
                     size_t n, size_t dim, const float *w, float eps, float scale)
{
    const struct norm job = {r, ldr, x, ldx, w, NULL, dim, eps, scale};
    g4_rowwise(exec, rms_add_rows, &job, n, dim);
}

void g4_layer_norm(const struct g4_exec *exec, float *y, size_t ldy, const float *x, size_t ldx,
                   size_t n, size_t dim, const float *w, const float *b, float eps)
{
    const struct norm job = {y, ldy, x, ldx, w, b, dim, eps, 1.0f};
    g4_rowwise(exec, layer_rows, &job, n, dim);
}

/*
 * act.c - element-wise slots applied to rows.
 */
#include "lib/nn/act.h"

#include "lib/nn/rowwise.h"

/* One job fits all: y from a and b, or from a alone. */
struct act {
    float *y;
    size_t ldy;
    const float *a;
    size_t lda;
    const float *b;
    size_t ldb;
    size_t dim;
    float scale;
};

static void gelu_mul_rows(const struct g4_kernels *kernels, const void *job, size_t from, size_t to)
{
    const struct act *j = job;
    for (size_t i = from; i < to; i++)
        kernels->gelu_mul(j->y + i * j->ldy, j->a + i * j->lda, j->b + i * j->ldb, j->dim);
}

static void silu_rows(const struct g4_kernels *kernels, const void *job, size_t from, size_t to)
{
    const struct act *j = job;
    for (size_t i = from; i < to; i++)
        kernels->silu(j->y + i * j->ldy, j->a + i * j->lda, j->dim);
}

static void glu_rows(const struct g4_kernels *kernels, const void *job, size_t from, size_t to)
{
    const struct act *j = job;
    for (size_t i = from; i < to; i++)
        kernels->glu(j->y + i * j->ldy, j->a + i * j->lda, j->b + i * j->ldb, j->dim);
}

static void add_scale_rows(const struct g4_kernels *kernels, const void *job, size_t from,
                           size_t to)
{
    const struct act *j = job;
    for (size_t i = from; i < to; i++)
        kernels->add_scale(j->y + i * j->ldy, j->a + i * j->lda, j->scale, j->dim);
}

static void scale_rows(const struct g4_kernels *kernels, const void *job, size_t from, size_t to)
{
    const struct act *j = job;
    for (size_t i = from; i < to; i++)
        kernels->scale(j->y + i * j->ldy, j->a + i * j->lda, j->scale, j->dim);
}

void g4_gelu_mul(const struct g4_exec *exec, float *y, size_t ldy, const float *gate, size_t ldg,
                 const float *up, size_t ldu, size_t n, size_t dim)
{
    const struct act job = {y, ldy, gate, ldg, up, ldu, dim, 1.0f};
    g4_rowwise(exec, gelu_mul_rows, &job, n, dim);
}

void g4_silu(const struct g4_exec *exec, float *y, size_t ldy, const float *x, size_t ldx, size_t n,
             size_t dim)
{
    const struct act job = {y, ldy, x, ldx, NULL, 0, dim, 1.0f};
    g4_rowwise(exec, silu_rows, &job, n, dim);
}

void g4_glu(const struct g4_exec *exec, float *y, size_t ldy, const float *x, size_t ldx, size_t n,
            size_t dim)
{
    const struct act job = {y, ldy, x, ldx, x + dim, ldx, dim, 1.0f};
    g4_rowwise(exec, glu_rows, &job, n, dim);
}

void g4_add_scale(const struct g4_exec *exec, float *y, size_t ldy, const float *x, size_t ldx,
                  size_t n, size_t dim, float scale)
{
    const struct act job = {y, ldy, x, ldx, NULL, 0, dim, scale};
    g4_rowwise(exec, add_scale_rows, &job, n, dim);
}

void g4_scale(const struct g4_exec *exec, float *y, size_t ldy, size_t n, size_t dim, float scale)
{
    const struct act job = {y, ldy, y, ldy, NULL, 0, dim, scale};
    g4_rowwise(exec, scale_rows, &job, n, dim);
}

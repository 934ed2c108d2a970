/*
 * rope.c - tables of angles, and turning the heads of rows by them.
 */
#include "lib/nn/rope.h"

#include <math.h>

#include "lib/nn/rowwise.h"

void g4_rope_freq(float *freq, size_t half, size_t turning, size_t width, double theta)
{
    for (size_t j = 0; j < half; j++)
        freq[j] = j < turning ? (float)pow(theta, -2.0 * (double)j / (double)width) : 0.0f;
}

struct table {
    float *cos_table, *sin_table;
    const int32_t *position;
    const float *freq;
    size_t half;
};

static void table_rows(const struct g4_kernels *kernels, const void *job, size_t from, size_t to)
{
    const struct table *t = job;
    (void)kernels;
    for (size_t i = from; i < to; i++) {
        for (size_t j = 0; j < t->half; j++) {
            const float angle = (float)t->position[i] * t->freq[j];
            t->cos_table[i * t->half + j] = (float)cos(angle);
            t->sin_table[i * t->half + j] = (float)sin(angle);
        }
    }
}

void g4_rope_table(const struct g4_exec *exec, float *cos_table, float *sin_table,
                   const int32_t *position, size_t n, const float *freq, size_t half)
{
    const struct table job = {cos_table, sin_table, position, freq, half};
    g4_rowwise(exec, table_rows, &job, n, half * 16); /* a sine is worth many multiplications */
}

struct rope {
    float *x;
    size_t ldx, heads, head_stride;
    const float *cos_table, *sin_table;
    size_t half;
};

static void rope_rows(const struct g4_kernels *kernels, const void *job, size_t from, size_t to)
{
    const struct rope *r = job;
    for (size_t i = from; i < to; i++)
        for (size_t h = 0; h < r->heads; h++)
            kernels->rope(r->x + i * r->ldx + h * r->head_stride, r->cos_table + i * r->half,
                          r->sin_table + i * r->half, r->half);
}

void g4_rope(const struct g4_exec *exec, float *x, size_t ldx, size_t n, size_t heads,
             size_t head_stride, const float *cos_table, const float *sin_table, size_t half)
{
    const struct rope job = {x, ldx, heads, head_stride, cos_table, sin_table, half};
    g4_rowwise(exec, rope_rows, &job, n, heads * half * 2);
}

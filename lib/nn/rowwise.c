/*
 * rowwise.c - blocks of rows as items of the pool.
 */
#include "lib/nn/rowwise.h"

#include "lib/nn/scratch.h"

enum { ELEMENTS = 16 * 1024 }; /* of an item: enough work to be worth handing to another thread */

struct rowwise {
    const struct g4_kernels *kernels;
    g4_rowwise_fn *fn;
    const void *job;
    size_t n, block;
};

static void run_block(void *ctx, size_t item, int worker)
{
    const struct rowwise *r = ctx;
    (void)worker;
    r->fn(r->kernels, r->job, item * r->block, g4_min_size(r->n, (item + 1) * r->block));
}

void g4_rowwise(const struct g4_exec *exec, g4_rowwise_fn *fn, const void *job, size_t n,
                size_t dim)
{
    struct rowwise r = {exec->kernels, fn, job, n, ELEMENTS / g4_max_size(dim, 1)};
    r.block = g4_max_size(r.block, 1);
    g4_pool_run(exec->pool, run_block, &r, g4_pieces(n, r.block));
}

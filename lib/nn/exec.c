/*
 * exec.c - threads, kernels and scratch, opened together.
 */
#include "lib/nn/exec.h"

#include <string.h>

#include "lib/nn/scratch.h"

/* The pieces of all threads at once, each found by its number; behind them what they share. */
static void take_scratch(struct g4_exec *exec)
{
    const size_t threads = (size_t)g4_pool_threads(exec->pool);
    exec->scratch = g4_arena_take(&exec->memory, threads, exec->scratch_size);
    g4_arena_take(&exec->memory, G4_SCRATCH_SHARED_FLOATS, sizeof(float));
}

int g4_exec_open(struct g4_exec *exec, int threads, struct g4_err *err)
{
    int rc = 0;
    memset(exec, 0, sizeof *exec);
    exec->kernels = g4_kernels_best(err);
    if (!exec->kernels)
        return err ? err->code : G4_EUSAGE;
    if (threads <= 0)
        rc = g4_pool_default_threads(&threads, err);
    if (rc == 0)
        rc = g4_pool_new(&exec->pool, threads, err);
    if (rc < 0)
        goto out;

    exec->scratch_size = G4_SCRATCH_FLOATS * sizeof(float);
    take_scratch(exec);
    rc = g4_arena_alloc(&exec->memory, "the scratch memory of the threads", err);
    if (rc == 0)
        take_scratch(exec);
out:
    if (rc < 0)
        g4_exec_close(exec);
    return rc;
}

void g4_exec_close(struct g4_exec *exec)
{
    g4_pool_free(exec->pool);
    g4_arena_release(&exec->memory);
    memset(exec, 0, sizeof *exec);
}

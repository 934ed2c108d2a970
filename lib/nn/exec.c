/*
 * exec.c - threads, kernels and scratch, opened together.
 */
#include "lib/nn/exec.h"

#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "lib/base/mem.h"
#include "lib/nn/scratch.h"

enum { HUGE_PAGE = 2 << 20 };

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
    const size_t shared = G4_SCRATCH_SHARED_FLOATS * sizeof(float);
    size_t bytes;
    void *scratch = NULL;
    if (!g4_mul_size(exec->scratch_size, (size_t)g4_pool_threads(exec->pool), &bytes) ||
        !g4_add_size(bytes, shared, &bytes) || posix_memalign(&scratch, HUGE_PAGE, bytes) != 0) {
        rc = g4_err_nomem(err, exec->scratch_size, "scratch memory of a thread");
        goto out;
    }
    madvise(scratch, bytes, MADV_HUGEPAGE); /* if the system likes: fewer misses of its tables */
    exec->scratch = scratch;
out:
    if (rc < 0)
        g4_exec_close(exec);
    return rc;
}

void g4_exec_close(struct g4_exec *exec)
{
    g4_pool_free(exec->pool);
    free(exec->scratch);
    memset(exec, 0, sizeof *exec);
}

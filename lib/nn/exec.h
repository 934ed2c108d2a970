/*
 * exec.h - what every run needs: the threads, the kernels of this CPU, scratch memory per worker.
 *
 * House notation of lib/nn: y[n, out] = x[n, in] W[out, in]^T; rows first, row-major; ldx is the
 * distance in floats between rows of x. Every function returns void: shapes were proven when the
 * weights were bound. Results do not depend on the number of threads.
 */
#ifndef G4_NN_EXEC_H
#define G4_NN_EXEC_H

#include <stddef.h>

#include "lib/base/err.h"
#include "lib/base/mem.h"
#include "lib/base/pool.h"
#include "lib/kernel/kernel.h"

struct g4_exec {
    struct g4_pool *pool;
    const struct g4_kernels *kernels;
    struct g4_arena memory;
    unsigned char *scratch; /* 64-byte aligned: a piece per thread, then what they share */
    size_t scratch_size;    /* bytes of a thread's piece */
};

/* threads 0: g4_pool_default_threads(). Kernels are those of g4_kernels_best() ($G4_CPU honoured).
 */
int g4_exec_open(struct g4_exec *exec, int threads, struct g4_err *err);
void g4_exec_close(struct g4_exec *exec); /* safe on a zeroed struct */

#endif

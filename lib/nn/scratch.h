/*
 * scratch.h - how the functions of lib/nn use a worker's scratch; for lib/nn only.
 *
 * An item of work may use all of its worker's scratch; nothing in it outlives the item. Sizes are
 * counted in floats; a worker's piece starts on a 64-byte line.
 */
#ifndef G4_NN_SCRATCH_H
#define G4_NN_SCRATCH_H

#include <stddef.h>

#include "lib/nn/exec.h"

enum {
    G4_SCRATCH_FLOATS = 512 * 1024,             /* of a worker: 2 MiB */
    G4_SCRATCH_SHARED_FLOATS = 4 * 1024 * 1024, /* of the function that runs: 16 MiB */
};

static inline float *g4_scratch(const struct g4_exec *exec, int worker)
{
    return (float *)(void *)(exec->scratch + (size_t)worker * exec->scratch_size);
}

/* For what one job leaves to the next, or to the function that began it. */
static inline float *g4_scratch_shared(const struct g4_exec *exec)
{
    return g4_scratch(exec, g4_pool_threads(exec->pool));
}

static inline size_t g4_min_size(size_t a, size_t b)
{
    return a < b ? a : b;
}

static inline size_t g4_max_size(size_t a, size_t b)
{
    return a > b ? a : b;
}

/* How many pieces of `size` cover n. */
static inline size_t g4_pieces(size_t n, size_t size)
{
    return n / size + (n % size != 0);
}

/* n rounded up to a multiple of `to`. */
static inline size_t g4_round_up(size_t n, size_t to)
{
    return g4_pieces(n, to) * to;
}

#endif

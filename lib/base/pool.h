/*
 * pool.h - worker threads that share out numbered items of work.
 *
 * The items of a job are fixed by the shapes, never by the number of threads; which thread takes an
 * item does not matter to its result. Hence: same input, any thread count, same bytes.
 * Workers spin briefly, then sleep. One job at a time; jobs do not nest.
 */
#ifndef G4_BASE_POOL_H
#define G4_BASE_POOL_H

#include <stddef.h>

#include "lib/base/err.h"

struct g4_pool;

/* worker is 0..threads-1 and names the scratch memory the item may use. */
typedef void g4_pool_fn(void *ctx, size_t item, int worker);

/* threads >= 1; the calling thread is worker 0, so threads - 1 are created. */
int g4_pool_new(struct g4_pool **pool, int threads, struct g4_err *err);
void g4_pool_free(struct g4_pool *pool);
int g4_pool_threads(const struct g4_pool *pool);

/* Calls fn(ctx, item, worker) once for every item in 0..items-1 and returns when all are done. */
void g4_pool_run(struct g4_pool *pool, g4_pool_fn *fn, void *ctx, size_t items);

/* $G4_THREADS, else the processors of the affinity mask capped by the cgroup quota. G4_EUSAGE when
 * $G4_THREADS is set and not a number in 1..1024. */
int g4_pool_default_threads(int *threads, struct g4_err *err);

#endif

/*
 * pool.c - a job is a function and a counter; whoever is free takes the next item.
 *
 * Workers wait for a job number to change: a short spin (jobs of one layer follow each other within
 * microseconds), then a condition variable. The caller works too, then waits for the others to
 * leave.
 */
#include "lib/base/pool.h"

#include <errno.h>
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { SPINS = 4000, MAX_THREADS = 1024 };

struct g4_pool {
    int threads;
    pthread_t *workers; /* threads - 1 */
    int started;

    g4_pool_fn *fn;
    void *ctx;
    size_t items;
    atomic_size_t next; /* next item to take */
    atomic_int busy;    /* workers that have not left the job */
    atomic_uint job;    /* changes with every job */
    atomic_bool quit;

    pthread_mutex_t lock;
    pthread_cond_t wake;
};

struct worker_start {
    struct g4_pool *pool;
    int worker;
};

static inline void relax(void)
{
#if defined(__x86_64__) || defined(__i386__)
    __builtin_ia32_pause();
#elif defined(__aarch64__)
    __asm__ __volatile__("yield");
#endif
}

static void take_items(struct g4_pool *pool, int worker)
{
    for (;;) {
        size_t item = atomic_fetch_add_explicit(&pool->next, 1, memory_order_relaxed);
        if (item >= pool->items)
            return;
        pool->fn(pool->ctx, item, worker);
    }
}

/* Waits until the job number differs from `seen`; returns it. */
static unsigned wait_for_job(struct g4_pool *pool, unsigned seen)
{
    for (int i = 0; i < SPINS; i++) {
        unsigned job = atomic_load_explicit(&pool->job, memory_order_acquire);
        if (job != seen)
            return job;
        relax();
    }
    pthread_mutex_lock(&pool->lock);
    unsigned job;
    while ((job = atomic_load_explicit(&pool->job, memory_order_acquire)) == seen)
        pthread_cond_wait(&pool->wake, &pool->lock);
    pthread_mutex_unlock(&pool->lock);
    return job;
}

static void *worker_main(void *arg)
{
    struct worker_start start = *(struct worker_start *)arg;
    free(arg);
    struct g4_pool *pool = start.pool;
    unsigned seen = 0;
    for (;;) {
        seen = wait_for_job(pool, seen);
        if (atomic_load_explicit(&pool->quit, memory_order_relaxed))
            return NULL;
        take_items(pool, start.worker);
        atomic_fetch_sub_explicit(&pool->busy, 1, memory_order_release);
    }
}

static void announce(struct g4_pool *pool)
{
    /* Under the lock, so that a worker between its last look and its wait cannot miss it. */
    pthread_mutex_lock(&pool->lock);
    atomic_fetch_add_explicit(&pool->job, 1, memory_order_release);
    pthread_cond_broadcast(&pool->wake);
    pthread_mutex_unlock(&pool->lock);
}

static int start_worker(struct g4_pool *pool, struct g4_err *err)
{
    struct worker_start *start = malloc(sizeof *start);
    if (!start)
        return g4_err_nomem(err, sizeof *start, "a thread");
    *start = (struct worker_start){pool, pool->started + 1};
    int error = pthread_create(&pool->workers[pool->started], NULL, worker_main, start);
    if (error) {
        free(start);
        return g4_err_set(err, G4_EIO, "cannot start thread %d of %d: %s", pool->started + 2,
                          pool->threads, strerror(error));
    }
    pool->started++;
    return 0;
}

int g4_pool_new(struct g4_pool **out, int threads, struct g4_err *err)
{
    *out = NULL;
    struct g4_pool *pool = calloc(1, sizeof *pool);
    pthread_t *workers = calloc((size_t)threads, sizeof *workers);
    if (!pool || !workers) {
        free(pool);
        free(workers);
        return g4_err_nomem(err, sizeof *pool + (size_t)threads * sizeof *workers, "the threads");
    }
    pool->threads = threads;
    pool->workers = workers;
    pthread_mutex_init(&pool->lock, NULL);
    pthread_cond_init(&pool->wake, NULL);
    for (int i = 1; i < threads; i++) {
        int status = start_worker(pool, err);
        if (status < 0) {
            g4_pool_free(pool);
            return status;
        }
    }
    *out = pool;
    return 0;
}

void g4_pool_free(struct g4_pool *pool)
{
    if (!pool)
        return;
    atomic_store_explicit(&pool->quit, true, memory_order_relaxed);
    announce(pool);
    for (int i = 0; i < pool->started; i++)
        pthread_join(pool->workers[i], NULL);
    pthread_mutex_destroy(&pool->lock);
    pthread_cond_destroy(&pool->wake);
    free(pool->workers);
    free(pool);
}

int g4_pool_threads(const struct g4_pool *pool)
{
    return pool->threads;
}

void g4_pool_run(struct g4_pool *pool, g4_pool_fn *fn, void *ctx, size_t items)
{
    if (pool->threads == 1 || items <= 1) {
        for (size_t i = 0; i < items; i++)
            fn(ctx, i, 0);
        return;
    }
    pool->fn = fn;
    pool->ctx = ctx;
    pool->items = items;
    atomic_store_explicit(&pool->next, 0, memory_order_relaxed);
    atomic_store_explicit(&pool->busy, pool->threads - 1, memory_order_relaxed);
    announce(pool);
    take_items(pool, 0);
    for (int spins = 0; atomic_load_explicit(&pool->busy, memory_order_acquire) > 0; spins++) {
        /* With fewer processors than threads, spinning would keep the last worker from running. */
        if (spins < SPINS)
            relax();
        else
            sched_yield();
    }
}

/* Processors allowed by a cgroup v2 quota ("max 100000" or "150000 100000"); 0 = no quota known. */
static int cgroup_quota(void)
{
    FILE *file = fopen("/sys/fs/cgroup/cpu.max", "re");
    if (!file)
        return 0;
    long long quota = 0, period = 0;
    int n = fscanf(file, "%lld %lld", &quota, &period);
    fclose(file);
    if (n != 2 || quota <= 0 || period <= 0)
        return 0;
    long long processors = (quota + period - 1) / period;
    return processors > MAX_THREADS ? MAX_THREADS : (int)processors;
}

int g4_pool_default_threads(int *threads, struct g4_err *err)
{
    const char *text = getenv("G4_THREADS");
    if (text && *text) {
        char *end;
        errno = 0;
        long n = strtol(text, &end, 10);
        if (errno != 0 || *end != '\0' || n < 1 || n > MAX_THREADS)
            return g4_err_set(err, G4_EUSAGE, "G4_THREADS is '%s', expected a number in 1..%d",
                              text, MAX_THREADS);
        *threads = (int)n;
        return 0;
    }
    cpu_set_t set;
    int n = sched_getaffinity(0, sizeof set, &set) == 0 ? CPU_COUNT(&set) : 1;
    int quota = cgroup_quota();
    if (quota > 0 && quota < n)
        n = quota;
    *threads = n < 1 ? 1 : n;
    return 0;
}

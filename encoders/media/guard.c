/* guard.c - one worker thread, one call at a time, watched by its CPU clock. */
#include "encoders/media/guard.h"

#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "lib/base/mem.h"

struct g4_guard {
    pthread_t thread;
    pthread_mutex_t lock;
    pthread_cond_t work, done; /* a call came or the end; a call returned */
    double max_cpu;
    g4_guard_fn *fn;
    void *ctx;
    int status;
    struct g4_err err;
    bool busy, stop, lost;
    atomic_ulong progress;
};

static void guard_free(struct g4_guard *guard)
{
    pthread_mutex_destroy(&guard->lock);
    pthread_cond_destroy(&guard->work);
    pthread_cond_destroy(&guard->done);
    free(guard);
}

static void *worker(void *argument)
{
    struct g4_guard *guard = argument;
    pthread_mutex_lock(&guard->lock);
    for (;;) {
        while (!guard->busy && !guard->stop)
            pthread_cond_wait(&guard->work, &guard->lock);
        if (!guard->busy)
            break;
        pthread_mutex_unlock(&guard->lock);
        guard->err = (struct g4_err){0};
        int status = guard->fn(guard->ctx, &guard->err);
        pthread_mutex_lock(&guard->lock);
        guard->status = status;
        guard->busy = false;
        pthread_cond_signal(&guard->done);
    }
    bool lost = guard->lost;
    pthread_mutex_unlock(&guard->lock);
    /* A lost thread came back after all; nobody joins it. */
    if (lost)
        guard_free(guard);
    return NULL;
}

static int start(struct g4_guard *guard)
{
    /* Signals are for the main thread, whose handlers remove temporary files. */
    sigset_t all, before;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    int failed = pthread_create(&guard->thread, NULL, worker, guard);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    return failed;
}

int g4_guard_open(struct g4_guard **out, double max_cpu, struct g4_err *err)
{
    void *memory;
    *out = NULL;
    int status = g4_alloc(&memory, 1, sizeof **out, "a decoder thread", err);
    if (status < 0)
        return status;
    struct g4_guard *guard = memory;
    guard->max_cpu = max_cpu;
    pthread_condattr_t attributes;
    pthread_condattr_init(&attributes);
    pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
    pthread_mutex_init(&guard->lock, NULL);
    pthread_cond_init(&guard->work, NULL);
    pthread_cond_init(&guard->done, &attributes);
    pthread_condattr_destroy(&attributes);
    int failed = start(guard);
    if (failed) {
        guard_free(guard);
        return g4_err_set(err, G4_EIO, "cannot start a decoder thread: %s", strerror(failed));
    }
    *out = guard;
    return 0;
}

void g4_guard_close(struct g4_guard *guard)
{
    if (!guard)
        return;
    pthread_mutex_lock(&guard->lock);
    guard->stop = true;
    bool lost = guard->lost;
    pthread_t thread = guard->thread;
    pthread_cond_signal(&guard->work);
    /* A lost thread frees the guard when it comes back: it is not ours any more after this. */
    if (lost)
        pthread_detach(thread);
    pthread_mutex_unlock(&guard->lock);
    if (lost)
        return;
    pthread_join(thread, NULL);
    guard_free(guard);
}

static double thread_cpu(const struct g4_guard *guard)
{
    clockid_t clock;
    struct timespec now = {0};
    if (pthread_getcpuclockid(guard->thread, &clock) == 0)
        clock_gettime(clock, &now);
    return (double)now.tv_sec + 1e-9 * (double)now.tv_nsec;
}

static struct timespec later(double seconds)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    t.tv_sec += (time_t)seconds;
    t.tv_nsec += (long)((seconds - (double)(time_t)seconds) * 1e9);
    if (t.tv_nsec >= 1000000000) {
        t.tv_sec++;
        t.tv_nsec -= 1000000000;
    }
    return t;
}

/* Waits until the call returned or is given up. The lock is held. */
static void watch(struct g4_guard *guard)
{
    double poll = guard->max_cpu > 0 && guard->max_cpu < 4 ? guard->max_cpu / 4 : 1;
    double since = -1;
    unsigned long seen = atomic_load_explicit(&guard->progress, memory_order_relaxed);
    struct timespec until = {0};
    bool timed = false;
    while (guard->busy && !guard->lost) {
        if (!timed)
            until = later(poll);
        timed = true;
        if (pthread_cond_timedwait(&guard->done, &guard->lock, &until) == 0 || !guard->busy)
            continue;
        timed = false;
        double cpu = thread_cpu(guard);
        unsigned long progress = atomic_load_explicit(&guard->progress, memory_order_relaxed);
        if (since < 0 || progress != seen)
            since = cpu;
        seen = progress;
        guard->lost = guard->max_cpu > 0 && cpu - since >= guard->max_cpu;
    }
}

int g4_guard_call(struct g4_guard *guard, g4_guard_fn *fn, void *ctx, const char *name,
                  struct g4_err *err)
{
    pthread_mutex_lock(&guard->lock);
    if (!guard->lost) {
        guard->fn = fn;
        guard->ctx = ctx;
        guard->busy = true;
        pthread_cond_signal(&guard->work);
        watch(guard);
    }
    bool lost = guard->lost;
    int status = guard->status;
    if (!lost && status < 0 && err)
        *err = guard->err;
    pthread_mutex_unlock(&guard->lock);
    if (lost)
        status = g4_err_set(err, G4_ELIMIT,
                            "'%s': the decoder made no progress in %g s of CPU (--max-decode-cpu)",
                            name, guard->max_cpu);
    return status;
}

void g4_guard_progress(struct g4_guard *guard)
{
    atomic_fetch_add_explicit(&guard->progress, 1, memory_order_relaxed);
}

bool g4_guard_lost(const struct g4_guard *guard)
{
    return guard->lost;
}

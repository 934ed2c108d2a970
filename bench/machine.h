/*
 * machine.h - the limits of this machine, to which everything else is compared: the best rate of
 * each kind of product, with the loads that a product of matrices cannot do without, and of reading
 * a file that the system holds in memory, as weights are read. And the clock of the benchmarks.
 */
#ifndef BENCH_MACHINE_H
#define BENCH_MACHINE_H

#include <stddef.h>

#include "lib/base/pool.h"
#include "lib/kernel/cpu.h"

/* Products of what: their operations are counted as two per pair of factors. */
enum bench_kind { BENCH_F32, BENCH_BF16, BENCH_INT8, BENCH_KINDS };

const char *bench_kind_name(enum bench_kind kind);

struct bench_peak {
    double gops; /* 1e9 operations in a second, of all threads; 0: no such instruction */
    const char *instruction; /* "vpdpbusd zmm"; "" */
};

struct bench_limits {
    struct bench_peak peak[BENCH_KINDS];
    double read; /* GB/s */
};

/* Seconds of a clock that only goes forward. */
double bench_now(void);

typedef void bench_work(void *ctx);

/* Seconds of the fastest call, of at least five and of so many as fit in `seconds`: what the
 * machine can do when nothing else wants it. */
double bench_fastest(bench_work *work, void *ctx, double seconds);

/* Words of the processor's own list that say which products it has, in one line; kept for ever. */
const char *bench_features(void);

/* bytes of numbers that are small in every type of weights, in a file without a name, mapped and
 * read once. NULL and errno: no room. Never unmapped. */
const void *bench_mapping(size_t bytes);

/* The peak of one kind with the instructions of a level, every thread of the pool at work. A level
 * without products of its own for bf16 has none; eight bits go by what it has. */
struct bench_peak bench_peak(struct g4_pool *pool, enum g4_cpu level, enum bench_kind kind);

/* GB/s of reading data by all threads, `pass` bytes after the other, each as one job of the pool:
 * the fastest pass of several ways of reading. bytes: far beyond the caches. A pass should be as
 * long as what is compared with it, for on a machine shared with others short ones are luckier. */
double bench_read(struct g4_pool *pool, const void *data, size_t bytes, size_t pass);

/* All of them. */
void bench_limits(struct bench_limits *limits, struct g4_pool *pool, enum g4_cpu level,
                  const void *data, size_t bytes, size_t pass);

#endif

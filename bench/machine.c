/* machine.c - the clock, the machine's words, and how fast memory is read; products: peaks.c. */
#include "bench/machine.h"

#include <math.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

enum { FEWEST_CALLS = 5, READ_ITEM = 1 << 20, LINE = 64, MAX_WORKERS = 1024 };

static const double READ_SECONDS = 0.15; /* of each way of reading */

double bench_now(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

double bench_fastest(bench_work *work, void *ctx, double seconds)
{
    const double begin = bench_now();
    double best = INFINITY;
    for (int calls = 0; calls < FEWEST_CALLS || bench_now() - begin < seconds; calls++) {
        const double start = bench_now();
        work(ctx);
        best = fmin(best, bench_now() - start);
    }
    return best;
}

const char *bench_features(void)
{
    static const char *const wanted[] = {"avx2",     "fma",         "f16c",        "avx512f",
                                         "avx512bw", "avx512_vnni", "avx512_bf16", "amx_tile",
                                         "amx_bf16", "amx_int8",    "asimddp",     "i8mm",
                                         "bf16",     "sve"};
    static char features[256];
    char line[16384];
    FILE *in = features[0] ? NULL : fopen("/proc/cpuinfo", "r");
    while (in && fgets(line, sizeof line, in)) {
        if (strncmp(line, "flags", 5) != 0 && strncmp(line, "Features", 8) != 0)
            continue;
        char *rest = NULL;
        for (char *word = strtok_r(line, " \t\n", &rest); word;
             word = strtok_r(NULL, " \t\n", &rest))
            for (size_t i = 0; i < sizeof wanted / sizeof *wanted; i++)
                if (strcmp(word, wanted[i]) == 0)
                    snprintf(features + strlen(features), sizeof features - strlen(features),
                             "%s%s", features[0] ? " " : "", word);
        break;
    }
    if (in)
        fclose(in);
    return features;
}

static int write_all(int fd, const void *data, size_t bytes)
{
    for (size_t done = 0; done < bytes;) {
        const ssize_t n = write(fd, (const char *)data + done, bytes - done);
        if (n <= 0)
            return -1;
        done += (size_t)n;
    }
    return 0;
}

const void *bench_mapping(size_t bytes)
{
    static uint16_t piece[READ_ITEM / sizeof(uint16_t)];
    const char *folder = getenv("TMPDIR");
    char name[4096];
    void *data = MAP_FAILED;
    snprintf(name, sizeof name, "%s/g4-bench-XXXXXX", folder ? folder : "/tmp");
    const int fd = mkstemp(name);
    if (fd < 0)
        return NULL;
    unlink(name);
    for (size_t done = 0; done < bytes; done += sizeof piece) {
        for (size_t i = 0; i < sizeof piece / sizeof *piece; i++)
            piece[i] = (uint16_t)(0x2000 | ((done / 2 + i) * 40503 & 0x83ff));
        if (write_all(fd, piece, bytes - done < sizeof piece ? bytes - done : sizeof piece) < 0)
            goto out;
    }
    data = mmap(NULL, bytes, PROT_READ, MAP_SHARED | MAP_POPULATE, fd, 0);
out:
    close(fd);
    return data == MAP_FAILED ? NULL : data;
}

struct read_job {
    struct g4_pool *pool;
    const unsigned char *data;
    size_t items, all, first;   /* of a pass; of the data; where the next pass begins */
    size_t streams, ahead;      /* places read by turns; bytes to prefetch before, 0: none */
    uint64_t sums[MAX_WORKERS]; /* of the workers, so that nothing is optimised away */
};

/* A word of every line: the line has to come all the same, and nothing else can be the bound. */
static void read_item(void *ctx, size_t item, int worker)
{
    struct read_job *job = ctx;
    const unsigned char *data = job->data + (job->first + item) * READ_ITEM;
    const size_t streams = job->streams, ahead = job->ahead, piece = READ_ITEM / streams;
    uint64_t sum = 0;
    for (size_t at = 0; at < piece; at += LINE)
        for (size_t stream = 0; stream < streams; stream++) {
            const unsigned char *line = data + stream * piece + at;
            if (ahead)
                __builtin_prefetch(line + ahead);
            sum += *(const uint64_t *)(const void *)line;
        }
    job->sums[worker % MAX_WORKERS] += sum;
}

static void read_pass(void *ctx)
{
    struct read_job *job = ctx;
    g4_pool_run(job->pool, read_item, job, job->items);
    job->first += job->items;
    if (job->first + job->items > job->all)
        job->first = 0;
}

double bench_read(struct g4_pool *pool, const void *data, size_t bytes, size_t pass)
{
    static const struct {
        size_t streams, ahead;
    } ways[] = {{1, 0}, {1, 1024}, {2, 512}, {2, 1024}, {4, 0}, {4, 512}, {4, 1024}};
    static struct read_job job;
    double best = 0;
    job.pool = pool;
    job.data = data;
    job.all = bytes / READ_ITEM;
    job.items = pass / READ_ITEM;
    for (size_t i = 0; i < sizeof ways / sizeof *ways; i++) {
        job.streams = ways[i].streams;
        job.ahead = ways[i].ahead;
        job.first = 0;
        const double seconds = bench_fastest(read_pass, &job, READ_SECONDS);
        best = fmax(best, (double)(job.items * READ_ITEM) / seconds * 1e-9);
    }
    return best;
}

void bench_limits(struct bench_limits *limits, struct g4_pool *pool, enum g4_cpu level,
                  const void *data, size_t bytes, size_t pass)
{
    for (int kind = 0; kind < BENCH_KINDS; kind++)
        limits->peak[kind] = bench_peak(pool, level, (enum bench_kind)kind);
    limits->read = bench_read(pool, data, bytes, pass);
}

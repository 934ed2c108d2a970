/*
 * limits.c - the limits of this machine.
 *
 *     limits [-jr] [-l LEVEL] [-t THREADS] [-f FILE]
 *
 * Products of float32, bf16 and eight-bit numbers by the best instruction of the level (default:
 * the one the programs choose), and reading a file from memory: FILE (its first GiB), or one of its
 * own. -r: reading alone. -j: one line of JSON, which also says by which kernels products of many
 * rows are made.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "bench/machine.h"
#include "lib/kernel/kernel.h"

static const size_t OWN = (size_t)512 << 20, MOST = (size_t)1 << 30, LEAST = (size_t)64 << 20;

/* FILE, when it is large enough to mean anything; else a file of our own. */
static const void *open_data(const char *file, size_t *bytes)
{
    struct stat st;
    const int fd = file ? open(file, O_RDONLY | O_CLOEXEC) : -1;
    if (fd >= 0 && fstat(fd, &st) == 0 && S_ISREG(st.st_mode) && (size_t)st.st_size >= LEAST) {
        *bytes = (size_t)st.st_size < MOST ? (size_t)st.st_size : MOST;
        const void *data = mmap(NULL, *bytes, PROT_READ, MAP_SHARED | MAP_POPULATE, fd, 0);
        close(fd);
        return data == MAP_FAILED ? NULL : data;
    }
    if (fd >= 0)
        close(fd);
    *bytes = OWN;
    return bench_mapping(OWN);
}

static void print_json(const struct bench_limits *l, enum g4_cpu level, int threads)
{
    static struct g4_kernels kernels;
    char date[16] = "";
    const time_t now = time(NULL);
    struct tm tm;
    g4_kernels_init(&kernels, level, true);
    strftime(date, sizeof date, "%Y-%m-%d", localtime_r(&now, &tm));
    printf(
        "{\"bench\":\"limits\",\"date\":\"%s\",\"cpu\":\"%s\",\"features\":\"%s\",\"threads\":%d",
        date, g4_cpu_name(level), bench_features(), threads);
    for (int kind = 0; kind < BENCH_KINDS; kind++)
        printf(",\"%s\":%.4g,\"%s_by\":\"%s\"", bench_kind_name((enum bench_kind)kind),
               l->peak[kind].gops, bench_kind_name((enum bench_kind)kind),
               l->peak[kind].instruction);
    printf(",\"read\":%.4g,\"gemm\":\"%s\",\"gemm_by\":\"%s\",\"q8\":\"%s\",\"q8_rows\":%zu}\n",
           l->read, g4_kernels_gemm(&kernels)->name, kernels.float_products ? "f32" : "bf16",
           kernels.gemm_q8.name ? kernels.gemm_q8.name : "", kernels.gemm_q8.rows_at_most);
}

static void print_table(const struct bench_limits *l, enum g4_cpu level, int threads)
{
    printf("limits of %s, %d thread%s\n", g4_cpu_name(level), threads, threads == 1 ? "" : "s");
    for (int kind = 0; kind < BENCH_KINDS; kind++)
        if (l->peak[kind].gops > 0)
            printf("  %-6s %9.1f GOP/s  %s\n", bench_kind_name((enum bench_kind)kind),
                   l->peak[kind].gops, l->peak[kind].instruction);
    printf("  %-6s %9.1f GB/s   a file in memory\n", "read", l->read);
}

static int find_level(const char *name, enum g4_cpu *level)
{
    for (int i = 0; name && i < G4_CPU_LEVELS; i++)
        if (strcmp(name, g4_cpu_name((enum g4_cpu)i)) == 0 && (enum g4_cpu)i <= *level) {
            *level = (enum g4_cpu)i;
            return 0;
        }
    return name ? -1 : 0;
}

int main(int argc, char **argv)
{
    struct g4_err err;
    struct g4_pool *pool = NULL;
    struct bench_limits limits = {0};
    const char *file = NULL, *name = NULL;
    enum g4_cpu level;
    bool json = false, reading = false;
    int option, threads = 0;
    size_t bytes = 0;
    while ((option = getopt(argc, argv, "jrl:t:f:")) != -1) {
        if (option == 'j')
            json = true;
        else if (option == 'r')
            reading = true;
        else if (option == 'l')
            name = optarg;
        else if (option == 't')
            threads = atoi(optarg);
        else if (option == 'f')
            file = optarg;
        else
            goto usage;
    }
    if (optind < argc)
        goto usage;
    if (g4_cpu_choose(&level, &err) < 0 ||
        (threads <= 0 && g4_pool_default_threads(&threads, &err) < 0) ||
        g4_pool_new(&pool, threads, &err) < 0) {
        fprintf(stderr, "limits: %s\n", err.text);
        return 1;
    }
    if (find_level(name, &level) < 0) {
        fprintf(stderr, "limits: this machine has no level '%s'\n", name);
        return 2;
    }
    const void *data = open_data(file, &bytes);
    if (!data) {
        fprintf(stderr, "limits: no file to read: %s\n", strerror(errno));
        return 1;
    }
    if (reading)
        limits.read = bench_read(pool, data, bytes, bytes);
    else
        bench_limits(&limits, pool, level, data, bytes, bytes);
    (json ? print_json : print_table)(&limits, level, threads);
    g4_pool_free(pool);
    return 0;
usage:
    fprintf(stderr, "usage: limits [-jr] [-l LEVEL] [-t THREADS] [-f FILE]\n");
    return 2;
}

/*
 * kernels.c - how fast the kernels are, and what part of this machine's limits that is.
 *
 *     kernels [-a] [-l LEVEL] [-o FILE] [-t THREADS] [NAME]
 *
 * The limits are measured first, in the same run (machine.h). -a: every level of instructions that
 * the machine has, not only the one the programs choose; LEVEL: only that one. -o: JSON lines are
 * appended to FILE. NAME: only rows that contain it. The share of a row is that of the kind of
 * product it is made by: of eight bits, of bf16 or of float32.
 */
#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "bench/machine.h"
#include "lib/nn/attention.h"
#include "lib/nn/linear.h"

static const double SECONDS = 0.15; /* of a measurement, at least */

struct bench {
    struct g4_exec exec;
    struct g4_exec alone; /* the same with one thread */
    struct g4_kernels kernels;
    FILE *json;               /* NULL: none */
    const char *only, *level; /* NULL: all */
    int threads;
    struct bench_limits limits; /* of the level */
    char date[16];
};

/* Of one call; flops, bytes: 0 = not the point of this row. kind: what its products are made of,
 * one that the level has. */
struct figures {
    double seconds, flops, bytes;
    double times; /* of `threads`: how many times one thread */
    enum bench_kind kind;
};

static void write_json(struct bench *b, const char *name, const char *size, struct figures f)
{
    const double gflops = f.flops / f.seconds * 1e-9, gbytes = f.bytes / f.seconds * 1e-9;
    fprintf(b->json,
            "{\"bench\":\"kernel\",\"name\":\"%s\",\"size\":\"%s\",\"cpu\":\"%s\","
            "\"features\":\"%s\",\"date\":\"%s\",\"threads\":%d,\"seconds\":%.6g,"
            "\"gflops\":%.4g,\"kind\":\"%s\",\"share\":%.4g,\"gbytes\":%.4g,"
            "\"read_share\":%.4g,\"times\":%.4g,\"limits\":{\"f32\":%.4g,\"bf16\":%.4g,"
            "\"int8\":%.4g,\"read\":%.4g}}\n",
            name, size, g4_cpu_name(b->kernels.cpu), bench_features(), b->date, b->threads,
            f.seconds, gflops, bench_kind_name(f.kind), gflops / b->limits.peak[f.kind].gops,
            gbytes, gbytes / b->limits.read, f.times, b->limits.peak[BENCH_F32].gops,
            b->limits.peak[BENCH_BF16].gops, b->limits.peak[BENCH_INT8].gops, b->limits.read);
    fflush(b->json);
}

static void report(struct bench *b, const char *name, const char *size, struct figures f)
{
    const double gflops = f.flops / f.seconds * 1e-9, gbytes = f.bytes / f.seconds * 1e-9;
    const double of_peak = gflops / b->limits.peak[f.kind].gops, of_read = gbytes / b->limits.read;
    const char *level = g4_cpu_name(b->kernels.cpu);
    if (b->json)
        write_json(b, name, size, f);
    printf("%-10s %-16s %-20s %10.3f ms", level, name, size, f.seconds * 1e3);
    if (f.flops > 0)
        printf(" %8.1f GOP/s %4.0f %% of %s", gflops, 100 * of_peak, bench_kind_name(f.kind));
    if (f.bytes > 0)
        printf(" %8.1f GB/s %4.0f %%", gbytes, 100 * of_read);
    printf("\n");
    fflush(stdout);
}

static bool wanted(const struct bench *b, const char *name)
{
    return !b->only || strstr(name, b->only);
}

static void *memory(size_t bytes)
{
    void *p = NULL;
    if (posix_memalign(&p, 64, bytes) != 0) {
        fprintf(stderr, "kernels: no memory\n");
        exit(1);
    }
    memset(p, 0, bytes);
    return p;
}

enum { WEIGHTS = 256 << 20, PASS = 32 << 20 }; /* bytes: far beyond any cache; of a reading */

static void measure_limits(struct bench *b, const void *weights)
{
    const struct g4_gemm_q8 *q8 = &b->kernels.gemm_q8;
    bench_limits(&b->limits, b->exec.pool, b->kernels.cpu, weights, WEIGHTS, PASS);
    printf("# %s, %d threads, many rows by %s, of quantised weights by %s",
           g4_cpu_name(b->kernels.cpu), b->threads, g4_kernels_gemm(&b->kernels)->name,
           q8->rows_at_most ? q8->name : "the same");
    if (q8->rows_at_most && q8->rows_at_most < SIZE_MAX)
        printf(" up to %zu", q8->rows_at_most);
    printf("\n# limits: f32 %.0f, bf16 %.0f, int8 %.0f GOP/s, reading %.1f GB/s\n",
           b->limits.peak[BENCH_F32].gops, b->limits.peak[BENCH_BF16].gops,
           b->limits.peak[BENCH_INT8].gops, b->limits.read);
}

/* --- products ----------------------------------------------------------------------------------
 */

struct product {
    const struct g4_exec *exec;
    struct g4_matrix w;
    float *y;
    const float *x;
    size_t n;
    size_t copies, copy; /* of w, used in turn so that no cache holds them */
};

static void product_work(void *ctx)
{
    struct product *p = ctx;
    struct g4_matrix w = p->w;
    w.data = (const unsigned char *)w.data + p->copy * w.rows * w.stride;
    p->copy = (p->copy + 1) % p->copies;
    g4_matmul(p->exec, &w, p->y, w.rows, p->x, w.cols, p->n);
}

static struct product product_open(struct bench *b, enum g4_dtype dtype, size_t n, size_t rows,
                                   size_t cols, const void *weights)
{
    const struct g4_dtype_info *type = g4_dtype_info(dtype);
    const size_t stride = cols / type->block * type->bytes;
    float *x = memory(n * cols * sizeof *x);
    for (size_t i = 0; i < n * cols; i++)
        x[i] = (float)(i % 31) / 16 - 1;
    return (struct product){.exec = &b->exec,
                            .w = {weights, dtype, rows, cols, stride, {0}},
                            .y = memory(n * rows * sizeof *x),
                            .x = x,
                            .n = n,
                            .copies = WEIGHTS / (rows * stride)};
}

static void product_close(struct product *p)
{
    free((void *)(uintptr_t)p->x);
    free(p->y);
}

/* Whether the panels in eight bits are made use of: by their own rules. */
static bool by_panels(const struct bench *b, enum g4_dtype dtype, size_t n)
{
    const struct g4_gemm_q8 *q8 = &b->kernels.gemm_q8;
    return q8->pack[dtype] && n >= q8->rows_to_pack && n <= q8->rows_at_most;
}

static enum bench_kind product_kind(const struct bench *b, enum g4_dtype dtype, size_t n)
{
    const bool eight =
        by_panels(b, dtype, n) || (n <= G4_GEMV_ROWS && b->kernels.dtype[dtype].gemv_q8);
    if (eight) /* generic counts eight bits by plain C: what it could do at best is its float32 */
        return b->limits.peak[BENCH_INT8].gops > 0 ? BENCH_INT8 : BENCH_F32;
    return n <= G4_GEMV_ROWS || b->kernels.float_products ? BENCH_F32 : BENCH_BF16;
}

static void bench_product(struct bench *b, enum g4_dtype dtype, size_t n, size_t rows, size_t cols,
                          const void *weights)
{
    const bool few = n <= G4_GEMV_ROWS;
    char name[32], size[64];
    snprintf(name, sizeof name, "%s.%s", few && !by_panels(b, dtype, n) ? "gemv" : "gemm",
             g4_dtype_info(dtype)->name);
    snprintf(size, sizeof size, "%zux%zux%zu", n, rows, cols);
    if (!wanted(b, name))
        return;
    struct product p = product_open(b, dtype, n, rows, cols, weights);
    const double flops = 2.0 * (double)n * (double)rows * (double)cols;
    report(b, name, size,
           (struct figures){.seconds = bench_fastest(product_work, &p, SECONDS),
                            .flops = n > 1 ? flops : 0,
                            .bytes = few ? (double)(rows * p.w.stride) : 0,
                            .kind = product_kind(b, dtype, n)});
    product_close(&p);
}

static void bench_products(struct bench *b, const void *weights)
{
    static const size_t gemv_rows[] = {1, 4, 16}, gemm_rows[] = {17, 64, 512};
    static const enum g4_dtype dtypes[] = {G4_DTYPE_BF16, G4_DTYPE_F16, G4_DTYPE_F32};
    for (size_t d = 0; d < 3; d++) {
        for (size_t i = 0; i < sizeof gemv_rows / sizeof *gemv_rows; i++)
            bench_product(b, dtypes[d], gemv_rows[i], 6144, 1536, weights);
        for (size_t i = 0; i < sizeof gemm_rows / sizeof *gemm_rows; i++)
            bench_product(b, dtypes[d], gemm_rows[i], 2048, 2048, weights);
    }
    bench_product(b, G4_DTYPE_BF16, 1, 1536, 12288, weights);
    bench_product(b, G4_DTYPE_BF16, 1, 256, 1536, weights);
    bench_product(b, G4_DTYPE_BF16, 2520, 768, 768, weights); /* pictures */
    bench_product(b, G4_DTYPE_BF16, 2520, 3072, 768, weights);
    bench_product(b, G4_DTYPE_BF16, 2520, 768, 3072, weights);
    bench_product(b, G4_DTYPE_BF16, 750, 4096, 1024, weights); /* sound */
    bench_product(b, G4_DTYPE_BF16, 750, 1024, 4096, weights);
    bench_product(b, G4_DTYPE_BF16, 512, 6144, 1536, weights); /* prompts */
    bench_product(b, G4_DTYPE_BF16, 512, 1536, 6144, weights);
}

/* Types with products in eight bits. */
static const enum g4_dtype block_types[] = {G4_DTYPE_Q4_0, G4_DTYPE_Q8_0, G4_DTYPE_Q4_K,
                                            G4_DTYPE_Q5_K, G4_DTYPE_Q6_K, G4_DTYPE_Q4_1,
                                            G4_DTYPE_Q5_0, G4_DTYPE_Q5_1, G4_DTYPE_IQ4_NL};

static void bench_blocks(struct bench *b, const void *weights)
{
    static const size_t counts[] = {1, 2, 4, 8, 16, 64, 512};
    for (size_t i = 0; i < sizeof block_types / sizeof *block_types; i++) {
        for (size_t n = 0; n < sizeof counts / sizeof *counts; n++)
            bench_product(b, block_types[i], counts[n], 6144, 1536, weights);
        bench_product(b, block_types[i], 1, 1536, 6144, weights);
        bench_product(b, block_types[i], 1, 65536, 1536, weights); /* a part of the head */
    }
    for (size_t i = 0; i < 2; i++) /* an expert of 704: no whole block of the larger types */
        for (size_t n = 1; n <= 64; n *= 4) {
            bench_product(b, block_types[i], n, 2816, 704, weights);
            bench_product(b, block_types[i], n, 1408, 2816, weights);
        }
}

/* What more threads make of a product: how many times one of them, measured by turns. */
static void bench_scale(struct bench *b, enum g4_dtype dtype, size_t n, const void *weights)
{
    char name[32], size[64];
    snprintf(name, sizeof name, "threads.%s", g4_dtype_info(dtype)->name);
    if (!wanted(b, name) || b->threads == 1)
        return;
    struct product p = product_open(b, dtype, n, 6144, 1536, weights);
    double best[2] = {INFINITY, INFINITY};
    for (int turn = 0; turn < 6; turn++) {
        p.exec = turn % 2 ? &b->exec : &b->alone;
        best[turn % 2] = fmin(best[turn % 2], bench_fastest(product_work, &p, SECONDS / 2));
    }
    snprintf(size, sizeof size, "%zu rows: %.2f times", n, best[0] / best[1]);
    report(b, name, size,
           (struct figures){.seconds = best[1],
                            .times = best[0] / best[1],
                            .flops = 2.0 * (double)n * 6144 * 1536,
                            .kind = product_kind(b, dtype, n)});
    product_close(&p);
}

/* --- attention ---------------------------------------------------------------------------------
 */

struct attending {
    struct bench *bench;
    struct g4_attention a;
};

static void attention_work(void *ctx)
{
    struct attending *job = ctx;
    g4_attention(&job->bench->exec, &job->a);
}

static void bench_attention(struct bench *b, enum g4_dtype dtype, size_t heads, size_t kv_heads,
                            size_t d, size_t queries, size_t keys, const void *weights)
{
    char size[64];
    const double bytes = 2.0 * (double)(keys * kv_heads * d * g4_dtype_info(dtype)->bytes);
    if (!wanted(b, "attention"))
        return;
    float *q = memory(queries * heads * d * sizeof *q),
          *out = memory(queries * heads * d * sizeof *q);
    struct attending job = {b, {0}};
    job.a = (struct g4_attention){
        .heads = heads,
        .kv_heads = kv_heads,
        .head_dim = d,
        .queries = queries,
        .q = q,
        .ldq = heads * d,
        .keys = keys,
        .dtype = dtype,
        .k = weights,
        .v = (const unsigned char *)weights + WEIGHTS / 2,
        .ldk = kv_heads * d,
        .ldv = kv_heads * d,
        .out = out,
        .ldo = heads * d,
    };
    snprintf(size, sizeof size, "%zux%zu %zu/%zu d%zu", queries, keys, heads, kv_heads, d);
    const bool one = queries == 1;
    report(b, "attention", size,
           (struct figures){.seconds = bench_fastest(attention_work, &job, SECONDS),
                            .flops = 4.0 * (double)(queries * heads * d) * (double)keys,
                            .bytes = one ? bytes : 0,
                            .kind = one || b->kernels.float_products ? BENCH_F32 : BENCH_BF16});
    free(q);
    free(out);
}

static void bench_attentions(struct bench *b, const void *weights)
{
    bench_attention(b, G4_DTYPE_F32, 12, 12, 64, 630, 630, weights);
    bench_attention(b, G4_DTYPE_F32, 12, 12, 64, 2520, 2520, weights);
    bench_attention(b, G4_DTYPE_F32, 16, 16, 72, 2520, 2520, weights);
    bench_attention(b, G4_DTYPE_BF16, 8, 1, 256, 512, 512, weights);
    bench_attention(b, G4_DTYPE_BF16, 8, 1, 512, 512, 2048, weights);
    bench_attention(b, G4_DTYPE_BF16, 8, 1, 256, 1, 512, weights);
    bench_attention(b, G4_DTYPE_BF16, 8, 1, 512, 1, 32768, weights);
}

/* --- element-wise ------------------------------------------------------------------------------
 */

enum { VEC = 4096, CALLS = 100 }; /* elements: in the first cache with its results */

struct vec {
    const struct g4_kernels *kernels;
    void (*run)(const struct g4_kernels *kernels, float *y, const float *a, const float *b,
                size_t n);
    float *y;
    const float *a, *b;
};

static void vec_work(void *ctx)
{
    const struct vec *v = ctx;
    for (int i = 0; i < CALLS; i++)
        v->run(v->kernels, v->y, v->a, v->b, VEC);
}

/* A row of so many numbers by CALLS calls. */
static void report_vec(struct bench *b, const char *name, bench_work *work, void *ctx)
{
    char size[64];
    const double seconds = bench_fastest(work, ctx, SECONDS) / CALLS;
    snprintf(size, sizeof size, "%d, %.2f ns each", VEC, seconds / VEC * 1e9);
    report(b, name, size, (struct figures){.seconds = seconds});
}

static void run_rms_norm(const struct g4_kernels *k, float *y, const float *a, const float *b,
                         size_t n)
{
    k->rms_norm(y, a, b, n, 1e-6f);
}

static void run_gelu_mul(const struct g4_kernels *k, float *y, const float *a, const float *b,
                         size_t n)
{
    k->gelu_mul(y, a, b, n);
}

static void run_silu(const struct g4_kernels *k, float *y, const float *a, const float *b, size_t n)
{
    (void)b;
    k->silu(y, a, n);
}

static void run_softcap(const struct g4_kernels *k, float *y, const float *a, const float *b,
                        size_t n)
{
    (void)b;
    k->softcap(y, a, 30.0f, n);
}

static void run_exp_sum(const struct g4_kernels *k, float *y, const float *a, const float *b,
                        size_t n)
{
    (void)b;
    k->exp_sum(y, a, 0.0f, n);
}

static void run_max(const struct g4_kernels *k, float *y, const float *a, const float *b, size_t n)
{
    (void)b;
    y[0] = k->max(a, n);
}

static void run_axpy(const struct g4_kernels *k, float *y, const float *a, const float *b, size_t n)
{
    (void)b;
    k->axpy(y, a, 1e-9f, n);
}

static void run_dot(const struct g4_kernels *k, float *y, const float *a, const float *b, size_t n)
{
    y[0] = k->dot(a, b, n);
}

static void run_rope(const struct g4_kernels *k, float *y, const float *a, const float *b, size_t n)
{
    k->rope(y, a, b, n / 2);
}

static void run_to_bf16(const struct g4_kernels *k, float *y, const float *a, const float *b,
                        size_t n)
{
    (void)b;
    k->to_bf16((uint16_t *)(void *)y, a, n);
}

static void bench_vectors(struct bench *b)
{
    static const struct {
        const char *name;
        void (*run)(const struct g4_kernels *k, float *y, const float *a, const float *b, size_t n);
    } slots[] = {
        {"rms_norm", run_rms_norm}, {"gelu_mul", run_gelu_mul}, {"silu", run_silu},
        {"softcap", run_softcap},   {"exp_sum", run_exp_sum},   {"max", run_max},
        {"axpy", run_axpy},         {"dot", run_dot},           {"rope", run_rope},
        {"to_bf16", run_to_bf16},
    };
    float *y = memory(VEC * 4), *a = memory(VEC * 4), *c = memory(VEC * 4);
    for (size_t i = 0; i < VEC; i++)
        a[i] = c[i] = (float)i / (VEC / 4) - 2.0f;
    for (size_t i = 0; i < sizeof slots / sizeof *slots; i++) {
        struct vec v = {&b->kernels, slots[i].run, y, a, c};
        if (wanted(b, slots[i].name))
            report_vec(b, slots[i].name, vec_work, &v);
    }
    free(y);
    free(a);
    free(c);
}

/* --- stored numbers ----------------------------------------------------------------------------
 */

struct widen {
    const struct g4_kernels *kernels;
    enum g4_dtype dtype;
    float *y;
    const void *w;
};

static void widen_work(void *ctx)
{
    const struct widen *w = ctx;
    for (int i = 0; i < CALLS; i++)
        w->kernels->dtype[w->dtype].widen(w->y, w->w, VEC, 1.0f);
}

static void bench_widen(struct bench *b, const void *weights)
{
    float *y = memory(VEC * 4);
    for (int type = G4_DTYPE_FLOATS; type < G4_DTYPE_WEIGHTS; type++) {
        struct widen w = {&b->kernels, (enum g4_dtype)type, y, weights};
        char name[32];
        snprintf(name, sizeof name, "widen.%s", g4_dtype_info(w.dtype)->name);
        if (wanted(b, name))
            report_vec(b, name, widen_work, &w);
    }
    free(y);
}

static void q8_work(void *ctx)
{
    const struct vec *v = ctx;
    float *d = v->y + VEC / 4;
    const struct g4_q8 q8 = {(int8_t *)v->y, d, d + VEC / 32, VEC, VEC / 32};
    for (int i = 0; i < CALLS; i++)
        v->kernels->to_q8(&q8, 0, v->a, VEC);
}

static void bench_to_q8(struct bench *b)
{
    float *y = memory(VEC * 4), *a = memory(VEC * 4);
    struct vec v = {&b->kernels, NULL, y, a, NULL};
    for (size_t i = 0; i < VEC; i++)
        a[i] = (float)i / (VEC / 4) - 2.0f;
    if (wanted(b, "to_q8"))
        report_vec(b, "to_q8", q8_work, &v);
    free(y);
    free(a);
}

static void bench_level(struct bench *b, enum g4_cpu cpu, const void *weights)
{
    g4_kernels_init(&b->kernels, cpu, true);
    b->exec.kernels = b->alone.kernels = &b->kernels;
    measure_limits(b, weights);
    bench_products(b, weights);
    bench_blocks(b, weights);
    bench_scale(b, G4_DTYPE_BF16, 512, weights);
    bench_scale(b, G4_DTYPE_Q4_0, 512, weights);
    bench_scale(b, G4_DTYPE_Q4_0, 64, weights);
    bench_attentions(b, weights);
    bench_vectors(b);
    bench_widen(b, weights);
    bench_to_q8(b);
}

int main(int argc, char **argv)
{
    static struct bench b;
    struct g4_err err;
    enum g4_cpu best;
    bool all = false;
    int option, threads = 0;
    while ((option = getopt(argc, argv, "al:o:t:")) != -1) {
        if (option == 'a') {
            all = true;
        } else if (option == 'o') {
            b.json = fopen(optarg, "a");
            if (!b.json) {
                fprintf(stderr, "kernels: '%s': %s\n", optarg, strerror(errno));
                return 1;
            }
        } else if (option == 'l') {
            b.level = optarg;
        } else if (option == 't') {
            threads = atoi(optarg);
        } else {
            fprintf(stderr, "usage: kernels [-a] [-l LEVEL] [-o FILE] [-t THREADS] [NAME]\n");
            return 2;
        }
    }
    b.only = optind < argc ? argv[optind] : NULL;
    if (g4_cpu_choose(&best, &err) < 0 || g4_exec_open(&b.exec, threads, &err) < 0 ||
        g4_exec_open(&b.alone, 1, &err) < 0) {
        fprintf(stderr, "kernels: %s\n", err.text);
        return 1;
    }
    b.threads = g4_pool_threads(b.exec.pool);
    const time_t now = time(NULL);
    struct tm tm;
    strftime(b.date, sizeof b.date, "%Y-%m-%d", localtime_r(&now, &tm));
    const void *weights = bench_mapping(WEIGHTS);
    if (!weights) {
        fprintf(stderr, "kernels: no file of weights: %s\n", strerror(errno));
        return 1;
    }
    for (int i = all || b.level ? 0 : (int)best; i <= (int)best; i++) /* from the lowest up */
        if (!b.level || strcmp(b.level, g4_cpu_name((enum g4_cpu)i)) == 0)
            bench_level(&b, (enum g4_cpu)i, weights);
    if (b.json)
        fclose(b.json);
    g4_exec_close(&b.exec);
    g4_exec_close(&b.alone);
    return 0;
}

/*
 * kernels.c - how fast the kernels are, and what part of this machine's limits that is.
 *
 *     kernels [-j] [-l LEVEL] [-t THREADS] [NAME]
 *
 * The limits are measured first, in the same run: float32 FMA with the widest registers of the
 * level, its dot products of bf16, and reading memory. -j: one JSON object per line instead of a
 * table. LEVEL: only this level of instructions. NAME: only rows that contain it.
 */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "lib/nn/attention.h"
#include "lib/nn/linear.h"
#include "lib/tensor/half.h"

static const double MIN_SECONDS = 0.3; /* of a measurement */
enum { MIN_CALLS = 5 };                /* and the fastest of at least so many calls counts */

struct bench {
    struct g4_exec exec;
    struct g4_kernels kernels;
    bool json;
    const char *only, *level; /* NULL: all */
    int threads;
    double fma;  /* GFLOP/s of this level */
    double dot;  /* GFLOP/s of its bf16 products; 0: it has none */
    double read; /* GB/s */
};

static double now(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

typedef void work_fn(struct bench *bench, void *ctx);

/* Seconds of the fastest call: what the machine can do when nothing else wants it. */
static double measure(struct bench *bench, work_fn *fn, void *ctx)
{
    const double begin = now();
    double best = INFINITY;
    for (int calls = 0; calls < MIN_CALLS || now() - begin < MIN_SECONDS; calls++) {
        const double start = now();
        fn(bench, ctx);
        best = fmin(best, now() - start);
    }
    return best;
}

/* The limit of products of many rows. */
static double gemm_peak(const struct bench *b)
{
    return b->kernels.float_products ? b->fma : b->dot;
}

/* flops, bytes: of one call; 0 = not the point of this row. peak: GFLOP/s, the limit of flops. */
static void report(struct bench *b, const char *name, const char *size, double seconds,
                   double flops, double peak, double bytes)
{
    const double gflops = flops / seconds * 1e-9, gbytes = bytes / seconds * 1e-9;
    const char *level = g4_cpu_name(b->kernels.cpu);
    if (b->json) {
        printf("{\"bench\":\"%s\",\"size\":\"%s\",\"cpu\":\"%s\",\"gemm\":\"%s\",\"threads\":%d,"
               "\"seconds\":%.6g,\"gflops\":%.4g,\"gbytes\":%.4g,\"flops_peak\":%.4g,"
               "\"read_peak\":%.4g}\n",
               name, size, level, g4_kernels_gemm(&b->kernels)->name, b->threads, seconds, gflops,
               gbytes, peak, b->read);
        return;
    }
    printf("%-10s %-18s %-22s %10.3f ms", level, name, size, seconds * 1e3);
    if (flops > 0)
        printf(" %8.1f GFLOP/s %4.0f %%", gflops, 100 * gflops / peak);
    if (bytes > 0)
        printf(" %8.1f GB/s %4.0f %%", gbytes, 100 * gbytes / b->read);
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

/* --- limits ------------------------------------------------------------------------------------
 */

enum { FMA_STEPS = 100000, FMA_CHAINS = 12 };

static double lanes(const struct bench *b)
{
    return b->kernels.cpu >= G4_CPU_AVX512 ? 16 : b->kernels.cpu >= G4_CPU_AVX2 ? 8 : 4;
}

#if defined(__x86_64__)
#define CHAINS(op) op(0) op(1) op(2) op(3) op(4) op(5) op(6) op(7) op(8) op(9) op(10) op(11)
#define CLOBBERS                                                                                   \
    "xmm0", "xmm1", "xmm2", "xmm3", "xmm4", "xmm5", "xmm6", "xmm7", "xmm8", "xmm9", "xmm10",       \
        "xmm11", "xmm15"
#endif

/* FMA_STEPS times FMA_CHAINS independent FMA instructions (multiplication and addition below AVX2).
 */
static void fma_item(void *ctx, size_t item, int worker)
{
    const struct bench *b = ctx;
    (void)item;
    (void)worker;
#if defined(__x86_64__)
#define FMA512(n)     "vfmadd231ps %%zmm15, %%zmm15, %%zmm" #n "\n"
#define FMA256(n)     "vfmadd231ps %%ymm15, %%ymm15, %%ymm" #n "\n"
#define MUL_ADD128(n) "mulps %%xmm15, %%xmm" #n "\naddps %%xmm15, %%xmm" #n "\n"
    if (b->kernels.cpu >= G4_CPU_AVX512) {
        __asm__ volatile("vpxord %%zmm15, %%zmm15, %%zmm15" ::: CLOBBERS);
        for (int i = 0; i < FMA_STEPS; i++)
            __asm__ volatile(CHAINS(FMA512)::: CLOBBERS);
        __asm__ volatile("vzeroupper" ::: CLOBBERS);
    } else if (b->kernels.cpu >= G4_CPU_AVX2) {
        __asm__ volatile("vxorps %%ymm15, %%ymm15, %%ymm15" ::: CLOBBERS);
        for (int i = 0; i < FMA_STEPS; i++)
            __asm__ volatile(CHAINS(FMA256)::: CLOBBERS);
        __asm__ volatile("vzeroupper" ::: CLOBBERS);
    } else {
        __asm__ volatile("xorps %%xmm15, %%xmm15" ::: CLOBBERS);
        for (int i = 0; i < FMA_STEPS; i++)
            __asm__ volatile(CHAINS(MUL_ADD128)::: CLOBBERS);
    }
#else
    static volatile float sink;
    float sum[4 * FMA_CHAINS] = {0};
    for (int i = 0; i < FMA_STEPS; i++)
        for (int j = 0; j < 4 * FMA_CHAINS; j++)
            sum[j] = sum[j] * 0.5f + 1.0f;
    sink = sum[0];
    (void)b;
#endif
}

static void fma_work(struct bench *b, void *ctx)
{
    (void)ctx;
    g4_pool_run(b->exec.pool, fma_item, b, (size_t)b->threads);
}

/* As many dot products of pairs of bf16. */
static void dot_item(void *ctx, size_t item, int worker)
{
    (void)ctx;
    (void)item;
    (void)worker;
#if defined(__x86_64__)
#define DOT512(n) "vdpbf16ps %%zmm15, %%zmm15, %%zmm" #n "\n"
    __asm__ volatile("vpxord %%zmm15, %%zmm15, %%zmm15" ::: CLOBBERS);
    for (int i = 0; i < FMA_STEPS; i++)
        __asm__ volatile(CHAINS(DOT512)::: CLOBBERS);
    __asm__ volatile("vzeroupper" ::: CLOBBERS);
#endif
}

/* FMA_STEPS times four products of tiles, with the loads they need at least: two tiles of each
 * factor. */
static void tile_item(void *ctx, size_t item, int worker)
{
    (void)ctx;
    (void)item;
    (void)worker;
#if defined(__x86_64__)
    /* palette 1; eight tiles of 16 rows of 64 bytes */
    static const uint8_t shapes[64] = {
        [0] = 1,   [16] = 64, [18] = 64, [20] = 64, [22] = 64, [24] = 64,
        [26] = 64, [28] = 64, [30] = 64, [48] = 16, [49] = 16, [50] = 16,
        [51] = 16, [52] = 16, [53] = 16, [54] = 16, [55] = 16};
    static const uint8_t factors[4][1024]; /* zeros */
    __asm__ volatile("ldtilecfg %0" ::"m"(shapes));
    for (int i = 0; i < FMA_STEPS; i++)
        __asm__ volatile("tileloadd (%0, %1, 1), %%tmm4\n"
                         "tileloadd 1024(%0, %1, 1), %%tmm6\n"
                         "tdpbf16ps %%tmm6, %%tmm4, %%tmm0\n"
                         "tileloadd 2048(%0, %1, 1), %%tmm7\n"
                         "tdpbf16ps %%tmm7, %%tmm4, %%tmm1\n"
                         "tileloadd 3072(%0, %1, 1), %%tmm5\n"
                         "tdpbf16ps %%tmm6, %%tmm5, %%tmm2\n"
                         "tdpbf16ps %%tmm7, %%tmm5, %%tmm3\n" ::"r"(factors),
                         "r"((size_t)64)
                         : "memory");
    __asm__ volatile("tilerelease");
#endif
}

static void dot_work(struct bench *b, void *ctx)
{
    (void)ctx;
    g4_pool_run(b->exec.pool, b->kernels.cpu >= G4_CPU_AMX ? tile_item : dot_item, b,
                (size_t)b->threads);
}

/* GFLOP/s of the level's products of bf16; 0: it has none. */
static double dot_peak(struct bench *b)
{
    const double zmm = 4 * 16 * FMA_CHAINS, tiles = 4 * 2.0 * 16 * 16 * 32; /* of a step */
    if (b->kernels.float_products)
        return 0;
    return (b->kernels.cpu >= G4_CPU_AMX ? tiles : zmm) * FMA_STEPS * b->threads /
           measure(b, dot_work, NULL) * 1e-9;
}

enum { READ_ITEM = 1 << 20 };

struct read_job {
    const unsigned char *data;
    size_t items;
    uint64_t sums[1024]; /* of the workers, so that nothing is optimised away */
};

static void read_item(void *ctx, size_t item, int worker)
{
    struct read_job *job = ctx;
    const uint64_t *p = (const uint64_t *)(const void *)(job->data + item * READ_ITEM);
    uint64_t sum[8] = {0};
    for (size_t i = 0; i < READ_ITEM / sizeof *p; i += 8)
        for (size_t j = 0; j < 8; j++)
            sum[j] += p[i + j];
    for (size_t j = 0; j < 8; j++)
        job->sums[worker] += sum[j];
}

static void read_work(struct bench *b, void *ctx)
{
    struct read_job *job = ctx;
    g4_pool_run(b->exec.pool, read_item, job, job->items);
}

enum { WEIGHTS = 256 << 20 }; /* bytes: far beyond any cache */

static void measure_limits(struct bench *b, const void *weights)
{
    static struct read_job job;
    job.data = weights;
    job.items = WEIGHTS / READ_ITEM;
    b->read = WEIGHTS / measure(b, read_work, &job) * 1e-9;
    b->fma = 2 * lanes(b) * FMA_CHAINS * FMA_STEPS * b->threads / measure(b, fma_work, NULL) * 1e-9;
    b->dot = dot_peak(b);
    if (!b->json)
        printf("# %s, %d threads, gemm by %s: FMA %.0f GFLOP/s, bf16 %.0f GFLOP/s, reading %.1f "
               "GB/s\n",
               g4_cpu_name(b->kernels.cpu), b->threads, g4_kernels_gemm(&b->kernels)->name, b->fma,
               b->dot, b->read);
}

/* --- products ----------------------------------------------------------------------------------
 */

struct product {
    struct g4_matrix w;
    float *y;
    const float *x;
    size_t n;
    size_t copies, copy; /* of w, used in turn so that no cache holds them */
};

static void product_work(struct bench *b, void *ctx)
{
    struct product *p = ctx;
    struct g4_matrix w = p->w;
    w.data = (const unsigned char *)w.data + p->copy * w.rows * w.stride;
    p->copy = (p->copy + 1) % p->copies;
    g4_matmul(&b->exec, &w, p->y, w.rows, p->x, w.cols, p->n);
}

static void bench_product(struct bench *b, enum g4_dtype dtype, size_t n, size_t rows, size_t cols,
                          const void *weights)
{
    char name[32], size[64];
    const size_t bytes = rows * (cols / g4_dtype_info(dtype)->block * g4_dtype_info(dtype)->bytes);
    snprintf(name, sizeof name, "%s.%s", n <= G4_GEMV_ROWS ? "gemv" : "gemm",
             g4_dtype_info(dtype)->name);
    snprintf(size, sizeof size, "%zux%zux%zu", n, rows, cols);
    if (!wanted(b, name))
        return;
    float *x = memory(n * cols * sizeof *x), *y = memory(n * rows * sizeof *y);
    struct product p = {.w = {weights, dtype, rows, cols, bytes / rows}, .y = y, .x = x, .n = n};
    p.copies = WEIGHTS / bytes;
    const double seconds = measure(b, product_work, &p);
    const double flops = 2.0 * (double)n * (double)rows * (double)cols;
    report(b, name, size, seconds, n > 1 ? flops : 0, n <= G4_GEMV_ROWS ? b->fma : gemm_peak(b),
           n <= G4_GEMV_ROWS ? (double)bytes : 0);
    free(x);
    free(y);
}

static void bench_products(struct bench *b, const void *weights)
{
    static const size_t gemv_rows[] = {1, 2, 4, 8, 16}, gemm_rows[] = {17, 32, 64, 128, 512};
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
    bench_product(b, G4_DTYPE_BF16, 10080, 3072, 768, weights);
    bench_product(b, G4_DTYPE_BF16, 10080, 768, 3072, weights);
    bench_product(b, G4_DTYPE_BF16, 750, 4096, 1024, weights); /* sound */
    bench_product(b, G4_DTYPE_BF16, 750, 1024, 4096, weights);
    bench_product(b, G4_DTYPE_BF16, 512, 6144, 1536, weights); /* prompts */
    bench_product(b, G4_DTYPE_BF16, 512, 12288, 1536, weights);
}

/* Types with products in eight bits. */
static const enum g4_dtype block_types[] = {G4_DTYPE_Q4_0, G4_DTYPE_Q8_0, G4_DTYPE_Q4_K,
                                            G4_DTYPE_Q5_K, G4_DTYPE_Q6_K, G4_DTYPE_Q4_1,
                                            G4_DTYPE_Q5_0, G4_DTYPE_Q5_1, G4_DTYPE_IQ4_NL};

static void bench_blocks(struct bench *b, const void *weights)
{
    for (size_t i = 0; i < sizeof block_types / sizeof *block_types; i++) {
        const enum g4_dtype dtype = block_types[i];
        for (size_t n = 1; n <= G4_GEMV_ROWS; n *= 2)
            bench_product(b, dtype, n, 6144, 1536, weights);
        bench_product(b, dtype, 1, 1536, 6144, weights);
        bench_product(b, dtype, 1, 65536, 1536, weights); /* a part of the head */
        bench_product(b, dtype, 512, 6144, 1536, weights);
    }
}

/* --- attention ---------------------------------------------------------------------------------
 */

static void attention_work(struct bench *b, void *ctx)
{
    g4_attention(&b->exec, ctx);
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
    struct g4_attention a = {
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
    const double seconds = measure(b, attention_work, &a);
    report(b, "attention", size, seconds, 4.0 * (double)(queries * heads * d) * (double)keys,
           queries == 1 ? b->fma : gemm_peak(b), queries == 1 ? bytes : 0);
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

enum { VEC = 4096 }; /* elements: in the first cache with its results */

struct vec {
    void (*run)(const struct g4_kernels *kernels, float *y, const float *a, const float *b,
                size_t n);
    float *y;
    const float *a, *b;
};

static void vec_work(struct bench *bench, void *ctx)
{
    const struct vec *v = ctx;
    for (int i = 0; i < 100; i++)
        v->run(&bench->kernels, v->y, v->a, v->b, VEC);
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
        struct vec v = {slots[i].run, y, a, c};
        char size[64];
        if (!wanted(b, slots[i].name))
            continue;
        const double seconds = measure(b, vec_work, &v) / 100;
        snprintf(size, sizeof size, "%d, %.2f ns each", VEC, seconds / VEC * 1e9);
        report(b, slots[i].name, size, seconds, 0, 0, 0);
    }
    free(y);
    free(a);
    free(c);
}

/* --- stored numbers ----------------------------------------------------------------------------
 */

struct widen {
    enum g4_dtype dtype;
    float *y;
    const void *w;
};

static void widen_work(struct bench *bench, void *ctx)
{
    const struct widen *w = ctx;
    for (int i = 0; i < 100; i++)
        bench->kernels.dtype[w->dtype].widen(w->y, w->w, VEC, 1.0f);
}

static void bench_widen(struct bench *b, const void *weights)
{
    float *y = memory(VEC * 4);
    for (int type = G4_DTYPE_FLOATS; type < G4_DTYPE_WEIGHTS; type++) {
        struct widen w = {(enum g4_dtype)type, y, weights};
        char name[32], size[64];
        snprintf(name, sizeof name, "widen.%s", g4_dtype_info(w.dtype)->name);
        if (!wanted(b, name))
            continue;
        const double seconds = measure(b, widen_work, &w) / 100;
        snprintf(size, sizeof size, "%d, %.2f ns each", VEC, seconds / VEC * 1e9);
        report(b, name, size, seconds, 0, 0, 0);
    }
    free(y);
}

static void q8_work(struct bench *bench, void *ctx)
{
    const struct vec *v = ctx;
    float *d = v->y + VEC / 4;
    const struct g4_q8 q8 = {(int8_t *)v->y, d, d + VEC / 32, VEC, VEC / 32};
    for (int i = 0; i < 100; i++)
        bench->kernels.to_q8(&q8, 0, v->a, VEC);
}

static void bench_to_q8(struct bench *b)
{
    float *y = memory(VEC * 4), *a = memory(VEC * 4);
    struct vec v = {NULL, y, a, NULL};
    char size[64];
    if (wanted(b, "to_q8")) {
        for (size_t i = 0; i < VEC; i++)
            a[i] = (float)i / (VEC / 4) - 2.0f;
        const double seconds = measure(b, q8_work, &v) / 100;
        snprintf(size, sizeof size, "%d, %.2f ns each", VEC, seconds / VEC * 1e9);
        report(b, "to_q8", size, seconds, 0, 0, 0);
    }
    free(y);
    free(a);
}

static void bench_level(struct bench *b, enum g4_cpu cpu, const void *weights)
{
    g4_kernels_init(&b->kernels, cpu, true);
    b->exec.kernels = &b->kernels;
    measure_limits(b, weights);
    bench_products(b, weights);
    bench_blocks(b, weights);
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
    int option, threads = 0;
    while ((option = getopt(argc, argv, "jl:t:")) != -1) {
        if (option == 'j') {
            b.json = true;
        } else if (option == 'l') {
            b.level = optarg;
        } else if (option == 't') {
            threads = atoi(optarg);
        } else {
            fprintf(stderr, "usage: kernels [-j] [-l LEVEL] [-t THREADS] [NAME]\n");
            return 2;
        }
    }
    b.only = optind < argc ? argv[optind] : NULL;
    if (g4_cpu_choose(&best, &err) < 0 || g4_exec_open(&b.exec, threads, &err) < 0) {
        fprintf(stderr, "kernels: %s\n", err.text);
        return 1;
    }
    b.threads = g4_pool_threads(b.exec.pool);
    uint16_t *weights = memory(WEIGHTS);
    for (size_t i = 0; i < WEIGHTS / sizeof *weights; i++) /* small in every type */
        weights[i] = (uint16_t)(0x2000 | (i * 40503 & 0x83ff));

    /* from the lowest up, those this machine has */
    static const enum g4_cpu levels[] = {G4_CPU_GENERIC, G4_CPU_AVX2, G4_CPU_AVX512,
                                         G4_CPU_AVX512BF16, G4_CPU_AMX};
    for (size_t i = 0; i < sizeof levels / sizeof *levels; i++)
        if (levels[i] <= best && (!b.level || strcmp(b.level, g4_cpu_name(levels[i])) == 0))
            bench_level(&b, levels[i], weights);
    free(weights);
    g4_exec_close(&b.exec);
    return 0;
}

/*
 * peaks.c - the best rate of products of each kind, with their loads.
 *
 * Each loop is the inner loop of a product of matrices reduced to its skeleton: a tile of sums in
 * registers, factors from the first cache, the loads and broadcasts that a tile of this shape
 * needs and not one instruction more. No kernel can be faster by the same instructions. Assembly
 * instead of intrinsics: what is measured is exactly what stands here, whatever the compiler is.
 */
#include "bench/machine.h"

#include <stdint.h>

enum { DEPTH = 64, PASSES = 200, ITEMS_PER_THREAD = 8 };

static const double PEAK_SECONDS = 0.15;

/* Zeros: a panel of DEPTH steps, and rows of as many. */
static const unsigned char panel[DEPTH * 256] __attribute__((aligned(64)));
static const unsigned char rows[DEPTH * 64] __attribute__((aligned(64)));

struct loop {
    enum g4_cpu level; /* the lowest that has it */
    enum bench_kind kind;
    const char *instruction;
    double operations; /* of a step */
    void (*run)(void); /* DEPTH * PASSES steps */
};

#define LOOP(name, step, last)                                                                     \
    static void name(void)                                                                         \
    {                                                                                              \
        for (int pass = 0; pass < PASSES; pass++) {                                                \
            const unsigned char *p = panel, *x = rows;                                             \
            for (int i = 0; i < DEPTH; i++, p += 256, x += 24)                                     \
                __asm__ volatile(step : : [p] "r"(p), [x] "r"(x) : CLOBBERS);                      \
        }                                                                                          \
        __asm__ volatile(last : : : CLOBBERS);                                                     \
    }

#if defined(__x86_64__)

#define CLOBBERS                                                                                   \
    "xmm0", "xmm1", "xmm2", "xmm3", "xmm4", "xmm5", "xmm6", "xmm7", "xmm8", "xmm9", "xmm10",       \
        "xmm11", "xmm12", "xmm13", "xmm14", "xmm15", "memory"

/* Six rows of four registers of 64 bytes. */
#define ROW512(op, x, a, b, c, d)                                                                  \
    "vbroadcastss " #x "(%[x]), %%zmm28\n" op(24, 28, a) op(25, 28, b) op(26, 28, c) op(27, 28, d)
#define STEP512(op)                                                                                \
    "vmovups (%[p]), %%zmm24\n"                                                                    \
    "vmovups 64(%[p]), %%zmm25\n"                                                                  \
    "vmovups 128(%[p]), %%zmm26\n"                                                                 \
    "vmovups 192(%[p]), %%zmm27\n" ROW512(op, 0, 0, 1, 2, 3) ROW512(op, 4, 4, 5, 6, 7)             \
        ROW512(op, 8, 8, 9, 10, 11) ROW512(op, 12, 12, 13, 14, 15) ROW512(op, 16, 16, 17, 18, 19)  \
            ROW512(op, 20, 20, 21, 22, 23)
#define FMA512(w, x, sum)   "vfmadd231ps %%zmm" #w ", %%zmm" #x ", %%zmm" #sum "\n"
#define BF16_512(w, x, sum) "vdpbf16ps %%zmm" #w ", %%zmm" #x ", %%zmm" #sum "\n"
#define VNNI512(w, x, sum)  "vpdpbusd %%zmm" #w ", %%zmm" #x ", %%zmm" #sum "\n"
#define MADD512(w, x, sum)                                                                         \
    "vpmaddubsw %%zmm" #w ", %%zmm" #x ", %%zmm31\n"                                               \
    "vpmaddwd (%[p]), %%zmm31, %%zmm31\n"                                                          \
    "vpaddd %%zmm31, %%zmm" #sum ", %%zmm" #sum "\n"

LOOP(fma512, STEP512(FMA512), "vzeroupper")
LOOP(bf16_512, STEP512(BF16_512), "vzeroupper")
LOOP(vnni512, STEP512(VNNI512), "vzeroupper")
LOOP(madd512, STEP512(MADD512), "vzeroupper")

/* Six rows of two registers of 32 bytes. */
#define ROW256(op, x, a, b) "vbroadcastss " #x "(%[x]), %%ymm14\n" op(12, 14, a) op(13, 14, b)
#define STEP256(op)                                                                                \
    "vmovups (%[p]), %%ymm12\n"                                                                    \
    "vmovups 32(%[p]), %%ymm13\n" ROW256(op, 0, 0, 1) ROW256(op, 4, 2, 3) ROW256(op, 8, 4, 5)      \
        ROW256(op, 12, 6, 7) ROW256(op, 16, 8, 9) ROW256(op, 20, 10, 11)
#define FMA256(w, x, sum) "vfmadd231ps %%ymm" #w ", %%ymm" #x ", %%ymm" #sum "\n"
#define MADD256(w, x, sum)                                                                         \
    "vpmaddubsw %%ymm" #w ", %%ymm" #x ", %%ymm15\n"                                               \
    "vpmaddwd (%[p]), %%ymm15, %%ymm15\n"                                                          \
    "vpaddd %%ymm15, %%ymm" #sum ", %%ymm" #sum "\n"

LOOP(fma256, STEP256(FMA256), "vzeroupper")
LOOP(madd256, STEP256(MADD256), "vzeroupper")

/* Six rows of two registers of 16 bytes. */
#define MUL128(w, x, sum)                                                                          \
    "movaps %%xmm" #w ", %%xmm15\n"                                                                \
    "mulps %%xmm" #x ", %%xmm15\n"                                                                 \
    "addps %%xmm15, %%xmm" #sum "\n"
#define ROW128(op, x, a, b)                                                                        \
    "movss " #x "(%[x]), %%xmm14\n"                                                                \
    "shufps $0, %%xmm14, %%xmm14\n" op(12, 14, a) op(13, 14, b)
#define STEP128(op)                                                                                \
    "movups (%[p]), %%xmm12\n"                                                                     \
    "movups 16(%[p]), %%xmm13\n" ROW128(op, 0, 0, 1) ROW128(op, 4, 2, 3) ROW128(op, 8, 4, 5)       \
        ROW128(op, 12, 6, 7) ROW128(op, 16, 8, 9) ROW128(op, 20, 10, 11)

LOOP(mul128, STEP128(MUL128), "")

/* Two by two products of tiles, two tiles of each factor loaded. */
#define STEP_TILE(op)                                                                              \
    "tileloadd (%0, %1, 1), %%tmm4\n"                                                              \
    "tileloadd 1024(%0, %1, 1), %%tmm6\n" op " %%tmm6, %%tmm4, %%tmm0\n"                           \
    "tileloadd 2048(%0, %1, 1), %%tmm7\n" op " %%tmm7, %%tmm4, %%tmm1\n"                           \
    "tileloadd 3072(%0, %1, 1), %%tmm5\n" op " %%tmm6, %%tmm5, %%tmm2\n" op                        \
    " %%tmm7, %%tmm5, %%tmm3\n"
#define TILE_LOOP(name, op)                                                                        \
    static void name(void)                                                                         \
    {                                                                                              \
        __asm__ volatile("ldtilecfg %0" : : "m"(shapes));                                          \
        for (int pass = 0; pass < PASSES; pass++)                                                  \
            for (int i = 0; i < DEPTH; i += 16)                                                    \
                __asm__ volatile(STEP_TILE(op)                                                     \
                                 :                                                                 \
                                 : "r"(panel + i * 192), "r"((size_t)64)                           \
                                 : "memory");                                                      \
        __asm__ volatile("tilerelease");                                                           \
    }
enum { TILE_STEPS = 16 }; /* steps that one of these stands for: DEPTH / 16 are made */

/* palette 1; eight tiles of 16 rows of 64 bytes */
static const uint8_t shapes[64] = {[0] = 1,   [16] = 64, [18] = 64, [20] = 64, [22] = 64, [24] = 64,
                                   [26] = 64, [28] = 64, [30] = 64, [48] = 16, [49] = 16, [50] = 16,
                                   [51] = 16, [52] = 16, [53] = 16, [54] = 16, [55] = 16};

TILE_LOOP(tile_bf16, "tdpbf16ps")
TILE_LOOP(tile_int8, "tdpbssd")

/* From the lowest up. */
static const struct loop loops[] = {
    {G4_CPU_GENERIC, BENCH_F32, "mulps addps xmm", 2.0 * 6 * 8, mul128},
    {G4_CPU_AVX2, BENCH_F32, "vfmadd231ps ymm", 2.0 * 6 * 16, fma256},
    {G4_CPU_AVX2, BENCH_INT8, "vpmaddubsw ymm", 2.0 * 6 * 64, madd256},
    {G4_CPU_AVX512, BENCH_F32, "vfmadd231ps zmm", 2.0 * 6 * 64, fma512},
    {G4_CPU_AVX512, BENCH_INT8, "vpmaddubsw zmm", 2.0 * 6 * 256, madd512},
    {G4_CPU_AVX512BF16, BENCH_BF16, "vdpbf16ps zmm", 2.0 * 6 * 128, bf16_512},
    {G4_CPU_AVX512BF16, BENCH_INT8, "vpdpbusd zmm", 2.0 * 6 * 256, vnni512},
    {G4_CPU_AMX, BENCH_BF16, "tdpbf16ps", 4 * 2.0 * 16 * 16 * 32 / TILE_STEPS, tile_bf16},
    {G4_CPU_AMX, BENCH_INT8, "tdpbssd", 4 * 2.0 * 16 * 16 * 64 / TILE_STEPS, tile_int8},
};

#elif defined(__aarch64__)

#define CLOBBERS                                                                                   \
    "v0", "v1", "v2", "v3", "v4", "v5", "v6", "v7", "v8", "v9", "v10", "v11", "v12", "v13", "v14", \
        "v15", "v16", "v17", "v18", "v19", "v20", "v21", "v22", "v23", "v24", "v25", "v26", "v27", \
        "v28", "v29", "v30", "v31", "memory"

/* Four times six products of 16 bytes with 16. */
#define ROW(op, w, a, b, c, d, e, f)                                                               \
    op(w, 26, a) op(w, 27, b) op(w, 28, c) op(w, 29, d) op(w, 30, e) op(w, 31, f)
#define STEP(op)                                                                                   \
    "ldp q24, q25, [%[p]]\n"                                                                       \
    "ldp q26, q27, [%[p], 32]\n"                                                                   \
    "ldp q28, q29, [%[p], 64]\n"                                                                   \
    "ldp q30, q31, [%[p], 96]\n" ROW(op, 24, 0, 1, 2, 3, 4, 5)                                     \
        ROW(op, 25, 6, 7, 8, 9, 10, 11) "ldp q24, q25, [%[p], 128]\n" ROW(op, 24, 12, 13, 14, 15,  \
                                                                          16, 17)                  \
            ROW(op, 25, 18, 19, 20, 21, 22, 23)
#define FMLA(w, x, sum)   "fmla v" #sum ".4s, v" #w ".4s, v" #x ".4s\n"
#define SDOT(w, x, sum)   "sdot v" #sum ".4s, v" #w ".16b, v" #x ".16b\n"
#define SMMLA(w, x, sum)  "smmla v" #sum ".4s, v" #w ".16b, v" #x ".16b\n"
#define BFMMLA(w, x, sum) "bfmmla v" #sum ".4s, v" #w ".8h, v" #x ".8h\n"

LOOP(fmla, STEP(FMLA), "")
LOOP(sdot, ".arch armv8.6-a\n" STEP(SDOT), "")
LOOP(smmla, ".arch armv8.6-a\n" STEP(SMMLA), "")
LOOP(bfmmla, ".arch armv8.6-a\n" STEP(BFMMLA), "")

/* From the lowest up. */
static const struct loop loops[] = {
    {G4_CPU_GENERIC, BENCH_F32, "fmla", 2.0 * 24 * 4, fmla},
    {G4_CPU_DOTPROD, BENCH_INT8, "sdot", 2.0 * 24 * 16, sdot},
    {G4_CPU_I8MM, BENCH_INT8, "smmla", 2.0 * 24 * 32, smmla},
    {G4_CPU_I8MM, BENCH_BF16, "bfmmla", 2.0 * 24 * 16, bfmmla},
};

#else

static volatile float sink;

static void plain_c(void)
{
    float sum[16] = {0};
    for (int i = 0; i < DEPTH * PASSES; i++)
        for (int j = 0; j < 16; j++)
            sum[j] = sum[j] * 0.5f + 1.0f;
    sink = sum[0];
}

static const struct loop loops[] = {
    {G4_CPU_GENERIC, BENCH_F32, "plain C", 2.0 * 16, plain_c},
};

#endif

const char *bench_kind_name(enum bench_kind kind)
{
    static const char *const names[BENCH_KINDS] = {"f32", "bf16", "int8"};
    return names[kind];
}

/* The last that the level has; NULL: none. */
static const struct loop *best_loop(enum g4_cpu level, enum bench_kind kind)
{
    const struct loop *best = NULL;
    for (size_t i = 0; i < sizeof loops / sizeof *loops; i++) {
        const struct loop *l = &loops[i];
        if (l->kind == kind && l->level <= level)
            best = l;
    }
    return best;
}

struct job {
    struct g4_pool *pool;
    const struct loop *loop;
    size_t items;
};

static void run_item(void *ctx, size_t item, int worker)
{
    const struct job *job = ctx;
    (void)item;
    (void)worker;
    job->loop->run();
}

static void run_all(void *ctx)
{
    struct job *job = ctx;
    g4_pool_run(job->pool, run_item, job, job->items);
}

struct bench_peak bench_peak(struct g4_pool *pool, enum g4_cpu level, enum bench_kind kind)
{
    struct job job = {pool, best_loop(level, kind), 0};
    if (!job.loop)
        return (struct bench_peak){0, ""};
    job.items = (size_t)g4_pool_threads(pool) * ITEMS_PER_THREAD;
    const double seconds = bench_fastest(run_all, &job, PEAK_SECONDS);
    const double operations = job.loop->operations * DEPTH * PASSES * (double)job.items;
    return (struct bench_peak){operations / seconds * 1e-9, job.loop->instruction};
}

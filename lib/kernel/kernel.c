/*
 * kernel.c - fills the table upwards: generic, then what each instruction set does better.
 */
#include "lib/kernel/kernel.h"

#include <pthread.h>
#include <string.h>

#include "lib/kernel/isa.h"

#if defined(__aarch64__)

static void init_levels(struct g4_kernels *kernels, enum g4_cpu cpu)
{
    if (cpu >= G4_CPU_NEON) {
        g4_kernels_init_mm_neon(kernels);
        g4_kernels_init_gemv_neon(kernels);
        g4_kernels_init_vec_neon(kernels);
        g4_kernels_init_gemvq_neon(kernels);
        g4_kernels_init_widen_neon(kernels);
    }
    if (cpu >= G4_CPU_DOTPROD) {
        g4_kernels_init_gemvq_dotprod(kernels);
        g4_kernels_init_gemmq_dotprod(kernels);
    }
    if (cpu >= G4_CPU_I8MM) {
        g4_kernels_init_mm_i8mm(kernels);
        g4_kernels_init_gemmq_i8mm(kernels);
    }
}

#else

static void init_levels(struct g4_kernels *kernels, enum g4_cpu cpu)
{
    if (cpu >= G4_CPU_AVX2) {
        g4_kernels_init_mm_avx2(kernels);
        g4_kernels_init_gemv_avx2(kernels);
        g4_kernels_init_vec_avx2(kernels);
        g4_kernels_init_gemvq_avx2(kernels);
        g4_kernels_init_gemmq_avx2(kernels);
        g4_kernels_init_widen_avx2(kernels);
    }
    if (cpu >= G4_CPU_AVX512) {
        g4_kernels_init_mm_avx512(kernels);
        g4_kernels_init_gemv_avx512(kernels);
        g4_kernels_init_vec_avx512(kernels);
        g4_kernels_init_gemvq_avx512(kernels);
        g4_kernels_init_gemmq_avx512(kernels);
        g4_kernels_init_widen_avx512(kernels);
    }
    if (cpu >= G4_CPU_AVX512BF16) {
        g4_kernels_init_mm_avx512bf16(kernels);
        g4_kernels_init_vec_avx512bf16(kernels);
        g4_kernels_init_gemvq_avx512vnni(kernels);
        g4_kernels_init_gemmq_avx512vnni(kernels);
    }
    if (cpu >= G4_CPU_AMX) {
        g4_kernels_init_mm_amx(kernels);
        g4_kernels_init_gemmq_amx(kernels);
    }
}

#endif

void g4_kernels_init(struct g4_kernels *kernels, enum g4_cpu cpu, bool use_blas)
{
    memset(kernels, 0, sizeof *kernels);
    kernels->cpu = cpu;
    g4_kernels_init_generic_gemm(kernels);
    g4_kernels_init_generic_mm(kernels);
    g4_kernels_init_generic_q(kernels);
    g4_kernels_init_generic_gemmq(kernels);
    g4_kernels_init_generic_vec(kernels);
    if (cpu == G4_CPU_GENERIC && use_blas)
        g4_kernels_init_blas(kernels);
    init_levels(kernels, cpu);
}

/* Written once, before the first reader sees it. */
static struct g4_kernels best;
static struct g4_err best_err;
static pthread_once_t best_once = PTHREAD_ONCE_INIT;

static void best_init(void)
{
    enum g4_cpu cpu;
    if (g4_cpu_choose(&cpu, &best_err) == 0)
        g4_kernels_init(&best, cpu, true);
}

const struct g4_kernels *g4_kernels_best(struct g4_err *err)
{
    pthread_once(&best_once, best_init);
    if (best_err.code == 0)
        return &best;
    if (err)
        *err = best_err;
    return NULL;
}

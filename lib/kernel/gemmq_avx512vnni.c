/*
 * gemmq_avx512vnni.c - products of many rows with quantised weights: AVX-512 with VNNI.
 */
#include "lib/kernel/isa.h"

#if defined(__AVX512VNNI__)

#include "lib/kernel/gemmq_avx512.h"

void g4_kernels_init_gemmq_avx512vnni(struct g4_kernels *kernels)
{
    struct g4_gemm_q8 *gemm = &kernels->gemm_q8;
    *gemm = (struct g4_gemm_q8){
        .name = "avx512vnni",
        .rows_to_pack = 8,
        .rows_at_most = SIZE_MAX,
    };
    set_gemm_q8(gemm);
}

#else

void g4_kernels_init_gemmq_avx512vnni(struct g4_kernels *kernels)
{
    (void)kernels;
}

#endif

/*
 * gemmq_avx512vnni.c - gemm_q8 by AVX-512 with VNNI.
 */
#include "lib/kernel/isa.h"

void g4_kernels_init_gemmq_avx512vnni(struct g4_kernels *kernels)
{
    kernels->gemm_q8 = (struct g4_gemm_q8){.name = "none"};
}

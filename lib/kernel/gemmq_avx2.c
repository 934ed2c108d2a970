/*
 * gemmq_avx2.c - gemm_q8 in registers of 32 bytes.
 */
#include "lib/kernel/isa.h"

void g4_kernels_init_gemmq_avx2(struct g4_kernels *kernels)
{
    kernels->gemm_q8 = (struct g4_gemm_q8){.name = "none"};
}

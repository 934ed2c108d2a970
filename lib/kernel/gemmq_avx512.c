/*
 * gemmq_avx512.c - gemm_q8 in registers of 64 bytes.
 */
#include "lib/kernel/isa.h"

void g4_kernels_init_gemmq_avx512(struct g4_kernels *kernels)
{
    kernels->gemm_q8 = (struct g4_gemm_q8){.name = "none"};
}

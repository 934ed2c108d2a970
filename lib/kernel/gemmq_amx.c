/*
 * gemmq_amx.c - gemm_q8 by tile registers.
 */
#include "lib/kernel/isa.h"

void g4_kernels_init_gemmq_amx(struct g4_kernels *kernels)
{
    (void)kernels;
}

/*
 * generic_gemmq.c - the specification of gemm_q8, in plain C.
 */
#include "lib/kernel/isa.h"

void g4_kernels_init_generic_gemmq(struct g4_kernels *kernels)
{
    (void)kernels;
}

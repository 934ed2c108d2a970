/*
 * gemvq_neon.c - products with blocks of quantised weights: base instructions.
 */
#include "lib/kernel/isa.h"

#if defined(__ARM_NEON)

#include "lib/kernel/gemvq_neon.h"

void g4_kernels_init_gemvq_neon(struct g4_kernels *kernels)
{
    set_gemv_q8(kernels);
    kernels->gemm_q8 = (struct g4_gemm_q8){.name = "none"}; /* generic's has other bits */
}

#else

void g4_kernels_init_gemvq_neon(struct g4_kernels *kernels)
{
    (void)kernels;
}

#endif

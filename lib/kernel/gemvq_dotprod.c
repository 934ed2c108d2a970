/*
 * gemvq_dotprod.c - products with blocks of quantised weights: with SDOT.
 */
#include "lib/kernel/isa.h"

#if defined(__ARM_FEATURE_DOTPROD)

#include "lib/kernel/gemvq_neon.h"

void g4_kernels_init_gemvq_dotprod(struct g4_kernels *kernels)
{
    set_gemv_q8(kernels);
}

#else

void g4_kernels_init_gemvq_dotprod(struct g4_kernels *kernels)
{
    (void)kernels;
}

#endif

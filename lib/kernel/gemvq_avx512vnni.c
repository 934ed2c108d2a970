/*
 * gemvq_avx512vnni.c - products with blocks of quantised weights: AVX-512 with VNNI.
 */
#include "lib/kernel/isa.h"

#if defined(__AVX512VNNI__)

#include "lib/kernel/gemvq_avx512.h"

void g4_kernels_init_gemvq_avx512vnni(struct g4_kernels *kernels)
{
    set_gemv_q8(kernels);
}

#else

void g4_kernels_init_gemvq_avx512vnni(struct g4_kernels *kernels)
{
    (void)kernels;
}

#endif

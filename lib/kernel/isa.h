/*
 * isa.h - how the files of lib/kernel fill the table; nothing outside lib/kernel includes it.
 *
 * Each init overwrites the slots its file is better at and leaves the others. Those of an
 * instruction set exist on every machine and do nothing where the compiler has no such
 * instructions.
 */
#ifndef G4_KERNEL_ISA_H
#define G4_KERNEL_ISA_H

#include "lib/kernel/kernel.h"

void g4_kernels_init_generic_gemm(struct g4_kernels *kernels); /* both gemm records */
void g4_kernels_init_generic_mm(struct g4_kernels *kernels); /* plain floats: few rows, widening */
void g4_kernels_init_generic_q(struct g4_kernels *kernels);  /* quantised weights */
void g4_kernels_init_generic_gemmq(struct g4_kernels *kernels); /* the same, many rows */
void g4_kernels_init_generic_vec(struct g4_kernels *kernels);   /* element-wise */

/* gemm_f32 by OpenBLAS; leaves the table alone when the library is not there. */
void g4_kernels_init_blas(struct g4_kernels *kernels);

void g4_kernels_init_mm_avx2(struct g4_kernels *kernels);
void g4_kernels_init_gemv_avx2(struct g4_kernels *kernels);
void g4_kernels_init_vec_avx2(struct g4_kernels *kernels);
void g4_kernels_init_gemvq_avx2(struct g4_kernels *kernels);
void g4_kernels_init_widen_avx2(struct g4_kernels *kernels);
void g4_kernels_init_mm_avx512(struct g4_kernels *kernels);
void g4_kernels_init_mm_avx512bf16(struct g4_kernels *kernels);
void g4_kernels_init_vec_avx512bf16(struct g4_kernels *kernels);
void g4_kernels_init_mm_amx(struct g4_kernels *kernels); /* over mm_avx512bf16's */
void g4_kernels_init_gemv_avx512(struct g4_kernels *kernels);
void g4_kernels_init_vec_avx512(struct g4_kernels *kernels);
void g4_kernels_init_gemvq_avx512(struct g4_kernels *kernels);
void g4_kernels_init_widen_avx512(struct g4_kernels *kernels);
void g4_kernels_init_gemvq_avx512vnni(struct g4_kernels *kernels);

void g4_kernels_init_mm_neon(struct g4_kernels *kernels);
void g4_kernels_init_gemv_neon(struct g4_kernels *kernels);
void g4_kernels_init_vec_neon(struct g4_kernels *kernels);
void g4_kernels_init_widen_neon(struct g4_kernels *kernels);
void g4_kernels_init_gemvq_neon(struct g4_kernels *kernels);
void g4_kernels_init_gemvq_dotprod(struct g4_kernels *kernels);
void g4_kernels_init_mm_i8mm(struct g4_kernels *kernels);

/* The gemm_q8 whose products are those of the level's gemv_q8. */
void g4_kernels_init_gemmq_avx2(struct g4_kernels *kernels);
void g4_kernels_init_gemmq_avx512(struct g4_kernels *kernels);
void g4_kernels_init_gemmq_avx512vnni(struct g4_kernels *kernels);
void g4_kernels_init_gemmq_amx(struct g4_kernels *kernels);
void g4_kernels_init_gemmq_dotprod(struct g4_kernels *kernels);
void g4_kernels_init_gemmq_i8mm(struct g4_kernels *kernels);

#endif

/*
 * packing.h - the slots of a gemm record that make panels: one function for each type of stored
 * floats. An including file has, for a constant dtype,
 *
 *     pack_rows(gemm, dtype, panel, w, stride, rows, k)
 *     pack_cols(gemm, dtype, panel, v, stride, cols, k)
 */
#ifndef G4_KERNEL_PACKING_H
#define G4_KERNEL_PACKING_H

#include "lib/kernel/kernel.h"

#define PACK(name, dtype)                                                                          \
    static void pack_rows_##name(const struct g4_gemm *gemm, void *panel, const void *w,           \
                                 size_t stride, size_t rows, size_t k)                             \
    {                                                                                              \
        pack_rows(gemm, dtype, panel, w, stride, rows, k);                                         \
    }                                                                                              \
    static void pack_cols_##name(const struct g4_gemm *gemm, void *panel, const void *v,           \
                                 size_t stride, size_t cols, size_t k)                             \
    {                                                                                              \
        pack_cols(gemm, dtype, panel, v, stride, cols, k);                                         \
    }

PACK(f32, G4_DTYPE_F32)
PACK(f16, G4_DTYPE_F16)
PACK(bf16, G4_DTYPE_BF16)

static void set_packing(struct g4_gemm *gemm)
{
    gemm->pack_rows[G4_DTYPE_F32] = pack_rows_f32;
    gemm->pack_rows[G4_DTYPE_F16] = pack_rows_f16;
    gemm->pack_rows[G4_DTYPE_BF16] = pack_rows_bf16;
    gemm->pack_cols[G4_DTYPE_F32] = pack_cols_f32;
    gemm->pack_cols[G4_DTYPE_F16] = pack_cols_f16;
    gemm->pack_cols[G4_DTYPE_BF16] = pack_cols_bf16;
}

#endif

/*
 * mm_amx.c - gemm with bf16 factors by tile registers. Panels and factors are those of
 * mm_avx512bf16.c, padded along k to whole tiles.
 */
#include "lib/kernel/isa.h"

#if defined(__AMX_BF16__) || defined(__AMXBF16__) /* gcc's and clang's name */

#include <assert.h>

#include "lib/kernel/amx.h"
#include "lib/kernel/tiles_amx.h"

static void multiply_amx(float *y, size_t ldy, const void *x, size_t ldx, size_t m,
                         const void *panel, size_t cols, size_t k, bool add)
{
    tiles_multiply(y, ldy, x, ldx, m, panel, cols, k, add);
}

void g4_kernels_init_mm_amx(struct g4_kernels *kernels)
{
    struct g4_gemm *gemm = &kernels->gemm_bf16;
    assert(gemm->type == G4_DTYPE_BF16 && gemm->nr == TILES_NR);
    gemm->name = "amx";
    gemm->mr = TILES_MR;
    gemm->kc = 512; /* a panel stays in the first cache while rows of x pass */
    gemm->step = TILE_STEP;
    gemm->rows_to_pack = 1024;
    gemm->multiply = multiply_amx;
}

#else

void g4_kernels_init_mm_amx(struct g4_kernels *kernels)
{
    (void)kernels;
}

#endif

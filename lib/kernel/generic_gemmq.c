/*
 * generic_gemmq.c - the specification of gemm_q8, in plain C.
 *
 * A panel is the groups of its rows of W as generic_groups.h reads them, a row after the other. All
 * rows of x pass over a row of W a few at a time: group by group, as gemv_q8 does.
 */
#include "lib/kernel/generic_groups.h"
#include "lib/kernel/isa.h"

enum {
    NR = 16,
    ROWS = 16, /* of x at a time */
    LINE = 64, /* bytes panels are a multiple of */
};

static size_t panel_bytes_generic(enum g4_dtype dtype, size_t k)
{
    (void)dtype;
    return (k / GROUP * NR * sizeof(struct group) + LINE - 1) / LINE * LINE;
}

static void pack(const struct type *type, void *panel, const void *w, size_t stride, size_t rows,
                 size_t k)
{
    struct group *groups = panel;
    for (size_t r = 0; r < rows; r++)
        for (size_t i = 0; i < k / GROUP; i++)
            read_group(type, groups++, (const unsigned char *)w + r * stride, i);
    memset(groups, 0, (NR - rows) * (k / GROUP) * sizeof *groups);
}

static void multiply_generic(float *y, size_t ldy, const struct g4_q8 *x, size_t first, size_t m,
                             const void *panel, size_t cols, size_t k, const void *next,
                             size_t ahead)
{
    (void)next;
    (void)ahead;
    const struct group *groups = panel;
    for (size_t c = 0; c < cols; c++, groups += k / GROUP) {
        for (size_t j = 0; j < m; j += ROWS) {
            const size_t rows = m - j < ROWS ? m - j : ROWS;
            float sum[ROWS] = {0};
            for (size_t i = 0; i < k / GROUP; i++)
                for (size_t r = 0; r < rows; r++)
                    sum[r] += product(&groups[i], x, first + j + r, i);
            for (size_t r = 0; r < rows; r++)
                y[(j + r) * ldy + c] = sum[r];
        }
    }
}

#define PACK(name, type_dtype)                                                                     \
    static void pack_##name##_generic(void *panel, const void *w, size_t stride, size_t rows,      \
                                      size_t k)                                                    \
    {                                                                                              \
        static const struct type type = {read_##name, type_dtype};                                 \
        pack(&type, panel, w, stride, rows, k);                                                    \
    }

PRODUCT_TYPES(PACK)

#define SET(name, dtype)                                                                           \
    kernels->gemm_q8.pack[dtype] = pack_##name##_generic;                                          \
    kernels->gemm_q8.multiply[dtype] = multiply_generic;

void g4_kernels_init_generic_gemmq(struct g4_kernels *kernels)
{
    kernels->gemm_q8 = (struct g4_gemm_q8){
        .name = "generic",
        .nr = NR,
        .rows_to_pack = ROWS + 1, /* gemv_q8 reads a group once for as many */
        .rows_at_most = 32, /* about where floats take over, without OpenBLAS; with it, before */
        .panel_bytes = panel_bytes_generic,
    };
    PRODUCT_TYPES(SET)
}

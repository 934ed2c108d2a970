/*
 * gemmq_amx.c - products of many rows with quantised weights by tile registers: AMX-INT8.
 *
 * Panels are those of AVX-512 with VNNI: register i of a strip of a group holds four neighbours
 * along k of 16 rows of W, which is what row i of a tile has to be. The integer sums of up to 16
 * rows of x and a strip pass through memory and meet the scales as in gemmq.h, in its order, hence
 * with the same bits.
 */
#include "lib/kernel/isa.h"

#if (defined(__AMX_INT8__) || defined(__AMXINT8__)) && defined(__AVX512VNNI__)

#include <assert.h>
#include <string.h>

#include "lib/kernel/amx.h"
#include "lib/kernel/sums_avx512.h"
#include "lib/kernel/tile_shapes.h"

#include "lib/kernel/sums.h"

enum { HALF = GROUP / 2, HALF_FOURS = FOURS / 2 };

/* Of a group: [half][strip][row of x][row of W]; without halves the first alone. */
typedef int32_t sums_of_group[2][STRIPS][MR][LANES];

/* Tiles 0 .. 3: sums of [half][strip]; 4, 5: the halves of n rows of x; 6, 7: a strip of the
 * panel. Where a group has one scale its halves are one. */
static void shape_tiles(struct tile_shapes *shapes, bool halves, size_t n)
{
    *shapes = (struct tile_shapes){.palette = 1};
    for (size_t t = 0; t < 8; t++) {
        const bool sum = t < 4, x = t == 4 || t == 5;
        shapes->rows[t] = (uint8_t)(sum || x ? n : halves ? HALF_FOURS : FOURS);
        shapes->row_bytes[t] = (uint16_t)(x ? halves ? HALF : GROUP : REGISTER);
    }
}

/* q: the group of the rows of x, ldq bytes apart; panel: that of the strips. */
static void whole_sums(sums_of_group sum, const int8_t *q, size_t ldq, const unsigned char *panel,
                       size_t strip)
{
    TILE_ZERO(0);
    TILE_ZERO(1);
    TILE_LOAD(4, q, ldq);
    TILE_LOAD(6, panel, REGISTER);
    TILE_DOT_BYTES(0, 4, 6);
    TILE_LOAD(7, panel + strip, REGISTER);
    TILE_DOT_BYTES(1, 4, 7);
    TILE_STORE(0, sum[0][0], REGISTER);
    TILE_STORE(1, sum[0][1], REGISTER);
}

static void half_sums(sums_of_group sum, const int8_t *q, size_t ldq, const unsigned char *panel,
                      size_t strip)
{
    const unsigned char *last = panel + HALF_FOURS * REGISTER;
    TILE_ZERO(0);
    TILE_ZERO(1);
    TILE_ZERO(2);
    TILE_ZERO(3);
    TILE_LOAD(4, q, ldq);
    TILE_LOAD(5, q + HALF, ldq);
    TILE_LOAD(6, panel, REGISTER);
    TILE_DOT_BYTES(0, 4, 6);
    TILE_LOAD(7, panel + strip, REGISTER);
    TILE_DOT_BYTES(1, 4, 7);
    TILE_LOAD(6, last, REGISTER);
    TILE_DOT_BYTES(2, 5, 6);
    TILE_LOAD(7, last + strip, REGISTER);
    TILE_DOT_BYTES(3, 5, 7);
    TILE_STORE(0, sum[0][0], REGISTER);
    TILE_STORE(1, sum[0][1], REGISTER);
    TILE_STORE(2, sum[1][0], REGISTER);
    TILE_STORE(3, sum[1][1], REGISTER);
}

/* The tiles have the shapes of n rows, at most MR: first .. first+n-1 of x. */
G4_INLINE void multiply_rows(enum g4_dtype dtype, float *y, size_t ldy, const struct g4_q8 *x,
                             size_t first, size_t n, const unsigned char *panel, size_t cols,
                             size_t groups)
{
    static_assert(STRIPS == 2 && LANES == 16 && REGISTER == 64, "as the tiles are used");
    const size_t strip = strip_bytes(dtype);
    const bool halves = kind_of(dtype) == SIXTEENS;
    int32_t start[MR][2 * AT_ONCE];
    fvec sum[PARTS][MR][STRIPS];
    _Alignas(64) sums_of_group integers;
    for (size_t p = 0; p < PARTS; p++)
        memset(sum[p], 0, n * sizeof sum[p][0]);
    for (size_t g = 0; g < groups; g++, panel += STRIPS * strip) {
        const int8_t *q = x->q + first * x->ldq + g * GROUP;
        if (g % AT_ONCE == 0 && panel_offset(dtype))
            starts_of_rows(dtype, start, x, first, n, g,
                           groups - g < AT_ONCE ? groups - g : AT_ONCE);
        if (halves)
            half_sums(integers, q, x->ldq, panel, strip);
        else
            whole_sums(integers, q, x->ldq, panel, strip);
        for (size_t j = 0; j < n; j++) {
            const size_t at = (first + j) * x->ldd + g;
            const fvec d = spread(x->d + at), m = spread(x->m + at);
            for (size_t s = 0; s < STRIPS; s++) {
                const ivec a = _mm512_add_epi32(start_at(dtype, start[j], g % AT_ONCE, 0),
                                                _mm512_load_si512(integers[0][s][j]));
                const ivec b = halves ? _mm512_add_epi32(start_at(dtype, start[j], g % AT_ONCE, 1),
                                                         _mm512_load_si512(integers[1][s][j]))
                                      : a;
                fvec *part = &sum[g % PARTS][j][s];
                *part = add_scaled(dtype, *part, a, b, panel + s * strip, d, m);
            }
        }
    }
    for (size_t j = 0; j < n; j++)
        for (size_t s = 0; s < STRIPS && cols > s * LANES; s++)
            store_parts(y + j * ldy + s * LANES, cols - s * LANES, &sum[0][j][s], MR * STRIPS);
}

G4_INLINE void multiply_panel(enum g4_dtype dtype, float *y, size_t ldy, const struct g4_q8 *x,
                              size_t first, size_t m, const unsigned char *panel, size_t cols,
                              size_t k)
{
    struct tile_shapes shapes;
    for (size_t i = 0; i < m; i += MR) {
        const size_t n = m - i < MR ? m - i : MR;
        if (i == 0 || n < MR) {
            shape_tiles(&shapes, kind_of(dtype) == SIXTEENS, n);
            TILES_BEGIN(&shapes);
        }
        multiply_rows(dtype, y + i * ldy, ldy, x, first + i, n, panel, cols, k / GROUP);
    }
    if (m > 0)
        TILES_END();
}

#define MULTIPLY(name, dtype)                                                                      \
    static void multiply_##name(float *y, size_t ldy, const struct g4_q8 *x, size_t first,         \
                                size_t m, const void *panel, size_t cols, size_t k,                \
                                const void *next, size_t ahead)                                    \
    {                                                                                              \
        for (size_t at = 0; at < ahead; at += LINE)                                                \
            fetch((const unsigned char *)next + at, LINE);                                         \
        multiply_panel(dtype, y, ldy, x, first, m, panel, cols, k);                                \
    }

PRODUCT_TYPES(MULTIPLY)

#define SET_MULTIPLY(name, dtype) gemm->multiply[dtype] = multiply_##name;

/* Packing stays what it is. Beyond a few dozen rows tiles of bf16 win: they add up without leaving
 * the tiles, where bytes meet a scale after every 32. */
void g4_kernels_init_gemmq_amx(struct g4_kernels *kernels)
{
    struct g4_gemm_q8 *gemm = &kernels->gemm_q8;
    gemm->name = "amx";
    gemm->rows_at_most = 64;
    gemm->panel_bytes = panel_bytes;
    PRODUCT_TYPES(SET_MULTIPLY)
}

#else

void g4_kernels_init_gemmq_amx(struct g4_kernels *kernels)
{
    (void)kernels;
}

#endif

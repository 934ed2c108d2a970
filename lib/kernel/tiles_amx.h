/*
 * tiles_amx.h - the product of bf16 factors by tile registers, in terms of the tile operations.
 *
 * Who includes it defines these first, each with the number of a tile (a constant):
 *
 *     TILES_BEGIN(shapes)          give the tiles the shapes of a struct tile_shapes; they are 0
 *     TILES_END()                  give them up
 *     TILE_ZERO(t)                 t = 0
 *     TILE_LOAD(t, p, stride)      row i of t = its bytes at p + i * stride
 *     TILE_STORE(t, p, stride)     the reverse
 *     TILE_DOT(c, a, b)            c[i][j] += the products of a[i][2l], b[l][2j] and of
 *                                  a[i][2l+1], b[l][2j+1], summed over l
 *
 * with c of float32, a and b of bf16. mm_amx.c defines them as instructions; the unit test as a
 * model in plain C, so that what is computed is proven on machines without such registers.
 *
 * A product takes 32 rows of x at a time: 2 x 2 tiles of sums, two tiles of x (16 rows, 32 factors)
 * and two of the panel (16 pairs along k, 16 columns). A panel of 32 columns already lies as the
 * tiles want it: a row of it is a pair along k, 32 columns of two factors.
 */
#ifndef G4_KERNEL_TILES_AMX_H
#define G4_KERNEL_TILES_AMX_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/kernel/tile_shapes.h"

enum {
    TILE_ROWS = 16,           /* of a tile, at most */
    TILE_BYTES = 64,          /* of a row of a tile, at most */
    TILE_COLS = 16,           /* columns of y in a tile of sums */
    TILE_STEP = 32,           /* factors along k in a tile of x or of the panel */
    TILES_MR = 2 * TILE_ROWS, /* rows of x taken together */
    TILES_NR = 2 * TILE_COLS, /* columns of a panel */
};

/* Tiles 0, 1: sums of the upper 16 rows; 2, 3: of the lower; 4, 5: x; 6, 7: the panel. */
static inline void shape_tiles(struct tile_shapes *shapes, size_t upper, size_t lower)
{
    *shapes = (struct tile_shapes){.palette = 1};
    for (size_t t = 0; t < 8; t++) {
        const size_t rows = t >= 6 ? TILE_STEP / 2 : t < 2 || t == 4 ? upper : lower;
        shapes->rows[t] = (uint8_t)rows;
        shapes->row_bytes[t] = rows > 0 ? TILE_BYTES : 0;
    }
}

/* Up to 32 rows of factors, the panel, and where the sums go; distances in bytes. */
struct tile_job {
    const unsigned char *x, *panel;
    size_t ldx, steps; /* steps: of TILE_STEP along k */
    unsigned char *y;
    size_t ldy;
    bool add; /* to what y holds */
};

/* upper = 16 rows, lower = 1..16: as the tiles were shaped. */
static inline void tiles_4(const struct tile_job *j)
{
    const size_t lower = TILE_ROWS * j->ldx, down = TILE_ROWS * j->ldy;
    if (j->add) {
        TILE_LOAD(0, j->y, j->ldy);
        TILE_LOAD(1, j->y + TILE_BYTES, j->ldy);
        TILE_LOAD(2, j->y + down, j->ldy);
        TILE_LOAD(3, j->y + down + TILE_BYTES, j->ldy);
    } else {
        TILE_ZERO(0);
        TILE_ZERO(1);
        TILE_ZERO(2);
        TILE_ZERO(3);
    }
    for (size_t s = 0; s < j->steps; s++) {
        const unsigned char *x = j->x + s * TILE_BYTES;
        const unsigned char *b = j->panel + s * (TILE_STEP / 2) * 2 * TILE_BYTES;
        TILE_LOAD(4, x, j->ldx);
        TILE_LOAD(6, b, 2 * TILE_BYTES);
        TILE_DOT(0, 4, 6);
        TILE_LOAD(7, b + TILE_BYTES, 2 * TILE_BYTES);
        TILE_DOT(1, 4, 7);
        TILE_LOAD(5, x + lower, j->ldx);
        TILE_DOT(2, 5, 6);
        TILE_DOT(3, 5, 7);
    }
    TILE_STORE(0, j->y, j->ldy);
    TILE_STORE(1, j->y + TILE_BYTES, j->ldy);
    TILE_STORE(2, j->y + down, j->ldy);
    TILE_STORE(3, j->y + down + TILE_BYTES, j->ldy);
}

/* upper = 1..16 rows, no lower ones. */
static inline void tiles_2(const struct tile_job *j)
{
    if (j->add) {
        TILE_LOAD(0, j->y, j->ldy);
        TILE_LOAD(1, j->y + TILE_BYTES, j->ldy);
    } else {
        TILE_ZERO(0);
        TILE_ZERO(1);
    }
    for (size_t s = 0; s < j->steps; s++) {
        const unsigned char *b = j->panel + s * (TILE_STEP / 2) * 2 * TILE_BYTES;
        TILE_LOAD(4, j->x + s * TILE_BYTES, j->ldx);
        TILE_LOAD(6, b, 2 * TILE_BYTES);
        TILE_DOT(0, 4, 6);
        TILE_LOAD(7, b + TILE_BYTES, 2 * TILE_BYTES);
        TILE_DOT(1, 4, 7);
    }
    TILE_STORE(0, j->y, j->ldy);
    TILE_STORE(1, j->y + TILE_BYTES, j->ldy);
}

/* Up to 32 rows. Of a narrow panel all columns are computed beside y, and those of y taken over. */
static inline void tiles_rows(float *y, size_t ldy, struct tile_job *j, size_t rows, size_t cols)
{
    float wide[TILES_MR][TILES_NR];
    const bool add = j->add;
    if (cols == TILES_NR) {
        j->y = (unsigned char *)y;
        j->ldy = ldy * sizeof *y;
    } else {
        j->y = (unsigned char *)wide;
        j->ldy = sizeof wide[0];
        j->add = false;
    }
    if (rows > TILE_ROWS)
        tiles_4(j);
    else
        tiles_2(j);
    j->add = add;
    for (size_t r = 0; cols < TILES_NR && r < rows; r++)
        for (size_t c = 0; c < cols; c++)
            y[r * ldy + c] = add ? y[r * ldy + c] + wide[r][c] : wide[r][c];
}

/* See struct g4_gemm: multiply, with nr = 32, step = 32. */
static inline void tiles_multiply(float *y, size_t ldy, const void *x, size_t ldx, size_t m,
                                  const void *panel, size_t cols, size_t k, bool add)
{
    struct tile_shapes shapes;
    struct tile_job job = {
        .x = x,
        .panel = panel,
        .ldx = ldx * sizeof(uint16_t),
        .steps = k / TILE_STEP + (k % TILE_STEP > 0),
        .add = add,
    };
    if (m >= TILES_MR) {
        shape_tiles(&shapes, TILE_ROWS, TILE_ROWS);
        TILES_BEGIN(&shapes);
    }
    for (; m >= TILES_MR; m -= TILES_MR, y += TILES_MR * ldy, job.x += TILES_MR * job.ldx)
        tiles_rows(y, ldy, &job, TILES_MR, cols);
    if (m > 0) {
        const size_t upper = m < TILE_ROWS ? m : TILE_ROWS;
        shape_tiles(&shapes, upper, m - upper);
        TILES_BEGIN(&shapes);
        tiles_rows(y, ldy, &job, m, cols);
    }
    TILES_END();
}

#endif

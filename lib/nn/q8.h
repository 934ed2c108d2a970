/*
 * q8.h - products with rows of x in eight bits, for lib/nn only: one part of a run (product.c).
 *
 * A few rows go to gemv_q8 as they are. For more, an item packs its rows of W into panels, and its
 * rows of x pass over them. Both give the same bits, so an item may be of any size.
 */
#ifndef G4_NN_Q8_H
#define G4_NN_Q8_H

#include "lib/nn/product.h"

/* How a product is cut: items are groups of rows of W, and in a group parts of the rows of x. */
struct g4_q8_plan {
    struct g4_q8 x;                /* the rows, once they are rounded */
    size_t block;                  /* rows of W in an item */
    size_t part_rows, parts;       /* rows of x in an item, and how many such parts there are */
    size_t panels;                 /* packed before rows of x pass over them; 0: gemv_q8 */
    size_t x_rows;                 /* rows of x that pass over these panels at a time */
    size_t round_rows, round_cols; /* of x in an item of g4_q8_round */
};

/* Whether a product goes this way: a matter of the type and the shape of W, and of the most rows
 * for which it is quickest. */
bool g4_q8_takes(const struct g4_product *product);

/* Most rows of x of a product in one plan when `bytes` bytes are free for them: 0 when a row does
 * not fit. */
size_t g4_q8_rows(const struct g4_product *product, size_t bytes);

/* Bytes that g4_q8_rows counts for n rows: a multiple of 64. */
size_t g4_q8_bytes(const struct g4_product *product, size_t n);

/* Cuts a product of n rows that fit; they will lie at `room`, 64-byte aligned. `block`: rows of W
 * for which an item is worth its while when rows of x are few. */
struct g4_q8_plan g4_q8_cut(const struct g4_product *product, void *room, size_t block);

/* Rounding the rows of x, clamped to the layer's limits: items, and what one does. */
size_t g4_q8_round_items(const struct g4_q8_plan *plan, const struct g4_product *product);
void g4_q8_round(const struct g4_q8_plan *plan, const struct g4_product *product, size_t item,
                 int worker);

/* The products themselves, all that follows them included. */
size_t g4_q8_items(const struct g4_q8_plan *plan, const struct g4_product *product);
void g4_q8_multiply(const struct g4_q8_plan *plan, const struct g4_product *product, size_t item,
                    int worker);

#endif

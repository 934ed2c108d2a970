/*
 * tile_shapes.h - the memory that gives the tile registers their shapes.
 */
#ifndef G4_KERNEL_TILE_SHAPES_H
#define G4_KERNEL_TILE_SHAPES_H

#include <stdint.h>

/* What the configuring instruction reads. */
struct tile_shapes {
    uint8_t palette, start_row, reserved[14];
    uint16_t row_bytes[16];
    uint8_t rows[16];
};

_Static_assert(sizeof(struct tile_shapes) == 64, "as the processor reads it");

#endif

/*
 * amx.h - the tile operations as instructions; the number of a tile is a constant. Included by
 * *_amx.c only.
 */
#ifndef G4_KERNEL_AMX_H
#define G4_KERNEL_AMX_H

#include <immintrin.h>

/* The compiler does not know that the instruction reads all of *shapes, nor that tiles are loaded
 * from memory written before: it is told that anything may be read here. */
#define TILES_BEGIN(shapes)                                                                        \
    do {                                                                                           \
        __asm__ volatile("" ::"r"(shapes) : "memory");                                             \
        _tile_loadconfig(shapes);                                                                  \
    } while (0)
#define TILES_END()              _tile_release()
#define TILE_ZERO(t)             _tile_zero(t)
#define TILE_LOAD(t, p, stride)  _tile_loadd(t, p, stride)
#define TILE_STORE(t, p, stride) _tile_stored(t, p, stride)
#define TILE_DOT(c, a, b)        _tile_dpbf16ps(c, a, b)
#define TILE_DOT_BYTES(c, a, b)  _tile_dpbsud(c, a, b) /* signed by unsigned */

#endif

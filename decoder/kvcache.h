/*
 * kvcache.h - keys and values of one session, per owning layer and position.
 *
 * Full layers keep every position in arrays that grow by doubling. Sliding layers keep a window:
 * the positions from `base` on, contiguous, so that attention reads plain rows. The window has room
 * for the sliding_window - 1 old positions that the next token needs plus one pass; when a pass
 * does not fit behind what is there, the old positions move to the front. Nothing is dropped while
 * a pass runs: its first queries see old keys, its last ones do not.
 *
 *     reserve(total, longest) once per input    begin(rows) -> store + view per layer -> end()
 */
#ifndef G4_DECODER_KVCACHE_H
#define G4_DECODER_KVCACHE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/base/err.h"
#include "lib/model/config.h"
#include "lib/nn/exec.h"
#include "lib/tensor/dtype.h"

struct g4_kv_layer {
    size_t width; /* kv_heads * head_dim; 0: the layer borrows and stores nothing */
    bool full;
    size_t capacity;      /* positions that fit k and v */
    unsigned char *k, *v; /* [capacity, width] of the cache's type */
};

struct g4_kvcache {
    enum g4_dtype dtype; /* BF16 or F32 */
    size_t element;      /* its bytes */
    size_t context;      /* most positions */
    size_t keep;         /* sliding_window - 1: old positions a new one needs */
    size_t count;
    struct g4_kv_layer *layer; /* [count] */
    size_t n;                  /* positions stored */
    size_t pass;               /* rows of the pass under way, at positions n .. n+pass-1 */
    size_t base;               /* position of row 0 of the sliding layers */
    size_t window;             /* positions that the sliding layers may take */
    size_t first_window;       /* the same at the beginning */
};

/* Room for passes of `longest` rows; full layers begin empty. Zeroed on failure. */
int g4_kvcache_open(struct g4_kvcache *cache, const struct g4_text_config *config,
                    enum g4_dtype dtype, size_t context, size_t longest, struct g4_err *err);
void g4_kvcache_close(struct g4_kvcache *cache); /* safe on a zeroed struct */

/* Forgets every position; keeps the memory, but windows move again as in a new cache: where the
 * positions lie decides in which order attention adds. */
void g4_kvcache_reset(struct g4_kvcache *cache);

/* Grows to `total` positions (at most the context) in passes of at most `longest` rows. On
 * G4_ENOMEM what is stored stays usable. */
int g4_kvcache_reserve(struct g4_kvcache *cache, size_t total, size_t longest, struct g4_err *err);

/* A pass of `rows` positions begins (reserved before), and ends: its positions count as stored. */
void g4_kvcache_begin(struct g4_kvcache *cache, size_t rows);
void g4_kvcache_end(struct g4_kvcache *cache);

/* Stores k and v [pass, width] of an owning layer. */
void g4_kvcache_store(struct g4_kvcache *cache, const struct g4_exec *exec, size_t layer,
                      const float *k, const float *v);

/* What queries of the pass may look at: rows base .. n+pass-1 of an owning layer, this pass
 * included. */
struct g4_kv_view {
    const void *k, *v; /* [keys, width] */
    size_t width, keys;
};
struct g4_kv_view g4_kvcache_view(const struct g4_kvcache *cache, size_t layer);

/* Position of a view's row 0: 0 for full layers. */
size_t g4_kvcache_base(const struct g4_kvcache *cache, bool full);

/* Keys or values at position p, widened into out [width]; false when the layer has them not. */
bool g4_kvcache_row(const struct g4_kvcache *cache, size_t layer, bool v, size_t p, float *out);

/*
 * Bytes of keys and values for n positions: sum over owning layers of 2 * width * element size per
 * position, min(n, sliding_window) positions in sliding layers. The room for a pass comes on top.
 */
uint64_t g4_kvcache_bytes(const struct g4_text_config *config, enum g4_dtype dtype, size_t n);

#endif

/*
 * forward.h - one pass: positions -> rows -> all layers -> final states -> logits.
 *
 *     x = embed_tokens[id] * sqrt(H) at text positions, the soft row as it is elsewhere
 *     e = per-layer embeddings of ids and x                     (decoder/ple.h)
 *     x = layer i of x, i = 0 .. L-1                            (decoder/layer.h)
 *     h = rms(x, norm)
 *     z = c tanh(lm_head h / c)                               c = final_logit_softcapping, 0: none
 *
 * Keys a query at position n sees: full layers 0..n; sliding layers n-W+1..n, and on models with
 * image blocks to the end of its block: a maximal run of image and video positions.
 *
 * Rows whose final state nobody wants leave after the keys and values of the last layer that owns
 * some.
 */
#ifndef G4_DECODER_FORWARD_H
#define G4_DECODER_FORWARD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "decoder/engine.h"
#include "decoder/kvcache.h"
#include "decoder/layer.h"
#include "lib/base/mem.h"

/* Memory of one pass. */
struct g4_forward {
    const struct g4_engine *engine;
    size_t rows;  /* the longest pass that fits */
    size_t heads; /* most rows whose logits go to separate places */
    struct g4_arena arena;
    float *x;          /* [rows, H] */
    float *ple;        /* [rows, L * P] */
    int32_t *ple_ids;  /* [rows] rows of the per-layer table */
    float *table_row;  /* [threads, L * P] */
    int32_t *position; /* [rows] */
    struct {
        float *cos, *sin;  /* [rows, d/2] */
        uint32_t *lo, *hi; /* [rows] */
    } type[2];             /* sliding, full */
    float *state;          /* [rows, H] final states of the wanted rows */
    float *product;        /* [heads, V] logits before the cap */
    struct g4_layer_scratch layer;
};

/* Zeroed struct in; grows to passes of `rows` and to `heads`. On G4_ENOMEM nothing fits any more
 * (both are 0), and a later plan may try again. */
int g4_forward_plan(struct g4_forward *forward, const struct g4_engine *engine, size_t rows,
                    size_t heads, struct g4_err *err);
void g4_forward_release(struct g4_forward *forward); /* safe on a zeroed struct */

/*
 * Runs positions->n rows (1..rows): as many of every timeline, behind those in its cache, which has
 * room for them. The caches are different ones. The final states of the last `wanted` rows (0..n;
 * all, when there are several timelines) stand in forward->state afterwards. A pass of at most
 * G4_GEMV_ROWS rows makes of each what a pass of its own would, to the bit.
 */
void g4_forward_run(struct g4_forward *forward, struct g4_kvcache *const *caches, size_t timelines,
                    const struct g4_positions *positions, size_t wanted,
                    const struct g4_trace *trace);

/* logits [n, V] of final states h [n, H]. */
void g4_forward_head(const struct g4_engine *engine, float *logits, const float *h, size_t n);

/* The same of the first n rows of forward->state, n <= heads: row i into logits[i] [V]. */
void g4_forward_heads(const struct g4_forward *forward, float *const *logits, size_t n);

/* Whether a position belongs to an image block. */
static inline bool g4_is_picture(uint8_t kind)
{
    return kind == G4_POS_IMAGE || kind == G4_POS_VIDEO;
}

#endif

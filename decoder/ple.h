/*
 * ple.h - per-layer embeddings: one vector of width P for every position and layer, made before
 * layer 0.
 *
 *     g = rms(per_layer_model_projection x * H^-0.5, per_layer_projection_norm)   per layer, over P
 *     e = embed_tokens_per_layer[u] * sqrt(P)
 *     out = (g + e) * 2^-0.5
 *
 * x is the row entering layer 0. u is the id at text positions and the padding id at soft ones:
 * there the table's row of the padding id meets the projection of the soft row itself.
 */
#ifndef G4_DECODER_PLE_H
#define G4_DECODER_PLE_H

#include <stddef.h>
#include <stdint.h>

#include "decoder/engine.h"

/* out [n, L * P], columns of the layers from..to-1 only. ids [n]: u of every position. x [n, H].
 * table_row: threads * L * P floats. */
void g4_ple_run(const struct g4_engine *engine, float *out, const int32_t *ids, const float *x,
                size_t n, size_t from, size_t to, float *table_row);

#endif

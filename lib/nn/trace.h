/*
 * trace.h - a window into a recipe, for the golden tests: a stage shows its result by name.
 *
 * A NULL trace costs one branch per stage. Stages call g4_trace_put with data [rows, cols].
 */
#ifndef G4_NN_TRACE_H
#define G4_NN_TRACE_H

#include <stddef.h>

struct g4_trace {
    /* name: the golden vector's stage ("embedded", "layer", "kv.full.k"); index: layer, or -1. data
     * is valid during the call only; ld floats from row to row. */
    void (*put)(void *ctx, const char *name, int index, const float *data, size_t ld, size_t rows,
                size_t cols);
    void *ctx;
};

static inline void g4_trace_put(const struct g4_trace *trace, const char *name, int index,
                                const float *data, size_t ld, size_t rows, size_t cols)
{
    if (trace)
        trace->put(trace->ctx, name, index, data, ld, rows, cols);
}

#endif

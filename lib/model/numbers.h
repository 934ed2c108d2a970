/*
 * numbers.h - how many numbers a model has by its configuration, and what they take in a type.
 *
 * Counted is what a run needs: keys and values of layers that borrow theirs are not, a head that is
 * the embedding is not counted again.
 */
#ifndef G4_MODEL_NUMBERS_H
#define G4_MODEL_NUMBERS_H

#include <stdint.h>

#include "lib/model/config.h"
#include "lib/tensor/dtype.h"

struct g4_numbers {
    uint64_t matrices; /* of what may be stored in blocks */
    uint64_t others;   /* norms, biases, scalars, limits */
};

/* With the projections into the text width; all zero for a part that the model has not. */
struct g4_model_numbers {
    struct g4_numbers text;  /* without the next */
    struct g4_numbers table; /* per-layer embeddings: one row of them is read for a token */
    struct g4_numbers vision, audio;
};

void g4_model_count(struct g4_model_numbers *numbers, const struct g4_config *config);

/* Bytes of matrices in the type and of the others beside them: in F32 beside a type of blocks, else
 * in the same type. */
uint64_t g4_numbers_bytes(const struct g4_numbers *numbers, enum g4_dtype dtype);

#endif

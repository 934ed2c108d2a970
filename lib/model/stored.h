/*
 * stored.h - what a stored tensor is to people: the numbers of the model that it holds.
 *
 * A tensor of codes (lib/model/bind_codes.h) is stored as bytes or words; here it has the type and
 * the count of what these stand for. The tensors beside it, scales and the like, are of that type,
 * too, and hold no numbers of their own. Any other tensor is what the file says.
 */
#ifndef G4_MODEL_STORED_H
#define G4_MODEL_STORED_H

#include <stdint.h>

#include "lib/model/model.h"

struct g4_stored {
    enum g4_dtype dtype;
    uint64_t numbers;
};

/* Tensor i of model->weights.sorted. Codes whose width the configuration does not tell stay what
 * they are stored as. */
struct g4_stored g4_stored_numbers(const struct g4_model *model, size_t i);

#endif

/*
 * verify.h - what opening and binding a model do not look at: every number in its files.
 */
#ifndef G4_MODEL_VERIFY_H
#define G4_MODEL_VERIFY_H

#include <stdbool.h>

#include "lib/base/err.h"
#include "lib/model/model.h"
#include "lib/nn/exec.h"

/*
 * Every number of every tensor of every file is finite; for tensors of blocks that is what the
 * blocks stand for. Integers and codes always are. The limits of a tower's layers may be infinite.
 * Files are read once, in the order of their bytes; a line of progress is drawn. G4_EINPUT names
 * the first tensor in that order which is not, and the first element of it (row-major).
 */
int g4_verify_values(const struct g4_weights *weights, const struct g4_exec *exec,
                     struct g4_err *err);

/*
 * A mark for each tensor of weights->sorted: the programs have no use for it. `asked` are the marks
 * of g4_weights while the model was bound. Not counted as such: keys and values of layers that
 * borrow theirs, and scales for the rounding of activations and of the cache. Returns how many.
 */
size_t g4_verify_unexpected(unsigned char *unexpected, const struct g4_model *model,
                            const unsigned char *asked);

#endif

/*
 * convert_stream.h - the data of a planned file, tensor by tensor, in pieces.
 *
 * Rows are read where they are mapped, changed, rounded and handed on; what is held in memory is
 * two buffers of a few ten megabytes, whatever the size of the model. The bytes do not depend on
 * the number of threads.
 */
#ifndef G4_MODEL_CONVERT_STREAM_H
#define G4_MODEL_CONVERT_STREAM_H

#include <stddef.h>

#include "lib/base/err.h"
#include "lib/model/convert.h"
#include "lib/nn/exec.h"

/* Takes the next n bytes of the data; 0 or an error. May be called from any thread, one call at a
 * time. */
typedef int g4_convert_write(void *ctx, const void *data, size_t n, struct g4_err *err);

/* `what` is what a terminal is shown as the work goes on. G4_EINPUT: a number that is not finite,
 * or too large for the type, named by tensor and row. */
int g4_convert_stream(const struct g4_convert *plan, const struct g4_exec *exec,
                      g4_convert_write *write, void *ctx, const char *what, struct g4_err *err);

#endif

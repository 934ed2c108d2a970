/*
 * stream_visit.h - what the commands of g4-stream share: reading operands record by record.
 */
#ifndef G4_BIN_STREAM_VISIT_H
#define G4_BIN_STREAM_VISIT_H

#include "bin/output.h"
#include "lib/format/stream.h"

/* One record of `name` ("'a.g4s'", "stdin"). An error ends the file. */
typedef int g4_visit_fn(void *ctx, const char *name, const struct g4_record *record,
                        struct g4_err *err);

/* Reads `operand` ("-": stdin) to its end. FAIL records are repeated on stderr and counted in
 * *fails. */
int g4_stream_visit(const char *operand, g4_visit_fn *visit, void *ctx, size_t *fails,
                    struct g4_err *err);

/* The commands. Each reads the operands, prints its errors, and returns 0, or the exit status that
 * makes its output void. */
int g4_stream_info(struct g4_output *out, bool json, const char *const *operands, size_t count,
                   size_t *fails);
/* segment -1: all. FAIL records make the output void. */
int g4_stream_npy(struct g4_output *out, int64_t segment, const char *const *operands,
                  size_t count);

#endif

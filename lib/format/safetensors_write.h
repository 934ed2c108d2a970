/*
 * safetensors_write.h - writing a safetensors file front to back.
 *
 *     begin -> tensors announced -> header -> the data of all, in the same order, packed
 */
#ifndef G4_FORMAT_SAFETENSORS_WRITE_H
#define G4_FORMAT_SAFETENSORS_WRITE_H

#include <stddef.h>
#include <stdint.h>

#include "lib/base/err.h"
#include "lib/tensor/dtype.h"

struct g4_safetensors_writer;

/* fd is borrowed; `what` names it in messages. */
int g4_safetensors_writer_new(struct g4_safetensors_writer **writer, int fd, const char *what,
                              struct g4_err *err);
void g4_safetensors_writer_free(struct g4_safetensors_writer *writer);

/* Announces a tensor in a plain type, or SFP8, which is stored as U8; shape row-major, dims may be
 * 0. G4_EINPUT: a size beyond all files, a name that is not UTF-8 or was there. */
int g4_safetensors_announce(struct g4_safetensors_writer *writer, const char *name,
                            enum g4_dtype dtype, int dims, const size_t *shape, struct g4_err *err);

/* G4_ELIMIT: more header than readers take. */
int g4_safetensors_write_header(struct g4_safetensors_writer *writer, struct g4_err *err);

/* Bytes of the whole file, once the header was written. */
uint64_t g4_safetensors_writer_size(const struct g4_safetensors_writer *writer);

/* Appends to the data. More bytes than announced: asserted. */
int g4_safetensors_write_data(struct g4_safetensors_writer *writer, const void *data, size_t n,
                              struct g4_err *err);

/* Asserts that all announced data came. Neither syncs nor closes. */
void g4_safetensors_write_end(const struct g4_safetensors_writer *writer);

#endif

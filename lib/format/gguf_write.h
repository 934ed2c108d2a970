/*
 * gguf_write.h - writing a GGUF file (version 3) front to back.
 *
 *     begin -> values -> tensors announced (name, type, shape) -> header -> data in the same order
 *
 * Values and tensors are kept in memory until the header is written (tens of megabytes for a
 * vocabulary); data goes straight out, padded, so the size of a file is bounded by the disk alone.
 * Tensors follow each other without gaps.
 */
#ifndef G4_FORMAT_GGUF_WRITE_H
#define G4_FORMAT_GGUF_WRITE_H

#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "lib/base/err.h"
#include "lib/format/gguf.h"

struct g4_gguf_writer;

/* fd is borrowed; `what` names it in messages. */
int g4_gguf_writer_new(struct g4_gguf_writer **writer, int fd, const char *what,
                       struct g4_err *err);
void g4_gguf_writer_free(struct g4_gguf_writer *writer);

/* Values. The first error stays and is returned by g4_gguf_write_header; so is a key that was given
 * twice. */
void g4_gguf_put_string(struct g4_gguf_writer *writer, const char *key, const char *text);
void g4_gguf_put_u32(struct g4_gguf_writer *writer, const char *key, uint32_t value);
void g4_gguf_put_i32(struct g4_gguf_writer *writer, const char *key, int32_t value);
void g4_gguf_put_f32(struct g4_gguf_writer *writer, const char *key, float value);
void g4_gguf_put_bool(struct g4_gguf_writer *writer, const char *key, bool value);
void g4_gguf_put_i32s(struct g4_gguf_writer *writer, const char *key, const int32_t *values,
                      size_t n);
void g4_gguf_put_f32s(struct g4_gguf_writer *writer, const char *key, const float *values,
                      size_t n);
void g4_gguf_put_bools(struct g4_gguf_writer *writer, const char *key, const bool *values,
                       size_t n);
/* An array of strings: n announced here, then each by g4_gguf_put_element. */
void g4_gguf_put_strings(struct g4_gguf_writer *writer, const char *key, size_t n);
void g4_gguf_put_element(struct g4_gguf_writer *writer, const char *text, size_t n);
/* A value as another file has it; that file must stay open until this returns. */
void g4_gguf_put_value(struct g4_gguf_writer *writer, const struct g4_gguf_value *value);

/* Announces a tensor of 1..4 dimensions; shape row-major as in struct g4_tensor. Returns its bytes
 * through *bytes. G4_EINPUT: rows that are not whole blocks, a size beyond all files. */
int g4_gguf_announce(struct g4_gguf_writer *writer, const char *name, enum g4_dtype dtype, int dims,
                     const size_t *shape, size_t *bytes, struct g4_err *err);

/* Bytes of the whole file, once all was announced. */
uint64_t g4_gguf_writer_size(const struct g4_gguf_writer *writer);

int g4_gguf_write_header(struct g4_gguf_writer *writer, struct g4_err *err);

/* Appends to the data of the tensor whose turn it is; when its bytes are complete the padding
 * follows and the next one's turn comes. More bytes than announced: asserted. */
int g4_gguf_write_data(struct g4_gguf_writer *writer, const void *data, size_t n,
                       struct g4_err *err);

/* Asserts that all announced data came. Neither syncs nor closes. */
int g4_gguf_write_end(struct g4_gguf_writer *writer, struct g4_err *err);

#endif

/*
 * bind_codes.h - matrices whose codes and scales lie in tensors of their own, and what else the
 * files of lib/model/bind*.c share. Internal to them.
 *
 * Four layouts of a matrix W [rows, cols] published as M.weight (or, without that ending, N):
 *
 *     int4 groups  M.weight_packed [rows, cols / 8] I32, M.weight_scale [rows, groups],
 *                  M.weight_shape [2] = rows, cols (checked where it is there)
 *     mobile       M.weight [rows, cols bits / 8] U8 (2 or 4 bits) or I8, M.weight_scale [rows, 1]
 *     mobile       M.embedding_quantized U8, M.embedding_scale [rows, groups]: a table
 *     SFP8         N U8 of the full shape, N.scale: one number; stacks [count, rows, cols], too
 *
 * groups divides cols. Scales are BF16, F16 or F32. Element 8 j + i of a row of I32 words is bits
 * 4 i .. 4 i + 3 of word j, stored + 8; in bytes that is G4_DTYPE_I4: two in a byte, low one first.
 * What the files say about the rounding of activations (M.input_activation_scale ..) and of the
 * cache (k_cache_scale ..) is not looked at: products are of the weights with unrounded rows.
 */
#ifndef G4_MODEL_BIND_CODES_H
#define G4_MODEL_BIND_CODES_H

#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>

#include "lib/base/err.h"
#include "lib/model/bind.h"
#include "lib/model/weights.h"
#include "lib/nn/linear.h"

/* What a bind asks for. */
struct g4_bind_shape {
    size_t count; /* matrices of a stack; 0: not a stack but one matrix */
    size_t rows, cols;
};

/* A name from its format; false, and *bind failed, when it is too long. */
bool g4_bind_name(struct g4_bind *bind, char *name, size_t size, const char *format, va_list args)
    __attribute__((format(printf, 4, 0)));

/* *out: the matrix, or all rows of a stack one below the other, plain or of codes; empty where
 * there is none. */
void g4_bind_rows(struct g4_bind *bind, struct g4_matrix *out, const char *name,
                  const struct g4_bind_shape *shape, bool required);

/* Whether the tensor is [rows, ...] or [count, rows, ...], what follows making cols elements. */
bool g4_bind_has_shape(const struct g4_tensor *tensor, const struct g4_bind_shape *shape);

/* "tensor 'x': shape [3, 4], expected FORMAT". Returns G4_EINPUT. */
int g4_bind_refuse_shape(struct g4_err *err, const struct g4_tensor *tensor, const char *format,
                         ...) __attribute__((format(printf, 3, 4)));

/*
 * Looks for `name` in these layouts. 1: *out is the matrix, of a stack with all its rows; 0: the
 * model has it in none of them. Errors name the tensor as stored: part of a layout missing, of the
 * wrong shape or type; a scale of a row or of a tensor that is not finite. Scales of groups, which
 * can be gigabytes, are not read here.
 */
int g4_bind_codes(struct g4_matrix *out, const struct g4_weights *weights, const char *name,
                  const struct g4_bind_shape *shape, struct g4_err *err);

#endif

/*
 * bind.c - names to checked pointers.
 */
#include "lib/model/bind.h"

#include <math.h>
#include <stdarg.h>
#include <stdio.h>

enum { NAME_BYTES = 512, SHAPE_BYTES = 200 };

static bool format_name(struct g4_bind *bind, char *name, const char *format, va_list args)
{
    int n = vsnprintf(name, NAME_BYTES, format, args);
    if (n >= 0 && n < NAME_BYTES)
        return true;
    bind->status =
        g4_err_set(bind->err, G4_EINPUT, "a tensor name is longer than %d bytes", NAME_BYTES - 1);
    return false;
}

/* The tensor, in a type below `types`; NULL after an error and where an optional one is missing. */
static const struct g4_tensor *find(struct g4_bind *bind, const char *name, bool required,
                                    enum g4_dtype types)
{
    const struct g4_tensor *tensor = g4_weights_find(bind->weights, name);
    if (!tensor) {
        if (required)
            bind->status = g4_err_set(bind->err, G4_EINPUT, "tensor '%s': missing", name);
        return NULL;
    }
    if (tensor->dtype >= types) {
        bind->status =
            g4_err_set(bind->err, G4_EUNSUPPORTED, "tensor '%s': dtype %s, expected %s", name,
                       g4_dtype_info(tensor->dtype)->name,
                       types == G4_DTYPE_FLOATS ? "BF16, F16 or F32" : "a type of weights");
        return NULL;
    }
    return tensor;
}

static void refuse_shape(struct g4_bind *bind, const char *name, const struct g4_tensor *tensor,
                         const char *expected)
{
    char shape[SHAPE_BYTES];
    bind->status = g4_err_set(bind->err, G4_EINPUT, "tensor '%s': shape %s, expected %s", name,
                              g4_tensor_shape_text(tensor, shape, sizeof shape), expected);
}

/* Product of shape[from ..]; the whole product was checked when the file was opened. */
static size_t product_from(const struct g4_tensor *tensor, int from)
{
    size_t n = 1;
    for (int i = from; i < tensor->dims; i++)
        n *= tensor->shape[i];
    return n;
}

static struct g4_matrix matrix_at(const struct g4_tensor *tensor, size_t index, size_t rows,
                                  size_t cols)
{
    size_t stride = 0;
    g4_dtype_row_bytes(tensor->dtype, cols, &stride); /* fits: it is part of the tensor's bytes */
    return (struct g4_matrix){.data = (const char *)tensor->data + index * rows * stride,
                              .dtype = tensor->dtype,
                              .rows = rows,
                              .cols = cols,
                              .stride = stride};
}

static void bind_matrix(struct g4_bind *bind, struct g4_matrix *out, size_t rows, size_t cols,
                        bool required, const char *name)
{
    *out = (struct g4_matrix){0};
    const struct g4_tensor *tensor = find(bind, name, required, G4_DTYPE_CODES);
    if (!tensor)
        return;
    if (tensor->dims < 1 || tensor->shape[0] != rows || product_from(tensor, 1) != cols) {
        char expected[SHAPE_BYTES];
        snprintf(expected, sizeof expected, "[%zu, %zu]", rows, cols);
        refuse_shape(bind, name, tensor, expected);
        return;
    }
    *out = matrix_at(tensor, 0, rows, cols);
}

void g4_bind_matrix(struct g4_bind *bind, struct g4_matrix *out, size_t rows, size_t cols,
                    bool required, const char *format, ...)
{
    char name[NAME_BYTES];
    va_list args;
    if (bind->status < 0)
        return;
    va_start(args, format);
    if (format_name(bind, name, format, args))
        bind_matrix(bind, out, rows, cols, required, name);
    va_end(args);
}

static void bind_matrices(struct g4_bind *bind, struct g4_matrix *out, size_t count, size_t rows,
                          size_t cols, bool required, const char *name)
{
    for (size_t i = 0; out && i < count; i++)
        out[i] = (struct g4_matrix){0};
    const struct g4_tensor *tensor = find(bind, name, required, G4_DTYPE_CODES);
    if (!tensor)
        return;
    if (tensor->dims < 2 || tensor->shape[0] != count || tensor->shape[1] != rows ||
        product_from(tensor, 2) != cols) {
        char expected[SHAPE_BYTES];
        snprintf(expected, sizeof expected, "[%zu, %zu, %zu]", count, rows, cols);
        refuse_shape(bind, name, tensor, expected);
        return;
    }
    for (size_t i = 0; out && i < count; i++)
        out[i] = matrix_at(tensor, i, rows, cols);
}

void g4_bind_matrices(struct g4_bind *bind, struct g4_matrix *out, size_t count, size_t rows,
                      size_t cols, bool required, const char *format, ...)
{
    char name[NAME_BYTES];
    va_list args;
    if (bind->status < 0)
        return;
    va_start(args, format);
    if (format_name(bind, name, format, args))
        bind_matrices(bind, out, count, rows, cols, required, name);
    va_end(args);
}

static void bind_vector(struct g4_bind *bind, const float **out, size_t n, bool required,
                        const char *name)
{
    *out = NULL;
    const struct g4_tensor *tensor = find(bind, name, required, G4_DTYPE_FLOATS);
    if (!tensor)
        return;
    if (g4_tensor_count(tensor) != n) {
        char expected[SHAPE_BYTES];
        snprintf(expected, sizeof expected, "[%zu]", n);
        refuse_shape(bind, name, tensor, expected);
        return;
    }
    float *values = g4_arena_take(bind->arena, n, sizeof *values);
    for (size_t i = 0; values && i < n; i++) {
        values[i] = g4_tensor_get(tensor, i);
        if (!isfinite(values[i])) {
            bind->status =
                g4_err_set(bind->err, G4_EINPUT, "tensor '%s': element %zu is not finite", name, i);
            return;
        }
    }
    *out = values;
}

void g4_bind_vector(struct g4_bind *bind, const float **out, size_t n, bool required,
                    const char *format, ...)
{
    char name[NAME_BYTES];
    va_list args;
    if (bind->status < 0)
        return;
    va_start(args, format);
    if (format_name(bind, name, format, args))
        bind_vector(bind, out, n, required, name);
    va_end(args);
}

static void bind_scalar(struct g4_bind *bind, float *out, bool required, const char *name)
{
    const struct g4_tensor *tensor = find(bind, name, required, G4_DTYPE_FLOATS);
    if (!tensor)
        return;
    if (g4_tensor_count(tensor) != 1) {
        refuse_shape(bind, name, tensor, "[] or [1]");
        return;
    }
    float value = g4_tensor_get(tensor, 0);
    if (isnan(value))
        bind->status = g4_err_set(bind->err, G4_EINPUT, "tensor '%s': not a number", name);
    else
        *out = value;
}

void g4_bind_scalar(struct g4_bind *bind, float *out, bool required, const char *format, ...)
{
    char name[NAME_BYTES];
    va_list args;
    if (bind->status < 0)
        return;
    va_start(args, format);
    if (format_name(bind, name, format, args))
        bind_scalar(bind, out, required, name);
    va_end(args);
}

void g4_bind_clipped(struct g4_bind *bind, struct g4_linear *out, size_t rows, size_t cols,
                     const char *format, ...)
{
    char name[NAME_BYTES];
    va_list args;
    if (bind->status < 0)
        return;
    va_start(args, format);
    bool ok = format_name(bind, name, format, args);
    va_end(args);
    if (!ok)
        return;
    *out = g4_linear_plain(&(struct g4_matrix){0});
    g4_bind_matrix(bind, &out->w, rows, cols, true, "%s.linear.weight", name);
    g4_bind_scalar(bind, &out->in_min, false, "%s.input_min", name);
    g4_bind_scalar(bind, &out->in_max, false, "%s.input_max", name);
    g4_bind_scalar(bind, &out->out_min, false, "%s.output_min", name);
    g4_bind_scalar(bind, &out->out_max, false, "%s.output_max", name);
}

struct g4_linear g4_linear_plain(const struct g4_matrix *w)
{
    return (struct g4_linear){
        .w = *w,
        .in_min = -INFINITY,
        .in_max = INFINITY,
        .out_min = -INFINITY,
        .out_max = INFINITY,
    };
}

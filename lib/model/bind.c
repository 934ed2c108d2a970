/*
 * bind.c - names to checked pointers.
 */
#include "lib/model/bind.h"

#include <math.h>
#include <stdarg.h>
#include <stdio.h>

#include "lib/model/bind_codes.h"

enum { NAME_BYTES = 512 };

bool g4_bind_name(struct g4_bind *bind, char *name, size_t size, const char *format, va_list args)
{
    int n = vsnprintf(name, size, format, args);
    if (n >= 0 && (size_t)n < size)
        return true;
    bind->status =
        g4_err_set(bind->err, G4_EINPUT, "a tensor name is longer than %zu bytes", size - 1);
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
            g4_err_set(bind->err, G4_EUNSUPPORTED, "tensor '%s': dtype %s, expected %s",
                       tensor->name, g4_dtype_info(tensor->dtype)->name,
                       types == G4_DTYPE_FLOATS ? "BF16, F16 or F32" : "a type of weights");
        return NULL;
    }
    return tensor;
}

void g4_bind_rows(struct g4_bind *bind, struct g4_matrix *out, const char *name,
                  const struct g4_bind_shape *shape, bool required)
{
    *out = (struct g4_matrix){0};
    int found = g4_bind_codes(out, bind->weights, name, shape, bind->err);
    if (found < 0) {
        bind->status = found;
        *out = (struct g4_matrix){0};
    }
    const struct g4_tensor *tensor = found == 0 ? find(bind, name, required, G4_DTYPE_CODES) : NULL;
    if (!tensor)
        return;
    if (!g4_bind_has_shape(tensor, shape)) {
        bind->status =
            shape->count > 0
                ? g4_bind_refuse_shape(bind->err, tensor, "[%zu, %zu, %zu]", shape->count,
                                       shape->rows, shape->cols)
                : g4_bind_refuse_shape(bind->err, tensor, "[%zu, %zu]", shape->rows, shape->cols);
        return;
    }
    *out = (struct g4_matrix){.data = tensor->data,
                              .dtype = tensor->dtype,
                              .rows = shape->count > 0 ? shape->count * shape->rows : shape->rows,
                              .cols = shape->cols};
    g4_dtype_row_bytes(out->dtype, out->cols, &out->stride); /* fits: part of the tensor's bytes */
}

void g4_bind_matrix(struct g4_bind *bind, struct g4_matrix *out, size_t rows, size_t cols,
                    bool required, const char *format, ...)
{
    const struct g4_bind_shape shape = {.rows = rows, .cols = cols};
    char name[NAME_BYTES];
    va_list args;
    if (bind->status < 0)
        return;
    va_start(args, format);
    if (g4_bind_name(bind, name, sizeof name, format, args))
        g4_bind_rows(bind, out, name, &shape, required);
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
        bind->status = g4_bind_refuse_shape(bind->err, tensor, "[%zu]", n);
        return;
    }
    float *values = g4_arena_take(bind->arena, n, sizeof *values);
    for (size_t i = 0; values && i < n; i++) {
        values[i] = g4_tensor_get(tensor, i);
        if (!isfinite(values[i])) {
            bind->status = g4_err_set(bind->err, G4_EINPUT,
                                      "tensor '%s': element %zu is not finite", tensor->name, i);
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
    if (g4_bind_name(bind, name, sizeof name, format, args))
        bind_vector(bind, out, n, required, name);
    va_end(args);
}

static void bind_scalar(struct g4_bind *bind, float *out, bool required, const char *name)
{
    const struct g4_tensor *tensor = find(bind, name, required, G4_DTYPE_FLOATS);
    if (!tensor)
        return;
    if (g4_tensor_count(tensor) != 1) {
        bind->status = g4_bind_refuse_shape(bind->err, tensor, "[] or [1]");
        return;
    }
    float value = g4_tensor_get(tensor, 0);
    if (isnan(value))
        bind->status = g4_err_set(bind->err, G4_EINPUT, "tensor '%s': not a number", tensor->name);
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
    if (g4_bind_name(bind, name, sizeof name, format, args))
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
    bool ok = g4_bind_name(bind, name, sizeof name, format, args);
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

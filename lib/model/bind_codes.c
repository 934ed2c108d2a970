/*
 * bind_codes.c - codes and their scales as one matrix.
 */
#include "lib/model/bind_codes.h"

#include <assert.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

enum { NAME_BYTES = 512, SHAPE_BYTES = 200 };

/* A name to look for: `stem` with its ending replaced. */
struct parts {
    const struct g4_weights *weights;
    const struct g4_bind_shape *shape;
    struct g4_err *err;
    const char *stem; /* not ended by a zero */
    size_t length;
};

bool g4_bind_has_shape(const struct g4_tensor *tensor, const struct g4_bind_shape *shape)
{
    int first = shape->count > 0;
    if (tensor->dims <= first || (first && tensor->shape[0] != shape->count) ||
        tensor->shape[first] != shape->rows)
        return false;
    size_t cols = 1; /* the whole product was checked when the file was opened */
    for (int i = first + 1; i < tensor->dims; i++)
        cols *= tensor->shape[i];
    return cols == shape->cols;
}

int g4_bind_refuse_shape(struct g4_err *err, const struct g4_tensor *tensor, const char *format,
                         ...)
{
    char stored[SHAPE_BYTES], expected[SHAPE_BYTES];
    va_list args;
    va_start(args, format);
    vsnprintf(expected, sizeof expected, format, args);
    va_end(args);
    return g4_err_set(err, G4_EINPUT, "tensor '%s': shape %s, expected %s", tensor->name,
                      g4_tensor_shape_text(tensor, stored, sizeof stored), expected);
}

static int refuse_type(struct g4_err *err, const struct g4_tensor *tensor, const char *expected)
{
    return g4_err_set(err, G4_EUNSUPPORTED, "tensor '%s': dtype %s, expected %s", tensor->name,
                      g4_dtype_info(tensor->dtype)->name, expected);
}

static const struct g4_tensor *find_part(const struct parts *p, const char *ending)
{
    char name[NAME_BYTES];
    int n = snprintf(name, sizeof name, "%.*s%s", (int)p->length, p->stem, ending);
    return n > 0 && n < NAME_BYTES ? g4_weights_find(p->weights, name) : NULL;
}

/* The tensor of scales, which must be there: the codes are. */
static int need_scales(const struct parts *p, const char *ending, const struct g4_tensor **scales)
{
    *scales = find_part(p, ending);
    if (!*scales)
        return g4_err_set(p->err, G4_EINPUT, "tensor '%.*s%s': missing", (int)p->length, p->stem,
                          ending);
    if ((*scales)->dtype >= G4_DTYPE_FLOATS)
        return refuse_type(p->err, *scales, "BF16, F16 or F32");
    return 0;
}

/* Few enough to be looked at when the model is opened: a number for each row. By their bits, since
 * a model has a million of them: an exponent of ones, in the upper half of F32. */
static int check_finite(const struct parts *p, const struct g4_tensor *scales)
{
    const size_t n = g4_tensor_count(scales), width = g4_dtype_info(scales->dtype)->bytes;
    const unsigned exponent = scales->dtype == G4_DTYPE_F16 ? 0x7c00 : 0x7f80;
    const unsigned char *data = scales->data;
    for (size_t i = 0; i < n; i++) {
        uint16_t upper;
        memcpy(&upper, data + (i + 1) * width - sizeof upper, sizeof upper);
        if ((upper & exponent) == exponent)
            return g4_err_set(p->err, G4_EINPUT, "tensor '%s': element %zu is not finite",
                              scales->name, i);
    }
    return 0;
}

/* Scales [rows, groups] beside the codes of *out. */
static int add_scales(const struct parts *p, struct g4_matrix *out, const struct g4_tensor *scales)
{
    const size_t rows = p->shape->rows, cols = p->shape->cols;
    const size_t groups = scales->dims == 2 ? scales->shape[1] : 0;
    if (groups == 0 || scales->shape[0] != rows || cols % groups != 0)
        return g4_bind_refuse_shape(p->err, scales, "[%zu, a divisor of %zu]", rows, cols);
    out->scales = (struct g4_scales){.data = scales->data,
                                     .dtype = scales->dtype,
                                     .group = cols / groups,
                                     .stride = scales->bytes / rows};
    return groups == 1 ? check_finite(p, scales) : 0;
}

static struct g4_matrix codes(const struct g4_tensor *tensor, enum g4_dtype dtype, size_t rows,
                              size_t cols)
{
    return (struct g4_matrix){.data = tensor->data,
                              .dtype = dtype,
                              .rows = rows,
                              .cols = cols,
                              .stride = tensor->bytes / rows};
}

/* 2, 4 or 8 bits a code: what the bytes of a row say. */
static int bind_bytes(const struct parts *p, struct g4_matrix *out, const struct g4_tensor *tensor,
                      const struct g4_tensor *scales)
{
    const size_t rows = p->shape->rows, cols = p->shape->cols;
    const size_t row = tensor->dims == 2 && tensor->shape[0] == rows ? tensor->shape[1] : 0;
    if (tensor->dtype == G4_DTYPE_I8) {
        if (row != cols)
            return g4_bind_refuse_shape(p->err, tensor, "[%zu, %zu]", rows, cols);
        *out = codes(tensor, G4_DTYPE_I8, rows, cols);
    } else if (cols % 4 == 0 && row == cols / 4) {
        *out = codes(tensor, G4_DTYPE_I2, rows, cols);
    } else if (cols % 2 == 0 && row == cols / 2) {
        *out = codes(tensor, G4_DTYPE_I4, rows, cols);
    } else {
        return g4_bind_refuse_shape(p->err, tensor,
                                    "[%zu, a quarter or half of %zu] for codes of 2 or 4 bits",
                                    rows, cols);
    }
    return add_scales(p, out, scales);
}

/* M.weight_shape repeats the shape; I64 has no alignment in the file. */
static int check_stated_shape(const struct parts *p)
{
    const struct g4_tensor *stated = find_part(p, ".weight_shape");
    int64_t n[2];
    if (!stated)
        return 0;
    if (stated->dtype != G4_DTYPE_I64)
        return refuse_type(p->err, stated, "I64");
    if (stated->bytes != sizeof n)
        return g4_bind_refuse_shape(p->err, stated, "[2]");
    memcpy(n, stated->data, sizeof n);
    if (n[0] < 0 || n[1] < 0 || (size_t)n[0] != p->shape->rows || (size_t)n[1] != p->shape->cols)
        return g4_err_set(p->err, G4_EINPUT,
                          "tensor '%s': says [%" PRId64 ", %" PRId64 "], expected [%zu, %zu]",
                          stated->name, n[0], n[1], p->shape->rows, p->shape->cols);
    return 0;
}

static int bind_words(const struct parts *p, struct g4_matrix *out, const struct g4_tensor *tensor)
{
    const size_t rows = p->shape->rows, cols = p->shape->cols;
    const struct g4_tensor *scales;
    if (tensor->dtype != G4_DTYPE_I32)
        return refuse_type(p->err, tensor, "I32");
    if (tensor->dims != 2 || tensor->shape[0] != rows || cols % 8 != 0 ||
        tensor->shape[1] != cols / 8)
        return g4_bind_refuse_shape(p->err, tensor, "[%zu, an eighth of %zu]", rows, cols);
    int status = need_scales(p, ".weight_scale", &scales);
    if (status == 0)
        status = check_stated_shape(p);
    if (status < 0)
        return status;
    *out = codes(tensor, G4_DTYPE_I4, rows, cols);
    return add_scales(p, out, scales);
}

static int bind_table(const struct parts *p, struct g4_matrix *out, const struct g4_tensor *tensor)
{
    const struct g4_tensor *scales;
    if (tensor->dtype != G4_DTYPE_U8 && tensor->dtype != G4_DTYPE_I8)
        return refuse_type(p->err, tensor, "U8 or I8");
    int status = need_scales(p, ".embedding_scale", &scales);
    return status < 0 ? status : bind_bytes(p, out, tensor, scales);
}

/* The whole tensor shares the one scale: rows of a stack, too. */
static int bind_sfp8(const struct parts *p, struct g4_matrix *out, const struct g4_tensor *tensor,
                     const struct g4_tensor *scale)
{
    const struct g4_bind_shape *s = p->shape;
    if (!g4_bind_has_shape(tensor, s))
        return s->count > 0 ? g4_bind_refuse_shape(p->err, tensor, "[%zu, %zu, %zu]", s->count,
                                                   s->rows, s->cols)
                            : g4_bind_refuse_shape(p->err, tensor, "[%zu, %zu]", s->rows, s->cols);
    if (scale->dtype >= G4_DTYPE_FLOATS)
        return refuse_type(p->err, scale, "BF16, F16 or F32");
    if (g4_tensor_count(scale) != 1)
        return g4_bind_refuse_shape(p->err, scale, "[] or [1]");
    *out = codes(tensor, G4_DTYPE_SFP8, s->count > 0 ? s->count * s->rows : s->rows, s->cols);
    out->scales = (struct g4_scales){.data = scale->data, .dtype = scale->dtype, .group = s->cols};
    return check_finite(p, scale);
}

/* A tensor of bytes under the published name itself: the scale beside it tells what they are. */
static int bind_plain_name(struct parts *p, struct g4_matrix *out, const struct g4_tensor *tensor,
                           bool is_weight)
{
    const struct g4_tensor *scale = find_part(p, is_weight ? ".weight.scale" : ".scale");
    if (scale && tensor->dtype == G4_DTYPE_U8)
        return bind_sfp8(p, out, tensor, scale);
    if (!is_weight || p->shape->count > 0)
        return g4_err_set(p->err, G4_EUNSUPPORTED, "tensor '%s': dtype %s without '%s.scale'",
                          tensor->name, g4_dtype_info(tensor->dtype)->name, tensor->name);
    int status = need_scales(p, ".weight_scale", &scale);
    return status < 0 ? status : bind_bytes(p, out, tensor, scale);
}

int g4_bind_codes(struct g4_matrix *out, const struct g4_weights *weights, const char *name,
                  const struct g4_bind_shape *shape, struct g4_err *err)
{
    static const char weight[] = ".weight";
    const size_t n = strlen(name), ending = sizeof weight - 1;
    const bool is_weight = n > ending && strcmp(name + n - ending, weight) == 0;
    struct parts p = {weights, shape, err, name, is_weight ? n - ending : n};
    const struct g4_tensor *tensor = g4_weights_find(weights, name);
    int status;
    assert(shape->rows > 0 && shape->cols > 0);
    if (tensor) {
        if (tensor->dtype != G4_DTYPE_U8 && tensor->dtype != G4_DTYPE_I8)
            return 0;
        status = bind_plain_name(&p, out, tensor, is_weight);
    } else if (!is_weight || shape->count > 0) {
        return 0;
    } else if ((tensor = find_part(&p, ".weight_packed")) != NULL) {
        status = bind_words(&p, out, tensor);
    } else if ((tensor = find_part(&p, ".embedding_quantized")) != NULL) {
        status = bind_table(&p, out, tensor);
    } else {
        return 0;
    }
    return status < 0 ? status : 1;
}

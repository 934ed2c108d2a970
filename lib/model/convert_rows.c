/* convert_rows.c - see the header. */
#include "lib/model/convert_rows.h"

#include <math.h>
#include <string.h>

#include "lib/tensor/quant.h"

/* log(1 + e^x), which is x where e^x is all of it. */
static float softplus(float x)
{
    return x > 20 ? x : (float)log1p(exp((double)x));
}

/* The y of softplus(y) = x; what has come to 0 was below the y of the smallest number. */
static float softplus_back(float x)
{
    static const float lowest = -104;
    if (x <= 0)
        return lowest;
    return x > 20 ? x : (float)log(expm1((double)x));
}

/* The same formula both ways: the table of positions is transposed. */
size_t g4_convert_source_row(const struct g4_convert_tensor *t, size_t r)
{
    if (t->change != G4_CHANGE_BY_AXIS)
        return r;
    return r % t->shape[1] * t->shape[0] + r / t->shape[1];
}

static const unsigned char *source_at(const struct g4_convert_tensor *t, size_t r)
{
    const size_t bytes = g4_dtype_info(t->source->dtype)->bytes; /* of one: sources are floats */
    return (const unsigned char *)t->source->data + g4_convert_source_row(t, r) * t->cols * bytes;
}

/* y[cols] = row r as float32, in its new order. */
static void read_row(const struct g4_convert_row *row, size_t r, float *y, float *tmp)
{
    const struct g4_convert_tensor *t = row->tensor;
    if (t->change == G4_CHANGE_ROPE_FACTORS) {
        for (size_t k = 0; k < t->cols; k++)
            y[k] = k < t->turned ? 1.0f : 1e30f;
        return;
    }
    if (t->change == G4_CHANGE_SCALE_OF) {
        y[0] = row->scales[t->index];
        return;
    }
    const bool first = t->change == G4_CHANGE_CHANNELS_FIRST;
    const bool last = t->change == G4_CHANGE_CHANNELS_LAST;
    row->kernels->dtype[t->source->dtype].widen(first || last ? tmp : y, source_at(t, r), t->cols,
                                                1.0f);
    const size_t pixels = t->cols / 3;
    for (size_t c = 0; (first || last) && c < 3; c++)
        for (size_t i = 0; i < pixels; i++) {
            const size_t by_channel = c * pixels + i, by_pixel = i * 3 + c;
            y[first ? by_channel : by_pixel] = tmp[first ? by_pixel : by_channel];
        }
    for (size_t k = 0; t->change == G4_CHANGE_SOFTPLUS && k < t->cols; k++)
        y[k] = softplus(y[k]);
    for (size_t k = 0; t->change == G4_CHANGE_SOFTPLUS_BACK && k < t->cols; k++)
        y[k] = softplus_back(y[k]);
}

static uint32_t largest(const float *x, size_t n)
{
    int32_t most = 0;
    for (size_t k = 0; k < n; k++) {
        int32_t bits;
        memcpy(&bits, &x[k], sizeof bits);
        bits &= 0x7fffffff;
        most = bits > most ? bits : most;
    }
    return (uint32_t)most;
}

uint32_t g4_convert_row_largest(const struct g4_convert_row *row, size_t r, float *tmp)
{
    read_row(row, r, tmp, tmp + row->tensor->cols);
    return largest(tmp, row->tensor->cols);
}

/* Bits of the largest |x| a type has room for; scales of blocks are halves. */
static uint32_t room_in(enum g4_dtype dtype)
{
    const bool wide = dtype == G4_DTYPE_F32 || dtype == G4_DTYPE_BF16 || dtype == G4_DTYPE_SFP8;
    return wide ? 0x7f7f0000 : 0x477fe000; /* the largest bf16, 65504 */
}

bool g4_convert_row(const struct g4_convert_row *row, size_t r, unsigned char *out, float *tmp)
{
    const struct g4_convert_tensor *t = row->tensor;
    size_t bytes = 0;
    g4_dtype_row_bytes(t->dtype, t->cols, &bytes); /* fits: the tensor was announced */
    if (t->source && t->source->dtype == t->dtype &&
        (t->change == G4_CHANGE_NONE || t->change == G4_CHANGE_BY_AXIS)) {
        memcpy(out, source_at(t, r), bytes);
        return true;
    }
    read_row(row, r, tmp, tmp + t->cols);
    if (largest(tmp, t->cols) > room_in(t->dtype)) {
        memset(out, 0, bytes);
        return false;
    }
    for (size_t k = 0; row->scale != 1 && k < t->cols; k++)
        tmp[k] /= row->scale;
    g4_quantise(t->dtype, out, tmp, t->cols);
    return true;
}

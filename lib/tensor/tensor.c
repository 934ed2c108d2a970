/* tensor.c - looking at a stored tensor. */
#include "lib/tensor/tensor.h"

#include <assert.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include "lib/tensor/half.h"

size_t g4_tensor_count(const struct g4_tensor *tensor)
{
    size_t count = 1;
    for (int i = 0; i < tensor->dims; i++)
        count *= tensor->shape[i];
    return count;
}

char *g4_tensor_shape_text(const struct g4_tensor *tensor, char *out, size_t size)
{
    size_t used = 0;
    if (size == 0)
        return out;
    for (int i = 0; i < tensor->dims && used < size; i++) {
        int n = snprintf(out + used, size - used, "%s%zu", i ? ", " : "[", tensor->shape[i]);
        used += n > 0 ? (size_t)n : 0;
    }
    if (used < size)
        snprintf(out + used, size - used, "%s", tensor->dims ? "]" : "[]");
    return out;
}

/* Stored numbers have no alignment, hence memcpy. */
#define LOAD(type)                                                                                 \
    ((void)memcpy(&value.type##_, p + i * sizeof value.type##_, sizeof value.type##_),             \
     (float)value.type##_)

float g4_tensor_get(const struct g4_tensor *tensor, size_t i)
{
    const unsigned char *p = tensor->data;
    union {
        float f32_;
        double f64_;
        int8_t i8_;
        uint8_t u8_;
        int16_t i16_;
        uint16_t u16_;
        int32_t i32_;
        uint32_t u32_;
        int64_t i64_;
        uint64_t u64_;
    } value;
    assert(i < g4_tensor_count(tensor));
    switch (tensor->dtype) {
    case G4_DTYPE_F32: return LOAD(f32);
    case G4_DTYPE_F64: return LOAD(f64);
    case G4_DTYPE_I8: return LOAD(i8);
    case G4_DTYPE_U8: return LOAD(u8);
    case G4_DTYPE_I16: return LOAD(i16);
    case G4_DTYPE_U16: return LOAD(u16);
    case G4_DTYPE_I32: return LOAD(i32);
    case G4_DTYPE_U32: return LOAD(u32);
    case G4_DTYPE_I64: return LOAD(i64);
    case G4_DTYPE_U64: return LOAD(u64);
    case G4_DTYPE_F16: memcpy(&value.u16_, p + i * 2, 2); return g4_f16_to_f32(value.u16_);
    case G4_DTYPE_BF16: memcpy(&value.u16_, p + i * 2, 2); return g4_bf16_to_f32(value.u16_);
    default: assert(!"a float or integer type"); return 0.0f;
    }
}

#undef LOAD

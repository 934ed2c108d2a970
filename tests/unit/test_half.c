/* The 16-bit floats against arithmetic done another way, over all of them. */
#include "tests/unit/model_fixture.h"

#include <math.h>

#include "lib/tensor/half.h"
#include "lib/tensor/tensor.h"

static float from_bits(uint32_t bits)
{
    float x;
    memcpy(&x, &bits, sizeof x);
    return x;
}

static void every_f16(void **state)
{
    (void)state;
    for (uint32_t h = 0; h < 65536; h++) {
        int exponent = (int)(h >> 10 & 31), mantissa = (int)(h & 1023);
        bool negative = h >> 15;
        double sign = negative ? -1 : 1;
        float got = g4_f16_to_f32((uint16_t)h);
        if (exponent == 31 && mantissa) {
            assert_true(isnan(got));
        } else if (exponent == 31) {
            assert_true(isinf(got) && !!signbit(got) == negative);
        } else {
            double want = exponent ? ldexp(1024 + mantissa, exponent - 25) : ldexp(mantissa, -24);
            assert_true(got == (float)(sign * want) && !!signbit(got) == negative);
        }
    }
}

static void every_bf16_comes_back(void **state)
{
    (void)state;
    for (uint32_t h = 0; h < 65536; h++) {
        float x = g4_bf16_to_f32((uint16_t)h);
        if (isnan(x))
            assert_true(isnan(g4_bf16_to_f32(g4_f32_to_bf16(x))));
        else
            assert_int_equal(g4_f32_to_bf16(x), h);
    }
}

static void bf16_rounds_to_even(void **state)
{
    (void)state;
    assert_int_equal(g4_f32_to_bf16(from_bits(0x3f808000)), 0x3f80); /* tie, even below */
    assert_int_equal(g4_f32_to_bf16(from_bits(0x3f818000)), 0x3f82); /* tie, even above */
    assert_int_equal(g4_f32_to_bf16(from_bits(0x3f808001)), 0x3f81);
    assert_int_equal(g4_f32_to_bf16(from_bits(0x7f7fffff)), 0x7f80); /* overflows to infinity */
    assert_int_equal(g4_f32_to_bf16(from_bits(0x80000001)), 0x8000);
    assert_true(isnan(g4_bf16_to_f32(g4_f32_to_bf16(from_bits(0x7f800001)))));
}

static void every_f16_comes_back(void **state)
{
    (void)state;
    for (uint32_t h = 0; h < 65536; h++) {
        float x = g4_f16_to_f32((uint16_t)h);
        if (isnan(x))
            assert_true(isnan(g4_f16_to_f32(g4_f32_to_f16(x))));
        else
            assert_int_equal(g4_f32_to_f16(x), h);
    }
}

/* Halfway between any two neighbours is the even one; the next float on either side is not. */
static void f16_rounds_to_even(void **state)
{
    (void)state;
    for (uint32_t h = 0; h < 0x7c00; h++) {
        const double next = h == 0x7bff ? 65536 : g4_f16_to_f32((uint16_t)(h + 1));
        const float middle = (float)((g4_f16_to_f32((uint16_t)h) + next) / 2);
        const uint32_t even = h + (h & 1);
        assert_int_equal(g4_f32_to_f16(middle), even);
        assert_int_equal(g4_f32_to_f16(-middle), even | 0x8000);
        assert_int_equal(g4_f32_to_f16(nextafterf(middle, 0)), h);
        assert_int_equal(g4_f32_to_f16(nextafterf(middle, INFINITY)), h + 1);
    }
    assert_int_equal(g4_f32_to_f16(65519.996f), 0x7bff);
    assert_int_equal(g4_f32_to_f16(65520), 0x7c00);
    assert_int_equal(g4_f32_to_f16(-1e30f), 0xfc00);
    assert_int_equal(g4_f32_to_f16(from_bits(0x80000001)), 0x8000);
    assert_true(isnan(g4_f16_to_f32(g4_f32_to_f16(from_bits(0x7f800001)))));
}

static void every_type_is_read(void **state)
{
    (void)state;
    static const struct {
        enum g4_dtype dtype;
        unsigned char bytes[8];
        float want;
    } cases[] = {
        {G4_DTYPE_F32, {0, 0, 0xc0, 0xbf}, -1.5f},
        {G4_DTYPE_F64, {0, 0, 0, 0, 0, 0, 0xf8, 0x3f}, 1.5f},
        {G4_DTYPE_F16, {0, 0xbe}, -1.5f},
        {G4_DTYPE_BF16, {0xc0, 0xbf}, -1.5f},
        {G4_DTYPE_I8, {0xff}, -1},
        {G4_DTYPE_U8, {0xff}, 255},
        {G4_DTYPE_I16, {0xfe, 0xff}, -2},
        {G4_DTYPE_U16, {0xfe, 0xff}, 65534},
        {G4_DTYPE_I32, {0xfd, 0xff, 0xff, 0xff}, -3},
        {G4_DTYPE_U32, {3, 0, 0, 1}, 16777219},
        {G4_DTYPE_I64, {0xfc, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff}, -4},
        {G4_DTYPE_U64, {4, 0, 0, 0, 1}, 4294967300.0f},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        unsigned char unaligned[17] = {0};
        size_t bytes = g4_dtype_info(cases[i].dtype)->bytes;
        memcpy(unaligned + 1 + bytes, cases[i].bytes, bytes);
        const struct g4_tensor tensor = {.dtype = cases[i].dtype,
                                         .dims = 1,
                                         .shape = {2},
                                         .data = unaligned + 1,
                                         .bytes = 2 * bytes};
        assert_true(g4_tensor_get(&tensor, 1) == cases[i].want);
        assert_true(g4_tensor_get(&tensor, 0) == 0);
    }
}

static void rows_and_shapes(void **state)
{
    (void)state;
    size_t bytes;
    char text[40], tight[6];
    const struct g4_tensor cube = {.dims = 3, .shape = {2, 3, 4}}, scalar = {.dims = 0};
    assert_true(g4_dtype_row_bytes(G4_DTYPE_BF16, 5, &bytes) && bytes == 10);
    assert_false(g4_dtype_row_bytes(G4_DTYPE_F32, SIZE_MAX / 2, &bytes));
    assert_false(g4_dtype_row_bytes(G4_DTYPE_OTHER, 1, &bytes));
    assert_string_equal(g4_tensor_shape_text(&cube, text, sizeof text), "[2, 3, 4]");
    assert_string_equal(g4_tensor_shape_text(&scalar, text, sizeof text), "[]");
    assert_string_equal(g4_tensor_shape_text(&cube, tight, sizeof tight), "[2, 3");
    assert_int_equal(g4_tensor_count(&cube), 24);
    assert_int_equal(g4_tensor_count(&scalar), 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_f16),           cmocka_unit_test(every_bf16_comes_back),
        cmocka_unit_test(bf16_rounds_to_even), cmocka_unit_test(every_f16_comes_back),
        cmocka_unit_test(f16_rounds_to_even),  cmocka_unit_test(every_type_is_read),
        cmocka_unit_test(rows_and_shapes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

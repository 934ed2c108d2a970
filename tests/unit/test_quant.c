/*
 * test_quant.c - stored blocks against the numbers they mean, and back.
 *
 * tests/data/quant-blocks.safetensors comes from tests/reference/quant_blocks.py, which has each
 * type again from its formula: compared exactly.
 */
#include "tests/unit/model_fixture.h"

#include <math.h>

#include "lib/format/safetensors.h"
#include "lib/tensor/half.h"
#include "lib/tensor/quant.h"

enum { MANY = 256 * 512 };

static struct g4_safetensors blocks;

static int open_blocks(void **state)
{
    struct g4_err err = {0};
    (void)state;
    if (g4_safetensors_open(&blocks, "tests/data/quant-blocks.safetensors", &err) == 0)
        return 0;
    print_error("%s\n", err.text);
    return -1;
}

static int close_blocks(void **state)
{
    (void)state;
    g4_safetensors_close(&blocks);
    return 0;
}

static const struct g4_tensor *part(enum g4_dtype dtype, const char *what)
{
    char name[64];
    snprintf(name, sizeof name, "%s.%s", g4_dtype_info(dtype)->name, what);
    return g4_safetensors_find(&blocks, name);
}

static void *copy_of(const struct g4_tensor *tensor)
{
    void *copy = malloc(tensor->bytes);
    assert_non_null(copy);
    memcpy(copy, tensor->data, tensor->bytes);
    return copy;
}

static void every_type_is_decoded(void **state)
{
    (void)state;
    for (enum g4_dtype dtype = G4_DTYPE_FLOATS; dtype < G4_DTYPE_WEIGHTS; dtype++) {
        const struct g4_tensor *bytes = part(dtype, "bytes"), *values = part(dtype, "values");
        assert_non_null(bytes);
        assert_non_null(values);
        const size_t n = g4_tensor_count(values);
        unsigned char *stored = copy_of(bytes); /* exactly sized: reading beyond is seen */
        float *want = copy_of(values), *got = malloc(n * sizeof *got);
        assert_non_null(got);
        assert_int_equal(bytes->bytes / g4_dtype_info(dtype)->bytes,
                         n / g4_dtype_info(dtype)->block);
        g4_dequantise(dtype, got, stored, n);
        for (size_t i = 0; i < n; i++) {
            if (memcmp(&got[i], &want[i], sizeof *got) != 0 && got[i] != want[i])
                fail_msg("%s: element %zu: %.9g, expected %.9g", g4_dtype_info(dtype)->name, i,
                         (double)got[i], (double)want[i]);
        }
        free(stored);
        free(want);
        free(got);
    }
}

static void floats_are_decoded(void **state)
{
    (void)state;
    const unsigned char bytes[] = {0, 0x3c, 0x80, 0x3f, 0, 0xc0};
    float y[3];
    g4_dequantise(G4_DTYPE_BF16, y, bytes + 2, 2);
    assert_true(y[0] == 1.0f && y[1] == -2.0f);
    g4_dequantise(G4_DTYPE_F16, y, bytes, 1);
    assert_true(y[0] == 1.0f);
    const float x[3] = {1.5f, -3e38f, 1e-45f};
    g4_dequantise(G4_DTYPE_F32, y, x, 3);
    assert_memory_equal(x, y, sizeof x);
}

static void bytes_are_those_of_every_writer(void **state)
{
    (void)state;
    const struct g4_tensor *inputs = g4_safetensors_find(&blocks, "inputs");
    int seen = 0;
    assert_non_null(inputs);
    float *x = copy_of(inputs);
    for (enum g4_dtype dtype = 0; dtype < G4_DTYPE_WEIGHTS; dtype++) {
        const struct g4_tensor *want = part(dtype, "encoded");
        if (!want)
            continue;
        assert_true(g4_quantise_known(dtype));
        unsigned char *got = malloc(want->bytes);
        assert_non_null(got);
        g4_quantise(dtype, got, x, g4_tensor_count(inputs));
        const unsigned char *expected = want->data;
        for (size_t i = 0; i < want->bytes; i++) {
            if (got[i] != expected[i])
                fail_msg("%s: byte %zu: %02x, expected %02x", g4_dtype_info(dtype)->name, i, got[i],
                         expected[i]);
        }
        free(got);
        seen++;
    }
    assert_int_equal(seen, 8);
    free(x);
}

static void every_code_of_sfp8_comes_back(void **state)
{
    (void)state;
    for (int code = 0; code < 256; code++) {
        const unsigned char byte = (unsigned char)code;
        unsigned char again;
        float x;
        g4_dequantise(G4_DTYPE_SFP8, &x, &byte, 1);
        g4_quantise(G4_DTYPE_SFP8, &again, &x, 1);
        assert_int_equal(again, code == 128 ? 0 : code);
    }
    const float beyond[2] = {7.0f, -1e30f};
    unsigned char bytes[2];
    g4_quantise(G4_DTYPE_SFP8, bytes, beyond, 2);
    assert_int_equal(bytes[0], 127);
    assert_int_equal(bytes[1], 255);
}

/* Sum of twelve uniform numbers: nearly a normal distribution, the same in every run. */
static void fill_normal(float *x, size_t n)
{
    uint32_t seed = 7;
    for (size_t i = 0; i < n; i++) {
        float sum = -6;
        for (int k = 0; k < 12; k++) {
            seed = seed * 1664525u + 1013904223u;
            sum += (float)(seed >> 8) / (1 << 24);
        }
        x[i] = sum;
    }
}

static double rms_error(enum g4_dtype dtype, const float *x, size_t n)
{
    double squares = 0;
    float *y = malloc(n * sizeof *y);
    unsigned char *bytes = malloc(n / 256 * g4_dtype_info(dtype)->bytes);
    assert_non_null(y);
    assert_non_null(bytes);
    g4_quantise(dtype, bytes, x, n);
    g4_dequantise(dtype, y, bytes, n);
    for (size_t i = 0; i < n; i++)
        squares += ((double)y[i] - x[i]) * ((double)y[i] - x[i]);
    free(y);
    free(bytes);
    return sqrt(squares / (double)n);
}

/* What people use to write these types leaves 0.07036, 0.03556 and 0.01744 of these numbers; 2 %
 * more is allowed. */
static void searched_types_lose_little(void **state)
{
    static const struct {
        enum g4_dtype dtype;
        double most;
    } cases[] = {{G4_DTYPE_Q4_K, 0.0717}, {G4_DTYPE_Q5_K, 0.0362}, {G4_DTYPE_Q6_K, 0.0177}};
    float *x = malloc(MANY * sizeof *x);
    (void)state;
    assert_non_null(x);
    fill_normal(x, MANY);
    for (size_t i = 0; i < 3; i++) {
        const double error = rms_error(cases[i].dtype, x, MANY);
        print_message("%s: rms error %.5f, limit %.5f\n", g4_dtype_info(cases[i].dtype)->name,
                      error, cases[i].most);
        assert_true(error < cases[i].most);
    }
    free(x);
}

/* Blocks without a range, with one value, with values no half can scale: bounded, nothing odd. */
static void searched_types_on_odd_blocks(void **state)
{
    static const enum g4_dtype types[] = {G4_DTYPE_Q4_K, G4_DTYPE_Q5_K, G4_DTYPE_Q6_K};
    float x[256];
    (void)state;
    for (size_t t = 0; t < 3; t++) {
        static const float constants[] = {0, 1, -1, 0.03f, -0.03f, 30000, -30000};
        for (size_t c = 0; c < sizeof constants / sizeof constants[0]; c++) {
            for (int k = 0; k < 256; k++)
                x[k] = constants[c];
            assert_true(rms_error(types[t], x, 256) <= fabs((double)constants[c]) * 0.01);
        }
        memset(x, 0, sizeof x);
        x[77] = -2;
        assert_true(rms_error(types[t], x, 256) < 0.001);
        for (int k = 0; k < 256; k++)
            x[k] = (float)(k % 13 - 6) * 1e-9f; /* below the smallest half: nothing is left */
        assert_true(rms_error(types[t], x, 256) < 1e-8);
        unsigned char bytes[256];
        for (int k = 0; k < 256; k++)
            x[k] = k % 2 ? 3e38f : -3e38f; /* no number comes back, but bytes do */
        g4_quantise(types[t], bytes, x, 256);
    }
}

static void what_can_be_written(void **state)
{
    (void)state;
    assert_true(g4_quantise_known(G4_DTYPE_Q6_K));
    assert_true(g4_quantise_known(G4_DTYPE_F32));
    assert_false(g4_quantise_known(G4_DTYPE_Q2_K));
    assert_false(g4_quantise_known(G4_DTYPE_I4));
    assert_false(g4_quantise_known(G4_DTYPE_U8));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_type_is_decoded),
        cmocka_unit_test(floats_are_decoded),
        cmocka_unit_test(bytes_are_those_of_every_writer),
        cmocka_unit_test(every_code_of_sfp8_comes_back),
        cmocka_unit_test(searched_types_lose_little),
        cmocka_unit_test(searched_types_on_odd_blocks),
        cmocka_unit_test(what_can_be_written),
    };
    return cmocka_run_group_tests(tests, open_blocks, close_blocks);
}

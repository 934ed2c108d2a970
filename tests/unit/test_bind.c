/* Names to checked pointers: shapes, types, what may be missing. */
#include "tests/unit/model_fixture.h"

#include <math.h>

#include "lib/model/bind.h"

/* What the file holds, in this order; the data counts 0, 1, 2 ... but where setup writes. */
static const struct {
    const char *name, *dtype, *shape;
    size_t bytes;
} stored[] = {
    {"m", "BF16", "[2,3]", 12},
    {"conv", "BF16", "[2,1,3]", 12},
    {"experts", "F16", "[2,2,3]", 24},
    {"v", "F32", "[3]", 12},
    {"s", "BF16", "[]", 2},
    {"s1", "BF16", "[1]", 2},
    {"i", "I32", "[2,3]", 24},
    {"empty", "BF16", "[0,3]", 0},
    {"p.linear.weight", "BF16", "[2,3]", 12},
    {"p.input_min", "BF16", "[]", 2},
    {"p.output_max", "BF16", "[]", 2},
    {"nan", "BF16", "[2]", 4},
    {"one_nan", "BF16", "[]", 2},
};

enum { HEADER = 2048 };

/* Writes the header of `stored`, returns the bytes of data. */
static size_t make_header(char header[HEADER])
{
    size_t at = 0, used = 0;
    for (size_t i = 0; i < sizeof stored / sizeof stored[0]; i++) {
        int n = snprintf(header + used, HEADER - used,
                         "%s\"%s\":{\"dtype\":\"%s\",\"shape\":%s,\"data_offsets\":[%zu,%zu]}",
                         i ? "," : "{", stored[i].name, stored[i].dtype, stored[i].shape, at,
                         at + stored[i].bytes);
        used += (size_t)n;
        at += stored[i].bytes;
    }
    assert_true(used + 1 < HEADER);
    stpcpy(header + used, "}");
    return at;
}

struct fixture {
    char *folder;
    struct g4_weights weights;
    struct g4_arena arena;
    struct g4_err err;
    struct g4_bind bind;
};

static int setup(void **state)
{
    struct fixture *f = calloc(1, sizeof *f);
    size_t size;
    f->folder = fixture_folder();
    char header[HEADER];
    size_t n = make_header(header);
    unsigned char *bytes = fixture_safetensors(header, n, &size), *data = bytes + size - n;
    const float v[3] = {1.5f, -2, 0};
    const uint16_t limits[2] = {0xc000, 0x4040}, nan[2] = {0x3f80, 0x7fc0};
    memcpy(data + 48, v, sizeof v);
    memcpy(data + 60, (const uint16_t[]){0x4000, 0x4080}, 4);
    memcpy(data + 100, limits, sizeof limits);
    memcpy(data + 104, nan, sizeof nan);
    memcpy(data + 108, nan + 1, 2);
    fixture_write(f->folder, "model.safetensors", bytes, size);
    free(bytes);
    if (g4_weights_open(&f->weights, f->folder, NULL, &f->err) < 0)
        fail_msg("%s", f->err.text);
    assert_null(g4_arena_take(&f->arena, 100, sizeof(float)));
    assert_int_equal(g4_arena_alloc(&f->arena, "vectors", &f->err), 0);
    f->bind = (struct g4_bind){.weights = &f->weights, .arena = &f->arena, .err = &f->err};
    *state = f;
    return 0;
}

static int teardown(void **state)
{
    struct fixture *f = *state;
    g4_weights_close(&f->weights);
    g4_arena_release(&f->arena);
    fixture_remove(f->folder);
    free(f);
    return 0;
}

/* The bind failed with this message; the next case begins anew. */
static void assert_refused(struct fixture *f, const char *message)
{
    assert_true(f->bind.status < 0);
    assert_int_equal(f->err.code, f->bind.status);
    assert_message(&f->err, message);
    f->bind.status = 0;
}

static void matrices(void **state)
{
    struct fixture *f = *state;
    struct g4_matrix m, e[2];
    g4_bind_matrix(&f->bind, &m, 2, 3, true, "%s", "m");
    assert_int_equal(f->bind.status, 0);
    assert_true(m.rows == 2 && m.cols == 3 && m.stride == 6 && m.dtype == G4_DTYPE_BF16);
    assert_ptr_equal(m.data, g4_weights_find(&f->weights, "m")->data);
    g4_bind_matrix(&f->bind, &m, 2, 3, true, "conv");
    assert_int_equal(f->bind.status, 0);
    g4_bind_matrix(&f->bind, &m, 3, 2, true, "m");
    assert_refused(f, "tensor 'm': shape [2, 3], expected [3, 2]");
    assert_null(m.data);
    g4_bind_matrix(&f->bind, &m, 2, 3, true, "i");
    assert_refused(f, "tensor 'i': dtype I32, expected a type of weights");
    g4_bind_matrix(&f->bind, &m, 2, 3, true, "layers.%d.x", 7);
    assert_refused(f, "tensor 'layers.7.x': missing");
    g4_bind_matrix(&f->bind, &m, 2, 3, false, "layers.%d.x", 7);
    assert_true(f->bind.status == 0 && m.data == NULL);
    g4_bind_matrix(&f->bind, &m, 2, 3, true, "empty");
    assert_refused(f, "tensor 'empty': shape [0, 3], expected [2, 3]");
    g4_bind_matrix(&f->bind, &m, 1, 1, true, "s");
    assert_refused(f, "tensor 's': shape [], expected [1, 1]");
    g4_bind_matrix(&f->bind, &m, 1, 1, true, "%0600d", 1);
    assert_refused(f, "a tensor name is longer");

    g4_bind_matrices(&f->bind, e, 2, 2, 3, true, "experts");
    assert_int_equal(f->bind.status, 0);
    assert_true(e[1].rows == 2 && e[1].cols == 3 && e[1].dtype == G4_DTYPE_F16);
    assert_ptr_equal(e[1].data, (const char *)e[0].data + 12);
    g4_bind_matrices(&f->bind, NULL, 2, 2, 3, true, "experts");
    assert_int_equal(f->bind.status, 0);
    g4_bind_matrices(&f->bind, e, 2, 3, 2, true, "experts");
    assert_refused(f, "tensor 'experts': shape [2, 2, 3], expected [2, 3, 2]");
    assert_null(e[0].data);
}

static void vectors_and_scalars(void **state)
{
    struct fixture *f = *state;
    struct g4_arena measuring = {0};
    const float *v;
    float s = 9;
    g4_bind_vector(&f->bind, &v, 3, true, "v");
    assert_int_equal(f->bind.status, 0);
    assert_true(v[0] == 1.5f && v[1] == -2 && v[2] == 0);
    g4_bind_vector(&f->bind, &v, 4, true, "v");
    assert_refused(f, "tensor 'v': shape [3], expected [4]");
    g4_bind_vector(&f->bind, &v, 2, true, "nan");
    assert_refused(f, "tensor 'nan': element 1 is not finite");
    g4_bind_vector(&f->bind, &v, 3, false, "none");
    assert_true(f->bind.status == 0 && v == NULL);
    f->bind.arena = &measuring;
    g4_bind_vector(&f->bind, &v, 3, true, "v");
    assert_true(f->bind.status == 0 && v == NULL && measuring.used >= 3 * sizeof *v);
    g4_bind_scalar(&f->bind, &s, true, "s");
    assert_true(f->bind.status == 0 && s == 2);
    g4_bind_scalar(&f->bind, &s, true, "s1");
    assert_true(f->bind.status == 0 && s == 4);
    g4_bind_scalar(&f->bind, &s, false, "none");
    assert_true(f->bind.status == 0 && s == 4);
    g4_bind_scalar(&f->bind, &s, true, "v");
    assert_refused(f, "tensor 'v': shape [3], expected [] or [1]");
    g4_bind_scalar(&f->bind, &s, true, "one_nan");
    assert_refused(f, "tensor 'one_nan': not a number");
}

static void clipped(void **state)
{
    struct fixture *f = *state;
    struct g4_linear layer;
    g4_bind_clipped(&f->bind, &layer, 2, 3, "%c", 'p');
    assert_int_equal(f->bind.status, 0);
    assert_non_null(layer.w.data);
    assert_true(layer.in_min == -2 && layer.in_max == INFINITY);
    assert_true(layer.out_min == -INFINITY && layer.out_max == 3 && layer.bias == NULL);
    g4_bind_clipped(&f->bind, &layer, 2, 3, "q");
    assert_refused(f, "tensor 'q.linear.weight': missing");
}

static void the_first_error_stays(void **state)
{
    struct fixture *f = *state;
    struct g4_matrix m = {.rows = 77};
    const float *v = (const float *)&m;
    float s = 5;
    g4_bind_matrix(&f->bind, &m, 9, 9, true, "m");
    m.rows = 77;
    g4_bind_matrix(&f->bind, &m, 2, 3, true, "m");
    g4_bind_vector(&f->bind, &v, 3, true, "none");
    g4_bind_scalar(&f->bind, &s, true, "none");
    assert_true(m.rows == 77 && v == (const float *)&m && s == 5);
    assert_refused(f, "tensor 'm': shape [2, 3], expected [9, 9]");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(matrices, setup, teardown),
        cmocka_unit_test_setup_teardown(vectors_and_scalars, setup, teardown),
        cmocka_unit_test_setup_teardown(clipped, setup, teardown),
        cmocka_unit_test_setup_teardown(the_first_error_stays, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

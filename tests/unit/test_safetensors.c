/* Every promise of the format, broken once. */
#include "tests/unit/model_fixture.h"

#include "lib/format/safetensors.h"

/* Parses header + data in exactly sized memory, so that a sanitiser sees a byte too far. */
static int parse(const char *header, size_t data_bytes, struct g4_err *err)
{
    size_t size;
    struct g4_safetensors file;
    unsigned char *bytes = fixture_safetensors(header, data_bytes, &size);
    int status = g4_safetensors_parse(&file, bytes, size, "f", err);
    if (status < 0)
        assert_true(file.tensors == NULL && file.count == 0);
    g4_safetensors_close(&file);
    free(bytes);
    return status;
}

#define EMPTY "{\"dtype\":\"U8\",\"shape\":[0],\"data_offsets\":[0,0]}"

static void accepts(void **state)
{
    (void)state;
    static const struct {
        const char *header;
        size_t data;
    } cases[] = {
        {"{}", 0},
        {"{}      ", 0},
        {"{\"__metadata__\":{\"format\":\"pt\"}}", 0},
        {"{\"a\":{\"dtype\":\"BF16\",\"shape\":[],\"data_offsets\":[0,2]}}", 2},
        {"{\"a\":{\"dtype\":\"F32\",\"shape\":[3,0,7],\"data_offsets\":[0,0]}}", 0},
        {"{\"b\":{\"dtype\":\"U8\",\"shape\":[3],\"data_offsets\":[4,7]},"
         "\"a\":{\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":[0,4]}}",
         7},
        {"{\"e\":{\"dtype\":\"F32\",\"shape\":[0],\"data_offsets\":[4,4]},"
         "\"f\":{\"dtype\":\"I8\",\"shape\":[2],\"data_offsets\":[4,6]},"
         "\"a\":{\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":[0,4],\"more\":1}}",
         6},
        {"{\"a\":{\"dtype\":\"F4\",\"shape\":[3,2],\"data_offsets\":[0,3]}}", 3},
        {"{\"a\":{\"dtype\":\"F6_E2M3\",\"shape\":[4],\"data_offsets\":[0,3]}}", 3},
        {"{\"a\":{\"dtype\":\"C64\",\"shape\":[1,1,1,1,1,1,1,1],\"data_offsets\":[0,8]}}", 8},
        {"{\"a\":{\"dtype\":\"F8_E8M0\",\"shape\":[1],\"data_offsets\":[0,1]}}", 1},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct g4_err err = {0};
        if (parse(cases[i].header, cases[i].data, &err) < 0)
            fail_msg("case %zu: %s", i, err.text);
    }
}

#define ONE(dtype, shape, offsets)                                                                 \
    "{\"w.x\":{\"dtype\":" dtype ",\"shape\":" shape ",\"data_offsets\":" offsets "}}"

static void refuses(void **state)
{
    (void)state;
    static const struct {
        const char *header;
        size_t data;
        const char *message;
    } cases[] = {
        {"[]", 0, "'f': the header is not a JSON object"},
        {" {}", 0, "'f': the header is not a JSON object"},
        {"", 0, "'f': the header is not a JSON object"},
        {"{", 0, "'f': line 1"},
        {"{}x", 0, "'f': line 1"},
        {"{\"\xff\":1}", 0, "'f': line 1"},
        {"{\"__metadata__\":{\"a\":1}}", 0, "'f': __metadata__.a: expected a string"},
        {"{\"__metadata__\":[]}", 0, "'f': __metadata__: expected an object"},
        {"{\"w.x\":3}", 0, "tensor 'w.x': expected an object"},
        {"{\"w.x\":{}}", 0, "tensor 'w.x': dtype: missing"},
        {ONE("16", "[1]", "[0,2]"), 2, "tensor 'w.x': dtype: expected a string"},
        {ONE("\"BF17\"", "[1]", "[0,2]"), 2, "tensor 'w.x': unknown dtype 'BF17'"},
        {ONE("\"BF16\"", "1", "[0,2]"), 2,
         "tensor 'w.x': shape: expected an array of 0..8 integers"},
        {ONE("\"BF16\"", "[1,1,1,1,1,1,1,1,1]", "[0,2]"), 2,
         "tensor 'w.x': shape: expected an array"},
        {ONE("\"BF16\"", "[-1]", "[0,2]"), 2, "tensor 'w.x': shape: element 0 is not an integer"},
        {ONE("\"BF16\"", "[1,\"1\"]", "[0,2]"), 2,
         "tensor 'w.x': shape: element 1 is not an integer"},
        {ONE("\"BF16\"", "[1.0]", "[0,2]"), 2, "tensor 'w.x': shape: element 0 is not an integer"},
        {ONE("\"BF16\"", "[1]", "[0]"), 2, "tensor 'w.x': data_offsets: expected an array of 2..2"},
        {ONE("\"BF16\"", "[1]", "[0,2,4]"), 2, "tensor 'w.x': data_offsets: expected an array"},
        {ONE("\"BF16\"", "[1]", "[2,0]"), 2, "data_offsets [2, 0] beyond the 2 bytes of data"},
        {ONE("\"BF16\"", "[1]", "[0,2]"), 1,
         "data_offsets [0, 2] beyond the 1 bytes of data (truncated"},
        {ONE("\"BF16\"", "[1]", "[-2,0]"), 2, "data_offsets: element 0 is not an integer"},
        {ONE("\"BF16\"", "[2]", "[0,2]"), 2, "data_offsets [0, 2] do not fit shape [2] of BF16"},
        {ONE("\"BF16\"", "[9223372036854775807]", "[0,2]"), 2,
         "shape: element 0 is not an integer"},
        {ONE("\"BF16\"", "[999999999999999999,19]", "[0,2]"), 2,
         "do not fit shape [999999999999999999, 19]"},
        {ONE("\"BF16\"", "[4294967296,4294967296,16]", "[0,2]"), 2, "do not fit shape"},
        {ONE("\"BF16\"", "[4294967296,4294967296,0]", "[0,0]"), 0, "do not fit shape"},
        {ONE("\"BF16\"", "[999999999999999999]", "[0,0]"), 0, "do not fit shape"},
        {ONE("\"F4\"", "[3]", "[0,1]"), 1, "do not fit shape [3] of F4"},
        {ONE("\"BF16\"", "[1]", "[0,2]"), 3, "'f': the tensors end at byte 2 of 3 bytes of data"},
        {ONE("\"BF16\"", "[1]", "[1,3]"), 3,
         "tensor 'w.x': begins at byte 1, the one before ends at 0 (hole)"},
        {"{}", 1, "'f': the tensors end at byte 0 of 1"},
        {"{\"a\":{\"dtype\":\"U8\",\"shape\":[2],\"data_offsets\":[0,2]},"
         "\"b\":{\"dtype\":\"U8\",\"shape\":[2],\"data_offsets\":[1,3]}}",
         3,
         "tensor 'b': begins at byte 1, the "
         "one before ends at 2 (overlap)"},
        {"{\"a\":{\"dtype\":\"U8\",\"shape\":[2],\"data_offsets\":[0,2]},"
         "\"a\":{\"dtype\":\"U8\",\"shape\":[2],\"data_offsets\":[2,4]}}",
         4, "tensor 'a': given twice"},
        {"{\"a\":{\"dtype\":\"U8\",\"shape\":[1],\"data_offsets\":[0,9223372036854775808]}}", 1,
         "data_offsets: element 1 is not an integer"},
        {"{\"a\":{\"dtype\":\"U8\",\"shape\":[2],\"data_offsets\":[0,2]},"
         "\"\\u0061\":{\"dtype\":\"U8\",\"shape\":[2],\"data_offsets\":[2,4]}}",
         4, "tensor 'a': given twice"},
        {"{\"__metadata__\":{},\"__metadata__\":{}}", 0, "__metadata__: given twice"},
        {"{\"w.x\":{\"dtype\":\"U8\",\"dtype\":\"U8\"}}", 0, "tensor 'w.x': dtype: given twice"},
        {"{\"w.x\":{\"shape\":[],\"shape\":[]}}", 0, "tensor 'w.x': shape: given twice"},
        {"{\"w.x\":{\"dtype\":\"U8\"}}", 0, "tensor 'w.x': shape: missing"},
        {"{\"w.x\":{\"dtype\":\"U8\",\"shape\":[]}}", 0, "tensor 'w.x': data_offsets: missing"},
        {"{\"a\\u0000b\":{}}", 0, "tensor 'a': a name with a NUL"},
        {"{\"a\":{\"x\":[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[",
         0, "nested deeper than 64"},
        {"{\"a\\u001b\":7}", 0, "tensor 'a\\x1b': expected an object"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct g4_err err = {0};
        assert_int_equal(parse(cases[i].header, cases[i].data, &err), G4_EINPUT);
        assert_message(&err, cases[i].message);
    }
}

/* The length word says n and `size` bytes follow in all. */
static void refuse_length(uint64_t n, size_t size, const char *message)
{
    struct g4_err err = {0};
    struct g4_safetensors file;
    unsigned char *bytes = calloc(1, size ? size : 1);
    memcpy(bytes, &n, size < 8 ? size : 8);
    assert_int_equal(g4_safetensors_parse(&file, bytes, size, "f", &err), G4_EINPUT);
    assert_message(&err, message);
    free(bytes);
}

static void refuses_lengths(void **state)
{
    (void)state;
    struct g4_err err = {0};
    struct g4_safetensors file;
    static const char pointer[] =
        "version https://git-lfs.github.com/spec/v1\noid sha256:00\nsize 10246621918\n";
    refuse_length(0, 0, "'f': 0 bytes, too short");
    refuse_length(0, 7, "'f': 7 bytes, too short");
    refuse_length(0, 8, "not a JSON object");
    refuse_length(1, 8, "header of 1 bytes, but the file has 8");
    refuse_length(100000001, 64, "header of 100000001 bytes");
    refuse_length(UINT64_MAX, 64, "header of 18446744073709551615 bytes");
    refuse_length(UINT64_MAX - 7, 64, "header of 18446744073709551608 bytes");
    assert_int_equal(g4_safetensors_parse(&file, (const unsigned char *)pointer, sizeof pointer,
                                          "f", &err),
                     G4_EINPUT);
    assert_message(&err, "Git LFS pointer");
}

/* A header of `count` empty tensors. */
static char *many(size_t count)
{
    enum { ENTRY = 64 };
    char *header = malloc(count * ENTRY + 3), *p = header;
    assert_non_null(header);
    *p++ = '{';
    for (size_t i = 0; i < count; i++)
        p += snprintf(p, ENTRY, "%s\"%zu\":" EMPTY, i ? "," : "", i);
    stpcpy(p, "}");
    return header;
}

static void refuses_too_many(void **state)
{
    (void)state;
    struct g4_err err = {0};
    char *most = many(G4_SAFETENSORS_TENSORS), *more = many(G4_SAFETENSORS_TENSORS + 1);
    assert_int_equal(parse(most, 0, &err), 0);
    assert_int_equal(parse(more, 0, &err), G4_EINPUT);
    assert_message(&err, "65537 tensors, at most 65536");
    free(most);
    free(more);
}

static void refuses_long_names(void **state)
{
    (void)state;
    struct g4_err err = {0};
    char header[600];
    snprintf(header, sizeof header, "{\"%0511d\":" EMPTY "}", 1);
    assert_int_equal(parse(header, 0, &err), 0);
    snprintf(header, sizeof header, "{\"%0512d\":" EMPTY "}", 1);
    assert_int_equal(parse(header, 0, &err), G4_EINPUT);
    assert_message(&err, "a tensor name of 512 bytes, limit 511");
}

static void finds_by_name(void **state)
{
    (void)state;
    static const char header[] = "{\"b\":{\"dtype\":\"U8\",\"shape\":[1,3],\"data_offsets\":[4,7]},"
                                 "\"a\":{\"dtype\":\"I32\",\"shape\":[1],\"data_offsets\":[0,4]}}";
    struct g4_err err = {0};
    struct g4_safetensors file;
    size_t size;
    unsigned char *bytes = fixture_safetensors(header, 7, &size);
    assert_int_equal(g4_safetensors_parse(&file, bytes, size, "f", &err), 0);
    assert_int_equal(file.count, 2);
    const struct g4_tensor *b = g4_safetensors_find(&file, "b"),
                           *a = g4_safetensors_find(&file, "a");
    assert_non_null(a);
    assert_non_null(b);
    assert_null(g4_safetensors_find(&file, "c"));
    assert_int_equal(a->dtype, G4_DTYPE_I32);
    assert_int_equal(b->dims, 2);
    assert_int_equal(b->shape[1], 3);
    assert_int_equal(b->bytes, 3);
    assert_memory_equal(b->data, "\x04\x05\x06", 3);
    g4_safetensors_close(&file);
    assert_null(g4_safetensors_find(&file, "a"));
    free(bytes);
}

static void opens_a_file(void **state)
{
    (void)state;
    struct g4_err err = {0};
    struct g4_safetensors file;
    char *folder = fixture_folder();
    assert_int_equal(g4_safetensors_open(&file, DEMO "/model.safetensors", &err), 0);
    assert_int_equal(file.count, 552);
    g4_safetensors_close(&file);
    assert_int_equal(g4_safetensors_open(&file, fixture_path(folder, "none"), &err), G4_ENOTFOUND);
    fixture_text(folder, "empty", "");
    assert_int_equal(g4_safetensors_open(&file, fixture_path(folder, "empty"), &err), G4_EINPUT);
    assert_int_equal(g4_safetensors_open(&file, folder, &err), G4_EIO);
    fixture_remove(folder);
}

/* A shipped file cut at places all over: never accepted, whatever is missing. */
static void refuses_every_cut(void **state)
{
    (void)state;
    struct g4_err err = {0};
    struct g4_safetensors file;
    size_t size;
    char *bytes = fixture_read(GOLDEN "decoder-e4b/model.safetensors", &size);
    for (size_t n = 0; n < size; n += 1 + n / 50) {
        unsigned char *cut = malloc(n ? n : 1);
        memcpy(cut, bytes, n);
        assert_int_equal(g4_safetensors_parse(&file, cut, n, "f", &err), G4_EINPUT);
        free(cut);
    }
    free(bytes);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(accepts),
        cmocka_unit_test(refuses),
        cmocka_unit_test(refuses_lengths),
        cmocka_unit_test(refuses_too_many),
        cmocka_unit_test(refuses_long_names),
        cmocka_unit_test(finds_by_name),
        cmocka_unit_test(opens_a_file),
        cmocka_unit_test(refuses_every_cut),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

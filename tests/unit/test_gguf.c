/* Every promise of the format, broken once. */
#include "tests/unit/gguf_fixture.h"

#include <time.h>

/* Whatever was accepted lies inside the bytes, is in order and can be walked. */
static void check_table(const struct g4_gguf *file, const unsigned char *bytes, size_t size)
{
    const uintptr_t begin = (uintptr_t)bytes, end = begin + size;
    for (size_t i = 0; i < file->value_count; i++) {
        const struct g4_gguf_value *value = &file->values[i];
        assert_true((uintptr_t)value->data >= begin && value->data <= value->end);
        assert_true((uintptr_t)value->end <= end);
        assert_true(value->type < G4_GGUF_TYPES && value->type != G4_GGUF_ARRAY_OF);
        assert_true(i == 0 || strcmp(value[-1].key, value->key) < 0);
        assert_ptr_equal(g4_gguf_value(file, value->key), value);
        if (value->type == G4_GGUF_STRING) {
            const unsigned char *at = NULL;
            struct g4_gguf_text text;
            size_t n = 0;
            while (g4_gguf_next_string(value, &at, &text))
                n++;
            assert_int_equal(n, value->count);
            assert_true(n == 0 || at == value->end);
        }
    }
    for (size_t i = 0; i < file->count; i++) {
        const struct g4_tensor *tensor = &file->tensors[i];
        const uintptr_t data = (uintptr_t)tensor->data;
        assert_true(data >= begin && data <= end && tensor->bytes <= end - data);
        assert_int_equal((data - begin) % file->alignment, 0);
        assert_true(i == 0 || strcmp(tensor[-1].name, tensor->name) < 0);
        assert_ptr_equal(g4_gguf_find(file, tensor->name), tensor);
    }
}

/* Parses a copy of exactly that size, so that a sanitiser sees a byte too far. */
static int parse(const unsigned char *bytes, size_t size, struct g4_err *err)
{
    struct g4_gguf file;
    unsigned char *copy = malloc(size ? size : 1);
    assert_non_null(copy);
    memcpy(copy, bytes, size);
    *err = (struct g4_err){0};
    int status = g4_gguf_parse(&file, copy, size, "f", err);
    if (status == 0) {
        check_table(&file, copy, size);
        assert_string_equal(file.path, "f");
    } else {
        assert_true(err->text[0] != '\0' && !strchr(err->text, '\n'));
        assert_true(!file.values && !file.tensors && !file.names && !file.path);
    }
    g4_gguf_close(&file);
    free(copy);
    return status;
}

static const int64_t wide[] = {64, 2}, one[] = {3};

/* One of each: version, values of several kinds, tensors of several ranks. */
static unsigned char *whole(size_t *size)
{
    static const char *const words[] = {"", "a", "\xe2\x96\x81x"};
    struct gguf_fixture g;
    gguf_begin(&g);
    gguf_put_string(&g, "general.architecture", "gemma4");
    gguf_put_u32(&g, "n.u32", 7);
    gguf_put_bools(&g, "list.bool", 3, (const unsigned char[]){1, 0, 1});
    gguf_put_strings(&g, "list.text", 3, words);
    gguf_tensor(&g, "b.weight", G4_DTYPE_Q8_0, 2, wide);
    gguf_tensor(&g, "a.weight", G4_DTYPE_F32, 1, one);
    return gguf_end(&g, size);
}

static void reads_a_file(void **state)
{
    (void)state;
    struct g4_err err = {0};
    struct g4_gguf file;
    struct g4_gguf_text text;
    size_t size;
    unsigned char *bytes = whole(&size);
    assert_int_equal(g4_gguf_parse(&file, bytes, size, "f", &err), 0);
    assert_int_equal(file.version, 3);
    assert_int_equal(file.alignment, 32);
    assert_int_equal(file.count, 2);
    assert_int_equal(file.value_count, 4);
    const struct g4_tensor *a = g4_gguf_find(&file, "a.weight"),
                           *b = g4_gguf_find(&file, "b.weight");
    assert_int_equal(a->dtype, G4_DTYPE_F32);
    assert_int_equal(a->dims, 1);
    assert_int_equal(a->shape[0], 3);
    assert_int_equal(a->bytes, 12);
    assert_int_equal(b->dtype, G4_DTYPE_Q8_0);
    assert_int_equal(b->dims, 2);
    assert_int_equal(b->shape[0], 2); /* turned round */
    assert_int_equal(b->shape[1], 64);
    assert_int_equal(b->bytes, 4 * 34);
    assert_memory_equal(b->data, "\x00\x01\x02\x03", 4);
    assert_int_equal((const char *)a->data - (const char *)b->data, 160); /* 136, padded */
    assert_null(g4_gguf_find(&file, "c"));
    assert_null(g4_gguf_value(&file, "c"));
    assert_int_equal(g4_gguf_string(&file, "general.architecture", true, &text, &err), 0);
    assert_true(g4_gguf_text_is(&text, "gemma4"));
    assert_false(g4_gguf_text_is(&text, "gemma"));
    assert_false(g4_gguf_text_is(&text, "gemma4x"));
    const struct g4_gguf_value *words = g4_gguf_value(&file, "list.text");
    const unsigned char *at = NULL;
    assert_true(g4_gguf_next_string(words, &at, &text));
    assert_int_equal(text.n, 0);
    assert_true(g4_gguf_next_string(words, &at, &text));
    assert_true(g4_gguf_text_is(&text, "a"));
    assert_true(g4_gguf_next_string(words, &at, &text));
    assert_int_equal(text.n, 4);
    assert_false(g4_gguf_next_string(words, &at, &text));
    assert_int_equal(g4_gguf_int_at(g4_gguf_value(&file, "list.bool"), 2), 1);
    g4_gguf_close(&file);
    assert_null(g4_gguf_find(&file, "a.weight"));
    assert_null(g4_gguf_value(&file, "n.u32"));
    g4_gguf_close(&file);
    free(bytes);
}

/* A file of one tensor with the given announcement, and `data` bytes behind it. */
static int parse_tensor(uint32_t dims, const int64_t *ne, uint32_t type, uint64_t offset,
                        size_t data, struct g4_err *err, struct g4_tensor *out)
{
    struct gguf_fixture g;
    struct g4_gguf file;
    size_t size;
    gguf_begin(&g);
    gguf_announce(&g, "w.x", dims, ne, type, offset);
    g.offset = data;
    unsigned char *bytes = gguf_end(&g, &size);
    int status = parse(bytes, size, err);
    if (status == 0 && out) {
        assert_int_equal(g4_gguf_parse(&file, bytes, size, "f", err), 0);
        *out = file.tensors[0];
        g4_gguf_close(&file);
    }
    free(bytes);
    return status;
}

static void turns_shapes_round(void **state)
{
    (void)state;
    static const struct {
        uint32_t dims;
        int64_t ne[4];
        int expected_dims;
        size_t shape[4];
    } cases[] = {
        {0, {0}, 0, {0}},
        {1, {5}, 1, {5}},
        {1, {1}, 1, {1}},
        {2, {3, 4}, 2, {4, 3}},
        {2, {3, 1}, 2, {1, 3}},
        {2, {1, 3}, 2, {3, 1}},
        {3, {3, 1, 1}, 2, {1, 3}},
        {4, {2, 3, 1, 1}, 2, {3, 2}},
        {4, {2, 3, 1, 4}, 4, {4, 1, 3, 2}},
        {4, {1, 1, 1, 1}, 2, {1, 1}},
        {3, {2, 0, 3}, 3, {3, 0, 2}},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct g4_err err;
        struct g4_tensor tensor;
        if (parse_tensor(cases[i].dims, cases[i].ne, 0, 0, 128, &err, &tensor) < 0)
            fail_msg("case %zu: %s", i, err.text);
        assert_int_equal(tensor.dims, cases[i].expected_dims);
        size_t count = 1;
        for (int k = 0; k < tensor.dims; k++) {
            assert_int_equal(tensor.shape[k], cases[i].shape[k]);
            count *= tensor.shape[k];
        }
        assert_int_equal(tensor.bytes, 4 * count);
    }
}

static void knows_the_types(void **state)
{
    (void)state;
    static const struct {
        uint32_t id;
        enum g4_dtype dtype;
        size_t bytes; /* of 256 elements */
    } readable[] = {
        {0, G4_DTYPE_F32, 1024},    {1, G4_DTYPE_F16, 512},     {2, G4_DTYPE_Q4_0, 144},
        {3, G4_DTYPE_Q4_1, 160},    {6, G4_DTYPE_Q5_0, 176},    {7, G4_DTYPE_Q5_1, 192},
        {8, G4_DTYPE_Q8_0, 272},    {10, G4_DTYPE_Q2_K, 84},    {11, G4_DTYPE_Q3_K, 110},
        {12, G4_DTYPE_Q4_K, 144},   {13, G4_DTYPE_Q5_K, 176},   {14, G4_DTYPE_Q6_K, 210},
        {20, G4_DTYPE_IQ4_NL, 144}, {23, G4_DTYPE_IQ4_XS, 136}, {24, G4_DTYPE_I8, 256},
        {25, G4_DTYPE_I16, 512},    {26, G4_DTYPE_I32, 1024},   {27, G4_DTYPE_I64, 2048},
        {28, G4_DTYPE_F64, 2048},   {30, G4_DTYPE_BF16, 512},   {39, G4_DTYPE_MXFP4, 136},
    };
    static const int64_t ne[] = {256};
    const size_t count = sizeof readable / sizeof readable[0];
    struct g4_err err;
    struct g4_tensor tensor;
    size_t seen = 0, refused = 0;
    for (uint32_t id = 0; id < 300; id++) {
        int status = parse_tensor(1, ne, id, 0, 4096, &err, &tensor);
        if (seen < count && readable[seen].id == id) {
            uint32_t back;
            assert_int_equal(status, 0);
            assert_int_equal(tensor.dtype, readable[seen].dtype);
            assert_int_equal(tensor.bytes, readable[seen].bytes);
            assert_true(g4_gguf_type_id(tensor.dtype, &back));
            assert_int_equal(back, id);
            seen++;
        } else {
            assert_true(status == G4_EUNSUPPORTED || status == G4_EINPUT);
            assert_message(&err,
                           status == G4_EINPUT ? "'f': tensor 'w.x': type " : "cannot be read");
            refused += status == G4_EUNSUPPORTED;
        }
    }
    assert_int_equal(seen, count);
    assert_int_equal(refused, 14); /* known by name */
    assert_int_equal(parse_tensor(1, ne, 17, 0, 4096, &err, NULL), G4_EUNSUPPORTED);
    assert_string_equal(err.text, "'f': tensor 'w.x': type IQ2_XS cannot be read");
    assert_int_equal(parse_tensor(1, ne, 4, 0, 4096, &err, NULL), G4_EINPUT);
    assert_string_equal(err.text, "'f': tensor 'w.x': type 4 is none that is known");
    uint32_t id;
    assert_false(g4_gguf_type_id(G4_DTYPE_OTHER, &id));
    assert_false(g4_gguf_type_id(G4_DTYPE_SFP8, &id));
}

static void refuses_tensors(void **state)
{
    (void)state;
    static const int64_t large = INT64_C(1) << 40;
    static const struct {
        uint32_t dims;
        int64_t ne[5];
        uint32_t type;
        uint64_t offset;
        const char *message;
    } cases[] = {
        {5, {1, 1, 1, 1, 1}, 0, 0, "tensor 'w.x': 5 dimensions, at most 4"},
        {8, {1}, 0, 0, "8 dimensions, at most 4"},
        {1, {-1}, 0, 0, "tensor 'w.x': ne[0] is -1"},
        {3, {2, 3, INT64_MIN}, 0, 0, "ne[2] is -9223372036854775808"},
        {1, {33}, 2, 0, "rows of 33 elements, not whole blocks of 32 (Q4_0)"},
        {2, {128, 2}, 12, 0, "rows of 128 elements, not whole blocks of 256 (Q4_K)"},
        {0, {0}, 8, 0, "rows of 1 elements, not whole blocks of 32 (Q8_0)"},
        {2, {large, large}, 0, 0, "is larger than any memory"},
        {4, {large, 1 << 24, 1, 1}, 26, 0, "is larger than any memory"},
        {3, {large, large, 0}, 0, 0, "is larger than any memory"},
        {3, {0, large, large}, 0, 0, "is larger than any memory"},
        {3, {0, large, 3}, 0, 0, NULL},
        {1, {INT64_MAX}, 0, 0, "is larger than any memory"},
        {1, {INT64_MAX}, 24, 0, "9223372036854775807 bytes at offset 0 of the data, which begins"},
        {1,
         {33},
         0,
         0,
         "132 bytes at offset 0 of the data, which begins at byte 64, but the file "
         "has 192 (truncated download?)"},
        {1, {32}, 0, 32, "128 bytes at offset 32"},
        {1, {0}, 0, 160, "0 bytes at offset 160"},
        {1, {0}, 0, 128, NULL},
        {1, {1}, 0, UINT64_MAX - 31, "4 bytes at offset 18446744073709551584"},
        {1, {1}, 0, 4, "tensor 'w.x': offset 4 is no multiple of the alignment, 32"},
        {1, {1}, 0, 96, NULL},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct g4_err err;
        int64_t ne[8] = {0};
        memcpy(ne, cases[i].ne, sizeof cases[i].ne);
        int status =
            parse_tensor(cases[i].dims, ne, cases[i].type, cases[i].offset, 128, &err, NULL);
        assert_int_equal(status, cases[i].message ? G4_EINPUT : 0);
        if (cases[i].message)
            assert_message(&err, cases[i].message);
    }
}

/* A good file with `n` bytes at `at` replaced. */
static void refuse_patched(size_t at, const void *bytes, size_t n, int code, const char *message)
{
    struct g4_err err;
    size_t size;
    unsigned char *file = whole(&size);
    assert_true(at + n <= size);
    memcpy(file + at, bytes, n);
    assert_int_equal(parse(file, size, &err), code);
    assert_message(&err, message);
    free(file);
}

static void refuse_u32(size_t at, uint32_t value, int code, const char *message)
{
    refuse_patched(at, &value, sizeof value, code, message);
}

static void refuse_u64(size_t at, uint64_t value, const char *message)
{
    refuse_patched(at, &value, sizeof value, G4_EINPUT, message);
}

static void refuses_heads(void **state)
{
    (void)state;
    struct g4_err err;
    static const char pointer[] =
        "version https://git-lfs.github.com/spec/v1\noid sha256:00\nsize 10246621918\n";
    assert_int_equal(parse((const unsigned char *)"", 0, &err), G4_EINPUT);
    assert_message(&err, "'f': an empty file");
    assert_int_equal(parse((const unsigned char *)"GGU", 3, &err), G4_EINPUT);
    assert_message(&err, "'f': not a GGUF file");
    assert_int_equal(parse((const unsigned char *)pointer, sizeof pointer - 1, &err), G4_EINPUT);
    assert_message(&err, "'f': a Git LFS pointer");
    refuse_patched(0, "gguf", 4, G4_EINPUT, "'f': not a GGUF file");
    refuse_patched(0,
                   "\0\0\0\x18"
                   "ftyp",
                   8, G4_EINPUT, "'f': not a GGUF file");
    refuse_u32(GGUF_AT_VERSION, 1, G4_EUNSUPPORTED, "'f': GGUF version 1, versions 2 and 3 are");
    refuse_u32(GGUF_AT_VERSION, 0, G4_EUNSUPPORTED, "'f': GGUF version 0, ");
    refuse_u32(GGUF_AT_VERSION, 4, G4_EUNSUPPORTED, "'f': GGUF version 4, ");
    refuse_u32(GGUF_AT_VERSION, 0x03000000, G4_EUNSUPPORTED, "'f': a GGUF file for big-endian");
    refuse_u32(GGUF_AT_VERSION, 0x02000000, G4_EUNSUPPORTED, "'f': a GGUF file for big-endian");
    refuse_u64(GGUF_AT_TENSORS, UINT64_C(1) << 40, "1099511627776 tensors, expected 0..65536");
    refuse_u64(GGUF_AT_TENSORS, UINT64_MAX, "-1 tensors, expected 0..65536");
    refuse_u64(GGUF_AT_TENSORS, 65537, "65537 tensors, expected 0..65536");
    refuse_u64(GGUF_AT_TENSORS, 60000, "60000 tensors in the ");
    refuse_u64(GGUF_AT_VALUES, UINT64_C(1) << 40, "1099511627776 values, expected 0..65536");
    refuse_u64(GGUF_AT_VALUES, UINT64_C(1) << 63, "-9223372036854775808 values");
    refuse_u64(GGUF_AT_VALUES, 60000, "60000 values in the ");
    refuse_u64(GGUF_HEAD, UINT64_MAX, "'f': a key of 18446744073709551615 bytes, limit 65535");
    refuse_u64(GGUF_HEAD, 65535, "'f': a key of 65535 bytes, but ");
    refuse_u64(GGUF_HEAD, 0, "'f': a key of 0 bytes");
}

/* Version 2 has the same layout; no tensors and no values are still a file. */
static void accepts_plain_heads(void **state)
{
    (void)state;
    struct g4_err err;
    struct gguf_fixture g;
    size_t size;
    unsigned char *bytes = whole(&size);
    bytes[GGUF_AT_VERSION] = 2;
    assert_int_equal(parse(bytes, size, &err), 0);
    free(bytes);
    gguf_begin(&g);
    bytes = gguf_end(&g, &size);
    assert_int_equal(size, GGUF_HEAD);
    assert_int_equal(parse(bytes, size, &err), 0);
    free(bytes);
    gguf_begin(&g);
    gguf_put_u32(&g, "general.alignment", 4096);
    bytes = gguf_end(&g, &size);
    assert_int_equal(parse(bytes, size, &err), 0); /* no data, so no padding either */
    free(bytes);
}

enum { VALUE_AT = GGUF_HEAD + 8 + 1 }; /* type of the value "k" below */

/* A value "k": its type, then `n` bytes, then nothing. */
static void refuse_value(uint32_t type, const void *bytes, size_t n, int code, const char *message)
{
    struct g4_err err;
    struct gguf_fixture g;
    size_t size;
    gguf_begin(&g);
    gguf_put(&g, "k", type, bytes, n);
    unsigned char *file = gguf_end(&g, &size);
    assert_int_equal(size, VALUE_AT + 4 + n);
    assert_int_equal(parse(file, size, &err), code);
    if (code < 0)
        assert_message(&err, message);
    free(file);
}

struct array_head {
    uint32_t type;
    uint64_t count;
} __attribute__((packed));

static void refuse_array(uint32_t type, uint64_t count, size_t behind, int code,
                         const char *message)
{
    unsigned char bytes[64] = {0};
    const struct array_head head = {type, count};
    assert_true(sizeof head + behind <= sizeof bytes);
    memcpy(bytes, &head, sizeof head);
    refuse_value(G4_GGUF_ARRAY_OF, bytes, sizeof head + behind, code, message);
}

static void refuses_values(void **state)
{
    (void)state;
    static const uint64_t lengths[] = {5, UINT64_MAX, UINT64_C(1) << 40};
    refuse_value(13, "\0\0\0\0\0\0\0\0", 8, G4_EINPUT, "'f': k: type 13, expected 0..12");
    refuse_value(UINT32_MAX, "\0\0\0\0\0\0\0\0", 8, G4_EINPUT, "'f': k: type 4294967295");
    refuse_value(G4_GGUF_U8, "\1", 1, 0, NULL);
    refuse_value(G4_GGUF_U32, "\1\0\0", 3, G4_EINPUT, "'f': k: 1 elements of 4 bytes, but 3 are");
    refuse_value(G4_GGUF_F64, "\0\0\0\0\0\0\0", 7, G4_EINPUT, "'f': k: 1 elements of 8 bytes");
    refuse_value(G4_GGUF_STRING, &lengths[0], 8, G4_EINPUT,
                 "'f': k: string 0 of 5 bytes, but 0 are left");
    refuse_value(G4_GGUF_STRING, &lengths[1], 8, G4_EINPUT,
                 "'f': k: string 0 of 18446744073709551615 bytes, but 0 are left");
    refuse_value(G4_GGUF_STRING, &lengths[2], 7, G4_EINPUT, "'f': k: 1 elements of 8 bytes");
    refuse_array(G4_GGUF_U8, 3, 3, 0, NULL);
    refuse_array(G4_GGUF_U8, 0, 0, 0, NULL);
    refuse_array(G4_GGUF_STRING, 0, 0, 0, NULL);
    refuse_array(G4_GGUF_STRING, 2, 16, 0, NULL);
    refuse_array(G4_GGUF_U8, 4, 3, G4_EINPUT, "'f': k: 4 elements of 1 bytes, but 3 are left");
    refuse_array(G4_GGUF_F64, 2, 15, G4_EINPUT, "'f': k: 2 elements of 8 bytes, but 15 are left");
    refuse_array(G4_GGUF_STRING, 3, 16, G4_EINPUT, "'f': k: 3 elements of 8 bytes, but 16 are");
    refuse_array(G4_GGUF_ARRAY_OF, 1, 20, G4_EUNSUPPORTED, "'f': k: an array of arrays");
    refuse_array(13, 1, 20, G4_EINPUT, "'f': k: type 13, expected 0..12");
    refuse_array(G4_GGUF_U8, (1 << 24) + 1, 20, G4_EINPUT,
                 "'f': k: an array of 16777217 elements, at most 16777216 are read");
    refuse_array(G4_GGUF_STRING, UINT64_MAX, 20, G4_EINPUT,
                 "'f': k: an array of 18446744073709551615 elements");
    refuse_array(G4_GGUF_U32, 1 << 24, 20, G4_EINPUT, "'f': k: 16777216 elements of 4 bytes");
}

static void refuses_names(void **state)
{
    (void)state;
    struct g4_err err;
    struct gguf_fixture g;
    size_t size;
    unsigned char *bytes;
    gguf_begin(&g);
    gguf_put_u32(&g, "twice", 1);
    gguf_put_u32(&g, "once", 1);
    gguf_put_bool(&g, "twice", 1);
    bytes = gguf_end(&g, &size);
    assert_int_equal(parse(bytes, size, &err), G4_EINPUT);
    assert_string_equal(err.text, "'f': twice: given twice");
    free(bytes);
    gguf_begin(&g);
    gguf_tensor(&g, "w", G4_DTYPE_F32, 1, one);
    gguf_tensor(&g, "v", G4_DTYPE_F32, 1, one);
    gguf_tensor(&g, "w", G4_DTYPE_F16, 1, one);
    bytes = gguf_end(&g, &size);
    assert_int_equal(parse(bytes, size, &err), G4_EINPUT);
    assert_string_equal(err.text, "'f': tensor 'w': given twice");
    bytes[GGUF_HEAD + 8] = '\0';
    assert_int_equal(parse(bytes, size, &err), G4_EINPUT);
    assert_message(&err, "a name with a NUL");
    bytes[GGUF_HEAD + 8] = '\n';
    assert_int_equal(parse(bytes, size, &err), 0);
    free(bytes);
    static char name[65600];
    static const struct {
        size_t n;
        bool tensor, good;
        const char *message;
    } lengths[] = {
        {255, true, true, NULL},
        {256, true, false, "'f': a tensor's name of 256 bytes, limit 255"},
        {65535, false, true, NULL},
        {65536, false, false, "'f': a key of 65536 bytes, limit 65535"},
    };
    for (size_t i = 0; i < sizeof lengths / sizeof lengths[0]; i++) {
        memset(name, 'n', lengths[i].n);
        name[lengths[i].n] = '\0';
        gguf_begin(&g);
        if (lengths[i].tensor)
            gguf_tensor(&g, name, G4_DTYPE_F32, 1, one);
        else
            gguf_put_u32(&g, name, 1);
        bytes = gguf_end(&g, &size);
        assert_int_equal(parse(bytes, size, &err), lengths[i].good ? 0 : G4_EINPUT);
        if (!lengths[i].good)
            assert_message(&err, lengths[i].message);
        free(bytes);
    }
}

static int parse_aligned(uint32_t alignment, size_t padded_to, struct g4_err *err)
{
    struct gguf_fixture g;
    size_t size;
    gguf_begin(&g);
    g.alignment = padded_to;
    gguf_put_u32(&g, "general.alignment", alignment);
    gguf_tensor(&g, "a", G4_DTYPE_F32, 1, one);
    gguf_tensor(&g, "b", G4_DTYPE_F32, 1, one);
    unsigned char *bytes = gguf_end(&g, &size);
    int status = parse(bytes, size, err);
    free(bytes);
    return status;
}

static void checks_the_alignment(void **state)
{
    (void)state;
    struct g4_err err;
    for (uint32_t alignment = 1; alignment <= 1 << 20; alignment *= 2)
        assert_int_equal(parse_aligned(alignment, alignment, &err), 0);
    static const uint32_t bad[] = {0, 1 << 21, UINT32_C(1) << 31, UINT32_MAX};
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        assert_int_equal(parse_aligned(bad[i], 32, &err), G4_EINPUT);
        assert_message(&err, "'f': general.alignment: expected an integer in 1..1048576, got ");
    }
    assert_int_equal(parse_aligned(3, 3, &err), G4_EINPUT);
    assert_string_equal(err.text, "'f': general.alignment: expected a power of two, got 3");
    assert_int_equal(parse_aligned(33, 33, &err), G4_EINPUT);
    assert_int_equal(parse_aligned(64, 32, &err), G4_EINPUT);
    assert_message(&err, "tensor 'b': offset 32 is no multiple of the alignment, 64");
    struct gguf_fixture g;
    size_t size;
    gguf_begin(&g);
    gguf_put_string(&g, "general.alignment", "32");
    unsigned char *bytes = gguf_end(&g, &size);
    assert_int_equal(parse(bytes, size, &err), G4_EINPUT);
    assert_message(&err, "general.alignment: expected an integer in 1..1048576, got '32'");
    free(bytes);
}

/* The last byte of the file is the last of a tensor: whatever is missing is missed. */
static void refuses_every_cut(void **state)
{
    (void)state;
    struct g4_err err;
    size_t size;
    unsigned char *bytes = whole(&size);
    assert_int_equal(parse(bytes, size, &err), 0);
    assert_int_equal(parse(bytes, 6, &err), G4_EINPUT);
    assert_string_equal(err.text, "'f': the file ends here, at byte 6 (truncated download?)");
    for (size_t n = 0; n < size; n++)
        assert_int_equal(parse(bytes, n, &err), G4_EINPUT);
    free(bytes);
}

/* Refused or a table in order: parse looks. */
static void survives_every_flipped_bit(void **state)
{
    (void)state;
    struct g4_err err;
    size_t size, refused = 0, accepted = 0;
    unsigned char *bytes = whole(&size);
    for (size_t bit = 0; bit < size * 8; bit++) {
        bytes[bit / 8] ^= (unsigned char)(1 << bit % 8);
        if (parse(bytes, size, &err) < 0)
            refused++;
        else
            accepted++;
        bytes[bit / 8] ^= (unsigned char)(1 << bit % 8);
    }
    assert_true(refused > 300);
    assert_true(accepted > 300);
    free(bytes);
}

/* A small file that claims 2^40 of something is refused without any work or memory for them. */
static void refuses_large_claims_at_once(void **state)
{
    (void)state;
    enum { ROUNDS = 1000 };
    struct timespec begin, end;
    struct g4_err err = {0};
    struct g4_gguf file;
    struct gguf_fixture g;
    size_t size;
    gguf_begin(&g);
    gguf_array(&g, "tokenizer.ggml.tokens", G4_GGUF_STRING, 1 << 24);
    unsigned char *bytes = gguf_end(&g, &size);
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &begin);
    for (int i = 0; i < ROUNDS; i++)
        assert_int_equal(g4_gguf_parse(&file, bytes, size, "f", &err), G4_EINPUT);
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &end);
    double each =
        ((double)(end.tv_sec - begin.tv_sec) + 1e-9 * (double)(end.tv_nsec - begin.tv_nsec)) /
        ROUNDS;
    assert_true(each < 1e-3); /* a few microseconds, and room for sanitisers */
    free(bytes);
}

static void opens_files(void **state)
{
    (void)state;
    struct g4_err err = {0};
    struct g4_gguf file;
    struct gguf_fixture g;
    char *folder = fixture_folder();
    gguf_begin(&g);
    gguf_put_string(&g, "general.architecture", "gemma4");
    gguf_tensor(&g, "a", G4_DTYPE_F32, 1, one);
    gguf_end_file(&g, folder, "a.gguf");
    assert_int_equal(g4_gguf_open(&file, fixture_path(folder, "a.gguf"), &err), 0);
    assert_int_equal(file.count, 1);
    assert_string_equal(file.path, fixture_path(folder, "a.gguf"));
    check_table(&file, file.map.data, file.map.size);
    g4_gguf_close(&file);
    assert_int_equal(g4_gguf_open(&file, fixture_path(folder, "none"), &err), G4_ENOTFOUND);
    fixture_text(folder, "empty", "");
    assert_int_equal(g4_gguf_open(&file, fixture_path(folder, "empty"), &err), G4_EINPUT);
    assert_message(&err, "empty': an empty file");
    assert_int_equal(g4_gguf_open(&file, folder, &err), G4_EIO);
    assert_int_equal(g4_gguf_open(&file, DEMO "/model.safetensors", &err), G4_EINPUT);
    assert_message(&err, "'" DEMO "/model.safetensors': not a GGUF file");
    assert_null(file.map.data);
    fixture_remove(folder);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(reads_a_file),
        cmocka_unit_test(turns_shapes_round),
        cmocka_unit_test(knows_the_types),
        cmocka_unit_test(refuses_tensors),
        cmocka_unit_test(refuses_heads),
        cmocka_unit_test(accepts_plain_heads),
        cmocka_unit_test(refuses_values),
        cmocka_unit_test(refuses_names),
        cmocka_unit_test(checks_the_alignment),
        cmocka_unit_test(refuses_every_cut),
        cmocka_unit_test(survives_every_flipped_bit),
        cmocka_unit_test(refuses_large_claims_at_once),
        cmocka_unit_test(opens_files),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

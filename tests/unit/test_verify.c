/* Numbers that are none, in every type and place; tensors that nobody asks for; lists of sums. */
#include "tests/unit/gguf_fixture.h"

#include <math.h>

#include "lib/model/checksum.h"
#include "lib/model/summary.h"
#include "lib/model/verify.h"
#include "lib/tensor/half.h"

struct fixture {
    char *folder;
    struct g4_exec exec;
};

static int setup(void **state)
{
    struct fixture *f = calloc(1, sizeof *f);
    f->folder = fixture_folder();
    assert_int_equal(g4_exec_open(&f->exec, 3, NULL), 0);
    *state = f;
    return 0;
}

static int teardown(void **state)
{
    struct fixture *f = *state;
    g4_exec_close(&f->exec);
    fixture_remove(f->folder);
    free(f);
    return 0;
}

/* ------------------------------------------------------------ numbers */

/* Overwrites bytes of folder/name. */
static void patch(const char *folder, const char *name, size_t at, const void *bytes, size_t n)
{
    FILE *file = fopen(fixture_path(folder, name), "r+b");
    assert_non_null(file);
    assert_int_equal(fseek(file, (long)at, SEEK_SET), 0);
    assert_int_equal(fwrite(bytes, 1, n, file), n);
    assert_int_equal(fclose(file), 0);
}

static int check(const struct fixture *f, const char *name, struct g4_err *err)
{
    struct g4_weights weights;
    *err = (struct g4_err){0};
    if (g4_weights_open(&weights, fixture_path(f->folder, name), NULL, err) < 0)
        fail_msg("%s", err->text);
    int status = g4_verify_values(&weights, &f->exec, err);
    g4_weights_close(&weights);
    return status;
}

/* A file with one tensor of four blocks; *at: where its data begin. */
static void add_blocks(const struct fixture *f, enum g4_dtype dtype, size_t *at)
{
    const int64_t ne[] = {2 * (int64_t)g4_dtype_info(dtype)->block, 2};
    struct gguf_fixture g;
    struct g4_gguf file;
    gguf_begin(&g);
    gguf_put_string(&g, "general.architecture", "gemma4");
    gguf_tensor(&g, "blocks", dtype, 2, ne);
    gguf_end_file(&g, f->folder, "m.gguf");
    assert_int_equal(g4_gguf_open(&file, fixture_path(f->folder, "m.gguf"), NULL), 0);
    *at = (size_t)((const unsigned char *)file.tensors[0].data - file.map.data);
    g4_gguf_close(&file);
}

static void every_type(void **state)
{
    static const uint16_t nan16 = 0x7e00, inf_bf16 = 0xff80;
    static const float inf32 = INFINITY;
    static const double nan64 = NAN;
    static const unsigned char exponent = 255;
    static const struct {
        enum g4_dtype dtype;
        size_t at; /* in a block */
        const void *bytes;
        size_t n;
    } cases[] = {
        {G4_DTYPE_F32, 0, &inf32, 4},      {G4_DTYPE_F16, 0, &nan16, 2},
        {G4_DTYPE_BF16, 0, &inf_bf16, 2},  {G4_DTYPE_F64, 0, &nan64, 8},
        {G4_DTYPE_Q4_0, 0, &nan16, 2},     {G4_DTYPE_Q4_1, 2, &nan16, 2},
        {G4_DTYPE_Q5_0, 0, &nan16, 2},     {G4_DTYPE_Q5_1, 2, &nan16, 2},
        {G4_DTYPE_Q8_0, 0, &nan16, 2},     {G4_DTYPE_Q2_K, 82, &nan16, 2},
        {G4_DTYPE_Q3_K, 108, &nan16, 2},   {G4_DTYPE_Q4_K, 0, &nan16, 2},
        {G4_DTYPE_Q5_K, 2, &nan16, 2},     {G4_DTYPE_Q6_K, 208, &nan16, 2},
        {G4_DTYPE_IQ4_NL, 0, &nan16, 2},   {G4_DTYPE_IQ4_XS, 0, &nan16, 2},
        {G4_DTYPE_MXFP4, 0, &exponent, 1},
    };
    struct fixture *f = *state;
    struct g4_err err;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        const struct g4_dtype_info *type = g4_dtype_info(cases[i].dtype);
        char expected[64];
        size_t at, first;
        add_blocks(f, cases[i].dtype, &at);
        if (check(f, "m.gguf", &err) < 0)
            fail_msg("%s: %s", type->name, err.text);
        patch(f->folder, "m.gguf", at + 2 * type->bytes + cases[i].at, cases[i].bytes, cases[i].n);
        assert_int_equal(check(f, "m.gguf", &err), G4_EINPUT);
        const char *number = strstr(err.text, "m.gguf': tensor 'blocks': element ");
        assert_non_null(number);
        assert_int_equal(sscanf(strstr(number, "element"), "element %zu", &first), 1);
        /* Which codes of a block with a bad scale are bad depends on the codes. */
        assert_true(first >= 2 * type->block && first < 3 * type->block);
        snprintf(expected, sizeof expected, "element %zu is not finite", first);
        assert_message(&err, expected);
    }
}

/* The first of a tensor of many items, on any thread; the first tensor by its place in the file. */
static void the_first_of_many(void **state)
{
    enum { COUNT = (9 << 20) + 5 };
    static const uint16_t nan16 = 0x7fff;
    static const char header[] =
        "{\"z\": {\"dtype\": \"BF16\", \"shape\": [9437189], \"data_offsets\": [0, 18874378]}, "
        "\"a\": {\"dtype\": \"F16\", \"shape\": [2, 3], \"data_offsets\": [18874378, 18874390]}}";
    struct fixture *f = *state;
    struct g4_err err;
    size_t size, start = 8 + strlen(header);
    unsigned char *bytes = fixture_safetensors(header, 2 * COUNT + 12, &size);
    memset(bytes + start, 0, size - start);
    fixture_write(f->folder, "m.safetensors", bytes, size);
    free(bytes);
    assert_int_equal(check(f, "m.safetensors", &err), 0);
    static const struct {
        size_t at;
        const char *message;
    } spoilt[] = {{COUNT + 4, "m.safetensors': tensor 'a': element 4 is not finite"},
                  {COUNT - 1, "tensor 'z': element 9437188 is not finite"},
                  {(4 << 20) + 70000, "tensor 'z': element 4264304 is not finite"},
                  {(4 << 20) - 1, "tensor 'z': element 4194303 is not finite"},
                  {100000, "tensor 'z': element 100000 is not finite"},
                  {65535, "tensor 'z': element 65535 is not finite"},
                  {0, "tensor 'z': element 0 is not finite"}};
    for (size_t i = 0; i < sizeof spoilt / sizeof spoilt[0]; i++) {
        patch(f->folder, "m.safetensors", start + 2 * spoilt[i].at, &nan16, 2);
        assert_int_equal(check(f, "m.safetensors", &err), G4_EINPUT);
        assert_message(&err, spoilt[i].message);
    }
}

/* A layer that has no limit may say so with an infinity; never with what is not a number. */
static void limits_may_be_infinite(void **state)
{
    static const char header[] =
        "{\"x.input_max\": {\"dtype\": \"F32\", \"shape\": [], \"data_offsets\": [0, 4]}, "
        "\"x.scale\": {\"dtype\": \"F32\", \"shape\": [1], \"data_offsets\": [4, 8]}}";
    static const float inf = INFINITY, nan = NAN;
    struct fixture *f = *state;
    struct g4_err err;
    const size_t start = 8 + strlen(header);
    fixture_tensors(f->folder, "m.safetensors", header, 8);
    patch(f->folder, "m.safetensors", start, &inf, 4);
    assert_int_equal(check(f, "m.safetensors", &err), 0);
    patch(f->folder, "m.safetensors", start + 4, &inf, 4);
    assert_int_equal(check(f, "m.safetensors", &err), G4_EINPUT);
    assert_message(&err, "tensor 'x.scale': element 0");
    patch(f->folder, "m.safetensors", start, &nan, 4);
    assert_int_equal(check(f, "m.safetensors", &err), G4_EINPUT);
    assert_message(&err, "tensor 'x.input_max': element 0");
}

static void what_nobody_asks_for(void **state)
{
    struct g4_model model;
    (void)state;
    assert_int_equal(g4_model_open(&model, GOLDEN "decoder-mobile", NULL, NULL), 0);
    unsigned char *asked = calloc(model.weights.count, 1), *marks = calloc(model.weights.count, 1);
    assert_non_null(asked);
    assert_non_null(marks);
    model.weights.asked = asked;
    assert_non_null(g4_weights_find(&model.weights, "model.language_model.norm.weight"));
    assert_null(g4_weights_find(&model.weights, "model.language_model.none.weight"));
    model.weights.asked = NULL;
    const size_t n = g4_verify_unexpected(marks, &model, asked);
    size_t unused = 0, scales = 0, counted = 0;
    for (size_t i = 0; i < model.weights.count; i++) {
        const char *name = model.weights.published[i];
        const bool is_unused = g4_model_part_of(&model, name) == G4_PART_UNUSED;
        const bool is_scale = strstr(name, "activation_scale") || strstr(name, "cache_scale");
        unused += is_unused;
        scales += is_scale && !is_unused;
        counted += marks[i];
        assert_int_equal(marks[i], !is_unused && !is_scale &&
                                       strcmp(name, "model.language_model.norm.weight"));
    }
    assert_true(unused > 0);
    assert_true(scales > 0);
    assert_int_equal(n, counted);
    assert_int_equal(n, model.weights.count - unused - scales - 1);
    free(asked);
    free(marks);
    g4_model_close(&model);
}

/* ------------------------------------------------------------ checksums */

/* Of "abc\n". */
#define ABC   "edeaaff3f1774ad2888673770c6d64097e391bc362d7d6fb34982ddf0efd18cb"
#define OTHER "0000000000000000000000000000000000000000000000000000000000000000"

static struct g4_checksum expect(const struct fixture *f, const char *name)
{
    struct g4_checksum sum;
    struct g4_err err = {0};
    assert_int_equal(g4_checksum_expect(&sum, fixture_path(f->folder, name), &err), 0);
    return sum;
}

static void assert_expected(const struct fixture *f, const char *name, const char *hex,
                            const char *source)
{
    struct g4_checksum sum = expect(f, name);
    assert_string_equal(sum.hex, hex);
    if (!source)
        assert_null(sum.source);
    else if (!sum.source || !strstr(sum.source, source))
        fail_msg("%s: by %s, expected %s", name, sum.source ? sum.source : "nobody", source);
    g4_checksum_release(&sum);
}

static void lists_of_sums(void **state)
{
    struct fixture *f = *state;
    static const struct {
        const char *list, *text;
        bool counts;
    } cases[] = {
        {"SHA256SUMS", ABC "  m.gguf\n", true},
        {"sha256sum.txt", "# a comment\r\n" ABC " *m.gguf\r\n", true},
        {"SHA256SUMS", OTHER "  mm.gguf\n" OTHER "  m.ggu\n" ABC "  ./m.gguf", true},
        {"SHA256SUMS", "SHA256 (m.gguf) = " ABC "\n", true},
        {"SHA256SUMS", "SHA256 (m.gguf) = abc\n", false},
        {"SHA256SUMS", ABC "0  m.gguf\n", false},
        {"SHA256SUMS", "edea  m.gguf\n", false},
        {"SHA256SUMS", ABC "  sub/m.gguf\n", false},
        {"SHA256SUMS", ABC "\n", false},
        {"SHA256SUMS", "", false},
        {"m.gguf.sha256", ABC "\n", true},
        {"m.gguf.sha256", ABC, true},
        {"all.sha256", ABC "  m.gguf\n", true},
        {"all.sha256", ABC "\n", false},
        {"other.txt", ABC "  m.gguf\n", false},
    };
    fixture_text(f->folder, "m.gguf", "abc\n");
    assert_expected(f, "m.gguf", "", NULL);
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        fixture_text(f->folder, cases[i].list, cases[i].text);
        assert_expected(f, "m.gguf", cases[i].counts ? ABC : "",
                        cases[i].counts ? cases[i].list : NULL);
        assert_int_equal(unlink(fixture_path(f->folder, cases[i].list)), 0);
    }
}

static void names_of_blobs(void **state)
{
    struct fixture *f = *state;
    char path[512];
    fixture_text(f->folder, "hub/blobs/" ABC, "abc\n");
    fixture_text(f->folder, "ollama/blobs/sha256-" OTHER, "abc\n");
    fixture_text(f->folder, "elsewhere/" ABC, "abc\n");
    fixture_text(f->folder, "hub/blobs/0123456789012345678901234567890123456789", "abc\n");
    fixture_text(f->folder, "snapshot/x", "");
    snprintf(path, sizeof path, "%s", fixture_path(f->folder, "snapshot/m.gguf"));
    assert_int_equal(symlink("../hub/blobs/" ABC, path), 0);
    assert_expected(f, "snapshot/m.gguf", ABC, "the name of its blob");
    assert_expected(f, "hub/blobs/" ABC, ABC, "blob");
    assert_expected(f, "ollama/blobs/sha256-" OTHER, OTHER, "blob");
    assert_expected(f, "elsewhere/" ABC, "", NULL);
    assert_expected(f, "hub/blobs/0123456789012345678901234567890123456789", "", NULL);
    fixture_text(f->folder, "snapshot/SHA256SUMS", OTHER "  m.gguf\n");
    assert_expected(f, "snapshot/m.gguf", OTHER, "SHA256SUMS");
}

static void sums_of_files(void **state)
{
    struct fixture *f = *state;
    struct g4_checksum sums[4];
    struct g4_err err = {0};
    fixture_text(f->folder, "a", "abc\n");
    fixture_text(f->folder, "b", "abc\n");
    fixture_text(f->folder, "c", "");
    fixture_text(f->folder, "d", "abc\n");
    fixture_text(f->folder, "SHA256SUMS",
                 ABC "  a\n" ABC "  d\n"
                     "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855  c\n");
    for (size_t i = 0; i < 4; i++) {
        const char name[] = {(char)('a' + (int)i), '\0'};
        sums[i] = expect(f, name);
        sums[i].path = strdup(sums[i].path); /* the fixture's are few */
    }
    assert_int_equal(g4_checksum_verify(sums, 4, f->exec.pool, &err), 0);
    fixture_text(f->folder, "d", "abd\n");
    assert_int_equal(g4_checksum_verify(sums, 4, f->exec.pool, &err), G4_EINPUT);
    assert_message(&err, "d': SHA-256 is ");
    assert_message(&err, ", expected " ABC " by '");
    fixture_text(f->folder, "c", "x");
    assert_int_equal(g4_checksum_verify(sums, 4, f->exec.pool, &err), G4_EINPUT);
    assert_message(&err, "c': SHA-256 is 2d711642b726b04401627ca9fbac32f5c8530fb1903cc4db02258717");
    assert_int_equal(unlink(sums[0].path), 0);
    assert_int_equal(g4_checksum_verify(sums, 4, f->exec.pool, &err), G4_ENOTFOUND);
    assert_message(&err, "a': cannot open");
    for (size_t i = 0; i < 4; i++) {
        free((char *)(uintptr_t)sums[i].path);
        g4_checksum_release(&sums[i]);
    }
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(every_type),    TEST(the_first_of_many), TEST(limits_may_be_infinite),
        TEST(lists_of_sums), TEST(names_of_blobs),    TEST(what_nobody_asks_for),
        TEST(sums_of_files),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

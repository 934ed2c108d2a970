/* Every way to ask for a value of a GGUF file, and what must be refused. */
#include "tests/unit/gguf_fixture.h"

/* The values that the getters are asked for. */
static unsigned char *numbers(size_t *size)
{
    static const int32_t list[] = {3, -4, 5};
    static const float real[] = {0.5f};
    struct gguf_fixture g;
    gguf_begin(&g);
    gguf_put(&g, "u8", G4_GGUF_U8, &(uint8_t){200}, 1);
    gguf_put(&g, "i8", G4_GGUF_I8, &(int8_t){-100}, 1);
    gguf_put(&g, "u16", G4_GGUF_U16, &(uint16_t){60000}, 2);
    gguf_put(&g, "i16", G4_GGUF_I16, &(int16_t){-30000}, 2);
    gguf_put_u32(&g, "u32", 4000000000u);
    gguf_put_i32(&g, "i32", -2000000000);
    gguf_put_u64(&g, "u64", UINT64_C(1) << 40);
    gguf_put(&g, "i64", G4_GGUF_I64, &(int64_t){INT64_MIN}, 8);
    gguf_put_u64(&g, "beyond", UINT64_MAX);
    gguf_put_f32(&g, "f32", 1.5f);
    gguf_put(&g, "f64", G4_GGUF_F64, &(double){1e-6}, 8);
    gguf_put_f32(&g, "nan", 0.0f);
    memcpy(g.bytes + g.n - 4, "\0\0\xc0\x7f", 4);
    gguf_put_bool(&g, "true", 1);
    gguf_put_bool(&g, "two", 2);
    gguf_put_string(&g, "text", "a word that is a good deal longer than what a message will show");
    gguf_put_i32s(&g, "list", 3, list);
    gguf_put_bools(&g, "bools", 3, (const unsigned char[]){1, 0, 1});
    gguf_put_f32s(&g, "reals", 1, real);
    gguf_put_strings(&g, "texts", 1, (const char *const[]){"x"});
    return gguf_end(&g, size);
}

static void gets_numbers(void **state)
{
    (void)state;
    static const struct {
        const char *key;
        int64_t whole;
        double real;
    } cases[] = {
        {"u8", 200, 200},
        {"i8", -100, -100},
        {"u16", 60000, 60000},
        {"i16", -30000, -30000},
        {"u32", 4000000000, 4000000000.0},
        {"i32", -2000000000, -2000000000.0},
        {"u64", INT64_C(1) << 40, 1099511627776.0},
        {"i64", INT64_MIN, -9223372036854775808.0},
    };
    struct g4_err err = {0};
    struct g4_gguf file;
    size_t size;
    double real = 0;
    bool flag = false;
    unsigned char *bytes = numbers(&size);
    assert_int_equal(g4_gguf_parse(&file, bytes, size, "f", &err), 0);
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        int64_t whole_number = 0;
        const char *key = cases[i].key;
        assert_int_equal(g4_gguf_int(&file, key, true, INT64_MIN, INT64_MAX, &whole_number, &err),
                         0);
        assert_true(whole_number == cases[i].whole);
        assert_int_equal(g4_gguf_number(&file, key, true, -1e20, 1e20, &real, &err), 0);
        assert_true(real == cases[i].real);
    }
    assert_int_equal(g4_gguf_number(&file, "f32", true, 1.5, 1.5, &real, &err), 0);
    assert_true(real == 1.5);
    assert_int_equal(g4_gguf_number(&file, "f64", true, 0, 1, &real, &err), 0);
    assert_true(real == 1e-6);
    assert_int_equal(g4_gguf_bool(&file, "true", true, &flag, &err), 0);
    assert_true(flag);
    g4_gguf_close(&file);
    free(bytes);
}

static void gets_lists(void **state)
{
    (void)state;
    struct g4_err err = {0};
    struct g4_gguf file;
    size_t size;
    int64_t list[4] = {9, 9, 9, 9};
    unsigned char *bytes = numbers(&size);
    assert_int_equal(g4_gguf_parse(&file, bytes, size, "f", &err), 0);
    assert_int_equal(g4_gguf_ints(&file, "list", true, 3, -4, 5, list, &err), 0);
    assert_true(list[0] == 3 && list[1] == -4 && list[2] == 5 && list[3] == 9);
    assert_int_equal(g4_gguf_ints(&file, "bools", true, 3, 0, 1, list, &err), 0);
    assert_true(list[0] == 1 && list[1] == 0 && list[2] == 1 && list[3] == 9);
    assert_int_equal(g4_gguf_ints(&file, "u8", true, 4, 0, 255, list, &err), 0);
    assert_true(list[0] == 200 && list[3] == 200);
    assert_int_equal(g4_gguf_ints(&file, "true", true, 4, 0, 1, list, &err), 0);
    assert_true(list[0] == 1 && list[3] == 1);
    assert_int_equal(g4_gguf_ints(&file, "absent", false, 4, 0, 1, list, &err), 0);
    assert_int_equal(list[0], 1);
    assert_int_equal(g4_gguf_int_at(g4_gguf_value(&file, "list"), 1), -4);
    assert_true(g4_gguf_int_at(g4_gguf_value(&file, "beyond"), 0) == INT64_MAX);
    g4_gguf_close(&file);
    free(bytes);
}

/* One call of a getter by its letter, with a range of 1..300 and lists of 2. */
static int get(const struct g4_gguf *file, char getter, const char *key, bool required,
               struct g4_err *err)
{
    int64_t whole_number, list[2];
    double real;
    bool flag;
    struct g4_gguf_text text;
    switch (getter) {
    case 'i': return g4_gguf_int(file, key, required, 1, 300, &whole_number, err);
    case 'n': return g4_gguf_number(file, key, required, 1, 300, &real, err);
    case 'b': return g4_gguf_bool(file, key, required, &flag, err);
    case 's': return g4_gguf_string(file, key, required, &text, err);
    default: return g4_gguf_ints(file, key, required, 2, 1, 300, list, err);
    }
}

static void getters_refuse(void **state)
{
    (void)state;
    static const struct {
        char getter;
        const char *key, *message;
    } cases[] = {
        {'i', "absent", "'f': absent: missing"},
        {'n', "absent", "'f': absent: missing"},
        {'b', "absent", "'f': absent: missing"},
        {'s', "absent", "'f': absent: missing"},
        {'l', "absent", "'f': absent: missing"},
        {'i', "u16", "'f': u16: expected an integer in 1..300, got 60000"},
        {'i', "i8", "'f': i8: expected an integer in 1..300, got -100"},
        {'i', "beyond",
         "'f': beyond: expected an integer in 1..300, got 9223372036854775807 or more"},
        {'i', "f32", "'f': f32: expected an integer in 1..300, got the real number 1.5"},
        {'i', "true", "'f': true: expected an integer in 1..300, got the boolean 1"},
        {'i', "text", "got 'a word that is a good deal longer than w"},
        {'i', "list", "'f': list: expected an integer, got an array of 3"},
        {'n', "f64", "'f': f64: expected a number in 1..300, got the real number 1e-06"},
        {'n', "nan", "'f': nan: expected a number in 1..300, got the real number nan"},
        {'n', "true", "'f': true: expected a number in 1..300, got the boolean 1"},
        {'n', "reals", "'f': reals: expected a number, got an array of 1"},
        {'b', "u8", "'f': u8: expected a boolean, 0 or 1, got 200"},
        {'b', "two", "'f': two: expected a boolean, 0 or 1, got the boolean 2"},
        {'b', "bools", "'f': bools: expected a boolean, got an array of 3"},
        {'s', "u8", "'f': u8: expected a string, got 200"},
        {'s', "texts", "'f': texts: expected a string, got an array of 1"},
        {'l', "list", "'f': list: expected one integer or an array of 2, got an array of 3"},
        {'l', "texts", "'f': texts: expected one integer or an array of 2, got an array of 1"},
        {'l', "u16", "'f': u16: expected an integer in 1..300, got 60000"},
        {'l', "text", "'f': text: expected an integer in 1..300, got 'a word"},
    };
    struct g4_err err = {0};
    struct g4_gguf file;
    size_t size;
    int64_t list[3];
    unsigned char *bytes = numbers(&size);
    assert_int_equal(g4_gguf_parse(&file, bytes, size, "f", &err), 0);
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        assert_int_equal(get(&file, cases[i].getter, cases[i].key, true, &err), G4_EINPUT);
        assert_message(&err, cases[i].message);
        /* What need not be there must still be right where it is. */
        assert_int_equal(get(&file, cases[i].getter, cases[i].key, false, &err),
                         strcmp(cases[i].key, "absent") == 0 ? 0 : G4_EINPUT);
    }
    assert_int_equal(g4_gguf_ints(&file, "list", true, 3, 0, 9, list, &err), G4_EINPUT);
    assert_message(&err, "'f': list: element 1: expected an integer in 0..9, got -4");
    assert_int_equal(g4_gguf_ints(&file, "reals", true, 1, 0, 9, list, &err), G4_EINPUT);
    assert_message(&err,
                   "'f': reals: element 0: expected an integer in 0..9, got the real number 0.5");
    assert_int_equal(g4_gguf_ints(&file, "texts", true, 1, 0, 9, list, &err), G4_EINPUT);
    assert_message(&err, "'f': texts: element 0: expected an integer in 0..9, got a string");
    assert_int_equal(g4_gguf_int(&file, "text", true, INT64_MIN, INT64_MAX, list, &err), G4_EINPUT);
    assert_message(&err, "'f': text: expected an integer, got 'a word");
    g4_gguf_close(&file);
    free(bytes);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(gets_numbers),
        cmocka_unit_test(gets_lists),
        cmocka_unit_test(getters_refuse),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

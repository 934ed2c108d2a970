/* test_toolcall.c - calls as the models write them, and as they slip. */
#include <jansson.h>

#include "decoder/toolcall.h"
#include "tests/unit/vocab_fixture.h"

#define Q "<|\"|>"

struct good {
    const char *text, *name, *arguments;
};

static void assert_calls(const struct good *c, size_t count)
{
    for (size_t i = 0; i < count; i++, c++) {
        struct g4_toolcall call = {0};
        struct g4_err err = {0};
        if (g4_toolcall_parse(&call, c->text, strlen(c->text), &err) < 0)
            fail_msg("%s: %s", c->text, err.text);
        assert_string_equal(call.name.text, c->name);
        assert_string_equal(call.arguments.text, c->arguments);
        json_t *json = json_loads(call.arguments.text, 0, NULL);
        assert_true(json_is_object(json));
        json_decref(json);
        g4_toolcall_release(&call);
    }
}

static void parses_the_grammar(void **state)
{
    (void)state;
    static const struct good cases[] = {
        {"call:get_weather{city:" Q "Paris" Q ",days:2}", "get_weather",
         "{\"city\":\"Paris\",\"days\":2}"},
        {"call:f{}", "f", "{}"},
        {"call:f{arg1:42}", "f", "{\"arg1\":42}"},
        {"call:f{arg1:-7}", "f", "{\"arg1\":-7}"},
        {"call:f{x:1.5e10}", "f", "{\"x\":1.5e10}"},
        {"call:f{x:2.50}", "f", "{\"x\":2.50}"},
        {"call:f{on:true,v:null}", "f", "{\"on\":true,\"v\":null}"},
        {"call:f{c:{theme:" Q "dark" Q ",n:3},l:[]}", "f",
         "{\"c\":{\"theme\":\"dark\",\"n\":3},\"l\":[]}"},
        {"call:f{s:" Q "a \"b\" {c}" Q "}", "f", "{\"s\":\"a \\\"b\\\" {c}\"}"},
        {"call:f{s:" Q "a,b:c]}\n\\\t\x01" Q "}", "f", "{\"s\":\"a,b:c]}\\n\\\\\\t\\u0001\"}"},
        {"call:f{s:" Q Q "}", "f", "{\"s\":\"\"}"},
        {"call:f{s:" Q "<|" Q "}", "f", "{\"s\":\"<|\"}"},
        {"call:f{l:[1," Q "two" Q ",[],{},[true]]}", "f", "{\"l\":[1,\"two\",[],{},[true]]}"},
        {"call:f{ a: 1, b:\n2}", "f", "{\"a\":1,\"b\":2}"},
        {"call:a-b.c_d:e{}", "a-b.c_d:e", "{}"},
        {"call:f{two words:1,\xc3\xa9:2}", "f", "{\"two words\":1,\"\xc3\xa9\":2}"},
    };
    assert_calls(cases, sizeof cases / sizeof *cases);
}

static void forgives_slips(void **state)
{
    (void)state;
    static const struct good cases[] = {
        {":f{a:1}", "f", "{\"a\":1}"},
        {"f{a:1}", "f", "{\"a\":1}"},
        {" call: f {a:1}", "f", "{\"a\":1}"},
        {"call:f", "f", "{}"},
        {"call:f{\"a\":1," Q "b" Q ":2,'c':3}", "f", "{\"a\":1,\"b\":2,\"c\":3}"},
        {"call:f{a:\"x\\n\\\"y\",b:'it'}", "f", "{\"a\":\"x\\n\\\"y\",\"b\":\"it\"}"},
        {"call:f{a:\"line\nbreak\"}", "f", "{\"a\":\"line\\nbreak\"}"},
        {"call:f{city:Paris , days:2 days}", "f", "{\"city\":\"Paris\",\"days\":\"2 days\"}"},
        {"call:f{a:}", "f", "{\"a\":null}"},
        {"call:f{a:1,}", "f", "{\"a\":1}"},
        {"call:f{a:[1,2,],b:01}", "f", "{\"a\":[1,2],\"b\":\"01\"}"},
        {"call:f{a:1", "f", "{\"a\":1}"},
        {"call:f{a:{b:[" Q "x", "f", "{\"a\":{\"b\":[\"x\"]}}"},
        {"call:f{a:'x", "f", "{\"a\":\"x\"}"},
        {"call:f{a:\"x", "f", "{\"a\":\"x\"}"},
        {"call:f{a:1}}", "f", "{\"a\":1}"},
        {"call:f{a:1} and more", "f", "{\"a\":1}"},
        {"call:f{a:True}", "f", "{\"a\":\"True\"}"},
    };
    assert_calls(cases, sizeof cases / sizeof *cases);
}

static void refuses_what_makes_no_sense(void **state)
{
    (void)state;
    static const char *const cases[] = {
        "",          "call:",      "call:{a:1}",   "{a:1}",        "call:two words{}",
        "call:f{a}", "call:f{:1}", "call:f{a:[1}", "call:f{a:{]}", "call:f{\"a\" 1}"};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct g4_toolcall call = {0};
        struct g4_err err = {0};
        if (g4_toolcall_parse(&call, cases[i], strlen(cases[i]), &err) != G4_EINPUT)
            fail_msg("%s", cases[i]);
        assert_true(strlen(err.text) > 0);
        assert_null(call.name.text);
        assert_null(call.arguments.text);
    }
}

static void limits_depth(void **state)
{
    (void)state;
    static char text[20000] = "call:f{a:";
    struct g4_toolcall call = {0};
    struct g4_err err = {0};
    memset(text + 9, '[', sizeof text - 9);
    assert_int_equal(g4_toolcall_parse(&call, text, sizeof text, &err), G4_EINPUT);
    assert_non_null(strstr(err.text, "nested too deep"));
    assert_int_equal(g4_toolcall_parse(&call, text, 9 + G4_TOOLCALL_DEPTH - 1, &err), 0);
    g4_toolcall_release(&call);
}

/* Whatever a model writes: an error, or a name and a JSON object. */
static void survives_anything(void **state)
{
    (void)state;
    static const char *const pieces[] = {"call:", "f",  "{",        "}",     "[",    "]",
                                         ",",     ":",  Q,          "\"",    "'",    "a",
                                         " ",     "1",  "-",        "0.5",   "true", "null",
                                         "\\",    "\n", "\xc3\xa9", "u0041", "e"};
    uint64_t random = 5;
    int parsed = 0;
    for (int i = 0; i < 50000; i++) {
        char text[256] = "";
        if (fixture_random(&random, 2))
            strcpy(text, "call:f{");
        for (uint32_t k = fixture_random(&random, 20); k > 0; k--)
            strcat(text, pieces[fixture_random(&random, sizeof pieces / sizeof *pieces)]);
        struct g4_toolcall call = {0};
        struct g4_err err = {0};
        char *exact = strdup(text);
        if (g4_toolcall_parse(&call, exact, strlen(text), &err) == 0) {
            json_error_t error;
            json_t *json = json_loads(call.arguments.text, 0, &error);
            if (!json_is_object(json) && json_error_code(&error) != json_error_null_byte_in_key &&
                json_error_code(&error) != json_error_null_character)
                fail_msg("%s -> %s", text, call.arguments.text);
            assert_true(call.name.n > 0);
            json_decref(json);
            parsed++;
        }
        free(exact);
        g4_toolcall_release(&call);
    }
    assert_true(parsed > 1000);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(parses_the_grammar),          cmocka_unit_test(forgives_slips),
        cmocka_unit_test(refuses_what_makes_no_sense), cmocka_unit_test(limits_depth),
        cmocka_unit_test(survives_anything),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

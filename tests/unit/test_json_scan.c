/* test_json_scan.c - the scanner against jansson: what one refuses, the other must refuse. */
#include <jansson.h>

#include "lib/format/json_scan.h"
#include "tests/unit/vocab_fixture.h"

/* Rebuilds the document as a tree, by the scanner alone; NULL when it refuses. */
static json_t *tree(struct g4_json_scan *scan, struct g4_err *err)
{
    struct g4_json_span span;
    char *text;
    json_t *value = NULL, *member;
    int status;
    switch (g4_json_scan_peek(scan)) {
    case '{':
        assert_int_equal(g4_json_scan_enter(scan, '{', err), 0);
        value = json_object();
        while ((status = g4_json_scan_member(scan, &span, err)) == 1) {
            text = malloc(span.n + 1);
            size_t n = g4_json_span_decode(&span, text);
            if ((member = tree(scan, err)) == NULL || memchr(text, '\0', n)) {
                json_decref(member);
                status = -1;
            } else {
                json_object_setn_new(value, text, n, member);
            }
            free(text);
            if (status < 0)
                break;
        }
        break;
    case '[':
        assert_int_equal(g4_json_scan_enter(scan, '[', err), 0);
        value = json_array();
        while ((status = g4_json_scan_element(scan, err)) == 1) {
            if ((member = tree(scan, err)) == NULL) {
                status = -1;
                break;
            }
            json_array_append_new(value, member);
        }
        break;
    case '"':
        if ((status = g4_json_scan_string(scan, &span, err)) == 0) {
            text = malloc(span.n + 1);
            value = json_stringn(text, g4_json_span_decode(&span, text));
            free(text);
        }
        break;
    default:
        if ((status = g4_json_scan_skip(scan, &span, err)) == 0)
            value = json_loadb(span.text, span.n, JSON_DECODE_ANY, NULL);
    }
    if (status < 0) {
        json_decref(value);
        return NULL;
    }
    return value;
}

/* Checks one document three ways: tree, skip, jansson. */
static void compare(const char *text, size_t n)
{
    struct g4_json_scan scan;
    struct g4_err err = {0};
    json_error_t error;
    char *exact = malloc(n ? n : 1); /* so that a read behind the end is seen */
    memcpy(exact, text, n);
    json_t *expected = json_loadb(text, n, JSON_DECODE_ANY | JSON_ALLOW_NUL, &error);

    g4_json_scan_open(&scan, "doc", exact, n);
    int skipped = g4_json_scan_skip(&scan, NULL, &err);
    if (skipped == 0)
        skipped = g4_json_scan_finish(&scan, &err);
    g4_json_scan_open(&scan, "doc", exact, n);
    json_t *got = tree(&scan, &err);
    if (got && g4_json_scan_finish(&scan, &err) < 0) {
        json_decref(got);
        got = NULL;
    }
    /* Numbers that do not fit a machine word are jansson's limit; NUL in a key is this test's. */
    bool number = !expected && json_error_code(&error) == json_error_numeric_overflow;
    bool nul_key = expected && skipped == 0 && !got && memmem(text, n, "\\u0000", 6);
    if (!number && !nul_key && (expected != NULL) != (skipped == 0))
        fail_msg("skip %d, jansson %s: %.*s", skipped, expected ? "accepts" : error.text, (int)n,
                 text);
    if (!number && !nul_key && !(expected ? json_equal(expected, got) : !got))
        fail_msg("tree differs: %.*s", (int)n, text);
    json_decref(expected);
    json_decref(got);
    free(exact);
}

static const char *const documents[] = {
    "{}",
    "[]",
    "\"\"",
    "0",
    "-0",
    "-",
    "01",
    "1.",
    ".5",
    "1e",
    "1e+",
    "1E-3",
    "-1.5e10",
    "2x",
    "true",
    "truex",
    "nul",
    "null",
    "[1,2,]",
    "[,1]",
    "[1 2]",
    "{\"a\":1,}",
    "{\"a\" 1}",
    "{a:1}",
    "{\"a\":}",
    "{\"a\":1 \"b\":2}",
    "[1}",
    "{\"a\":1]",
    "[[],{},[{}]]",
    "  [ 1 , 2 ] \n\t\r",
    "[1]]",
    "[1] x",
    "",
    " ",
    "\"\\u00e9\\n\\\"\\/\\b\\f\\r\\t\\\\\"",
    "\"\\ud83d\\ude00\"",
    "\"\\ud83d\"",
    "\"\\ude00\"",
    "\"\\ud83d\\u0041\"",
    "\"\\ud83dx\"",
    "\"\\u12\"",
    "\"\\u12g4\"",
    "\"\\x\"",
    "\"\\\"",
    "\"abc",
    "\"\\u0000\"",
    "\"a\tb\"",
    "\"\x7f\"",
    "\"\xc3\xa9\"",
    "\"\xc3\"",
    "\"\xed\xa0\x80\"",
    "\"\xc0\xaf\"",
    "\xef\xbb\xbf{}",
    "{\"a\":{\"b\":[true,false,null,-12,3.25,\"x\"]}}",
    "+1",
    "--1",
    "[\"\\\\\"]",
    "{\"k\\u0041\":\"v\"}",
    "1 2",
    "\"a\"\"b\"",
    "[\"\xf0\x9f\x98\x80\"]",
    "nan",
    "Infinity",
};

static void agrees_with_jansson(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof documents / sizeof *documents; i++)
        compare(documents[i], strlen(documents[i]));
}

static void agrees_on_damaged_documents(void **state)
{
    (void)state;
    static const char text[] =
        "{\"added\": [{\"id\": 0, \"content\": \"<|\\\"|>\", \"x\": false}, null],\n"
        " \"vocab\": {\"\\u2581a\": 12, \"\\ud83d\\ude00\": -7, \"\xc3\xa9\": 1.5e3},\n"
        " \"merges\": [[\"a\", \"b\"], \"c d\", [[{}]], true, \"\\n\\t\"]}";
    static const char bytes[] = "\"\\{}[],:0129.eE+-tfn u\xc3\xa9\x80\xff \n";
    char damaged[sizeof text];
    uint64_t random = 1;
    for (size_t cut = 0; cut < sizeof text; cut++)
        compare(text, cut);
    for (int i = 0; i < 30000; i++) {
        memcpy(damaged, text, sizeof text);
        for (uint32_t k = fixture_random(&random, 3) + 1; k > 0; k--)
            damaged[fixture_random(&random, sizeof text - 1)] =
                bytes[fixture_random(&random, sizeof bytes - 1)];
        compare(damaged, sizeof text - 1);
    }
}

/* Between tokens as well: jansson takes a NUL behind a number for nothing. */
static void refuses_nul(void **state)
{
    (void)state;
    static const char text[] = "[1\0,2]";
    struct g4_json_scan scan;
    g4_json_scan_open(&scan, "f.json", text, sizeof text - 1);
    assert_int_equal(g4_json_scan_skip(&scan, NULL, NULL), G4_EINPUT);
}

static void limits_depth(void **state)
{
    (void)state;
    enum { DEEP = 10000 };
    char *text = malloc(2 * DEEP);
    struct g4_json_scan scan;
    struct g4_err err = {0};
    memset(text, '[', DEEP);
    memset(text + DEEP, ']', DEEP);
    g4_json_scan_open(&scan, "f.json", text, 2 * DEEP);
    assert_int_equal(g4_json_scan_skip(&scan, NULL, &err), G4_EINPUT);
    assert_string_equal(err.text, "'f.json': line 1 column 65: nested deeper than 64");
    g4_json_scan_open(&scan, "f.json", text + DEEP - 64, 128);
    assert_int_equal(g4_json_scan_skip(&scan, NULL, &err), 0);
    free(text);
}

static void reads_integers_in_range(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        int status;
        int64_t value;
    } cases[] = {{"0", 0, 0},
                 {"41", 0, 41},
                 {"-3", 0, -3},
                 {"100", 0, 100},
                 {"-0", 0, 0},
                 {"101", G4_EINPUT, 0},
                 {"-4", G4_EINPUT, 0},
                 {"1.0", G4_EINPUT, 0},
                 {"1e1", G4_EINPUT, 0},
                 {"\"1\"", G4_EINPUT, 0},
                 {"99999999999999999999", G4_EINPUT, 0},
                 {"", G4_EINPUT, 0},
                 {"-", G4_EINPUT, 0},
                 {"007", G4_EINPUT, 0}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct g4_json_scan scan;
        struct g4_err err = {0};
        int64_t value = 0;
        g4_json_scan_open(&scan, "f.json", cases[i].text, strlen(cases[i].text));
        assert_int_equal(g4_json_scan_int(&scan, -3, 100, &value, &err), cases[i].status);
        assert_int_equal(value, cases[i].value);
        if (cases[i].status < 0)
            assert_non_null(strstr(err.text, "expected an integer in -3..100"));
    }
}

static void names_line_and_column(void **state)
{
    (void)state;
    static const char text[] = "{\"a\": 1,\n  \"b\" 2}";
    struct g4_json_scan scan;
    struct g4_err err = {0};
    g4_json_scan_open(&scan, "f.json", text, strlen(text));
    assert_int_equal(g4_json_scan_skip(&scan, NULL, &err), G4_EINPUT);
    assert_string_equal(err.text, "'f.json': line 2 column 7: expected ':'");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(agrees_with_jansson),
        cmocka_unit_test(agrees_on_damaged_documents),
        cmocka_unit_test(refuses_nul),
        cmocka_unit_test(limits_depth),
        cmocka_unit_test(reads_integers_in_range),
        cmocka_unit_test(names_line_and_column),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

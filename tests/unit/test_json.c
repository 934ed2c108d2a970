/* JSON from strangers: limits before parsing, places in messages, getters that name what they
 * found. */
#include "tests/unit/model_fixture.h"

#include <sys/resource.h>
#include <sys/wait.h>

#include "lib/format/json_read.h"

static int parse(const char *text, struct g4_err *err)
{
    json_t *root;
    int status = g4_json_parse(&root, text, strlen(text), "f.json", err);
    assert_true((status == 0) == (root != NULL));
    json_decref(root);
    return status;
}

static void refuses_what_is_no_json(void **state)
{
    (void)state;
    static const struct {
        const char *text, *message;
    } cases[] = {
        {"", "'f.json': empty"},
        {"{\"a\": 1,\n \"b\" 2}", "'f.json': line 2 column "},
        {"{\"a\": 1, \"a\": 2}", "duplicate"},
        {"{\"a\": NaN}", "'f.json': line 1 column "},
        {"{\"a\": 99999999999999999999}", "too big integer"},
        {"{\"a\": 1e999}", "overflow"},
        {"{\"a\": \"\\u0000\"}", "'f.json': line 1 column "},
        {"{\"a\": \"\x1b[2J\"}", "'f.json': line 1 column "},
        {"{\"a\": \"\xff\"}", "'f.json': line 1 column "},
        {"{\"a\": \"open", "'f.json': line 1 column "},
        {"{\"a\": \"open\\", "'f.json': line 1 column "},
        {"{} x", "'f.json': line 1 column "},
        {"3", "'f.json': line 1 column "},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct g4_err err = {0};
        assert_int_equal(parse(cases[i].text, &err), G4_EINPUT);
        assert_message(&err, cases[i].message);
    }
}

static char *repeat(const char *part, size_t times)
{
    size_t n = strlen(part);
    char *out = malloc(n * times + 1);
    assert_non_null(out);
    for (size_t i = 0; i < times; i++)
        memcpy(out + n * i, part, n);
    out[n * times] = '\0';
    return out;
}

static void limits_depth(void **state)
{
    (void)state;
    struct g4_err err = {0};
    char *open = repeat("[", 10000), *close = repeat("]", 64), both[200];
    assert_int_equal(parse(open, &err), G4_EINPUT);
    assert_message(&err, "'f.json': line 1 column 65: nested deeper than 64");
    snprintf(both, sizeof both, "%.64s%s", open, close);
    assert_int_equal(parse(both, &err), 0);
    /* Brackets inside strings are text. */
    assert_int_equal(
        parse("[\"[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[\\\"[[[\"]",
              &err),
        0);
    free(open);
    free(close);
}

static void limits_values_and_strings(void **state)
{
    (void)state;
    struct g4_err err = {0};
    size_t n = (size_t)G4_JSON_VALUES * 3;
    char *many = repeat("{},", G4_JSON_VALUES);
    memcpy(many, "[1,", 3);
    assert_int_equal(parse(many, &err), G4_EINPUT);
    assert_message(&err, "more values than 4194304");
    free(many);
    n = G4_JSON_STRING + 100;
    char *longest = repeat("a", n);
    longest[0] = '[';
    longest[1] = '"';
    longest[n - 2] = '"';
    longest[n - 1] = ']';
    assert_int_equal(parse(longest, &err), G4_EINPUT);
    assert_message(&err, "a string longer than 16777216");
    longest[G4_JSON_STRING] = '"';
    longest[G4_JSON_STRING + 1] = ']';
    longest[G4_JSON_STRING + 2] = '\0';
    assert_int_equal(parse(longest, &err), 0);
    free(longest);
}

/* jansson alone crashes when a node of a tree cannot be allocated. */
static void memory_runs_out(void **state)
{
    (void)state;
#ifdef __SANITIZE_ADDRESS__
    skip(); /* the sanitiser's allocator ends the program itself */
#endif
    char *big = repeat("{},", 200000);
    memcpy(big, "[1,", 3);
    memcpy(big + strlen(big) - 3, " 1]", 3);
    pid_t child = fork();
    if (child == 0) {
        struct g4_err err = {0};
        size_t pages = 0;
        FILE *file = fopen("/proc/self/statm", "r");
        if (!file || fscanf(file, "%zu", &pages) != 1)
            _exit(77);
        const rlim_t limit = (rlim_t)pages * (rlim_t)sysconf(_SC_PAGESIZE) + (8 << 20);
        setrlimit(RLIMIT_AS, &(struct rlimit){limit, limit});
        _exit(parse(big, &err) == G4_ENOMEM ? 0 : 1);
    }
    int status = -1;
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_true(WIFEXITED(status));
    assert_int_equal(WEXITSTATUS(status), 0);
    struct g4_err err = {0};
    assert_int_equal(parse(big, &err), 0);
    free(big);
}

static void getters(void **state)
{
    (void)state;
    static const char text[] =
        "{\"i\": 7, \"x\": \"7\", \"r\": 1.5, \"t\": true, \"o\": {}, \"a\": [], \"n\": null,"
        " \"odd\": \"\\u001b[2J\", \"long\": \"0123456789012345678901234567890123456789"
        "0123456789012345678901234567890123456789\"}";
    struct g4_err err = {0};
    json_t *root;
    int64_t i = -1;
    double x = -1;
    bool b = false;
    const char *s = NULL;
    const json_t *child = NULL;
    assert_int_equal(g4_json_parse(&root, text, sizeof text - 1, "f.json", &err), 0);
    const struct g4_json_at at = {"f.json", "outer.inner", root}, top = {"f.json", "", root};

    assert_int_equal(g4_json_int(&at, "i", true, 1, 7, &i, &err), 0);
    assert_int_equal(i, 7);
    assert_int_equal(g4_json_int(&at, "i", true, 1, 6, &i, &err), G4_EINPUT);
    assert_message(&err, "'f.json': outer.inner.i: expected an integer in 1..6, got 7");
    assert_int_equal(g4_json_int(&top, "x", false, 1, 6, &i, &err), G4_EINPUT);
    assert_message(&err, "'f.json': x: expected an integer in 1..6, got \"7\"");
    assert_int_equal(g4_json_int(&at, "r", true, 1, 6, &i, &err), G4_EINPUT);
    assert_message(&err, "got 1.5");
    assert_int_equal(g4_json_int(&at, "none", true, 1, 6, &i, &err), G4_EINPUT);
    assert_message(&err, "outer.inner.none: missing, expected an integer in 1..6");
    assert_int_equal(g4_json_int(&at, "n", true, 1, 6, &i, &err), G4_EINPUT);
    assert_message(&err, "got null");
    assert_int_equal(g4_json_int(&at, "odd", true, 1, 6, &i, &err), G4_EINPUT);
    assert_message(&err, "got \"\\x1b[2J\"");
    assert_int_equal(g4_json_int(&at, "long", true, 1, 6, &i, &err), G4_EINPUT);
    assert_true(strlen(err.text) < 160);
    i = 3;
    assert_int_equal(g4_json_int(&at, "n", false, 1, 6, &i, &err), 0);
    assert_int_equal(g4_json_int(&at, "none", false, 1, 6, &i, &err), 0);
    assert_int_equal(i, 3);

    assert_int_equal(g4_json_number(&at, "i", true, 0, 10, &x, &err), 0);
    assert_true(x == 7);
    assert_int_equal(g4_json_number(&at, "r", true, 2, 10, &x, &err), G4_EINPUT);
    assert_message(&err, "expected a number in 2..10, got 1.5");
    assert_int_equal(g4_json_bool(&at, "t", true, &b, &err), 0);
    assert_true(b);
    assert_int_equal(g4_json_bool(&at, "i", true, &b, &err), G4_EINPUT);
    assert_int_equal(g4_json_string(&at, "x", true, &s, &err), 0);
    assert_string_equal(s, "7");
    assert_int_equal(g4_json_string(&at, "o", true, &s, &err), G4_EINPUT);
    assert_message(&err, "expected a string, got an object");
    assert_int_equal(g4_json_child(&at, "o", true, JSON_OBJECT, &child, &err), 0);
    assert_true(json_is_object(child));
    assert_int_equal(g4_json_child(&at, "a", true, JSON_OBJECT, &child, &err), G4_EINPUT);
    assert_message(&err, "expected an object, got an array");
    json_decref(root);
}

static void files(void **state)
{
    (void)state;
    struct g4_err err = {0};
    json_t *root;
    char *folder = fixture_folder();
    fixture_text(folder, "a.json", "{\"a\": [1, 2]}");
    assert_int_equal(g4_json_load(&root, fixture_path(folder, "a.json"), 13, &err), 0);
    assert_int_equal(json_array_size(json_object_get(root, "a")), 2);
    json_decref(root);
    assert_int_equal(g4_json_load(&root, fixture_path(folder, "a.json"), 12, &err), G4_ELIMIT);
    assert_null(root);
    assert_int_equal(g4_json_load(&root, fixture_path(folder, "b.json"), 12, &err), G4_ENOTFOUND);
    assert_message(&err, "b.json'");
    fixture_remove(folder);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(refuses_what_is_no_json),
        cmocka_unit_test(limits_depth),
        cmocka_unit_test(limits_values_and_strings),
        cmocka_unit_test(memory_runs_out),
        cmocka_unit_test(getters),
        cmocka_unit_test(files),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

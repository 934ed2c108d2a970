/* Which model is found, place by place, in folders made for the purpose. */
#include "tests/unit/model_fixture.h"

#include "lib/model/discover.h"

#define GEMMA "{\"model_type\": \"gemma4\"}"

struct fixture {
    char *root;
};

/* An environment in which nothing is found. */
static int setup(void **state)
{
    struct fixture *f = calloc(1, sizeof *f);
    static const char *const unset[] = {"G4_MODEL", "HF_HUB_CACHE",   "HUGGINGFACE_HUB_CACHE",
                                        "HF_HOME",  "XDG_CACHE_HOME", "XDG_DATA_HOME"};
    f->root = fixture_folder();
    for (size_t i = 0; i < sizeof unset / sizeof unset[0]; i++)
        unsetenv(unset[i]);
    setenv("HOME", fixture_path(f->root, "home"), 1);
    setenv("XDG_DATA_DIRS", fixture_path(f->root, "system"), 1);
    *state = f;
    return 0;
}

static int teardown(void **state)
{
    struct fixture *f = *state;
    fixture_remove(f->root);
    free(f);
    return 0;
}

/* A folder that looks like a model; template false: a base model. */
static void add_model(const struct fixture *f, const char *folder, const char *config, bool chat)
{
    char name[512];
    snprintf(name, sizeof name, "%s/config.json", folder);
    fixture_text(f->root, name, config);
    snprintf(name, sizeof name, "%s/model.safetensors", folder);
    fixture_text(f->root, name, "");
    if (chat) {
        snprintf(name, sizeof name, "%s/chat_template.jinja", folder);
        fixture_text(f->root, name, "x");
    }
}

/* The path found, relative to the root; the message in a static buffer otherwise. */
static const char *find(const struct fixture *f, const char *given, int code)
{
    static char text[1024];
    struct g4_err err = {0};
    char *path, *companion;
    int status = g4_discover(&path, &companion, given, &err);
    if (status != code)
        fail_msg("status %d: %s", status, status ? err.text : path);
    if (status < 0) {
        assert_null(path);
        assert_null(strchr(err.text, '\n'));
        snprintf(text, sizeof text, "%s", err.text);
        return text;
    }
    size_t n = strlen(f->root);
    snprintf(text, sizeof text, "%s", strncmp(path, f->root, n) == 0 ? path + n + 1 : path);
    free(path);
    return text;
}

static void assert_found(const struct fixture *f, const char *given, const char *want)
{
    assert_string_equal(find(f, given, 0), want);
}

static void assert_refused(const struct fixture *f, const char *given, int code,
                           const char *message)
{
    const char *text = find(f, given, code);
    if (!strstr(text, message))
        fail_msg("message \"%s\" does not contain \"%s\"", text, message);
}

static void nothing_anywhere(void **state)
{
    struct fixture *f = *state;
    assert_refused(f, NULL, G4_ENOTFOUND,
                   "no model found: download one with `hf download google/gemma-4-E2B-it`");
    assert_refused(f, NULL, G4_ENOTFOUND, "-m examples/demo-model");
    assert_refused(f, NULL, G4_ENOTFOUND, "home/.local/share/g4/models'");
    assert_refused(f, NULL, G4_ENOTFOUND, "system/g4/models'");
    assert_refused(f, NULL, G4_ENOTFOUND, "home/.cache/huggingface/hub'");
    assert_refused(f, "gemma", G4_ENOTFOUND, "no model 'gemma'");
    assert_refused(f, "", G4_EUSAGE, "-m");
    setenv("G4_MODEL", "gemma", 1);
    assert_refused(f, NULL, G4_ENOTFOUND, "$G4_MODEL: no model 'gemma'");
}

static void places_in_order(void **state)
{
    struct fixture *f = *state;
    add_model(f, "home/.cache/huggingface/hub/models--google--gemma-4-E2B-it/snapshots/0a", GEMMA,
              true);
    assert_found(f, NULL,
                 "home/.cache/huggingface/hub/models--google--gemma-4-E2B-it/snapshots/0a");
    add_model(f, "second/g4/models/b", GEMMA, true);
    char dirs[512];
    snprintf(dirs, sizeof dirs, "relative:%s:%s", fixture_path(f->root, "system"),
             fixture_path(f->root, "second"));
    setenv("XDG_DATA_DIRS", dirs, 1);
    assert_found(f, NULL, "second/g4/models/b");
    add_model(f, "system/g4/models/c", GEMMA, true);
    assert_found(f, NULL, "system/g4/models/c");
    add_model(f, "home/.local/share/g4/models/d", GEMMA, true);
    assert_found(f, NULL, "home/.local/share/g4/models/d");
    setenv("XDG_DATA_HOME", "relative/is/void", 1);
    assert_found(f, NULL, "home/.local/share/g4/models/d");
    setenv("XDG_DATA_HOME", fixture_path(f->root, "data"), 1);
    assert_found(f, NULL, "system/g4/models/c");
    setenv("G4_MODEL", fixture_path(f->root, "second/g4/models/b"), 1);
    assert_found(f, NULL, "second/g4/models/b");
    setenv("G4_MODEL", "c", 1);
    assert_found(f, NULL, "system/g4/models/c");
    assert_found(f, "gemma-4-E2B-it",
                 "home/.cache/huggingface/hub/models--google--gemma-4-E2B-it/snapshots/0a");
    setenv("G4_MODEL", "", 1);
    assert_found(f, NULL, "system/g4/models/c");
}

static void the_cache_has_many_homes(void **state)
{
    struct fixture *f = *state;
    static const struct {
        const char *variable, *value, *hub;
    } cases[] = {
        {"XDG_CACHE_HOME", "cache", "cache/huggingface/hub"},
        {"HF_HOME", "hf", "hf/hub"},
        {"HUGGINGFACE_HUB_CACHE", "old", "old"},
        {"HF_HUB_CACHE", "new", "new"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        char folder[256];
        snprintf(folder, sizeof folder, "%s/models--a--b-it/snapshots/1", cases[i].hub);
        add_model(f, folder, GEMMA, false);
        setenv(cases[i].variable, fixture_path(f->root, cases[i].value), 1);
        assert_found(f, NULL, folder);
    }
}

static void snapshots(void **state)
{
    struct fixture *f = *state;
    static const char hub[] = "home/.cache/huggingface/hub/models--google--gemma-4-E4B-it";
    char name[256];
    snprintf(name, sizeof name, "%s/snapshots/bbb", hub);
    add_model(f, name, GEMMA, false);
    snprintf(name, sizeof name, "%s/snapshots/aaa", hub);
    add_model(f, name, GEMMA, false);
    assert_found(f, "google/gemma-4-E4B-it", name);
    snprintf(name, sizeof name, "%s/refs/main", hub);
    fixture_text(f->root, name, "bbb\n");
    snprintf(name, sizeof name, "%s/snapshots/bbb", hub);
    assert_found(f, "google/gemma-4-E4B-it", name);
    assert_found(f, "gemma-4-E4B-it", name);
    assert_found(f, NULL, name);
    assert_found(f, fixture_path(f->root, hub), name);
    /* A reference is a name, never a path. */
    snprintf(name, sizeof name, "%s/refs/main", hub);
    fixture_text(f->root, name, "../../models--evil/snapshots/x");
    snprintf(name, sizeof name, "%s/snapshots/aaa", hub);
    assert_found(f, NULL, name);
}

static void who_may_be_chosen(void **state)
{
    struct fixture *f = *state;
    static const char home[] = "home/.local/share/g4/models";
    char name[256];
    add_model(f, "home/.local/share/g4/models/gemma-4-E2B", GEMMA, false);
    add_model(f, "home/.local/share/g4/models/llama-it", "{\"model_type\": \"llama\"}", true);
    add_model(f, "home/.local/share/g4/models/drafter-it", "{\"model_type\": \"gemma4_assistant\"}",
              true);
    add_model(f, "home/.local/share/g4/models/w4a16-it",
              "{\"model_type\": \"gemma4\", \"quantization_config\": {}}", true);
    add_model(f, "home/.local/share/g4/models/broken-it", "{\"model_type\": ", true);
    add_model(f, "home/.local/share/g4/models/with-italics", GEMMA, false);
    fixture_text(f->root, "home/.local/share/g4/models/partial-it/config.json", GEMMA);
    assert_refused(f, NULL, G4_ENOTFOUND, "no model found");
    /* Named, they are handed out: opening them says what is wrong. */
    snprintf(name, sizeof name, "%s/llama-it", home);
    assert_found(f, "llama-it", name);
    snprintf(name, sizeof name, "%s/gemma-4-E2B/tokenizer_config.json", home);
    fixture_text(f->root, name, "{\"chat_template\": null}");
    assert_refused(f, NULL, G4_ENOTFOUND, "no model found");
    fixture_text(f->root, name, "{\"chat_template\": \"x\"}");
    snprintf(name, sizeof name, "%s/gemma-4-E2B", home);
    assert_found(f, NULL, name);
    add_model(f, "home/.local/share/g4/models/org/gemma-4-12B-it-mine",
              "{\"model_type\": \"gemma4_unified\"}", false);
    assert_refused(f, NULL, G4_EUSAGE,
                   "several models, choose one with -m: 'gemma-4-E2B', "
                   "'org/gemma-4-12B-it-mine'");
    snprintf(name, sizeof name, "%s/org/gemma-4-12B-it-mine", home);
    assert_found(f, "org/gemma-4-12B-it-mine", name);
    assert_found(f, "gemma-4-12B-it-mine", name);
    assert_refused(f, "../models/gemma-4-E2B", G4_ENOTFOUND, "no model");
    add_model(f, "home/.local/share/g4/models/other/gemma-4-12B-it-mine", GEMMA, false);
    assert_refused(f, "gemma-4-12B-it-mine", G4_EUSAGE,
                   "'org/gemma-4-12B-it-mine', 'other/gemma-4-12B-it-mine'");
    add_model(f, "home/.local/share/g4/models/gemma-4-12B-it-mine", GEMMA, false);
    snprintf(name, sizeof name, "%s/gemma-4-12B-it-mine", home);
    assert_found(f, "gemma-4-12B-it-mine", name);
}

static void paths(void **state)
{
    struct fixture *f = *state;
    add_model(f, "one/a", GEMMA, false);
    assert_found(f, fixture_path(f->root, "one/a"), "one/a");
    assert_found(f, fixture_path(f->root, "one"), "one/a");
    assert_found(f, fixture_path(f->root, "one/a/model.safetensors"), "one/a/model.safetensors");
    add_model(f, "one/b", GEMMA, false);
    assert_refused(f, fixture_path(f->root, "one"), G4_EUSAGE,
                   "several models, choose one with -m: 'a', 'b'");
    fixture_text(f->root, "gguf/m.gguf", "GGUF");
    assert_refused(f, fixture_path(f->root, "gguf"), G4_EUNSUPPORTED,
                   "GGUF files are not built in yet");
    fixture_text(f->root, "none/readme", "");
    assert_refused(f, fixture_path(f->root, "none"), G4_ENOTFOUND, "no model in this folder");
    assert_found(f, DEMO, DEMO);
    /* A path wins over a name. */
    add_model(f, "home/.local/share/g4/models/examples", GEMMA, false);
    assert_found(f, "examples", DEMO);
}

/* The list of many is cut, not the message. */
static void many_candidates(void **state)
{
    struct fixture *f = *state;
    for (int i = 0; i < 40; i++) {
        char name[128];
        snprintf(name, sizeof name, "home/.local/share/g4/models/model-number-%02d-it", i);
        add_model(f, name, GEMMA, false);
    }
    assert_refused(f, NULL, G4_EUSAGE, "'model-number-00-it', 'model-number-01-it', ");
    const char *text = find(f, NULL, G4_EUSAGE);
    assert_string_equal(text + strlen(text) - 5, ", ...");
}

static void lists_all(void **state)
{
    struct fixture *f = *state;
    struct g4_discovered *list;
    struct g4_err err = {0};
    size_t count;
    assert_int_equal(g4_discover_all(&list, &count, &err), 0);
    assert_int_equal(count, 0);
    g4_discovered_free(list, count);
    add_model(f, "home/.cache/huggingface/hub/models--google--gemma-4-E2B-it/snapshots/0a", GEMMA,
              true);
    add_model(f, "home/.local/share/g4/models/z-it", GEMMA, true);
    add_model(f, "home/.local/share/g4/models/base", GEMMA, false);
    setenv("G4_MODEL", DEMO, 1);
    assert_int_equal(g4_discover_all(&list, &count, &err), 0);
    assert_int_equal(count, 3);
    assert_string_equal(list[0].name, "demo-model");
    assert_string_equal(list[0].place, "G4_MODEL");
    assert_string_equal(list[1].name, "z-it");
    assert_string_equal(list[1].place, "XDG_DATA_HOME");
    assert_string_equal(list[2].name, "google/gemma-4-E2B-it");
    assert_string_equal(list[2].place, "Hugging Face cache");
    g4_discovered_free(list, count);
}

static void without_a_home(void **state)
{
    struct fixture *f = *state;
    unsetenv("HOME");
    unsetenv("XDG_DATA_DIRS");
    assert_refused(f, NULL, G4_ENOTFOUND, "'/usr/local/share/g4/models', '/usr/share/g4/models')");
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(nothing_anywhere), TEST(places_in_order),   TEST(the_cache_has_many_homes),
        TEST(snapshots),        TEST(who_may_be_chosen), TEST(paths),
        TEST(many_candidates),  TEST(lists_all),         TEST(without_a_home),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

/* Which model is found, place by place, in folders made for the purpose. */
#include "tests/unit/discover_fixture.h"

static void nothing_anywhere(void **state)
{
    struct fixture *f = *state;
    assert_refused(f, NULL, G4_ENOTFOUND,
                   "no model found: download one with `hf download google/gemma-4-E2B-it`");
    assert_refused(f, NULL, G4_ENOTFOUND, "-m examples/demo-model");
    assert_refused(f, NULL, G4_ENOTFOUND, "home/.local/share/g4/models'");
    assert_refused(f, NULL, G4_ENOTFOUND, "system/g4/models'");
    assert_refused(f, NULL, G4_ENOTFOUND, "home/.cache/huggingface/hub'");
    assert_refused(f, NULL, G4_ENOTFOUND, "home/.ollama/models'");
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
    fixture_text(f->root, "gguf/m.gguf", "GGUF"); /* opening it says what is wrong */
    assert_found(f, fixture_path(f->root, "gguf"), "gguf/m.gguf");
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

/* All that a name finds: base models, forms that are not read, files that do not open. */
static void lists_all(void **state)
{
    struct fixture *f = *state;
    static const struct {
        const char *name, *place;
    } want[] = {
        {"demo-model", "G4_MODEL"},
        {"base", "XDG_DATA_HOME"},
        {"rounded-it", "XDG_DATA_HOME"},
        {"z-it", "XDG_DATA_HOME"},
        {"gemma-4-E2B-broken.gguf", "XDG_DATA_HOME"},
        {"google/gemma-4-E2B-it", "Hugging Face cache"},
    };
    const size_t n = sizeof want / sizeof want[0];
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
    add_model(f, "home/.local/share/g4/models/rounded-it",
              "{\"model_type\": \"gemma4\", \"quantization_config\": {}}", true);
    add_model(f, "home/.local/share/g4/models/drafter", "{\"model_type\": \"gemma4_assistant\"}",
              true);
    add_model(f, "home/.local/share/g4/models/llama-it", "{\"model_type\": \"llama\"}", true);
    fixture_text(f->root, "home/.local/share/g4/models/gemma-4-E2B-broken.gguf", "GGUF");
    fixture_text(f->root, "home/.local/share/g4/models/other-broken.gguf", "GGUF");
    setenv("G4_MODEL", DEMO, 1);
    assert_int_equal(g4_discover_all(&list, &count, &err), 0);
    assert_int_equal(count, n);
    for (size_t i = 0; i < n; i++) {
        assert_string_equal(list[i].name, want[i].name);
        assert_string_equal(list[i].place, want[i].place);
    }
    g4_discovered_free(list, count);
}

/* A snapshot whose weights are there is better than one whose links lead nowhere. */
static void snapshots_of_links(void **state)
{
    struct fixture *f = *state;
    static const char hub[] = "home/.cache/huggingface/hub/models--google--gemma-4-E4B-it";
    char name[256], path[512], found[256];
    for (int i = 0; i < 2; i++) {
        snprintf(name, sizeof name, "%s/snapshots/%d/config.json", hub, i);
        fixture_text(f->root, name, GEMMA);
        snprintf(name, sizeof name, "%s/snapshots/%d/model.safetensors", hub, i);
        snprintf(path, sizeof path, "%s", fixture_path(f->root, name));
        assert_int_equal(symlink(i ? "../../blobs/ff" : "../../blobs/00", path), 0);
    }
    snprintf(name, sizeof name, "%s/blobs/ff", hub);
    fixture_text(f->root, name, "");
    snprintf(name, sizeof name, "%s/blobs/00.incomplete", hub);
    fixture_text(f->root, name, "");
    snprintf(found, sizeof found, "%s/snapshots/1", hub);
    assert_found(f, NULL, found);
    snprintf(name, sizeof name, "%s/refs/main", hub);
    fixture_text(f->root, name, "0\n");
    assert_found(f, NULL, found);
    assert_found(f, "gemma-4-E4B-it", found);
}

static void without_a_home(void **state)
{
    struct fixture *f = *state;
    unsetenv("HOME");
    unsetenv("XDG_DATA_DIRS");
    assert_refused(f, NULL, G4_ENOTFOUND,
                   "'/usr/local/share/g4/models', '/usr/share/g4/models', "
                   "'/usr/share/ollama/.ollama/models')");
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(nothing_anywhere),   TEST(places_in_order),   TEST(the_cache_has_many_homes),
        TEST(snapshots),          TEST(who_may_be_chosen), TEST(paths),
        TEST(many_candidates),    TEST(lists_all),         TEST(without_a_home),
        TEST(snapshots_of_links),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

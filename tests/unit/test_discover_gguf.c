/* GGUF files in folders, and Ollama's store: which of them a name, a folder or nothing leads to. */
#include "tests/unit/discover_fixture.h"
#include "tests/unit/gguf_fixture.h"

#define HOME  "home/.local/share/g4/models/"
#define HUB   "home/.cache/huggingface/hub/"
#define STORE "home/.ollama/models/"
#define HEX   "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcde"

/* ------------------------------------------------------------ GGUF files */

struct header {
    const char *architecture, *finetune, *name, *type;
    bool chat;
    uint32_t part, parts;
};

static void add_gguf(const struct fixture *f, const char *name, const struct header *h)
{
    struct gguf_fixture g;
    gguf_begin(&g);
    if (h->architecture)
        gguf_put_string(&g, "general.architecture", h->architecture);
    if (h->finetune)
        gguf_put_string(&g, "general.finetune", h->finetune);
    if (h->name)
        gguf_put_string(&g, "general.name", h->name);
    if (h->type)
        gguf_put_string(&g, "general.type", h->type);
    if (h->chat)
        gguf_put_string(&g, "tokenizer.chat_template", "{{ messages }}");
    if (h->parts) {
        gguf_put_u32(&g, "split.no", h->part);
        gguf_put_u32(&g, "split.count", h->parts);
    }
    gguf_end_file(&g, f->root, name);
}

static const struct header tuned = {.architecture = "gemma4", .finetune = "it"},
                           base = {.architecture = "gemma4"}, towers = {.architecture = "clip"},
                           drafter = {.architecture = "gemma4-assistant"};

static void one_text_model_in_a_folder(void **state)
{
    struct fixture *f = *state;
    add_gguf(f, HOME "mine/b-text.gguf", &tuned);
    add_gguf(f, HOME "mine/a-mmproj.gguf", &towers);
    add_gguf(f, HOME "mine/mtp-drafter.gguf", &drafter);
    add_gguf(f, HOME "mine/lora.gguf",
             &(struct header){.architecture = "gemma4", .type = "adapter"});
    fixture_text(f->root, HOME "mine/broken.gguf", "GGUF");
    assert_found(f, NULL, HOME "mine/b-text.gguf");
    assert_found(f, "mine", HOME "mine/b-text.gguf");
    assert_found(f, "mine/b-text", HOME "mine/b-text.gguf");
    assert_found(f, "mine/b-text.gguf", HOME "mine/b-text.gguf");
    assert_found(f, "b-text", HOME "mine/b-text.gguf");
    assert_found(f, "b-text.gguf", HOME "mine/b-text.gguf");
    assert_found(f, fixture_path(f->root, HOME "mine"), HOME "mine/b-text.gguf");
    /* What is named is handed out. */
    assert_found(f, "a-mmproj", HOME "mine/a-mmproj.gguf");
    assert_found(f, "broken.gguf", HOME "mine/broken.gguf");
    /* The configuration that some makers put beside their files changes nothing. */
    fixture_text(f->root, HOME "mine/config.json", GEMMA);
    assert_found(f, "mine", HOME "mine/b-text.gguf");
    /* Safetensors win. */
    fixture_text(f->root, HOME "mine/model.safetensors", "");
    assert_found(f, "mine", HOME "mine");
    assert_found(f, fixture_path(f->root, HOME "mine"), HOME "mine");
}

static void several_text_models(void **state)
{
    struct fixture *f = *state;
    add_gguf(f, HOME "google/gemma-4-E2B-it-gguf/q4.gguf", &base);
    add_gguf(f, HOME "google/gemma-4-E2B-it-gguf/q8.gguf", &base);
    add_gguf(f, HOME "google/gemma-4-E2B-it-gguf/mmproj.gguf", &towers);
    assert_refused(f, NULL, G4_EUSAGE,
                   "several models, choose one with -m: 'google/gemma-4-E2B-it-gguf/q4.gguf', "
                   "'google/gemma-4-E2B-it-gguf/q8.gguf'");
    assert_refused(f, "gemma-4-E2B-it-gguf", G4_EUSAGE, "q8.gguf'");
    assert_refused(f, "google/gemma-4-E2B-it-gguf", G4_EUSAGE, "q8.gguf'");
    assert_found(f, "gemma-4-E2B-it-gguf/q4", HOME "google/gemma-4-E2B-it-gguf/q4.gguf");
    assert_found(f, "google/gemma-4-E2B-it-gguf/q8.gguf",
                 HOME "google/gemma-4-E2B-it-gguf/q8.gguf");
    assert_refused(f, fixture_path(f->root, HOME "google/gemma-4-E2B-it-gguf"), G4_EUSAGE,
                   "choose one with -m: 'q4.gguf', 'q8.gguf'");
    assert_refused(f, DEMO "/gguf", G4_EUSAGE,
                   "'g4-demo-bf16.gguf', 'g4-demo-q4_0.gguf', 'g4-demo-q8_0.gguf'");
    assert_found(f, DEMO, DEMO);
}

static void files_among_the_folders(void **state)
{
    struct fixture *f = *state;
    add_gguf(f, HOME "gemma-4-E4B.gguf", &base);
    add_gguf(f, HOME "mmproj-gemma-4-E4B.gguf", &towers);
    assert_refused(f, NULL, G4_ENOTFOUND, "no model found"); /* not instruction-tuned */
    assert_found(f, "gemma-4-E4B", HOME "gemma-4-E4B.gguf");
    assert_found(f, "gemma-4-E4B.gguf", HOME "gemma-4-E4B.gguf");
    add_gguf(f, HOME "llama-it.gguf", &(struct header){.architecture = "llama", .chat = true});
    assert_refused(f, NULL, G4_ENOTFOUND, "no model found");
    add_gguf(f, HOME "gemma-4-E4B-it.gguf", &base);
    assert_found(f, NULL, HOME "gemma-4-E4B-it.gguf");
}

static void who_is_instruction_tuned(void **state)
{
    struct fixture *f = *state;
    static const struct {
        struct header h;
        const char *file;
        bool is;
    } cases[] = {
        {{.architecture = "gemma4", .finetune = "it"}, "m.gguf", true},
        {{.architecture = "gemma4", .finetune = "it-qat"}, "m.gguf", true},
        {{.architecture = "gemma4", .finetune = "qat-it"}, "m.gguf", true},
        {{.architecture = "gemma4", .name = "Gemma 4 E2B It"}, "m.gguf", true},
        {{.architecture = "gemma4", .name = "With Italics"}, "m.gguf", false},
        {{.architecture = "gemma4", .chat = true}, "m.gguf", true},
        {{.architecture = "gemma4"}, "gemma-4-E2B-it-Q4_0.gguf", true},
        {{.architecture = "gemma4"}, "gemma-4-E2B_q4_0-it.gguf", true},
        {{.architecture = "gemma4"}, "gemma-4-E2B-it.Q4_K_M.gguf", true},
        {{.architecture = "gemma4"}, "gemma-4-E2B-item.gguf", false},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        char name[128];
        snprintf(name, sizeof name, HOME "m/%s", cases[i].file);
        add_gguf(f, name, &cases[i].h);
        if (cases[i].is)
            assert_found(f, NULL, name);
        else
            assert_refused(f, NULL, G4_ENOTFOUND, "no model found");
        assert_int_equal(unlink(fixture_path(f->root, name)), 0);
    }
}

/* Any part stands for the whole; without the first, opening one says what is missing. */
static void split_models(void **state)
{
    struct fixture *f = *state;
    struct header part = {.architecture = "gemma4", .finetune = "it", .parts = 3};
    const struct header rest = {.part = 1, .parts = 3}, last = {.part = 2, .parts = 3};
    add_gguf(f, HOME "big/m-00001-of-00003.gguf", &part);
    add_gguf(f, HOME "big/m-00002-of-00003.gguf", &rest);
    add_gguf(f, HOME "big/m-00003-of-00003.gguf", &last);
    assert_found(f, NULL, HOME "big/m-00001-of-00003.gguf");
    assert_found(f, "big", HOME "big/m-00001-of-00003.gguf");
    assert_found(f, "m-00002-of-00003", HOME "big/m-00002-of-00003.gguf");
    assert_int_equal(unlink(fixture_path(f->root, HOME "big/m-00001-of-00003.gguf")), 0);
    assert_refused(f, NULL, G4_ENOTFOUND, "no model found");
    add_gguf(f, HOME "big/mmproj.gguf", &towers);
    assert_found(f, "big", HOME "big/m-00002-of-00003.gguf");
}

static void snapshots_of_gguf(void **state)
{
    struct fixture *f = *state;
    static const char whole[] = HUB "models--a--gemma-4-31B-it-GGUF/snapshots/1/";
    char name[256];
    snprintf(name, sizeof name, "%sconfig.json", whole);
    fixture_text(f->root, name, GEMMA);
    snprintf(name, sizeof name, "%sBF16/m-00001-of-00002.gguf", whole);
    add_gguf(f, name, &(struct header){.architecture = "gemma4", .parts = 2});
    assert_found(f, "a/gemma-4-31B-it-GGUF", name);
    assert_found(f, "gemma-4-31B-it-GGUF/BF16/m-00001-of-00002", name);
    assert_found(f, NULL, name);
    assert_found(f, fixture_path(f->root, HUB "models--a--gemma-4-31B-it-GGUF"), name);
    snprintf(name, sizeof name, "%sq4.gguf", whole);
    add_gguf(f, name, &base);
    assert_refused(f, "gemma-4-31B-it-GGUF", G4_EUSAGE,
                   "'a/gemma-4-31B-it-GGUF/q4.gguf', "
                   "'a/gemma-4-31B-it-GGUF/BF16/m-00001-of-00002.gguf'");
    assert_found(f, "gemma-4-31B-it-GGUF/q4", name);
}

/* ------------------------------------------------------------ Ollama */

/* "<sha256 hex>" that ends in a digit. */
static const char *digest(int i)
{
    static char text[10][72];
    snprintf(text[i], sizeof text[i], HEX "%d", i);
    return text[i];
}

static void add_blob(const struct fixture *f, int i, const struct header *h)
{
    char name[160];
    snprintf(name, sizeof name, STORE "blobs/sha256-%s", digest(i));
    add_gguf(f, name, h);
}

static size_t blob_size(const struct fixture *f, int i)
{
    char name[160];
    struct stat st;
    snprintf(name, sizeof name, STORE "blobs/sha256-%s", digest(i));
    assert_int_equal(stat(fixture_path(f->root, name), &st), 0);
    return (size_t)st.st_size;
}

static const char *blob_path(int i)
{
    static char name[160];
    snprintf(name, sizeof name, STORE "blobs/sha256-%s", digest(i));
    return name;
}

static void add_layer(char *layers, size_t size, const char *type, const char *of, size_t bytes)
{
    size_t used = strlen(layers);
    snprintf(layers + used, size - used,
             "%s{\"mediaType\": \"application/vnd.ollama.image.%s\", \"digest\": \"sha256:%s\", "
             "\"size\": %zu}",
             used ? ", " : "", type, of, bytes);
}

static void add_manifest(const struct fixture *f, const char *place, const char *layers)
{
    char name[256], text[2048];
    snprintf(name, sizeof name, STORE "manifests/%s", place);
    snprintf(text, sizeof text, "{\"schemaVersion\": 2, \"layers\": [%s]}", layers);
    fixture_text(f->root, name, text);
}

/* A manifest with one model layer: blob i as it is. */
static void add_stored(const struct fixture *f, const char *place, int i, const char *more)
{
    char layers[1024] = "";
    add_layer(layers, sizeof layers, "model", digest(i), blob_size(f, i));
    if (more)
        add_layer(layers, sizeof layers, more, digest(i), blob_size(f, i));
    add_manifest(f, place, layers);
}

static void names_of_the_store(void **state)
{
    struct fixture *f = *state;
    for (int i = 0; i < 5; i++)
        add_blob(f, i, &base);
    add_stored(f, "registry.ollama.ai/library/gemma4/e2b", 0, NULL);
    assert_found(f, "gemma4:e2b", blob_path(0));
    assert_found(f, "Gemma4:E2B", blob_path(0));
    assert_found(f, "library/gemma4:e2b", blob_path(0));
    assert_found(f, "registry.ollama.ai/library/gemma4:e2b", blob_path(0));
    assert_found(f, "gemma4", blob_path(0)); /* the only tag there is */
    assert_refused(f, "gemma4:e4b", G4_ENOTFOUND, "no model 'gemma4:e4b'");
    assert_refused(f, "emma4:e2b", G4_ENOTFOUND, "no model");
    assert_refused(f, ":e2b", G4_ENOTFOUND, "no model");
    assert_refused(f, "../library/gemma4:e2b", G4_ENOTFOUND, "no model");
    add_stored(f, "registry.ollama.ai/library/gemma4/e4b", 1, NULL);
    assert_refused(f, "gemma4", G4_EUSAGE, "choose one with -m: 'gemma4:e2b', 'gemma4:e4b'");
    add_stored(f, "registry.ollama.ai/library/gemma4/latest", 2, NULL);
    assert_found(f, "gemma4", blob_path(2));
    add_stored(f, "registry.ollama.ai/me/mine/latest", 3, NULL);
    assert_found(f, "me/mine", blob_path(3));
    assert_refused(f, "mine", G4_ENOTFOUND, "no model 'mine'");
    add_stored(f, "hf.co/org/repo-GGUF/Q4_0", 4, NULL);
    assert_found(f, "hf.co/org/repo-GGUF:Q4_0", blob_path(4));
    assert_found(f, "hf.co/org/repo-GGUF:q4_0", blob_path(4));
    assert_refused(f, "org/repo-GGUF:Q4_0", G4_ENOTFOUND, "no model");
    /* Any other place comes first. */
    add_gguf(f, HOME "gemma4.gguf", &tuned);
    assert_found(f, "gemma4", HOME "gemma4.gguf");
}

static void stores_by_the_environment(void **state)
{
    struct fixture *f = *state;
    add_blob(f, 0, &base);
    add_stored(f, "registry.ollama.ai/library/gemma4/e2b", 0, NULL);
    setenv("OLLAMA_MODELS", fixture_path(f->root, "elsewhere"), 1);
    assert_refused(f, "gemma4:e2b", G4_ENOTFOUND, "elsewhere'");
    setenv("OLLAMA_MODELS", fixture_path(f->root, "home/.ollama/models"), 1);
    assert_found(f, "gemma4:e2b", blob_path(0));
}

static void stored_models_unasked(void **state)
{
    struct fixture *f = *state;
    add_blob(f, 0, &base);
    add_blob(f, 1, &(struct header){.architecture = "llama", .chat = true});
    add_stored(f, "registry.ollama.ai/library/llama/latest", 1, "template");
    add_stored(f, "registry.ollama.ai/me/mine/latest", 0, NULL);
    assert_refused(f, NULL, G4_ENOTFOUND, "no model found");
    add_stored(f, "registry.ollama.ai/me/mine/latest", 0, "template");
    assert_found(f, NULL, blob_path(0));
    /* The same blob by other names is the same model; those of the library are tuned. */
    add_stored(f, "registry.ollama.ai/library/gemma4/e4b", 0, NULL);
    add_stored(f, "registry.ollama.ai/library/gemma4/latest", 0, NULL);
    assert_found(f, NULL, blob_path(0));
    add_blob(f, 2, &base);
    add_stored(f, "registry.ollama.ai/library/gemma4/e2b", 2, NULL);
    assert_refused(f, NULL, G4_EUSAGE, "'gemma4:e2b'");
}

static void a_projector_is_the_companion(void **state)
{
    struct fixture *f = *state;
    struct g4_err err = {0};
    char *path, *companion, layers[1024] = "";
    add_blob(f, 0, &tuned);
    add_blob(f, 1, &towers);
    add_layer(layers, sizeof layers, "license", digest(7), 5);
    add_layer(layers, sizeof layers, "projector", digest(1), blob_size(f, 1));
    add_layer(layers, sizeof layers, "model; x=y", digest(0), blob_size(f, 0));
    add_layer(layers, sizeof layers, "adapter", digest(6), 5);
    add_layer(layers, sizeof layers, "draft", digest(6), 5);
    add_manifest(f, "registry.ollama.ai/library/gemma4/12b", layers);
    for (int unasked = 0; unasked < 2; unasked++) {
        assert_int_equal(g4_discover(&path, &companion, unasked ? NULL : "gemma4:12b", &err), 0);
        assert_string_equal(path, fixture_path(f->root, blob_path(0)));
        assert_non_null(companion);
        assert_string_equal(companion, fixture_path(f->root, blob_path(1)));
        free(path);
        free(companion);
    }
}

static void hostile_manifests(void **state)
{
    struct fixture *f = *state;
    static const char place[] = "registry.ollama.ai/library/gemma4/bad",
                      file[] = STORE "manifests/registry.ollama.ai/library/gemma4/bad";
    static const struct {
        const char *type, *digest;
        int more_bytes;
        int code;
        const char *message;
    } cases[] = {
        {"model", "../../../../etc/passwd", 0, G4_EINPUT, "layers[0].digest: expected 'sha256:' "},
        {"model", "0123", 0, G4_EINPUT, "layers[0].digest"},
        {"model", HEX "A", 0, G4_EINPUT, "layers[0].digest"},
        {"model", HEX "00", 0, G4_EINPUT, "layers[0].digest"},
        {"model", HEX "/", 0, G4_EINPUT, "layers[0].digest"},
        {"model", HEX "9", 0, G4_EINPUT, HEX "9' is missing in the store"},
        {"model", HEX "8", 0, G4_EINPUT, HEX "8' is not whole yet"},
        {"model", HEX "0", 1, G4_EINPUT, "bytes, expected"},
        {"tensor", HEX "0", 0, G4_EUNSUPPORTED, "layers[0]: a layer for a single tensor"},
        {"license", HEX "0", 0, G4_EUNSUPPORTED, "no layer with a model"},
    };
    char name[160];
    add_blob(f, 0, &tuned);
    snprintf(name, sizeof name, STORE "blobs/sha256-%s-partial", digest(8));
    fixture_text(f->root, name, "");
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        char layers[1024] = "";
        add_layer(layers, sizeof layers, cases[i].type, cases[i].digest,
                  blob_size(f, 0) + (size_t)cases[i].more_bytes);
        add_manifest(f, place, layers);
        assert_refused(f, "gemma4:bad", cases[i].code, cases[i].message);
        assert_refused(f, "gemma4:bad", cases[i].code, "gemma4/bad'");
        assert_refused(f, NULL, G4_ENOTFOUND, "no model found");
    }
    static const char *const texts[] = {
        "",
        "[]",
        "{",
        "{}",
        "{\"layers\": 1}",
        "{\"layers\": [1]}",
        "{\"layers\": [{}]}",
        "{\"layers\": [{\"mediaType\": 3}]}",
        "{\"schemaVersion\": 3, \"layers\": []}",
        "{\"layers\": [{\"mediaType\": \"application/vnd.ollama.image.model\", \"digest\": 1}]}",
        "{\"layers\": [{\"mediaType\": \"application/vnd.ollama.image.model\", \"digest\": "
        "\"sha256:" HEX "0\", \"size\": -1}]}",
    };
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        fixture_text(f->root, file, texts[i]);
        assert_refused(f, "gemma4:bad", G4_EINPUT, "gemma4/bad'");
    }
    char two[1024] = "";
    add_layer(two, sizeof two, "model", digest(0), blob_size(f, 0));
    add_layer(two, sizeof two, "model", digest(0), blob_size(f, 0));
    add_manifest(f, place, two);
    assert_refused(f, "gemma4:bad", G4_EINPUT, "layers[1].mediaType: expected one layer");
    /* More than a manifest ever has. */
    char *long_text = malloc(5 << 20);
    assert_non_null(long_text);
    memset(long_text, ' ', 5 << 20);
    fixture_write(f->root, file, long_text, 5 << 20);
    free(long_text);
    assert_refused(f, "gemma4:bad", G4_ELIMIT, "gemma4/bad'");
}

/* The list shows what is not followed, and why. */
static void the_store_in_the_list(void **state)
{
    struct fixture *f = *state;
    struct g4_discovered *list;
    struct g4_err err = {0};
    size_t count;
    add_blob(f, 0, &base);
    add_blob(f, 1, &(struct header){.architecture = "llama"});
    add_stored(f, "registry.ollama.ai/library/gemma4/e2b", 0, NULL);
    add_stored(f, "registry.ollama.ai/library/llama/latest", 1, NULL);
    add_manifest(f, "registry.ollama.ai/library/gemma4/31b-cloud", "");
    add_manifest(f, "registry.ollama.ai/library/other/latest", "");
    assert_int_equal(g4_discover_all(&list, &count, &err), 0);
    assert_int_equal(count, 2);
    assert_string_equal(list[0].name, "gemma4:31b-cloud");
    assert_string_equal(list[0].place, "Ollama");
    assert_non_null(strstr(list[0].problem, "not on this machine"));
    assert_string_equal(list[1].name, "gemma4:e2b");
    assert_string_equal(list[1].path, fixture_path(f->root, blob_path(0)));
    assert_null(list[1].problem);
    g4_discovered_free(list, count);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(one_text_model_in_a_folder),
        TEST(several_text_models),
        TEST(files_among_the_folders),
        TEST(who_is_instruction_tuned),
        TEST(split_models),
        TEST(snapshots_of_gguf),
        TEST(names_of_the_store),
        TEST(stores_by_the_environment),
        TEST(stored_models_unasked),
        TEST(a_projector_is_the_companion),
        TEST(hostile_manifests),
        TEST(the_store_in_the_list),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

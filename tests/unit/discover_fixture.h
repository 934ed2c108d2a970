/* discover_fixture.h - folders made for the purpose, where otherwise nothing is found. */
#ifndef G4_TESTS_UNIT_DISCOVER_FIXTURE_H
#define G4_TESTS_UNIT_DISCOVER_FIXTURE_H

#include "tests/unit/model_fixture.h"

#include "lib/model/discover.h"

#define GEMMA "{\"model_type\": \"gemma4\"}"

struct fixture {
    char *root;
};

/* An environment in which nothing is found. */
static inline int setup(void **state)
{
    struct fixture *f = calloc(1, sizeof *f);
    static const char *const unset[] = {"G4_MODEL",     "HF_HUB_CACHE",   "HUGGINGFACE_HUB_CACHE",
                                        "HF_HOME",      "XDG_CACHE_HOME", "XDG_DATA_HOME",
                                        "OLLAMA_MODELS"};
    f->root = fixture_folder();
    for (size_t i = 0; i < sizeof unset / sizeof unset[0]; i++)
        unsetenv(unset[i]);
    setenv("HOME", fixture_path(f->root, "home"), 1);
    setenv("XDG_DATA_DIRS", fixture_path(f->root, "system"), 1);
    *state = f;
    return 0;
}

static inline int teardown(void **state)
{
    struct fixture *f = *state;
    fixture_remove(f->root);
    free(f);
    return 0;
}

/* A folder that looks like a model; template false: a base model. */
static inline void add_model(const struct fixture *f, const char *folder, const char *config,
                             bool chat)
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
static inline const char *find(const struct fixture *f, const char *given, int code)
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
    free(companion);
    return text;
}

static inline void assert_found(const struct fixture *f, const char *given, const char *want)
{
    assert_string_equal(find(f, given, 0), want);
}

static inline void assert_refused(const struct fixture *f, const char *given, int code,
                                  const char *message)
{
    const char *text = find(f, given, code);
    if (!strstr(text, message))
        fail_msg("message \"%s\" does not contain \"%s\"", text, message);
}

#endif

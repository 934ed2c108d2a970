/*
 * discover_places.c - $XDG_DATA_HOME/g4/models (default ~/.local/share), g4/models in each of
 * $XDG_DATA_DIRS (default /usr/local/share:/usr/share), the Hugging Face cache, Ollama's store.
 */
#include "lib/model/discover_places.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void g4_places_close(struct g4_places *places)
{
    for (size_t i = 0; i < places->count; i++)
        free(places->items[i].folder);
    free(places->items);
    *places = (struct g4_places){0};
}

const char *g4_places_variable(const char *name)
{
    const char *value = getenv(name);
    return value && value[0] ? value : NULL;
}

/* Adds "base[0..n)" + tail. */
static int add_place(struct g4_places *places, enum g4_place_kind kind, const char *base, size_t n,
                     const char *label, const char *tail, struct g4_err *err)
{
    char *folder;
    struct g4_place *grown = realloc(places->items, (places->count + 1) * sizeof *grown);
    if (grown)
        places->items = grown;
    if (!grown || asprintf(&folder, "%.*s%s", (int)n, base, tail) < 0)
        return g4_err_nomem(err, n, "the places where models lie");
    places->items[places->count++] = (struct g4_place){kind, label, folder};
    return 0;
}

static int add_data_home(struct g4_places *places, struct g4_err *err)
{
    static const char home_label[] = "XDG_DATA_HOME";
    const char *home = g4_places_variable("HOME"), *data = g4_places_variable("XDG_DATA_HOME");
    if (data && data[0] == '/') /* relative paths in these variables are void */
        return add_place(places, G4_PLACE_FOLDER, data, strlen(data), home_label, "/g4/models",
                         err);
    if (home)
        return add_place(places, G4_PLACE_FOLDER, home, strlen(home), home_label,
                         "/.local/share/g4/models", err);
    return 0;
}

static int add_data_dirs(struct g4_places *places, struct g4_err *err)
{
    const char *dirs = g4_places_variable("XDG_DATA_DIRS");
    int status = 0;
    if (!dirs)
        dirs = "/usr/local/share:/usr/share";
    for (const char *p = dirs; *p && status == 0;) {
        size_t n = strcspn(p, ":");
        if (*p == '/')
            status = add_place(places, G4_PLACE_FOLDER, p, n, "XDG_DATA_DIRS", "/g4/models", err);
        p += n + (p[n] == ':');
    }
    return status;
}

static int add_hub(struct g4_places *places, struct g4_err *err)
{
    static const struct {
        const char *name, *tail;
    } roots[] = {
        {"HF_HUB_CACHE", ""},
        {"HUGGINGFACE_HUB_CACHE", ""},
        {"HF_HOME", "/hub"},
        {"XDG_CACHE_HOME", "/huggingface/hub"},
        {"HOME", "/.cache/huggingface/hub"},
    };
    for (size_t i = 0; i < sizeof roots / sizeof roots[0]; i++) {
        const char *root = g4_places_variable(roots[i].name);
        if (root)
            return add_place(places, G4_PLACE_HUB, root, strlen(root), "Hugging Face cache",
                             roots[i].tail, err);
    }
    return 0;
}

/* The user's store, and that of the service that the system runs. */
static int add_ollama(struct g4_places *places, struct g4_err *err)
{
    static const char label[] = "Ollama", service[] = "/usr/share/ollama/.ollama/models";
    const char *home = g4_places_variable("HOME"), *models = g4_places_variable("OLLAMA_MODELS");
    int status = 0;
    if (models)
        return add_place(places, G4_PLACE_OLLAMA, models, strlen(models), label, "", err);
    if (home)
        status =
            add_place(places, G4_PLACE_OLLAMA, home, strlen(home), label, "/.ollama/models", err);
    return status < 0
               ? status
               : add_place(places, G4_PLACE_OLLAMA, service, strlen(service), label, "", err);
}

int g4_places_open(struct g4_places *places, struct g4_err *err)
{
    *places = (struct g4_places){0};
    int status = add_data_home(places, err);
    if (status == 0)
        status = add_data_dirs(places, err);
    if (status == 0)
        status = add_hub(places, err);
    if (status == 0)
        status = add_ollama(places, err);
    if (status < 0)
        g4_places_close(places);
    return status;
}

/*
 * discover.c - which model to run: the first place that has one wins.
 *
 *     -m or $G4_MODEL: an existing path, else a NAME looked for in every place
 *     neither:         the first place with exactly one model that g4_scan_usable() accepts
 *
 * A place is one folder: $XDG_DATA_HOME/g4/models (default ~/.local/share), each of $XDG_DATA_DIRS
 * (default /usr/local/share:/usr/share), the Hugging Face cache.
 */
#include "lib/model/discover.h"

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "lib/base/mem.h"
#include "lib/model/model.h"
#include "lib/model/scan.h"

struct place {
    const char *label;
    char *folder;
    bool hub;
};

struct places {
    struct place *items;
    size_t count;
};

static void places_release(struct places *places)
{
    for (size_t i = 0; i < places->count; i++)
        free(places->items[i].folder);
    free(places->items);
    *places = (struct places){0};
}

/* An environment variable that is set and not empty, else NULL. */
static const char *variable(const char *name)
{
    const char *value = getenv(name);
    return value && value[0] ? value : NULL;
}

/* Adds "base[0..n)" + tail. */
static int add_place(struct places *places, const char *label, const char *base, size_t n,
                     const char *tail, struct g4_err *err)
{
    char *folder;
    struct place *grown = realloc(places->items, (places->count + 1) * sizeof *grown);
    if (grown)
        places->items = grown;
    if (!grown || asprintf(&folder, "%.*s%s", (int)n, base, tail) < 0)
        return g4_err_nomem(err, n, "the places where models lie");
    bool hub = strcmp(label, "Hugging Face cache") == 0;
    places->items[places->count++] = (struct place){label, folder, hub};
    return 0;
}

static int add_data_home(struct places *places, struct g4_err *err)
{
    const char *home = variable("HOME"), *data = variable("XDG_DATA_HOME");
    if (data && data[0] == '/') /* relative paths in these variables are void */
        return add_place(places, "XDG_DATA_HOME", data, strlen(data), "/g4/models", err);
    if (home)
        return add_place(places, "XDG_DATA_HOME", home, strlen(home), "/.local/share/g4/models",
                         err);
    return 0;
}

static int add_data_dirs(struct places *places, struct g4_err *err)
{
    const char *dirs = variable("XDG_DATA_DIRS");
    int status = 0;
    if (!dirs)
        dirs = "/usr/local/share:/usr/share";
    for (const char *p = dirs; *p && status == 0;) {
        size_t n = strcspn(p, ":");
        if (*p == '/')
            status = add_place(places, "XDG_DATA_DIRS", p, n, "/g4/models", err);
        p += n + (p[n] == ':');
    }
    return status;
}

static int add_hub(struct places *places, struct g4_err *err)
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
        const char *root = variable(roots[i].name);
        if (root)
            return add_place(places, "Hugging Face cache", root, strlen(root), roots[i].tail, err);
    }
    return 0;
}

static int places_open(struct places *places, struct g4_err *err)
{
    *places = (struct places){0};
    int status = add_data_home(places, err);
    if (status == 0)
        status = add_data_dirs(places, err);
    if (status == 0)
        status = add_hub(places, err);
    if (status < 0)
        places_release(places);
    return status;
}

static int scan_place(struct g4_scan *scan, const struct place *place, struct g4_err *err)
{
    return place->hub ? g4_scan_hub(scan, place->folder, place->label, err)
                      : g4_scan_folder(scan, place->folder, place->label, err);
}

/* How well a model goes by `wanted`: 2 its name, 1 its name without the organisation, 0 not. */
static int match(const struct g4_discovered *model, const char *wanted)
{
    const char *slash = strrchr(model->name, '/');
    if (strcmp(model->name, wanted) == 0)
        return 2;
    return slash && strcmp(slash + 1, wanted) == 0;
}

/* Keeps the models that go by `wanted`, or with NULL those that may be chosen unasked. */
static int filter(struct g4_scan *scan, const char *wanted, struct g4_err *err)
{
    int best = 1, status = 0;
    size_t kept = 0;
    for (size_t i = 0; wanted && i < scan->count; i++)
        if (match(&scan->items[i], wanted) > best)
            best = 2;
    for (size_t i = 0; i < scan->count; i++) {
        struct g4_discovered *model = &scan->items[i];
        int keep = 0;
        if (status == 0)
            keep = wanted ? match(model, wanted) == best
                          : g4_scan_usable(model->path, model->name, err);
        if (keep == 1) {
            scan->items[kept++] = *model;
            continue;
        }
        status = keep < 0 ? keep : status;
        free(model->path);
        free(model->name);
    }
    scan->count = kept;
    return status;
}

/* Appends "'a', 'b'" to text of `size` bytes, and "..." where no more fits. */
static void append(char *text, size_t size, const char *item)
{
    size_t used = strlen(text), need = strlen(item) + 4;
    const char *separator = used ? ", " : "";
    if (used + need + sizeof ", ..." < size)
        snprintf(text + used, size - used, "%s'%s'", separator, item);
    else if (used < 3 || strcmp(text + used - 3, "...") != 0)
        snprintf(text + used, size - used, "%s...", separator);
}

/* The one model of `scan`: *path is taken from it. */
static int take_only(char **path, struct g4_scan *scan, const char *folder, struct g4_err *err)
{
    char list[400] = "";
    if (scan->count == 1) {
        *path = scan->items[0].path;
        scan->items[0].path = NULL;
        return 0;
    }
    for (size_t i = 0; i < scan->count; i++)
        append(list, sizeof list, scan->items[i].name);
    return g4_err_set(err, G4_EUSAGE, "'%s' holds several models, choose one with -m: %s", folder,
                      list);
}

/* Leaves *path NULL when no place has the model. */
static int search(char **path, const struct places *places, const char *wanted, struct g4_err *err)
{
    int status = 0;
    for (size_t i = 0; i < places->count && !*path && status == 0; i++) {
        struct g4_scan scan = {0};
        status = scan_place(&scan, &places->items[i], err);
        if (status == 0)
            status = filter(&scan, wanted, err);
        if (status == 0 && scan.count > 0)
            status = take_only(path, &scan, places->items[i].folder, err);
        g4_scan_release(&scan);
    }
    return status;
}

/* A folder without config.json: a repository in the hub's cache, or a folder of models. */
static int look_inside(char **path, const char *folder, struct g4_err *err)
{
    struct g4_scan scan = {0};
    char *snapshot = g4_scan_snapshot(folder);
    if (snapshot && g4_scan_has_config(snapshot)) {
        *path = snapshot;
        return 0;
    }
    free(snapshot);
    int status = g4_scan_folder(&scan, folder, "", err);
    if (status == 0 && scan.count > 0)
        status = take_only(path, &scan, folder, err);
    else if (status == 0 && g4_scan_has_gguf(folder))
        status = g4_err_set(err, G4_EUNSUPPORTED,
                            "'%s': GGUF files are not built in yet: use the "
                            "safetensors folder",
                            folder);
    else if (status == 0)
        status = g4_err_set(err, G4_ENOTFOUND,
                            "'%s': no model in this folder (config.json is missing)", folder);
    g4_scan_release(&scan);
    return status;
}

static int from_path(char **path, const char *given, bool is_folder, struct g4_err *err)
{
    if (is_folder && !g4_scan_has_config(given))
        return look_inside(path, given, err);
    *path = strdup(given);
    return *path ? 0 : g4_err_nomem(err, strlen(given), "path");
}

static int not_found(const struct places *places, const char *wanted, struct g4_err *err)
{
    char looked[400] = "";
    for (size_t i = 0; i < places->count; i++)
        append(looked, sizeof looked, places->items[i].folder);
    char what[160] = "no model found";
    if (wanted)
        snprintf(what, sizeof what, "no model '%.100s'", wanted);
    return g4_err_set(err, G4_ENOTFOUND,
                      "%s: download one with `hf download google/gemma-4-E2B-it`, or try "
                      "the bundled demo model with -m examples/demo-model (looked for %s in %s)",
                      what, wanted ? "a path or a name" : "an instruction-tuned Gemma 4", looked);
}

/* given: a path or a name; NULL: neither. */
static int discover(char **path, const char *given, struct g4_err *err)
{
    struct places places;
    struct stat st;
    if (given && stat(given, &st) == 0)
        return from_path(path, given, S_ISDIR(st.st_mode), err);
    int status = places_open(&places, err);
    if (status == 0)
        status = search(path, &places, given, err);
    if (status == 0 && !*path)
        status = not_found(&places, given, err);
    places_release(&places);
    return status;
}

int g4_discover(char **path, char **companion, const char *given, struct g4_err *err)
{
    const char *variable_model = variable("G4_MODEL");
    *path = NULL;
    *companion = NULL;
    if (given && !given[0])
        return g4_err_set(err, G4_EUSAGE, "-m: expected a path or a name, got ''");
    if (given || !variable_model)
        return discover(path, given, err);
    int status = discover(path, variable_model, err);
    if (status < 0)
        g4_err_prefix(err, "$G4_MODEL");
    return status;
}

void g4_discovered_free(struct g4_discovered *list, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        free(list[i].path);
        free(list[i].name);
    }
    free(list);
}

int g4_discover_all(struct g4_discovered **list, size_t *count, struct g4_err *err)
{
    struct places places = {0};
    struct g4_scan all = {0};
    const char *named = variable("G4_MODEL");
    char *path = NULL;
    int status = 0;
    *list = NULL;
    *count = 0;
    if (named && discover(&path, named, NULL) == 0)
        status = g4_scan_add(&all, path, g4_model_name(path), "G4_MODEL", err);
    if (status == 0)
        status = places_open(&places, err);
    for (size_t i = 0; i < places.count && status == 0; i++) {
        struct g4_scan scan = {0};
        status = scan_place(&scan, &places.items[i], err);
        if (status == 0)
            status = filter(&scan, NULL, err);
        for (size_t j = 0; j < scan.count && status == 0; j++) {
            struct g4_discovered *model = &scan.items[j];
            status = g4_scan_add(&all, model->path, model->name, model->place, err);
            model->path = model->name = NULL;
        }
        g4_scan_release(&scan);
    }
    places_release(&places);
    if (status < 0) {
        g4_scan_release(&all);
        return status;
    }
    *list = all.items;
    *count = all.count;
    return 0;
}

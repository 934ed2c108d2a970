/*
 * discover.c - which model to run: the first place that has one wins.
 *
 *     -m or $G4_MODEL: an existing path, else a NAME looked for in every place
 *     neither:         the first place with exactly one model that may be chosen unasked
 *
 *     place -> scan: names -> those that match -> a look, where that decides -> the only one
 */
#include "lib/model/discover.h"

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "lib/model/discover_places.h"
#include "lib/model/model.h"
#include "lib/model/ollama.h"
#include "lib/model/scan.h"

/* ------------------------------------------------------------ candidates */

static int scan_place(struct g4_scan *scan, const struct g4_place *place, struct g4_err *err)
{
    if (place->kind == G4_PLACE_HUB)
        return g4_scan_hub(scan, place->folder, err);
    return place->kind == G4_PLACE_OLLAMA ? g4_ollama_scan(scan, place->folder, err)
                                          : g4_scan_folder(scan, place->folder, err);
}

static void keep_matching(struct g4_scan *scan, const char *wanted)
{
    int best = 1;
    for (size_t i = 0; i < scan->count; i++)
        if (g4_candidate_match(&scan->items[i], wanted) > best)
            best = 2;
    for (size_t i = scan->count; i-- > 0;)
        if (g4_candidate_match(&scan->items[i], wanted) < best)
            g4_scan_drop(scan, i);
}

static int look_at_all(struct g4_scan *scan, struct g4_err *err)
{
    int status = 0;
    for (size_t i = 0; i < scan->count && status == 0; i++)
        status = g4_candidate_look(&scan->items[i], err);
    return status;
}

static void keep_worth(struct g4_scan *scan, enum g4_candidate_worth least)
{
    for (size_t i = scan->count; i-- > 0;)
        if (scan->items[i].worth < least)
            g4_scan_drop(scan, i);
}

/* Of several files that a name or a folder leads to: the models. Where there is none, the first of
 * the best: opening it says what is wrong. Whatever has a configuration was meant. */
static int keep_models(struct g4_scan *scan, struct g4_err *err)
{
    enum g4_candidate_worth most = G4_WORTH_OTHER;
    if (scan->count < 2)
        return 0;
    int status = look_at_all(scan, err);
    if (status < 0)
        return status;
    for (size_t i = 0; i < scan->count; i++) {
        struct g4_candidate *c = &scan->items[i];
        if (c->kind == G4_CANDIDATE_FOLDER || c->worth > G4_WORTH_MODEL)
            c->worth = G4_WORTH_MODEL;
        most = c->worth > most ? c->worth : most;
    }
    keep_worth(scan, most);
    while (most < G4_WORTH_MODEL && scan->count > 1)
        g4_scan_drop(scan, 1);
    return 0;
}

/* Tags of one blob are one model. */
static void drop_repeated(struct g4_scan *scan)
{
    for (size_t i = scan->count; i-- > 1;)
        for (size_t j = 0; j < i; j++)
            if (strcmp(scan->items[i].path, scan->items[j].path) == 0) {
                g4_scan_drop(scan, i);
                break;
            }
}

/* A file that is alone in its folder goes by the folder's name. */
static void shorten_names(struct g4_scan *scan)
{
    for (size_t i = 0; i < scan->count; i++) {
        struct g4_candidate *c = &scan->items[i];
        size_t fellows = 0;
        for (size_t j = 0; j < scan->count; j++)
            fellows += scan->items[j].group == c->group &&
                       strncmp(scan->items[j].name, c->name, c->group) == 0;
        if (c->group > 0 && fellows == 1)
            c->name[c->group] = '\0';
    }
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

/* The one model of `scan`, which loses it. */
static int take_only(char **path, char **companion, struct g4_scan *scan, const char *folder,
                     struct g4_err *err)
{
    char list[400] = "";
    bool tuned;
    drop_repeated(scan);
    if (scan->count == 1) {
        struct g4_candidate *c = &scan->items[0];
        int status = c->kind == G4_CANDIDATE_MANIFEST ? g4_ollama_resolve(c, &tuned, err) : 0;
        if (status < 0)
            return status;
        *path = c->path;
        *companion = c->companion;
        c->path = c->companion = NULL;
        return 0;
    }
    shorten_names(scan);
    for (size_t i = 0; i < scan->count; i++)
        append(list, sizeof list, scan->items[i].name);
    return g4_err_set(err, G4_EUSAGE, "'%s' holds several models, choose one with -m: %s", folder,
                      list);
}

/* Leaves *path NULL when no place has the model. */
static int search(char **path, char **companion, const struct g4_places *places, const char *wanted,
                  struct g4_err *err)
{
    int status = 0;
    for (size_t i = 0; i < places->count && !*path && status == 0; i++) {
        struct g4_scan scan = {0};
        status = scan_place(&scan, &places->items[i], err);
        if (status == 0 && wanted) {
            keep_matching(&scan, wanted);
            status = keep_models(&scan, err);
        } else if (status == 0) {
            status = look_at_all(&scan, err);
            keep_worth(&scan, G4_WORTH_CHOICE);
        }
        if (status == 0 && scan.count > 0)
            status = take_only(path, companion, &scan, places->items[i].folder, err);
        g4_scan_release(&scan);
    }
    return status;
}

/* ------------------------------------------------------------ paths */

/* A folder is a model; or has one in GGUF files; or is a repository in the hub's cache; or a folder
 * of models. */
static int from_folder(char **path, char **companion, const char *folder, struct g4_err *err)
{
    struct g4_scan scan = {0};
    char *snapshot = NULL;
    int status = g4_scan_model(&scan, folder, "", false, err);
    if (status == 0 && scan.count == 0)
        status = g4_scan_snapshot(&snapshot, folder, err);
    if (snapshot)
        status = g4_scan_model(&scan, snapshot, "", true, err);
    if (status == 0 && scan.count == 0)
        status = g4_scan_folder(&scan, folder, err);
    if (status == 0)
        status = keep_models(&scan, err);
    if (status == 0 && scan.count > 0)
        status = take_only(path, companion, &scan, folder, err);
    else if (status == 0)
        status = g4_err_set(err, G4_ENOTFOUND,
                            "'%s': no model in this folder (config.json is missing, and there is "
                            "no GGUF file)",
                            folder);
    free(snapshot);
    g4_scan_release(&scan);
    return status;
}

static int from_path(char **path, char **companion, const char *given, bool is_folder,
                     struct g4_err *err)
{
    if (is_folder)
        return from_folder(path, companion, given, err);
    *path = strdup(given);
    return *path ? 0 : g4_err_nomem(err, strlen(given), "path");
}

static int not_found(const struct g4_places *places, const char *wanted, struct g4_err *err)
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
static int discover(char **path, char **companion, const char *given, struct g4_err *err)
{
    struct g4_places places;
    struct stat st;
    if (given && stat(given, &st) == 0)
        return from_path(path, companion, given, S_ISDIR(st.st_mode), err);
    int status = g4_places_open(&places, err);
    if (status == 0)
        status = search(path, companion, &places, given, err);
    if (status == 0 && !*path)
        status = not_found(&places, given, err);
    g4_places_close(&places);
    return status;
}

int g4_discover(char **path, char **companion, const char *given, struct g4_err *err)
{
    const char *variable_model = g4_places_variable("G4_MODEL");
    *path = NULL;
    *companion = NULL;
    if (given && !given[0])
        return g4_err_set(err, G4_EUSAGE, "-m: expected a path or a name, got ''");
    if (given || !variable_model)
        return discover(path, companion, given, err);
    int status = discover(path, companion, variable_model, err);
    if (status < 0)
        g4_err_prefix(err, "$G4_MODEL");
    return status;
}

/* ------------------------------------------------------------ the list */

void g4_discovered_free(struct g4_discovered *list, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        free(list[i].path);
        free(list[i].companion);
        free(list[i].name);
        free(list[i].problem);
    }
    free(list);
}

struct list {
    struct g4_discovered *items;
    size_t count;
};

/* Appends, taking over the strings; they are freed when it fails. */
static int append_model(struct list *list, const struct g4_discovered *model, struct g4_err *err)
{
    struct g4_discovered *grown = NULL;
    if (model->path && model->name)
        grown = realloc(list->items, (list->count + 1) * sizeof *grown);
    if (!grown) {
        free(model->path);
        free(model->companion);
        free(model->name);
        free(model->problem);
        return g4_err_nomem(err, sizeof *grown, "the list of models");
    }
    list->items = grown;
    list->items[list->count++] = *model;
    return 0;
}

static int append_named(struct list *list, const char *given, struct g4_err *err)
{
    struct g4_discovered model = {.place = "G4_MODEL"};
    int status = discover(&model.path, &model.companion, given, NULL);
    if (status == G4_ENOMEM)
        return g4_err_nomem(err, 0, "the list of models");
    if (status < 0)
        return 0;
    model.name = g4_model_name(model.path);
    return append_model(list, &model, err);
}

static int append_place(struct list *list, const struct g4_place *place, struct g4_err *err)
{
    struct g4_scan scan = {0};
    int status = scan_place(&scan, place, err);
    if (status == 0)
        status = look_at_all(&scan, err);
    for (size_t i = scan.count; i-- > 0 && status == 0;)
        if (scan.items[i].worth < G4_WORTH_BROKEN ||
            (scan.items[i].worth == G4_WORTH_BROKEN && !g4_candidate_named_gemma4(&scan.items[i])))
            g4_scan_drop(&scan, i);
    shorten_names(&scan);
    for (size_t i = 0; i < scan.count && status == 0; i++) {
        struct g4_candidate *c = &scan.items[i];
        status = append_model(list,
                              &(struct g4_discovered){.path = c->path,
                                                      .companion = c->companion,
                                                      .name = c->name,
                                                      .place = place->label,
                                                      .problem = c->problem},
                              err);
        c->path = c->companion = c->name = c->problem = NULL;
    }
    g4_scan_release(&scan);
    return status;
}

int g4_discover_all(struct g4_discovered **list, size_t *count, struct g4_err *err)
{
    struct g4_places places = {0};
    struct list all = {0};
    const char *named = g4_places_variable("G4_MODEL");
    int status = named ? append_named(&all, named, err) : 0;
    *list = NULL;
    *count = 0;
    if (status == 0)
        status = g4_places_open(&places, err);
    for (size_t i = 0; i < places.count && status == 0; i++)
        status = append_place(&all, &places.items[i], err);
    g4_places_close(&places);
    if (status < 0) {
        g4_discovered_free(all.items, all.count);
        return status;
    }
    *list = all.items;
    *count = all.count;
    return 0;
}

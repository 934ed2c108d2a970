/* scan.c - reading folders for models. */
#include "lib/model/scan.h"

#include <ctype.h>
#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "lib/base/file.h"
#include "lib/format/json_read.h"
#include "lib/model/model.h"

enum { SMALL_JSON = 16 << 20, REF_BYTES = 4096 };

void g4_scan_release(struct g4_scan *scan)
{
    g4_discovered_free(scan->items, scan->count);
    *scan = (struct g4_scan){0};
}

int g4_scan_add(struct g4_scan *scan, char *path, char *name, const char *place, struct g4_err *err)
{
    struct g4_discovered *grown = NULL;
    if (path && name)
        grown = realloc(scan->items, (scan->count + 1) * sizeof *grown);
    if (!grown) {
        free(path);
        free(name);
        return g4_err_nomem(err, sizeof *grown, "the list of models");
    }
    scan->items = grown;
    scan->items[scan->count++] = (struct g4_discovered){.path = path, .name = name, .place = place};
    return 0;
}

/* "a/b"; NULL when out of memory. */
static char *join(const char *a, const char *b)
{
    char *out;
    return asprintf(&out, "%s/%s", a, b) < 0 ? NULL : out;
}

static bool is_kind(const char *folder, const char *name, mode_t kind)
{
    struct stat st;
    char *path = join(folder, name);
    bool found = path && stat(path, &st) == 0 && (st.st_mode & S_IFMT) == kind;
    free(path);
    return found;
}

static bool has_file(const char *folder, const char *name)
{
    return is_kind(folder, name, S_IFREG);
}

bool g4_scan_has_config(const char *folder)
{
    return has_file(folder, "config.json");
}

static int by_bytes(const struct dirent **a, const struct dirent **b)
{
    return strcmp((*a)->d_name, (*b)->d_name);
}

static int visible(const struct dirent *entry)
{
    return entry->d_name[0] != '.';
}

static int is_gguf(const struct dirent *entry)
{
    size_t n = strlen(entry->d_name);
    return n > 5 && strcmp(entry->d_name + n - 5, ".gguf") == 0;
}

static void free_entries(struct dirent **entries, int n)
{
    for (int i = 0; i < n; i++)
        free(entries[i]);
    free(entries);
}

bool g4_scan_has_gguf(const char *folder)
{
    struct dirent **entries = NULL;
    int n = scandir(folder, &entries, is_gguf, NULL);
    free_entries(entries, n);
    return n > 0;
}

/* Models right below `folder`; their names begin with `prefix`. */
static int scan_level(struct g4_scan *scan, const char *folder, const char *prefix, bool deeper,
                      const char *place, struct g4_err *err)
{
    struct dirent **entries = NULL;
    int n = scandir(folder, &entries, visible, by_bytes), status = 0;
    for (int i = 0; i < n && status == 0; i++) {
        const char *entry = entries[i]->d_name;
        char *path = join(folder, entry), *name;
        if (!path || asprintf(&name, "%s%s", prefix, entry) < 0) {
            free(path);
            status = g4_err_nomem(err, strlen(entry), "path");
        } else if (g4_scan_has_config(path)) {
            status = g4_scan_add(scan, path, name, place, err);
        } else {
            char *below = NULL;
            if (deeper && asprintf(&below, "%s/", entry) > 0)
                status = scan_level(scan, path, below, false, place, err);
            free(below);
            free(path);
            free(name);
        }
    }
    free_entries(entries, n);
    return status;
}

int g4_scan_folder(struct g4_scan *scan, const char *folder, const char *place, struct g4_err *err)
{
    return scan_level(scan, folder, "", true, place, err);
}

/* The commit that refs/main names, as the name of a folder; NULL when there is no such file. */
static char *read_ref(const char *repository)
{
    char *path = join(repository, "refs/main"), *text = NULL;
    size_t n, length = 0;
    bool read = path && has_file(repository, "refs/main") &&
                g4_read_file(&text, &n, path, REF_BYTES, NULL) == 0;
    free(path);
    if (!read)
        return NULL;
    while (isalnum((unsigned char)text[length])) /* never a path */
        length++;
    text[length] = '\0';
    return text;
}

char *g4_scan_snapshot(const char *repository)
{
    char *snapshots = join(repository, "snapshots"), *ref = read_ref(repository), *out = NULL;
    if (snapshots && ref && ref[0] && is_kind(snapshots, ref, S_IFDIR)) {
        out = join(snapshots, ref);
    } else if (snapshots) {
        struct dirent **entries = NULL;
        int n = scandir(snapshots, &entries, visible, by_bytes);
        for (int i = 0; i < n && !out; i++)
            if (is_kind(snapshots, entries[i]->d_name, S_IFDIR))
                out = join(snapshots, entries[i]->d_name);
        free_entries(entries, n);
    }
    free(snapshots);
    free(ref);
    return out;
}

int g4_scan_hub(struct g4_scan *scan, const char *folder, const char *place, struct g4_err *err)
{
    struct dirent **entries = NULL;
    int n = scandir(folder, &entries, visible, by_bytes), status = 0;
    for (int i = 0; i < n && status == 0; i++) {
        if (strncmp(entries[i]->d_name, "models--", 8) != 0)
            continue;
        char *repository = join(folder, entries[i]->d_name);
        char *path = repository ? g4_scan_snapshot(repository) : NULL;
        free(repository);
        if (path && g4_scan_has_config(path))
            status = g4_scan_add(scan, path, g4_model_name(path), place, err);
        else
            free(path);
    }
    free_entries(entries, n);
    return status;
}

/* *root: the parsed file, NULL when there is none or it is malformed. Only memory can fail. */
static int load(json_t **root, const char *folder, const char *name, struct g4_err *err)
{
    struct g4_err ignored;
    *root = NULL;
    if (!has_file(folder, name))
        return 0;
    char *path = join(folder, name);
    int status = path ? g4_json_load(root, path, SMALL_JSON, &ignored) : G4_ENOMEM;
    free(path);
    return status == G4_ENOMEM ? g4_err_nomem(err, strlen(folder), "a look into a model") : 0;
}

/* 1: a whole Gemma 4 in types that are computed with; 0: not. */
static int is_plain_gemma4(const char *folder, struct g4_err *err)
{
    static const char *const types[] = {"gemma4", "gemma4_unified", "gemma4_text",
                                        "gemma4_unified_text"};
    json_t *config;
    int found = load(&config, folder, "config.json", err);
    const char *type = json_string_value(json_object_get(config, "model_type"));
    for (size_t i = 0; type && i < sizeof types / sizeof types[0]; i++)
        if (strcmp(type, types[i]) == 0)
            found = !json_is_object(json_object_get(config, "quantization_config"));
    json_decref(config);
    return found;
}

/* "-it" as a part between dashes: gemma-4-E2B-it, gemma-4-E2B-it-mine. */
static bool is_named_it(const char *name)
{
    for (const char *p = name; (p = strstr(p, "-it")) != NULL; p += 3)
        if (p[3] == '\0' || p[3] == '-')
            return true;
    return false;
}

static int has_chat_template(const char *folder, struct g4_err *err)
{
    if (has_file(folder, "chat_template.jinja") || has_file(folder, "chat_template.json"))
        return 1;
    json_t *tokenizer;
    int found = load(&tokenizer, folder, "tokenizer_config.json", err);
    const json_t *chat = json_object_get(tokenizer, "chat_template");
    if (chat && !json_is_null(chat))
        found = 1;
    json_decref(tokenizer);
    return found;
}

int g4_scan_usable(const char *folder, const char *name, struct g4_err *err)
{
    if (!has_file(folder, "model.safetensors") && !has_file(folder, "model.safetensors.index.json"))
        return 0;
    int usable = is_plain_gemma4(folder, err);
    if (usable != 1 || is_named_it(name))
        return usable;
    return has_chat_template(folder, err);
}

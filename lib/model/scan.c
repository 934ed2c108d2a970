/* scan.c - reading folders for models. */
#include "lib/model/scan.h"

#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "lib/base/file.h"
#include "lib/model/model.h"

enum { REF_BYTES = 4096 };

/* ------------------------------------------------------------ the list */

void g4_scan_release(struct g4_scan *scan)
{
    for (size_t i = 0; i < scan->count; i++)
        g4_candidate_release(&scan->items[i]);
    free(scan->items);
    *scan = (struct g4_scan){0};
}

int g4_scan_add(struct g4_scan *scan, enum g4_candidate_kind kind, char *path, char *name,
                size_t group, struct g4_err *err)
{
    struct g4_candidate *grown = NULL;
    if (path && name)
        grown = realloc(scan->items, (scan->count + 1) * sizeof *grown);
    if (!grown) {
        free(path);
        free(name);
        return g4_err_nomem(err, sizeof *grown, "the list of models");
    }
    scan->items = grown;
    scan->items[scan->count++] =
        (struct g4_candidate){.kind = kind, .path = path, .name = name, .group = group};
    return 0;
}

void g4_scan_drop(struct g4_scan *scan, size_t i)
{
    g4_candidate_release(&scan->items[i]);
    scan->count--;
    memmove(&scan->items[i], &scan->items[i + 1], (scan->count - i) * sizeof *scan->items);
}

/* ------------------------------------------------------------ folders and names */

char *g4_scan_join(const char *a, const char *b)
{
    char *out;
    return asprintf(&out, "%s/%s", a, b) < 0 ? NULL : out;
}

bool g4_scan_is(const char *folder, const char *name, mode_t kind)
{
    struct stat st;
    char path[PATH_MAX];
    int n = snprintf(path, sizeof path, "%s/%s", folder, name);
    return n > 0 && (size_t)n < sizeof path && stat(path, &st) == 0 &&
           (st.st_mode & S_IFMT) == kind;
}

static int by_bytes(const struct dirent **a, const struct dirent **b)
{
    return strcmp((*a)->d_name, (*b)->d_name);
}

static int visible(const struct dirent *entry)
{
    return entry->d_name[0] != '.';
}

int g4_scan_names(struct dirent ***entries, const char *folder, struct g4_err *err)
{
    *entries = NULL;
    int n = scandir(folder, entries, visible, by_bytes);
    if (n >= 0)
        return n;
    *entries = NULL;
    return errno == ENOMEM ? g4_err_nomem(err, 0, "the names in a folder") : 0;
}

void g4_scan_names_free(struct dirent **entries, int n)
{
    for (int i = 0; i < n; i++)
        free(entries[i]);
    free(entries);
}

static bool ends_in_gguf(const char *name)
{
    size_t n = strlen(name);
    return n > 5 && strcmp(name + n - 5, ".gguf") == 0;
}

static bool has_safetensors(const char *folder)
{
    return g4_scan_is(folder, "model.safetensors", S_IFREG) ||
           g4_scan_is(folder, "model.safetensors.index.json", S_IFREG);
}

/* ------------------------------------------------------------ one model's folder */

/* Appends the GGUF files of a folder, as prefix + file name. */
static int add_ggufs(struct g4_scan *scan, const char *folder, const char *prefix, size_t group,
                     struct g4_err *err)
{
    struct dirent **entries;
    int n = g4_scan_names(&entries, folder, err), status = n < 0 ? n : 0;
    for (int i = 0; i < n && status == 0; i++) {
        const char *entry = entries[i]->d_name;
        char *name;
        if (!ends_in_gguf(entry) || !g4_scan_is(folder, entry, S_IFREG))
            continue;
        if (asprintf(&name, "%s%s", prefix, entry) < 0)
            name = NULL;
        status =
            g4_scan_add(scan, G4_CANDIDATE_GGUF, g4_scan_join(folder, entry), name, group, err);
    }
    g4_scan_names_free(entries, n);
    return status;
}

/* The same for each folder in it. */
static int add_ggufs_below(struct g4_scan *scan, const char *folder, const char *prefix,
                           size_t group, struct g4_err *err)
{
    struct dirent **entries;
    int n = g4_scan_names(&entries, folder, err), status = n < 0 ? n : 0;
    for (int i = 0; i < n && status == 0; i++) {
        const char *entry = entries[i]->d_name;
        if (!g4_scan_is(folder, entry, S_IFDIR))
            continue;
        char *below = g4_scan_join(folder, entry), *name = NULL;
        if (!below || asprintf(&name, "%s%s/", prefix, entry) < 0)
            status = g4_err_nomem(err, strlen(entry), "path");
        else
            status = add_ggufs(scan, below, name, group, err);
        free(below);
        free(name);
    }
    g4_scan_names_free(entries, n);
    return status;
}

int g4_scan_model(struct g4_scan *scan, const char *folder, const char *name, bool deeper,
                  struct g4_err *err)
{
    const bool config = g4_scan_is(folder, "config.json", S_IFREG);
    const size_t before = scan->count, group = strlen(name);
    char *prefix;
    if (config && has_safetensors(folder))
        return g4_scan_add(scan, G4_CANDIDATE_FOLDER, strdup(folder), strdup(name), 0, err);
    if (asprintf(&prefix, "%s%s", name, group > 0 ? "/" : "") < 0)
        return g4_err_nomem(err, group, "path");
    int status = add_ggufs(scan, folder, prefix, group, err);
    if (status == 0 && deeper)
        status = add_ggufs_below(scan, folder, prefix, group, err);
    free(prefix);
    if (status == 0 && config && scan->count == before)
        status = g4_scan_add(scan, G4_CANDIDATE_FOLDER, strdup(folder), strdup(name), 0, err);
    return status;
}

/* ------------------------------------------------------------ folders of models */

/* Models right below `folder`; their names begin with `prefix`. */
static int scan_level(struct g4_scan *scan, const char *folder, const char *prefix, bool deeper,
                      struct g4_err *err)
{
    struct dirent **entries;
    int n = g4_scan_names(&entries, folder, err), status = n < 0 ? n : 0;
    for (int i = 0; i < n && status == 0; i++) {
        const char *entry = entries[i]->d_name;
        const size_t before = scan->count;
        if (!g4_scan_is(folder, entry, S_IFDIR))
            continue;
        char *path = g4_scan_join(folder, entry), *name = NULL, *below = NULL;
        if (!path || asprintf(&name, "%s%s", prefix, entry) < 0)
            status = g4_err_nomem(err, strlen(entry), "path");
        else
            status = g4_scan_model(scan, path, name, false, err);
        if (status == 0 && deeper && scan->count == before) {
            if (asprintf(&below, "%s/", name) < 0)
                status = g4_err_nomem(err, strlen(entry), "path");
            else
                status = scan_level(scan, path, below, false, err);
            free(below);
        }
        free(name);
        free(path);
    }
    g4_scan_names_free(entries, n);
    return status;
}

int g4_scan_folder(struct g4_scan *scan, const char *folder, struct g4_err *err)
{
    int status = scan_level(scan, folder, "", true, err);
    return status < 0 ? status : add_ggufs(scan, folder, "", 0, err);
}

/* ------------------------------------------------------------ the Hugging Face cache */

/* *ref: the commit that refs/main names, as the name of a folder; NULL when there is no such file.
 */
static int read_ref(char **ref, const char *repository, struct g4_err *err)
{
    size_t n, length = 0;
    *ref = NULL;
    if (!g4_scan_is(repository, "refs/main", S_IFREG))
        return 0;
    char *path = g4_scan_join(repository, "refs/main");
    int status = path ? g4_read_file(ref, &n, path, REF_BYTES, NULL) : G4_ENOMEM;
    free(path);
    if (status == G4_ENOMEM)
        return g4_err_nomem(err, REF_BYTES, "a reference");
    if (status < 0)
        *ref = NULL;
    while (*ref && isalnum((unsigned char)(*ref)[length])) /* never a path */
        length++;
    if (*ref)
        (*ref)[length] = '\0';
    return 0;
}

/* 2: holds weights, 1: a configuration, 0: neither. A link to a blob that is not there counts as
 * nothing. */
static int snapshot_worth(const char *folder, struct g4_err *err)
{
    struct g4_scan scan = {0};
    if (has_safetensors(folder))
        return 2;
    int status = g4_scan_model(&scan, folder, "", true, err), worth = 0;
    if (status == 0 && scan.count > 0)
        worth = scan.items[0].kind == G4_CANDIDATE_GGUF ? 2 : 1;
    g4_scan_release(&scan);
    return status < 0 ? status : worth;
}

int g4_scan_snapshot(char **best, const char *repository, struct g4_err *err)
{
    char *snapshots = g4_scan_join(repository, "snapshots"), *ref = NULL;
    struct dirent **entries = NULL;
    int most = -1, n = 0;
    *best = NULL;
    int status =
        snapshots ? read_ref(&ref, repository, err) : g4_err_nomem(err, strlen(repository), "path");
    if (status == 0)
        status = n = g4_scan_names(&entries, snapshots, err);
    for (int i = 0; i < n && status >= 0; i++) {
        if (!g4_scan_is(snapshots, entries[i]->d_name, S_IFDIR))
            continue;
        char *path = g4_scan_join(snapshots, entries[i]->d_name);
        status = path ? snapshot_worth(path, err) : g4_err_nomem(err, 0, "path");
        const int worth = 2 * status + (ref && strcmp(ref, entries[i]->d_name) == 0);
        if (status >= 0 && worth > most) {
            free(*best);
            *best = path;
            most = worth;
        } else {
            free(path);
        }
    }
    g4_scan_names_free(entries, n);
    free(snapshots);
    free(ref);
    if (status >= 0)
        return 0;
    free(*best);
    *best = NULL;
    return status;
}

int g4_scan_hub(struct g4_scan *scan, const char *folder, struct g4_err *err)
{
    struct dirent **entries;
    int n = g4_scan_names(&entries, folder, err), status = n < 0 ? n : 0;
    for (int i = 0; i < n && status == 0; i++) {
        if (strncmp(entries[i]->d_name, "models--", 8) != 0)
            continue;
        char *repository = g4_scan_join(folder, entries[i]->d_name), *path = NULL, *name = NULL;
        status = repository ? g4_scan_snapshot(&path, repository, err)
                            : g4_err_nomem(err, strlen(folder), "path");
        if (path && !(name = g4_model_name(path)))
            status = g4_err_nomem(err, strlen(path), "path");
        if (name)
            status = g4_scan_model(scan, path, name, true, err);
        free(repository);
        free(path);
        free(name);
    }
    g4_scan_names_free(entries, n);
    return status;
}

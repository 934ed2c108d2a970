/* companion.c - one folder, looked through twice at most. */
#include "lib/model/companion.h"

#include <dirent.h>
#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "lib/model/config_parts.h"

/* Lower is better. */
enum { RANKS = 5 };

static bool ends_in_gguf(const char *name)
{
    size_t n = strlen(name);
    return n > 5 && strcmp(name + n - 5, ".gguf") == 0;
}

static int is_candidate(const struct dirent *entry)
{
    return entry->d_name[0] != '.' && ends_in_gguf(entry->d_name);
}

static int by_bytes(const struct dirent **a, const struct dirent **b)
{
    return strcmp((*a)->d_name, (*b)->d_name);
}

static int rank(const struct g4_gguf *file)
{
    static const enum g4_dtype order[RANKS - 1] = {G4_DTYPE_BF16, G4_DTYPE_F32, G4_DTYPE_F16,
                                                   G4_DTYPE_Q8_0};
    const struct g4_tensor *projection = g4_gguf_find(file, "mm.input_projection.weight");
    if (!projection)
        projection = g4_gguf_find(file, "mm.a.input_projection.weight");
    int i = 0;
    while (i < RANKS - 1 && !(projection && projection->dtype == order[i]))
        i++;
    return i;
}

/* Whether the file says that it holds towers for this width. */
static bool fits(const struct g4_gguf *file, int64_t width)
{
    static const char *const keys[] = {"clip.vision.projection_dim", "clip.audio.projection_dim"};
    struct g4_gguf_text kind = {"", 0};
    bool stated = false;
    if (g4_gguf_string(file, "general.architecture", true, &kind, NULL) < 0 ||
        !g4_gguf_text_is(&kind, "clip"))
        return false;
    for (size_t i = 0; i < sizeof keys / sizeof keys[0]; i++) {
        int64_t found = width;
        stated |= g4_gguf_value(file, keys[i]) != NULL;
        if (g4_gguf_int(file, keys[i], false, 0, INT64_MAX, &found, NULL) < 0 || found != width)
            return false;
    }
    return stated;
}

struct look {
    const char *folder; /* with a slash at its end, or "" */
    const char *own;    /* name of the text model's file in it */
    int64_t width;
    char *best;
    int best_rank;
};

/* Keeps the file if it fits and is better than what was found before. */
static int look_at(struct look *look, const char *name, struct g4_err *err)
{
    struct g4_gguf file;
    char *path;
    if (asprintf(&path, "%s%s", look->folder, name) < 0)
        return g4_err_nomem(err, strlen(name), "path");
    int status = g4_gguf_open(&file, path, err);
    if (status == 0 && fits(&file, look->width) && rank(&file) < look->best_rank) {
        free(look->best);
        look->best = path;
        look->best_rank = rank(&file);
        path = NULL;
    }
    if (status == 0)
        g4_gguf_close(&file);
    free(path);
    return status == G4_ENOMEM ? status : 0;
}

static int look_through(struct look *look, struct dirent *const *entries, int n, bool named,
                        struct g4_err *err)
{
    int status = 0;
    for (int i = 0; i < n && status == 0; i++) {
        const char *name = entries[i]->d_name;
        if ((strcasestr(name, "mmproj") != NULL) == named && strcmp(name, look->own) != 0)
            status = look_at(look, name, err);
    }
    return status;
}

int g4_companion_find(char **companion, const struct g4_gguf *text, struct g4_err *err)
{
    struct dirent **entries = NULL;
    struct g4_err ignored = {0};
    const char *slash = strrchr(text->path, '/');
    struct look look = {.own = slash ? slash + 1 : text->path, .best_rank = RANKS};
    *companion = NULL;
    int status =
        g4_gguf_int(text, "gemma4.embedding_length", true, 1, G4_CONFIG_WIDTH, &look.width, err);
    if (status < 0)
        return status;
    char *folder = strndup(text->path, (size_t)(look.own - text->path));
    if (!folder)
        return g4_err_nomem(err, strlen(text->path), "path");
    look.folder = folder;
    int n = scandir(folder[0] ? folder : ".", &entries, is_candidate, by_bytes);
    if (n < 0 && errno == ENOMEM)
        status = G4_ENOMEM;
    for (int named = 1; named >= 0 && status == 0 && !look.best; named--)
        status = look_through(&look, entries, n, named, &ignored);
    for (int i = 0; i < n; i++)
        free(entries[i]);
    free(entries);
    free(folder);
    if (status < 0) {
        free(look.best);
        return g4_err_nomem(err, 0, "a look beside the model");
    }
    *companion = look.best;
    return 0;
}

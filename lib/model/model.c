/*
 * model.c - opening a model.
 *
 *     safetensors   config.json, then the tensor table
 *     GGUF          the tensor table, the companion beside it, then the metadata
 */
#include "lib/model/model.h"

#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "lib/base/mem.h"
#include "lib/model/companion.h"
#include "lib/model/config_gguf.h"

enum { STORED_NAME = 200 }; /* bytes of general.name that are a name */

char *g4_model_file(const struct g4_model *model, const char *name)
{
    size_t size = strlen(model->folder) + strlen(name) + 2;
    char *path = malloc(size);
    if (path)
        snprintf(path, size, "%s/%s", model->folder, name);
    return path;
}

static char *copy(const char *text, size_t n)
{
    char *out = malloc(n + 1);
    if (out) {
        memcpy(out, text, n);
        out[n] = '\0';
    }
    return out;
}

static size_t without_slashes(const char *path, size_t n)
{
    while (n > 1 && path[n - 1] == '/')
        n--;
    return n;
}

static char *folder_of(const char *path, bool is_folder)
{
    if (is_folder)
        return copy(path, without_slashes(path, strlen(path)));
    const char *slash = strrchr(path, '/');
    if (!slash)
        return copy(".", 1);
    return copy(path, slash == path ? 1 : (size_t)(slash - path));
}

/* ".../models--org--repo/snapshots/<commit>" -> "org/repo", NULL when out of memory; false for any
 * other path. */
static bool hub_name(char **name, const char *path)
{
    static const char start[] = "models--";
    const char *snapshots = strstr(path, "/snapshots/");
    *name = NULL;
    if (!snapshots)
        return false;
    const char *part = snapshots;
    while (part > path && part[-1] != '/')
        part--;
    if (strncmp(part, start, sizeof start - 1) != 0)
        return false;
    part += sizeof start - 1;
    *name = copy(part, (size_t)(snapshots - part));
    char *dashes = *name ? strstr(*name, "--") : NULL;
    if (dashes) {
        dashes[0] = '/';
        memmove(dashes + 1, dashes + 2, strlen(dashes + 2) + 1);
    }
    return true;
}

/* Length without ".gguf" and, before it, "-00001-of-00002". */
static size_t stem_length(const char *name, size_t n)
{
    static const char form[] = "-00000-of-00000";
    const size_t m = sizeof form - 1;
    if (n <= 5 || strncmp(name + n - 5, ".gguf", 5) != 0)
        return n;
    n -= 5;
    if (n <= m)
        return n;
    for (size_t i = 0; i < m; i++) {
        const char c = name[n - m + i];
        if (form[i] == '0' ? !isdigit((unsigned char)c) : c != form[i])
            return n;
    }
    return n - m;
}

char *g4_model_name(const char *path)
{
    char *real = realpath(path, NULL); /* "." and "model/.." have a name, too */
    if (!real && errno == ENOMEM)
        return NULL;
    const bool is_gguf = stem_length(path, strlen(path)) < strlen(path);
    const char *whole = is_gguf || strstr(path, "/snapshots/") || !real ? path : real;
    char *name = NULL;
    if (is_gguf || !hub_name(&name, whole)) {
        size_t n = without_slashes(whole, strlen(whole)), begin = n;
        while (begin > 0 && whole[begin - 1] != '/')
            begin--;
        name = copy(whole + begin, stem_length(whole + begin, n - begin));
    }
    free(real);
    return name;
}

/* A file whose name says nothing (stores name theirs by checksum) goes by the name in it. */
static int take_stored_name(struct g4_model *model, struct g4_err *err)
{
    const struct g4_weights *weights = &model->weights;
    const struct g4_gguf *file = weights->text ? weights->text : weights->media;
    struct g4_gguf_text text = {"", 0};
    size_t n = strlen(model->path);
    if (stem_length(model->path, n) < n)
        return 0;
    int status = g4_gguf_string(file, "general.name", false, &text, err);
    if (status < 0 || text.n == 0 || text.n > STORED_NAME || memchr(text.text, '\0', text.n))
        return status;
    char *name = copy(text.text, text.n);
    if (!name)
        return g4_err_nomem(err, text.n, "a name");
    free(model->name);
    model->name = name;
    return 0;
}

static int open_gguf(struct g4_model *model, const char *companion, struct g4_err *err)
{
    struct g4_weights *weights = &model->weights;
    const char *given = companion && companion[0] ? companion : NULL;
    char *beside = NULL;
    int status = g4_weights_open(weights, model->path, given, err);
    if (status == 0 && !companion && weights->text && !weights->media)
        status = g4_companion_find(&beside, weights->text, err);
    if (status == 0 && beside)
        status = g4_weights_attach(weights, beside, err);
    free(beside);
    if (status == 0)
        status = take_stored_name(model, err);
    return status < 0 ? status : g4_config_from_gguf(&model->config, weights, err);
}

static int open_safetensors(struct g4_model *model, bool is_folder, const char *companion,
                            struct g4_err *err)
{
    const char *given = companion && companion[0] ? companion : NULL;
    char *config = g4_model_file(model, "config.json");
    if (!config)
        return g4_err_nomem(err, strlen(model->folder), "path");
    int status = g4_config_load(&model->config, config, err);
    free(config);
    if (status == G4_ENOTFOUND)
        g4_err_set(err, status, "'%s': not a model: there is no config.json %s", model->path,
                   is_folder ? "in it" : "beside it");
    return status < 0 ? status
                      : g4_weights_open(&model->weights, is_folder ? model->folder : model->path,
                                        given, err);
}

int g4_model_open(struct g4_model *model, const char *path, const char *companion,
                  struct g4_err *err)
{
    struct stat st;
    bool is_gguf = false;
    *model = (struct g4_model){0};
    if (stat(path, &st) < 0)
        return g4_err_set(err, errno == ENOENT ? G4_ENOTFOUND : G4_EIO, "'%s': cannot open: %s",
                          path, strerror(errno));
    bool is_folder = S_ISDIR(st.st_mode);
    if (!is_folder && !S_ISREG(st.st_mode)) /* opening a FIFO would wait for its writer */
        return g4_err_set(err, G4_EINPUT, "'%s': not a model: neither a folder nor a regular file",
                          path);
    int status = is_folder ? 0 : g4_weights_is_gguf(&is_gguf, path, err);
    if (status < 0)
        return status;
    model->path = copy(path, strlen(path));
    model->folder = folder_of(path, is_folder);
    model->name = g4_model_name(path);
    if (!model->path || !model->folder || !model->name)
        status = g4_err_nomem(err, strlen(path), "path");
    else if (is_gguf)
        status = open_gguf(model, companion, err);
    else
        status = open_safetensors(model, is_folder, companion, err);
    if (status < 0)
        g4_model_close(model);
    return status;
}

void g4_model_close(struct g4_model *model)
{
    g4_weights_close(&model->weights);
    g4_config_release(&model->config);
    free(model->path);
    free(model->folder);
    free(model->name);
    *model = (struct g4_model){0};
}

/*
 * model.c - opening a model: config.json, then the tensor table.
 */
#include "lib/model/model.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "lib/base/mem.h"

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

/* ".../models--org--repo/snapshots/<commit>" -> "org/repo"; NULL for any other path. */
static char *hub_name(const char *path)
{
    static const char start[] = "models--";
    const char *snapshots = strstr(path, "/snapshots/");
    if (!snapshots)
        return NULL;
    const char *part = snapshots;
    while (part > path && part[-1] != '/')
        part--;
    if (strncmp(part, start, sizeof start - 1) != 0)
        return NULL;
    part += sizeof start - 1;
    char *name = copy(part, (size_t)(snapshots - part));
    char *dashes = name ? strstr(name, "--") : NULL;
    if (dashes) {
        dashes[0] = '/';
        memmove(dashes + 1, dashes + 2, strlen(dashes + 2) + 1);
    }
    return name;
}

char *g4_model_name(const char *path)
{
    char *real = realpath(path, NULL); /* "." and "model/.." have a name, too */
    const char *whole = strstr(path, "/snapshots/") || !real ? path : real;
    char *name = hub_name(whole);
    if (!name) {
        size_t n = without_slashes(whole, strlen(whole)), begin = n;
        while (begin > 0 && whole[begin - 1] != '/')
            begin--;
        name = copy(whole + begin, n - begin);
    }
    free(real);
    return name;
}

/* What the content says, for a path that is not a folder. */
static int check_file_kind(const char *path, struct g4_err *err)
{
    char magic[4] = {0};
    FILE *file = fopen(path, "rb");
    if (!file)
        return g4_err_set(err, errno == ENOENT ? G4_ENOTFOUND : G4_EIO, "'%s': cannot open: %s",
                          path, strerror(errno));
    size_t n = fread(magic, 1, sizeof magic, file);
    fclose(file);
    if (n == sizeof magic && memcmp(magic, "GGUF", sizeof magic) == 0)
        return g4_err_set(err, G4_EUNSUPPORTED,
                          "'%s': GGUF files are not built in yet: use the safetensors "
                          "folder",
                          path);
    return 0;
}

int g4_model_open(struct g4_model *model, const char *path, const char *companion,
                  struct g4_err *err)
{
    struct stat st;
    char *config = NULL;
    *model = (struct g4_model){0};
    if (stat(path, &st) < 0)
        return g4_err_set(err, errno == ENOENT ? G4_ENOTFOUND : G4_EIO, "'%s': cannot open: %s",
                          path, strerror(errno));
    bool is_folder = S_ISDIR(st.st_mode);
    if (!is_folder && !S_ISREG(st.st_mode)) /* opening a FIFO would wait for its writer */
        return g4_err_set(err, G4_EINPUT, "'%s': not a model: neither a folder nor a regular file",
                          path);
    int status = is_folder ? 0 : check_file_kind(path, err);
    if (status < 0)
        return status;
    model->path = copy(path, strlen(path));
    model->folder = folder_of(path, is_folder);
    model->name = g4_model_name(path);
    config = model->folder ? g4_model_file(model, "config.json") : NULL;
    if (!model->path || !model->folder || !model->name || !config)
        status = g4_err_nomem(err, strlen(path), "path");
    if (status == 0)
        status = g4_config_load(&model->config, config, err);
    if (status == G4_ENOTFOUND)
        g4_err_set(err, status, "'%s': not a model: there is no config.json %s", path,
                   is_folder ? "in it" : "beside it");
    if (status == 0)
        status = g4_weights_open(&model->weights, is_folder ? model->folder : path, companion, err);
    free(config);
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

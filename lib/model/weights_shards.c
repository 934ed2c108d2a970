/*
 * weights_shards.c - safetensors files: one, or those that an index names.
 *
 *     folder -> index? -> shard names (sorted, unique) -> each mapped and checked
 *            -> every name of the index is where the index says
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "lib/base/mem.h"
#include "lib/format/json_read.h"
#include "lib/model/weights_files.h"

enum { INDEX_BYTES = 64 << 20 };

static int join(char **out, const char *folder, const char *name, struct g4_err *err)
{
    size_t size = strlen(folder) + strlen(name) + 2;
    int status = g4_alloc((void **)out, size, 1, "path", err);
    if (status == 0)
        snprintf(*out, size, "%s/%s", folder, name);
    return status;
}

static bool exists(const char *path)
{
    struct stat st;
    return stat(path, &st) == 0;
}

static int compare_text(const void *a, const void *b)
{
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

/* Opens shard number weights->shard_count, whose place is allocated. */
static int open_shard(struct g4_weights *weights, const char *path, struct g4_err *err)
{
    int status = g4_safetensors_open(&weights->shards[weights->shard_count], path, err);
    if (status == 0)
        weights->shard_count++;
    return status;
}

/* A shard is a file beside the index, never elsewhere. */
static int check_shard_name(const char *index, const char *tensor, const json_t *shard,
                            struct g4_err *err)
{
    const char *name = json_string_value(shard);
    if (!name)
        return g4_err_set(err, G4_EINPUT, "'%s': weight_map: tensor '%.200s': expected a file name",
                          index, tensor);
    if (name[0] == '\0' || strchr(name, '/') || strstr(name, ".."))
        return g4_err_set(err, G4_EINPUT,
                          "'%s': weight_map: tensor '%.200s': shard name '%.80s' is not a "
                          "plain file name",
                          index, tensor, name);
    return 0;
}

/* *names: the shards' names, sorted, each once; borrowed from the map. */
static int list_shards(const char ***names, size_t *count, json_t *map, const char *index,
                       struct g4_err *err)
{
    const char *tensor;
    json_t *shard;
    size_t n = 0;
    *count = 0;
    int status =
        g4_alloc((void **)names, json_object_size(map), sizeof **names, "shard names", err);
    if (status < 0)
        return status;
    json_object_foreach(map, tensor, shard)
    {
        status = check_shard_name(index, tensor, shard, err);
        if (status < 0)
            return status;
        (*names)[n++] = json_string_value(shard);
    }
    qsort(*names, n, sizeof **names, compare_text);
    for (size_t i = 0; i < n; i++)
        if (*count == 0 || strcmp((*names)[*count - 1], (*names)[i]) != 0)
            (*names)[(*count)++] = (*names)[i];
    if (*count == 0)
        return g4_err_set(err, G4_EINPUT, "'%s': weight_map: names no tensor", index);
    if (*count > G4_MAX_SHARDS)
        return g4_err_set(err, G4_EINPUT, "'%s': %zu shards, at most %d are read", index, *count,
                          G4_MAX_SHARDS);
    return 0;
}

/* Every tensor of the index lies in the shard that the index names. */
static int check_index(const struct g4_weights *weights, json_t *map, const char *const *names,
                       const char *index, struct g4_err *err)
{
    const char *tensor;
    json_t *shard;
    json_object_foreach(map, tensor, shard)
    {
        const char *name = json_string_value(shard);
        const char *const *found =
            bsearch(&name, names, weights->shard_count, sizeof *names, compare_text);
        if (!g4_safetensors_find(&weights->shards[found - names], tensor))
            return g4_err_set(err, G4_EINPUT,
                              "'%s': tensor '%.200s' is not in '%s', where the index has it", index,
                              tensor, name);
    }
    return 0;
}

static int open_indexed(struct g4_weights *weights, const char *folder, const char *index,
                        struct g4_err *err)
{
    json_t *root = NULL;
    const json_t *map = NULL;
    const char **names = NULL;
    size_t count;
    int status = g4_json_load(&root, index, INDEX_BYTES, err);
    if (status < 0)
        return status;
    const struct g4_json_at at = {index, "", root};
    status = g4_json_child(&at, "weight_map", true, JSON_OBJECT, &map, err);
    if (status == 0)
        status = list_shards(&names, &count, (json_t *)(uintptr_t)map, index, err);
    if (status == 0)
        status = g4_alloc((void **)&weights->shards, count, sizeof *weights->shards, "shards", err);
    for (size_t i = 0; status == 0 && i < count; i++) {
        char *path;
        status = join(&path, folder, names[i], err);
        if (status < 0)
            break;
        status = open_shard(weights, path, err);
        if (status == G4_ENOTFOUND)
            status = g4_err_set(err, G4_EINPUT, "'%s': shard '%s' is missing", index, names[i]);
        free(path);
    }
    if (status == 0)
        status = check_index(weights, (json_t *)(uintptr_t)map, names, index, err);
    free(names);
    json_decref(root);
    return status;
}

static int open_single(struct g4_weights *weights, const char *path, struct g4_err *err)
{
    int status = g4_alloc((void **)&weights->shards, 1, sizeof *weights->shards, "shards", err);
    return status < 0 ? status : open_shard(weights, path, err);
}

static int open_folder(struct g4_weights *weights, const char *folder, struct g4_err *err)
{
    char *index = NULL, *single = NULL;
    int status = join(&index, folder, "model.safetensors.index.json", err);
    if (status == 0)
        status = join(&single, folder, "model.safetensors", err);
    if (status < 0)
        goto out;
    if (exists(index))
        status = open_indexed(weights, folder, index, err);
    else if (exists(single))
        status = open_single(weights, single, err);
    else
        status = g4_err_set(err, G4_ENOTFOUND,
                            "'%s': neither model.safetensors nor "
                            "model.safetensors.index.json is there",
                            folder);
out:
    free(index);
    free(single);
    return status;
}

int g4_weights_open_shards(struct g4_weights *weights, const char *path, bool is_folder,
                           struct g4_err *err)
{
    return is_folder ? open_folder(weights, path, err) : open_single(weights, path, err);
}

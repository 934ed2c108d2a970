/*
 * weights.c - one name table over one or many mapped files.
 *
 *     folder -> index? -> shard names (sorted, unique) -> each mapped and checked -> one sorted
 * table
 *            -> every name of the index is where the index says
 */
#include "lib/model/weights.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "lib/base/mem.h"
#include "lib/format/json_read.h"

enum { INDEX_BYTES = 64 << 20, NAME_BYTES = 512 };

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

static int compare_tensor(const void *a, const void *b)
{
    return strcmp((*(const struct g4_tensor *const *)a)->name,
                  (*(const struct g4_tensor *const *)b)->name);
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

static int sort_tensors(struct g4_weights *weights, const char *path, struct g4_err *err)
{
    size_t count = 0, n = 0;
    for (size_t s = 0; s < weights->shard_count; s++)
        count += weights->shards[s].count;
    int status =
        g4_alloc((void **)&weights->sorted, count, sizeof *weights->sorted, "tensor names", err);
    if (status < 0)
        return status;
    for (size_t s = 0; s < weights->shard_count; s++)
        for (size_t i = 0; i < weights->shards[s].count; i++)
            weights->sorted[n++] = &weights->shards[s].tensors[i];
    weights->count = count;
    if (weights->shard_count > 1) /* one shard is sorted already */
        qsort(weights->sorted, count, sizeof *weights->sorted, compare_tensor);
    for (size_t i = 1; i < count; i++)
        if (strcmp(weights->sorted[i - 1]->name, weights->sorted[i]->name) == 0)
            return g4_err_set(err, G4_EINPUT, "'%s': tensor '%.200s' is in two shards", path,
                              weights->sorted[i]->name);
    return 0;
}

int g4_weights_open(struct g4_weights *weights, const char *path, const char *companion,
                    struct g4_err *err)
{
    struct stat st;
    (void)companion;
    *weights = (struct g4_weights){0};
    int status = stat(path, &st) == 0 && S_ISDIR(st.st_mode) ? open_folder(weights, path, err)
                                                             : open_single(weights, path, err);
    if (status == 0)
        status = sort_tensors(weights, path, err);
    if (status < 0)
        g4_weights_close(weights);
    return status;
}

void g4_weights_close(struct g4_weights *weights)
{
    for (size_t s = 0; s < weights->shard_count; s++)
        g4_safetensors_close(&weights->shards[s]);
    free(weights->shards);
    free(weights->sorted);
    *weights = (struct g4_weights){0};
}

uint64_t g4_weights_mapped(const struct g4_weights *weights)
{
    uint64_t bytes = 0;
    for (size_t i = 0; i < weights->shard_count; i++)
        bytes += weights->shards[i].map.size;
    return bytes;
}

static const struct g4_tensor *find_exact(const struct g4_weights *weights, const char *name)
{
    const struct g4_tensor tensor = {.name = name}, *key = &tensor;
    if (weights->count == 0)
        return NULL;
    const struct g4_tensor **found =
        bsearch(&key, weights->sorted, weights->count, sizeof *weights->sorted, compare_tensor);
    return found ? *found : NULL;
}

/* How re-saved files spell a published prefix, in the order they are tried. */
static const struct spelling {
    const char *published, *saved;
} spellings[] = {
    {"model.language_model.", "model.language_model."},
    {"model.language_model.", "language_model.model."},
    {"model.language_model.", "model."},
    {"model.vision_tower.", "vision_tower."},
    {"model.vision_embedder.", "vision_embedder."},
    {"model.audio_tower.", "audio_tower."},
    {"model.embed_vision.", "embed_vision."},
    {"model.embed_audio.", "embed_audio."},
};
enum { SPELLINGS = sizeof spellings / sizeof spellings[0] };

const struct g4_tensor *g4_weights_find(const struct g4_weights *weights,
                                        const char *published_name)
{
    const struct g4_tensor *tensor = find_exact(weights, published_name);
    for (size_t i = 0; !tensor && i < SPELLINGS; i++) {
        size_t n = strlen(spellings[i].published);
        if (strncmp(published_name, spellings[i].published, n) != 0)
            continue;
        char name[NAME_BYTES];
        int length = snprintf(name, sizeof name, "%s%s", spellings[i].saved, published_name + n);
        if (length > 0 && (size_t)length < sizeof name)
            tensor = find_exact(weights, name);
    }
    return tensor;
}

bool g4_weights_has_prefix(const char *name, const char *published_prefix)
{
    if (strncmp(name, published_prefix, strlen(published_prefix)) == 0)
        return true;
    for (size_t i = 0; i < SPELLINGS; i++) {
        size_t n = strlen(spellings[i].published), saved = strlen(spellings[i].saved);
        if (strncmp(published_prefix, spellings[i].published, n) == 0 &&
            strncmp(name, spellings[i].saved, saved) == 0 &&
            strncmp(name + saved, published_prefix + n, strlen(published_prefix + n)) == 0)
            return true;
    }
    return false;
}

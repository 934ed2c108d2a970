/*
 * weights.c - one name table over one or many mapped files.
 *
 *     files -> every tensor with its published name -> sorted -> none twice
 */
#include "lib/model/weights.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lib/base/file.h"
#include "lib/base/mem.h"
#include "lib/model/weights_files.h"

/* ------------------------------------------------------------ published names */

/* How re-saved files spell a published prefix. */
static const struct spelling {
    const char *saved, *published;
} spellings[] = {
    {"language_model.model.", "model.language_model."},
    {"language_model.lm_head.", "lm_head."},
    {"vision_tower.", "model.vision_tower."},
    {"vision_embedder.", "model.vision_embedder."},
    {"audio_tower.", "model.audio_tower."},
    {"embed_vision.", "model.embed_vision."},
    {"embed_audio.", "model.embed_audio."},
};

/* What a name that begins with "model." is published with; else it is of a text model alone. */
static const char *const published_prefixes[] = {
    "model.language_model.", "model.vision_tower.", "model.vision_embedder.",
    "model.audio_tower.",    "model.embed_vision.", "model.embed_audio.",
};

static bool has_prefix(const char *name, const char *prefix)
{
    return strncmp(name, prefix, strlen(prefix)) == 0;
}

/* The published name is *prefix and *rest behind it. */
static void split_published(const char *name, const char **prefix, const char **rest)
{
    *prefix = "";
    *rest = name;
    for (size_t i = 0; i < sizeof spellings / sizeof spellings[0]; i++)
        if (has_prefix(name, spellings[i].saved)) {
            *prefix = spellings[i].published;
            *rest = name + strlen(spellings[i].saved);
            return;
        }
    if (!has_prefix(name, "model."))
        return;
    for (size_t i = 0; i < sizeof published_prefixes / sizeof published_prefixes[0]; i++)
        if (has_prefix(name, published_prefixes[i]))
            return;
    *prefix = "model.language_model.";
    *rest = name + strlen("model.");
}

/* ------------------------------------------------------------ the table */

struct entry {
    const char *published;
    const struct g4_tensor *tensor;
};

struct table {
    struct g4_weights *weights;
    bool unified;
    struct entry *entries; /* NULL: the names are only measured */
    size_t count, name_bytes;
};

static void add_tensor(struct table *table, const struct g4_tensor *tensor, bool gguf)
{
    char buffer[G4_NAME_BYTES];
    const char *prefix = "", *rest = buffer;
    if (!gguf || !g4_gguf_published(buffer, table->weights->store, table->unified, tensor->name))
        split_published(tensor->name, &prefix, &rest);
    const char *published = rest;
    if (rest == buffer || prefix[0]) {
        const size_t n = strlen(prefix), m = strlen(rest) + 1;
        if (table->entries) {
            char *name = table->weights->names + table->name_bytes;
            memcpy(name, prefix, n);
            memcpy(name + n, rest, m);
            published = name;
        }
        table->name_bytes += n + m;
    }
    if (table->entries)
        table->entries[table->count] = (struct entry){published, tensor};
    table->count++;
}

static void add_tensors(struct table *table)
{
    const struct g4_weights *w = table->weights;
    table->count = table->name_bytes = 0;
    for (size_t s = 0; s < w->shard_count; s++)
        for (size_t i = 0; i < w->shards[s].count; i++)
            add_tensor(table, &w->shards[s].tensors[i], false);
    for (size_t g = 0; g < w->gguf_count; g++)
        for (size_t i = 0; i < w->ggufs[g].count; i++)
            add_tensor(table, &w->ggufs[g].tensors[i], true);
}

static int compare_entries(const void *a, const void *b)
{
    return strcmp(((const struct entry *)a)->published, ((const struct entry *)b)->published);
}

/* The GGUF file a tensor is of; NULL: it is of another format. */
static const char *file_of(const struct g4_weights *w, const struct g4_tensor *tensor)
{
    for (size_t g = 0; g < w->gguf_count; g++)
        for (size_t i = 0; i < w->ggufs[g].count; i++)
            if (&w->ggufs[g].tensors[i] == tensor)
                return w->ggufs[g].path;
    return NULL;
}

static int refuse_twice(const struct g4_weights *w, const struct entry *pair, const char *path,
                        struct g4_err *err)
{
    const struct g4_tensor *a = pair[0].tensor, *b = pair[1].tensor;
    const char *file = file_of(w, a), *other = file_of(w, b);
    if (!file || !other)
        return g4_err_set(err, G4_EINPUT, "'%s': tensor '%.200s' is there twice", path, b->name);
    return g4_err_set(err, G4_EINPUT, "'%s': tensor '%s' is there again, as '%s' of '%s'", file,
                      a->name, b->name, other);
}

static void forget_table(struct g4_weights *w)
{
    free(w->sorted);
    free(w->published);
    free(w->names);
    w->sorted = NULL;
    w->published = NULL;
    w->names = NULL;
    w->count = 0;
}

static int allocate_table(struct table *table, struct g4_err *err)
{
    static const char what[] = "the tensors' names";
    struct g4_weights *w = table->weights;
    void *entries = NULL;
    add_tensors(table);
    int status = g4_alloc((void **)&w->sorted, table->count, sizeof *w->sorted, what, err);
    if (status == 0)
        status = g4_alloc((void **)&w->published, table->count, sizeof *w->published, what, err);
    if (status == 0)
        status = g4_alloc((void **)&w->names, table->name_bytes + 1, 1, what, err);
    if (status == 0)
        status = g4_alloc(&entries, table->count, sizeof *table->entries, what, err);
    table->entries = entries;
    return status;
}

static int build_table(struct g4_weights *w, const char *path, struct g4_err *err)
{
    struct table table = {.weights = w};
    int status = w->gguf_count > 0 ? g4_weights_tell_dialect(w, &table.unified, err) : 0;
    if (status < 0)
        return status;
    forget_table(w);
    status = allocate_table(&table, err);
    if (status < 0)
        goto out;
    add_tensors(&table);
    qsort(table.entries, table.count, sizeof *table.entries, compare_entries);
    for (size_t i = 1; i < table.count; i++)
        if (compare_entries(&table.entries[i - 1], &table.entries[i]) == 0) {
            status = refuse_twice(w, &table.entries[i - 1], path, err);
            goto out;
        }
    for (size_t i = 0; i < table.count; i++) {
        w->sorted[i] = table.entries[i].tensor;
        w->published[i] = table.entries[i].published;
    }
    w->count = table.count;
out:
    free(table.entries);
    return status;
}

/* ------------------------------------------------------------ opening */

int g4_weights_is_gguf(bool *is, const char *path, struct g4_err *err)
{
    char magic[4];
    size_t n;
    *is = false;
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return g4_err_set(err, errno == ENOENT ? G4_ENOTFOUND : G4_EIO, "'%s': cannot open: %s",
                          path, strerror(errno));
    int status = g4_read_full(fd, magic, sizeof magic, &n, err);
    close(fd);
    if (status < 0) {
        g4_err_prefix(err, "'%s'", path);
        return status;
    }
    *is = n == sizeof magic && memcmp(magic, "GGUF", sizeof magic) == 0;
    return 0;
}

static int open_files(struct g4_weights *weights, const char *path, const char *companion,
                      struct g4_err *err)
{
    struct stat st;
    bool is_file = stat(path, &st) == 0 && S_ISREG(st.st_mode), is_gguf = false;
    int status = is_file ? g4_weights_is_gguf(&is_gguf, path, err) : 0;
    if (status < 0)
        return status;
    if (!is_gguf && companion)
        return g4_err_set(err, G4_EUSAGE,
                          "'%s': a file of towers goes with a GGUF text model, not with '%s'",
                          companion, path);
    if (!is_gguf)
        return g4_weights_open_shards(weights, path, !is_file && S_ISDIR(st.st_mode), err);
    status = g4_weights_open_parts(weights, path, err);
    return status < 0 || !companion ? status : g4_weights_open_companion(weights, companion, err);
}

int g4_weights_open(struct g4_weights *weights, const char *path, const char *companion,
                    struct g4_err *err)
{
    *weights = (struct g4_weights){0};
    int status = open_files(weights, path, companion, err);
    if (status == 0)
        status = build_table(weights, path, err);
    if (status < 0)
        g4_weights_close(weights);
    return status;
}

int g4_weights_attach(struct g4_weights *weights, const char *companion, struct g4_err *err)
{
    int status = g4_weights_open_companion(weights, companion, err);
    if (status == 0)
        status = build_table(weights, companion, err);
    if (status < 0)
        g4_weights_close(weights);
    return status;
}

void g4_weights_close(struct g4_weights *weights)
{
    forget_table(weights);
    for (size_t s = 0; s < weights->shard_count; s++)
        g4_safetensors_close(&weights->shards[s]);
    for (size_t g = 0; g < weights->gguf_count; g++)
        g4_gguf_close(&weights->ggufs[g]);
    free(weights->shards);
    free(weights->ggufs);
    *weights = (struct g4_weights){0};
}

/* ------------------------------------------------------------ asking */

static int compare_name(const void *name, const void *published)
{
    return strcmp(name, *(const char *const *)published);
}

const struct g4_tensor *g4_weights_find(const struct g4_weights *weights,
                                        const char *published_name)
{
    if (weights->count == 0)
        return NULL;
    const char **found = bsearch(published_name, weights->published, weights->count,
                                 sizeof *weights->published, compare_name);
    if (!found)
        return NULL;
    if (weights->asked)
        weights->asked[found - weights->published] = 1;
    return weights->sorted[found - weights->published];
}

uint64_t g4_weights_mapped(const struct g4_weights *weights)
{
    uint64_t bytes = 0;
    for (size_t i = 0; i < weights->shard_count; i++)
        bytes += weights->shards[i].map.size;
    for (size_t i = 0; i < weights->gguf_count; i++)
        bytes += weights->ggufs[i].map.size;
    return bytes;
}

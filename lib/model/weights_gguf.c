/*
 * weights_gguf.c - GGUF files: the parts of a split model, the companion, what they hold.
 *
 *     PREFIX-00001-of-00003.gguf ...   split.no 0 ... in each, all other metadata in the first
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/mem.h"
#include "lib/model/weights_files.h"

enum { SUFFIX_BYTES = 48 };

/* ------------------------------------------------------------ split models */

/* What a file says of the model it is part of; count 1: it is all of it. */
struct split {
    int64_t no, count, tensors; /* tensors -1: not said */
};

static int read_split(struct split *split, const struct g4_gguf *file, struct g4_err *err)
{
    *split = (struct split){0, 1, -1};
    int status = g4_gguf_int(file, "split.count", false, 0, G4_MAX_SHARDS, &split->count, err);
    if (status < 0 || split->count <= 1) {
        split->count = 1;
        return status;
    }
    status = g4_gguf_int(file, "split.no", true, 0, split->count - 1, &split->no, err);
    return status < 0 ? status
                      : g4_gguf_int(file, "split.tensors.count", false, 0, INT32_MAX,
                                    &split->tensors, err);
}

static void name_suffix(char out[SUFFIX_BYTES], int64_t no, int64_t count)
{
    snprintf(out, SUFFIX_BYTES, "-%05d-of-%05d.gguf", (int)no + 1, (int)count);
}

/* *path: the name of part `no`, where that of part split->no is `given`. */
static int name_part(char **path, const char *given, const struct split *split, int64_t no,
                     struct g4_err *err)
{
    char suffix[SUFFIX_BYTES];
    name_suffix(suffix, split->no, split->count);
    const size_t n = strlen(given), m = strlen(suffix);
    if (n < m || strcmp(given + n - m, suffix) != 0)
        return g4_err_set(err, G4_EINPUT,
                          "'%s': part %d of %d of a model, but its name does not end in '%s'",
                          given, (int)split->no + 1, (int)split->count, suffix);
    int status = g4_alloc((void **)path, n + 1, 1, "path", err);
    if (status < 0)
        return status;
    memcpy(*path, given, n - m);
    name_suffix(suffix, no, split->count);
    memcpy(*path + n - m, suffix, m); /* numbers of the same width */
    return 0;
}

static int open_part(struct g4_gguf *part, const char *given, const struct split *split, int64_t no,
                     struct g4_err *err)
{
    struct split own;
    char *path = NULL;
    int status = name_part(&path, given, split, no, err);
    if (status < 0)
        return status;
    status = g4_gguf_open(part, path, err);
    if (status == G4_ENOTFOUND)
        status = g4_err_set(err, G4_EINPUT, "'%s': part %d of %d of '%s' is missing", path,
                            (int)no + 1, (int)split->count, given);
    if (status == 0)
        status = read_split(&own, part, err);
    if (status == 0 && (own.no != no || own.count != split->count))
        status = g4_err_set(err, G4_EINPUT,
                            "'%s': split.no %d, split.count %d, expected %d and %d: a part of "
                            "another model",
                            path, (int)own.no, (int)own.count, (int)no, (int)split->count);
    free(path);
    return status;
}

static int check_total(const struct g4_weights *w, const struct split *split, struct g4_err *err)
{
    int64_t found = 0;
    for (size_t i = 0; i < w->gguf_count; i++)
        found += (int64_t)w->ggufs[i].count;
    if (split->tensors < 0 || split->tensors == found)
        return 0;
    return g4_err_set(err, G4_EINPUT, "'%s': split.tensors.count is %lld, but the parts hold %lld",
                      w->ggufs[0].path, (long long)split->tensors, (long long)found);
}

/* ------------------------------------------------------------ what a file is */

static int refuse_kind(const struct g4_gguf *file, const struct g4_gguf_text *kind,
                       const char *expected, struct g4_err *err)
{
    static const char *const drafters[] = {"gemma4-assistant", "gemma4_assistant", "gemma4_mtp"};
    const char *aside = "";
    for (size_t i = 0; i < sizeof drafters / sizeof drafters[0]; i++)
        if (g4_gguf_text_is(kind, drafters[i]))
            aside = ", a drafter";
    return g4_err_set(err, G4_EUNSUPPORTED, "'%s': general.architecture '%.*s'%s, expected %s",
                      file->path, kind->n < 80 ? (int)kind->n : 80, kind->text, aside, expected);
}

static int read_kind(const struct g4_gguf *file, struct g4_gguf_text *kind, struct g4_err *err)
{
    struct g4_gguf_text type = {"", 0};
    int status = g4_gguf_string(file, "general.type", false, &type, err);
    if (status == 0 && g4_gguf_text_is(&type, "adapter"))
        status =
            g4_err_set(err, G4_EUNSUPPORTED,
                       "'%s': general.type 'adapter', expected a whole Gemma 4 model", file->path);
    return status < 0 ? status : g4_gguf_string(file, "general.architecture", true, kind, err);
}

static bool has_towers(const struct g4_gguf *file)
{
    static const char *const prefixes[] = {"a.", "v.", "mm."};
    for (size_t i = 0; i < file->count; i++)
        for (size_t p = 0; p < sizeof prefixes / sizeof prefixes[0]; p++)
            if (strncmp(file->tensors[i].name, prefixes[p], strlen(prefixes[p])) == 0)
                return true;
    return false;
}

/* Text, or towers, or both. */
static int classify(struct g4_weights *w, struct g4_err *err)
{
    const struct g4_gguf *first = &w->ggufs[0];
    struct g4_gguf_text kind;
    int status = read_kind(first, &kind, err);
    if (status < 0)
        return status;
    if (g4_gguf_text_is(&kind, "clip"))
        w->media = first;
    else if (g4_gguf_text_is(&kind, "gemma4"))
        w->text = first;
    else
        return refuse_kind(first, &kind, "a Gemma 4 model, 'gemma4'", err);
    for (size_t i = 0; w->text && i < w->gguf_count; i++)
        if (has_towers(&w->ggufs[i]))
            w->media = first;
    return 0;
}

int g4_weights_open_parts(struct g4_weights *w, const char *path, struct g4_err *err)
{
    struct g4_gguf given;
    struct split split;
    void *files = NULL;
    int status = g4_gguf_open(&given, path, err);
    if (status < 0)
        return status;
    status = read_split(&split, &given, err);
    if (status == 0) /* and a place for the companion: pointers into the list are to last */
        status = g4_alloc(&files, (size_t)split.count + 1, sizeof *w->ggufs, "the files", err);
    if (status < 0) {
        g4_gguf_close(&given);
        return status;
    }
    w->ggufs = files;
    w->gguf_count = (size_t)split.count;
    w->ggufs[split.no] = given;
    for (int64_t i = 0; status == 0 && split.count > 1 && i < split.count; i++)
        if (i != split.no)
            status = open_part(&w->ggufs[i], path, &split, i, err);
    if (status == 0)
        status = check_total(w, &split, err);
    return status < 0 ? status : classify(w, err);
}

int g4_weights_open_companion(struct g4_weights *w, const char *path, struct g4_err *err)
{
    struct g4_gguf *file = &w->ggufs[w->gguf_count];
    struct g4_gguf_text kind;
    if (!w->text)
        return g4_err_set(err, G4_EUSAGE,
                          "'%s' holds towers and no text model: '%s' cannot go with it",
                          w->media->path, path);
    int status = g4_gguf_open(file, path, err);
    if (status < 0)
        return status;
    w->gguf_count++;
    status = read_kind(file, &kind, err);
    if (status == 0 && !g4_gguf_text_is(&kind, "clip"))
        status = refuse_kind(file, &kind, "a file of towers, 'clip'", err);
    w->media = file;
    return status;
}

/* ------------------------------------------------------------ dialects */

static const struct g4_tensor *find_stored(const struct g4_weights *w, const char *name)
{
    const struct g4_tensor *tensor = NULL;
    for (size_t i = 0; !tensor && i < w->gguf_count; i++)
        tensor = g4_gguf_find(&w->ggufs[i], name);
    return tensor;
}

static bool ends_with(const char *text, const char *end)
{
    const size_t n = strlen(text), m = strlen(end);
    return n >= m && strcmp(text + n - m, end) == 0;
}

/* Scales beside a tensor, as one converter of 4-bit floats writes them. */
static int refuse_scales(const struct g4_gguf *file, enum g4_store store, struct g4_err *err)
{
    char published[G4_NAME_BYTES];
    for (size_t i = 0; i < file->count; i++) {
        const char *name = file->tensors[i].name;
        if ((ends_with(name, ".scale") || ends_with(name, ".input_scale")) &&
            !g4_gguf_published(published, store, false, name))
            return g4_err_set(err, G4_EUNSUPPORTED,
                              "'%s': tensor '%s': scales beside a tensor are not read here",
                              file->path, name);
    }
    return 0;
}

int g4_weights_tell_dialect(struct g4_weights *w, bool *unified, struct g4_err *err)
{
    int status = 0;
    const bool ollama =
        find_stored(w, "mm.a.fc.weight") || find_stored(w, "a.blk.0.linear_pos.weight");
    w->store = ollama ? G4_STORE_OLLAMA : G4_STORE_GGUF;
    w->form = (struct g4_weights_form){true, true, true};
    *unified = find_stored(w, "v.patch_norm.1.weight") != NULL;
    for (size_t i = 0; status == 0 && i < w->gguf_count; i++)
        status = refuse_scales(&w->ggufs[i], w->store, err);
    if (status == 0 && find_stored(w, "v.clamp_data"))
        status = g4_err_set(err, G4_EUNSUPPORTED,
                            "'%s': tensor 'v.clamp_data': limits of all layers in one tensor are "
                            "not read here",
                            w->media->path);
    return status;
}

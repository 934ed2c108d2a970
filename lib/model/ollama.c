/* ollama.c - manifests: names, layers, blobs. */
#include "lib/model/ollama.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>

#include "lib/base/log.h"
#include "lib/format/json_read.h"

enum {
    LEVELS = 4, /* HOST/NAMESPACE/MODEL/TAG */
    MANIFEST_BYTES = 4 << 20,
    DIGEST = 64,
    BLOB_NAME = sizeof "sha256-" + DIGEST,
    AT_BYTES = 48,
};

static const char HOST[] = "registry.ollama.ai/", LIBRARY[] = "library/",
                  TYPES[] = "application/vnd.ollama.image.";

/* ------------------------------------------------------------ names */

static bool begins(const char *text, const char *beginning)
{
    return strncasecmp(text, beginning, strlen(beginning)) == 0;
}

/* Without the host and the namespace that need not be said. */
static const char *shortened(const char *name)
{
    if (begins(name, HOST))
        name += strlen(HOST);
    return begins(name, LIBRARY) ? name + strlen(LIBRARY) : name;
}

/* Where the tag begins, or NULL; a colon before the last slash is of a host's port. */
static const char *tag_of(const char *name)
{
    const char *slash = strrchr(name, '/'), *colon = strrchr(name, ':');
    return colon && (!slash || colon > slash) ? colon + 1 : NULL;
}

int g4_ollama_match(const char *name, const char *wanted)
{
    wanted = shortened(wanted);
    const char *tag = tag_of(name), *wanted_tag = tag_of(wanted);
    if (wanted_tag)
        return strcasecmp(name, wanted) == 0 ? 2 : 0;
    const size_t n = strlen(wanted);
    if (!tag || (size_t)(tag - name) != n + 1 || strncasecmp(name, wanted, n) != 0)
        return 0;
    return strcasecmp(tag, "latest") == 0 ? 2 : 1;
}

/* "HOST/NAMESPACE/MODEL/TAG" -> "HOST/NAMESPACE/MODEL:TAG", as short as it can be. */
static char *name_of(const char *place)
{
    char *name = strdup(shortened(place)), *slash = name ? strrchr(name, '/') : NULL;
    if (slash)
        *slash = ':';
    return name;
}

/* ------------------------------------------------------------ the store */

/* folder is `manifests` and, below it, `place`, which ends in a slash unless it is empty. */
static int scan_level(struct g4_scan *scan, const char *folder, const char *place, int level,
                      struct g4_err *err)
{
    struct dirent **entries;
    int n = g4_scan_names(&entries, folder, err), status = n < 0 ? n : 0;
    const mode_t kind = level == LEVELS ? S_IFREG : S_IFDIR;
    for (int i = 0; i < n && status == 0; i++) {
        const char *entry = entries[i]->d_name;
        if (!g4_scan_is(folder, entry, kind))
            continue;
        char *path = g4_scan_join(folder, entry), *below = NULL;
        if (!path || asprintf(&below, "%s%s%s", place, entry, level == LEVELS ? "" : "/") < 0) {
            free(path);
            status = g4_err_nomem(err, strlen(entry), "path");
            break;
        }
        if (level == LEVELS) {
            status = g4_scan_add(scan, G4_CANDIDATE_MANIFEST, path, name_of(below), 0, err);
        } else {
            status = scan_level(scan, path, below, level + 1, err);
            free(path);
        }
        free(below);
    }
    g4_scan_names_free(entries, n);
    return status;
}

int g4_ollama_scan(struct g4_scan *scan, const char *root, struct g4_err *err)
{
    char *manifests = g4_scan_join(root, "manifests");
    if (!manifests)
        return g4_err_nomem(err, strlen(root), "path");
    int status = scan_level(scan, manifests, "", 1, err);
    free(manifests);
    return status;
}

/* ------------------------------------------------------------ a manifest */

struct manifest {
    const char *path; /* ROOT/manifests/HOST/NAMESPACE/MODEL/TAG */
    char *root;
    char *model, *projector; /* paths of blobs; owned */
    bool has_template;
};

/* The path without its last n parts; the caller frees. NULL: out of memory. */
static char *without_parts(const char *path, int n)
{
    size_t length = strlen(path);
    for (; n > 0; n--)
        while (length > 0 && path[--length] != '/')
            ;
    return strndup(path, length);
}

/* "sha256:<hex>" -> "sha256-<hex>"; anything else is no name of a blob. */
static int blob_name(char out[BLOB_NAME], const struct g4_json_at *at, struct g4_err *err)
{
    const char *digest;
    int status = g4_json_string(at, "digest", true, &digest, err);
    if (status < 0)
        return status;
    const size_t prefix = strlen("sha256:");
    if ((strncmp(digest, "sha256:", prefix) != 0 && strncmp(digest, "sha256-", prefix) != 0) ||
        strspn(digest + prefix, "0123456789abcdef") != DIGEST || digest[prefix + DIGEST] != '\0')
        return g4_json_refuse(at, "digest", err, "'sha256:' and %d hexadecimal digits", DIGEST);
    snprintf(out, BLOB_NAME, "sha256-%s", digest + prefix);
    return 0;
}

/* *path: the blob of a layer, which is there with the size that the manifest says. */
static int find_blob(char **path, const struct manifest *m, const struct g4_json_at *at,
                     struct g4_err *err)
{
    char name[BLOB_NAME];
    int64_t size = 0;
    struct stat st;
    if (*path)
        return g4_json_refuse(at, "mediaType", err, "one layer of this type");
    int status = blob_name(name, at, err);
    if (status == 0)
        status = g4_json_int(at, "size", true, 0, INT64_MAX, &size, err);
    if (status < 0)
        return status;
    if (asprintf(path, "%s/blobs/%s", m->root, name) < 0) {
        *path = NULL;
        return g4_err_nomem(err, strlen(m->root), "path");
    }
    if (stat(*path, &st) < 0 || !S_ISREG(st.st_mode)) {
        char *partial = NULL;
        const bool begun = asprintf(&partial, "%s-partial", *path) > 0 && stat(partial, &st) == 0;
        free(partial);
        return g4_err_set(err, G4_EINPUT, "'%s': %s: blob '%s' is %s", m->path, at->path, name,
                          begun ? "not whole yet: its download was not finished"
                                : "missing in the store");
    }
    if (st.st_size != size)
        return g4_err_set(err, G4_EINPUT, "'%s': %s: blob '%s' has %lld bytes, expected %lld",
                          m->path, at->path, name, (long long)st.st_size, (long long)size);
    return 0;
}

static bool is_type(const char *type, size_t n, const char *word)
{
    return n == strlen(word) && strncmp(type, word, n) == 0;
}

static int read_layer(struct manifest *m, const struct g4_json_at *at, struct g4_err *err)
{
    const char *media;
    int status = g4_json_string(at, "mediaType", true, &media, err);
    if (status < 0 || strncmp(media, TYPES, strlen(TYPES)) != 0)
        return status;
    const char *type = media + strlen(TYPES);
    const size_t n = strcspn(type, ";"); /* parameters follow */
    if (is_type(type, n, "model"))
        return find_blob(&m->model, m, at, err);
    if (is_type(type, n, "projector"))
        return find_blob(&m->projector, m, at, err);
    if (is_type(type, n, "tensor"))
        return g4_err_set(err, G4_EUNSUPPORTED,
                          "'%s': %s: a layer for a single tensor: models that are stored tensor by "
                          "tensor are not read, only GGUF",
                          m->path, at->path);
    if (is_type(type, n, "template"))
        m->has_template = true;
    if (is_type(type, n, "adapter") || is_type(type, n, "draft"))
        g4_log_info(1, "'%s': %s: the %.*s is left out", m->path, at->path, (int)n, type);
    return 0;
}

static int read_layers(struct manifest *m, const json_t *root, struct g4_err *err)
{
    const struct g4_json_at at = {m->path, "", root};
    const json_t *layers = NULL;
    int64_t version = 2;
    int status = g4_json_int(&at, "schemaVersion", false, 2, 2, &version, err);
    if (status == 0)
        status = g4_json_child(&at, "layers", true, JSON_ARRAY, &layers, err);
    for (size_t i = 0; status == 0 && i < json_array_size(layers); i++) {
        char place[AT_BYTES];
        snprintf(place, sizeof place, "layers[%zu]", i);
        const struct g4_json_at layer = {m->path, place, json_array_get(layers, i)};
        if (!json_is_object(layer.object))
            status = g4_err_set(err, G4_EINPUT, "'%s': %s: expected an object", m->path, place);
        else
            status = read_layer(m, &layer, err);
    }
    if (status == 0 && !m->model)
        status = g4_err_set(err, G4_EUNSUPPORTED,
                            "'%s': no layer with a model: what it names is not on this machine",
                            m->path);
    return status;
}

int g4_ollama_resolve(struct g4_candidate *c, bool *tuned, struct g4_err *err)
{
    struct manifest m = {.path = c->path, .root = without_parts(c->path, LEVELS + 1)};
    json_t *root = NULL;
    int status = m.root ? g4_json_load(&root, m.path, MANIFEST_BYTES, err)
                        : g4_err_nomem(err, strlen(m.path), "path");
    if (status == 0 && !json_is_object(root))
        status = g4_err_set(err, G4_EINPUT, "'%s': expected an object", m.path);
    if (status == 0)
        status = read_layers(&m, root, err);
    json_decref(root);
    free(m.root);
    if (status < 0) {
        free(m.model);
        free(m.projector);
        return status;
    }
    /* Names of the library are the short ones; its models are for conversations. */
    *tuned = m.has_template || !strchr(c->name, '/');
    free(c->path);
    c->path = m.model;
    c->companion = m.projector;
    c->kind = G4_CANDIDATE_GGUF;
    return 0;
}

/* candidate.c - matching names, and a look at headers. */
#include "lib/model/candidate.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "lib/format/gguf.h"
#include "lib/format/json_read.h"
#include "lib/model/config.h"
#include "lib/model/ollama.h"
#include "lib/model/scan.h"

enum { SMALL_JSON = 16 << 20, MAX_PARTS = 1024 };

void g4_candidate_release(struct g4_candidate *c)
{
    free(c->path);
    free(c->companion);
    free(c->name);
    free(c->problem);
    *c = (struct g4_candidate){0};
}

/* ------------------------------------------------------------ names */

/* The same for the first n bytes of a name. */
static int match_text(const char *name, size_t n, const char *wanted)
{
    const size_t m = strlen(wanted);
    if (m == 0 || m > n || strncmp(name + n - m, wanted, m) != 0)
        return 0;
    return m == n ? 2 : name[n - m - 1] == '/';
}

int g4_candidate_match(const struct g4_candidate *c, const char *wanted)
{
    const size_t n = strlen(c->name);
    if (c->kind == G4_CANDIDATE_MANIFEST)
        return g4_ollama_match(c->name, wanted);
    int best = match_text(c->name, n, wanted);
    if (c->kind != G4_CANDIDATE_GGUF)
        return best;
    const size_t ending = strlen(".gguf"), lengths[] = {n > ending ? n - ending : 0, c->group};
    for (size_t i = 0; i < sizeof lengths / sizeof lengths[0]; i++) {
        int found = match_text(c->name, lengths[i], wanted);
        best = found > best ? found : best;
    }
    return best;
}

/* "it" as a word: gemma-4-E2B-it, gemma-4-E2B-it-Q4_0.gguf, Gemma 4 E2B It. */
static bool has_word_it(const char *text, size_t n)
{
    for (size_t i = 0; i + 2 <= n; i++)
        if (strncasecmp(text + i, "it", 2) == 0 && (i == 0 || strchr("-_. ", text[i - 1])) &&
            (i + 2 == n || strchr("-_. ", text[i + 2])))
            return true;
    return false;
}

bool g4_candidate_named_gemma4(const struct g4_candidate *c)
{
    return strcasestr(c->name, "gemma-4") || strcasestr(c->name, "gemma4");
}

/* ------------------------------------------------------------ folders */

/* *root: the parsed file, NULL when there is none or it is malformed. Only memory can fail. */
static int load(json_t **root, const char *folder, const char *name, struct g4_err *err)
{
    struct g4_err ignored;
    *root = NULL;
    if (!g4_scan_is(folder, name, S_IFREG))
        return 0;
    char *path = g4_scan_join(folder, name);
    int status = path ? g4_json_load(root, path, SMALL_JSON, &ignored) : G4_ENOMEM;
    free(path);
    return status == G4_ENOMEM ? g4_err_nomem(err, strlen(folder), "a look into a model") : 0;
}

static int has_chat_template(bool *has, const char *folder, struct g4_err *err)
{
    *has = g4_scan_is(folder, "chat_template.jinja", S_IFREG) ||
           g4_scan_is(folder, "chat_template.json", S_IFREG);
    if (*has)
        return 0;
    json_t *tokenizer;
    int status = load(&tokenizer, folder, "tokenizer_config.json", err);
    const json_t *chat = json_object_get(tokenizer, "chat_template");
    *has = chat && !json_is_null(chat);
    json_decref(tokenizer);
    return status;
}

static int look_at_folder(struct g4_candidate *c, struct g4_err *err)
{
    static const char *const types[] = {"gemma4", "gemma4_unified", "gemma4_text",
                                        "gemma4_unified_text"};
    bool readable = false, tuned = has_word_it(c->name, strlen(c->name));
    json_t *config;
    int status = load(&config, c->path, "config.json", err);
    const char *type = json_string_value(json_object_get(config, "model_type"));
    for (size_t i = 0; type && i < sizeof types / sizeof types[0]; i++)
        if (strcmp(type, types[i]) == 0)
            c->worth = G4_WORTH_MODEL;
    if (c->worth == G4_WORTH_MODEL)
        readable = g4_config_weights_readable(config) &&
                   (g4_scan_is(c->path, "model.safetensors", S_IFREG) ||
                    g4_scan_is(c->path, "model.safetensors.index.json", S_IFREG));
    json_decref(config);
    if (status == 0 && readable && !tuned)
        status = has_chat_template(&tuned, c->path, err);
    if (readable && tuned)
        c->worth = G4_WORTH_CHOICE;
    return status;
}

/* ------------------------------------------------------------ GGUF files */

/* A text of the metadata; empty where there is none. */
static struct g4_gguf_text text_of(const struct g4_gguf *file, const char *key)
{
    struct g4_gguf_text text = {"", 0};
    g4_gguf_string(file, key, false, &text, NULL);
    return text;
}

static bool is_tuned(const struct g4_gguf *file)
{
    const struct g4_gguf_text kind = text_of(file, "general.finetune"),
                              name = text_of(file, "general.name");
    return g4_gguf_text_is(&kind, "it") || has_word_it(kind.text, kind.n) ||
           has_word_it(name.text, name.n) || text_of(file, "tokenizer.chat_template").n > 0;
}

static int look_at_gguf(struct g4_candidate *c, bool tuned, struct g4_err *err)
{
    struct g4_gguf file;
    int64_t part = 0;
    c->worth = G4_WORTH_BROKEN;
    int status = g4_gguf_open(&file, c->path, NULL);
    if (status < 0)
        return status == G4_ENOMEM ? g4_err_nomem(err, 0, "a look into a model") : 0;
    const struct g4_gguf_text kind = text_of(&file, "general.architecture"),
                              type = text_of(&file, "general.type");
    g4_gguf_int(&file, "split.no", false, 0, MAX_PARTS, &part, NULL);
    if (part > 0)
        c->worth = G4_WORTH_PART;
    else if (!g4_gguf_text_is(&kind, "gemma4") || g4_gguf_text_is(&type, "adapter"))
        c->worth = G4_WORTH_OTHER;
    else
        c->worth = tuned || is_tuned(&file) || has_word_it(c->name, strlen(c->name))
                       ? G4_WORTH_CHOICE
                       : G4_WORTH_MODEL;
    g4_gguf_close(&file);
    return 0;
}

/* ------------------------------------------------------------ all */

int g4_candidate_look(struct g4_candidate *c, struct g4_err *err)
{
    struct g4_err problem = {0};
    bool tuned = false;
    c->worth = G4_WORTH_OTHER;
    if (c->kind == G4_CANDIDATE_FOLDER)
        return look_at_folder(c, err);
    if (c->kind == G4_CANDIDATE_GGUF)
        return look_at_gguf(c, false, err);
    int status = g4_ollama_resolve(c, &tuned, &problem);
    if (status == 0)
        return look_at_gguf(c, tuned, err);
    free(c->problem);
    c->worth = G4_WORTH_BROKEN;
    c->problem = status == G4_ENOMEM ? NULL : strdup(problem.text);
    return c->problem ? 0 : g4_err_nomem(err, sizeof problem.text, "a look into a model");
}

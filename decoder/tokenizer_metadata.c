/* tokenizer_metadata.c - see the header. */
#include "decoder/tokenizer_metadata.h"

#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "decoder/tokenizer_json.h"
#include "lib/base/file.h"
#include "lib/base/mem.h"
#include "lib/base/utf8.h"
#include "lib/format/json_read.h"

enum { FILE_LIMIT = 4 << 20, MAX_IDS = 4096, NAME_BYTES = 32 };

/* What a token is, as other readers number it. */
enum { NORMAL = 1, CONTROL = 3, USER_DEFINED = 4, UNUSED = 5, BYTE = 6 };

/* All scores are alike: the order of merges decides. */
static const float score = -1000.0f;

/* ---- pieces and merges ---- */

/* Appends a piece as files spell it: spaces as U+2581. */
static int append_piece(struct g4_text *out, const struct g4_vocab *vocab, int32_t id,
                        struct g4_err *err)
{
    const struct g4_piece *piece = &vocab->pieces[id];
    const char *text = vocab->texts.text + piece->at, *end = text + piece->n;
    int status = 0;
    while (text < end && status == 0) {
        const char *space = memchr(text, ' ', (size_t)(end - text));
        status = g4_text_append(out, text, (size_t)((space ? space : end) - text), err);
        if (status == 0 && space)
            status = g4_text_puts(out, "\xe2\x96\x81", err);
        text = space ? space + 1 : end;
    }
    return status;
}

static int32_t kind_of(const struct g4_piece *piece)
{
    if (piece->byte >= 0)
        return BYTE;
    switch (piece->special) {
    case -1: return NORMAL;
    /* Programs that look for calls in the text want to see these. */
    case G4_TOKEN_CALL_OPEN:
    case G4_TOKEN_CALL_CLOSE:
    case G4_TOKEN_RESPONSE_OPEN:
    case G4_TOKEN_RESPONSE_CLOSE:
    case G4_TOKEN_QUOTE:
    case G4_TOKEN_CHANNEL_OPEN:
    case G4_TOKEN_CHANNEL_CLOSE: return USER_DEFINED;
    default: return CONTROL;
    }
}

static bool has_piece(const struct g4_vocab *vocab, size_t id)
{
    return id < vocab->size && vocab->pieces[id].present;
}

static int put_pieces(struct g4_gguf_writer *writer, const struct g4_vocab *vocab, size_t rows,
                      struct g4_err *err)
{
    struct g4_text text = {0};
    int status = 0;
    g4_gguf_put_strings(writer, "tokenizer.ggml.tokens", rows);
    for (size_t id = 0; id < rows && status == 0; id++) {
        char name[NAME_BYTES];
        g4_text_clear(&text);
        if (!has_piece(vocab, id))
            snprintf(name, sizeof name, "[PAD%zu]", id);
        else if (vocab->pieces[id].byte >= 0)
            snprintf(name, sizeof name, "<0x%02X>", (unsigned)vocab->pieces[id].byte);
        else
            name[0] = '\0';
        status =
            name[0] ? g4_text_puts(&text, name, err) : append_piece(&text, vocab, (int32_t)id, err);
        if (status == 0)
            g4_gguf_put_element(writer, text.text, text.n);
    }
    g4_text_release(&text);
    return status;
}

static int put_merges(struct g4_gguf_writer *writer, const struct g4_vocab *vocab,
                      struct g4_err *err)
{
    struct g4_text text = {0};
    int status = 0;
    g4_gguf_put_strings(writer, "tokenizer.ggml.merges", vocab->merge_count);
    for (size_t i = 0; i < vocab->merge_count && status == 0; i++) {
        g4_text_clear(&text);
        status = append_piece(&text, vocab, vocab->merges[i].left, err);
        if (status == 0)
            status = g4_text_puts(&text, " ", err);
        if (status == 0)
            status = append_piece(&text, vocab, vocab->merges[i].right, err);
        if (status == 0)
            g4_gguf_put_element(writer, text.text, text.n);
    }
    g4_text_release(&text);
    return status;
}

static int put_kinds(struct g4_gguf_writer *writer, const struct g4_vocab *vocab, size_t rows,
                     struct g4_err *err)
{
    int32_t *kinds = NULL;
    float *scores = NULL;
    int status = g4_alloc((void **)&kinds, rows, sizeof *kinds, "the vocabulary", err);
    if (status == 0)
        status = g4_alloc((void **)&scores, rows, sizeof *scores, "the vocabulary", err);
    for (size_t id = 0; id < rows && status == 0; id++) {
        kinds[id] = has_piece(vocab, id) ? kind_of(&vocab->pieces[id]) : UNUSED;
        scores[id] = score;
    }
    if (status == 0) {
        g4_gguf_put_f32s(writer, "tokenizer.ggml.scores", scores, rows);
        g4_gguf_put_i32s(writer, "tokenizer.ggml.token_type", kinds, rows);
    }
    free(kinds);
    free(scores);
    return status;
}

int g4_tokenizer_metadata_put_vocab(struct g4_gguf_writer *writer, const struct g4_vocab *vocab,
                                    size_t rows, struct g4_err *err)
{
    static const struct {
        const char *key;
        enum g4_special special;
    } ids[] = {
        {"tokenizer.ggml.bos_token_id", G4_TOKEN_BOS},
        {"tokenizer.ggml.unknown_token_id", G4_TOKEN_UNK},
        {"tokenizer.ggml.padding_token_id", G4_TOKEN_PAD},
        {"tokenizer.ggml.mask_token_id", G4_TOKEN_MASK},
    };
    g4_gguf_put_string(writer, "tokenizer.ggml.model", "gemma4");
    int status = put_pieces(writer, vocab, rows, err);
    if (status == 0)
        status = put_kinds(writer, vocab, rows, err);
    if (status == 0)
        status = put_merges(writer, vocab, err);
    if (status < 0)
        return status;
    for (size_t i = 0; i < sizeof ids / sizeof *ids; i++)
        if (vocab->special[ids[i].special] >= 0)
            g4_gguf_put_u32(writer, ids[i].key, (uint32_t)vocab->special[ids[i].special]);
    g4_gguf_put_bool(writer, "tokenizer.ggml.add_bos_token", true);
    g4_gguf_put_bool(writer, "tokenizer.ggml.add_space_prefix", false);
    return 0;
}

static int put_tokenizer(struct g4_gguf_writer *writer, struct g4_vocab *vocab,
                         const struct g4_model *model, struct g4_err *err)
{
    struct g4_map map = {0};
    char *path = g4_model_file(model, "tokenizer.json");
    int status = path ? g4_map_open(&map, path, err) : g4_err_nomem(err, 0, "a file name");
    if (status == 0 && map.size > G4_TOKENIZER_FILE_LIMIT)
        status =
            g4_err_set(err, G4_EINPUT, "'%s': longer than %d bytes", path, G4_TOKENIZER_FILE_LIMIT);
    if (status == 0)
        status = g4_tokenizer_json_read(vocab, path, (const char *)map.data, map.size, err);
    if (status == 0)
        status = g4_tokenizer_metadata_put_vocab(writer, vocab, model->config.text.vocab_size, err);
    g4_map_close(&map);
    free(path);
    return status;
}

/* ---- settings ---- */

/* The file's object if there is such a file, else *out = NULL. */
static int load_optional(json_t **out, char **path, const struct g4_model *model, const char *name,
                         struct g4_err *err)
{
    *out = NULL;
    *path = g4_model_file(model, name);
    if (!*path)
        return g4_err_nomem(err, 0, "a file name");
    return access(*path, F_OK) == 0 ? g4_json_load(out, *path, FILE_LIMIT, err) : 0;
}

/* A text member, or the `content` of an object. */
static const char *text_of(const json_t *value)
{
    return json_string_value(json_is_object(value) ? json_object_get(value, "content") : value);
}

/* The template of a configuration: a text, or of a list the one called default. */
static const char *template_of(const json_t *config)
{
    const json_t *value = json_object_get(config, "chat_template");
    const char *text = json_string_value(value);
    for (size_t i = 0; i < json_array_size(value) && !text; i++) {
        const json_t *item = json_array_get(value, i);
        const char *name = json_string_value(json_object_get(item, "name"));
        if (name && strcmp(name, "default") == 0)
            text = json_string_value(json_object_get(item, "template"));
    }
    return text;
}

static int put_template(struct g4_gguf_writer *writer, const struct g4_model *model,
                        const json_t *config, struct g4_err *err)
{
    char *path = g4_model_file(model, "chat_template.jinja"), *text = NULL;
    size_t n = 0;
    int status = 0;
    if (!path)
        return g4_err_nomem(err, 0, "a file name");
    if (access(path, F_OK) == 0)
        status = g4_read_file(&text, &n, path, FILE_LIMIT, err);
    if (status == 0 && text && !g4_utf8_valid(text, n))
        status = g4_err_set(err, G4_EINPUT, "'%s': not UTF-8", path);
    const char *found = text ? text : template_of(config);
    if (status == 0 && found)
        g4_gguf_put_string(writer, "tokenizer.chat_template", found);
    free(text);
    free(path);
    return status;
}

/* Which token ends a text, and the template of a conversation. */
static int put_tokenizer_config(struct g4_gguf_writer *writer, const struct g4_vocab *vocab,
                                const struct g4_model *model, struct g4_err *err)
{
    json_t *config;
    char *path;
    int status = load_optional(&config, &path, model, "tokenizer_config.json", err);
    if (status == 0) {
        const char *text = text_of(json_object_get(config, "eos_token"));
        int32_t id = text ? g4_vocab_find(vocab, text, strlen(text)) : -1;
        for (int i = 0; text && i < G4_SPECIALS; i++)
            if (strcmp(text, g4_special_text((enum g4_special)i)) == 0)
                id = vocab->special[i];
        id = id >= 0 ? id : vocab->special[G4_TOKEN_EOS];
        if (id >= 0)
            g4_gguf_put_u32(writer, "tokenizer.ggml.eos_token_id", (uint32_t)id);
        status = put_template(writer, model, config, err);
    }
    json_decref(config);
    free(path);
    return status;
}

static int put_suppressed(struct g4_gguf_writer *writer, const struct g4_json_at *at,
                          size_t vocab_size, struct g4_err *err)
{
    const json_t *list = json_object_get(at->object, "suppress_tokens");
    const size_t n = json_array_size(list);
    int32_t ids[MAX_IDS];
    if (n > MAX_IDS)
        return g4_json_refuse(at, "suppress_tokens", err, "at most %d ids", MAX_IDS);
    for (size_t i = 0; i < n; i++) {
        const json_t *item = json_array_get(list, i);
        const json_int_t id = json_integer_value(item);
        if (!json_is_integer(item) || id < 0 || (uint64_t)id >= vocab_size)
            return g4_json_refuse(at, "suppress_tokens", err, "token ids in 0..%zu",
                                  vocab_size - 1);
        ids[i] = (int32_t)id;
    }
    if (n > 0)
        g4_gguf_put_i32s(writer, "tokenizer.ggml.suppress_tokens", ids, n);
    return 0;
}

static int put_generation(struct g4_gguf_writer *writer, const struct g4_model *model,
                          struct g4_err *err)
{
    json_t *config;
    char *path;
    int64_t top_k = -1;
    double top_p = -1, temperature = -1;
    int status = load_optional(&config, &path, model, "generation_config.json", err);
    const struct g4_json_at at = {.what = path, .path = "", .object = config};
    if (status == 0 && config &&
        (status = g4_json_int(&at, "top_k", false, 0, INT32_MAX, &top_k, err)) == 0 &&
        (status = g4_json_number(&at, "top_p", false, 0, 1, &top_p, err)) == 0 &&
        (status = g4_json_number(&at, "temperature", false, 0, 100, &temperature, err)) == 0 &&
        (status = put_suppressed(writer, &at, model->config.text.vocab_size, err)) == 0) {
        if (top_k >= 0)
            g4_gguf_put_i32(writer, "general.sampling.top_k", (int32_t)top_k);
        if (top_p >= 0)
            g4_gguf_put_f32(writer, "general.sampling.top_p", (float)top_p);
        if (temperature >= 0)
            g4_gguf_put_f32(writer, "general.sampling.temp", (float)temperature);
    }
    json_decref(config);
    free(path);
    return status;
}

/* ---- all of it ---- */

/* Some files call the same vocabulary by the name of another with a remark beside it. */
static void hand_on(struct g4_gguf_writer *writer, const struct g4_gguf *file)
{
    g4_gguf_put_string(writer, "tokenizer.ggml.model", "gemma4");
    for (size_t i = 0; i < file->value_count; i++) {
        const char *key = file->values[i].key;
        if (strncmp(key, "tokenizer.", 10) == 0 && strcmp(key, "tokenizer.ggml.model") != 0 &&
            strcmp(key, "tokenizer.ggml.pre") != 0)
            g4_gguf_put_value(writer, &file->values[i]);
    }
}

int g4_tokenizer_metadata_put(struct g4_gguf_writer *writer, const struct g4_model *model,
                              struct g4_err *err)
{
    struct g4_vocab vocab;
    if (model->weights.text) {
        hand_on(writer, model->weights.text);
        return 0;
    }
    g4_vocab_init(&vocab, model->config.text.vocab_size);
    int status = put_tokenizer(writer, &vocab, model, err);
    if (status == 0)
        status = put_tokenizer_config(writer, &vocab, model, err);
    if (status == 0)
        status = put_generation(writer, model, err);
    g4_vocab_release(&vocab);
    return status;
}

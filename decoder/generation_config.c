/* generation_config.c - see the header; ids are checked against the vocabulary. */
#include "decoder/generation_config.h"

#include <stdlib.h>
#include <unistd.h>

#include "lib/format/json_read.h"

enum { FILE_LIMIT = 1 << 20, MAX_IDS = 4096, MAX_TEMPERATURE = 100 };

static bool contains(const struct g4_ids *list, int32_t id)
{
    for (size_t i = 0; i < list->count; i++)
        if (list->ids[i] == id)
            return true;
    return false;
}

static int add(struct g4_ids *list, int32_t id, struct g4_err *err)
{
    return id < 0 || contains(list, id) ? 0 : g4_ids_push(list, id, 1, err);
}

static int add_specials(struct g4_ids *list, const struct g4_tokenizer *tokenizer,
                        const enum g4_special *specials, size_t count, struct g4_err *err)
{
    int status = 0;
    for (size_t i = 0; i < count && status == 0; i++)
        status = add(list, g4_tokenizer_special(tokenizer, specials[i]), err);
    return status;
}

/* Sampling as both kinds of file state it; what is missing keeps its default. */
struct stated {
    double temperature, top_p;
    int64_t top_k;
};

static struct stated stated_default(const struct g4_sampling *s)
{
    return (struct stated){(double)s->temperature, (double)s->top_p, s->top_k};
}

static void take(struct g4_sampling *s, const struct stated *stated)
{
    s->temperature = (float)stated->temperature;
    s->top_k = (int32_t)stated->top_k;
    s->top_p = (float)stated->top_p;
}

/* A member that is one id or a list of ids. */
static int read_ids(const struct g4_json_at *at, const char *key, size_t vocab_size,
                    struct g4_ids *list, struct g4_err *err)
{
    const json_t *value = json_object_get(at->object, key);
    size_t n = json_is_array(value) ? json_array_size(value) : value && !json_is_null(value);
    for (size_t i = 0; i < n; i++) {
        const json_t *item = json_is_array(value) ? json_array_get(value, i) : value;
        json_int_t id = json_is_integer(item) ? json_integer_value(item) : -1;
        if (id < 0 || (uint64_t)id >= vocab_size)
            return g4_err_set(err, G4_EINPUT, "'%s': %s: expected token ids in 0..%zu", at->what,
                              key, vocab_size - 1);
        int status = add(list, (int32_t)id, err);
        if (status < 0)
            return status;
    }
    return 0;
}

static int read_file(struct g4_generation_config *config, const char *path, size_t vocab_size,
                     struct g4_err *err)
{
    json_t *root;
    int status = g4_json_load(&root, path, FILE_LIMIT, err);
    if (status < 0)
        return status;
    struct g4_json_at at = {.what = path, .path = "", .object = root};
    struct stated stated = stated_default(&config->sampling);
    bool do_sample = true;
    if ((status = g4_json_bool(&at, "do_sample", false, &do_sample, err)) == 0 &&
        (status = g4_json_number(&at, "temperature", false, 0, MAX_TEMPERATURE, &stated.temperature,
                                 err)) == 0 &&
        (status = g4_json_int(&at, "top_k", false, 0, INT32_MAX, &stated.top_k, err)) == 0 &&
        (status = g4_json_number(&at, "top_p", false, 0, 1, &stated.top_p, err)) == 0 &&
        (status = read_ids(&at, "eos_token_id", vocab_size, &config->stop, err)) == 0)
        status = read_ids(&at, "suppress_tokens", vocab_size, &config->suppress, err);
    config->sampling.greedy = !do_sample;
    take(&config->sampling, &stated);
    json_decref(root);
    return status;
}

/* One id, or an array of them. */
static int read_metadata_ids(const struct g4_gguf *file, const char *key, size_t vocab_size,
                             struct g4_ids *list, struct g4_err *err)
{
    const struct g4_gguf_value *value = g4_gguf_value(file, key);
    int64_t id = -1;
    int status = 0;
    if (!value || !value->array)
        status = g4_gguf_int(file, key, false, INT64_MIN, INT64_MAX, &id, err);
    else if (value->type == G4_GGUF_STRING || value->type == G4_GGUF_F32 ||
             value->type == G4_GGUF_F64)
        status = g4_err_set(err, G4_EINPUT, "'%s': %s: expected token ids", file->path, key);
    else if (value->count > MAX_IDS)
        status = g4_err_set(err, G4_EINPUT, "'%s': %s: %zu token ids, at most %d are read",
                            file->path, key, value->count, MAX_IDS);
    for (size_t i = 0; value && status == 0 && i < value->count; i++) {
        if (value->array)
            id = g4_gguf_int_at(value, i);
        if (id >= 0 && (uint64_t)id < vocab_size)
            status = add(list, (int32_t)id, err);
    }
    return status;
}

static int read_metadata(struct g4_generation_config *config, const struct g4_gguf *file,
                         size_t vocab_size, struct g4_err *err)
{
    static const char *const stops[] = {"tokenizer.ggml.eos_token_id",
                                        "tokenizer.ggml.eos_token_ids",
                                        "tokenizer.ggml.eot_token_id"};
    struct stated stated = stated_default(&config->sampling);
    int status = g4_gguf_number(file, "general.sampling.temp", false, 0, MAX_TEMPERATURE,
                                &stated.temperature, err);
    if (status == 0)
        status =
            g4_gguf_int(file, "general.sampling.top_k", false, 0, INT32_MAX, &stated.top_k, err);
    if (status == 0)
        status = g4_gguf_number(file, "general.sampling.top_p", false, 0, 1, &stated.top_p, err);
    for (size_t i = 0; status == 0 && i < sizeof stops / sizeof *stops; i++)
        status = read_metadata_ids(file, stops[i], vocab_size, &config->stop, err);
    if (status == 0)
        status = read_metadata_ids(file, "tokenizer.ggml.suppress_tokens", vocab_size,
                                   &config->suppress, err);
    take(&config->sampling, &stated);
    return status;
}

/* generation_config.json, where there is one. */
static int read_beside(struct g4_generation_config *config, const struct g4_model *model,
                       struct g4_err *err)
{
    char *path = g4_model_file(model, "generation_config.json");
    int status = path ? 0 : g4_err_nomem(err, 0, "a file name");
    if (path && access(path, F_OK) == 0)
        status = read_file(config, path, model->config.text.vocab_size, err);
    free(path);
    return status;
}

int g4_generation_config_load(struct g4_generation_config *config, const struct g4_model *model,
                              const struct g4_tokenizer *tokenizer, struct g4_err *err)
{
    static const enum g4_special stops[] = {G4_TOKEN_EOS, G4_TOKEN_TURN_CLOSE,
                                            G4_TOKEN_RESPONSE_OPEN};
    /* Fed back as an ordinary id, a placeholder would mean something else in every engine. */
    static const enum g4_special never[] = {G4_TOKEN_IMAGE_OPEN,  G4_TOKEN_AUDIO_OPEN,
                                            G4_TOKEN_IMAGE_SOFT,  G4_TOKEN_AUDIO_SOFT,
                                            G4_TOKEN_IMAGE_CLOSE, G4_TOKEN_AUDIO_CLOSE,
                                            G4_TOKEN_VIDEO_SOFT};
    *config = (struct g4_generation_config){
        .sampling = {.temperature = 1.0f, .top_k = 64, .top_p = 0.95f, .repeat_penalty = 1.0f}};
    int status = add_specials(&config->stop, tokenizer, stops, sizeof stops / sizeof *stops, err);
    if (status == 0)
        status =
            add_specials(&config->suppress, tokenizer, never, sizeof never / sizeof *never, err);
    if (status == 0)
        status = model->weights.text ? read_metadata(config, model->weights.text,
                                                     model->config.text.vocab_size, err)
                                     : read_beside(config, model, err);
    if (status < 0)
        g4_generation_config_release(config);
    return status;
}

void g4_generation_config_release(struct g4_generation_config *config)
{
    free(config->stop.ids);
    free(config->suppress.ids);
    *config = (struct g4_generation_config){0};
}

bool g4_generation_stops(const struct g4_generation_config *config, int32_t id)
{
    return contains(&config->stop, id);
}

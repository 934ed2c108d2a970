/*
 * identity.c - which embedding space a model lives in, told by its norm vectors.
 *
 * Norm vectors are never quantised, are in every file format, and differ between a base model and
 * its instruction-tuned form; they are one to three megabytes where the weights are tens of
 * gigabytes.
 */
#include <sha2.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "lib/model/model.h"
#include "lib/tensor/quant.h"

#define TEXT "model.language_model."

/* The last two are multiples of every block. */
enum { NAME_BYTES = 256, TOWER_NORM = 8192, PROJECTION_VALUES = 4096, CHUNK = 1024 };

/* The first n values as float32. */
static void add_values(SHA2_CTX *sha, const struct g4_tensor *tensor, size_t n)
{
    float values[CHUNK];
    for (size_t i = 0; i < n; i += CHUNK) {
        size_t m = n - i < CHUNK ? n - i : CHUNK;
        for (size_t j = 0; j < m; j++)
            values[j] = g4_tensor_get(tensor, i + j);
        SHA256Update(sha, (const uint8_t *)values, m * sizeof values[0]);
    }
}

static void add_u32(SHA2_CTX *sha, uint32_t value)
{
    SHA256Update(sha, (const uint8_t *)&value, sizeof value);
}

static void finish(SHA2_CTX *sha, uint8_t id[G4_ID_BYTES])
{
    uint8_t digest[SHA256_DIGEST_LENGTH];
    SHA256Final(digest, sha);
    memcpy(id, digest, G4_ID_BYTES);
}

struct space {
    SHA2_CTX sha;
    const struct g4_model *model;
    struct g4_err *err;
    int status;
};

/* One norm vector of n elements. Once there was an error, nothing more happens. */
static void add_norm(struct space *space, size_t n, bool required, const char *format, ...)
    __attribute__((format(printf, 4, 5)));

static void add_norm(struct space *space, size_t n, bool required, const char *format, ...)
{
    char name[NAME_BYTES];
    va_list args;
    if (space->status < 0)
        return;
    va_start(args, format);
    vsnprintf(name, sizeof name, format, args);
    va_end(args);
    const struct g4_tensor *tensor = g4_weights_find(&space->model->weights, name);
    if (!tensor && required)
        space->status = g4_err_set(space->err, G4_EINPUT, "'%s': tensor '%s': missing",
                                   space->model->path, name);
    if (!tensor)
        return;
    if (tensor->dtype >= G4_DTYPE_FLOATS || g4_tensor_count(tensor) != n) {
        char shape[200];
        space->status = g4_err_set(space->err, G4_EINPUT,
                                   "'%s': tensor '%s': %s of shape %s, expected a float "
                                   "vector of %zu",
                                   space->model->path, name, g4_dtype_info(tensor->dtype)->name,
                                   g4_tensor_shape_text(tensor, shape, sizeof shape), n);
        return;
    }
    add_values(&space->sha, tensor, n);
}

static void add_layer(struct space *space, size_t i)
{
    const struct g4_text_config *text = &space->model->config.text;
    const size_t h = text->hidden_size, d = text->layer[i].head_dim;
    add_norm(space, h, true, TEXT "layers.%zu.input_layernorm.weight", i);
    add_norm(space, h, true, TEXT "layers.%zu.post_attention_layernorm.weight", i);
    add_norm(space, h, true, TEXT "layers.%zu.pre_feedforward_layernorm.weight", i);
    add_norm(space, h, true, TEXT "layers.%zu.post_feedforward_layernorm.weight", i);
    add_norm(space, d, true, TEXT "layers.%zu.self_attn.q_norm.weight", i);
    if (text->layer[i].source == i) /* stores differ in keeping the others, which nothing reads */
        add_norm(space, d, true, TEXT "layers.%zu.self_attn.k_norm.weight", i);
    add_norm(space, h, false, TEXT "layers.%zu.post_feedforward_layernorm_1.weight", i);
    add_norm(space, h, false, TEXT "layers.%zu.pre_feedforward_layernorm_2.weight", i);
    add_norm(space, h, false, TEXT "layers.%zu.post_feedforward_layernorm_2.weight", i);
    add_norm(space, h, false, TEXT "layers.%zu.post_per_layer_input_norm.weight", i);
}

int g4_model_space_id(const struct g4_model *model, uint8_t id[G4_ID_BYTES], struct g4_err *err)
{
    static const char domain[] = "g4-space-1";
    const struct g4_text_config *text = &model->config.text;
    struct space space = {.model = model, .err = err};
    memset(id, 0, G4_ID_BYTES);
    if (!g4_weights_find(&model->weights, TEXT "norm.weight"))
        return 0;
    SHA256Init(&space.sha);
    SHA256Update(&space.sha, (const uint8_t *)domain, sizeof domain - 1);
    add_u32(&space.sha, (uint32_t)text->hidden_size);
    for (size_t i = 0; i < text->num_hidden_layers; i++)
        add_layer(&space, i);
    add_norm(&space, text->hidden_size_per_layer_input, false,
             TEXT "per_layer_projection_norm.weight");
    add_norm(&space, text->hidden_size, true, TEXT "norm.weight");
    if (space.status == 0)
        finish(&space.sha, id);
    return space.status;
}

/* The first n values of a tensor whose type may be one of blocks; n is whole blocks. */
static void add_stored(SHA2_CTX *sha, const struct g4_tensor *tensor, size_t n)
{
    float values[CHUNK];
    const struct g4_dtype_info *type = g4_dtype_info(tensor->dtype);
    for (size_t i = 0; i < n; i += CHUNK) {
        size_t m = n - i < CHUNK ? n - i : CHUNK;
        g4_dequantise(tensor->dtype, values,
                      (const char *)tensor->data + i / type->block * type->bytes, m);
        SHA256Update(sha, (const uint8_t *)values, m * sizeof values[0]);
    }
}

int g4_model_encoder_id(const struct g4_model *model, const char *tower_prefix,
                        const char *projection, uint32_t preprocessing_version,
                        uint8_t id[G4_ID_BYTES], struct g4_err *err)
{
    static const char domain[] = "g4-encoder-1";
    const struct g4_weights *weights = &model->weights;
    SHA2_CTX sha;
    memset(id, 0, G4_ID_BYTES);
    const struct g4_tensor *last = g4_weights_find(weights, projection);
    if (!last || last->dtype >= G4_DTYPE_CODES)
        return g4_err_set(err, G4_EINPUT, "'%s': tensor '%s': missing or not of weights",
                          model->path, projection);
    SHA256Init(&sha);
    SHA256Update(&sha, (const uint8_t *)domain, sizeof domain - 1);
    add_u32(&sha, preprocessing_version);
    for (size_t i = 0; i < weights->count; i++) {
        const struct g4_tensor *tensor = weights->sorted[i];
        if (tensor->dims == 1 && tensor->dtype < G4_DTYPE_FLOATS &&
            g4_tensor_count(tensor) <= TOWER_NORM &&
            strncmp(weights->published[i], tower_prefix, strlen(tower_prefix)) == 0)
            add_values(&sha, tensor, g4_tensor_count(tensor));
    }
    size_t n = g4_tensor_count(last);
    add_stored(&sha, last, n < PROJECTION_VALUES ? n : PROJECTION_VALUES);
    finish(&sha, id);
    return 0;
}

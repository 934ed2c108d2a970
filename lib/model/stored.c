/* stored.c - types and counts behind codes, by the names of the tensors. */
#include "lib/model/stored.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static bool has_part(const char *name, const char *part)
{
    return strstr(name, part) != NULL;
}

/* Columns of a matrix of the text model: H, or what is told by the name. */
static size_t text_columns(const struct g4_text_config *c, const char *name)
{
    const char *at = strstr(name, "layers.");
    size_t i = at ? strtoul(at + strlen("layers."), NULL, 10) : 0;
    if (i >= c->num_hidden_layers)
        return 0;
    if (has_part(name, "embed_tokens_per_layer."))
        return c->num_hidden_layers * c->hidden_size_per_layer_input;
    if (has_part(name, ".per_layer_projection."))
        return c->hidden_size_per_layer_input;
    if (has_part(name, ".o_proj."))
        return c->num_attention_heads * c->layer[i].head_dim;
    if (has_part(name, ".mlp.down_proj."))
        return c->layer[i].intermediate_size;
    return has_part(name, ".experts.") && has_part(name, ".down_proj") ? c->moe_intermediate_size
                                                                       : c->hidden_size;
}

/* Columns of the matrix that a published tensor is; 0: not known. */
static size_t columns(const struct g4_config *c, const char *name)
{
    if (has_part(name, "vision_tower."))
        return has_part(name, ".down_proj.") ? c->vision.intermediate_size : c->vision.hidden_size;
    if (has_part(name, "audio_tower."))
        return c->audio.hidden_size * (has_part(name, ".ffw_layer_2.") ? 4 : 1);
    return text_columns(&c->text, name);
}

/* The tensor beside `name` whose name has `ending` in place of its last `cut` characters. */
static const struct g4_tensor *beside(const struct g4_model *model, const char *name, size_t cut,
                                      const char *ending)
{
    char other[G4_NAME_BYTES];
    int n = snprintf(other, sizeof other, "%.*s%s", (int)(strlen(name) - cut), name, ending);
    return n > 0 && (size_t)n < sizeof other ? g4_weights_find(&model->weights, other) : NULL;
}

static bool ends_with(const char *name, const char *ending)
{
    size_t n = strlen(name), m = strlen(ending);
    return n > m && strcmp(name + n - m, ending) == 0;
}

/* The type of codes in a tensor; its own type where it has none. */
static enum g4_dtype code_type(const struct g4_model *model, const struct g4_tensor *tensor,
                               const char *name)
{
    const bool table = ends_with(name, ".embedding_quantized");
    if (tensor->dtype == G4_DTYPE_I32 && ends_with(name, ".weight_packed"))
        return G4_DTYPE_I4;
    if (tensor->dtype != G4_DTYPE_U8)
        return tensor->dtype;
    if (beside(model, name, 0, ".scale"))
        return G4_DTYPE_SFP8;
    if (tensor->dims != 2 || (!table && !beside(model, name, 0, "_scale")))
        return G4_DTYPE_U8;
    const size_t cols = columns(&model->config, name);
    if (cols == 0 || cols % 4 != 0)
        return G4_DTYPE_U8;
    return tensor->shape[1] == cols / 4   ? G4_DTYPE_I2
           : tensor->shape[1] == cols / 2 ? G4_DTYPE_I4
                                          : G4_DTYPE_U8;
}

/* Codes that the tensor is only there for: name M.ending1 beside M.ending2. */
static const struct satellite {
    const char *ending, *codes;
} satellites[] = {
    {".weight_scale", ".weight_packed"},
    {".weight_shape", ".weight_packed"},
    {".weight_scale", ".weight"},
    {".input_activation_scale", ".weight"},
    {".output_activation_scale", ".weight"},
    {".embedding_scale", ".embedding_quantized"},
    {".scale", ""},
};

struct g4_stored g4_stored_numbers(const struct g4_model *model, size_t i)
{
    const struct g4_tensor *tensor = model->weights.sorted[i];
    const char *name = model->weights.published[i];
    if (model->weights.store != G4_STORE_SAFETENSORS)
        return (struct g4_stored){tensor->dtype, g4_tensor_count(tensor)};
    for (size_t s = 0; s < sizeof satellites / sizeof satellites[0]; s++) {
        char codes_name[G4_NAME_BYTES];
        if (!ends_with(name, satellites[s].ending))
            continue;
        const size_t cut = strlen(satellites[s].ending);
        const struct g4_tensor *codes = beside(model, name, cut, satellites[s].codes);
        if (!codes || codes->dtype < G4_DTYPE_CODES)
            continue;
        snprintf(codes_name, sizeof codes_name, "%.*s%s", (int)(strlen(name) - cut), name,
                 satellites[s].codes);
        return (struct g4_stored){code_type(model, codes, codes_name), 0};
    }
    const enum g4_dtype dtype = code_type(model, tensor, name);
    uint64_t each = 1;
    if (dtype != tensor->dtype) /* several codes in what is stored as one number */
        each = g4_dtype_info(tensor->dtype)->bytes * g4_dtype_info(dtype)->block /
               g4_dtype_info(dtype)->bytes;
    return (struct g4_stored){dtype, each * g4_tensor_count(tensor)};
}

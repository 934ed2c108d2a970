/*
 * convert.c - from a model's tensors to a list of those that a file will hold.
 */
#include "lib/model/convert.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/mem.h"
#include "lib/model/convert_parts.h"

static const struct g4_convert_recipe recipes[G4_CONVERT_TYPES] = {
    [G4_CONVERT_Q4_0] = {"q4_0", G4_DTYPE_Q4_0, G4_DTYPE_Q6_K, 2},
    [G4_CONVERT_Q8_0] = {"q8_0", G4_DTYPE_Q8_0, G4_DTYPE_Q8_0, 7},
    [G4_CONVERT_Q4_K_M] = {"q4_k_m", G4_DTYPE_Q4_K, G4_DTYPE_Q6_K, 15},
    [G4_CONVERT_Q6_K] = {"q6_k", G4_DTYPE_Q6_K, G4_DTYPE_Q6_K, 18},
    [G4_CONVERT_BF16] = {"bf16", G4_DTYPE_BF16, G4_DTYPE_BF16, 32},
    [G4_CONVERT_SFP8] = {"sfp8", G4_DTYPE_SFP8, G4_DTYPE_SFP8, 0},
};

const struct g4_convert_recipe *g4_convert_recipe(enum g4_convert_type type)
{
    assert((unsigned)type < G4_CONVERT_TYPES);
    return &recipes[type];
}

/* ---- which tensors ---- */

enum part { NOWHERE, TEXT, MEDIA };

static bool begins(const char *name, const char *prefix)
{
    return strncmp(name, prefix, strlen(prefix)) == 0;
}

/* Which file a tensor goes to, and its name there. */
static enum part part_of(char stored[G4_NAME_BYTES], const char *published)
{
    if (!g4_gguf_name(stored, G4_STORE_GGUF, published))
        return NOWHERE;
    return begins(stored, "v.") || begins(stored, "a.") || begins(stored, "mm.") ? MEDIA : TEXT;
}

/* Number of the layer in "blk.N.", "v.blk.N.", "a.blk.N."; -1 where there is none. */
static int layer_of(const char *stored)
{
    const char *blk = strstr(stored, "blk.");
    return blk ? atoi(blk + 4) : -1;
}

/* Keys and values that no layer reads: those of layers that borrow another's. */
static bool is_dead(const struct g4_model *model, const char *stored)
{
    const struct g4_text_config *text = &model->config.text;
    const int layer = begins(stored, "blk.") ? layer_of(stored) : -1;
    return layer >= 0 && (size_t)layer < text->num_hidden_layers &&
           text->layer[layer].source != (size_t)layer &&
           (strstr(stored, ".attn_k.") || strstr(stored, ".attn_v.") ||
            strstr(stored, ".attn_k_norm."));
}

int g4_convert_refuse_rounded(const struct g4_model *model, struct g4_err *err)
{
    for (size_t i = 0; i < model->weights.count; i++) {
        const struct g4_tensor *tensor = model->weights.sorted[i];
        if (tensor->dtype >= G4_DTYPE_FLOATS)
            return g4_err_set(err, G4_EUNSUPPORTED,
                              "'%s': tensor '%s' is %s: quantize starts from BF16, F16 or F32, "
                              "rounding what was rounded would only lose more",
                              model->path, tensor->name, g4_dtype_info(tensor->dtype)->name);
    }
    return 0;
}

/* ---- shapes and changes ---- */

void g4_convert_set_shape(struct g4_convert_tensor *t, const struct g4_tensor *source)
{
    t->source = source;
    t->dims = source->dims > 0 ? source->dims : 1;
    t->shape[0] = 1;
    for (int i = 0; i < source->dims; i++)
        t->shape[i] = source->shape[i];
    t->cols = t->shape[t->dims - 1];
    t->rows = 1;
    for (int i = 0; i + 1 < t->dims; i++)
        t->rows *= t->shape[i];
}

/* Side of the square patches that a row of 3 channels shows; 0 when it shows none. */
static size_t patch_side(size_t cols)
{
    size_t side = 1;
    while (3 * side * side < cols)
        side++;
    return 3 * side * side == cols ? side : 0;
}

void g4_convert_flatten_rows(struct g4_convert_tensor *t)
{
    if (t->dims < 2)
        return;
    t->rows = t->shape[0];
    t->cols = 1;
    for (int i = 1; i < t->dims; i++)
        t->cols *= t->shape[i];
}

/* What llama.cpp's files have in another order or form than the published ones. */
static int set_changes(struct g4_convert_tensor *t, const struct g4_model *model,
                       struct g4_err *err)
{
    const struct g4_weights_form *form = &model->weights.form;
    const bool unified = model->config.vision.unified;
    const bool patches = strcmp(t->name, "v.patch_embd.weight") == 0;
    if (patches || (unified && begins(t->name, "v.patch_norm.1."))) {
        g4_convert_flatten_rows(t);
        const size_t side = patch_side(t->cols);
        if (side == 0)
            return g4_err_set(err, G4_EINPUT, "'%s': tensor '%s': rows of %zu numbers are no patch",
                              model->path, t->source->name, t->cols);
        if (!form->channels_first)
            t->change = G4_CHANGE_CHANNELS_FIRST;
        if (patches && !unified) {
            const size_t shape[] = {t->rows, 3, side, side};
            t->dims = 4;
            memcpy(t->shape, shape, sizeof shape);
        }
    } else if (unified && strcmp(t->name, "v.position_embd.weight") == 0) {
        if (t->dims != 3)
            return g4_err_set(err, G4_EINPUT, "'%s': tensor '%s': %d axes, expected 3", model->path,
                              t->source->name, t->dims);
        if (!form->positions_by_axis) {
            t->change = G4_CHANGE_BY_AXIS;
            t->shape[0] = t->source->shape[1];
            t->shape[1] = t->source->shape[0];
        }
    } else if (strstr(t->name, ".per_dim_scale.")) {
        if (!form->softplus_applied)
            t->change = G4_CHANGE_SOFTPLUS;
    } else if (strstr(t->name, ".conv_dw.") && t->dims == 3 && t->shape[1] == 1) {
        t->dims = 2;
        t->shape[1] = t->shape[2];
    }
    return 0;
}

/* ---- types ---- */

struct counts {
    size_t values, downs; /* tensors called attn_v; layers */
    size_t value;         /* of those, which comes next */
    bool own_head;
};

/* Of n tensors those that Q4_K_M writes in more bits: the first eighth, the last, and every third
 * between. */
static bool gets_more_bits(size_t i, size_t n)
{
    return i < n / 8 || i >= 7 * n / 8 || (i - n / 8) % 3 == 2;
}

static enum g4_dtype fit(enum g4_dtype dtype, size_t cols)
{
    if (cols % g4_dtype_info(dtype)->block == 0)
        return dtype;
    dtype = dtype == G4_DTYPE_Q4_K ? G4_DTYPE_Q5_0 : G4_DTYPE_Q8_0;
    return cols % g4_dtype_info(dtype)->block == 0 ? dtype : G4_DTYPE_BF16;
}

static enum g4_dtype sixteen_bits(const struct g4_tensor *source)
{
    return source->dtype == G4_DTYPE_F16 ? G4_DTYPE_F16 : G4_DTYPE_BF16;
}

static enum g4_dtype text_dtype(const struct g4_convert_tensor *t, enum g4_convert_type type,
                                struct counts *counts)
{
    const struct g4_convert_recipe *recipe = &recipes[type];
    const bool embedding =
        strcmp(t->name, "token_embd.weight") == 0 || begins(t->name, "per_layer_token_embd.");
    if (t->dims < 2 || strstr(t->name, "_norm.weight") || strstr(t->name, ".ffn_gate_inp."))
        return G4_DTYPE_F32;
    if (type == G4_CONVERT_BF16)
        return G4_DTYPE_BF16;
    if (begins(t->name, "per_layer_model_proj."))
        return sixteen_bits(t->source);
    if (strcmp(t->name, "output.weight") == 0 || (embedding && !counts->own_head))
        return fit(recipe->second, t->cols);
    bool more = false;
    if (strstr(t->name, ".attn_v."))
        more = gets_more_bits(counts->value++, counts->values);
    else if (strstr(t->name, ".ffn_down"))
        more = gets_more_bits((size_t)layer_of(t->name), counts->downs);
    return fit(type == G4_CONVERT_Q4_K_M && more ? recipe->second : recipe->first, t->cols);
}

static enum g4_dtype media_dtype(const struct g4_convert_tensor *t)
{
    if (t->dims < 2 || t->change == G4_CHANGE_SOFTPLUS || strstr(t->name, "conv1d") ||
        strstr(t->name, ".conv_dw.") || begins(t->name, "a.input_projection.") ||
        strstr(t->name, ".patch_embd.") || strstr(t->name, ".position_embd."))
        return G4_DTYPE_F32;
    return sixteen_bits(t->source);
}

/* ---- plans ---- */

/* Layers in their order behind what belongs to none. */
static int compare_tensors(const void *a, const void *b)
{
    const struct g4_convert_tensor *x = a, *y = b;
    const int left = layer_of(x->name), right = layer_of(y->name);
    if (left != right && (x->name[0] == y->name[0] || left < 0 || right < 0))
        return left < right ? -1 : 1;
    return strcmp(x->name, y->name);
}

int g4_convert_set_name(struct g4_convert_tensor *t, const char *name, const char *ending,
                        struct g4_err *err)
{
    if (asprintf(&t->name, "%s%s", name, ending) >= 0)
        return 0;
    t->name = NULL;
    return g4_err_nomem(err, strlen(name) + strlen(ending), "a tensor's name");
}

/* The tensors of a part under their names in its file; types are still to be chosen. */
static int collect(struct g4_convert *plan, const struct g4_model *model, enum part part,
                   struct g4_err *err)
{
    const struct g4_weights *weights = &model->weights;
    char stored[G4_NAME_BYTES];
    *plan = (struct g4_convert){.model = model};
    int status = g4_alloc((void **)&plan->tensors, weights->count + 1, /* and one that is made */
                          sizeof *plan->tensors, "the list of tensors", err);
    for (size_t i = 0; status == 0 && i < weights->count; i++) {
        struct g4_convert_tensor *t = &plan->tensors[plan->count];
        if (part_of(stored, weights->published[i]) != part || is_dead(model, stored))
            continue;
        if ((status = g4_convert_set_name(t, stored, "", err)) < 0)
            break;
        plan->count++;
        g4_convert_set_shape(t, weights->sorted[i]);
        status = set_changes(t, model, err);
        if (status == 0 && t->dims > 4)
            status = g4_err_set(err, G4_EINPUT, "'%s': tensor '%s': %d axes, at most 4",
                                model->path, t->source->name, t->dims);
    }
    return status;
}

/* Rotation factors of the full layers, which published safetensors have as a number. */
static int add_rope_factors(struct g4_convert *plan, struct g4_err *err)
{
    const struct g4_text_config *text = &plan->model->config.text;
    struct g4_convert_tensor *t = &plan->tensors[plan->count];
    size_t head = 0;
    for (size_t i = 0; i < text->num_hidden_layers; i++)
        if (text->layer[i].full)
            head = text->layer[i].head_dim;
    if (head == 0 || g4_weights_find(&plan->model->weights, "rope_freqs.weight"))
        return 0;
    *t = (struct g4_convert_tensor){.dtype = G4_DTYPE_F32,
                                    .dims = 1,
                                    .shape = {head / 2},
                                    .rows = 1,
                                    .cols = head / 2,
                                    .change = G4_CHANGE_ROPE_FACTORS};
    t->turned = (size_t)((double)head * text->rope_full.partial_rotary_factor / 2);
    plan->count++;
    return g4_convert_set_name(t, "rope_freqs.weight", "", err);
}

int g4_convert_text(struct g4_convert *plan, const struct g4_model *model,
                    enum g4_convert_type type, struct g4_err *err)
{
    struct counts counts = {.downs = model->config.text.num_hidden_layers};
    assert(type < G4_CONVERT_GGUF_TYPES);
    int status = collect(plan, model, TEXT, err);
    if (status == 0)
        status = add_rope_factors(plan, err);
    if (status < 0) {
        g4_convert_release(plan);
        return status;
    }
    qsort(plan->tensors, plan->count, sizeof *plan->tensors, compare_tensors);
    for (size_t i = 0; i < plan->count; i++) {
        counts.values += strstr(plan->tensors[i].name, ".attn_v.") != NULL;
        counts.own_head |= strcmp(plan->tensors[i].name, "output.weight") == 0;
    }
    for (size_t i = 0; i < plan->count; i++)
        plan->tensors[i].dtype = text_dtype(&plan->tensors[i], type, &counts);
    return 0;
}

int g4_convert_media(struct g4_convert *plan, const struct g4_model *model, struct g4_err *err)
{
    int status = collect(plan, model, MEDIA, err);
    if (status < 0) {
        g4_convert_release(plan);
        return status;
    }
    qsort(plan->tensors, plan->count, sizeof *plan->tensors, compare_tensors);
    for (size_t i = 0; i < plan->count; i++)
        plan->tensors[i].dtype = media_dtype(&plan->tensors[i]);
    return 0;
}

void g4_convert_release(struct g4_convert *plan)
{
    for (size_t i = 0; i < plan->count; i++)
        free(plan->tensors[i].name);
    free(plan->tensors);
    *plan = (struct g4_convert){0};
}

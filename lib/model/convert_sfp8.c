/*
 * convert_sfp8.c - the list of tensors of a safetensors file with SFP8.
 *
 * Tensors of a GGUF model go back to the form of published files first.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/mem.h"
#include "lib/model/convert_parts.h"

static const char rope_factors[] = "rope_freqs.weight";

/* A factor from here on stops a pair from turning. */
static const float no_turn = 1e29f;

/* How many pairs turn, of the n that the tensor has factors for; more than n: it holds more than
 * ones and what stops pairs. */
static size_t turning_pairs(const struct g4_tensor *factors, size_t n)
{
    size_t turning = 0;
    while (turning < n && g4_tensor_get(factors, turning) == 1.0f)
        turning++;
    for (size_t i = turning; i < n; i++)
        if (!(g4_tensor_get(factors, i) >= no_turn))
            return SIZE_MAX;
    return turning;
}

bool g4_convert_rotary_factor(double *factor, const struct g4_model *model)
{
    const struct g4_tensor *factors = g4_weights_find(&model->weights, rope_factors);
    const size_t n = factors ? g4_tensor_count(factors) : 0;
    if (n == 0 || model->config.text.rope_full.partial_rotary_factor != 1)
        return false;
    const size_t turning = turning_pairs(factors, n);
    *factor = (double)turning / (double)n;
    return turning <= n && (size_t)(*factor * (double)n) == turning;
}

/* ---- the published form ---- */

static bool ends(const char *name, const char *ending)
{
    const size_t n = strlen(name), m = strlen(ending);
    return n >= m && strcmp(name + n - m, ending) == 0;
}

/* The reverse of what convert.c does to tensors on their way into GGUF files. */
static int set_published(struct g4_convert_tensor *t, const struct g4_model *model,
                         const char *name, struct g4_err *err)
{
    const struct g4_weights_form *form = &model->weights.form;
    const bool patches =
        ends(name, ".patch_embedder.input_proj.weight") || ends(name, ".patch_dense.weight");
    if (patches || strstr(name, ".patch_ln1.")) {
        g4_convert_flatten_rows(t);
        if (t->cols % 3 != 0)
            return g4_err_set(err, G4_EINPUT, "'%s': tensor '%s': rows of %zu numbers are no patch",
                              model->path, t->source->name, t->cols);
        if (patches) {
            t->dims = 2;
            t->shape[1] = t->cols;
        }
        if (form->channels_first)
            t->change = G4_CHANGE_CHANNELS_LAST;
    } else if (ends(name, ".vision_embedder.pos_embedding") && form->positions_by_axis) {
        if (t->dims != 3)
            return g4_err_set(err, G4_EINPUT, "'%s': tensor '%s': %d axes, expected 3", model->path,
                              t->source->name, t->dims);
        t->change = G4_CHANGE_BY_AXIS;
        t->shape[0] = t->source->shape[1];
        t->shape[1] = t->source->shape[0];
    } else if (ends(name, ".per_dim_scale") && form->softplus_applied) {
        t->change = G4_CHANGE_SOFTPLUS_BACK;
    } else if (ends(name, ".depthwise_conv1d.weight") && t->dims == 2) {
        t->dims = 3;
        t->shape[2] = t->shape[1];
        t->shape[1] = 1;
    }
    return 0;
}

/* ---- the plan ---- */

static bool becomes_sfp8(const struct g4_convert_tensor *t, const char *published)
{
    return t->dims >= 2 && t->dims <= 3 && !strstr(published, "conv") &&
           !strstr(published, "pos_embedding") && !strstr(published, "position_embedding") &&
           !strstr(published, ".router.") && !strstr(published, ".embedding_projection.") &&
           !strstr(published, "norm");
}

/* Adds those tensors of the model that are rounded, or the others. */
static int add_numbers(struct g4_convert *plan, bool rounded, struct g4_err *err)
{
    const struct g4_weights *weights = &plan->model->weights;
    const bool stored_so = weights->store == G4_STORE_SAFETENSORS;
    double factor;
    const bool no_factors = !stored_so && g4_convert_rotary_factor(&factor, plan->model);
    int status = 0;
    for (size_t i = 0; i < weights->count && status == 0; i++) {
        const struct g4_tensor *source = weights->sorted[i];
        const char *published = weights->published[i];
        struct g4_convert_tensor t = {0};
        if (no_factors && strcmp(published, rope_factors) == 0)
            continue;
        g4_convert_set_shape(&t, source);
        t.dims = source->dims;
        if (!stored_so)
            status = set_published(&t, plan->model, published, err);
        if (status < 0 || becomes_sfp8(&t, published) != rounded)
            continue;
        t.dtype = rounded ? G4_DTYPE_SFP8 : source->dtype;
        status = g4_convert_set_name(&t, stored_so ? source->name : published, "", err);
        if (status == 0)
            plan->tensors[plan->count++] = t;
    }
    return status;
}

static int add_scales(struct g4_convert *plan, struct g4_err *err)
{
    const size_t numbers = plan->count;
    int status = 0;
    for (size_t i = 0; i < numbers && status == 0; i++) {
        struct g4_convert_tensor *t = &plan->tensors[plan->count];
        if (plan->tensors[i].dtype != G4_DTYPE_SFP8)
            continue;
        *t = (struct g4_convert_tensor){.dtype = G4_DTYPE_F32,
                                        .dims = 1,
                                        .shape = {1},
                                        .rows = 1,
                                        .cols = 1,
                                        .change = G4_CHANGE_SCALE_OF,
                                        .index = i};
        plan->count++;
        status = g4_convert_set_name(t, plan->tensors[i].name, ".scale", err);
    }
    return status;
}

/* Tensors as they are first, then the rounded ones, then their scales: numbers that are all known
 * only when the others are written. */
int g4_convert_sfp8(struct g4_convert *plan, const struct g4_model *model, struct g4_err *err)
{
    *plan = (struct g4_convert){.model = model};
    int status = g4_alloc((void **)&plan->tensors, 2 * model->weights.count, sizeof *plan->tensors,
                          "the list of tensors", err);
    if (status == 0)
        status = add_numbers(plan, false, err);
    if (status == 0)
        status = add_numbers(plan, true, err);
    if (status == 0)
        status = add_scales(plan, err);
    if (status < 0)
        g4_convert_release(plan);
    return status;
}

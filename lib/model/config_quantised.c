/*
 * config_quantised.c - quantization_config: which forms of quantised safetensors are read.
 *
 *     compressed-tensors, pack-quantized: int4 in groups with a scale each
 *     gemma: 2, 4 and 8 bits with a scale per row; the widths are told by the shapes of the tensors
 */
#include <stdio.h>
#include <string.h>

#include "lib/model/config_parts.h"

#define CONFIG "quantization_config"

/* Well-formed, but a form that is not read: "'what': path.key: expected FORMAT, got VALUE". */
static int refuse(const struct g4_json_at *at, const char *key, struct g4_err *err,
                  const char *expected)
{
    g4_json_refuse(at, key, err, "%s", expected);
    if (err)
        err->code = G4_EUNSUPPORTED;
    return G4_EUNSUPPORTED;
}

static int need_string(const struct g4_json_at *at, const char *key, const char *value,
                       struct g4_err *err)
{
    const char *found = json_string_value(json_object_get(at->object, key));
    char expected[40];
    snprintf(expected, sizeof expected, "\"%s\"", value);
    return found && strcmp(found, value) == 0 ? 0 : refuse(at, key, err, expected);
}

/* How the weights of a group of modules are made. */
static int check_weights(const struct g4_json_at *at, struct g4_err *err)
{
    const json_int_t size = json_integer_value(json_object_get(at->object, "group_size"));
    const json_t *order = json_object_get(at->object, "actorder");
    const char *order_name = json_string_value(order);
    if (json_integer_value(json_object_get(at->object, "num_bits")) != 4)
        return refuse(at, "num_bits", err, "4");
    int status = need_string(at, "type", "int", err);
    if (status == 0 && !json_is_true(json_object_get(at->object, "symmetric")))
        status = refuse(at, "symmetric", err, "true");
    if (status == 0)
        status = need_string(at, "strategy", "group", err);
    if (status == 0 && size != 32 && size != 64 && size != 128)
        status = refuse(at, "group_size", err, "32, 64 or 128");
    /* "group" needs the columns put into another order; "weight" and "static" do not */
    if (status == 0 && order && !json_is_null(order) && !json_is_false(order) &&
        !(order_name && (strcmp(order_name, "weight") == 0 || strcmp(order_name, "static") == 0)))
        status = refuse(at, "actorder", err, "null, \"weight\" or \"static\"");
    return status;
}

/* A group of modules; what their activations are rounded to would have to be computed. */
static int check_group(const struct g4_json_at *at, struct g4_err *err)
{
    static const char *const rounded[] = {"input_activations", "output_activations"};
    const json_t *weights = NULL;
    char path[80];
    int status = 0;
    if (json_is_string(json_object_get(at->object, "format")))
        status = need_string(at, "format", "pack-quantized", err);
    for (size_t i = 0; status == 0 && i < sizeof rounded / sizeof rounded[0]; i++)
        if (json_is_object(json_object_get(at->object, rounded[i])))
            status = refuse(at, rounded[i], err, "null");
    if (status == 0)
        status = g4_json_child(at, "weights", true, JSON_OBJECT, &weights, err);
    if (status < 0)
        return status;
    snprintf(path, sizeof path, "%.71s.weights", at->path);
    const struct g4_json_at inner = {at->what, path, weights};
    return check_weights(&inner, err);
}

static int check_groups(const struct g4_json_at *at, const json_t *groups, struct g4_err *err)
{
    const char *name;
    json_t *group;
    int status = 0;
    json_object_foreach((json_t *)(uintptr_t)groups, name, group)
    {
        char path[72];
        const json_t *object = NULL;
        snprintf(path, sizeof path, "%s.%.30s", at->path, name);
        const struct g4_json_at inner = {at->what, path, group};
        const struct g4_json_at all = {at->what, at->path, groups};
        if (status == 0)
            status = g4_json_child(&all, name, true, JSON_OBJECT, &object, err);
        if (status == 0)
            status = check_group(&inner, err);
    }
    return status;
}

static int check_compressed(const struct g4_json_at *at, struct g4_err *err)
{
    const json_t *groups = NULL, *transform = json_object_get(at->object, "transform_config");
    int status = need_string(at, "format", "pack-quantized", err);
    /* rotations of rows, to be made at run time */
    if (status == 0 && json_object_size(json_object_get(transform, "config_groups")) > 0)
        status = refuse(at, "transform_config", err, "{}");
    if (status == 0)
        status = g4_json_child(at, "config_groups", true, JSON_OBJECT, &groups, err);
    if (status < 0)
        return status;
    const struct g4_json_at inner = {at->what, CONFIG ".config_groups", groups};
    return check_groups(&inner, groups, err);
}

int g4_config_check_quantised(const struct g4_json_at *at, struct g4_err *err)
{
    const json_t *quantised = NULL;
    int status = g4_json_child(at, CONFIG, false, JSON_OBJECT, &quantised, err);
    if (status < 0 || !quantised)
        return status;
    const struct g4_json_at inner = {at->what, CONFIG, quantised};
    const char *method = json_string_value(json_object_get(quantised, "quant_method"));
    if (method && strcmp(method, "gemma") == 0)
        return 0;
    if (method && strcmp(method, "compressed-tensors") == 0)
        return check_compressed(&inner, err);
    return refuse(&inner, "quant_method", err, "\"compressed-tensors\" or \"gemma\"");
}

bool g4_config_weights_readable(const json_t *root)
{
    const struct g4_json_at at = {"config.json", "", root};
    return g4_config_check_quantised(&at, NULL) == 0;
}

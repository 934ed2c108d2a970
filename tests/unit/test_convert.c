/*
 * test_convert.c - models written anew: the same numbers in the same places, the types that are
 * asked for, and the same bytes as the files that llama.cpp made of the demo model.
 */
#include "tests/unit/convert_fixture.h"

#include <math.h>

#include "bin/model_quantize.h"
#include "decoder/tokenizer_metadata.h"
#include "lib/format/gguf.h"
#include "lib/model/convert.h"
#include "lib/model/convert_metadata.h"
#include "lib/model/convert_stream.h"
#include "lib/tensor/quant.h"

#define DEMO_GGUF DEMO "/gguf/"

static char *folder;

static int make_folder(void **state)
{
    (void)state;
    folder = fixture_folder();
    return 0;
}

static int remove_folder(void **state)
{
    (void)state;
    fixture_remove(folder);
    return 0;
}

static int quantize(const char *in, enum g4_convert_type type, const char *name, int threads,
                    struct g4_err *err)
{
    const struct g4_quantize_options options = {
        .in = in, .out = fixture_path(folder, name), .type = type, .threads = threads};
    return g4_model_quantize(&options, err);
}

static void open_gguf(struct g4_gguf *file, const char *path)
{
    struct g4_err err = {0};
    if (g4_gguf_open(file, path, &err) < 0)
        fail_msg("%s", err.text);
}

static void open_model(struct g4_model *model, const char *path)
{
    struct g4_err err = {0};
    if (g4_model_open(model, path, "", &err) < 0)
        fail_msg("%s", err.text);
}

/* The same tensors with the same bytes. Of types with a search only type and shape; a table of
 * logarithms may be off by a rounding. */
static void assert_tensors_equal(const struct g4_gguf *a, const struct g4_gguf *b)
{
    assert_int_equal(a->count, b->count);
    for (size_t i = 0; i < a->count; i++) {
        const struct g4_tensor *x = &a->tensors[i], *y = &b->tensors[i];
        assert_string_equal(x->name, y->name);
        assert_string_equal(g4_dtype_info(x->dtype)->name, g4_dtype_info(y->dtype)->name);
        assert_int_equal(x->dims, y->dims);
        assert_memory_equal(x->shape, y->shape, (size_t)x->dims * sizeof x->shape[0]);
        if (strstr(x->name, "per_dim_scale"))
            for (size_t k = 0; k < x->shape[0]; k++)
                assert_true(fabsf(g4_tensor_get(x, k) - g4_tensor_get(y, k)) < 1e-6f);
        else if (x->dtype != G4_DTYPE_Q6_K && memcmp(x->data, y->data, x->bytes) != 0)
            fail_msg("%s: bytes differ", x->name);
    }
}

static void assert_files_equal(const char *path, const char *other)
{
    struct g4_gguf a, b;
    open_gguf(&a, path);
    open_gguf(&b, other);
    assert_tensors_equal(&a, &b);
    g4_gguf_close(&a);
    g4_gguf_close(&b);
}

static void same_bytes_as_other_writers(void **state)
{
    static const enum g4_convert_type types[] = {G4_CONVERT_BF16, G4_CONVERT_Q8_0, G4_CONVERT_Q4_0};
    struct g4_err err = {0};
    char name[64], other[128];
    (void)state;
    for (size_t i = 0; i < 3; i++) {
        const char *type = g4_convert_recipe(types[i])->name;
        snprintf(name, sizeof name, "%s/g4-demo-%s.gguf", type, type);
        snprintf(other, sizeof other, DEMO_GGUF "g4-demo-%s.gguf", type);
        mkdir(fixture_path(folder, type), 0777);
        if (quantize(DEMO, types[i], name, 2, &err) < 0)
            fail_msg("%s", err.text);
        assert_files_equal(fixture_path(folder, name), other);
        snprintf(name, sizeof name, "%s/mmproj-g4-demo-bf16.gguf", type);
        assert_files_equal(fixture_path(folder, name), DEMO_GGUF "mmproj-g4-demo-bf16.gguf");
    }
}

static void assert_value_equal(const struct g4_gguf *a, const struct g4_gguf *b, const char *key)
{
    const struct g4_gguf_value *x = g4_gguf_value(a, key), *y = g4_gguf_value(b, key);
    if (!x || !y || x->type != y->type || x->array != y->array || x->count != y->count ||
        x->end - x->data != y->end - y->data ||
        memcmp(x->data, y->data, (size_t)(x->end - x->data)) != 0)
        fail_msg("%s differs", key);
}

static int32_t type_of_token(const struct g4_gguf *file, size_t id)
{
    return (int32_t)g4_gguf_int_at(g4_gguf_value(file, "tokenizer.ggml.token_type"), id);
}

/* Every key that the other writer gave the demo model, but what names it; the types of special
 * tokens are those that its own loader asks for. */
static void same_metadata_as_other_writers(void **state)
{
    static const char *const own[] = {"general.name", "general.size_label",
                                      "tokenizer.ggml.token_type"};
    struct g4_gguf a, b;
    (void)state;
    open_gguf(&a, fixture_path(folder, "q4_0/g4-demo-q4_0.gguf"));
    open_gguf(&b, DEMO_GGUF "g4-demo-q4_0.gguf");
    for (size_t i = 0; i < b.value_count; i++) {
        bool compare = true;
        for (size_t k = 0; k < sizeof own / sizeof *own; k++)
            compare &= strcmp(b.values[i].key, own[k]) != 0;
        if (compare)
            assert_value_equal(&a, &b, b.values[i].key);
    }
    assert_int_equal(type_of_token(&a, 2), 3);   /* <bos>: control */
    assert_int_equal(type_of_token(&a, 15), 3);  /* <|turn> */
    assert_int_equal(type_of_token(&a, 7), 4);   /* <|tool_call>: to be seen in the text */
    assert_int_equal(type_of_token(&a, 30), 6);  /* a byte */
    assert_int_equal(type_of_token(&a, 300), 1); /* a piece */
    g4_gguf_close(&a);
    g4_gguf_close(&b);
}

/* From the GGUF form, whose numbers are in their places already: the same file as from the other.
 * The towers that lie beside it stay what they are. */
static void gguf_is_handed_on(void **state)
{
    struct g4_err err = {0};
    struct g4_gguf a, b;
    (void)state;
    if (quantize(fixture_path(folder, "bf16/g4-demo-bf16.gguf"), G4_CONVERT_Q4_0,
                 "bf16/g4-demo-q4_0.gguf", 2, &err) < 0)
        fail_msg("%s", err.text);
    open_gguf(&a, fixture_path(folder, "bf16/g4-demo-q4_0.gguf"));
    open_gguf(&b, fixture_path(folder, "q4_0/g4-demo-q4_0.gguf"));
    assert_tensors_equal(&a, &b);
    for (size_t i = 0; i < b.value_count; i++)
        if (strcmp(b.values[i].key, "general.name") != 0)
            assert_value_equal(&a, &b, b.values[i].key);
    g4_gguf_close(&a);
    g4_gguf_close(&b);
    if (quantize(DEMO_GGUF "g4-demo-bf16.gguf", G4_CONVERT_Q8_0, "b.gguf", 2, &err) < 0)
        fail_msg("%s", err.text);
    assert_files_equal(fixture_path(folder, "mmproj-b-bf16.gguf"),
                       DEMO_GGUF "mmproj-g4-demo-bf16.gguf");
}

static void any_number_of_threads(void **state)
{
    static const char *const names[] = {"one", "three"};
    struct g4_err err = {0};
    size_t size[2];
    char *bytes[2];
    (void)state;
    for (int i = 0; i < 2; i++) {
        if (quantize(DEMO, G4_CONVERT_Q4_K_M, names[i], 1 + 2 * i, &err) < 0)
            fail_msg("%s", err.text);
        bytes[i] = fixture_read(fixture_path(folder, names[i]), &size[i]);
    }
    assert_int_equal(size[0], size[1]);
    assert_memory_equal(bytes[0], bytes[1], size[0]);
    free(bytes[0]);
    free(bytes[1]);
}

/* ---- types ---- */

static enum g4_dtype type_in(const struct g4_convert *plan, const char *name)
{
    for (size_t i = 0; i < plan->count; i++)
        if (strcmp(plan->tensors[i].name, name) == 0)
            return plan->tensors[i].dtype;
    return G4_DTYPES;
}

static void plan_text(struct g4_convert *plan, struct g4_model *model, const char *path,
                      enum g4_convert_type type)
{
    struct g4_err err = {0};
    open_model(model, path);
    if (g4_convert_text(plan, model, type, &err) < 0)
        fail_msg("%s", err.text);
}

static void mixed_recipe(void **state)
{
    struct g4_convert plan;
    struct g4_model model;
    char name[64];
    (void)state;
    plan_text(&plan, &model, DEMO, G4_CONVERT_Q4_K_M);
    /* 8 layers: the first, the last, and from the second on every third */
    for (int i = 0; i < 8; i++) {
        const bool more = i == 0 || i == 3 || i == 6 || i == 7;
        snprintf(name, sizeof name, "blk.%d.ffn_down.weight", i);
        assert_int_equal(type_in(&plan, name), more ? G4_DTYPE_Q6_K : G4_DTYPE_Q4_K);
    }
    /* the 4 layers that have values: 0 of the first eighth, the last, 2; rows of 128 fall back */
    for (int i = 0; i < 4; i++) {
        snprintf(name, sizeof name, "blk.%d.attn_v.weight", i);
        assert_int_equal(type_in(&plan, name), i >= 2 ? G4_DTYPE_Q8_0 : G4_DTYPE_Q5_0);
    }
    assert_int_equal(type_in(&plan, "blk.4.attn_v.weight"), G4_DTYPES); /* borrows */
    assert_int_equal(type_in(&plan, "blk.4.attn_k.weight"), G4_DTYPES);
    assert_int_equal(type_in(&plan, "blk.4.attn_k_norm.weight"), G4_DTYPES);
    assert_int_equal(type_in(&plan, "token_embd.weight"), G4_DTYPE_Q8_0);
    assert_int_equal(type_in(&plan, "per_layer_token_embd.weight"), G4_DTYPE_Q6_K);
    assert_int_equal(type_in(&plan, "per_layer_model_proj.weight"), G4_DTYPE_BF16);
    assert_int_equal(type_in(&plan, "rope_freqs.weight"), G4_DTYPE_F32);
    assert_int_equal(type_in(&plan, "blk.0.attn_norm.weight"), G4_DTYPE_F32);
    assert_int_equal(type_in(&plan, "blk.0.layer_output_scale.weight"), G4_DTYPE_F32);
    g4_convert_release(&plan);
    g4_model_close(&model);
}

static void experts(void **state)
{
    struct g4_convert plan;
    struct g4_model model;
    (void)state;
    plan_text(&plan, &model, GOLDEN "decoder-26b", G4_CONVERT_Q4_0);
    assert_int_equal(type_in(&plan, "blk.0.ffn_gate_inp.weight"), G4_DTYPE_F32);
    assert_int_equal(type_in(&plan, "blk.0.ffn_gate_inp.scale"), G4_DTYPE_F32);
    assert_int_equal(type_in(&plan, "blk.0.ffn_down_exps.scale"), G4_DTYPE_F32);
    assert_int_equal(type_in(&plan, "blk.0.ffn_gate_up_exps.weight"), G4_DTYPE_Q4_0);
    /* rows of 24: no block of any type */
    assert_int_equal(type_in(&plan, "blk.0.ffn_down_exps.weight"), G4_DTYPE_BF16);
    for (size_t i = 0; i < plan.count; i++)
        assert_true(plan.tensors[i].rows * plan.tensors[i].cols > 0);
    g4_convert_release(&plan);
    g4_model_close(&model);
}

/* ---- numbers that move ---- */

struct towers {
    struct g4_model model;
    struct g4_convert plan;
    struct memory data;
};

static void make_towers(struct towers *t, const char *path)
{
    struct g4_err err = {0};
    struct g4_exec exec;
    *t = (struct towers){0};
    open_model(&t->model, path);
    assert_int_equal(g4_exec_open(&exec, 2, &err), 0);
    if (g4_convert_media(&t->plan, &t->model, &err) < 0 ||
        g4_convert_stream(&t->plan, &exec, to_memory, &t->data, "", &err) < 0)
        fail_msg("%s", err.text);
    g4_exec_close(&exec);
}

static void release_towers(struct towers *t)
{
    free(t->data.bytes);
    g4_convert_release(&t->plan);
    g4_model_close(&t->model);
}

/* A tensor of what was made, as the plan says it lies. */
static struct g4_tensor made(const struct towers *t, const char *name)
{
    size_t at = 0;
    for (size_t i = 0; i < t->plan.count; i++) {
        const struct g4_convert_tensor *p = &t->plan.tensors[i];
        struct g4_tensor tensor = {.name = p->name, .dtype = p->dtype, .dims = p->dims};
        assert_true(g4_dtype_row_bytes(p->dtype, p->rows * p->cols, &tensor.bytes));
        memcpy(tensor.shape, p->shape, sizeof tensor.shape);
        tensor.data = t->data.bytes + at;
        at += tensor.bytes;
        assert_true(at <= t->data.n);
        if (strcmp(p->name, name) == 0)
            return tensor;
    }
    fail_msg("%s: not made", name);
    return (struct g4_tensor){0};
}

static void patches_by_channel(const struct towers *t, const char *name, const char *published,
                               size_t side)
{
    const struct g4_tensor new = made(t, name);
    const struct g4_tensor *old = g4_weights_find(&t->model.weights, published);
    const size_t cols = 3 * side * side, rows = g4_tensor_count(old) / cols;
    assert_int_equal(g4_tensor_count(&new), rows * cols);
    for (size_t r = 0; r < rows; r++)
        for (size_t c = 0; c < 3; c++)
            for (size_t i = 0; i < side * side; i++)
                assert_true(g4_tensor_get(&new, r * cols + c * side * side + i) ==
                            g4_tensor_get(old, r * cols + i * 3 + c));
}

static void towers_change_places(void **state)
{
    struct towers t;
    (void)state;
    make_towers(&t, GOLDEN "vision-large");
    patches_by_channel(&t, "v.patch_embd.weight",
                       "model.vision_tower.patch_embedder.input_proj.weight",
                       t.model.config.vision.patch_size);
    const struct g4_tensor patches = made(&t, "v.patch_embd.weight");
    assert_true(patches.dims == 4 && patches.shape[1] == 3 && patches.dtype == G4_DTYPE_F32);
    assert_int_equal(made(&t, "v.std_bias").dtype, G4_DTYPE_F32);
    assert_int_equal(made(&t, "v.position_embd.weight").dtype, G4_DTYPE_F32);
    assert_int_equal(made(&t, "v.blk.0.attn_q.weight").dtype, G4_DTYPE_BF16);
    release_towers(&t);

    make_towers(&t, GOLDEN "audio-e2b");
    const struct g4_tensor scale = made(&t, "a.blk.0.per_dim_scale.weight");
    const struct g4_tensor *old =
        g4_weights_find(&t.model.weights, "model.audio_tower.layers.0.self_attn.per_dim_scale");
    for (size_t k = 0; k < g4_tensor_count(old); k++)
        assert_true(fabs(log1p(exp((double)g4_tensor_get(old, k))) - g4_tensor_get(&scale, k)) <
                    1e-6);
    assert_int_equal(made(&t, "a.blk.0.conv_dw.weight").dims, 2);
    assert_int_equal(made(&t, "a.blk.0.conv_dw.weight").dtype, G4_DTYPE_F32);
    assert_int_equal(made(&t, "a.conv1d.1.weight").dims, 4);
    assert_int_equal(made(&t, "a.input_projection.weight").dtype, G4_DTYPE_F32);
    assert_int_equal(made(&t, "a.blk.0.ffn_up.input_min").shape[0], 1);
    release_towers(&t);
}

static void places_without_towers(void **state)
{
    static const char table[] = "model.vision_embedder.pos_embedding";
    struct towers t;
    (void)state;
    make_towers(&t, GOLDEN "unified-12b");
    const size_t side =
        t.model.config.vision.patch_size * t.model.config.vision.pooling_kernel_size;
    patches_by_channel(&t, "v.patch_embd.weight", "model.vision_embedder.patch_dense.weight", side);
    patches_by_channel(&t, "v.patch_norm.1.weight", "model.vision_embedder.patch_ln1.weight", side);
    patches_by_channel(&t, "v.patch_norm.1.bias", "model.vision_embedder.patch_ln1.bias", side);
    assert_int_equal(made(&t, "v.patch_embd.weight").dims, 2);
    const struct g4_tensor new = made(&t, "v.position_embd.weight");
    const struct g4_tensor *old = g4_weights_find(&t.model.weights, table);
    const size_t positions = old->shape[0], width = old->shape[2];
    assert_true(new.shape[0] == 2 && new.shape[1] == positions &&new.shape[2] == width);
    for (size_t axis = 0; axis < 2; axis++)
        for (size_t p = 0; p < positions; p++)
            for (size_t k = 0; k < width; k++)
                assert_true(g4_tensor_get(&new, (axis * positions + p) * width + k) ==
                            g4_tensor_get(old, (p * 2 + axis) * width + k));
    release_towers(&t);
}

/* ---- eight bits ---- */

/* A copy of a golden model with element 70 of a tensor set to the bits of a bf16. */
static const char *spoilt(const char *from, const char *tensor, uint16_t bits)
{
    struct g4_safetensors file;
    struct g4_err err = {0};
    char path[256];
    size_t n;
    snprintf(path, sizeof path, "%s/config.json", from);
    char *config = fixture_read(path, &n);
    fixture_write(folder, "spoilt/config.json", config, n);
    free(config);
    snprintf(path, sizeof path, "%s/model.safetensors", from);
    char *bytes = fixture_read(path, &n);
    assert_int_equal(g4_safetensors_parse(&file, (unsigned char *)bytes, n, path, &err), 0);
    const struct g4_tensor *t = g4_safetensors_find(&file, tensor);
    assert_non_null(t);
    memcpy(bytes + ((const char *)t->data - bytes) + 140, &bits, sizeof bits);
    g4_safetensors_close(&file);
    fixture_write(folder, "spoilt/model.safetensors", bytes, n);
    free(bytes);
    return fixture_path(folder, "spoilt");
}

/* A code has two bits of mantissa, or three from 2^-7 on: off by half a step at most. */
static void assert_near(const struct g4_tensor *old, const struct g4_tensor *codes, float scale)
{
    const size_t n = g4_tensor_count(old);
    float *y = malloc(n * sizeof *y);
    assert_non_null(y);
    g4_dequantise(G4_DTYPE_SFP8, y, codes->data, n);
    for (size_t k = 0; k < n; k++) {
        const float x = g4_tensor_get(old, k);
        if (!(fabsf(y[k] * scale - x) <= fabsf(x) / 8 + 1e-7f * scale))
            fail_msg("%s[%zu]: %g, was %g", old->name, k, (double)(y[k] * scale), (double)x);
    }
    free(y);
}

/* Matrices are codes with a scale, the rest is as it was. Returns how many scales are not 1. */
static size_t check_sfp8(const char *model, const char *name, size_t matrices)
{
    struct g4_safetensors old, new;
    struct g4_err err = {0};
    char path[512];
    size_t rounded = 0, scaled = 0;
    if (quantize(model, G4_CONVERT_SFP8, name, 2, &err) < 0)
        fail_msg("%s", err.text);
    snprintf(path, sizeof path, "%s/model.safetensors", model);
    assert_int_equal(g4_safetensors_open(&old, path, &err), 0);
    snprintf(path, sizeof path, "%s/%s/model.safetensors", folder, name);
    if (g4_safetensors_open(&new, path, &err) < 0)
        fail_msg("%s", err.text);
    for (size_t i = 0; i < old.count; i++) {
        const struct g4_tensor *x = &old.tensors[i], *y = g4_safetensors_find(&new, x->name);
        assert_true(y && y->dims == x->dims);
        snprintf(path, sizeof path, "%s.scale", x->name);
        const struct g4_tensor *scale = g4_safetensors_find(&new, path);
        if (scale) {
            const float s = g4_tensor_get(scale, 0);
            assert_true(y->dtype == G4_DTYPE_U8 && x->dims >= 2 && s >= 1);
            assert_near(x, y, s);
            scaled += s > 1;
            rounded++;
        } else {
            assert_int_equal(y->dtype, x->dtype);
            assert_memory_equal(y->data, x->data, x->bytes);
        }
    }
    assert_int_equal(new.count, old.count + rounded);
    assert_int_equal(rounded, matrices);
    g4_safetensors_close(&old);
    g4_safetensors_close(&new);
    return scaled;
}

static void sfp8(void **state)
{
    static const char q[] = "model.language_model.layers.1.self_attn.q_proj.weight";
    (void)state;
    assert_int_equal(check_sfp8(DEMO, "sfp8", 133), 0);
    const size_t before = check_sfp8(GOLDEN "decoder-12b", "before", 41);
    const char *large = spoilt(GOLDEN "decoder-12b", q, 0xc080); /* -4 */
    assert_int_equal(check_sfp8(large, "large", 41), before + 1);
}

/* ---- refusals ---- */

static int stream_text(const char *path, enum g4_convert_type type, struct g4_err *err)
{
    struct memory data = {0};
    struct g4_convert plan;
    struct g4_model model;
    struct g4_exec exec;
    plan_text(&plan, &model, path, type);
    assert_int_equal(g4_exec_open(&exec, 2, err), 0);
    int status = g4_convert_stream(&plan, &exec, to_memory, &data, "", err);
    g4_exec_close(&exec);
    g4_convert_release(&plan);
    g4_model_close(&model);
    free(data.bytes);
    return status;
}

static void odd_numbers(void **state)
{
    static const char q[] = "model.language_model.layers.1.self_attn.q_proj.weight";
    static const char model[] = GOLDEN "decoder-12b";
    struct g4_err err = {0};
    (void)state;
    assert_int_equal(stream_text(spoilt(model, q, 0x7fc0), G4_CONVERT_Q8_0, &err), G4_EINPUT);
    assert_message(&err, "row 1 holds a number that is not finite, or beyond the range of Q8_0");
    assert_message(&err, q);
    assert_int_equal(stream_text(spoilt(model, q, 0xff80), G4_CONVERT_Q4_0, &err), G4_EINPUT);
    /* 2^17 has no half for its scale, but a place in eight exponent bits */
    assert_int_equal(stream_text(spoilt(model, q, 0x4800), G4_CONVERT_Q4_0, &err), G4_EINPUT);
    assert_int_equal(stream_text(spoilt(model, q, 0x4800), G4_CONVERT_BF16, &err), 0);
}

static int failing_write(void *ctx, const void *data, size_t n, struct g4_err *err)
{
    (void)data;
    (void)n;
    return --*(int *)ctx < 0 ? g4_err_set(err, G4_EIO, "the disk is full") : 0;
}

static void writing_fails(void **state)
{
    struct g4_err err = {0};
    struct g4_convert plan;
    struct g4_model model;
    struct g4_exec exec;
    (void)state;
    plan_text(&plan, &model, DEMO, G4_CONVERT_Q8_0);
    assert_int_equal(g4_exec_open(&exec, 2, &err), 0);
    for (int after = 0; after < 3; after++) {
        int left = after;
        assert_int_equal(g4_convert_stream(&plan, &exec, failing_write, &left, "", &err), G4_EIO);
        assert_message(&err, "the disk is full");
        assert_int_equal(left, -1); /* and nobody tried again */
    }
    g4_exec_close(&exec);
    g4_convert_release(&plan);
    g4_model_close(&model);
}

static void refused(void **state)
{
    struct g4_err err = {0};
    struct g4_model model;
    (void)state;
    assert_int_equal(quantize(DEMO_GGUF "g4-demo-q4_0.gguf", G4_CONVERT_Q8_0, "x.gguf", 1, &err),
                     G4_EUNSUPPORTED);
    assert_message(&err, "is Q8_0: quantize starts from BF16, F16 or F32");
    assert_int_equal(quantize(fixture_path(folder, "sfp8"), G4_CONVERT_Q8_0, "x.gguf", 1, &err),
                     G4_EUNSUPPORTED);
    assert_int_equal(quantize(GOLDEN "vision-large", G4_CONVERT_BF16, "x.gguf", 1, &err),
                     G4_EINPUT);
    assert_message(&err, "missing");
    assert_int_not_equal(access(fixture_path(folder, "x.gguf"), F_OK), 0);

    open_model(&model, DEMO);
    assert_int_equal(g4_convert_check(&model, &err), 0);
    model.config.audio.attention_context_left = 14;
    assert_int_equal(g4_convert_check(&model, &err), G4_EUNSUPPORTED);
    assert_message(&err, "attention_context_left");
    model.config.audio.attention_context_left = 13;
    model.config.text.layer[1].head_dim++;
    assert_int_equal(g4_convert_check(&model, &err), G4_EUNSUPPORTED);
    assert_message(&err, "GGUF files have no place for this value");
    g4_model_close(&model);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(same_bytes_as_other_writers),
        cmocka_unit_test(same_metadata_as_other_writers),
        cmocka_unit_test(gguf_is_handed_on),
        cmocka_unit_test(any_number_of_threads),
        cmocka_unit_test(mixed_recipe),
        cmocka_unit_test(experts),
        cmocka_unit_test(towers_change_places),
        cmocka_unit_test(places_without_towers),
        cmocka_unit_test(sfp8),
        cmocka_unit_test(odd_numbers),
        cmocka_unit_test(writing_fails),
        cmocka_unit_test(refused),
    };
    return cmocka_run_group_tests(tests, make_folder, remove_folder);
}

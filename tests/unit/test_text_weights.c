/*
 * test_text_weights.c - forms in which files keep the same text model: experts with gate and up in
 * one tensor or in two, turning pairs by the configuration or by rope factors.
 */
#include <stdint.h>

#include "decoder/text_weights.h"
#include "lib/format/safetensors.h"
#include "tests/unit/model_fixture.h"

#define MODEL  GOLDEN "decoder-26b"
#define FUSED  "experts.gate_up_proj"
#define FACTOR "rope_freqs.weight"

/* A safetensors file in the making. */
struct writer {
    char *header;
    size_t header_bytes;
    FILE *text;
    unsigned char *data;
    size_t bytes;
};

static void put(struct writer *w, const char *name, const char *dtype, const size_t *shape,
                int dims, const void *data, size_t bytes)
{
    fprintf(w->text, "%s\"%s\":{\"dtype\":\"%s\",\"shape\":[", w->bytes ? "," : "{", name, dtype);
    for (int i = 0; i < dims; i++)
        fprintf(w->text, "%s%zu", i ? "," : "", shape[i]);
    fprintf(w->text, "],\"data_offsets\":[%zu,%zu]}", w->bytes, w->bytes + bytes);
    w->data = realloc(w->data, w->bytes + bytes);
    assert_non_null(w->data);
    memcpy(w->data + w->bytes, data, bytes);
    w->bytes += bytes;
}

/* The gate rows (half 0) or the up rows (half 1) of every expert, as a tensor of their own. */
static void put_half(struct writer *w, const struct g4_tensor *t, size_t half)
{
    const size_t experts = t->shape[0], part = t->bytes / experts / 2;
    const size_t shape[3] = {experts, t->shape[1] / 2, t->shape[2]};
    const size_t prefix = strlen(t->name) - strlen(FUSED);
    unsigned char *data = malloc(experts * part);
    char name[200];
    assert_non_null(data);
    for (size_t e = 0; e < experts; e++)
        memcpy(data + e * part, (const unsigned char *)t->data + (2 * e + half) * part, part);
    snprintf(name, sizeof name, "%.*sexperts.%s_proj", (int)prefix, t->name, half ? "up" : "gate");
    put(w, name, "BF16", shape, 3, data, experts * part);
    free(data);
}

/* Writes the golden model to folder/model.safetensors. factors [16]: of the full layers' pairs. */
static void write_model(const char *folder, bool split, const float *factors)
{
    struct g4_safetensors file;
    struct g4_err err;
    struct writer w = {0};
    const size_t half = 16;
    assert_int_equal(g4_safetensors_open(&file, MODEL "/model.safetensors", &err), 0);
    w.text = open_memstream(&w.header, &w.header_bytes);
    assert_non_null(w.text);
    for (size_t i = 0; i < file.count; i++) {
        const struct g4_tensor *t = &file.tensors[i];
        if (split && strstr(t->name, FUSED)) {
            put_half(&w, t, 0);
            put_half(&w, t, 1);
        } else {
            put(&w, t->name, "BF16", t->shape, t->dims, t->data, t->bytes);
        }
    }
    if (factors)
        put(&w, FACTOR, "F32", &half, 1, factors, half * sizeof *factors);
    fputc('}', w.text);
    assert_int_equal(fclose(w.text), 0);

    size_t size;
    unsigned char *bytes = fixture_safetensors(w.header, w.bytes, &size);
    memcpy(bytes + size - w.bytes, w.data, w.bytes);
    fixture_write(folder, "model.safetensors", bytes, size);
    free(bytes);
    free(w.header);
    free(w.data);
    g4_safetensors_close(&file);
}

/* A model opened for its text weights. */
struct opened {
    struct g4_config config;
    struct g4_weights files;
    struct g4_text_weights text;
    struct g4_err err;
};

/* partial: overrides the configuration's factor, unless 0. */
static int open_text(struct opened *o, const char *folder, double partial)
{
    memset(o, 0, sizeof *o);
    assert_int_equal(g4_config_load(&o->config, MODEL "/config.json", &o->err), 0);
    if (partial > 0)
        o->config.text.rope_full.partial_rotary_factor = partial;
    assert_int_equal(g4_weights_open(&o->files, folder, NULL, &o->err), 0);
    return g4_text_weights_open(&o->text, &o->config.text, &o->files, &o->err);
}

static void close_text(struct opened *o)
{
    g4_text_weights_close(&o->text);
    g4_weights_close(&o->files);
    g4_config_release(&o->config);
}

static void assert_same_rows(const struct g4_matrix *a, const struct g4_matrix *b)
{
    assert_int_equal(a->rows, b->rows);
    assert_int_equal(a->cols, b->cols);
    assert_int_equal(a->stride, a->cols * 2);
    assert_int_equal(b->stride, b->cols * 2);
    assert_memory_equal(a->data, b->data, a->rows * a->stride);
}

static void gate_and_up_in_two_tensors(void **state)
{
    (void)state;
    char *folder = fixture_folder();
    struct opened fused, split;
    write_model(folder, true, NULL);
    assert_int_equal(open_text(&fused, MODEL, 0), 0);
    assert_int_equal(open_text(&split, folder, 0), 0);
    const struct g4_text_config *config = &fused.config.text;
    for (size_t i = 0; i < config->num_hidden_layers; i++) {
        const struct g4_moe_weights *a = &fused.text.layer[i].moe, *b = &split.text.layer[i].moe;
        for (size_t e = 0; e < config->num_experts; e++) {
            assert_int_equal(a->gate_proj[e].rows, config->moe_intermediate_size);
            assert_same_rows(&a->gate_proj[e], &b->gate_proj[e]);
            assert_same_rows(&a->up_proj[e], &b->up_proj[e]);
            assert_same_rows(&a->down_proj[e], &b->down_proj[e]);
            assert_true(memcmp(a->gate_proj[e].data, a->up_proj[e].data, a->up_proj[e].stride) !=
                        0);
        }
    }
    close_text(&fused);
    close_text(&split);
    fixture_remove(folder);
}

static void rope_factors_divide(void **state)
{
    (void)state;
    char *folder = fixture_folder();
    struct opened plain, divided;
    float factors[16];
    for (int i = 0; i < 16; i++)
        factors[i] = i < 4 ? 1.0f : 1e30f;
    factors[2] = 8.0f;
    write_model(folder, false, factors);
    assert_int_equal(open_text(&plain, MODEL, 0), 0);
    assert_int_equal(open_text(&divided, folder, 1.0), 0);
    assert_int_equal(plain.text.half[1], 16);
    for (size_t i = 0; i < plain.text.half[0]; i++)
        assert_true(plain.text.frequency[0][i] == divided.text.frequency[0][i]);
    for (size_t i = 0; i < 16; i++)
        assert_true(divided.text.frequency[1][i] ==
                    plain.text.frequency[1][i] / (i == 2 ? 8.0f : 1.0f));
    assert_true(divided.text.frequency[1][4] == 0 && divided.text.frequency[1][3] > 0);
    close_text(&plain);
    close_text(&divided);
    fixture_remove(folder);
}

static void rope_factors_above_zero(void **state)
{
    (void)state;
    char *folder = fixture_folder();
    struct opened o;
    float factors[16] = {1, 1, 1};
    write_model(folder, false, factors);
    assert_int_equal(open_text(&o, folder, 0), G4_EINPUT);
    assert_message(&o.err, "tensor 'rope_freqs.weight': element 3 is 0, expected above 0");
    close_text(&o);
    fixture_remove(folder);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(gate_and_up_in_two_tensors),
        cmocka_unit_test(rope_factors_divide),
        cmocka_unit_test(rope_factors_above_zero),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

/* The published quantised files at full size, as headers in front of a hole: every tensor that the
 * programs ask for is found, in the form that the release has it in. And small ones, spoilt. */
#include "tests/unit/model_fixture.h"

#include <math.h>
#include <time.h>

#include "decoder/text_weights.h"
#include "encoders/audio/audio_weights.h"
#include "encoders/vision/vision_weights.h"
#include "lib/model/model.h"
#include "lib/model/summary.h"

struct opened {
    char *folder;
    struct g4_model model;
    struct g4_text_weights text;
    struct g4_vision_weights vision;
    struct g4_audio_weights audio;
};

static double now(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

static void open_all(struct opened *o, const char *kind)
{
    struct g4_err err = {0};
    char *command;
    *o = (struct opened){.folder = fixture_folder()};
    assert_true(asprintf(&command, "python3 tests/reference/make_published_layout.py %s '%s'", kind,
                         o->folder) > 0);
    assert_int_equal(system(command), 0);
    free(command);
    double start = now();
    int status = g4_model_open(&o->model, o->folder, NULL, &err);
    double opened = now();
    if (status == 0)
        status = g4_text_weights_open(&o->text, &o->model.config.text, &o->model.weights, &err);
    double bound = now();
    if (status == 0)
        status = g4_vision_weights_bind(&o->vision, &o->model, &err);
    if (status == 0)
        status = g4_audio_weights_open(&o->audio, &o->model, &err);
    if (status < 0)
        fail_msg("%s: %s", kind, err.text);
    print_message("%s: %zu tensors, opened in %.1f ms, text bound in %.1f ms\n", kind,
                  o->model.weights.count, 1e3 * (opened - start), 1e3 * (bound - opened));
}

static void close_all(struct opened *o)
{
    g4_audio_weights_close(&o->audio);
    g4_vision_weights_release(&o->vision);
    g4_text_weights_close(&o->text);
    g4_model_close(&o->model);
    fixture_remove(o->folder);
}

/* What `info` shows: every number of the model once, codes as what they are. */
static void assert_counted(const struct opened *o, uint64_t parameters, size_t i2, size_t i4,
                           size_t i8)
{
    struct g4_model_summary s;
    g4_model_summarise(&s, &o->model);
    assert_int_equal(s.parameters, parameters);
    assert_int_equal(s.dtype[G4_DTYPE_I2].tensors, i2);
    assert_int_equal(s.dtype[G4_DTYPE_I4].tensors, i4);
    assert_int_equal(s.dtype[G4_DTYPE_I8].tensors, i8);
    assert_int_equal(s.dtype[G4_DTYPE_U8].tensors + s.dtype[G4_DTYPE_I32].tensors, 0);
    assert_int_equal(s.part[G4_PART_OTHER].tensors, 0);
}

/* group 0: a plain matrix. */
static void assert_form(const struct g4_matrix *m, enum g4_dtype dtype, size_t group)
{
    assert_non_null(m->data);
    assert_int_equal(m->dtype, dtype);
    assert_int_equal(m->scales.group, group);
    assert_int_equal(m->scales.data != NULL, group > 0);
}

static void w4a16(void **state)
{
    (void)state;
    struct opened o;
    open_all(&o, "w4a16");
    const struct g4_text_layer *last = &o.text.layer[34];
    assert_int_equal(o.model.weights.count, 2504);
    assert_counted(&o, 5506951651, 0, 3 * 276, 0);
    assert_form(&o.text.embed_tokens, G4_DTYPE_BF16, 0);
    assert_form(&o.text.lm_head, G4_DTYPE_BF16, 0);
    assert_ptr_not_equal(o.text.lm_head.data, o.text.embed_tokens.data);
    assert_form(&o.text.embed_tokens_per_layer, G4_DTYPE_BF16, 0);
    assert_form(&o.text.per_layer_model_projection, G4_DTYPE_I4, 32);
    assert_form(&o.text.layer[0].k_proj, G4_DTYPE_I4, 32);
    assert_form(&last->gate_proj, G4_DTYPE_I4, 32);
    assert_form(&last->per_layer_projection, G4_DTYPE_I4, 32);
    assert_true(last->gate_proj.rows == 12288 && last->k_proj.data == NULL);
    assert_form(&o.vision.layer[15].down.w, G4_DTYPE_BF16, 0);
    assert_form(&o.audio.blocks[11].linear_start.w, G4_DTYPE_BF16, 0);
    assert_true(o.audio.blocks[11].linear_start.in_min == 0); /* limits are there, zero in a hole */
    close_all(&o);
}

static void mobile(void **state)
{
    (void)state;
    struct opened o;
    open_all(&o, "mobile");
    const struct g4_text_layer *first = &o.text.layer[0], *last = &o.text.layer[34];
    assert_int_equal(o.model.weights.count, 2780);
    assert_counted(&o, 5525825161, 678, 790, 4 * 182);
    assert_form(&o.text.embed_tokens, G4_DTYPE_I2, 1536);
    assert_form(&o.text.lm_head, G4_DTYPE_I2, 1536);
    assert_ptr_not_equal(o.text.lm_head.data, o.text.embed_tokens.data);
    assert_form(&o.text.embed_tokens_per_layer, G4_DTYPE_I4, 256);
    assert_form(&o.text.per_layer_model_projection, G4_DTYPE_BF16, 0);
    assert_form(&first->q_proj, G4_DTYPE_I4, 1536);
    assert_form(&first->down_proj, G4_DTYPE_I4, 6144);
    assert_form(&last->gate_proj, G4_DTYPE_I2, 1536);
    assert_form(&last->down_proj, G4_DTYPE_I2, 12288);
    assert_form(&last->per_layer_input_gate, G4_DTYPE_I8, 1536);
    assert_form(&o.vision.layer[0].q.w, G4_DTYPE_I8, 768);
    assert_form(&o.vision.input_proj, G4_DTYPE_BF16, 0);
    assert_form(&o.vision.embed.projection, G4_DTYPE_F32, 0);
    assert_form(&o.audio.blocks[0].linear_start.w, G4_DTYPE_I4, 1024);
    assert_form(&o.audio.blocks[0].feed_forward1.ffw_layer_2.w, G4_DTYPE_I2, 4096);
    assert_form(&o.audio.conv[0], G4_DTYPE_F32, 0);
    assert_true(o.audio.blocks[0].q_proj.in_min == -INFINITY);
    close_all(&o);
}

/* A configuration that says the head is not the embedding. */
static void a_head_of_its_own(void **state)
{
    (void)state;
    static const char tied[] = "\"tie_word_embeddings\": true";
    struct g4_model model;
    struct g4_text_weights text;
    struct g4_err err = {0};
    size_t config_size, size;
    char *folder = fixture_folder();
    char *config = fixture_read(GOLDEN "decoder-sfp8/config.json", &config_size);
    char *bytes = fixture_read(GOLDEN "decoder-sfp8/model.safetensors", &size);
    char *outer = strstr(config, tied);
    assert_non_null(outer);
    memcpy(outer + sizeof tied - 1 - 4, "null", 4);
    char *inner = strstr(outer, tied);
    assert_non_null(inner);
    memcpy(inner + sizeof tied - 1 - 5, "false", 5); /* the space goes */
    fixture_write(folder, "config.json", config, config_size);
    fixture_write(folder, "model.safetensors", bytes, size);
    assert_int_equal(g4_model_open(&model, folder, NULL, &err), 0);
    assert_int_equal(g4_text_weights_open(&text, &model.config.text, &model.weights, &err),
                     G4_EINPUT);
    assert_message(&err, "tensor 'lm_head.weight': missing");
    g4_model_close(&model);
    free(config);
    free(bytes);
    fixture_remove(folder);
}

/* Opens and binds a small model whose header has one digit changed; whatever is bound is read. */
static bool survives(const char *folder, const struct g4_exec *exec)
{
    struct g4_model model;
    struct g4_text_weights text;
    struct g4_err err = {0};
    float row[128];
    if (g4_model_open(&model, folder, NULL, &err) < 0)
        return false;
    bool bound = g4_text_weights_open(&text, &model.config.text, &model.weights, &err) == 0;
    if (bound) {
        const struct g4_text_layer *last = &text.layer[3];
        const struct g4_matrix *all[] = {&text.embed_tokens,
                                         &text.lm_head,
                                         &text.embed_tokens_per_layer,
                                         &text.per_layer_model_projection,
                                         &last->q_proj,
                                         &last->down_proj,
                                         &last->per_layer_projection};
        for (size_t i = 0; i < sizeof all / sizeof all[0]; i++) {
            assert_true(all[i]->cols <= sizeof row / sizeof row[0]);
            g4_matrix_row(exec, all[i], all[i]->rows - 1, 1.0f, row);
        }
        g4_text_weights_close(&text);
    } else {
        assert_true(err.text[0] != '\0');
    }
    g4_model_close(&model);
    return bound;
}

static void changed_digits(void **state)
{
    (void)state;
    static const char *const twins[] = {"w4a16", "mobile", "sfp8"};
    enum { CHANGES = 300 };
    struct g4_exec exec = {0};
    struct g4_err err = {0};
    uint32_t random = 1;
    assert_int_equal(g4_exec_open(&exec, 1, &err), 0);
    for (size_t t = 0; t < 3; t++) {
        char *folder = fixture_folder(), path[256];
        size_t config_size, size, refused = 0;
        snprintf(path, sizeof path, GOLDEN "decoder-%s/config.json", twins[t]);
        char *config = fixture_read(path, &config_size);
        fixture_write(folder, "config.json", config, config_size);
        snprintf(path, sizeof path, GOLDEN "decoder-%s/model.safetensors", twins[t]);
        char *bytes = fixture_read(path, &size);
        uint64_t header;
        memcpy(&header, bytes, 8);
        assert_true(header < size);
        fixture_write(folder, "model.safetensors", bytes, size);
        assert_true(survives(folder, &exec));
        for (int i = 0; i < CHANGES; i++) {
            size_t at;
            do {
                random = random * 1664525 + 1013904223;
                at = 8 + random % header;
            } while (bytes[at] < '0' || bytes[at] > '9');
            const char was = bytes[at];
            bytes[at] = (char)('0' + (was - '0' + 1 + random / 7 % 9) % 10);
            fixture_write(folder, "model.safetensors", bytes, size);
            refused += !survives(folder, &exec);
            bytes[at] = was;
        }
        assert_true(refused > CHANGES / 2);
        free(bytes);
        free(config);
        fixture_remove(folder);
    }
    g4_exec_close(&exec);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(w4a16),
        cmocka_unit_test(mobile),
        cmocka_unit_test(a_head_of_its_own),
        cmocka_unit_test(changed_digits),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

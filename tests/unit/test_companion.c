/* Which file of towers goes with a GGUF text model, and models opened with it. */
#include "tests/unit/gguf_fixture.h"
#include "tests/unit/twin_fixture.h"

#include "lib/model/companion.h"
#include "lib/model/model.h"

/* A file that says it holds towers for `width`, its projection in `dtype`. */
static void towers(const char *folder, const char *name, const char *key, uint32_t width,
                   enum g4_dtype dtype)
{
    static const int64_t ne[] = {32, 4};
    struct gguf_fixture g;
    gguf_begin(&g);
    gguf_put_string(&g, "general.architecture", "clip");
    gguf_put_u32(&g, key, width);
    gguf_tensor(&g,
                strstr(key, "audio") ? "mm.a.input_projection.weight"
                                     : "mm.input_projection.weight",
                dtype, 2, ne);
    gguf_end_file(&g, folder, name);
}

static void text(const char *folder, const char *name, uint32_t width)
{
    static const int64_t ne[] = {32, 4};
    struct gguf_fixture g;
    gguf_begin(&g);
    gguf_put_string(&g, "general.architecture", "gemma4");
    gguf_put_u32(&g, "gemma4.embedding_length", width);
    gguf_tensor(&g, "token_embd.weight", G4_DTYPE_F32, 2, ne);
    gguf_end_file(&g, folder, name);
}

/* What is found beside folder/t.gguf is folder/`want`; NULL: nothing. */
static void finds(const char *folder, const char *want)
{
    struct g4_gguf file;
    struct g4_err err = {0};
    char *found;
    if (g4_gguf_open(&file, fixture_path(folder, "t.gguf"), &err) < 0 ||
        g4_companion_find(&found, &file, &err) < 0)
        fail_msg("%s", err.text);
    if (want)
        assert_string_equal(found ? found : "nothing", fixture_path(folder, want));
    else
        assert_null(found);
    free(found);
    g4_gguf_close(&file);
}

#define VISION "clip.vision.projection_dim"
#define AUDIO  "clip.audio.projection_dim"

static void the_one_that_fits(void **state)
{
    (void)state;
    char *folder = fixture_folder();
    text(folder, "t.gguf", 64);
    finds(folder, NULL);
    text(folder, "other.gguf", 64);
    fixture_text(folder, "mmproj-broken.gguf", "GGUF\3\0\0\0");
    fixture_text(folder, "mmproj.txt", "no model");
    towers(folder, "mmproj-wide.gguf", VISION, 128, G4_DTYPE_BF16);
    towers(folder, ".mmproj-hidden.gguf", VISION, 64, G4_DTYPE_BF16);
    finds(folder, NULL);
    towers(folder, "any-name.gguf", AUDIO, 64, G4_DTYPE_BF16);
    finds(folder, "any-name.gguf");
    towers(folder, "x-MMproj-q4.gguf", VISION, 64, G4_DTYPE_Q4_0);
    finds(folder, "x-MMproj-q4.gguf"); /* a name that says it comes first */
    towers(folder, "mmproj-8.gguf", VISION, 64, G4_DTYPE_Q8_0);
    finds(folder, "mmproj-8.gguf");
    towers(folder, "mmproj-f16.gguf", VISION, 64, G4_DTYPE_F16);
    finds(folder, "mmproj-f16.gguf");
    towers(folder, "mmproj-f32.gguf", VISION, 64, G4_DTYPE_F32);
    finds(folder, "mmproj-f32.gguf");
    towers(folder, "mmproj-b.gguf", VISION, 64, G4_DTYPE_BF16);
    towers(folder, "mmproj-a.gguf", VISION, 64, G4_DTYPE_BF16);
    finds(folder, "mmproj-a.gguf");
    fixture_remove(folder);
}

static void no_width(void **state)
{
    (void)state;
    struct gguf_fixture g;
    struct g4_gguf file;
    struct g4_err err = {0};
    char *found, *folder = fixture_folder();
    gguf_begin(&g);
    gguf_put_string(&g, "general.architecture", "gemma4");
    gguf_end_file(&g, folder, "t.gguf");
    assert_int_equal(g4_gguf_open(&file, fixture_path(folder, "t.gguf"), &err), 0);
    assert_int_equal(g4_companion_find(&found, &file, &err), G4_EINPUT);
    assert_message(&err, "t.gguf': gemma4.embedding_length: missing");
    assert_null(found);
    g4_gguf_close(&file);
    fixture_remove(folder);
}

static void open_model(struct g4_model *model, const char *path, const char *companion)
{
    struct g4_err err = {0};
    if (g4_model_open(model, path, companion, &err) < 0)
        fail_msg("%s", err.text);
}

static void models(void **state)
{
    (void)state;
    struct g4_model model;
    struct g4_err err = {0};
    char *folder = fixture_twins("", DEMO " " GOLDEN "decoder-e4b " GOLDEN "vision-small");
    char *whole = fixture_twins("--ollama", DEMO), *split = fixture_twins("--split 2", DEMO);
    const char *demo = fixture_path(folder, "demo-model/model.gguf");
    const char *beside = fixture_path(folder, "demo-model/mmproj.gguf");

    open_model(&model, demo, NULL); /* what lies beside it */
    assert_string_equal(model.weights.media->path, beside);
    assert_string_equal(model.name, "model");
    assert_true(model.config.text.present && model.config.vision.present);
    assert_true(model.config.audio.present);
    g4_model_close(&model);

    open_model(&model, demo, ""); /* none */
    assert_null(model.weights.media);
    assert_true(model.config.text.present);
    assert_false(model.config.vision.present || model.config.audio.present);
    g4_model_close(&model);

    open_model(&model, fixture_path(folder, "decoder-e4b/model.gguf"),
               fixture_path(folder, "vision-small/mmproj.gguf")); /* the named one */
    assert_true(model.config.text.present && model.config.vision.present);
    assert_true(model.config.vision.use_clipped_linears);
    g4_model_close(&model);

    open_model(&model, beside, NULL); /* towers alone */
    assert_false(model.config.text.present);
    assert_int_equal(model.config.text.hidden_size, 128);
    assert_true(model.config.audio.present);
    g4_model_close(&model);

    open_model(&model, fixture_path(whole, "demo-model/model.gguf"), NULL);
    assert_ptr_equal(model.weights.text, model.weights.media);
    g4_model_close(&model);

    open_model(&model, fixture_path(split, "demo-model/model-00002-of-00002.gguf"), NULL);
    assert_int_equal(model.weights.gguf_count, 3);
    assert_string_equal(model.name, "model");
    g4_model_close(&model);

    assert_int_equal(g4_model_open(&model, demo, fixture_path(folder, "none.gguf"), &err),
                     G4_ENOTFOUND);
    assert_true(model.path == NULL && model.weights.ggufs == NULL);
    fixture_remove(split);
    fixture_remove(whole);
    fixture_remove(folder);
}

static void stored_names(void **state)
{
    (void)state;
    struct g4_model model;
    char *folder = fixture_twins("", DEMO);
    const char *blob = fixture_path(folder, "demo-model/sha256-0123");
    assert_int_equal(rename(fixture_path(folder, "demo-model/model.gguf"), blob), 0);
    open_model(&model, blob, "");
    assert_string_equal(model.name, "demo-model"); /* general.name */
    g4_model_close(&model);
    fixture_remove(folder);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_one_that_fits),
        cmocka_unit_test(no_width),
        cmocka_unit_test(models),
        cmocka_unit_test(stored_names),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

/* Space ids as published beside the shipped models, also after the tensors were renamed. */
#include "tests/unit/twin_fixture.h"

#include "lib/model/model.h"
#include "lib/model/summary.h"

static void open_model(struct g4_model *model, const char *path)
{
    struct g4_err err = {0};
    if (g4_model_open(model, path, NULL, &err) < 0)
        fail_msg("%s", err.text);
}

static void assert_space(const char *path, const char *want)
{
    struct g4_model model;
    struct g4_err err = {0};
    uint8_t id[G4_ID_BYTES];
    char hex[2 * G4_ID_BYTES + 1];
    open_model(&model, path);
    if (g4_model_space_id(&model, id, &err) < 0)
        fail_msg("%s", err.text);
    for (size_t i = 0; i < G4_ID_BYTES; i++)
        snprintf(hex + 2 * i, 3, "%02x", id[i]);
    assert_string_equal(hex, want);
    g4_model_close(&model);
}

#define E2B_SPACE "4791eb7581618bdfdfb3a9d68c60150e"
#define NO_SPACE  "00000000000000000000000000000000"

static void published_ids(void **state)
{
    (void)state;
    assert_space(GOLDEN "decoder-e2b", E2B_SPACE);
    assert_space(GOLDEN "decoder-e2b/model.safetensors", E2B_SPACE);
    assert_space(GOLDEN "decoder-e4b", "025dd650933c008f5e834218fb37c351");
    assert_space(GOLDEN "decoder-26b", "c386d2dc4caa4cdb71791af772abdd75");
    assert_space(GOLDEN "decoder-31b", "af825b4fcda087770936ac225900b65f");
    assert_space(GOLDEN "decoder-12b", "8c05b04a64e9796938e9de6593081acb");
    assert_space(DEMO, "64f87b659dadd8fe9fff6cd051d5450f");
}

static void an_encoder_alone_has_none(void **state)
{
    (void)state;
    assert_space(GOLDEN "vision-small", NO_SPACE);
    assert_space(GOLDEN "vision-large", NO_SPACE);
    assert_space(GOLDEN "audio-e2b", NO_SPACE);
    assert_space(GOLDEN "unified-12b", NO_SPACE);
}

/* Copies decoder-e2b with `from` replaced by `to` in every name; offsets stay. */
static char *renamed(const char *from, const char *to)
{
    size_t size, config_size;
    char *folder = fixture_folder(),
         *bytes = fixture_read(GOLDEN "decoder-e2b/model.safetensors", &size);
    char *config = fixture_read(GOLDEN "decoder-e2b/config.json", &config_size);
    uint64_t n, written = 0;
    memcpy(&n, bytes, 8);
    char *out = malloc(size * 2);
    for (uint64_t i = 8; i < 8 + n;) {
        if (strncmp(bytes + i, from, strlen(from)) == 0) {
            memcpy(out + 8 + written, to, strlen(to));
            written += strlen(to);
            i += strlen(from);
        } else {
            out[8 + written++] = bytes[i++];
        }
    }
    memcpy(out, &written, 8);
    memcpy(out + 8 + written, bytes + 8 + n, size - 8 - n);
    fixture_write(folder, "model.safetensors", out, size - n + written);
    fixture_write(folder, "config.json", config, config_size);
    free(out);
    free(bytes);
    free(config);
    return folder;
}

static void renamed_tensors(void **state)
{
    (void)state;
    static const char *const spellings[] = {"language_model.model.", "model."};
    for (size_t i = 0; i < 2; i++) {
        char *folder = renamed("model.language_model.", spellings[i]);
        assert_space(folder, E2B_SPACE);
        fixture_remove(folder);
    }
    /* Keys' norms of layers that borrow are dead: some stores drop them. */
    char *folder = renamed("layers.7.self_attn.k_norm.", "layers.7.dropped.");
    assert_space(folder, E2B_SPACE);
    fixture_remove(folder);
}

static void a_norm_is_missing(void **state)
{
    (void)state;
    struct g4_model model;
    struct g4_err err = {0};
    uint8_t id[G4_ID_BYTES];
    char *folder = renamed("layers.3.self_attn.k_norm.", "layers.3.dropped.");
    open_model(&model, folder);
    assert_int_equal(g4_model_space_id(&model, id, &err), G4_EINPUT);
    assert_message(&err, "tensor 'model.language_model.layers.3.self_attn.k_norm.weight': missing");
    g4_model_close(&model);
    fixture_remove(folder);
}

/* The same in every store and type, as norms keep their numbers. */
static void gguf_files(void **state)
{
    (void)state;
    static const struct {
        const char *name, *id;
    } models[] = {
        {"decoder-e2b", E2B_SPACE},
        {"decoder-e4b", "025dd650933c008f5e834218fb37c351"},
        {"decoder-26b", "c386d2dc4caa4cdb71791af772abdd75"},
        {"decoder-31b", "af825b4fcda087770936ac225900b65f"},
        {"decoder-12b", "8c05b04a64e9796938e9de6593081acb"},
        {"demo-model", "64f87b659dadd8fe9fff6cd051d5450f"},
    };
    static const char *const options[] = {"", "--type f32", "--ollama"};
    for (size_t o = 0; o < sizeof options / sizeof options[0]; o++) {
        char *folder = fixture_twins(options[o], DECODERS TOWERS DEMO), file[64];
        for (size_t i = 0; i < sizeof models / sizeof models[0]; i++) {
            snprintf(file, sizeof file, "%s/model.gguf", models[i].name);
            assert_space(fixture_path(folder, file), models[i].id);
        }
        assert_space(fixture_path(folder, "vision-large/mmproj.gguf"), NO_SPACE);
        assert_space(fixture_path(folder, "audio-e2b/mmproj.gguf"), NO_SPACE);
        assert_space(fixture_path(folder, "unified-12b/mmproj.gguf"), NO_SPACE);
        fixture_remove(folder);
    }
}

static void encoder_ids(void **state)
{
    (void)state;
    static const char projection[] = "model.embed_vision.embedding_projection.weight";
    struct g4_model small, large;
    struct g4_err err = {0};
    uint8_t a[G4_ID_BYTES], b[G4_ID_BYTES], zero[G4_ID_BYTES] = {0};
    open_model(&small, GOLDEN "vision-small");
    open_model(&large, GOLDEN "vision-large");
    assert_int_equal(g4_model_encoder_id(&small, "model.vision_tower.", projection, 1, a, &err), 0);
    assert_memory_not_equal(a, zero, sizeof a);
    assert_int_equal(g4_model_encoder_id(&small, "model.vision_tower.", projection, 1, b, &err), 0);
    assert_memory_equal(a, b, sizeof a);
    assert_int_equal(g4_model_encoder_id(&small, "model.vision_tower.", projection, 2, b, &err), 0);
    assert_memory_not_equal(a, b, sizeof a);
    assert_int_equal(g4_model_encoder_id(&small, "model.audio_tower.", projection, 1, b, &err), 0);
    assert_memory_not_equal(a, b, sizeof a);
    assert_int_equal(g4_model_encoder_id(&large, "model.vision_tower.", projection, 1, b, &err), 0);
    assert_memory_not_equal(a, b, sizeof a);
    assert_int_equal(g4_model_encoder_id(&large, "model.vision_tower.", "none", 1, b, &err),
                     G4_EINPUT);
    assert_message(&err, "tensor 'none': missing");
    g4_model_close(&large);
    /* Of a GGUF file, where the projection may be of blocks. */
    char *folder = fixture_twins("", GOLDEN "vision-small");
    open_model(&large, fixture_path(folder, "vision-small/mmproj.gguf"));
    assert_int_equal(g4_model_encoder_id(&large, "model.vision_tower.", projection, 1, a, &err), 0);
    assert_memory_not_equal(a, zero, sizeof a);
    assert_int_equal(g4_model_encoder_id(&large, "model.audio_tower.", projection, 1, b, &err), 0);
    assert_memory_not_equal(a, b, sizeof a);
    g4_model_close(&large);
    g4_model_close(&small);
    fixture_remove(folder);
}

static void opening(void **state)
{
    (void)state;
    struct g4_model model;
    struct g4_err err = {0};
    char *folder = fixture_folder();
    open_model(&model, DEMO "//");
    assert_string_equal(model.name, "demo-model");
    assert_string_equal(model.folder, DEMO);
    char *file = g4_model_file(&model, "tokenizer.json");
    assert_string_equal(file, DEMO "/tokenizer.json");
    free(file);
    g4_model_close(&model);
    g4_model_close(&model);
    assert_int_equal(g4_model_open(&model, fixture_path(folder, "none"), NULL, &err), G4_ENOTFOUND);
    assert_int_equal(g4_model_open(&model, folder, NULL, &err), G4_ENOTFOUND);
    assert_message(&err, "not a model: there is no config.json in it");
    fixture_text(folder, "m.gguf", "GGUF\3\0\0\0");
    assert_int_equal(g4_model_open(&model, fixture_path(folder, "m.gguf"), NULL, &err), G4_EINPUT);
    assert_message(&err, "m.gguf'");
    fixture_text(folder, "m.safetensors", "");
    assert_int_equal(g4_model_open(&model, fixture_path(folder, "m.safetensors"), NULL, &err),
                     G4_ENOTFOUND);
    assert_message(&err, "there is no config.json beside it");
    fixture_remove(folder);
}

static void names(void **state)
{
    (void)state;
    static const struct {
        const char *path, *name;
    } cases[] = {
        {"/x/hub/models--google--gemma-4-E2B-it/snapshots/0a1b", "google/gemma-4-E2B-it"},
        {"/x/models--solo/snapshots/0a1b/model.safetensors", "solo"},
        {"/x/snapshots/0a1b", "0a1b"},
        {"/none/gemma/", "gemma"},
        {"gemma", "gemma"},
        {"/x/gemma-4-E2B-it-Q4_K_M.gguf", "gemma-4-E2B-it-Q4_K_M"},
        {"/x/big-00002-of-00003.gguf", "big"},
        {"big-2-of-3.gguf", "big-2-of-3"},
        {"/x/hub/models--google--gemma/snapshots/0a1b/gemma-q4_0.gguf", "gemma-q4_0"},
        {".gguf", ".gguf"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        char *name = g4_model_name(cases[i].path);
        assert_string_equal(name, cases[i].name);
        free(name);
    }
    char *here = g4_model_name("examples/demo-model/.");
    assert_string_equal(here, "demo-model");
    free(here);
}

static void a_model_in_numbers(void **state)
{
    (void)state;
    struct g4_model model;
    struct g4_model_summary s;
    open_model(&model, GOLDEN "decoder-e2b");
    g4_model_summarise(&s, &model);
    assert_int_equal(s.total.tensors, 141);
    assert_int_equal(s.dtype[G4_DTYPE_BF16].tensors, 141);
    assert_int_equal(s.part[G4_PART_PER_LAYER_TABLE].tensors, 1);
    assert_int_equal(s.part[G4_PART_PER_LAYER_TABLE].bytes, 320 * 8 * 16 * 2);
    assert_int_equal(s.part[G4_PART_UNUSED].tensors, 12);
    assert_int_equal(s.part[G4_PART_TEXT].tensors, 128);
    assert_int_equal(s.part[G4_PART_OTHER].tensors, 0);
    assert_int_equal(s.parameters * 2, s.total.bytes);
    assert_int_equal(s.resident, s.part[G4_PART_TEXT].bytes);
    /* Three sliding owners of 1 x 16 over a window of 8, one full of 1 x 32; keys and values of 16
     * bits. */
    assert_int_equal(g4_cache_bytes(&model.config.text, 4), 3 * 64 * 4 + 128 * 4);
    assert_int_equal(g4_cache_bytes(&model.config.text, 100), 3 * 64 * 8 + 128 * 100);
    g4_model_close(&model);
    open_model(&model, DEMO);
    g4_model_summarise(&s, &model);
    assert_int_equal(s.total.tensors, 552);
    assert_true(s.part[G4_PART_VISION].tensors > 100 && s.part[G4_PART_AUDIO].tensors > 100);
    assert_int_equal(s.mapped, 10190072);
    const struct g4_model_summary published = s;
    g4_model_close(&model);

    char *folder = fixture_twins("", DEMO);
    open_model(&model, fixture_path(folder, "demo-model/model.gguf"));
    g4_model_summarise(&s, &model); /* the towers of the companion count, too */
    assert_int_equal(s.total.tensors, 552 + 1);
    assert_int_equal(s.parameters, published.parameters + 32);
    assert_int_equal(s.part[G4_PART_TEXT].tensors, published.part[G4_PART_TEXT].tensors + 1);
    for (int i = 0; i < G4_PARTS; i++)
        if (i != G4_PART_TEXT)
            assert_int_equal(s.part[i].tensors, published.part[i].tensors);
    assert_int_equal(s.part[G4_PART_PER_LAYER_TABLE].bytes, 1024 * 8 * 32 * 2);
    assert_int_equal(s.part[G4_PART_OTHER].tensors, 0);
    assert_int_equal(s.mapped, model.weights.text->map.size + model.weights.media->map.size);
    assert_int_equal(s.dtype[G4_DTYPE_F32].tensors + s.dtype[G4_DTYPE_BF16].tensors, 553);
    g4_model_close(&model);
    fixture_remove(folder);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(published_ids),
        cmocka_unit_test(an_encoder_alone_has_none),
        cmocka_unit_test(renamed_tensors),
        cmocka_unit_test(a_norm_is_missing),
        cmocka_unit_test(gguf_files),
        cmocka_unit_test(encoder_ids),
        cmocka_unit_test(opening),
        cmocka_unit_test(names),
        cmocka_unit_test(a_model_in_numbers),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

/* Configurations from GGUF metadata: equal to those of config.json, and refused when damaged. */
#include "tests/unit/gguf_fixture.h"
#include "tests/unit/twin_fixture.h"

#include "lib/model/config_gguf.h"

/* The configuration of folder/name/file, by its metadata; with a companion or NULL. */
static void read_twin(struct g4_config *config, const char *folder, const char *name,
                      const char *companion)
{
    struct g4_weights weights;
    struct g4_err err = {0};
    if (g4_weights_open(&weights, fixture_path(folder, name), companion, &err) < 0 ||
        g4_config_from_gguf(config, &weights, &err) < 0)
        fail_msg("%s", err.text);
    g4_weights_close(&weights);
}

static void read_json(struct g4_config *config, const char *folder, const char *name)
{
    struct g4_err err = {0};
    char path[256];
    snprintf(path, sizeof path, "%s%s/config.json", folder, name);
    if (g4_config_load(config, path, &err) < 0)
        fail_msg("%s", err.text);
}

/* Rotation factors are a tensor in GGUF files. */
static void assert_same(struct g4_config *json, struct g4_config *gguf)
{
    if (gguf->text.present) {
        assert_true(json->text.rope_full.partial_rotary_factor == 0.25);
        assert_true(gguf->text.rope_full.partial_rotary_factor == 1.0);
        gguf->text.rope_full.partial_rotary_factor = 0.25;
    } else { /* towers alone know the text model's width and nothing else of it */
        assert_int_equal(gguf->text.hidden_size, json->text.hidden_size);
        free(json->text.layer);
        json->text = gguf->text;
    }
    assert_true(g4_config_equal(json, gguf));
    g4_config_release(json);
    g4_config_release(gguf);
}

static const char *const decoders[] = {"decoder-e2b", "decoder-e4b", "decoder-12b", "decoder-26b",
                                       "decoder-31b"};
static const char *const towers[] = {"vision-small", "vision-large", "audio-e2b", "unified-12b"};

static void as_config_json(void **state)
{
    (void)state;
    static const char *const options[] = {"", "--wide", "--type f32"};
    for (size_t o = 0; o < sizeof options / sizeof options[0]; o++) {
        char *folder = fixture_twins(options[o], DECODERS TOWERS DEMO), file[64];
        struct g4_config json, gguf;
        for (size_t i = 0; i < sizeof decoders / sizeof decoders[0]; i++) {
            read_json(&json, GOLDEN, decoders[i]);
            snprintf(file, sizeof file, "%s/model.gguf", decoders[i]);
            read_twin(&gguf, folder, file, NULL);
            assert_true(gguf.text.present);
            assert_same(&json, &gguf);
        }
        for (size_t i = 0; i < sizeof towers / sizeof towers[0]; i++) {
            read_json(&json, GOLDEN, towers[i]);
            snprintf(file, sizeof file, "%s/mmproj.gguf", towers[i]);
            read_twin(&gguf, folder, file, NULL);
            assert_true(gguf.vision.present || gguf.audio.present);
            assert_same(&json, &gguf);
        }
        read_json(&json, "", DEMO);
        read_twin(&gguf, folder, "demo-model/model.gguf",
                  fixture_path(folder, "demo-model/mmproj.gguf"));
        assert_same(&json, &gguf);
        fixture_remove(folder);
    }
}

static void one_file_for_all(void **state)
{
    (void)state;
    char *folder = fixture_twins("--ollama", DEMO " " GOLDEN "decoder-26b");
    struct g4_config json, gguf;
    read_json(&json, "", DEMO);
    read_twin(&gguf, folder, "demo-model/model.gguf", NULL);
    assert_same(&json, &gguf);
    read_json(&json, GOLDEN, "decoder-26b");
    read_twin(&gguf, folder, "decoder-26b/model.gguf", NULL);
    assert_same(&json, &gguf);
    fixture_remove(folder);
}

/* ------------------------------------------------------------ damaged metadata */

/* A model of two layers with one value changed (by its key), or left out (text NULL). */
struct change {
    const char *key; /* NULL: as it should be */
    enum { NOT_THERE, NUMBER, REAL, WORD, LIST } as;
    int64_t number;
    double real;
    const char *message;
};

static void put(struct gguf_fixture *g, const struct change *change, const char *key, int64_t value)
{
    if (!change->key || strcmp(change->key, key) != 0) {
        gguf_put_u32(g, key, (uint32_t)value);
        return;
    }
    static const int32_t list[3] = {1, 1, 1};
    switch (change->as) {
    case NUMBER: gguf_put_i32(g, key, (int32_t)change->number); break;
    case REAL: gguf_put_f32(g, key, (float)change->real); break;
    case WORD: gguf_put_string(g, key, "many"); break;
    case LIST: gguf_put_i32s(g, key, 3, list); break;
    case NOT_THERE: break;
    }
}

static void put_real(struct gguf_fixture *g, const struct change *change, const char *key,
                     float value)
{
    if (change->key && strcmp(change->key, key) == 0)
        put(g, change, key, 0);
    else
        gguf_put_f32(g, key, value);
}

/* Two layers, the first sliding with 2 heads of 4, the second full with 2 of 8; width 16. */
static void text_file(const char *folder, const struct change *change)
{
    static const int64_t table[] = {16, 5}, values[] = {16, 8};
    static const unsigned char sliding[] = {1, 0};
    struct gguf_fixture g;
    gguf_begin(&g);
    gguf_put_string(&g, "general.architecture", "gemma4");
    put(&g, change, "gemma4.block_count", 2);
    put(&g, change, "gemma4.context_length", 64);
    put(&g, change, "gemma4.embedding_length", 16);
    put(&g, change, "gemma4.feed_forward_length", 32);
    put(&g, change, "gemma4.attention.head_count", 2);
    put(&g, change, "gemma4.attention.head_count_kv", 1);
    put(&g, change, "gemma4.attention.key_length", 8);
    put(&g, change, "gemma4.attention.value_length", 8);
    put(&g, change, "gemma4.attention.key_length_swa", 4);
    put(&g, change, "gemma4.attention.value_length_swa", 4);
    put_real(&g, change, "gemma4.attention.layer_norm_rms_epsilon", 1e-6f);
    put(&g, change, "gemma4.attention.sliding_window", 8);
    if (change->key && strstr(change->key, "pattern"))
        put(&g, change, "gemma4.attention.sliding_window_pattern", 0);
    else
        gguf_put_bools(&g, "gemma4.attention.sliding_window_pattern", 2, sliding);
    put(&g, change, "gemma4.attention.shared_kv_layers", 0);
    put(&g, change, "gemma4.embedding_length_per_layer_input", 0);
    put_real(&g, change, "gemma4.rope.freq_base", 1e6f);
    put_real(&g, change, "gemma4.rope.freq_base_swa", 1e4f);
    put(&g, change, "gemma4.rope.dimension_count", 8);
    put(&g, change, "gemma4.rope.dimension_count_swa", 4);
    put_real(&g, change, "gemma4.final_logit_softcapping", 30.0f);
    put(&g, change, "gemma4.expert_count", 4);
    put(&g, change, "gemma4.expert_used_count", 2);
    put(&g, change, "gemma4.expert_feed_forward_length", 8);
    put(&g, change, "tokenizer.ggml.padding_token_id", 3);
    gguf_tensor(&g, "token_embd.weight", G4_DTYPE_F32, 2, table);
    gguf_tensor(&g, "blk.0.attn_v.weight", G4_DTYPE_F32, 2, values);
    gguf_end_file(&g, folder, "model.gguf");
}

static int read_file(struct g4_config *config, const char *folder, const char *name,
                     struct g4_err *err)
{
    struct g4_weights weights;
    if (g4_weights_open(&weights, fixture_path(folder, name), NULL, err) < 0)
        fail_msg("%s", err->text);
    int status = g4_config_from_gguf(config, &weights, err);
    g4_weights_close(&weights);
    return status;
}

static void as_it_should_be(void **state)
{
    (void)state;
    struct g4_config c;
    struct g4_err err = {0};
    char *folder = fixture_folder();
    text_file(folder, &(struct change){0});
    if (read_file(&c, folder, "model.gguf", &err) < 0)
        fail_msg("%s", err.text);
    assert_int_equal(c.text.vocab_size, 5);
    assert_int_equal(c.text.pad_token_id, 3);
    assert_int_equal(c.text.num_experts, 4);
    assert_int_equal(c.text.top_k_experts, 2);
    assert_true(c.text.image_blocks);
    assert_false(c.text.layer[0].full || c.text.layer[0].k_is_v);
    assert_true(c.text.layer[1].full && c.text.layer[1].k_is_v);
    assert_int_equal(c.text.layer[1].head_dim, 8);
    /* Without rope_freqs what was published with it. */
    assert_true(c.text.rope_full.partial_rotary_factor == 0.25);
    assert_false(c.vision.present || c.audio.present);
    g4_config_release(&c);
    fixture_remove(folder);
}

#define KEY "gemma4."

static const struct change changes[] = {
    {KEY "block_count", NOT_THERE, 0, 0, "gemma4.block_count: missing"},
    {KEY "block_count", NUMBER, 1025, 0, "block_count: expected an integer in 1..1024, got 1025"},
    {KEY "block_count", NUMBER, -1, 0, "block_count: expected an integer in 1..1024, got -1"},
    {KEY "block_count", WORD, 0, 0, "block_count: expected an integer in 1..1024, got 'many'"},
    {KEY "block_count", LIST, 0, 0, "block_count: expected an integer, got an array of 3"},
    {KEY "context_length", NOT_THERE, 0, 0, "context_length: missing"},
    {KEY "embedding_length", NUMBER, 65537, 0, "embedding_length: expected an integer in 1..65536"},
    {KEY "feed_forward_length", LIST, 0, 0, "feed_forward_length"},
    {KEY "feed_forward_length", NOT_THERE, 0, 0, "feed_forward_length: missing"},
    {KEY "feed_forward_length", NUMBER, 0, 0, "feed_forward_length"},
    {KEY "attention.head_count", NUMBER, 0, 0, "head_count"},
    {KEY "attention.head_count_kv", NUMBER, 3, 0, "no multiple of its 3 key/value heads"},
    {KEY "attention.head_count_kv", REAL, 0, 1.5, "head_count_kv"},
    {KEY "attention.key_length", NUMBER, 5000, 0, "key_length: expected an integer in 2..4096"},
    {KEY "attention.key_length_swa", NOT_THERE, 0, 0, "key_length_swa: missing"},
    {KEY "attention.value_length", NUMBER, 4, 0, "value_length: 4, expected 8, that of gemma4"},
    {KEY "rope.dimension_count", NUMBER, 2, 0, "dimension_count: 2, expected 8"},
    {KEY "rope.dimension_count_swa", NUMBER, 2, 0, "dimension_count_swa: 2, expected 4"},
    {KEY "attention.layer_norm_rms_epsilon", NOT_THERE, 0, 0, "layer_norm_rms_epsilon: missing"},
    {KEY "attention.layer_norm_rms_epsilon", REAL, 0, -1, "layer_norm_rms_epsilon"},
    {KEY "attention.sliding_window", NOT_THERE, 0, 0, "sliding_window: missing"},
    {KEY "attention.sliding_window_pattern", NOT_THERE, 0, 0, "sliding_window_pattern: missing"},
    {KEY "attention.sliding_window_pattern", LIST, 0, 0, "sliding_window_pattern"},
    {KEY "attention.sliding_window_pattern", NUMBER, 6, 0, "sliding_window_pattern"},
    {KEY "attention.shared_kv_layers", NUMBER, 3, 0, "shared_kv_layers: expected an integer in 0"},
    {KEY "attention.shared_kv_layers", NUMBER, 1, 0, "layer 1 borrows keys and values"},
    {KEY "embedding_length_per_layer_input", NUMBER, 4097, 0, "embedding_length_per_layer_input"},
    {KEY "rope.freq_base", NOT_THERE, 0, 0, "rope.freq_base: missing"},
    {KEY "rope.freq_base_swa", REAL, 0, 0.5, "rope.freq_base_swa: expected a number in 1.."},
    {KEY "final_logit_softcapping", REAL, 0, -30, "final_logit_softcapping"},
    {KEY "expert_used_count", NOT_THERE, 0, 0, "expert_used_count: expected an integer in 1..4"},
    {KEY "expert_used_count", NUMBER, 5, 0,
     "expert_used_count: expected an integer in 1..4, got 5"},
    {KEY "expert_feed_forward_length", NOT_THERE, 0, 0, "expert_feed_forward_length: missing"},
    {"tokenizer.ggml.padding_token_id", NUMBER, 5, 0, "padding_token_id: expected an integer in 0"},
};

static void damaged_values(void **state)
{
    (void)state;
    char *folder = fixture_folder();
    for (size_t i = 0; i < sizeof changes / sizeof changes[0]; i++) {
        struct g4_config c;
        struct g4_err err = {0};
        text_file(folder, &changes[i]);
        int status = read_file(&c, folder, "model.gguf", &err);
        if (status == 0)
            fail_msg("accepted: %s", changes[i].message);
        assert_message(&err, changes[i].message);
        assert_message(&err, "/model.gguf'");
        assert_true(c.text.layer == NULL && !c.text.present);
    }
    fixture_remove(folder);
}

static void optional_values(void **state)
{
    (void)state;
    static const char *const keys[] = {
        KEY "attention.value_length",      KEY "attention.value_length_swa",
        KEY "rope.dimension_count",        KEY "rope.dimension_count_swa",
        KEY "attention.shared_kv_layers",  KEY "embedding_length_per_layer_input",
        KEY "final_logit_softcapping",     KEY "expert_count",
        "tokenizer.ggml.padding_token_id",
    };
    char *folder = fixture_folder();
    for (size_t i = 0; i < sizeof keys / sizeof keys[0]; i++) {
        struct g4_config c;
        struct g4_err err = {0};
        text_file(folder, &(struct change){keys[i], NOT_THERE, 0, 0, NULL});
        if (read_file(&c, folder, "model.gguf", &err) < 0)
            fail_msg("without %s: %s", keys[i], err.text);
        g4_config_release(&c);
    }
    fixture_remove(folder);
}

/* One value under the pattern's key is every layer's; the last layer is full all the same. */
static void one_pattern_for_all(void **state)
{
    (void)state;
    struct g4_config c;
    struct g4_err err = {0};
    char *folder = fixture_folder();
    text_file(folder, &(struct change){KEY "attention.sliding_window_pattern", NUMBER, 1, 0, NULL});
    assert_int_equal(read_file(&c, folder, "model.gguf", &err), 0);
    assert_false(c.text.layer[0].full);
    assert_true(c.text.layer[1].full);
    g4_config_release(&c);
    fixture_remove(folder);
}

/* ------------------------------------------------------------------------------- damaged towers */

struct tower_case {
    const char *vision, *audio; /* projector types; NULL: no such tower */
    uint32_t heads, mels, width;
    bool with_table;
    const char *message;
};

static void tower_file(const char *folder, const struct tower_case *t)
{
    static const int64_t table[] = {8, 16, 2};
    const int64_t projection[] = {8, 16};
    struct gguf_fixture g;
    gguf_begin(&g);
    gguf_put_string(&g, "general.architecture", "clip");
    gguf_put_bool(&g, "clip.has_vision_encoder", t->vision != NULL);
    gguf_put_bool(&g, "clip.has_audio_encoder", t->audio != NULL);
    if (t->vision && t->vision[0])
        gguf_put_string(&g, "clip.vision.projector_type", t->vision);
    gguf_put_u32(&g, "clip.vision.embedding_length", 8);
    gguf_put_u32(&g, "clip.vision.block_count", 1);
    gguf_put_u32(&g, "clip.vision.feed_forward_length", 16);
    gguf_put_u32(&g, "clip.vision.attention.head_count", t->heads);
    gguf_put_u32(&g, "clip.vision.patch_size", 16);
    gguf_put_u32(&g, "clip.vision.projection_dim", t->width);
    if (t->audio)
        gguf_put_string(&g, "clip.audio.projector_type", t->audio);
    gguf_put_u32(&g, "clip.audio.embedding_length", 8);
    gguf_put_u32(&g, "clip.audio.block_count", 1);
    gguf_put_u32(&g, "clip.audio.attention.head_count", 2);
    gguf_put_u32(&g, "clip.audio.num_mel_bins", t->mels);
    if (t->with_table)
        gguf_tensor(&g, "v.position_embd.weight", G4_DTYPE_F32, 3, table);
    gguf_tensor(&g, "mm.input_projection.weight", G4_DTYPE_F32, 2, projection);
    gguf_end_file(&g, folder, "mmproj.gguf");
}

static void damaged_towers(void **state)
{
    (void)state;
    static const struct tower_case cases[] = {
        {"gemma4v", NULL, 2, 128, 16, true, NULL},
        {NULL, NULL, 2, 128, 16, true, "neither clip.has_vision_encoder nor"},
        {"", NULL, 2, 128, 16, true, "clip.projector_type: missing"},
        {"gemma3", NULL, 2, 128, 16, true,
         "clip.vision.projector_type: 'gemma3', expected 'gemma4v' or 'gemma4uv'"},
        {"gemma4a", NULL, 2, 128, 16, true, "clip.vision.projector_type: 'gemma4a'"},
        {"gemma4v", NULL, 0, 128, 16, true, "head_count: expected an integer in 1..1024, got 0"},
        {"gemma4v", NULL, 3, 128, 16, true, "3 heads of head_dim 2 do not make hidden_size 8"},
        {"gemma4v", NULL, 4, 128, 16, true, "head_dim 2 is no multiple of 4"},
        {"gemma4v", NULL, 2, 128, 17, true, "clip.vision.projection_dim: 17, but tensor"},
        {"gemma4v", NULL, 2, 128, 16, false, "position_embedding_table': missing"},
        {"gemma4v", "gemma4a", 2, 80, 16, true, "num_mel_bins: expected an integer in 128..128"},
        {"gemma4v", "gemma4a", 2, 128, 16, true, "layer0.conv.weight': missing"},
        {"gemma4v", "qwen2a", 2, 128, 16, true,
         "clip.audio.projector_type: 'qwen2a', expected 'gemma4a' or 'gemma4ua'"},
    };
    char *folder = fixture_folder();
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct g4_config c;
        struct g4_err err = {0};
        tower_file(folder, &cases[i]);
        int status = read_file(&c, folder, "mmproj.gguf", &err);
        if (!cases[i].message) {
            assert_int_equal(status, 0);
            assert_int_equal(c.text.hidden_size, 16);
            assert_false(c.text.present || c.vision.use_clipped_linears || c.vision.standardize);
            continue;
        }
        assert_true(status < 0);
        assert_message(&err, cases[i].message);
        assert_message(&err, "/mmproj.gguf'");
    }
    fixture_remove(folder);
}

static void towers_of_another_width(void **state)
{
    (void)state;
    struct g4_weights weights;
    struct g4_config c;
    struct g4_err err = {0};
    char *folder = fixture_twins("", GOLDEN "decoder-e2b " GOLDEN "vision-small");
    assert_int_equal(g4_weights_open(&weights, fixture_path(folder, "decoder-e2b/model.gguf"),
                                     fixture_path(folder, "vision-small/mmproj.gguf"), &err),
                     0);
    assert_int_equal(g4_config_from_gguf(&c, &weights, &err), G4_EINPUT);
    assert_message(&err, "vision-small/mmproj.gguf': towers for a text model of width 64, '");
    assert_message(&err, "decoder-e2b/model.gguf' has 96");
    g4_weights_close(&weights);
    fixture_remove(folder);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(as_config_json),  cmocka_unit_test(one_file_for_all),
        cmocka_unit_test(as_it_should_be), cmocka_unit_test(damaged_values),
        cmocka_unit_test(optional_values), cmocka_unit_test(one_pattern_for_all),
        cmocka_unit_test(damaged_towers),  cmocka_unit_test(towers_of_another_width),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

/* Names of GGUF files: every tensor of the shipped models there and back, both dialects. */
#include "tests/unit/model_fixture.h"

#include "lib/format/safetensors.h"
#include "lib/model/gguf_names.h"

static void there_and_back(enum g4_store store, bool unified, const char *published)
{
    char stored[G4_NAME_BYTES], back[G4_NAME_BYTES];
    if (!g4_gguf_name(stored, store, published))
        fail_msg("no name for '%s'", published);
    if (!g4_gguf_published(back, store, unified, stored))
        fail_msg("'%s' of '%s' is unknown", stored, published);
    assert_string_equal(back, published);
}

static void published_names(void **state)
{
    (void)state;
    static const struct {
        const char *file;
        bool unified;
        size_t tensors;
    } models[] = {
        {DEMO "/model.safetensors", false, 552},
        {GOLDEN "decoder-e2b/model.safetensors", false, 141},
        {GOLDEN "decoder-e4b/model.safetensors", false, 132},
        {GOLDEN "decoder-12b/model.safetensors", false, 84},
        {GOLDEN "decoder-26b/model.safetensors", false, 132},
        {GOLDEN "decoder-31b/model.safetensors", false, 98},
        {GOLDEN "vision-small/model.safetensors", false, 126},
        {GOLDEN "vision-large/model.safetensors", false, 57},
        {GOLDEN "audio-e2b/model.safetensors", false, 194},
        {GOLDEN "unified-12b/model.safetensors", true, 11},
    };
    for (size_t m = 0; m < sizeof models / sizeof models[0]; m++) {
        struct g4_safetensors file;
        struct g4_err err = {0};
        if (g4_safetensors_open(&file, models[m].file, &err) < 0)
            fail_msg("%s", err.text);
        assert_int_equal(file.count, models[m].tensors);
        for (size_t i = 0; i < file.count; i++) {
            there_and_back(G4_STORE_GGUF, models[m].unified, file.tensors[i].name);
            if (!models[m].unified)
                there_and_back(G4_STORE_OLLAMA, false, file.tensors[i].name);
        }
        g4_safetensors_close(&file);
    }
}

/* Every line of tests/data/gguf-names.txt, in layers of one and two digits. */
static void stored_names(void **state)
{
    (void)state;
    static const char *const layers[] = {"0", "17"};
    char line[G4_NAME_BYTES], stored[2 * G4_NAME_BYTES], published[G4_NAME_BYTES];
    size_t lines = 0;
    FILE *file = fopen("tests/data/gguf-names.txt", "r");
    assert_non_null(file);
    while (fgets(line, sizeof line, file)) {
        line[strcspn(line, "\n")] = '\0';
        if (line[0] == '#')
            continue;
        lines++;
        const char *layer = strstr(line, ".N.");
        for (size_t i = 0; i < 2; i++) {
            char back[G4_NAME_BYTES];
            if (layer)
                snprintf(stored, sizeof stored, "%.*s.%s%s", (int)(layer - line), line, layers[i],
                         layer + 2);
            else
                snprintf(stored, sizeof stored, "%s", line);
            if (!g4_gguf_published(published, G4_STORE_GGUF, false, stored))
                fail_msg("'%s' is unknown", stored);
            assert_true(g4_gguf_name(back, G4_STORE_GGUF, published));
            assert_string_equal(back, stored);
        }
    }
    fclose(file);
    assert_int_equal(lines, 137);
}

struct one {
    enum g4_store store;
    bool unified;
    const char *stored, *published;
};

#define TEXT   "model.language_model."
#define LAYER  TEXT "layers.3."
#define VISION "model.vision_tower."
#define PLAIN  "model.vision_embedder."
#define BLOCK  "model.audio_tower.layers.11."
#define CONV   "model.audio_tower.subsample_conv_projection."

static const struct one pairs[] = {
    {G4_STORE_GGUF, false, "output.weight", "lm_head.weight"},
    {G4_STORE_GGUF, false, "rope_freqs.weight", "rope_freqs.weight"},
    {G4_STORE_GGUF, false, "blk.3.ffn_gate_inp.weight", LAYER "router.proj.weight"},
    {G4_STORE_GGUF, false, "blk.3.ffn_gate_inp.scale", LAYER "router.scale"},
    {G4_STORE_GGUF, false, "blk.3.ffn_down_exps.scale", LAYER "router.per_expert_scale"},
    {G4_STORE_GGUF, false, "blk.3.ffn_gate_exps.weight", LAYER "experts.gate_proj"},
    {G4_STORE_GGUF, false, "blk.3.ffn_up_exps.weight", LAYER "experts.up_proj"},
    {G4_STORE_GGUF, false, "blk.3.layer_output_scale.weight", LAYER "layer_scalar"},
    {G4_STORE_GGUF, false, "v.blk.3.ln2.weight",
     VISION "encoder.layers.3.pre_feedforward_layernorm.weight"},
    {G4_STORE_GGUF, false, "v.blk.3.ffn_up.input_min",
     VISION "encoder.layers.3.mlp.up_proj.input_min"},
    {G4_STORE_GGUF, false, "v.patch_embd.weight", VISION "patch_embedder.input_proj.weight"},
    {G4_STORE_GGUF, false, "v.position_embd.weight",
     VISION "patch_embedder.position_embedding_table"},
    {G4_STORE_GGUF, true, "v.patch_embd.weight", PLAIN "patch_dense.weight"},
    {G4_STORE_GGUF, true, "v.position_embd.weight", PLAIN "pos_embedding"},
    {G4_STORE_GGUF, true, "v.patch_norm.3.bias", PLAIN "pos_norm.bias"},
    {G4_STORE_GGUF, true, "mm.a.input_projection.weight",
     "model.embed_audio.embedding_projection.weight"},
    {G4_STORE_GGUF, false, "a.pre_encode.out.weight", "model.audio_tower.output_proj.weight"},
    {G4_STORE_OLLAMA, false, "a.pre_encode.out.weight", CONV "input_proj_linear.weight"},
    {G4_STORE_GGUF, false, "a.input_projection.weight", CONV "input_proj_linear.weight"},
    {G4_STORE_OLLAMA, false, "mm.a.fc.bias", "model.audio_tower.output_proj.bias"},
    {G4_STORE_GGUF, false, "a.blk.11.ln2.weight", BLOCK "norm_out.weight"},
    {G4_STORE_OLLAMA, false, "a.blk.11.ln2.weight", BLOCK "norm_post_attn.weight"},
    {G4_STORE_OLLAMA, false, "a.blk.11.ln1.weight", BLOCK "norm_pre_attn.weight"},
    {G4_STORE_OLLAMA, false, "a.blk.11.layer_pre_norm.weight", BLOCK "norm_out.weight"},
    {G4_STORE_OLLAMA, false, "a.blk.11.linear_pos.weight",
     BLOCK "self_attn.relative_k_proj.weight"},
    {G4_STORE_GGUF, false, "a.blk.11.conv_norm.weight", BLOCK "lconv1d.pre_layer_norm.weight"},
    {G4_STORE_OLLAMA, false, "a.blk.11.norm_conv.weight", BLOCK "lconv1d.conv_norm.weight"},
    {G4_STORE_GGUF, false, "a.blk.11.ffn_down_1.output_max",
     BLOCK "feed_forward2.ffw_layer_2.output_max"},
};

static void what_names_mean(void **state)
{
    (void)state;
    char out[G4_NAME_BYTES];
    for (size_t i = 0; i < sizeof pairs / sizeof pairs[0]; i++) {
        assert_true(g4_gguf_name(out, pairs[i].store, pairs[i].published));
        assert_string_equal(out, pairs[i].stored);
        assert_true(g4_gguf_published(out, pairs[i].store, pairs[i].unified, pairs[i].stored));
        assert_string_equal(out, pairs[i].published);
    }
}

static void older_spellings(void **state)
{
    (void)state;
    static const char *const stored[][2] = {
        {"blk.3.ffn_gate_inp.per_expert_scale", LAYER "router.per_expert_scale"},
        {"blk.3.layer_scalar", LAYER "layer_scalar"},
    };
    char out[G4_NAME_BYTES];
    for (size_t i = 0; i < sizeof stored / sizeof stored[0]; i++) {
        assert_true(g4_gguf_published(out, G4_STORE_GGUF, false, stored[i][0]));
        assert_string_equal(out, stored[i][1]);
        assert_true(g4_gguf_published(out, G4_STORE_OLLAMA, false, stored[i][0]));
        assert_string_equal(out, stored[i][1]);
    }
}

static void unknown_names(void **state)
{
    (void)state;
    static const char *const stored[] = {
        "",
        "blk",
        "blk.",
        "blk.3",
        "blk.3.",
        "blk..attn_q.weight",
        "blk.x.attn_q.weight",
        "blk.03.attn_q.weight",
        "blk.-1.attn_q.weight",
        "blk.9999999999.attn_q.weight",
        "blk.3.attn_q",
        "blk.3.attn_q.weightx",
        "blk.3.attn_q.input_min",
        "v.blk.3.attn_q.linear.weight",
        "v.blk.3.attn_q.bias",
        "v.clamp_data",
        "a.blk.3.ln1.weight",
        "mm.a.fc.weight",
        "v.patch_embd.bias",
    };
    static const char *const published[] = {
        "",
        "model.language_model.layers.3.experts.5.gate_proj.weight",
        "model.language_model.layers.3.self_attn.q_proj",
        "model.vision_tower.encoder.layers.3.self_attn.q_proj.weight",
        "model.audio_tower.layers.3.self_attn.q_proj.linear.bias",
        "language_model.model.norm.weight",
    };
    char out[G4_NAME_BYTES];
    for (size_t i = 0; i < sizeof stored / sizeof stored[0]; i++)
        if (g4_gguf_published(out, G4_STORE_GGUF, false, stored[i]))
            fail_msg("'%s' was taken for '%s'", stored[i], out);
    for (size_t i = 0; i < sizeof published / sizeof published[0]; i++)
        if (g4_gguf_name(out, G4_STORE_GGUF, published[i]))
            fail_msg("'%s' was taken for '%s'", published[i], out);
    assert_false(g4_gguf_published(out, G4_STORE_OLLAMA, false, "a.input_projection.weight"));
    assert_false(g4_gguf_name(out, G4_STORE_OLLAMA, PLAIN "patch_dense.weight"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(published_names), cmocka_unit_test(stored_names),
        cmocka_unit_test(what_names_mean), cmocka_unit_test(older_spellings),
        cmocka_unit_test(unknown_names),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

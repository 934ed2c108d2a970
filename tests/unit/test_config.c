/* config.json: what the shipped ones mean, both spellings, and every member spoilt once. */
#include "tests/unit/model_fixture.h"

#include "lib/format/json_read.h"
#include "lib/model/config.h"

#define E2B     GOLDEN "decoder-e2b/config.json"
#define M26B    GOLDEN "decoder-26b/config.json"
#define VISION  GOLDEN "vision-small/config.json"
#define AUDIO   GOLDEN "audio-e2b/config.json"
#define UNIFIED GOLDEN "unified-12b/config.json"

static void load(struct g4_config *config, const char *path)
{
    struct g4_err err = {0};
    if (g4_config_load(config, path, &err) < 0)
        fail_msg("%s", err.text);
}

/* Sets the member at the dotted path to a JSON value; NULL deletes it. */
static void spoil(json_t *root, const char *path, const char *value)
{
    char part[64];
    json_t *object = root;
    const char *dot;
    while ((dot = strchr(path, '.')) != NULL) {
        snprintf(part, sizeof part, "%.*s", (int)(dot - path), path);
        object = json_object_get(object, part);
        assert_non_null(object);
        path = dot + 1;
    }
    if (!value) {
        assert_int_equal(json_object_del(object, path), 0);
        return;
    }
    json_t *parsed = json_loads(value, JSON_DECODE_ANY, NULL);
    assert_non_null(parsed);
    assert_int_equal(json_object_set_new(object, path, parsed), 0);
}

/* Reads `file` with one member changed. */
static int read_spoilt(struct g4_config *config, const char *file, const char *path,
                       const char *value, struct g4_err *err)
{
    json_t *root;
    assert_int_equal(g4_json_load(&root, file, 1 << 20, err), 0);
    spoil(root, path, value);
    int status = g4_config_read(config, root, "c", err);
    json_decref(root);
    if (status < 0)
        assert_null(config->text.layer);
    return status;
}

static void e2b_is_resolved(void **state)
{
    (void)state;
    struct g4_config c;
    load(&c, E2B);
    const struct g4_text_config *t = &c.text;
    static const size_t source[8] = {0, 1, 2, 3, 2, 2, 2, 3};
    assert_true(t->present && !c.vision.present && !c.audio.present);
    assert_int_equal(t->hidden_size, 96);
    assert_int_equal(t->num_hidden_layers, 8);
    assert_int_equal(t->vocab_size, 320);
    assert_int_equal(t->hidden_size_per_layer_input, 16);
    assert_int_equal(t->sliding_window, 8);
    assert_int_equal(t->first_shared, 4);
    assert_int_equal(t->num_experts, 0);
    assert_true(!t->image_blocks && t->final_logit_softcapping == 30.0f &&
                t->rms_norm_eps == 1e-6f);
    assert_true(t->rope_full.theta == 1e6 && t->rope_full.partial_rotary_factor == 0.25);
    assert_true(t->rope_sliding.theta == 1e4 && t->rope_sliding.partial_rotary_factor == 1.0);
    for (size_t i = 0; i < 8; i++) {
        const struct g4_layer_config *l = &t->layer[i];
        bool full = i % 4 == 3;
        assert_true(l->full == full && !l->k_is_v);
        assert_int_equal(l->head_dim, full ? 32 : 16);
        assert_int_equal(l->kv_heads, 1);
        assert_int_equal(l->intermediate_size, i < 4 ? 96 : 192);
        assert_int_equal(l->source, source[i]);
    }
    assert_string_equal(g4_config_variant(&c), "custom");
    g4_config_release(&c);
    g4_config_release(&c);
}

/* The last owner of the same type, which is not always two or one before the first borrower. */
static void e4b_borrows_across(void **state)
{
    (void)state;
    struct g4_config c;
    load(&c, GOLDEN "decoder-e4b/config.json");
    static const size_t source[8] = {0, 1, 2, 3, 4, 2, 4, 2};
    for (size_t i = 0; i < 8; i++)
        assert_int_equal(c.text.layer[i].source, source[i]);
    g4_config_release(&c);
}

static void moe_and_k_eq_v(void **state)
{
    (void)state;
    struct g4_config c;
    load(&c, M26B);
    assert_int_equal(c.text.num_experts, 8);
    assert_int_equal(c.text.top_k_experts, 3);
    assert_int_equal(c.text.moe_intermediate_size, 24);
    assert_true(c.text.image_blocks);
    assert_true(!c.text.layer[1].k_is_v && c.text.layer[2].k_is_v);
    assert_int_equal(c.text.layer[1].kv_heads, 4);
    assert_int_equal(c.text.layer[2].kv_heads, 2);
    assert_int_equal(c.text.layer[2].head_dim, 32);
    g4_config_release(&c);
}

static void media_parts(void **state)
{
    (void)state;
    struct g4_config c;
    load(&c, DEMO "/config.json");
    assert_true(c.vision.present && !c.vision.unified && c.vision.use_clipped_linears &&
                !c.vision.standardize);
    assert_int_equal(c.vision.hidden_size, 96);
    assert_int_equal(c.vision.num_attention_heads, 3);
    assert_int_equal(c.vision.head_dim, 32);
    assert_int_equal(c.vision.position_embedding_size, 4096);
    assert_int_equal(c.vision.default_output_length, 280);
    assert_true(c.vision.rope_theta == 100.0);
    assert_true(c.audio.present && !c.audio.unified);
    assert_int_equal(c.audio.conv_channels[0], 128);
    assert_int_equal(c.audio.conv_channels[1], 16);
    assert_int_equal(c.audio.attention_context_left, 13);
    assert_int_equal(c.audio.output_proj_dims, 128);
    assert_true(c.audio.residual_weight == 0.5f && c.audio.attention_logit_cap == 50.0f);
    g4_config_release(&c);
    load(&c, GOLDEN "vision-large/config.json");
    assert_true(c.vision.standardize && !c.vision.use_clipped_linears && c.vision.head_dim == 24);
    g4_config_release(&c);
    load(&c, UNIFIED);
    assert_true(c.vision.unified && c.audio.unified);
    assert_int_equal(c.vision.patch_size, 16);
    assert_int_equal(c.vision.pooling_kernel_size, 3);
    assert_int_equal(c.vision.mm_embed_dim, 48);
    assert_int_equal(c.vision.position_embedding_size, 1120);
    assert_int_equal(c.audio.audio_embed_dim, 640);
    g4_config_release(&c);
}

static void both_spellings_are_equal(void **state)
{
    (void)state;
    static const char *const cases[] = {"12b", "26b", "31b"};
    for (size_t i = 0; i < 3; i++) {
        char path[80];
        struct g4_config a, b;
        snprintf(path, sizeof path, GOLDEN "decoder-%s/config.json", cases[i]);
        load(&a, path);
        snprintf(path, sizeof path, GOLDEN "decoder-%s/config-per-layer.json", cases[i]);
        load(&b, path);
        assert_true(g4_config_equal(&a, &b));
        b.text.layer[2].head_dim++;
        assert_false(g4_config_equal(&a, &b));
        g4_config_release(&a);
        g4_config_release(&b);
    }
}

/* Without text_config the document is the text part. */
static void text_only(void **state)
{
    (void)state;
    struct g4_config whole, text;
    struct g4_err err = {0};
    json_t *root;
    load(&whole, E2B);
    assert_int_equal(g4_json_load(&root, E2B, 1 << 20, &err), 0);
    if (g4_config_read(&text, json_object_get(root, "text_config"), "c", &err) < 0)
        fail_msg("%s", err.text);
    assert_true(g4_config_equal(&whole, &text));
    json_decref(root);
    g4_config_release(&whole);
    g4_config_release(&text);
}

static void variants(void **state)
{
    (void)state;
    static const struct {
        size_t layers, hidden;
        const char *name;
    } released[] = {
        {35, 1536, "E2B"},     {42, 2560, "E4B"}, {48, 3840, "12B"},
        {30, 2816, "26B-A4B"}, {60, 5376, "31B"}, {35, 1535, "custom"},
    };
    for (size_t i = 0; i < sizeof released / sizeof released[0]; i++) {
        struct g4_config c = {
            .text = {.num_hidden_layers = released[i].layers, .hidden_size = released[i].hidden}};
        assert_string_equal(g4_config_variant(&c), released[i].name);
    }
}

/* What a member that is missing or null means. */
static void defaults(void **state)
{
    (void)state;
    struct g4_config c;
    struct g4_err err = {0};
    assert_int_equal(read_spoilt(&c, M26B, "text_config.layer_types", NULL, &err), 0);
    for (size_t i = 0; i < 6; i++)
        assert_true(c.text.layer[i].full == (i == 5));
    g4_config_release(&c);
    assert_int_equal(read_spoilt(&c, M26B, "text_config.layer_types", "null", &err), 0);
    g4_config_release(&c);
    /* The last layer is full whatever the list says. */
    assert_int_equal(
        read_spoilt(&c, M26B, "text_config.layer_types",
                    "[\"full_attention\", \"sliding_attention\", \"sliding_attention\","
                    " \"sliding_attention\", \"sliding_attention\", \"sliding_attention\"]",
                    &err),
        0);
    for (size_t i = 0; i < 6; i++)
        assert_true(c.text.layer[i].full == (i == 0 || i == 5));
    g4_config_release(&c);
    assert_int_equal(read_spoilt(&c, M26B, "text_config.global_head_dim", NULL, &err), 0);
    assert_int_equal(c.text.layer[2].head_dim, 512);
    g4_config_release(&c);
    assert_int_equal(read_spoilt(&c, M26B, "text_config.num_global_key_value_heads", "null", &err),
                     0);
    assert_int_equal(c.text.layer[2].kv_heads, 4);
    g4_config_release(&c);
    /* Without attention_k_eq_v the full layers have as many heads as the others. */
    assert_int_equal(read_spoilt(&c, M26B, "text_config.attention_k_eq_v", "false", &err), 0);
    assert_true(c.text.layer[2].kv_heads == 4 && !c.text.layer[2].k_is_v);
    g4_config_release(&c);
    assert_int_equal(read_spoilt(&c, M26B, "text_config.final_logit_softcapping", "null", &err), 0);
    assert_true(c.text.final_logit_softcapping == 0);
    g4_config_release(&c);
    assert_int_equal(read_spoilt(&c, M26B, "text_config.use_bidirectional_attention", NULL, &err),
                     0);
    assert_false(c.text.image_blocks);
    g4_config_release(&c);
    assert_int_equal(read_spoilt(&c, M26B, "text_config.enable_moe_block", "false", &err), 0);
    assert_int_equal(c.text.num_experts, 0);
    g4_config_release(&c);
    assert_int_equal(read_spoilt(&c, VISION, "vision_config.head_dim", NULL, &err), 0);
    assert_int_equal(c.vision.head_dim, 16);
    g4_config_release(&c);
    assert_int_equal(read_spoilt(&c, VISION, "vision_config", NULL, &err), 0);
    assert_false(c.vision.present);
    g4_config_release(&c);
}

struct spoilt {
    const char *file, *path, *value;
    int code;
    const char *message;
};

static const struct spoilt bad[] = {
    {E2B, "model_type", "\"llama\"", G4_EUNSUPPORTED,
     "'c': model_type 'llama', expected a Gemma 4 model"},
    {E2B, "model_type", "\"gemma4_assistant\"", G4_EUNSUPPORTED, "a drafter"},
    {E2B, "model_type", "\"gemma40\"", G4_EUNSUPPORTED, "model_type 'gemma40'"},
    {E2B, "model_type", NULL, G4_EINPUT, "model_type: missing"},
    {E2B, "model_type", "4", G4_EINPUT, "model_type: expected a string, got 4"},
    {E2B, "quantization_config", "{\"quant_method\": \"gptq\"}", G4_EUNSUPPORTED,
     "quantization_config.quant_method: expected \"compressed-tensors\" or \"gemma\", got "
     "\"gptq\""},
    {E2B, "quantization_config", "{\"bits\": 4}", G4_EUNSUPPORTED,
     "quantization_config.quant_method: missing"},
    {E2B, "quantization_config", "[]", G4_EINPUT, "quantization_config: expected an object"},
    {E2B, "text_config", "[]", G4_EINPUT, "text_config: expected an object, got an array"},
    {E2B, "text_config", NULL, G4_EINPUT, "hidden_size: missing"},
    {E2B, "tie_word_embeddings", "0", G4_EINPUT, "tie_word_embeddings: expected true or false"},
    {E2B, "text_config.hidden_size", "\"96\"", G4_EINPUT,
     "text_config.hidden_size: expected an integer in 1..65536, got \"96\""},
    {E2B, "text_config.hidden_size", "0", G4_EINPUT, "got 0"},
    {E2B, "text_config.hidden_size", "-96", G4_EINPUT, "got -96"},
    {E2B, "text_config.hidden_size", "9223372036854775807", G4_EINPUT, "got 9223372036854775807"},
    {E2B, "text_config.hidden_size", "96.0", G4_EINPUT, "text_config.hidden_size"},
    {E2B, "text_config.num_hidden_layers", "0", G4_EINPUT, "text_config.num_hidden_layers"},
    {E2B, "text_config.num_hidden_layers", "1000000", G4_EINPUT, "text_config.num_hidden_layers"},
    {E2B, "text_config.num_hidden_layers", "7", G4_EINPUT,
     "layer_types: 8 entries for num_hidden_layers 7"},
    {E2B, "text_config.layer_types", "[]", G4_EINPUT, "layer_types: 0 entries"},
    {E2B, "text_config.layer_types", "{}", G4_EINPUT, "layer_types: expected an array"},
    {M26B, "text_config.layer_types", "[1, 2, 3, 4, 5, 6]", G4_EINPUT,
     "layer_types[0]: expected \"full_att"},
    {M26B, "text_config.layer_types", "[\"x\", 2, 3, 4, 5, 6]", G4_EINPUT,
     "layer_types[0]: expected \"full_att"},
    {E2B, "text_config.vocab_size", "16777217", G4_EINPUT, "text_config.vocab_size"},
    {E2B, "text_config.num_attention_heads", "0", G4_EINPUT, "text_config.num_attention_heads"},
    {E2B, "text_config.num_key_value_heads", "3", G4_EINPUT,
     "layer 0: num_attention_heads 4 is no multiple of its 3 key/value heads"},
    {E2B, "text_config.num_key_value_heads", "0", G4_EINPUT, "text_config.num_key_value_heads"},
    {M26B, "text_config.num_global_key_value_heads", "3", G4_EINPUT,
     "layer 2: num_attention_heads 8"},
    {E2B, "text_config.head_dim", "15", G4_EINPUT, "layer 0: head_dim 15 is odd"},
    {E2B, "text_config.head_dim", "0", G4_EINPUT, "text_config.head_dim"},
    {E2B, "text_config.global_head_dim", "33", G4_EINPUT, "layer 3: head_dim 33 is odd"},
    {E2B, "text_config.intermediate_size", "1048577", G4_EINPUT, "text_config.intermediate_size"},
    {E2B, "text_config.sliding_window", "0", G4_EINPUT, "text_config.sliding_window"},
    {E2B, "text_config.max_position_embeddings", "0", G4_EINPUT,
     "text_config.max_position_embeddings"},
    {E2B, "text_config.rms_norm_eps", "0", G4_EINPUT, "text_config.rms_norm_eps"},
    {E2B, "text_config.rms_norm_eps", "-1e-6", G4_EINPUT, "text_config.rms_norm_eps"},
    {E2B, "text_config.rms_norm_eps", "\"1e-6\"", G4_EINPUT, "text_config.rms_norm_eps"},
    {E2B, "text_config.final_logit_softcapping", "-1", G4_EINPUT,
     "text_config.final_logit_softcapping"},
    {E2B, "text_config.num_kv_shared_layers", "9", G4_EINPUT, "text_config.num_kv_shared_layers"},
    {E2B, "text_config.num_kv_shared_layers", "-1", G4_EINPUT, "text_config.num_kv_shared_layers"},
    {E2B, "text_config.num_kv_shared_layers", "8", G4_EINPUT,
     "layer 0 borrows keys and values, but no sliding"},
    {E2B, "text_config.num_kv_shared_layers", "5", G4_EINPUT,
     "layer 3 borrows keys and values, but no full"},
    {E2B, "text_config.layer_types", NULL, G4_EINPUT,
     "layer 5 borrows keys and values, but no full"},
    {E2B, "text_config.per_layer_config", "{\"7\": {\"head_dim\": 64}}", G4_EINPUT,
     "layer 7 reads keys and values of layer 3, whose heads have another shape"},
    {E2B, "text_config.per_layer_config", "{\"3\": {\"head_dim\": \"64\"}}", G4_EINPUT,
     "text_config.per_layer_config.3.head_dim: expected an integer"},
    {E2B, "text_config.per_layer_config", "{\"3\": 64}", G4_EINPUT,
     "text_config.per_layer_config.3: expected an ob"},
    {E2B, "text_config.hidden_activation", "\"relu\"", G4_EINPUT,
     "expected \"gelu_pytorch_tanh\", got \"relu\""},
    {E2B, "text_config.attention_bias", "true", G4_EINPUT,
     "attention_bias: expected false, got true"},
    {E2B, "text_config.use_bidirectional_attention", "\"all\"", G4_EINPUT,
     "use_bidirectional_attention: expected \"vision\" or null, got \"all\""},
    {E2B, "text_config.pad_token_id", "320", G4_EINPUT, "text_config.pad_token_id"},
    {E2B, "text_config.rope_parameters", NULL, G4_EINPUT, "text_config.rope_parameters: missing"},
    {E2B, "text_config.rope_parameters.full_attention", NULL, G4_EINPUT,
     "rope_parameters.full_attention: miss"},
    {E2B, "text_config.rope_parameters.full_attention.rope_theta", "0", G4_EINPUT,
     "text_config.rope_parameters.full_attention.rope_theta: expected a number"},
    {E2B, "text_config.rope_parameters.full_attention.rope_type", "\"yarn\"", G4_EINPUT,
     "got \"yarn\""},
    {E2B, "text_config.rope_parameters.full_attention.partial_rotary_factor", "1.5", G4_EINPUT,
     "got 1.5"},
    {M26B, "text_config.num_experts", "null", G4_EINPUT,
     "num_experts: expected an integer in 1..4096, got null"},
    {M26B, "text_config.top_k_experts", "9", G4_EINPUT,
     "top_k_experts: expected an integer in 1..8, got 9"},
    {M26B, "text_config.moe_intermediate_size", "0", G4_EINPUT,
     "text_config.moe_intermediate_size"},
    {VISION, "vision_config.model_type", "\"siglip\"", G4_EINPUT,
     "vision_config.model_type: expected"},
    {VISION, "vision_config.head_dim", "12", G4_EINPUT,
     "vision_config: 3 heads of head_dim 12 do not make hid"},
    {VISION, "vision_config.num_attention_heads", "0", G4_EINPUT,
     "vision_config.num_attention_heads"},
    {VISION, "vision_config.num_key_value_heads", "1", G4_EINPUT,
     "vision_config.num_key_value_heads"},
    {VISION, "vision_config.patch_size", "0", G4_EINPUT, "vision_config.patch_size"},
    {VISION, "vision_config.patch_size", "65", G4_EINPUT, "vision_config.patch_size"},
    {VISION, "vision_config.pooling_kernel_size", "0", G4_EINPUT,
     "vision_config.pooling_kernel_size"},
    {VISION, "vision_config.position_embedding_size", "-3", G4_EINPUT,
     "vision_config.position_embedding_size"},
    {VISION, "vision_config.rope_parameters", NULL, G4_EINPUT,
     "vision_config.rope_parameters: missing"},
    {VISION, "vision_config.use_clipped_linears", "1", G4_EINPUT, "expected true or false, got 1"},
    {VISION, "vision_config.rms_norm_eps", "0", G4_EINPUT, "vision_config.rms_norm_eps"},
    {UNIFIED, "vision_config.model_patch_size", "47", G4_EINPUT,
     "patch_size x pooling_kernel_size, 48, got 47"},
    {UNIFIED, "vision_config.mm_posemb_size", NULL, G4_EINPUT,
     "vision_config.mm_posemb_size: missing"},
    {UNIFIED, "audio_config.audio_embed_dim", "0", G4_EINPUT, "audio_config.audio_embed_dim"},
    {UNIFIED, "audio_config.audio_samples_per_token", "320", G4_EINPUT,
     "audio_embed_dim, 640, got 320"},
    {AUDIO, "audio_config.hidden_size", "49", G4_EINPUT,
     "hidden_size 49 is no multiple of num_attention_heads 3"},
    {AUDIO, "audio_config.hidden_size", "51", G4_EINPUT, "hidden_size 51 is odd"},
    {AUDIO, "audio_config.conv_kernel_size", "65", G4_EINPUT, "audio_config.conv_kernel_size"},
    {AUDIO, "audio_config.subsampling_conv_channels", "[128]", G4_EINPUT,
     "two integers in 1..4096"},
    {AUDIO, "audio_config.subsampling_conv_channels", "[128, \"4\"]", G4_EINPUT,
     "two integers in 1..4096"},
    {AUDIO, "audio_config.subsampling_conv_channels", "[128, 0]", G4_EINPUT,
     "two integers in 1..4096"},
    {AUDIO, "audio_config.attention_context_left", "1", G4_EINPUT,
     "audio_config.attention_context_left"},
    {AUDIO, "audio_config.attention_context_right", "1", G4_EINPUT,
     "audio_config.attention_context_right"},
    {AUDIO, "audio_config.attention_logit_cap", "0", G4_EINPUT, "audio_config.attention_logit_cap"},
    {AUDIO, "audio_config.hidden_act", "\"gelu\"", G4_EINPUT, "expected \"silu\", got \"gelu\""},
    {AUDIO, "audio_config.output_proj_dims", NULL, G4_EINPUT,
     "audio_config.output_proj_dims: missing"},
};

static void spoilt_members(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        struct g4_config c;
        struct g4_err err = {0};
        int status = read_spoilt(&c, bad[i].file, bad[i].path, bad[i].value, &err);
        if (status != bad[i].code)
            fail_msg("%s = %s: status %d, \"%s\"", bad[i].path, bad[i].value, status, err.text);
        assert_message(&err, bad[i].message);
        assert_message(&err, "'c': ");
    }
}

/* int4 groups as published, with `member` of config_groups.g (dotted) replaced. */
static int read_groups(struct g4_config *c, const char *path, const char *value, struct g4_err *err)
{
    static const char form[] =
        "{\"quant_method\": \"compressed-tensors\", \"format\": \"pack-quantized\","
        " \"transform_config\": {}, \"ignore\": [\"lm_head\"], \"config_groups\": {\"g\": {"
        "\"input_activations\": null, \"output_activations\": null, \"targets\": [\"Linear\"],"
        " \"weights\": {\"num_bits\": 4, \"type\": \"int\", \"symmetric\": true, \"actorder\": "
        "null,"
        " \"strategy\": \"group\", \"group_size\": 32}}}}";
    json_t *root;
    assert_int_equal(g4_json_load(&root, E2B, 1 << 20, err), 0);
    spoil(root, "quantization_config", form);
    if (path)
        spoil(root, path, value);
    int status = g4_config_read(c, root, "c", err);
    assert_int_equal(g4_config_weights_readable(root), status == 0);
    json_decref(root);
    return status;
}

#define QUANTISED "quantization_config."
#define GROUP     QUANTISED "config_groups.g."
#define WEIGHTS   GROUP "weights."

static void quantised_forms(void **state)
{
    (void)state;
    static const struct {
        const char *path, *value;
    } read[] = {
        {NULL, NULL},
        {WEIGHTS "group_size", "64"},
        {WEIGHTS "group_size", "128"},
        {WEIGHTS "actorder", "\"weight\""},
        {WEIGHTS "actorder", NULL},
        {GROUP "format", "\"pack-quantized\""},
        {QUANTISED "transform_config", "null"},
        {QUANTISED "kv_cache_scheme", "{\"num_bits\": 8}"},
        {"quantization_config", "{\"quant_method\": \"gemma\", \"num_bits\": 4}"},
        {"quantization_config", "null"},
    };
    static const struct spoilt others[] = {
        {NULL, QUANTISED "format", "\"nvfp4-pack-quantized\"", G4_EUNSUPPORTED,
         "quantization_config.format: expected \"pack-quantized\", got \"nvfp4-pack-quantized\""},
        {NULL, QUANTISED "transform_config", "{\"config_groups\": {\"u\": {}}}", G4_EUNSUPPORTED,
         "transform_config: expected {}"},
        {NULL, QUANTISED "config_groups", NULL, G4_EINPUT, "config_groups: missing"},
        {NULL, QUANTISED "config_groups.g", "4", G4_EINPUT, "config_groups.g: expected an object"},
        {NULL, GROUP "format", "\"int-quantized\"", G4_EUNSUPPORTED,
         "config_groups.g.format: expected \"pack-quantized\""},
        {NULL, GROUP "input_activations", "{\"num_bits\": 8}", G4_EUNSUPPORTED,
         "config_groups.g.input_activations: expected null"},
        {NULL, GROUP "weights", NULL, G4_EINPUT, "config_groups.g.weights: missing"},
        {NULL, WEIGHTS "num_bits", "8", G4_EUNSUPPORTED,
         "quantization_config.config_groups.g.weights.num_bits: expected 4, got 8"},
        {NULL, WEIGHTS "type", "\"float\"", G4_EUNSUPPORTED, "weights.type: expected \"int\", got"},
        {NULL, WEIGHTS "symmetric", "false", G4_EUNSUPPORTED, "weights.symmetric: expected true"},
        {NULL, WEIGHTS "strategy", "\"channel\"", G4_EUNSUPPORTED,
         "expected \"group\", got \"chan"},
        {NULL, WEIGHTS "group_size", "16", G4_EUNSUPPORTED, "expected 32, 64 or 128, got 16"},
        {NULL, WEIGHTS "actorder", "\"group\"", G4_EUNSUPPORTED, "weights.actorder: expected null"},
    };
    struct g4_config c;
    struct g4_err err = {0};
    for (size_t i = 0; i < sizeof read / sizeof read[0]; i++) {
        if (read_groups(&c, read[i].path, read[i].value, &err) < 0)
            fail_msg("%s = %s: %s", read[i].path, read[i].value, err.text);
        g4_config_release(&c);
    }
    for (size_t i = 0; i < sizeof others / sizeof others[0]; i++) {
        if (read_groups(&c, others[i].path, others[i].value, &err) != others[i].code)
            fail_msg("%s = %s: \"%s\"", others[i].path, others[i].value, err.text);
        assert_message(&err, others[i].message);
    }
}

/* Which of two members says whether the head is the embedding. */
static void heads(void **state)
{
    (void)state;
    static const struct {
        const char *outer, *inner;
        bool own;
    } cases[] = {{"true", "true", false},  {"false", "true", true}, {"true", "false", false},
                 {"false", "false", true}, {"null", "false", true}, {"null", "null", false}};
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct g4_config c;
        struct g4_err err = {0};
        json_t *root;
        assert_int_equal(g4_json_load(&root, E2B, 1 << 20, &err), 0);
        spoil(root, "tie_word_embeddings", cases[i].outer);
        spoil(root, "text_config.tie_word_embeddings", cases[i].inner);
        assert_int_equal(g4_config_read(&c, root, "c", &err), 0);
        assert_int_equal(c.text.own_head, cases[i].own);
        json_decref(root);
        g4_config_release(&c);
    }
}

static void a_head_of_six(void **state)
{
    (void)state;
    struct g4_config c;
    struct g4_err err = {0};
    json_t *root;
    assert_int_equal(g4_json_load(&root, VISION, 1 << 20, &err), 0);
    spoil(root, "vision_config.head_dim", "6");
    spoil(root, "vision_config.hidden_size", "18");
    assert_int_equal(g4_config_read(&c, root, "c", &err), G4_EINPUT);
    assert_message(&err, "head_dim 6 is no multiple of 4");
    json_decref(root);
}

static void files(void **state)
{
    (void)state;
    struct g4_config c;
    struct g4_err err = {0};
    char *folder = fixture_folder();
    assert_int_equal(g4_config_load(&c, fixture_path(folder, "none"), &err), G4_ENOTFOUND);
    fixture_text(folder, "array.json", "[]");
    assert_int_equal(g4_config_load(&c, fixture_path(folder, "array.json"), &err), G4_EINPUT);
    assert_message(&err, "expected a JSON object");
    fixture_remove(folder);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(e2b_is_resolved),
        cmocka_unit_test(e4b_borrows_across),
        cmocka_unit_test(moe_and_k_eq_v),
        cmocka_unit_test(media_parts),
        cmocka_unit_test(both_spellings_are_equal),
        cmocka_unit_test(text_only),
        cmocka_unit_test(variants),
        cmocka_unit_test(defaults),
        cmocka_unit_test(spoilt_members),
        cmocka_unit_test(quantised_forms),
        cmocka_unit_test(heads),
        cmocka_unit_test(a_head_of_six),
        cmocka_unit_test(files),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

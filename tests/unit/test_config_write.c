/* A configuration as config.json: it reads back as it was, or is refused. */
#include "tests/unit/model_fixture.h"

#include "lib/model/config_write.h"

static void load(struct g4_config *config, const char *path)
{
    struct g4_err err = {0};
    if (g4_config_load(config, path, &err) < 0)
        fail_msg("%s", err.text);
}

/* Through the text of a file, as programs meet it. */
static void comes_back(const struct g4_config *config, const char *path)
{
    struct g4_config back;
    struct g4_err err = {0};
    char *folder = fixture_folder();
    json_t *root;
    if (g4_config_write(&root, config, path, &err) < 0)
        fail_msg("%s", err.text);
    char *text = json_dumps(root, JSON_INDENT(2));
    assert_non_null(text);
    fixture_text(folder, "config.json", text);
    load(&back, fixture_path(folder, "config.json"));
    if (!g4_config_equal(&back, config))
        fail_msg("%s: another configuration", path);
    g4_config_release(&back);
    free(text);
    json_decref(root);
    fixture_remove(folder);
}

static void published_ones(void **state)
{
    static const char *const paths[] = {
        DEMO "/config.json",
        GOLDEN "decoder-e2b/config.json",
        GOLDEN "decoder-e4b/config.json",
        GOLDEN "decoder-12b/config.json",
        GOLDEN "decoder-26b/config.json",
        GOLDEN "decoder-31b/config.json",
        GOLDEN "vision-small/config.json",
        GOLDEN "vision-large/config.json",
        GOLDEN "audio-e2b/config.json",
        GOLDEN "unified-12b/config.json",
    };
    (void)state;
    for (size_t i = 0; i < sizeof paths / sizeof *paths; i++) {
        struct g4_config config;
        load(&config, paths[i]);
        comes_back(&config, paths[i]);
        g4_config_release(&config);
    }
}

/* Members that none of them has. */
static void unusual_ones(void **state)
{
    struct g4_config config;
    (void)state;
    load(&config, GOLDEN "decoder-e2b/config.json");
    config.text.rope_full.partial_rotary_factor = 1.0 / 3;
    config.text.rms_norm_eps = 1.0f / 3;
    config.text.final_logit_softcapping = 0;
    config.text.own_head = true;
    config.text.pad_token_id = 5;
    config.text.layer[1].head_dim = 24; /* unlike the other sliding layers */
    comes_back(&config, "unusual");
    for (size_t i = 0; i < config.text.num_hidden_layers; i++) {
        config.text.layer[i] = config.text.layer[7]; /* no sliding layer */
        config.text.layer[i].source = i;
    }
    config.text.first_shared = config.text.num_hidden_layers;
    comes_back(&config, "all full");
    g4_config_release(&config);
}

static void no_words(void **state)
{
    struct g4_config config;
    struct g4_err err = {0};
    json_t *root;
    (void)state;
    load(&config, GOLDEN "decoder-e2b/config.json");
    config.text.layer[1].intermediate_size = 77;
    assert_int_equal(g4_config_write(&root, &config, "m", &err), G4_EUNSUPPORTED);
    assert_message(&err, "'m': a configuration that config.json cannot state");
    assert_null(root);
    g4_config_release(&config);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(published_ones),
        cmocka_unit_test(unusual_ones),
        cmocka_unit_test(no_words),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

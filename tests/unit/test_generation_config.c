/*
 * test_generation_config.c - sampling, stops and suppressed ids as generation_config.json or the
 * metadata of a GGUF file states them.
 */
#include "decoder/generation_config.h"
#include "tests/unit/gguf_fixture.h"
#include "tests/unit/vocab_fixture.h"

struct fixture {
    struct g4_tokenizer *tokenizer;
    char *folder;
    struct g4_model model;
};

static int setup(void **state)
{
    static struct fixture f;
    f = (struct fixture){.tokenizer = fixture_tokenizer(), .folder = fixture_folder()};
    f.model.folder = f.folder;
    f.model.config.text.vocab_size = FIXTURE_SIZE;
    *state = &f;
    return 0;
}

static int teardown(void **state)
{
    struct fixture *f = *state;
    g4_tokenizer_close(f->tokenizer);
    fixture_remove(f->folder);
    return 0;
}

static bool has(const struct g4_ids *list, int32_t id)
{
    size_t seen = 0;
    for (size_t i = 0; i < list->count; i++)
        seen += list->ids[i] == id;
    assert_true(seen <= 1);
    return seen == 1;
}

/* Whatever the model says, these are in. */
static void assert_fixed(const struct g4_generation_config *config)
{
    static const enum g4_special never[] = {G4_TOKEN_IMAGE_OPEN,  G4_TOKEN_AUDIO_OPEN,
                                            G4_TOKEN_IMAGE_SOFT,  G4_TOKEN_AUDIO_SOFT,
                                            G4_TOKEN_IMAGE_CLOSE, G4_TOKEN_AUDIO_CLOSE,
                                            G4_TOKEN_VIDEO_SOFT};
    assert_true(g4_generation_stops(config, G4_TOKEN_EOS));
    assert_true(g4_generation_stops(config, G4_TOKEN_TURN_CLOSE));
    assert_true(g4_generation_stops(config, G4_TOKEN_RESPONSE_OPEN));
    assert_false(g4_generation_stops(config, G4_TOKEN_TURN_OPEN));
    for (size_t i = 0; i < sizeof never / sizeof *never; i++)
        assert_true(has(&config->suppress, (int32_t)never[i]));
}

static void assert_sampling(const struct g4_generation_config *config, bool greedy,
                            float temperature, int32_t top_k, float top_p)
{
    assert_int_equal(config->sampling.greedy, greedy);
    assert_true(config->sampling.temperature == temperature);
    assert_int_equal(config->sampling.top_k, top_k);
    assert_true(config->sampling.top_p == top_p);
    assert_true(config->sampling.repeat_penalty == 1.0f);
}

static void nothing_stated(void **state)
{
    struct fixture *f = *state;
    struct g4_generation_config config;
    struct g4_err err = {0};
    assert_int_equal(g4_generation_config_load(&config, &f->model, f->tokenizer, &err), 0);
    assert_fixed(&config);
    assert_sampling(&config, false, 1.0f, 64, 0.95f);
    assert_int_equal(config.stop.count, 3);
    assert_int_equal(config.suppress.count, 7);
    g4_generation_config_release(&config);
    assert_null(config.stop.ids);
}

static void a_file_beside_the_model(void **state)
{
    struct fixture *f = *state;
    struct g4_generation_config config;
    struct g4_err err = {0};
    fixture_text(f->folder, "generation_config.json",
                 "{\"do_sample\":false,\"temperature\":0.5,\"top_k\":7,\"top_p\":0.25,"
                 "\"eos_token_id\":[1,300],\"suppress_tokens\":[301,302]}");
    assert_int_equal(g4_generation_config_load(&config, &f->model, f->tokenizer, &err), 0);
    assert_fixed(&config);
    assert_sampling(&config, true, 0.5f, 7, 0.25f);
    assert_true(has(&config.stop, 300));
    assert_true(has(&config.suppress, 301) && has(&config.suppress, 302));
    g4_generation_config_release(&config);
    fixture_text(f->folder, "generation_config.json", "{\"eos_token_id\":512}");
    assert_int_equal(g4_generation_config_load(&config, &f->model, f->tokenizer, &err), G4_EINPUT);
    assert_message(&err, "eos_token_id: expected token ids in 0..511");
    assert_null(config.stop.ids);
}

/* Reads the metadata that `g` holds. */
static int load_gguf(struct fixture *f, struct gguf_fixture *g, struct g4_generation_config *config,
                     struct g4_err *err)
{
    struct g4_gguf file;
    size_t size;
    unsigned char *bytes = gguf_end(g, &size);
    assert_int_equal(g4_gguf_parse(&file, bytes, size, "x.gguf", err), 0);
    f->model.weights.text = &file;
    int status = g4_generation_config_load(config, &f->model, f->tokenizer, err);
    f->model.weights.text = NULL;
    g4_gguf_close(&file);
    free(bytes);
    return status;
}

static void metadata(void **state)
{
    struct fixture *f = *state;
    struct g4_generation_config config;
    struct g4_err err = {0};
    struct gguf_fixture g;
    /* A file that lies beside a GGUF model may be of another. */
    fixture_text(f->folder, "generation_config.json", "{\"temperature\":9,\"eos_token_id\":303}");
    gguf_begin(&g);
    gguf_put_f32(&g, "general.sampling.temp", 0.5f);
    gguf_put_i32(&g, "general.sampling.top_k", 12);
    gguf_put_f32(&g, "general.sampling.top_p", 0.95f);
    gguf_put_u32(&g, "tokenizer.ggml.eos_token_id", 300);
    gguf_put_i32s(&g, "tokenizer.ggml.eos_token_ids", 2, (const int32_t[]){1, 304});
    gguf_put_u32(&g, "tokenizer.ggml.eot_token_id", 305);
    gguf_put_i32s(&g, "tokenizer.ggml.suppress_tokens", 3, (const int32_t[]){301, -1, 302});
    assert_int_equal(load_gguf(f, &g, &config, &err), 0);
    assert_fixed(&config);
    assert_sampling(&config, false, 0.5f, 12, 0.95f);
    assert_true(has(&config.stop, 300) && has(&config.stop, 304) && has(&config.stop, 305));
    assert_false(has(&config.stop, 303));
    assert_true(has(&config.suppress, 301) && has(&config.suppress, 302));
    assert_int_equal(config.suppress.count, 9);
    g4_generation_config_release(&config);
}

static void metadata_that_states_nothing(void **state)
{
    struct fixture *f = *state;
    struct g4_generation_config config;
    struct g4_err err = {0};
    struct gguf_fixture g;
    gguf_begin(&g);
    gguf_put_u32(&g, "tokenizer.ggml.eos_token_id", UINT32_MAX); /* "none" */
    gguf_put_i32(&g, "tokenizer.ggml.eot_token_id", FIXTURE_SIZE);
    assert_int_equal(load_gguf(f, &g, &config, &err), 0);
    assert_fixed(&config);
    assert_sampling(&config, false, 1.0f, 64, 0.95f);
    assert_int_equal(config.stop.count, 3);
    g4_generation_config_release(&config);
}

static void broken_metadata(void **state)
{
    struct fixture *f = *state;
    static const struct {
        const char *key, *text, *message;
        float number;
    } cases[] = {
        {"general.sampling.temp", "hot", "'x.gguf': general.sampling.temp: expected a number", 0},
        {"general.sampling.temp", NULL, "expected a number in 0..100", -1},
        {"general.sampling.top_p", NULL, "expected a number in 0..1", 2},
        {"general.sampling.top_k", NULL, "general.sampling.top_k: expected an integer", 0.5},
        {"tokenizer.ggml.eos_token_id", "end", "tokenizer.ggml.eos_token_id: expected an int", 0},
        {"tokenizer.ggml.suppress_tokens", "a", "tokenizer.ggml.suppress_tokens: expected", 0},
    };
    struct g4_generation_config config;
    struct gguf_fixture g;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct g4_err err = {0};
        gguf_begin(&g);
        if (cases[i].text)
            gguf_put_string(&g, cases[i].key, cases[i].text);
        else
            gguf_put_f32(&g, cases[i].key, cases[i].number);
        assert_int_equal(load_gguf(f, &g, &config, &err), G4_EINPUT);
        assert_message(&err, cases[i].message);
        assert_null(config.stop.ids);
    }
    struct g4_err err = {0};
    gguf_begin(&g);
    gguf_put_strings(&g, "tokenizer.ggml.suppress_tokens", 1, (const char *const[]){"a"});
    assert_int_equal(load_gguf(f, &g, &config, &err), G4_EINPUT);
    assert_message(&err, "tokenizer.ggml.suppress_tokens: expected token ids");
    static const int32_t many[5000];
    gguf_begin(&g);
    gguf_put_i32s(&g, "tokenizer.ggml.suppress_tokens", 5000, many);
    assert_int_equal(load_gguf(f, &g, &config, &err), G4_EINPUT);
    assert_message(&err, "tokenizer.ggml.suppress_tokens: 5000 token ids, at most 4096 are read");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(nothing_stated, setup, teardown),
        cmocka_unit_test_setup_teardown(a_file_beside_the_model, setup, teardown),
        cmocka_unit_test_setup_teardown(metadata, setup, teardown),
        cmocka_unit_test_setup_teardown(metadata_that_states_nothing, setup, teardown),
        cmocka_unit_test_setup_teardown(broken_metadata, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

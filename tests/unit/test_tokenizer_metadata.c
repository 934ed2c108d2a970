/*
 * test_tokenizer_metadata.c - a vocabulary and its settings as GGUF metadata, read back.
 */
#include <fcntl.h>

#include "decoder/tokenizer_gguf.h"
#include "decoder/tokenizer_json.h"
#include "decoder/tokenizer_metadata.h"
#include "tests/unit/model_fixture.h"

/* Ids 4 and 7 have no piece; a piece with spaces, a byte, two merges. */
static const char tokenizer_json[] =
    "{\"model\": {\"type\": \"BPE\", \"byte_fallback\": true, \"vocab\": {"
    "\"<pad>\": 0, \"<eos>\": 1, \"<bos>\": 2, \"<unk>\": 3, \"<0x41>\": 5, \"\xe2\x96\x81\": 6, "
    "\"a\": 8, \"\xe2\x96\x81\x61\": 9, \"\xe2\x96\x81\xe2\x96\x81\": 10}, "
    "\"merges\": [[\"\xe2\x96\x81\", \"a\"], [\"\xe2\x96\x81\", \"\xe2\x96\x81\"]]}, "
    "\"added_tokens\": [{\"id\": 11, \"content\": \"<turn|>\"}, "
    "{\"id\": 12, \"content\": \"<|tool_call>\"}]}";

enum { ROWS = 15 };

struct fixture {
    char *folder;
    struct g4_model model;
    struct g4_gguf file;
    struct g4_err err;
};

static int setup(void **state)
{
    static struct fixture f;
    f = (struct fixture){.folder = fixture_folder()};
    f.model.folder = f.folder;
    f.model.config.text.vocab_size = ROWS;
    fixture_text(f.folder, "tokenizer.json", tokenizer_json);
    *state = &f;
    return 0;
}

static int teardown(void **state)
{
    struct fixture *f = *state;
    g4_gguf_close(&f->file);
    fixture_remove(f->folder);
    return 0;
}

/* The metadata of the model in the folder, as a file. */
static int make(struct fixture *f)
{
    const char *path = fixture_path(f->folder, "out.gguf");
    struct g4_gguf_writer *writer;
    const int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0666);
    assert_true(fd >= 0);
    assert_int_equal(g4_gguf_writer_new(&writer, fd, path, &f->err), 0);
    g4_gguf_put_string(writer, "general.architecture", "gemma4");
    int status = g4_tokenizer_metadata_put(writer, &f->model, &f->err);
    if (status == 0)
        status = g4_gguf_write_header(writer, &f->err);
    if (status == 0)
        status = g4_gguf_open(&f->file, path, &f->err);
    g4_gguf_writer_free(writer);
    close(fd);
    return status;
}

static void assert_string_value(const struct fixture *f, const char *key, const char *want)
{
    struct g4_gguf_text text = {0};
    struct g4_err err = {0};
    if (g4_gguf_string(&f->file, key, true, &text, &err) < 0)
        fail_msg("%s", err.text);
    assert_true(g4_gguf_text_is(&text, want));
}

static int64_t int_value(const struct fixture *f, const char *key)
{
    struct g4_err err = {0};
    int64_t value = -1;
    assert_int_equal(g4_gguf_int(&f->file, key, false, 0, INT32_MAX, &value, &err), 0);
    return value;
}

static void vocabulary_comes_back(void **state)
{
    static const int32_t kinds[ROWS] = {3, 3, 3, 3, 5, 6, 1, 5, 1, 1, 1, 3, 4, 5, 5};
    static const char *const texts[ROWS] = {"<pad>",
                                            "<eos>",
                                            "<bos>",
                                            "<unk>",
                                            "[PAD4]",
                                            "<0x41>",
                                            "\xe2\x96\x81",
                                            "[PAD7]",
                                            "a",
                                            "\xe2\x96\x81\x61",
                                            "\xe2\x96\x81\xe2\x96\x81",
                                            "<turn|>",
                                            "<|tool_call>",
                                            "[PAD13]",
                                            "[PAD14]"};
    struct fixture *f = *state;
    const unsigned char *at = NULL;
    struct g4_gguf_text text;
    struct g4_vocab vocab;
    if (make(f) < 0)
        fail_msg("%s", f->err.text);
    assert_string_value(f, "tokenizer.ggml.model", "gemma4");
    const struct g4_gguf_value *tokens = g4_gguf_value(&f->file, "tokenizer.ggml.tokens");
    const struct g4_gguf_value *types = g4_gguf_value(&f->file, "tokenizer.ggml.token_type");
    const struct g4_gguf_value *scores = g4_gguf_value(&f->file, "tokenizer.ggml.scores");
    assert_true(tokens && types && scores);
    assert_true(tokens->count == ROWS && types->count == ROWS && scores->count == ROWS);
    for (size_t i = 0; i < ROWS; i++) {
        assert_true(g4_gguf_next_string(tokens, &at, &text));
        if (!g4_gguf_text_is(&text, texts[i]))
            fail_msg("token %zu is '%.*s'", i, (int)text.n, text.text);
        assert_int_equal(g4_gguf_int_at(types, i), kinds[i]);
    }
    assert_int_equal(int_value(f, "tokenizer.ggml.bos_token_id"), 2);
    assert_int_equal(int_value(f, "tokenizer.ggml.padding_token_id"), 0);
    assert_int_equal(int_value(f, "tokenizer.ggml.unknown_token_id"), 3);
    assert_int_equal(int_value(f, "tokenizer.ggml.mask_token_id"), -1);
    assert_int_equal(int_value(f, "tokenizer.ggml.eos_token_id"), 1); /* nothing says otherwise */
    assert_null(g4_gguf_value(&f->file, "tokenizer.chat_template"));

    g4_vocab_init(&vocab, ROWS);
    if (g4_tokenizer_gguf_read(&vocab, &f->file, NULL, &f->err) < 0)
        fail_msg("%s", f->err.text);
    assert_int_equal(vocab.merge_count, 2);
    assert_int_equal(g4_vocab_rank(&vocab, 6, 8), 0);
    assert_int_equal(g4_vocab_rank(&vocab, 6, 6), 1);
    assert_int_equal(g4_vocab_find(&vocab, " a", 2), 9);
    assert_int_equal(vocab.byte[0x41], 5);
    g4_vocab_release(&vocab);
}

static void settings(void **state)
{
    struct fixture *f = *state;
    double number = 0;
    int64_t ids[2];
    fixture_text(f->folder, "tokenizer_config.json",
                 "{\"eos_token\": {\"content\": \"<turn|>\"}, \"chat_template\": ["
                 "{\"name\": \"tool_use\", \"template\": \"T\"}, "
                 "{\"name\": \"default\", \"template\": \"D\"}]}");
    fixture_text(f->folder, "generation_config.json",
                 "{\"temperature\": 0.5, \"top_k\": 7, \"suppress_tokens\": [9, 8]}");
    if (make(f) < 0)
        fail_msg("%s", f->err.text);
    assert_int_equal(int_value(f, "tokenizer.ggml.eos_token_id"), 11);
    assert_string_value(f, "tokenizer.chat_template", "D");
    assert_int_equal(int_value(f, "general.sampling.top_k"), 7);
    assert_int_equal(
        g4_gguf_number(&f->file, "general.sampling.temp", true, 0, 1, &number, &f->err), 0);
    assert_true(number == 0.5);
    assert_null(g4_gguf_value(&f->file, "general.sampling.top_p"));
    assert_int_equal(g4_gguf_ints(&f->file, "tokenizer.ggml.suppress_tokens", true, 2, 0, ROWS, ids,
                                  &f->err),
                     0);
    assert_true(ids[0] == 9 && ids[1] == 8);
    g4_gguf_close(&f->file);

    fixture_text(f->folder, "chat_template.jinja", "J"); /* wins */
    assert_int_equal(make(f), 0);
    assert_string_value(f, "tokenizer.chat_template", "J");
}

static void refused(void **state)
{
    static const struct {
        const char *file, *text, *message;
    } cases[] = {
        {"generation_config.json", "{\"suppress_tokens\": [15]}", "token ids in 0..14"},
        {"generation_config.json", "{\"top_p\": 2}", "top_p"},
        {"chat_template.jinja", "\xff", "not UTF-8"},
        {"tokenizer_config.json", "{", "tokenizer_config.json"},
        {"tokenizer.json", "{}", "tokenizer.json"},
    };
    struct fixture *f = *state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        fixture_text(f->folder, cases[i].file, cases[i].text);
        assert_true(make(f) < 0);
        assert_message(&f->err, cases[i].message);
        if (i < 4)
            unlink(fixture_path(f->folder, cases[i].file));
    }
    unlink(fixture_path(f->folder, "tokenizer.json"));
    assert_int_equal(make(f), G4_ENOTFOUND);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(vocabulary_comes_back, setup, teardown),
        cmocka_unit_test_setup_teardown(settings, setup, teardown),
        cmocka_unit_test_setup_teardown(refused, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

/* A vocabulary as tokenizer.json: read, written, read again. */
#include "tests/unit/model_fixture.h"

#include "decoder/tokenizer_json.h"
#include "decoder/tokenizer_write.h"

/* A piece with real spaces, one that is known by its id only, gaps, what JSON escapes. */
static const char unusual[] =
    "{\"model\": {\"type\": \"BPE\", \"byte_fallback\": true, \"vocab\": {"
    "\"<pad>\": 0, \"<0x41>\": 5, \"\xe2\x96\x81\": 6, \"a\": 8, \"\xe2\x96\x81\x61\": 9, "
    "\"  \": 10, \"\\\"\": 12, \"\\\\\": 13, \"\\n\\u0001\": 14, \"\xe2\x96\x81\xe2\x96\x81\": "
    "15}, "
    "\"merges\": [[\"\xe2\x96\x81\", \"a\"], [\"\xe2\x96\x81\", \"\xe2\x96\x81\"]]}, "
    "\"added_tokens\": [{\"id\": 17, \"content\": \"<turn|>\"}, "
    "{\"id\": 18, \"content\": \"extra\"}]}";

enum { LIMIT = 1024 };

static void read_vocab(struct g4_vocab *vocab, const char *text, size_t n)
{
    struct g4_err err = {0};
    g4_vocab_init(vocab, LIMIT);
    if (g4_tokenizer_json_read(vocab, "tokenizer.json", text, n, &err) < 0)
        fail_msg("%s", err.text);
}

static void same_piece(const struct g4_vocab *a, const struct g4_vocab *b, size_t id)
{
    const struct g4_piece *x = &a->pieces[id], *y = &b->pieces[id];
    assert_true(x->present == y->present && x->n == y->n && x->byte == y->byte &&
                x->special == y->special);
    const char *text = a->texts.text + x->at;
    assert_memory_equal(text, b->texts.text + y->at, x->n);
    if (x->present)
        assert_int_equal(g4_vocab_find(a, text, x->n), g4_vocab_find(b, text, x->n));
}

static void comes_back(const char *text, size_t n)
{
    struct g4_vocab a, b;
    struct g4_text out = {0};
    struct g4_err err = {0};
    read_vocab(&a, text, n);
    assert_int_equal(g4_tokenizer_write(&out, &a, &err), 0);
    read_vocab(&b, out.text, out.n);
    assert_int_equal(a.size, b.size);
    assert_int_equal(a.merge_count, b.merge_count);
    for (size_t id = 0; id < a.size; id++)
        same_piece(&a, &b, id);
    assert_memory_equal(a.merges, b.merges, a.merge_count * sizeof *a.merges);
    assert_memory_equal(a.special, b.special, sizeof a.special);
    assert_memory_equal(a.byte, b.byte, sizeof a.byte);
    g4_vocab_release(&a);
    g4_vocab_release(&b);
    g4_text_release(&out);
}

static void vocabularies(void **state)
{
    size_t n;
    (void)state;
    comes_back(unusual, sizeof unusual - 1);
    char *demo = fixture_read(DEMO "/tokenizer.json", &n);
    comes_back(demo, n);
    free(demo);
}

static void settings(void **state)
{
    static const char want[] = "{\n  \"do_sample\": true,\n  \"temperature\": 0.1,\n"
                               "  \"top_k\": 7,\n  \"top_p\": 0.95,\n"
                               "  \"eos_token_id\": [1, 16],\n  \"suppress_tokens\": []\n}\n";
    int32_t stop[] = {1, 16};
    const struct g4_generation_config config = {
        .sampling = {.temperature = 0.1f, .top_k = 7, .top_p = 0.95f},
        .stop = {.ids = stop, .count = 2}};
    struct g4_text out = {0};
    struct g4_err err = {0};
    (void)state;
    assert_int_equal(g4_generation_config_write(&out, &config, &err), 0);
    assert_string_equal(out.text, want);
    g4_text_release(&out);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(vocabularies),
        cmocka_unit_test(settings),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

/*
 * test_tokenizer_gguf.c - the vocabulary of GGUF metadata: the same as that of the tokenizer.json
 * it was made from, piece by piece and id by id; and files that must be refused.
 */
#include <jansson.h>

#include "decoder/tokenizer_gguf.h"
#include "decoder/tokenizer_json.h"
#include "tests/unit/gguf_fixture.h"
#include "tests/unit/vocab_fixture.h"

#define DEMO_GGUF    "examples/demo-model/gguf/g4-demo-bf16.gguf"
#define VECTORS      "tests/data/tokenizer-vectors.json"
#define ARCHITECTURE "general.architecture"
#define MODEL        "tokenizer.ggml.model"
#define PRE          "tokenizer.ggml.pre"
#define TOKENS       "tokenizer.ggml.tokens"
#define MERGES       "tokenizer.ggml.merges"

/* ------------------------------------------------------------------------ equality */

static void read_json(struct g4_vocab *vocab, const char *path, size_t limit)
{
    struct g4_err err = {0};
    size_t n;
    char *text = fixture_read(path, &n);
    g4_vocab_init(vocab, limit);
    if (g4_tokenizer_json_read(vocab, path, text, n, &err) < 0)
        fail_msg("%s", err.text);
    free(text);
}

static void read_gguf(struct g4_vocab *vocab, const char *path, size_t limit)
{
    struct g4_err err = {0};
    struct g4_gguf file;
    g4_vocab_init(vocab, limit);
    if (g4_gguf_open(&file, path, &err) < 0 || g4_tokenizer_gguf_read(vocab, &file, NULL, &err) < 0)
        fail_msg("%s", err.text);
    g4_gguf_close(&file);
}

static void assert_equal(const struct g4_vocab *a, const struct g4_vocab *b)
{
    assert_int_equal(a->size, b->size);
    assert_int_equal(a->merge_count, b->merge_count);
    assert_int_equal(a->newlines_apart, b->newlines_apart);
    assert_memory_equal(a->special, b->special, sizeof a->special);
    assert_memory_equal(a->byte, b->byte, sizeof a->byte);
    assert_memory_equal(a->ascii, b->ascii, sizeof a->ascii);
    for (size_t i = 0; i < a->size; i++) {
        const struct g4_piece *p = &a->pieces[i], *q = &b->pieces[i];
        const char *text = a->texts.text + p->at;
        assert_int_equal(p->present, q->present);
        assert_int_equal(p->n, q->n);
        assert_int_equal(p->byte, q->byte);
        assert_int_equal(p->special, q->special);
        assert_memory_equal(text, b->texts.text + q->at, p->n);
        assert_int_equal(g4_vocab_find(a, text, p->n), g4_vocab_find(b, text, p->n));
    }
    for (size_t i = 0; i < a->merge_count; i++) {
        const struct g4_merge *m = &a->merges[i];
        assert_memory_equal(m, &b->merges[i], sizeof *m);
        assert_int_equal(g4_vocab_rank(a, m->left, m->right), i);
        assert_int_equal(g4_vocab_rank(b, m->left, m->right), i);
    }
}

static void demo_vocabularies_are_equal(void **state)
{
    (void)state;
    struct g4_vocab json, gguf;
    read_json(&json, fixture_top(DEMO_TOKENIZER), FIXTURE_DEMO_SIZE);
    read_gguf(&gguf, fixture_top(DEMO_GGUF), FIXTURE_DEMO_SIZE);
    assert_int_equal(json.size, FIXTURE_DEMO_SIZE);
    assert_true(json.merge_count > 100);
    assert_equal(&json, &gguf);
    g4_vocab_release(&json);
    g4_vocab_release(&gguf);
}

/* A tokenizer of GGUF metadata with what the document holds, as a converter writes it. */
static struct g4_tokenizer *converted(const char *json)
{
    struct g4_tokenizer *tokenizer;
    struct g4_err err = {0};
    struct g4_gguf file;
    struct gguf_fixture g;
    char *pieces[FIXTURE_SIZE] = {0};
    json_t *root = json_loads(json, 0, NULL), *model = json_object_get(root, "model"), *value;
    const char *piece;
    size_t size, count = 0, i;
    json_object_foreach(json_object_get(model, "vocab"), piece, value)
    {
        const size_t id = (size_t)json_integer_value(value);
        pieces[id] = strdup(piece);
        count = id + 1 > count ? id + 1 : count;
    }
    gguf_begin(&g);
    gguf_put_string(&g, ARCHITECTURE, "gemma4");
    gguf_array(&g, TOKENS, G4_GGUF_STRING, count);
    for (i = 0; i < count; i++) {
        char unused[32];
        snprintf(unused, sizeof unused, "[PAD%zu]", i);
        gguf_text(&g, pieces[i] ? pieces[i] : unused);
        free(pieces[i]);
    }
    gguf_array(&g, MERGES, G4_GGUF_STRING, json_array_size(json_object_get(model, "merges")));
    json_array_foreach(json_object_get(model, "merges"), i, value)
    {
        char merge[512];
        if (json_is_string(value))
            snprintf(merge, sizeof merge, "%s", json_string_value(value));
        else
            snprintf(merge, sizeof merge, "%s %s", json_string_value(json_array_get(value, 0)),
                     json_string_value(json_array_get(value, 1)));
        gguf_text(&g, merge);
    }
    unsigned char *bytes = gguf_end(&g, &size);
    if (g4_gguf_parse(&file, bytes, size, "made.gguf", &err) < 0 ||
        g4_tokenizer_open_gguf(&tokenizer, &file, FIXTURE_SIZE, NULL, &err) < 0)
        fail_msg("%s", err.text);
    g4_gguf_close(&file);
    free(bytes);
    json_decref(root);
    return tokenizer;
}

static struct g4_tokenizer *demo_of_gguf(void)
{
    struct g4_tokenizer *tokenizer;
    struct g4_err err = {0};
    struct g4_gguf file;
    if (g4_gguf_open(&file, fixture_top(DEMO_GGUF), &err) < 0 ||
        g4_tokenizer_open_gguf(&tokenizer, &file, FIXTURE_DEMO_SIZE, NULL, &err) < 0)
        fail_msg("%s", err.text);
    g4_gguf_close(&file); /* nothing of it is borrowed */
    return tokenizer;
}

/* Both give the same ids or the same refusal. Returns whether there were ids. */
static bool assert_same_ids(const struct g4_tokenizer *a, const struct g4_tokenizer *b,
                            const char *text, size_t n, bool specials)
{
    const struct g4_text_run run = {.text = text, .n = n, .specials = specials};
    struct g4_ids x = {0}, y = {0};
    struct g4_err err_x = {0}, err_y = {0};
    const int status = g4_tokenizer_encode(a, &run, 1, &x, &err_x);
    assert_int_equal(g4_tokenizer_encode(b, &run, 1, &y, &err_y), status);
    assert_string_equal(err_x.text, err_y.text);
    assert_int_equal(x.count, y.count);
    if (x.count)
        assert_memory_equal(x.ids, y.ids, x.count * sizeof *x.ids);
    free(x.ids);
    free(y.ids);
    return status == 0;
}

static void compare_random(const struct g4_tokenizer *a, const struct g4_tokenizer *b, int cases)
{
    static const char *const odd[] = {"<|turn>", "<bos>",    "<",
                                      " ",       "\n",       "\xe2\x96\x81",
                                      "\xff",    "\xc3\xa9", "\xf0\x9f\x98\x80",
                                      "<0x41>"};
    uint64_t random = 5;
    for (int i = 0; i < cases; i++) {
        char text[2048];
        size_t n = 0, length;
        for (uint32_t chunks = fixture_random(&random, 16); chunks > 0; chunks--) {
            const char *chunk = odd[fixture_random(&random, sizeof odd / sizeof *odd)];
            length = strlen(chunk);
            if (fixture_random(&random, 3))
                chunk = g4_tokenizer_text(
                    a, (int32_t)fixture_random(&random, (uint32_t)g4_tokenizer_size(a)), &length,
                    NULL);
            assert_true(n + length < sizeof text);
            memcpy(text + n, chunk, length);
            n += length;
        }
        assert_same_ids(a, b, text, n, fixture_random(&random, 2));
    }
}

static void demo_gives_the_same_ids(void **state)
{
    (void)state;
    struct g4_tokenizer *json = fixture_demo(), *gguf = demo_of_gguf();
    json_t *root = json_load_file(fixture_top(VECTORS), 0, NULL), *entry;
    size_t i, encoded = 0;
    json_array_foreach(json_object_get(root, "encode"), i, entry)
    {
        const json_t *text = json_object_get(entry, "text");
        for (int specials = 0; specials < 2; specials++)
            encoded += assert_same_ids(json, gguf, json_string_value(text),
                                       json_string_length(text), specials);
    }
    assert_true(encoded >= 50);
    compare_random(json, gguf, 10000);
    json_decref(root);
    g4_tokenizer_close(json);
    g4_tokenizer_close(gguf);
}

static void a_converted_document_gives_the_same_ids(void **state)
{
    (void)state;
    /* once as it is, once with a merge across a newline */
    char *const documents[] = {fixture_json("", "", ""),
                               fixture_json(",\"c\\n\":400,\"c\\na\":401",
                                            ",[\"c\",\"\\n\"],[\"c\\n\",\"a\"]", "")};
    for (size_t i = 0; i < 2; i++) {
        struct g4_tokenizer *json, *gguf = converted(documents[i]);
        struct g4_err err = {0};
        assert_int_equal(
            fixture_open(&json, documents[i], strlen(documents[i]), FIXTURE_SIZE, &err), 0);
        for (int special = 0; special < G4_SPECIALS; special++)
            assert_int_equal(g4_tokenizer_special(gguf, (enum g4_special)special),
                             g4_tokenizer_special(json, (enum g4_special)special));
        compare_random(json, gguf, 3000);
        g4_tokenizer_close(json);
        g4_tokenizer_close(gguf);
        free(documents[i]);
    }
}

/* ------------------------------------------------------------------------ kinds and refusals */

struct kind {
    const char *architecture, *model, *pre; /* NULL = no such key */
};

/* "a", "b", "ab" and one merge under these names; the status of reading it. */
static int read_kind(const struct kind *kind, struct g4_err *err)
{
    static const char *const pieces[] = {"a", "b", "ab"}, *const merges[] = {"a b"};
    struct gguf_fixture g;
    struct g4_vocab vocab;
    struct g4_gguf file;
    size_t size;
    gguf_begin(&g);
    if (kind->architecture)
        gguf_put_string(&g, ARCHITECTURE, kind->architecture);
    if (kind->model)
        gguf_put_string(&g, MODEL, kind->model);
    if (kind->pre)
        gguf_put_string(&g, PRE, kind->pre);
    gguf_put_strings(&g, TOKENS, 3, pieces);
    gguf_put_strings(&g, MERGES, 1, merges);
    unsigned char *bytes = gguf_end(&g, &size);
    assert_int_equal(g4_gguf_parse(&file, bytes, size, "x.gguf", err), 0);
    g4_vocab_init(&vocab, 100);
    int status = g4_tokenizer_gguf_read(&vocab, &file, NULL, err);
    if (status == 0)
        assert_int_equal(g4_vocab_rank(&vocab, 0, 1), 0);
    g4_vocab_release(&vocab);
    g4_gguf_close(&file);
    free(bytes);
    return status;
}

static void knows_its_vocabulary_by_several_names(void **state)
{
    (void)state;
    static const struct kind good[] = {{"gemma4", "gemma4", NULL}, {"gemma4", "llama", "gemma4"},
                                       {"gemma4", NULL, NULL},     {"gemma4", "llama", "default"},
                                       {NULL, "gemma4", NULL},     {"other", "llama", "gemma4"}};
    static const struct kind bad[] = {{"gemma3", "llama", NULL},
                                      {NULL, "gpt2", "gemma4"},
                                      {NULL, NULL, NULL},
                                      {"llama", "llama", "llama-bpe"}};
    for (size_t i = 0; i < sizeof good / sizeof *good; i++) {
        struct g4_err err = {0};
        if (read_kind(&good[i], &err) < 0)
            fail_msg("%zu: %s", i, err.text);
    }
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        struct g4_err err = {0};
        assert_int_equal(read_kind(&bad[i], &err), G4_EUNSUPPORTED);
        assert_message(&err, "'x.gguf': tokenizer.ggml.model: '");
        assert_message(&err, "' is not the vocabulary of this model family");
    }
}

/* Reads a file with these pieces and merges; NULL = no such key. */
static int read_lists(size_t n, const char *const *pieces, size_t m, const char *const *merges,
                      struct g4_err *err)
{
    struct g4_tokenizer *tokenizer;
    struct gguf_fixture g;
    struct g4_gguf file;
    size_t size;
    gguf_begin(&g);
    gguf_put_string(&g, ARCHITECTURE, "gemma4");
    if (pieces)
        gguf_put_strings(&g, TOKENS, n, pieces);
    if (merges)
        gguf_put_strings(&g, MERGES, m, merges);
    unsigned char *bytes = gguf_end(&g, &size);
    assert_int_equal(g4_gguf_parse(&file, bytes, size, "x.gguf", err), 0);
    int status = g4_tokenizer_open_gguf(&tokenizer, &file, 4, NULL, err);
    if (status < 0)
        assert_null(tokenizer);
    g4_tokenizer_close(tokenizer);
    g4_gguf_close(&file);
    free(bytes);
    return status;
}

static void refuses_broken_lists(void **state)
{
    (void)state;
    static const struct {
        const char *pieces[6], *merges[4];
        int code;
        const char *message;
    } cases[] = {
        {{"a", "b", "ab"}, {"a b", NULL}, 0, ""},
        {{NULL}, {"a b"}, G4_EINPUT, "'x.gguf': tokenizer.ggml.tokens: missing"},
        {{"a"}, {NULL}, G4_EUNSUPPORTED, "'x.gguf': tokenizer.ggml.merges: missing"},
        {{"a", "b", "ab", "c", "d"},
         {"a b"},
         G4_EINPUT,
         "'x.gguf': tokenizer.ggml.tokens[4]: id 4 is not in 0..3, the rows of the embedding: 'd'"},
        {{"a", "a"},
         {"a b"},
         G4_EINPUT,
         "'x.gguf': tokenizer.ggml.tokens[1]: piece that is there already: 'a'"},
        {{"a", "\xff"}, {"a b"}, G4_EINPUT, "'x.gguf': tokenizer.ggml.tokens[1]: not UTF-8"},
        {{"a", "b", "ab"},
         {"a b", "ab"},
         G4_EINPUT,
         "'x.gguf': tokenizer.ggml.merges[1]: expected two pieces with a space between"},
        {{"a", "b", "ab"}, {" b"}, G4_EINPUT, "tokenizer.ggml.merges[0]: expected two pieces"},
        {{"a", "b", "ab"}, {""}, G4_EINPUT, "tokenizer.ggml.merges[0]: expected two pieces"},
        {{"a", "b", "ab"},
         {"a b", "a c"},
         G4_EINPUT,
         "tokenizer.ggml.merges[1]: merge of what is not a piece: 'c'"},
        {{"a", "b", "ab"}, {"c a"}, G4_EINPUT, "merges[0]: merge of what is not a piece: 'c'"},
        {{"a", "b", "ab"},
         {"a b", "b a"},
         G4_EINPUT,
         "merges[1]: merge to what is not a piece: 'ba'"},
        {{"a", "b", "ab"},
         {"a b", "a b"},
         G4_EINPUT,
         "merges[1]: merge that is there already: 'ab'"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct g4_err err = {0};
        size_t n = 0, m = 0;
        while (n < 6 && cases[i].pieces[n])
            n++;
        while (m < 4 && cases[i].merges[m])
            m++;
        const int status =
            read_lists(n, n ? cases[i].pieces : NULL, m, m ? cases[i].merges : NULL, &err);
        if (status != cases[i].code)
            fail_msg("case %zu: %d, %s", i, status, err.text);
        if (status < 0)
            assert_message(&err, cases[i].message);
    }
    struct g4_err err = {0};
    const char *const none[] = {"a"};
    assert_int_equal(read_lists(0, none, 1, none, &err), G4_EINPUT);
    assert_message(&err, "tokenizer.ggml.tokens: empty");
}

static void refuses_arrays_of_other_things(void **state)
{
    (void)state;
    static const char *const keys[] = {TOKENS, MERGES};
    for (int which = 0; which < 2; which++) {
        for (int scalar = 0; scalar < 2; scalar++) {
            struct gguf_fixture g;
            struct g4_vocab vocab;
            struct g4_gguf file;
            struct g4_err err = {0};
            size_t size;
            gguf_begin(&g);
            gguf_put_string(&g, ARCHITECTURE, "gemma4");
            if (scalar)
                gguf_put_string(&g, keys[which], "a b");
            else
                gguf_put_i32s(&g, keys[which], 2, (const int32_t[]){1, 2});
            gguf_put_strings(&g, keys[!which], 1, (const char *const[]){"a b"});
            unsigned char *bytes = gguf_end(&g, &size);
            assert_int_equal(g4_gguf_parse(&file, bytes, size, "x.gguf", &err), 0);
            g4_vocab_init(&vocab, 100);
            assert_int_equal(g4_tokenizer_gguf_read(&vocab, &file, NULL, &err), G4_EINPUT);
            assert_message(&err, keys[which]);
            assert_message(&err, "expected an array of strings");
            g4_vocab_release(&vocab);
            g4_gguf_close(&file);
            free(bytes);
        }
    }
}

/* More merges than a batch, and the one that is refused is named whatever batch it lies in. */
static void names_the_merge_of_a_later_batch(void **state)
{
    (void)state;
    enum { N = 3 * G4_VOCAB_BATCH };
    struct g4_vocab vocab;
    struct g4_err err = {0};
    struct g4_merge_text merges[N];
    char pieces[N + 2][16];
    size_t refused = 0;
    int status = 0;
    g4_vocab_init(&vocab, 2 * N + 2);
    for (int i = 0; i <= N; i++) {
        snprintf(pieces[i], sizeof pieces[i], "%03d", i);
        status |= g4_vocab_add(&vocab, pieces[i], 3, i, true, &err);
    }
    for (int i = 0; i < N; i++) {
        char both[32];
        snprintf(both, sizeof both, "%03d%03d", i, i + 1);
        if (i != N - 2) /* its result is missing */
            status |= g4_vocab_add(&vocab, both, 6, N + 1 + i, true, &err);
        merges[i] = (struct g4_merge_text){pieces[i], pieces[i + 1], 3, 3};
    }
    assert_int_equal(status, 0);
    for (size_t at = 0; at < N && status == 0; at += G4_VOCAB_BATCH)
        status = g4_vocab_merge(&vocab, merges + at, G4_VOCAB_BATCH, NULL, &refused, &err);
    assert_int_equal(status, G4_EINPUT);
    assert_int_equal(refused, G4_VOCAB_BATCH - 2);
    assert_message(&err, "merge to what is not a piece: '190191'");
    assert_int_equal(vocab.merge_count, 2 * G4_VOCAB_BATCH);
    for (int i = 0; i < 2 * G4_VOCAB_BATCH; i++)
        assert_int_equal(g4_vocab_rank(&vocab, i, i + 1), i);
    g4_vocab_release(&vocab);
}

/* What is reserved is a hint only: fewer and more are read alike. */
static void grows_beyond_what_was_reserved(void **state)
{
    (void)state;
    enum { N = 5000 };
    for (size_t hint = 0; hint <= 2 * N; hint += N) {
        struct g4_vocab vocab;
        struct g4_err err = {0};
        char text[16], both[32];
        g4_vocab_init(&vocab, 2 * N);
        assert_int_equal(g4_vocab_reserve(&vocab, hint, hint, hint, &err), 0);
        for (int i = 0; i < N; i++) {
            snprintf(text, sizeof text, "%04d", i);
            assert_int_equal(g4_vocab_add(&vocab, text, 4, i, true, &err), 0);
            snprintf(both, sizeof both, "%04d%04d", i, i);
            assert_int_equal(g4_vocab_add(&vocab, both, 8, N + i, true, &err), 0);
        }
        for (int i = 0; i < N; i++) {
            snprintf(text, sizeof text, "%04d", i);
            const struct g4_merge_text merge = {text, text, 4, 4};
            assert_int_equal(g4_vocab_merge(&vocab, &merge, 1, NULL, NULL, &err), 0);
        }
        for (int i = 0; i < N; i++) {
            snprintf(both, sizeof both, "%04d%04d", i, i);
            assert_int_equal(g4_vocab_find(&vocab, both, 8), N + i);
            assert_int_equal(g4_vocab_rank(&vocab, i, i), i);
            assert_int_equal(vocab.merges[i].merged, N + i);
        }
        g4_vocab_release(&vocab);
    }
}

/* A file with flipped bytes is read or refused, and what is read works. */
static void survives_damaged_files(void **state)
{
    (void)state;
    size_t size, read = 0;
    char *whole = fixture_read(fixture_top(DEMO_GGUF), &size);
    uint64_t random = 9;
    const size_t head = 40000; /* the vocabulary lies in it */
    assert_true(size > head);
    for (int i = 0; i < 300; i++) {
        struct g4_tokenizer *tokenizer = NULL;
        struct g4_gguf file;
        struct g4_err err = {0};
        const size_t at = fixture_random(&random, (uint32_t)head);
        const char before = whole[at];
        whole[at] = (char)fixture_random(&random, 256);
        if (g4_gguf_parse(&file, (const unsigned char *)whole, size, "flipped.gguf", &err) == 0) {
            const int status =
                g4_tokenizer_open_gguf(&tokenizer, &file, FIXTURE_DEMO_SIZE, NULL, &err);
            assert_true(status == 0 || status == G4_EINPUT || status == G4_EUNSUPPORTED);
            g4_gguf_close(&file);
        }
        if (tokenizer) {
            const struct g4_text_run run = {.text = "<bos>abc \n\n user\xff", .n = 17};
            struct g4_ids ids = {0};
            g4_tokenizer_encode(tokenizer, &run, 1, &ids, &err);
            free(ids.ids);
            read++;
        } else {
            assert_true(strlen(err.text) > 0);
        }
        g4_tokenizer_close(tokenizer);
        whole[at] = before;
    }
    assert_true(read > 0 && read < 300);
    free(whole);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(demo_vocabularies_are_equal),
        cmocka_unit_test(demo_gives_the_same_ids),
        cmocka_unit_test(a_converted_document_gives_the_same_ids),
        cmocka_unit_test(knows_its_vocabulary_by_several_names),
        cmocka_unit_test(refuses_broken_lists),
        cmocka_unit_test(refuses_arrays_of_other_things),
        cmocka_unit_test(names_the_merge_of_a_later_batch),
        cmocka_unit_test(grows_beyond_what_was_reserved),
        cmocka_unit_test(survives_damaged_files),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

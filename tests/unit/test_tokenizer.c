/*
 * test_tokenizer.c - ids against a slow, obvious implementation that keeps symbols as strings and
 * looks through all pairs again after every merge; reading back; and files that must be refused.
 */
#include <jansson.h>
#include <time.h>

#include "decoder/vocab.h"
#include "lib/base/utf8.h"
#include "tests/unit/vocab_fixture.h"

/* The truth: the document as jansson reads it. */
struct slow {
    json_t *root;
    const json_t *vocab; /* piece -> id */
    json_t *ranks;       /* "left\x01right" -> rank */
};

static struct slow slow_open(const char *text, size_t n)
{
    struct slow slow = {.root = json_loadb(text, n, 0, NULL), .ranks = json_object()};
    const json_t *model = json_object_get(slow.root, "model"), *merge;
    size_t rank;
    assert_non_null(model);
    slow.vocab = json_object_get(model, "vocab");
    json_array_foreach(json_object_get(model, "merges"), rank, merge)
    {
        char key[256];
        if (json_is_array(merge)) {
            snprintf(key, sizeof key, "%s\x01%s", json_string_value(json_array_get(merge, 0)),
                     json_string_value(json_array_get(merge, 1)));
        } else {
            snprintf(key, sizeof key, "%s", json_string_value(merge));
            *strchr(key + 1, ' ') = '\x01';
        }
        json_object_set_new(slow.ranks, key, json_integer((json_int_t)rank));
    }
    return slow;
}

static void slow_close(struct slow *slow)
{
    json_decref(slow->root);
    json_decref(slow->ranks);
}

static int32_t slow_id(const struct slow *slow, const char *piece)
{
    const json_t *id = json_object_get(slow->vocab, piece);
    return id ? (int32_t)json_integer_value(id) : -1;
}

enum { SLOW_SYMBOLS = 4096, SLOW_PIECE = 200 };

/* Plain text without special tokens. */
static void slow_segment(const struct slow *slow, const char *text, size_t n, struct g4_ids *out)
{
    static char symbols[SLOW_SYMBOLS][SLOW_PIECE];
    size_t count = 0;
    for (size_t i = 0; i < n;) {
        char piece[SLOW_PIECE] = "";
        size_t length = g4_utf8_next(text + i, n - i, NULL);
        if (text[i] == ' ')
            strcpy(piece, "\xe2\x96\x81");
        else
            memcpy(piece, text + i, length);
        assert_true(count + 4 < SLOW_SYMBOLS);
        if (length && slow_id(slow, piece) >= 0) {
            strcpy(symbols[count++], piece);
        } else {
            for (size_t k = 0; k < (length ? length : 1); k++)
                snprintf(symbols[count++], SLOW_PIECE, "<0x%02X>", (unsigned char)text[i + k]);
        }
        i += length ? length : 1;
    }
    for (;;) {
        json_int_t best = -1;
        size_t at = 0;
        for (size_t i = 0; i + 1 < count; i++) {
            char key[2 * SLOW_PIECE + 1];
            snprintf(key, sizeof key, "%s\x01%s", symbols[i], symbols[i + 1]);
            const json_t *rank = json_object_get(slow->ranks, key);
            if (rank && (best < 0 || json_integer_value(rank) < best)) {
                best = json_integer_value(rank);
                at = i;
            }
        }
        if (best < 0)
            break;
        const size_t left = strlen(symbols[at]), right = strlen(symbols[at + 1]);
        assert_true(left + right < SLOW_PIECE);
        memmove(symbols[at] + left, symbols[at + 1], right + 1);
        memmove(symbols[at + 1], symbols[at + 2], (count - at - 2) * SLOW_PIECE);
        count--;
    }
    for (size_t i = 0; i < count; i++)
        assert_int_equal(g4_ids_push(out, slow_id(slow, symbols[i]), 1, NULL), 0);
}

/* Runs: special tokens where they count, plain text joined across borders. */
static void slow_encode(const struct slow *slow, const struct g4_text_run *runs, size_t count,
                        struct g4_ids *out)
{
    char *plain;
    size_t n;
    FILE *segment = open_memstream(&plain, &n);
    for (size_t k = 0; k < count; k++) {
        for (size_t i = 0; i < runs[k].n;) {
            int special = 0;
            for (; special < G4_SPECIALS; special++) {
                const char *text = g4_special_text((enum g4_special)special);
                if (runs[k].specials && runs[k].n - i >= strlen(text) &&
                    memcmp(runs[k].text + i, text, strlen(text)) == 0)
                    break;
            }
            if (special == G4_SPECIALS) {
                fputc(runs[k].text[i++], segment);
                continue;
            }
            const char *text = g4_special_text((enum g4_special)special);
            fclose(segment);
            slow_segment(slow, plain, n, out);
            free(plain);
            segment = open_memstream(&plain, &n);
            g4_ids_push(out, slow_id(slow, text), 1, NULL);
            i += strlen(text);
        }
    }
    fclose(segment);
    slow_segment(slow, plain, n, out);
    free(plain);
}

static void assert_same(const struct slow *slow, const struct g4_tokenizer *tokenizer,
                        const struct g4_text_run *runs, size_t count)
{
    struct g4_ids got = {0}, expected = {0};
    struct g4_err err = {0};
    if (g4_tokenizer_encode(tokenizer, runs, count, &got, &err) < 0)
        fail_msg("%s", err.text);
    slow_encode(slow, runs, count, &expected);
    assert_int_equal(got.count, expected.count);
    if (got.count)
        assert_memory_equal(got.ids, expected.ids, got.count * sizeof *got.ids);
    free(got.ids);
    free(expected.ids);
}

/* A piece, a special token's spelling, white space, a character or a broken byte. */
static size_t random_chunk(const struct g4_tokenizer *tokenizer, uint64_t *random, char *out)
{
    static const char *const odd[] = {"<",
                                      "<|",
                                      "|>",
                                      "<|tur",
                                      "\xc3\xa9",
                                      "\xe2\x96\x81",
                                      "\xe3\x80\x80",
                                      "\xff",
                                      "\xe2\x96",
                                      "\xf0\x9f\x98\x80",
                                      "\xf0\x9f",
                                      "\r\n",
                                      "<0x41>"};
    const char *text;
    size_t n;
    bool is_byte;
    switch (fixture_random(random, 8)) {
    case 0: text = odd[fixture_random(random, sizeof odd / sizeof *odd)]; break;
    case 1: text = g4_special_text((enum g4_special)fixture_random(random, G4_SPECIALS)); break;
    case 2:
        n = fixture_random(random, 12);
        memset(out, fixture_random(random, 2) ? ' ' : '\n', n);
        return n;
    default: {
        size_t id = fixture_random(random, (uint32_t)g4_tokenizer_size(tokenizer));
        text = g4_tokenizer_text(tokenizer, (int32_t)id, &n, &is_byte);
        memcpy(out, text, n);
        return n;
    }
    }
    memcpy(out, text, strlen(text));
    return strlen(text);
}

static void compare_random(const struct slow *slow, const struct g4_tokenizer *tokenizer, int cases)
{
    uint64_t random = 7;
    for (int i = 0; i < cases; i++) {
        char text[3][1024];
        struct g4_text_run runs[3];
        const size_t count = fixture_random(&random, 3) + 1;
        for (size_t k = 0; k < count; k++) {
            size_t n = 0;
            for (uint32_t chunks = fixture_random(&random, 12); chunks > 0; chunks--)
                n += random_chunk(tokenizer, &random, text[k] + n);
            runs[k] = (struct g4_text_run){.text = text[k],
                                           .n = n,
                                           .specials = fixture_random(&random, 2)};
        }
        assert_same(slow, tokenizer, runs, count);
    }
}

static void equals_the_slow_one_on_a_made_up_vocabulary(void **state)
{
    (void)state;
    char *json = fixture_json("", "", "");
    struct slow slow = slow_open(json, strlen(json));
    struct g4_tokenizer *tokenizer = fixture_tokenizer();
    compare_random(&slow, tokenizer, 4000);
    g4_tokenizer_close(tokenizer);
    slow_close(&slow);
    free(json);
}

/* A merge across a newline: text may no longer be taken apart there. */
static void equals_the_slow_one_where_merges_cross_newlines(void **state)
{
    (void)state;
    char *json =
        fixture_json(",\"c\\n\":400,\"c\\na\":401", ",[\"c\",\"\\n\"],[\"c\\n\",\"a\"]", "");
    struct slow slow = slow_open(json, strlen(json));
    struct g4_tokenizer *tokenizer;
    struct g4_err err = {0};
    assert_int_equal(fixture_open(&tokenizer, json, strlen(json), FIXTURE_SIZE, &err), 0);
    const struct g4_text_run run = {.text = "bc\nab\n\nc\n", .n = 9};
    struct g4_ids ids = {0};
    assert_int_equal(g4_tokenizer_encode(tokenizer, &run, 1, &ids, &err), 0);
    assert_int_equal(ids.ids[ids.count - 1], 400);
    free(ids.ids);
    compare_random(&slow, tokenizer, 2000);
    g4_tokenizer_close(tokenizer);
    slow_close(&slow);
    free(json);
}

static void equals_the_slow_one_on_the_demo_model(void **state)
{
    (void)state;
    FILE *file = fopen(fixture_top(DEMO_TOKENIZER), "rb");
    assert_non_null(file);
    static char text[1 << 20];
    size_t n = fread(text, 1, sizeof text, file);
    assert_true(n > 0 && n < sizeof text);
    fclose(file);
    struct slow slow = slow_open(text, n);
    struct g4_tokenizer *tokenizer = fixture_demo();
    compare_random(&slow, tokenizer, 1500);

    /* Every piece reads as the file spells it, with spaces. */
    const char *piece;
    json_t *id;
    json_object_foreach(json_object_get(json_object_get(slow.root, "model"), "vocab"), piece, id)
    {
        const int32_t at = (int32_t)json_integer_value(id);
        bool is_byte;
        size_t length;
        const char *got = g4_tokenizer_text(tokenizer, at, &length, &is_byte);
        if (g4_tokenizer_special_of(tokenizer, at) >= 0) {
            assert_int_equal(length, 0);
            assert_string_equal(
                g4_special_text((enum g4_special)g4_tokenizer_special_of(tokenizer, at)), piece);
        } else if (is_byte) {
            char name[8];
            snprintf(name, sizeof name, "<0x%02X>", (unsigned char)*got);
            assert_string_equal(name, piece);
        } else {
            for (const char *p = piece; length > 0; length--, got++) {
                bool space = strncmp(p, "\xe2\x96\x81", 3) == 0;
                assert_true(space ? *got == ' ' : *got == *p);
                p += space ? 3 : 1;
                assert_true(length > 1 || *p == '\0');
            }
        }
    }
    g4_tokenizer_close(tokenizer);
    slow_close(&slow);
}

/* Merges run across the border of template and payload; a special token in a payload is plain text.
 */
static void joins_runs_but_not_their_specials(void **state)
{
    (void)state;
    struct g4_tokenizer *tokenizer = fixture_tokenizer();
    const struct g4_text_run runs[] = {{"<|turn>user\n", 12, true}, {"\nab", 3, false},
                                       {"c<tur", 5, true},          {"n|>", 3, true},
                                       {"<turn|>", 7, false},       {"<turn|>", 7, true}};
    const int32_t expected[] = {G4_TOKEN_TURN_OPEN, fixture_id(tokenizer, "user"),
                                fixture_id(tokenizer, "\n\n"), fixture_id(tokenizer, "abc")};
    struct g4_ids ids = {0};
    assert_int_equal(g4_tokenizer_encode(tokenizer, runs, 6, &ids, NULL), 0);
    assert_memory_equal(ids.ids, expected, sizeof expected);
    assert_int_equal(ids.ids[ids.count - 1], G4_TOKEN_TURN_CLOSE);
    for (size_t i = 4; i + 1 < ids.count; i++)
        assert_true(g4_tokenizer_special_of(tokenizer, ids.ids[i]) < 0);
    free(ids.ids);
    g4_tokenizer_close(tokenizer);
}

/* A mebibyte of one letter, a chain of merges long enough to show anything that is not n log n. */
static void is_fast_on_one_letter(void **state)
{
    (void)state;
    enum { N = 1 << 20 };
    struct g4_tokenizer *tokenizer = fixture_tokenizer();
    char *text = malloc(N);
    assert_non_null(text);
    static const char letters[] = "a dx\n\xff";
    for (size_t i = 0; i < strlen(letters); i++) {
        memset(text, letters[i], N);
        const struct g4_text_run run = {.text = text, .n = N};
        struct g4_ids ids = {0};
        const clock_t begin = clock();
        assert_int_equal(g4_tokenizer_encode(tokenizer, &run, 1, &ids, NULL), 0);
        assert_true((double)(clock() - begin) / CLOCKS_PER_SEC < 10);
        size_t total = 0, length;
        for (size_t k = 0; k < ids.count; k++) {
            g4_tokenizer_text(tokenizer, ids.ids[k], &length, NULL);
            total += length;
        }
        assert_int_equal(total, N);
        free(ids.ids);
    }
    free(text);
    g4_tokenizer_close(tokenizer);
}

/* Feeds byte tokens (and one piece "b" for '#') and compares what was shown after each, parted by
 * '/'. */
static void assert_streams(const struct g4_tokenizer *tokenizer, const char *bytes,
                           const char *expected)
{
    struct g4_detokenizer d = {0};
    char shown[512], out[64];
    size_t n = 0;
    for (const char *c = bytes; *c; c++) {
        const int32_t id = *c == '#' ? fixture_id(tokenizer, "b") : G4_SPECIALS + (unsigned char)*c;
        const size_t length = g4_detokenizer_push(&d, tokenizer, id, out);
        assert_true(length <= G4_DETOKENIZER_ROOM + 1);
        memcpy(shown + n, out, length);
        n += length;
        shown[n++] = '/';
    }
    n += g4_detokenizer_finish(&d, shown + n);
    shown[n] = '\0';
    assert_string_equal(shown, expected);
    assert_int_equal(g4_detokenizer_finish(&d, out), 0);
}

static void streams_whole_characters(void **state)
{
    (void)state;
    struct g4_tokenizer *tokenizer = fixture_tokenizer();
    assert_streams(tokenizer, "a#", "a/b/");
    assert_streams(tokenizer, "\xc3\xa9", "/\xc3\xa9/");
    assert_streams(tokenizer, "\xf0\x9f\xa6\x99", "///\xf0\x9f\xa6\x99/");
    assert_streams(tokenizer, "\xf0\x9f\xa6", "///\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd");
    assert_streams(tokenizer, "\xf0\x9f#",
                   "//\xef\xbf\xbd\xef\xbf\xbd"
                   "b/");
    assert_streams(tokenizer,
                   "\xff"
                   "a",
                   "\xef\xbf\xbd/a/");
    assert_streams(tokenizer,
                   "\xe2\x82"
                   "a",
                   "//\xef\xbf\xbd\xef\xbf\xbd"
                   "a/");
    assert_streams(tokenizer, "\xe2\x82\xc3\xa9", "//\xef\xbf\xbd\xef\xbf\xbd/\xc3\xa9/");
    assert_streams(tokenizer, "\xed\xa0\x80", "/\xef\xbf\xbd\xef\xbf\xbd/\xef\xbf\xbd/");
    assert_streams(tokenizer, "\xc0\xaf", "\xef\xbf\xbd/\xef\xbf\xbd/");
    assert_streams(tokenizer, "\xf0\x9f\xf0\x9f\x98\x80",
                   "//\xef\xbf\xbd\xef\xbf\xbd///\xf0\x9f\x98\x80/");
    /* Special tokens are not shown, ids without a piece neither. */
    struct g4_detokenizer d = {0};
    char out[64];
    assert_int_equal(g4_detokenizer_push(&d, tokenizer, G4_TOKEN_TURN_CLOSE, out), 0);
    assert_int_equal(g4_detokenizer_push(&d, tokenizer, 511, out), 0);
    assert_int_equal(g4_detokenizer_push(&d, tokenizer, -1, out), 0);
    g4_tokenizer_close(tokenizer);
}

/* Whatever bytes go in as byte tokens, valid UTF-8 comes out. */
static void streams_only_valid_text(void **state)
{
    (void)state;
    struct g4_tokenizer *tokenizer = fixture_tokenizer();
    uint64_t random = 3;
    for (int i = 0; i < 3000; i++) {
        struct g4_detokenizer d = {0};
        char out[1024];
        size_t n = 0;
        for (uint32_t k = fixture_random(&random, 24); k > 0; k--) {
            const uint32_t byte = fixture_random(&random, 3) ? 0x80 + fixture_random(&random, 128)
                                                             : fixture_random(&random, 256);
            n += g4_detokenizer_push(&d, tokenizer, (int32_t)(G4_SPECIALS + byte), out + n);
            assert_true(g4_utf8_valid(out, n));
        }
        n += g4_detokenizer_finish(&d, out + n);
        assert_true(g4_utf8_valid(out, n));
    }
    g4_tokenizer_close(tokenizer);
}

/* The hash of the vocabulary, step by step. */
static uint64_t hash_step(uint64_t a)
{
    a *= 0x9e3779b97f4a7c15u;
    a ^= a >> 32;
    a *= 0xd6e8feb86659fd93u;
    return a ^ a >> 32;
}

/* Pieces of 16 letters whose second half cancels what the first half hashes to. */
static void refuses_pieces_made_to_collide(void **state)
{
    (void)state;
    struct g4_vocab vocab;
    struct g4_err err = {0};
    int status = 0;
    int64_t id = 0;
    g4_vocab_init(&vocab, 10000);
    for (uint32_t i = 0; i < 10000000 && status == 0; i++) {
        char piece[17];
        uint64_t word[2];
        snprintf(piece, sizeof piece, "%08x", i);
        memcpy(&word[0], piece, 8);
        word[1] = hash_step(16 ^ word[0]) ^ 0x2a4c1f553b6d1e77u;
        if ((word[1] & 0x8080808080808080u) == 0) {
            memcpy(piece + 8, &word[1], 8);
            status = g4_vocab_add(&vocab, piece, 16, id++, true, &err);
        }
    }
    assert_int_equal(status, G4_EINPUT);
    assert_string_equal(err.text, "more than 512 colliding entries");
    g4_vocab_release(&vocab);
}

struct refused {
    const char *json;
    int code;
    const char *message;
};

static void assert_refused(const struct refused *c, size_t count)
{
    for (size_t i = 0; i < count; i++, c++) {
        struct g4_tokenizer *tokenizer;
        struct g4_err err = {0};
        const int status = fixture_open(&tokenizer, c->json, strlen(c->json), 100, &err);
        if (status != c->code || !strstr(err.text, c->message))
            fail_msg("%s\ngot %d '%s', expected %d '%s'", c->json, status, err.text, c->code,
                     c->message);
        assert_null(tokenizer);
    }
}

#define AB       "\"vocab\":{\"a\":0,\"b\":1,\"ab\":2}"
#define MODEL(x) "{\"model\":{" x "}}"

static void refuses_broken_vocabularies(void **state)
{
    (void)state;
    static const struct refused cases[] = {
        {"", G4_EINPUT, "expected an object"},
        {"[]", G4_EINPUT, "expected an object"},
        {"{}", G4_EINPUT, "model.vocab: missing"},
        {MODEL("\"merges\":[]"), G4_EINPUT, "model.vocab: missing"},
        {MODEL(AB), G4_EINPUT, "model.merges: missing"},
        {MODEL("\"vocab\":{},\"merges\":[]"), G4_EINPUT, "model.vocab: empty"},
        {MODEL("\"vocab\":[],\"merges\":[]"), G4_EINPUT, "expected an object"},
        {MODEL("\"vocab\":{\"a\":100},\"merges\":[]"), G4_EINPUT,
         "model.vocab: id 100 is not in 0..99"},
        {MODEL("\"vocab\":{\"a\":-1},\"merges\":[]"), G4_EINPUT, "id -1 is not in 0..99"},
        {MODEL("\"vocab\":{\"a\":99999999999},\"merges\":[]"), G4_EINPUT, "expected an integer"},
        {MODEL("\"vocab\":{\"a\":\"0\"},\"merges\":[]"), G4_EINPUT, "expected an integer"},
        {MODEL("\"vocab\":{\"a\":0.5},\"merges\":[]"), G4_EINPUT, "expected an integer"},
        {MODEL("\"vocab\":{\"a\":0,\"b\":0},\"merges\":[]"), G4_EINPUT,
         "two pieces with id 0: 'b'"},
        {MODEL("\"vocab\":{\"a\":0,\"a\":1},\"merges\":[]"), G4_EINPUT, "there already: 'a'"},
        {MODEL(AB ",\"merges\":[[\"a\",\"c\"]]"), G4_EINPUT, "merge of what is not a piece: 'c'"},
        {MODEL(AB ",\"merges\":[[\"c\",\"a\"]]"), G4_EINPUT, "merge of what is not a piece: 'c'"},
        {MODEL(AB ",\"merges\":[[\"b\",\"a\"]]"), G4_EINPUT, "merge to what is not a piece: 'ba'"},
        {MODEL(AB ",\"merges\":[[\"a\",\"b\"],[\"a\",\"b\"]]"), G4_EINPUT, "there already: 'ab'"},
        {MODEL(AB ",\"merges\":[[\"a\"]]"), G4_EINPUT, "expected two pieces"},
        {MODEL(AB ",\"merges\":[[\"a\",\"b\",\"a\"]]"), G4_EINPUT, "expected two pieces"},
        {MODEL(AB ",\"merges\":[\"ab\"]"), G4_EINPUT, "a space between"},
        {MODEL(AB ",\"merges\":[\" b\"]"), G4_EINPUT, "a space between"},
        {MODEL(AB ",\"merges\":[1]"), G4_EINPUT, "expected an array"},
        {MODEL(AB ",\"merges\":[[1,2]]"), G4_EINPUT, "expected a string"},
        {MODEL(AB ",\"merges\":{}"), G4_EINPUT, "expected an array"},
        {MODEL(AB ",\"merges\":[]," AB), G4_EINPUT, "model.vocab stands there twice"},
        {MODEL("\"merges\":[]," AB ",\"merges\":[]"), G4_EINPUT, "model.merges stands there twice"},
        {"{\"model\":{" AB ",\"merges\":[]},\"model\":{}}", G4_EINPUT, "model stands there twice"},
        {"{\"model\":{" AB ",\"merges\":[]}} x", G4_EINPUT, "unexpected bytes behind the end"},
        {"{\"model\":{" AB ",\"merges\":[]}", G4_EINPUT, "expected ',' or '}'"},
        {"{\"a\xff\":1}", G4_EINPUT, "line 1 column 4: a string that is not UTF-8"},
    };
    assert_refused(cases, sizeof cases / sizeof *cases);
}

#define TOKENS(x) "{\"added_tokens\":[" x "],\"model\":{" AB ",\"merges\":[]}}"

static void refuses_broken_added_tokens(void **state)
{
    (void)state;
    static const struct refused cases[] = {
        {TOKENS("{\"id\":5}"), G4_EINPUT, "without id or content"},
        {TOKENS("{\"content\":\"x\"}"), G4_EINPUT, "without id or content"},
        {TOKENS("{\"id\":5,\"id\":5,\"content\":\"x\"}"), G4_EINPUT, "id stands there twice"},
        {TOKENS("{\"id\":100,\"content\":\"x\"}"), G4_EINPUT,
         "added_tokens: id 100 is not in 0..99"},
        {TOKENS("{\"id\":1,\"content\":\"x\"}"), G4_EINPUT, "two pieces with id 1: 'x'"},
        {TOKENS("{\"id\":1,\"content\":\"a\"}"), G4_EINPUT, "there already: 'a'"},
        {TOKENS("5"), G4_EINPUT, "expected an object"},
        {"{\"added_tokens\":{},\"model\":{" AB ",\"merges\":[]}}", G4_EINPUT, "expected an array"},
    };
    assert_refused(cases, sizeof cases / sizeof *cases);
}

#define STEP(x) "{" x ",\"model\":{" AB ",\"merges\":[]}}"

static void refuses_other_algorithms(void **state)
{
    (void)state;
    static const struct refused cases[] = {
        {MODEL("\"type\":\"Unigram\"," AB ",\"merges\":[]"), G4_EUNSUPPORTED, "model.type"},
        {MODEL("\"ignore_merges\":true," AB ",\"merges\":[]"), G4_EUNSUPPORTED,
         "model.ignore_merges"},
        {MODEL("\"byte_fallback\":false," AB ",\"merges\":[]"), G4_EUNSUPPORTED,
         "model.byte_fallback"},
        {MODEL("\"dropout\":0.1," AB ",\"merges\":[]"), G4_EUNSUPPORTED, "model.dropout"},
        {MODEL("\"end_of_word_suffix\":\"</w>\"," AB ",\"merges\":[]"), G4_EUNSUPPORTED,
         "model.end_of_word_suffix"},
        {STEP("\"normalizer\":{\"type\":\"NFC\"}"), G4_EUNSUPPORTED, "normalizer"},
        {STEP("\"normalizer\":{\"type\":\"Replace\",\"pattern\":{\"String\":\"a\"},\"content\":"
              "\"b\"}"),
         G4_EUNSUPPORTED, "normalizer"},
        {STEP("\"normalizer\":[]"), G4_EUNSUPPORTED, "normalizer"},
        {STEP("\"pre_tokenizer\":{\"type\":\"ByteLevel\"}"), G4_EUNSUPPORTED, "pre_tokenizer"},
    };
    assert_refused(cases, sizeof cases / sizeof *cases);
}

static void limits_depth_and_sizes(void **state)
{
    (void)state;
    enum { DEEP = 10000 };
    char *json = malloc(2 * DEEP);
    struct g4_tokenizer *tokenizer;
    struct g4_err err = {0};
    snprintf(json, DEEP, "{\"x\":");
    memset(json + 5, '[', DEEP);
    assert_int_equal(fixture_open(&tokenizer, json, DEEP, 100, &err), G4_EINPUT);
    assert_non_null(strstr(err.text, "nested deeper than 64"));
    free(json);

    static char long_piece[G4_VOCAB_PIECE + 100];
    const int n = snprintf(long_piece, sizeof long_piece, "{\"model\":{\"vocab\":{\"%0*d\":0}}}",
                           G4_VOCAB_PIECE + 1, 0);
    assert_int_equal(fixture_open(&tokenizer, long_piece, (size_t)n, 100, &err), G4_EINPUT);
    assert_non_null(strstr(err.text, "piece too long"));
    assert_int_equal(fixture_open(&tokenizer, "{}", 2, 0, &err), G4_EUNSUPPORTED);
    assert_int_equal(fixture_open(&tokenizer, "{}", 2, SIZE_MAX, &err), G4_EUNSUPPORTED);
    assert_true(g4_tokenizer_open(&tokenizer, "/nonexistent/tokenizer.json", 100, &err) < 0);
    assert_null(tokenizer);
}

/* Ids of "ab" in a small document. */
static void assert_reads(const char *json, int32_t expected)
{
    struct g4_tokenizer *tokenizer;
    struct g4_err err = {0};
    const struct g4_text_run run = {.text = "ab", .n = 2};
    struct g4_ids ids = {0};
    if (fixture_open(&tokenizer, json, strlen(json), 100, &err) < 0)
        fail_msg("%s: %s", json, err.text);
    assert_int_equal(g4_tokenizer_encode(tokenizer, &run, 1, &ids, NULL), 0);
    assert_int_equal(ids.count, 1);
    assert_int_equal(ids.ids[0], expected);
    free(ids.ids);
    g4_tokenizer_close(tokenizer);
}

static void reads_other_spellings(void **state)
{
    (void)state;
    assert_reads(MODEL(AB ",\"merges\":[[\"a\",\"b\"]]"), 2);
    assert_reads(MODEL(AB ",\"merges\":[\"a b\"]"), 2);
    assert_reads(MODEL("\"merges\":[\"a b\"]," AB), 2); /* members sorted by name */
    assert_reads(
        MODEL("\"vocab\":{\"\\u0061\":0,\"b\":1,\"a\\u0062\":77},\"merges\":[[\"a\",\"b\"]]"), 77);
    assert_reads(MODEL(AB ",\"merges\":[[\"a\",\"b\"]],\"dropout\":null,\"byte_fallback\":true,"
                          "\"continuing_subword_prefix\":\"\",\"unk_token\":\"x\""),
                 2);
    assert_reads("{\"normalizer\":null,\"added_tokens\":null,\"x\":[{}],"
                 "\"model\":{" AB ",\"merges\":[\"a b\"]}}",
                 2);
    assert_reads("{\"normalizer\":{\"type\":\"Sequence\",\"normalizers\":[{\"type\":\"Replace\","
                 "\"pattern\":{\"String\":\" \"},\"content\":\"\\u2581\"}]},\"pre_tokenizer\":null,"
                 "\"added_tokens\":[{\"id\":9,\"content\":\"<bos>\"}],"
                 "\"model\":{" AB ",\"merges\":[[\"a\",\"b\"]]}}",
                 2);
}

/* A vocabulary may lack tokens; only a text that needs one is refused. */
static void tells_what_a_vocabulary_lacks(void **state)
{
    (void)state;
    static const char json[] =
        "{\"added_tokens\":[{\"id\":9,\"content\":\"<bos>\"}],\"model\":{" AB ",\"merges\":[]}}";
    struct g4_tokenizer *tokenizer;
    struct g4_err err = {0};
    struct g4_ids ids = {0};
    assert_int_equal(fixture_open(&tokenizer, json, strlen(json), 100, &err), 0);
    assert_int_equal(g4_tokenizer_special(tokenizer, G4_TOKEN_BOS), 9);
    assert_int_equal(g4_tokenizer_special(tokenizer, G4_TOKEN_EOS), -1);
    assert_int_equal(g4_tokenizer_size(tokenizer), 10);
    assert_int_equal(g4_tokenizer_special_of(tokenizer, 9), G4_TOKEN_BOS);
    assert_int_equal(g4_tokenizer_special_of(tokenizer, 8), -1);
    struct g4_text_run run = {.text = "<bos>a<eos>", .n = 11, .specials = true};
    assert_int_equal(g4_tokenizer_encode(tokenizer, &run, 1, &ids, &err), G4_EUNSUPPORTED);
    assert_string_equal(err.text, "the vocabulary has no token '<eos>'");
    run = (struct g4_text_run){.text = "abz", .n = 3};
    assert_int_equal(g4_tokenizer_encode(tokenizer, &run, 1, &ids, &err), G4_EUNSUPPORTED);
    assert_string_equal(err.text, "the vocabulary has no token for byte 0x7A");
    free(ids.ids);
    g4_tokenizer_close(tokenizer);
}

/* A file with flipped bytes is read or refused, and what is read works. */
static void survives_damaged_files(void **state)
{
    (void)state;
    char *json = fixture_json("", "", "");
    const size_t n = strlen(json);
    uint64_t random = 11;
    int read = 0;
    for (int i = 0; i < 3000; i++) {
        char *damaged = malloc(n);
        struct g4_tokenizer *tokenizer;
        struct g4_err err = {0};
        memcpy(damaged, json, n);
        damaged[fixture_random(&random, (uint32_t)n)] = (char)fixture_random(&random, 256);
        const size_t length = fixture_random(&random, 4) ? n : fixture_random(&random, (uint32_t)n);
        const int status = fixture_open(&tokenizer, damaged, length, FIXTURE_SIZE, &err);
        assert_true(status == 0 || status == G4_EINPUT || status == G4_EUNSUPPORTED);
        assert_true(status == 0 || strlen(err.text) > 0);
        if (status == 0) {
            const struct g4_text_run run = {.text = "<bos>abc \n\n user\xff", .n = 17};
            struct g4_ids ids = {0};
            g4_tokenizer_encode(tokenizer, &run, 1, &ids, &err);
            free(ids.ids);
            read++;
        }
        g4_tokenizer_close(tokenizer);
        free(damaged);
    }
    assert_true(read > 0);
    free(json);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(equals_the_slow_one_on_a_made_up_vocabulary),
        cmocka_unit_test(equals_the_slow_one_where_merges_cross_newlines),
        cmocka_unit_test(equals_the_slow_one_on_the_demo_model),
        cmocka_unit_test(joins_runs_but_not_their_specials),
        cmocka_unit_test(is_fast_on_one_letter),
        cmocka_unit_test(streams_whole_characters),
        cmocka_unit_test(streams_only_valid_text),
        cmocka_unit_test(refuses_pieces_made_to_collide),
        cmocka_unit_test(refuses_broken_vocabularies),
        cmocka_unit_test(refuses_broken_added_tokens),
        cmocka_unit_test(refuses_other_algorithms),
        cmocka_unit_test(limits_depth_and_sizes),
        cmocka_unit_test(reads_other_spellings),
        cmocka_unit_test(tells_what_a_vocabulary_lacks),
        cmocka_unit_test(survives_damaged_files),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

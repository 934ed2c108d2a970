/*
 * test_answer.c - outputs of a model, written as text with markers, go in id by id; what comes out
 * must not depend on how the text was cut into ids.
 */
#include "decoder/answer.h"
#include "lib/base/utf8.h"
#include "tests/unit/vocab_fixture.h"

#define OPEN  "<|channel>"
#define CLOSE "<channel|>"
#define CALL  "<|tool_call>"
#define END   "<tool_call|>"
#define Q     "<|\"|>"

/* Ids of a text with markers: merged pieces, or one byte token per byte. */
static struct g4_ids ids_of(const struct g4_tokenizer *tokenizer, const char *text, bool bytes)
{
    const struct g4_text_run run = {.text = text, .n = strlen(text), .specials = true};
    struct g4_ids whole = {0}, out = {0};
    assert_int_equal(g4_tokenizer_encode(tokenizer, &run, 1, &whole, NULL), 0);
    if (!bytes)
        return whole;
    for (size_t i = 0; i < whole.count; i++) {
        size_t n;
        const char *piece = g4_tokenizer_text(tokenizer, whole.ids[i], &n, NULL);
        if (n == 0)
            g4_ids_push(&out, whole.ids[i], 1, NULL);
        for (size_t k = 0; k < n; k++)
            g4_ids_push(&out, G4_SPECIALS + (unsigned char)piece[k], 1, NULL);
    }
    free(whole.ids);
    return out;
}

struct expected {
    const char *output;
    bool in_thought;
    const char *thought, *content;
    const char *calls[3]; /* "name{json}", or "!text" of a call that cannot be read */
};

static void assert_text(const struct g4_text *text, const char *expected, const char *output)
{
    const char *got = text->text ? text->text : "";
    if (strlen(expected) != text->n || memcmp(got, expected, text->n) != 0)
        fail_msg("%s\ngot '%s', expected '%s'", output, got, expected);
}

static void assert_answer(const struct g4_tokenizer *tokenizer, const struct expected *e,
                          bool bytes)
{
    struct g4_ids ids = ids_of(tokenizer, e->output, bytes);
    struct g4_answer answer;
    struct g4_err err = {0};
    size_t content = 0, thought = 0;
    g4_answer_open(&answer, tokenizer, e->in_thought);
    for (size_t i = 0; i < ids.count; i++) {
        assert_int_equal(g4_answer_push(&answer, ids.ids[i], &err), 0);
        /* What was shown stays, and is whole characters. */
        assert_true(answer.content.n >= content && answer.thought.n >= thought);
        content = answer.content.n;
        thought = answer.thought.n;
        assert_true(content == 0 || g4_utf8_valid(answer.content.text, content));
        assert_memory_equal(thought ? answer.thought.text : "", e->thought, thought);
        assert_memory_equal(content ? answer.content.text : "", e->content, content);
    }
    assert_int_equal(g4_answer_finish(&answer, &err), 0);
    assert_int_equal(g4_answer_finish(&answer, &err), 0);
    assert_int_equal(answer.state, G4_ANSWER_END);
    assert_text(&answer.thought, e->thought, e->output);
    assert_text(&answer.content, e->content, e->output);
    size_t count = 0;
    for (; count < 3 && e->calls[count]; count++) {
        char got[256];
        const struct g4_answer_call *call = &answer.calls[count];
        assert_true(count < answer.call_count);
        if (call->err.code)
            snprintf(got, sizeof got, "!%s", call->text.text);
        else
            snprintf(got, sizeof got, "%s%s", call->parsed.name.text, call->parsed.arguments.text);
        assert_string_equal(got, e->calls[count]);
    }
    assert_int_equal(answer.call_count, count);
    g4_answer_release(&answer);
    free(ids.ids);
}

static const struct expected cases[] = {
    {"", false, "", "", {0}},
    {"Hello.<turn|>", false, "", "Hello.", {0}},
    {"Hello.<eos> more", false, "", "Hello.", {0}},
    {" Hello. \n<turn|>", false, "", " Hello. \n", {0}},
    {" \n<turn|>", false, "", " \n", {0}},
    {OPEN "thought\nI see.\n" CLOSE "Yes.<turn|>", false, "I see.", "Yes.", {0}},
    {OPEN "thought\n\n  a \n b \n\n" CLOSE "\n\n c \n<turn|>", false, "a \n b", "c \n", {0}},
    {"\n" OPEN "thought\na" CLOSE "b", false, "a", "b", {0}},
    {"a\n" OPEN "thought\nb" CLOSE "\nc", false, "b", "a\nc", {0}},
    {OPEN "thought\n" CLOSE "b", false, "", "b", {0}},
    {OPEN "thought" CLOSE "b", false, "", "b", {0}},
    {OPEN CLOSE "b", false, "", "b", {0}},
    {OPEN "thought \n \t" CLOSE " b", false, "", "b", {0}},
    {OPEN "thought\nnever closed<turn|>", false, "never closed", "", {0}},
    {OPEN "thought<turn|>", false, "", "", {0}},
    {OPEN "final\nb" CLOSE "c", false, "final\nb", "c", {0}},
    {OPEN "thought so" CLOSE "c", false, "so", "c", {0}},
    {"a \n" CLOSE "c", true, "a", "c", {0}},
    {CLOSE "c", true, "", "c", {0}},
    {"a" CLOSE "c", false, "", "ac", {0}}, /* stray */
    {OPEN "thought\na" CLOSE OPEN "thought\nb" CLOSE "c", false, "a\nb", "c", {0}},
    {OPEN OPEN "thought\na" CLOSE "c", false, "a", "c", {0}},
    {OPEN "thought\na" OPEN "thought\nb" CLOSE "c", false, "a\nb", "c", {0}},
    {"c" OPEN "thought\n" CLOSE "<turn|>", false, "", "c", {0}}, /* empty, after the answer */
    {OPEN "thought\na" CLOSE "\n" OPEN "thought\n" CLOSE "\nc", false, "a", "c", {0}},
    {CALL "call:f{a:1}" END "<|tool_response>", false, "", "", {"f{\"a\":1}"}},
    {CALL "call:f{a:" Q "x" Q "}" END CALL "call:g{}" END "<|tool_response>",
     false,
     "",
     "",
     {"f{\"a\":\"x\"}", "g{}"}},
    {"b" CALL "call:f{}" END "c<turn|>", false, "", "bc", {"f{}"}},
    {OPEN "thought\na" CLOSE CALL "call:f{}" END, false, "a", "", {"f{}"}},
    {OPEN "thought\na\n" CALL "call:f{}" END "b", false, "a", "b", {"f{}"}},
    {CALL "call:f{a:" Q "x<|tool_response>", false, "", "", {"f{\"a\":\"x\"}"}}, /* not closed */
    {CALL "call:f{}" CALL "call:g{}" END, false, "", "", {"f{}", "g{}"}},
    {CALL "call:f{}" END END "b", false, "", "b", {"f{}"}},
    {CALL END "b", false, "", "b", {0}},
    {CALL "what?" END "b", false, "", "b", {"!what?"}},
    {"a" Q "b", false, "", "ab", {0}}, /* a quote without a call */
    {"a<|image|>b", false, "", "ab", {0}},
    {CALL "call:f{a:" Q "\xf0\x9f\x98\x80" Q "}" END,
     false,
     "",
     "",
     {"f{\"a\":\"\xf0\x9f\x98\x80\"}"}},
    {OPEN "thought\n\xc3\xa9\xc2\xa0" CLOSE "\xe3\x80\x80\xc3\xa9",
     false,
     "\xc3\xa9",
     "\xc3\xa9",
     {0}},
};

static void reads_answers(void **state)
{
    (void)state;
    struct g4_tokenizer *tokenizer = fixture_tokenizer();
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        assert_answer(tokenizer, &cases[i], false);
        assert_answer(tokenizer, &cases[i], true);
    }
    g4_tokenizer_close(tokenizer);
}

/* Text that looks like a marker, generated piece by piece, is text. */
static void takes_no_text_for_a_marker(void **state)
{
    (void)state;
    struct g4_tokenizer *tokenizer = fixture_tokenizer();
    const struct g4_text_run run = {.text = "<|channel>a<turn|>", .n = 18};
    struct g4_ids ids = {0};
    struct g4_answer answer;
    assert_int_equal(g4_tokenizer_encode(tokenizer, &run, 1, &ids, NULL), 0);
    g4_answer_open(&answer, tokenizer, false);
    for (size_t i = 0; i < ids.count; i++)
        assert_int_equal(g4_answer_push(&answer, ids.ids[i], NULL), 0);
    assert_int_equal(answer.state, G4_ANSWER_CONTENT);
    assert_text(&answer.content, run.text, run.text);
    g4_answer_release(&answer);
    free(ids.ids);
    g4_tokenizer_close(tokenizer);
}

/* Bytes that never became a character are shown where they came. */
static void keeps_broken_bytes_in_their_block(void **state)
{
    (void)state;
    struct g4_tokenizer *tokenizer = fixture_tokenizer();
    const int32_t ids[] = {G4_TOKEN_CHANNEL_OPEN,      fixture_id(tokenizer, "\n"),
                           G4_SPECIALS + 0xc3,         G4_TOKEN_CHANNEL_CLOSE,
                           fixture_id(tokenizer, "b"), G4_SPECIALS + 0xf0,
                           G4_SPECIALS + 0x9f,         G4_TOKEN_TURN_CLOSE,
                           fixture_id(tokenizer, "b")};
    struct g4_answer answer;
    g4_answer_open(&answer, tokenizer, false);
    for (size_t i = 0; i < sizeof ids / sizeof *ids; i++)
        assert_int_equal(g4_answer_push(&answer, ids[i], NULL), 0);
    assert_int_equal(answer.state, G4_ANSWER_END);
    assert_text(&answer.thought, "\xef\xbf\xbd", "thought");
    assert_text(&answer.content, "b\xef\xbf\xbd\xef\xbf\xbd", "content");
    g4_answer_release(&answer);
    g4_tokenizer_close(tokenizer);
}

/* Any ids in any order: only valid text, and memory is in order. */
static void survives_any_ids(void **state)
{
    (void)state;
    struct g4_tokenizer *tokenizer = fixture_tokenizer();
    uint64_t random = 17;
    for (int i = 0; i < 3000; i++) {
        struct g4_answer answer;
        struct g4_err err = {0};
        g4_answer_open(&answer, tokenizer, fixture_random(&random, 2));
        for (uint32_t k = fixture_random(&random, 60); k > 0; k--) {
            const int32_t id = fixture_random(&random, 3)
                                   ? (int32_t)fixture_random(&random, FIXTURE_SIZE) - 2
                                   : (int32_t)(G4_TOKEN_TOOL_OPEN + fixture_random(&random, 10));
            if (id != G4_TOKEN_RESPONSE_OPEN)
                assert_int_equal(g4_answer_push(&answer, id, &err), 0);
        }
        assert_int_equal(g4_answer_finish(&answer, &err), 0);
        assert_true(g4_utf8_valid(answer.content.text, answer.content.n));
        assert_true(g4_utf8_valid(answer.thought.text, answer.thought.n));
        g4_answer_release(&answer);
        g4_answer_release(&answer);
    }
    g4_tokenizer_close(tokenizer);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(reads_answers),
        cmocka_unit_test(takes_no_text_for_a_marker),
        cmocka_unit_test(keeps_broken_bytes_in_their_block),
        cmocka_unit_test(survives_any_ids),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

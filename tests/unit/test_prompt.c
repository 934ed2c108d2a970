/* test_prompt.c - parts, their text, and their conversion to positions, at once and piece by piece.
 */
#include "decoder/prompt.h"
#include "tests/unit/vocab_fixture.h"

enum { WIDTH = 3 };

static float *rows(size_t count, float first)
{
    float *data = malloc(count * WIDTH * sizeof *data);
    assert_non_null(data);
    for (size_t i = 0; i < count * WIDTH; i++)
        data[i] = first + (float)i;
    return data;
}

/* ab [image 2] c\n [audio 1] [video 1] \nab */
static void build(struct g4_prompt *prompt)
{
    struct g4_err err;
    assert_int_equal(g4_prompt_template(prompt, "<bos>a", &err), 0);
    assert_int_equal(g4_prompt_payload(prompt, "b<eos>", 6, &err), 0);
    assert_int_equal(g4_prompt_template(prompt, "<|image>", &err), 0);
    assert_int_equal(g4_prompt_soft(prompt, G4_POS_IMAGE, 2, rows(2, 10), &err), 0);
    assert_int_equal(g4_prompt_template(prompt, "<image|>c", &err), 0);
    assert_int_equal(g4_prompt_payload(prompt, "\n", 1, &err), 0);
    assert_int_equal(g4_prompt_soft(prompt, G4_POS_AUDIO, 1, rows(1, 20), &err), 0);
    assert_int_equal(g4_prompt_soft(prompt, G4_POS_VIDEO, 1, rows(1, 30), &err), 0);
    assert_int_equal(g4_prompt_payload(prompt, "", 0, &err), 0);
    assert_int_equal(g4_prompt_payload(prompt, "\nab", 3, &err), 0);
}

static void shows_the_text(void **state)
{
    (void)state;
    struct g4_prompt prompt = {0};
    char *text = g4_prompt_text(&prompt);
    assert_string_equal(text, "");
    free(text);
    build(&prompt);
    text = g4_prompt_text(&prompt);
    assert_string_equal(text,
                        "<bos>ab<eos><|image><|image|><|image|><image|>c\n<|audio|><|video|>\nab");
    free(text);
    g4_prompt_release(&prompt);
    assert_null(prompt.parts);
}

static void becomes_positions(void **state)
{
    (void)state;
    struct g4_tokenizer *tokenizer = fixture_tokenizer();
    struct g4_prompt prompt = {0};
    struct g4_prompt_positions all;
    struct g4_err err = {0};
    build(&prompt);
    assert_int_equal(g4_prompt_positions(&prompt, 0, tokenizer, WIDTH, &all, &err), 0);

    /* Typed by a person, <eos> is not the token. */
    const int32_t begin[] = {G4_TOKEN_BOS, fixture_id(tokenizer, "ab")};
    assert_memory_equal(all.ids.ids, begin, sizeof begin);
    size_t at = 0;
    while (all.ids.ids[at] != G4_TOKEN_IMAGE_OPEN)
        assert_int_not_equal(all.ids.ids[at++], G4_TOKEN_EOS);
    const int32_t end[] = {G4_TOKEN_IMAGE_OPEN,         G4_TOKEN_IMAGE_SOFT,
                           G4_TOKEN_IMAGE_SOFT,         G4_TOKEN_IMAGE_CLOSE,
                           fixture_id(tokenizer, "c"),  fixture_id(tokenizer, "\n"),
                           G4_TOKEN_AUDIO_SOFT,         G4_TOKEN_VIDEO_SOFT,
                           fixture_id(tokenizer, "\n"), fixture_id(tokenizer, "ab")};
    const uint8_t kinds[] = {G4_POS_TEXT, G4_POS_IMAGE, G4_POS_IMAGE, G4_POS_TEXT, G4_POS_TEXT,
                             G4_POS_TEXT, G4_POS_AUDIO, G4_POS_VIDEO, G4_POS_TEXT, G4_POS_TEXT};
    assert_int_equal(all.ids.count, at + sizeof kinds);
    assert_memory_equal(all.ids.ids + at, end, sizeof end);
    assert_memory_equal(all.kinds + at, kinds, sizeof kinds);
    for (size_t i = 0; i < at; i++)
        assert_int_equal(all.kinds[i], G4_POS_TEXT);
    assert_int_equal(all.soft, 4);
    const float expected[] = {10, 11, 12, 13, 14, 15, 20, 21, 22, 30, 31, 32};
    assert_memory_equal(all.rows, expected, sizeof expected);
    g4_prompt_positions_release(&all);
    g4_prompt_release(&prompt);
    g4_tokenizer_close(tokenizer);
}

/* What stands behind a soft part can be converted later, with the same result. */
static void grows_piece_by_piece(void **state)
{
    (void)state;
    struct g4_tokenizer *tokenizer = fixture_tokenizer();
    struct g4_prompt prompt = {0};
    struct g4_prompt_positions all, part;
    struct g4_err err = {0};
    build(&prompt);
    assert_int_equal(g4_prompt_positions(&prompt, 0, tokenizer, WIDTH, &all, &err), 0);
    const size_t count = prompt.count;
    size_t ids = 0, soft = 0;
    for (size_t from = 0, to = 1; to <= count; to++) {
        if (to < count && prompt.parts[to - 1].type != G4_PART_SOFT)
            continue;
        prompt.count = to;
        assert_int_equal(g4_prompt_positions(&prompt, from, tokenizer, WIDTH, &part, &err), 0);
        assert_memory_equal(part.ids.ids, all.ids.ids + ids, part.ids.count * sizeof(int32_t));
        assert_memory_equal(part.kinds, all.kinds + ids, part.ids.count);
        if (part.soft)
            assert_memory_equal(part.rows, all.rows + soft * WIDTH,
                                part.soft * WIDTH * sizeof(float));
        ids += part.ids.count;
        soft += part.soft;
        from = to;
        g4_prompt_positions_release(&part);
    }
    assert_int_equal(ids, all.ids.count);
    assert_int_equal(soft, all.soft);
    /* Nothing behind the last part. */
    assert_int_equal(g4_prompt_positions(&prompt, count, tokenizer, WIDTH, &part, &err), 0);
    assert_int_equal(part.ids.count, 0);
    g4_prompt_positions_release(&part);
    g4_prompt_positions_release(&all);
    g4_prompt_release(&prompt);
    g4_tokenizer_close(tokenizer);
}

static void wants_rows_only_with_a_width(void **state)
{
    (void)state;
    struct g4_tokenizer *tokenizer = fixture_tokenizer();
    struct g4_prompt prompt = {0};
    struct g4_prompt_positions positions;
    struct g4_err err = {0};
    assert_int_equal(g4_prompt_soft(&prompt, G4_POS_IMAGE, 2, NULL, &err), 0);
    assert_int_equal(g4_prompt_positions(&prompt, 0, tokenizer, 0, &positions, &err), 0);
    assert_int_equal(positions.ids.count, 2);
    assert_int_equal(positions.soft, 2);
    assert_null(positions.rows);
    g4_prompt_positions_release(&positions);
    assert_int_equal(g4_prompt_positions(&prompt, 0, tokenizer, WIDTH, &positions, &err),
                     G4_EUSAGE);
    assert_null(positions.ids.ids);
    g4_prompt_release(&prompt);
    g4_tokenizer_close(tokenizer);
}

static void tells_a_missing_placeholder(void **state)
{
    (void)state;
    static const char json[] = "{\"model\":{\"vocab\":{\"a\":0,\"<bos>\":1},\"merges\":[]}}";
    struct g4_tokenizer *tokenizer;
    struct g4_prompt prompt = {0};
    struct g4_prompt_positions positions;
    struct g4_err err = {0};
    assert_int_equal(fixture_open(&tokenizer, json, strlen(json), 10, &err), 0);
    assert_int_equal(g4_prompt_template(&prompt, "<bos>a", &err), 0);
    assert_int_equal(g4_prompt_soft(&prompt, G4_POS_AUDIO, 1, rows(1, 0), &err), 0);
    assert_int_equal(g4_prompt_positions(&prompt, 0, tokenizer, WIDTH, &positions, &err),
                     G4_EUNSUPPORTED);
    assert_string_equal(err.text, "the vocabulary has no token '<|audio|>'");
    g4_prompt_release(&prompt);
    g4_tokenizer_close(tokenizer);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(shows_the_text),
        cmocka_unit_test(becomes_positions),
        cmocka_unit_test(grows_piece_by_piece),
        cmocka_unit_test(wants_rows_only_with_a_width),
        cmocka_unit_test(tells_a_missing_placeholder),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

/*
 * test_vocab.c - the tables behind a tokenizer: spelling of pieces, merges in any order and many at
 * a time, alone and with threads that help.
 */
#include "decoder/vocab.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

enum { N = 7000, RESULT = N }; /* piece i is its number; RESULT + i is numbers i and i + 1 */

static void add(struct g4_vocab *vocab, const char *text, int64_t id)
{
    struct g4_err err = {0};
    if (g4_vocab_add(vocab, text, strlen(text), id, true, &err) < 0)
        fail_msg("%s", err.text);
}

/* Room for N numbers, of which the last has no result. */
static void fill(struct g4_vocab *vocab)
{
    char text[16];
    g4_vocab_init(vocab, 2 * N);
    for (int i = 0; i < N; i++) {
        snprintf(text, sizeof text, "%04d", i);
        add(vocab, text, i);
    }
    for (int i = 0; i + 1 < N; i++) {
        snprintf(text, sizeof text, "%04d%04d", i, i + 1);
        add(vocab, text, RESULT + i);
    }
}

/* Numbers i and i + 1 for the merge of a rank: in the order of results, or in none. */
static int number_at(int rank, bool ordered)
{
    return ordered ? rank : (int)((unsigned)rank * 4001u % (N - 1));
}

static struct g4_merge_text *make_merges(char (*texts)[32], bool ordered)
{
    struct g4_merge_text *merges = calloc(N - 1, sizeof *merges);
    assert_non_null(merges);
    for (int i = 0; i + 1 < N; i++) {
        const int number = number_at(i, ordered);
        snprintf(texts[i], sizeof texts[i], "%04d%04d", number, number + 1);
        merges[i] = (struct g4_merge_text){texts[i], texts[i] + 4, 4, 4};
    }
    return merges;
}

static void any_order_and_any_threads_give_the_same(void **state)
{
    static char texts[N][32];
    (void)state;
    for (int threads = 0; threads < 4; threads++)
        for (int ordered = 0; ordered < 2; ordered++) {
            struct g4_merge_text *merges = make_merges(texts, ordered);
            struct g4_pool *pool = NULL;
            struct g4_vocab vocab;
            struct g4_err err = {0};
            fill(&vocab);
            if (threads > 0)
                assert_int_equal(g4_pool_new(&pool, threads, &err), 0);
            /* Twice, because what came so far decides how the next ones are looked for. */
            assert_int_equal(g4_vocab_merge(&vocab, merges, N / 2, pool, NULL, &err), 0);
            assert_int_equal(
                g4_vocab_merge(&vocab, merges + N / 2, N - 1 - N / 2, pool, NULL, &err), 0);
            assert_int_equal(vocab.merge_count, N - 1);
            for (int i = 0; i + 1 < N; i++) {
                const int number = number_at(i, ordered);
                assert_int_equal(g4_vocab_rank(&vocab, number, number + 1), i);
                assert_int_equal(vocab.merges[i].merged, RESULT + number);
            }
            g4_pool_free(pool);
            g4_vocab_release(&vocab);
            free(merges);
        }
}

static void the_first_wrong_merge_is_named(void **state)
{
    static char texts[N][32];
    static const struct {
        int at;
        const char *left, *right, *message;
    } cases[] = {
        {5000, "0017", "9999", "merge of what is not a piece: '9999'"},
        {4095, "0017", "0019", "merge to what is not a piece: '00170019'"},
        {N - 2, "0017", "0018", "merge that is there already: '00170018'"},
    };
    (void)state;
    for (size_t c = 0; c < sizeof cases / sizeof *cases; c++)
        for (int threads = 0; threads < 3; threads += 2) {
            struct g4_merge_text *merges = make_merges(texts, true);
            struct g4_pool *pool = NULL;
            struct g4_vocab vocab;
            struct g4_err err = {0};
            size_t refused = 0;
            fill(&vocab);
            merges[cases[c].at] = (struct g4_merge_text){cases[c].left, cases[c].right, 4, 4};
            merges[N - 2].right = "none"; /* a later one that is wrong too, or the same */
            if (cases[c].at == N - 2)
                merges[N - 2].right = cases[c].right;
            if (threads > 0)
                assert_int_equal(g4_pool_new(&pool, threads, &err), 0);
            assert_int_equal(g4_vocab_merge(&vocab, merges, N - 1, pool, &refused, &err),
                             G4_EINPUT);
            assert_int_equal(refused, cases[c].at);
            assert_string_equal(err.text, cases[c].message);
            g4_pool_free(pool);
            g4_vocab_release(&vocab);
            free(merges);
        }
}

/* U+2581 becomes a space wherever it stands, and a space in the file stands for none. */
static void spelling_of_pieces(void **state)
{
    (void)state;
    for (size_t n = 0; n < 20; n++)
        for (size_t at = 0; at <= n; at++) {
            struct g4_vocab vocab;
            struct g4_err err = {0};
            char file[32], kept[32], raw[32];
            g4_vocab_init(&vocab, 8);
            memset(file, 'x', sizeof file);
            memcpy(file + at, "\xe2\x96\x81", 3);
            memset(kept, 'x', sizeof kept);
            memset(raw, 'x', sizeof raw);
            kept[at] = raw[at] = ' ';
            assert_int_equal(g4_vocab_add(&vocab, file, n + 3, 0, true, &err), 0);
            assert_int_equal(g4_vocab_add(&vocab, raw, n + 1, 1, true, &err), 0);
            assert_int_equal(g4_vocab_find(&vocab, kept, n + 1), 0);
            assert_int_equal(vocab.pieces[0].n, n + 1);
            assert_int_equal(vocab.pieces[1].n, n + 1);
            assert_false(vocab.pieces[1].ordinary);
            g4_vocab_release(&vocab);
        }
}

/* A merge that joins a newline with something else is noticed wherever the newline stands. */
static void merges_across_newlines(void **state)
{
    static const struct {
        const char *left, *right;
        bool apart;
    } cases[] = {
        {"\n", "\n\n", true},
        {"abcdefgh", "ijklmnop", true},
        {"\n", "abcdefgh", false},
        {"abcdefghijk\n", "l", false},
    };
    (void)state;
    for (size_t c = 0; c < sizeof cases / sizeof *cases; c++) {
        struct g4_vocab vocab;
        struct g4_err err = {0};
        char both[64];
        const struct g4_merge_text merge = {cases[c].left, cases[c].right, strlen(cases[c].left),
                                            strlen(cases[c].right)};
        snprintf(both, sizeof both, "%s%s", cases[c].left, cases[c].right);
        g4_vocab_init(&vocab, 8);
        add(&vocab, cases[c].left, 0);
        add(&vocab, cases[c].right, 1);
        add(&vocab, both, 2);
        assert_int_equal(g4_vocab_merge(&vocab, &merge, 1, NULL, NULL, &err), 0);
        assert_int_equal(vocab.newlines_apart, cases[c].apart);
        g4_vocab_release(&vocab);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(any_order_and_any_threads_give_the_same),
        cmocka_unit_test(the_first_wrong_merge_is_named),
        cmocka_unit_test(spelling_of_pieces),
        cmocka_unit_test(merges_across_newlines),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

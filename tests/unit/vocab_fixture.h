/*
 * vocab_fixture.h - a made-up vocabulary of the real shape: special tokens, byte tokens, a few
 * letters, runs of spaces and newlines, merges that compete with each other.
 */
#ifndef G4_TESTS_UNIT_VOCAB_FIXTURE_H
#define G4_TESTS_UNIT_VOCAB_FIXTURE_H

#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "decoder/tokenizer.h"

#define DEMO_TOKENIZER "examples/demo-model/tokenizer.json"

enum { FIXTURE_SIZE = 512, FIXTURE_DEMO_SIZE = 1024 };

/* A path below the project's root. */
static inline const char *fixture_top(const char *path)
{
    static char full[1024];
    const char *top = getenv("G4_TOP");
    snprintf(full, sizeof full, "%s/%s", top ? top : ".", path);
    return full;
}

/* Ordinary pieces behind the specials and bytes, as JSON strings. */
static const char *const fixture_pieces[] = {"a",
                                             "b",
                                             "c",
                                             "d",
                                             "e",
                                             "\\u2581",
                                             "\\n",
                                             "<",
                                             ">",
                                             "|",
                                             "\\u00e9",
                                             "\\t",
                                             "\\\"",
                                             "\\\\",
                                             ".",
                                             "ab",
                                             "bc",
                                             "abc",
                                             "\\u2581a",
                                             "a\\u2581",
                                             "aa",
                                             "aaaa",
                                             "\\u00e9e",
                                             "e\\u00e9",
                                             "\\n\\n",
                                             "\\n\\n\\n",
                                             "\\u2581\\u2581",
                                             "\\u2581\\u2581\\u2581\\u2581",
                                             "dd",
                                             "ddd",
                                             "cab",
                                             "<|",
                                             "|>",
                                             "\\ud83d\\ude00",
                                             "u",
                                             "s",
                                             "r",
                                             "us",
                                             "er",
                                             "user"};

static const char fixture_merges[] =
    "[[\"\\n\",\"\\n\"],[\"\\n\\n\",\"\\n\"],[\"\\u2581\",\"\\u2581\"],"
    "[\"\\u2581\\u2581\",\"\\u2581\\u2581\"],"
    "[\"b\",\"c\"],[\"a\",\"b\"],[\"ab\",\"c\"],[\"a\",\"bc\"],[\"\\u2581\",\"a\"],[\"a\","
    "\"\\u2581\"],"
    "[\"a\",\"a\"],[\"aa\",\"aa\"],\"\\u00e9 e\",\"e "
    "\\u00e9\",[\"d\",\"d\"],[\"d\",\"dd\"],[\"dd\",\"d\"],"
    "[\"c\",\"ab\"],[\"<\",\"|\"],[\"|\",\">\"],[\"u\",\"s\"],[\"e\",\"r\"],[\"us\",\"er\"]]";

/* Writes a string as JSON would; of what the special tokens need. */
static inline void fixture_quote(FILE *out, const char *text)
{
    fputc('"', out);
    for (; *text; text++)
        fprintf(out, *text == '"' ? "\\%c" : "%c", *text);
    fputc('"', out);
}

/* The document; `vocab` and `merges` are further entries ("" or ",..."), `model` further members of
 * model. The caller frees. */
static inline char *fixture_json(const char *vocab, const char *merges, const char *model)
{
    char *text;
    size_t n;
    int id = 0;
    FILE *out = open_memstream(&text, &n);
    assert_non_null(out);
    fputs("{\"version\":\"1.0\",\"added_tokens\":[", out);
    for (int i = 0; i < G4_SPECIALS; i++) {
        fprintf(out, "%s{\"id\":%d,\"content\":", i ? "," : "", i);
        fixture_quote(out, g4_special_text((enum g4_special)i));
        fputs(",\"special\":true}", out);
    }
    fputs("],\"normalizer\":{\"type\":\"Replace\",\"pattern\":{\"String\":\" "
          "\"},\"content\":\"\\u2581\"},"
          "\"pre_tokenizer\":null,\"model\":{\"type\":\"BPE\",\"vocab\":{",
          out);
    for (; id < G4_SPECIALS; id++) {
        fputs(id ? "," : "", out);
        fixture_quote(out, g4_special_text((enum g4_special)id));
        fprintf(out, ":%d", id);
    }
    for (int byte = 0; byte < 256; byte++)
        fprintf(out, ",\"<0x%02X>\":%d", (unsigned)byte, id++);
    for (size_t i = 0; i < sizeof fixture_pieces / sizeof *fixture_pieces; i++)
        fprintf(out, ",\"%s\":%d", fixture_pieces[i], id++);
    fprintf(out, "%s},\"merges\":%.*s%s]%s}}", vocab, (int)sizeof fixture_merges - 2,
            fixture_merges, merges, model);
    assert_int_equal(fclose(out), 0);
    return text;
}

/* Opens a document through a file, which is gone again afterwards. */
static inline int fixture_open(struct g4_tokenizer **tokenizer, const char *json, size_t n,
                               size_t vocab_size, struct g4_err *err)
{
    const char *tmp = getenv("TMPDIR");
    char path[512];
    snprintf(path, sizeof path, "%s/g4-vocab-XXXXXX", tmp ? tmp : "/tmp");
    int fd = mkstemp(path);
    assert_true(fd >= 0);
    assert_int_equal(write(fd, json, n), n);
    assert_int_equal(close(fd), 0);
    int status = g4_tokenizer_open(tokenizer, path, vocab_size, err);
    assert_int_equal(unlink(path), 0);
    return status;
}

static inline struct g4_tokenizer *fixture_tokenizer(void)
{
    struct g4_tokenizer *tokenizer;
    struct g4_err err = {0};
    char *json = fixture_json("", "", "");
    if (fixture_open(&tokenizer, json, strlen(json), FIXTURE_SIZE, &err) < 0)
        fail_msg("%s", err.text);
    free(json);
    return tokenizer;
}

static inline struct g4_tokenizer *fixture_demo(void)
{
    struct g4_tokenizer *tokenizer;
    struct g4_err err = {0};
    if (g4_tokenizer_open(&tokenizer, fixture_top(DEMO_TOKENIZER), FIXTURE_DEMO_SIZE, &err) < 0)
        fail_msg("%s", err.text);
    return tokenizer;
}

/* Id of a piece, by its text with spaces; fails the test when there is none. */
static inline int32_t fixture_id(const struct g4_tokenizer *tokenizer, const char *text)
{
    for (int32_t id = 0; (size_t)id < g4_tokenizer_size(tokenizer); id++) {
        bool is_byte;
        size_t n;
        const char *piece = g4_tokenizer_text(tokenizer, id, &n, &is_byte);
        if (!is_byte && n > 0 && n == strlen(text) && memcmp(piece, text, n) == 0)
            return id;
    }
    fail_msg("no piece '%s'", text);
    return -1;
}

/* A generator of its own, so that a failing case can be told by its number. */
static inline uint32_t fixture_random(uint64_t *state, uint32_t below)
{
    *state = *state * 6364136223846793005u + 1442695040888963407u;
    return (uint32_t)((*state >> 33) % below);
}

#endif

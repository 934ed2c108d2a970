/*
 * check_tokenizer.c - published token ids against the real vocabulary: G4_MODEL names a folder with
 * its tokenizer.json, or a GGUF file. TAP; skipped with a word when the vocabulary is another one
 * (the demo model's).
 */
#include <jansson.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "decoder/chat.h"

enum { REAL_SIZE = 262144 };

static int number, failures;

static void ok(bool good, const char *group, const char *name)
{
    printf("%sok %d - %s: ", good ? "" : "not ", ++number, group);
    for (const char *c = name; *c; c++)
        putchar(*c == '\n' || *c == '#' || *c == '\r' ? '.' : *c);
    putchar('\n');
    failures += !good;
}

static bool same_ids(const struct g4_ids *got, const json_t *expected)
{
    bool same = got->count == json_array_size(expected);
    for (size_t i = 0; same && i < got->count; i++)
        same = got->ids[i] == json_integer_value(json_array_get(expected, i));
    if (same)
        return true;
    printf("# got");
    for (size_t i = 0; i < got->count; i++)
        printf(" %d", got->ids[i]);
    printf("\n");
    return false;
}

static void check_specials(const struct g4_tokenizer *tokenizer, const json_t *specials)
{
    for (int i = 0; i < G4_SPECIALS; i++) {
        const json_t *pair = json_array_get(specials, (size_t)i);
        const char *text = json_string_value(json_array_get(pair, 1));
        int32_t id = -1;
        for (int k = 0; text && k < G4_SPECIALS; k++)
            if (strcmp(g4_special_text((enum g4_special)k), text) == 0)
                id = g4_tokenizer_special(tokenizer, (enum g4_special)k);
        ok(text && id == json_integer_value(json_array_get(pair, 0)), "special token",
           text ? text : "?");
    }
}

static void check_encode(const struct g4_tokenizer *tokenizer, const json_t *cases)
{
    for (size_t i = 0; i < json_array_size(cases); i++) {
        const json_t *c = json_array_get(cases, i), *text = json_object_get(c, "text");
        const struct g4_text_run run = {.text = json_string_value(text),
                                        .n = json_string_length(text),
                                        .specials =
                                            json_is_true(json_object_get(c, "parse_special"))};
        struct g4_ids ids = {0};
        struct g4_err err = {0};
        const int status = g4_tokenizer_encode(tokenizer, &run, 1, &ids, &err);
        ok(status == 0 && same_ids(&ids, json_object_get(c, "ids")), "encode", run.text);
        free(ids.ids);
    }
}

static void check_decode(const struct g4_tokenizer *tokenizer, const json_t *cases)
{
    for (size_t i = 0; i < json_array_size(cases); i++) {
        const json_t *c = json_array_get(cases, i), *ids = json_object_get(c, "ids");
        const char *expected = json_string_value(json_object_get(c, "text"));
        struct g4_detokenizer detokenizer = {0};
        char out[4096];
        size_t n = 0;
        for (size_t k = 0; k < json_array_size(ids) && n < sizeof out / 2; k++)
            n += g4_detokenizer_push(&detokenizer, tokenizer,
                                     (int32_t)json_integer_value(json_array_get(ids, k)), out + n);
        n += g4_detokenizer_finish(&detokenizer, out + n);
        ok(n == strlen(expected) && memcmp(out, expected, n) == 0, "decode", expected);
    }
}

/* An image of these cases is the text "<|image|>" in a message; it stands for its markers and rows.
 */
static int expand_image(struct g4_prompt *prompt, struct g4_prompt *out, size_t rows,
                        struct g4_err *err)
{
    static const char mark[] = "<|image|>";
    int status = 0;
    for (size_t i = 0; i < prompt->count && status == 0; i++) {
        const struct g4_part *part = &prompt->parts[i];
        const char *at = strstr(part->text, mark);
        if (part->type == G4_PART_TEMPLATE) {
            status = g4_prompt_template(out, part->text, err);
        } else if (!at) {
            status = g4_prompt_payload(out, part->text, part->n, err);
        } else {
            const char *rest = at + strlen(mark);
            status = g4_prompt_payload(out, part->text, (size_t)(at - part->text), err);
            if (status == 0 && (status = g4_chat_image(out, rows, NULL, err)) == 0)
                status = g4_prompt_payload(out, rest, strlen(rest), err);
        }
    }
    return status;
}

static void check_chats(const struct g4_tokenizer *tokenizer, const json_t *cases)
{
    enum { IMAGE_ROWS = 256 };
    for (size_t i = 0; i < json_array_size(cases); i++) {
        const json_t *c = json_array_get(cases, i);
        const char *variant = json_string_value(json_object_get(c, "variant"));
        const struct g4_chat_options options = {
            .variant = strcmp(variant, "large") == 0 ? G4_CHAT_LARGE : G4_CHAT_SMALL,
            .thinking = json_is_true(json_object_get(c, "enable_thinking")),
            .add_generation_prompt = true,
        };
        struct g4_prompt prompt = {0}, expanded = {0};
        struct g4_prompt_positions positions = {0};
        struct g4_err err = {0};
        int status = g4_chat_render(&prompt, json_object_get(c, "messages"),
                                    json_object_get(c, "tools"), &options, &err);
        char *text = g4_prompt_text(&prompt);
        if (status == 0 && (status = expand_image(&prompt, &expanded, IMAGE_ROWS, &err)) == 0)
            status = g4_prompt_positions(&expanded, 0, tokenizer, 0, &positions, &err);
        ok(status == 0 && text &&
               strcmp(text, json_string_value(json_object_get(c, "text"))) == 0 &&
               same_ids(&positions.ids, json_object_get(c, "ids")),
           "chat", json_string_value(json_object_get(c, "name")));
        free(text);
        g4_prompt_positions_release(&positions);
        g4_prompt_release(&expanded);
        g4_prompt_release(&prompt);
    }
}

/* false, and said why, when there is nothing to check. */
static bool open_model(struct g4_model *model, struct g4_tokenizer **tokenizer, const char *path)
{
    struct g4_err err = {0};
    struct timespec begin, end;
    *tokenizer = NULL;
    int status = g4_model_open(model, path, "", &err);
    clock_gettime(CLOCK_MONOTONIC, &begin);
    if (status == 0)
        status = g4_tokenizer_open_model(tokenizer, model, NULL, &err);
    clock_gettime(CLOCK_MONOTONIC, &end);
    printf("# the vocabulary was built in %.0f ms\n",
           (double)(end.tv_sec - begin.tv_sec) * 1e3 + (double)(end.tv_nsec - begin.tv_nsec) / 1e6);
    if (status < 0)
        printf("not ok 1 - tokenizer: %s\n1..1\n", err.text);
    else if (g4_tokenizer_size(*tokenizer) != REAL_SIZE)
        printf("ok 1 - tokenizer # SKIP a vocabulary of %zu, not %d\n1..1\n",
               g4_tokenizer_size(*tokenizer), REAL_SIZE);
    else
        return true;
    return false;
}

int main(void)
{
    const char *path = getenv("G4_MODEL"), *top = getenv("G4_TOP");
    char vectors[4096];
    struct g4_model model;
    struct g4_tokenizer *tokenizer;
    if (!path) {
        printf("ok 1 - tokenizer # SKIP G4_MODEL names no model\n1..1\n");
        return 0;
    }
    bool opened = open_model(&model, &tokenizer, path);
    failures = !tokenizer;
    if (opened) {
        snprintf(vectors, sizeof vectors, "%s/tests/data/tokenizer-vectors.json", top ? top : ".");
        json_t *root = json_load_file(vectors, 0, NULL);
        ok(root != NULL, "vectors", vectors);
        check_specials(tokenizer, json_object_get(root, "special_tokens"));
        check_encode(tokenizer, json_object_get(root, "encode"));
        check_decode(tokenizer, json_object_get(root, "decode"));
        check_chats(tokenizer, json_object_get(root, "chat"));
        printf("1..%d\n", number);
        json_decref(root);
    }
    g4_tokenizer_close(tokenizer);
    g4_model_close(&model);
    return failures != 0;
}

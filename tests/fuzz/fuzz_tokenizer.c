/*
 * fuzz_tokenizer.c - four readers of hostile bytes. Input that begins with '{' is a
 * tokenizer.json, with "GGUF" the metadata of a GGUF file, with "call:" a tool call; anything else
 * is text for a small vocabulary, and must come back from its ids.
 */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "decoder/bpe.h"
#include "decoder/tokenizer_gguf.h"
#include "decoder/tokenizer_json.h"
#include "decoder/toolcall.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { LIMIT = 4096 };
#define MARK   "\u2581"
#define MARK_A "\u2581a"

static void require(int truth, const char *what)
{
    if (!truth) {
        fprintf(stderr, "fuzz_tokenizer: %s\n", what);
        abort();
    }
}

static void encode(const struct g4_vocab *vocab, const char *text, size_t n, struct g4_ids *ids)
{
    struct g4_bpe bpe = {0};
    struct g4_err err = {0};
    const int status = g4_bpe_encode(&bpe, vocab, text, n, ids, &err);
    require(status == 0 || err.text[0], "an error without a message");
    g4_bpe_release(&bpe);
}

/* What was read can be used, and what was refused says why. */
static void use_vocabulary(struct g4_vocab *vocab, int status, const struct g4_err *err,
                           const char *bytes, size_t n)
{
    struct g4_ids ids = {0};
    require(status == 0 || err->text[0] != '\0', "a refusal without a message");
    if (status == 0)
        encode(vocab, bytes, n, &ids);
    for (size_t i = 0; i < ids.count; i++)
        require(ids.ids[i] >= 0 && (size_t)ids.ids[i] < vocab->size &&
                    vocab->pieces[ids.ids[i]].present,
                "an id without a piece");
    free(ids.ids);
    g4_vocab_release(vocab);
}

static void fuzz_document(const char *bytes, size_t n)
{
    struct g4_vocab vocab;
    struct g4_err err = {0};
    g4_vocab_init(&vocab, LIMIT);
    const int status = g4_tokenizer_json_read(&vocab, "fuzz", bytes, n, &err);
    use_vocabulary(&vocab, status, &err, bytes, n);
}

static void fuzz_metadata(const uint8_t *data, size_t size)
{
    struct g4_vocab vocab;
    struct g4_gguf file;
    struct g4_err err = {0};
    if (g4_gguf_parse(&file, data, size, "fuzz", &err) < 0)
        return;
    g4_vocab_init(&vocab, LIMIT);
    const int status = g4_tokenizer_gguf_read(&vocab, &file, NULL, &err);
    g4_gguf_close(&file);
    use_vocabulary(&vocab, status, &err, (const char *)data, size);
}

static void build_small(struct g4_vocab *vocab)
{
    static const char *const pieces[] = {"a",  "b",   MARK,   "\n",      "\xc3\xa9", "aa",
                                         "ab", "aab", MARK_A, MARK MARK, "\n\n"};
    static const char *const merges[][2] = {{"a", "a"},   {"a", "b"},   {"aa", "b"}, {"a", "ab"},
                                            {"\n", "\n"}, {MARK, MARK}, {MARK, "a"}};
    int64_t id = 0;
    int status = 0;
    g4_vocab_init(vocab, LIMIT);
    for (unsigned byte = 0; byte < 256; byte++) {
        char name[8];
        snprintf(name, sizeof name, "<0x%02X>", byte);
        status |= g4_vocab_add(vocab, name, strlen(name), id++, true, NULL);
    }
    for (size_t i = 0; i < sizeof pieces / sizeof *pieces; i++)
        status |= g4_vocab_add(vocab, pieces[i], strlen(pieces[i]), id++, true, NULL);
    for (size_t i = 0; i < sizeof merges / sizeof *merges; i++) {
        const struct g4_merge_text merge = {merges[i][0], merges[i][1], strlen(merges[i][0]),
                                            strlen(merges[i][1])};
        status |= g4_vocab_merge(vocab, &merge, 1, NULL, NULL, NULL);
    }
    require(status == 0, "the small vocabulary does not build");
    g4_vocab_finish(vocab);
}

static void fuzz_text(const char *text, size_t n)
{
    struct g4_vocab vocab;
    struct g4_ids ids = {0};
    size_t at = 0;
    build_small(&vocab);
    encode(&vocab, text, n, &ids);
    for (size_t i = 0; i < ids.count; i++) {
        const struct g4_piece *piece = &vocab.pieces[ids.ids[i]];
        const char *part =
            piece->byte >= 0 ? vocab.bytes + piece->byte : vocab.texts.text + piece->at;
        const size_t length = piece->byte >= 0 ? 1 : piece->n;
        for (size_t k = 0; k < length; k++) {
            /* U+2581 comes back as the space it stands for. */
            const int mark = n - at >= 3 && memcmp(text + at, MARK, 3) == 0 && part[k] == ' ';
            require(mark || (at < n && text[at] == part[k]), "the text does not come back");
            at += mark ? 3 : 1;
        }
    }
    require(at == n, "the text comes back short");
    free(ids.ids);
    g4_vocab_release(&vocab);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const char *bytes = (const char *)data;
    if (size > 0 && bytes[0] == '{') {
        fuzz_document(bytes, size);
    } else if (size >= 4 && memcmp(bytes, "GGUF", 4) == 0) {
        fuzz_metadata(data, size);
    } else if (size >= 5 && memcmp(bytes, "call:", 5) == 0) {
        struct g4_toolcall call = {0};
        g4_toolcall_parse(&call, bytes, size, NULL);
        g4_toolcall_release(&call);
    } else {
        fuzz_text(bytes, size);
    }
    return 0;
}

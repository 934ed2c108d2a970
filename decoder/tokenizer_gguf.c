/* tokenizer_gguf.c - two passes over arrays of strings that lie in the mapping. */
#include "decoder/tokenizer_gguf.h"

#include <stdlib.h>
#include <string.h>

#include "lib/base/mem.h"
#include "lib/base/utf8.h"

#define MODEL  "tokenizer.ggml.model"
#define PRE    "tokenizer.ggml.pre"
#define TOKENS "tokenizer.ggml.tokens"
#define MERGES "tokenizer.ggml.merges"

/* Is this the vocabulary of the family? */
static int check_kind(const struct g4_gguf *file, struct g4_err *err)
{
    struct g4_gguf_text architecture = {0}, model = {0}, pre = {0};
    int status = g4_gguf_string(file, "general.architecture", false, &architecture, err);
    if (status == 0)
        status = g4_gguf_string(file, MODEL, false, &model, err);
    if (status == 0)
        status = g4_gguf_string(file, PRE, false, &pre, err);
    if (status < 0 || g4_gguf_text_is(&architecture, "gemma4") ||
        g4_gguf_text_is(&model, "gemma4") ||
        (g4_gguf_text_is(&model, "llama") && g4_gguf_text_is(&pre, "gemma4")))
        return status;
    return g4_err_set(err, G4_EUNSUPPORTED,
                      "'%s': " MODEL ": '%.*s' is not the vocabulary of this "
                      "model family",
                      file->path, (int)(model.n < 80 ? model.n : 80), model.n ? model.text : "");
}

/* The array of strings; its absence is of kind `missing`. */
static int find_strings(const struct g4_gguf *file, const char *key, int missing,
                        const struct g4_gguf_value **out, struct g4_err *err)
{
    *out = g4_gguf_value(file, key);
    if (!*out)
        return g4_err_set(err, missing, "'%s': %s: missing", file->path, key);
    if (!(*out)->array || (*out)->type != G4_GGUF_STRING)
        return g4_err_set(err, G4_EINPUT, "'%s': %s: expected an array of strings", file->path,
                          key);
    return 0;
}

/* Puts file and place before a message of the vocabulary. */
static int placed(const struct g4_gguf *file, const char *key, size_t index, int status,
                  struct g4_err *err)
{
    if (status == G4_EINPUT)
        g4_err_prefix(err, "'%s': %s[%zu]", file->path, key, index);
    return status;
}

static int read_tokens(struct g4_vocab *vocab, const struct g4_gguf *file,
                       const struct g4_gguf_value *tokens, struct g4_err *err)
{
    struct g4_piece_text batch[G4_VOCAB_BATCH];
    const unsigned char *at = NULL;
    struct g4_gguf_text text;
    size_t id = 0, n;
    int status = 0;
    do {
        size_t refused = 0;
        n = 0;
        while (status == 0 && n < G4_VOCAB_BATCH && g4_gguf_next_string(tokens, &at, &text))
            if (!g4_utf8_valid(text.text, text.n))
                status = g4_err_set(err, G4_EINPUT, "not UTF-8");
            else
                batch[n++] = (struct g4_piece_text){text.text, text.n};
        if (status < 0)
            refused = n;
        else
            status = g4_vocab_add_all(vocab, batch, n, (int64_t)id, true, &refused, err);
        status = placed(file, TOKENS, id + refused, status, err);
        id += n;
    } while (status == 0 && n > 0);
    return status;
}

/* A part is never empty, so the space that parts them is not the first byte. */
static int part(struct g4_merge_text *out, const struct g4_gguf_text *text, struct g4_err *err)
{
    const char *space = text->n > 1 ? memchr(text->text + 1, ' ', text->n - 1) : NULL;
    if (!space)
        return g4_err_set(err, G4_EINPUT, "expected two pieces with a space between");
    out->left = text->text;
    out->left_n = (size_t)(space - text->text);
    out->right = space + 1;
    out->right_n = text->n - out->left_n - 1;
    return 0;
}

static int read_merges(struct g4_vocab *vocab, const struct g4_gguf *file,
                       const struct g4_gguf_value *merges, struct g4_pool *pool, struct g4_err *err)
{
    const unsigned char *at = NULL;
    struct g4_gguf_text text;
    size_t rank = 0, n;
    void *memory;
    int status = g4_alloc(&memory, G4_VOCAB_BLOCK, sizeof(struct g4_merge_text), "merges", err);
    if (status < 0)
        return status;
    struct g4_merge_text *block = memory;
    do {
        size_t refused = 0;
        n = 0;
        while (status == 0 && n < G4_VOCAB_BLOCK && g4_gguf_next_string(merges, &at, &text))
            if ((status = part(&block[n], &text, err)) == 0)
                n++;
        if (status < 0)
            refused = n;
        else
            status = g4_vocab_merge(vocab, block, n, pool, &refused, err);
        status = placed(file, MERGES, rank + refused, status, err);
        rank += n;
    } while (status == 0 && n > 0);
    free(block);
    return status;
}

int g4_tokenizer_gguf_read(struct g4_vocab *vocab, const struct g4_gguf *file, struct g4_pool *pool,
                           struct g4_err *err)
{
    const struct g4_gguf_value *tokens, *merges;
    int status = check_kind(file, err);
    if (status == 0)
        status = find_strings(file, TOKENS, G4_EINPUT, &tokens, err);
    if (status == 0)
        status = find_strings(file, MERGES, G4_EUNSUPPORTED, &merges, err);
    if (status == 0 && tokens->count == 0)
        status = g4_err_set(err, G4_EINPUT, "'%s': " TOKENS ": empty", file->path);
    if (status == 0)
        status = g4_vocab_reserve(vocab, tokens->count, (size_t)(tokens->end - tokens->data),
                                  merges->count, err);
    if (status == 0)
        status = read_tokens(vocab, file, tokens, err);
    if (status == 0)
        status = read_merges(vocab, file, merges, pool, err);
    if (status == 0)
        g4_vocab_finish(vocab);
    return status;
}

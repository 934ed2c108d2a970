/* tokenizer.c - special tokens, segments, and the way back to text. */
#include "decoder/tokenizer.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "decoder/bpe.h"
#include "decoder/text_buffer.h"
#include "decoder/tokenizer_gguf.h"
#include "decoder/tokenizer_json.h"
#include "decoder/vocab.h"
#include "lib/base/file.h"
#include "lib/base/mem.h"
#include "lib/base/utf8.h"

struct g4_tokenizer {
    struct g4_vocab vocab;
};

static const char *const special_texts[G4_SPECIALS] = {
    [G4_TOKEN_PAD] = "<pad>",
    [G4_TOKEN_EOS] = "<eos>",
    [G4_TOKEN_BOS] = "<bos>",
    [G4_TOKEN_UNK] = "<unk>",
    [G4_TOKEN_MASK] = "<mask>",
    [G4_TOKEN_TOOL_OPEN] = "<|tool>",
    [G4_TOKEN_TOOL_CLOSE] = "<tool|>",
    [G4_TOKEN_CALL_OPEN] = "<|tool_call>",
    [G4_TOKEN_CALL_CLOSE] = "<tool_call|>",
    [G4_TOKEN_RESPONSE_OPEN] = "<|tool_response>",
    [G4_TOKEN_RESPONSE_CLOSE] = "<tool_response|>",
    [G4_TOKEN_QUOTE] = "<|\"|>",
    [G4_TOKEN_THINK] = "<|think|>",
    [G4_TOKEN_CHANNEL_OPEN] = "<|channel>",
    [G4_TOKEN_CHANNEL_CLOSE] = "<channel|>",
    [G4_TOKEN_TURN_OPEN] = "<|turn>",
    [G4_TOKEN_TURN_CLOSE] = "<turn|>",
    [G4_TOKEN_IMAGE_OPEN] = "<|image>",
    [G4_TOKEN_AUDIO_OPEN] = "<|audio>",
    [G4_TOKEN_IMAGE_SOFT] = "<|image|>",
    [G4_TOKEN_AUDIO_SOFT] = "<|audio|>",
    [G4_TOKEN_IMAGE_CLOSE] = "<image|>",
    [G4_TOKEN_AUDIO_CLOSE] = "<audio|>",
    [G4_TOKEN_VIDEO_SOFT] = "<|video|>",
};

const char *g4_special_text(enum g4_special special)
{
    assert(special < G4_SPECIALS);
    return special_texts[special];
}

/* An empty one. */
static int make(struct g4_tokenizer **tokenizer, size_t vocab_size, struct g4_err *err)
{
    void *memory;
    *tokenizer = NULL;
    if (vocab_size < 1 || vocab_size > G4_VOCAB_LIMIT)
        return g4_err_set(err, G4_EUNSUPPORTED, "a vocabulary of %zu is not in 1..%d", vocab_size,
                          G4_VOCAB_LIMIT);
    int status = g4_alloc(&memory, 1, sizeof **tokenizer, "the tokenizer", err);
    if (status < 0)
        return status;
    *tokenizer = memory;
    g4_vocab_init(&(*tokenizer)->vocab, vocab_size);
    return 0;
}

/* Keeps what was read, or nothing after an error. */
static int keep(struct g4_tokenizer **tokenizer, int status)
{
    if (status < 0) {
        g4_tokenizer_close(*tokenizer);
        *tokenizer = NULL;
    }
    return status;
}

int g4_tokenizer_open(struct g4_tokenizer **tokenizer, const char *path, size_t vocab_size,
                      struct g4_err *err)
{
    struct g4_map map = {0};
    int status = make(tokenizer, vocab_size, err);
    if (status == 0)
        status = g4_map_open(&map, path, err);
    if (status == 0 && map.size > G4_TOKENIZER_FILE_LIMIT)
        status =
            g4_err_set(err, G4_EINPUT, "'%s': longer than %d bytes", path, G4_TOKENIZER_FILE_LIMIT);
    if (status == 0)
        status = g4_tokenizer_json_read(&(*tokenizer)->vocab, path, (const char *)map.data,
                                        map.size, err);
    g4_map_close(&map);
    return keep(tokenizer, status);
}

int g4_tokenizer_open_gguf(struct g4_tokenizer **tokenizer, const struct g4_gguf *file,
                           size_t vocab_size, struct g4_pool *pool, struct g4_err *err)
{
    int status = make(tokenizer, vocab_size, err);
    if (status == 0)
        status = g4_tokenizer_gguf_read(&(*tokenizer)->vocab, file, pool, err);
    return keep(tokenizer, status);
}

int g4_tokenizer_open_model(struct g4_tokenizer **tokenizer, const struct g4_model *model,
                            struct g4_pool *pool, struct g4_err *err)
{
    const size_t vocab_size = model->config.text.vocab_size;
    if (model->weights.text)
        return g4_tokenizer_open_gguf(tokenizer, model->weights.text, vocab_size, pool, err);
    char *path = g4_model_file(model, "tokenizer.json");
    *tokenizer = NULL;
    if (!path)
        return g4_err_nomem(err, 0, "a file name");
    int status = g4_tokenizer_open(tokenizer, path, vocab_size, err);
    free(path);
    return status;
}

void g4_tokenizer_close(struct g4_tokenizer *tokenizer)
{
    if (!tokenizer)
        return;
    g4_vocab_release(&tokenizer->vocab);
    free(tokenizer);
}

int32_t g4_tokenizer_special(const struct g4_tokenizer *tokenizer, enum g4_special special)
{
    assert(special < G4_SPECIALS);
    return tokenizer->vocab.special[special];
}

static const struct g4_piece *piece_of(const struct g4_tokenizer *tokenizer, int32_t id)
{
    const struct g4_vocab *vocab = &tokenizer->vocab;
    return id >= 0 && (size_t)id < vocab->size && vocab->pieces[id].present ? &vocab->pieces[id]
                                                                            : NULL;
}

int g4_tokenizer_special_of(const struct g4_tokenizer *tokenizer, int32_t id)
{
    const struct g4_piece *piece = piece_of(tokenizer, id);
    return piece ? piece->special : -1;
}

size_t g4_tokenizer_size(const struct g4_tokenizer *tokenizer)
{
    return tokenizer->vocab.size;
}

int g4_ids_push(struct g4_ids *list, int32_t id, size_t count, struct g4_err *err)
{
    size_t need, bytes;
    if (!g4_add_size(list->count, count, &need) || !g4_mul_size(need, 2 * sizeof id, &bytes))
        return g4_err_nomem(err, SIZE_MAX, "token ids");
    if (need > list->capacity) {
        size_t capacity = need > 2 * list->capacity ? need : 2 * list->capacity;
        capacity = capacity < 64 ? 64 : capacity;
        int32_t *ids = realloc(list->ids, capacity * sizeof *ids);
        if (!ids)
            return g4_err_nomem(err, capacity * sizeof *ids, "token ids");
        list->ids = ids;
        list->capacity = capacity;
    }
    for (size_t i = 0; i < count; i++)
        list->ids[list->count++] = id;
    return 0;
}

/* The special token spelled at s, or G4_SPECIALS. No spelling begins another, so one at most fits.
 */
static enum g4_special special_at(const char *s, size_t n)
{
    for (int i = 0; i < G4_SPECIALS; i++) {
        size_t length = strlen(special_texts[i]);
        if (length <= n && memcmp(s, special_texts[i], length) == 0)
            return (enum g4_special)i;
    }
    return G4_SPECIALS;
}

struct encoder {
    const struct g4_vocab *vocab;
    struct g4_bpe bpe;
    struct g4_text segment; /* plain text since the last special token */
    struct g4_ids *out;
};

static int flush_segment(struct encoder *e, struct g4_err *err)
{
    int status = g4_bpe_encode(&e->bpe, e->vocab, e->segment.text, e->segment.n, e->out, err);
    g4_text_clear(&e->segment);
    return status;
}

static int encode_template(struct encoder *e, const char *text, size_t n, struct g4_err *err)
{
    size_t plain = 0; /* begin of the plain text in front of i */
    int status = 0;
    for (size_t i = 0; i < n && status == 0;) {
        const char *mark = memchr(text + i, '<', n - i);
        if (!mark)
            break;
        i = (size_t)(mark - text);
        enum g4_special special = special_at(mark, n - i);
        if (special == G4_SPECIALS) {
            i++;
            continue;
        }
        if (e->vocab->special[special] < 0)
            return g4_err_set(err, G4_EUNSUPPORTED, "the vocabulary has no token '%s'",
                              special_texts[special]);
        if ((status = g4_text_append(&e->segment, text + plain, i - plain, err)) == 0 &&
            (status = flush_segment(e, err)) == 0)
            status = g4_ids_push(e->out, e->vocab->special[special], 1, err);
        i += strlen(special_texts[special]);
        plain = i;
    }
    return status < 0 ? status : g4_text_append(&e->segment, text + plain, n - plain, err);
}

int g4_tokenizer_encode(const struct g4_tokenizer *tokenizer, const struct g4_text_run *runs,
                        size_t count, struct g4_ids *out, struct g4_err *err)
{
    struct encoder e = {.vocab = &tokenizer->vocab, .out = out};
    int status = 0;
    for (size_t i = 0; i < count && status == 0; i++)
        status = runs[i].specials ? encode_template(&e, runs[i].text, runs[i].n, err)
                                  : g4_text_append(&e.segment, runs[i].text, runs[i].n, err);
    if (status == 0)
        status = flush_segment(&e, err);
    g4_text_release(&e.segment);
    g4_bpe_release(&e.bpe);
    return status;
}

const char *g4_tokenizer_text(const struct g4_tokenizer *tokenizer, int32_t id, size_t *n,
                              bool *is_byte)
{
    const struct g4_piece *piece = piece_of(tokenizer, id);
    if (is_byte)
        *is_byte = piece && piece->byte >= 0;
    *n = 0;
    if (!piece || piece->special >= 0)
        return "";
    if (piece->byte >= 0) {
        *n = 1;
        return tokenizer->vocab.bytes + piece->byte;
    }
    *n = piece->n;
    return tokenizer->vocab.texts.text + piece->at;
}

static size_t put_replacements(char *out, size_t count)
{
    size_t n = 0;
    for (size_t i = 0; i < count; i++)
        n += g4_utf8_put(out + n, 0xfffd);
    return n;
}

/* Shows what the held bytes have come to: a character, or broken bytes in front of what may yet be
 * one. */
static size_t settle(struct g4_detokenizer *d, char *out)
{
    size_t n = 0;
    while (d->held_bytes > 0 && g4_utf8_partial(d->held, d->held_bytes) < d->held_bytes) {
        size_t length = g4_utf8_next(d->held, d->held_bytes, NULL);
        if (length) {
            memcpy(out + n, d->held, length);
            n += length;
        } else {
            length = 1;
            n += put_replacements(out + n, 1);
        }
        d->held_bytes -= length;
        memmove(d->held, d->held + length, d->held_bytes);
    }
    return n;
}

size_t g4_detokenizer_push(struct g4_detokenizer *d, const struct g4_tokenizer *tokenizer,
                           int32_t id, char *out)
{
    bool is_byte;
    size_t n;
    const char *text = g4_tokenizer_text(tokenizer, id, &n, &is_byte);
    if (is_byte) {
        d->held[d->held_bytes++] = *text; /* settle leaves three at most */
        return settle(d, out);
    }
    size_t before = g4_detokenizer_finish(d, out);
    memcpy(out + before, text, n);
    return before + n;
}

size_t g4_detokenizer_finish(struct g4_detokenizer *d, char *out)
{
    size_t n = put_replacements(out, d->held_bytes);
    d->held_bytes = 0;
    return n;
}

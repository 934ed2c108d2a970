/* bpe.c - see the header. */
#include "decoder/bpe.h"

#include <assert.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/mem.h"
#include "lib/base/utf8.h"

enum { SPACE_MARK = 0x2581 };

void g4_bpe_release(struct g4_bpe *bpe)
{
    free(bpe->symbols);
    free(bpe->heap);
    *bpe = (struct g4_bpe){0};
}

/* Every symbol is at least a byte. Live entries: at most one per first pair and one more per merge.
 */
static int reserve(struct g4_bpe *bpe, size_t n, struct g4_err *err)
{
    size_t symbol_bytes, heap_bytes;
    if (n <= bpe->capacity)
        return 0;
    if (n > INT32_MAX)
        return g4_err_set(err, G4_ELIMIT, "%zu bytes of text in one piece are more than %d", n,
                          INT32_MAX);
    if (!g4_mul_size(n, sizeof *bpe->symbols, &symbol_bytes) ||
        !g4_mul_size(n, 2 * sizeof *bpe->heap, &heap_bytes))
        return g4_err_nomem(err, n, "the tokenizer");
    g4_bpe_release(bpe);
    bpe->symbols = malloc(symbol_bytes);
    bpe->heap = malloc(heap_bytes);
    if (!bpe->symbols || !bpe->heap)
        return g4_err_nomem(err, symbol_bytes + heap_bytes, "the tokenizer");
    bpe->capacity = n;
    return 0;
}

static void heap_push(struct g4_bpe *bpe, uint64_t entry)
{
    size_t at = bpe->heap_count++;
    assert(bpe->heap_count <= 2 * bpe->capacity);
    for (; at > 0 && bpe->heap[(at - 1) / 2] > entry; at = (at - 1) / 2)
        bpe->heap[at] = bpe->heap[(at - 1) / 2];
    bpe->heap[at] = entry;
}

static uint64_t heap_pop(struct g4_bpe *bpe)
{
    const uint64_t top = bpe->heap[0], last = bpe->heap[--bpe->heap_count];
    size_t at = 0, child;
    while ((child = 2 * at + 1) < bpe->heap_count) {
        child += child + 1 < bpe->heap_count && bpe->heap[child + 1] < bpe->heap[child];
        if (bpe->heap[child] >= last)
            break;
        bpe->heap[at] = bpe->heap[child];
        at = child;
    }
    bpe->heap[at] = last;
    return top;
}

/* Step 1. Symbols and links of the text; *count of them. */
static int split(struct g4_bpe *bpe, const struct g4_vocab *vocab, const char *text, size_t n,
                 size_t *count, struct g4_err *err)
{
    size_t symbols = 0;
    for (size_t i = 0; i < n;) {
        uint32_t cp = 0;
        size_t length = g4_utf8_next(text + i, n - i, &cp);
        if (cp == SPACE_MARK)
            cp = ' ';
        int32_t id = length == 0 ? -1
                     : cp < 128  ? vocab->ascii[cp]
                                 : g4_vocab_find(vocab, text + i, length);
        /* A broken byte stands alone; so do the bytes of a character that has no piece. */
        size_t end = i + (length ? length : 1);
        if (id >= 0) {
            bpe->symbols[symbols++].id = id;
            i = end;
        }
        for (; i < end; i++) {
            unsigned char byte = (unsigned char)text[i];
            id = vocab->byte[byte];
            if (id < 0)
                return g4_err_set(err, G4_EUNSUPPORTED,
                                  "the vocabulary has no token for byte 0x%02X", byte);
            bpe->symbols[symbols++].id = id;
        }
    }
    for (size_t i = 0; i < symbols; i++) {
        bpe->symbols[i].previous = i ? (uint32_t)i - 1 : G4_SYMBOL_NONE;
        bpe->symbols[i].next = i + 1 < symbols ? (uint32_t)i + 1 : G4_SYMBOL_NONE;
    }
    *count = symbols;
    return 0;
}

/* Remembers the pair that begins at `left`, if the list has it. */
static void consider(struct g4_bpe *bpe, const struct g4_vocab *vocab, uint32_t left)
{
    if (left == G4_SYMBOL_NONE || bpe->symbols[left].next == G4_SYMBOL_NONE)
        return;
    int32_t rank =
        g4_vocab_rank(vocab, bpe->symbols[left].id, bpe->symbols[bpe->symbols[left].next].id);
    if (rank >= 0)
        heap_push(bpe, (uint64_t)rank << 32 | left);
}

/* Steps 2 and 3. An entry is stale when the pair it was made for is gone: its rank tells which it
 * was. */
static void join(struct g4_bpe *bpe, const struct g4_vocab *vocab, size_t count)
{
    struct g4_symbol *symbols = bpe->symbols;
    bpe->heap_count = 0;
    for (size_t i = 0; i + 1 < count; i++)
        consider(bpe, vocab, (uint32_t)i);
    while (bpe->heap_count > 0) {
        const uint64_t entry = heap_pop(bpe);
        const struct g4_merge *merge = &vocab->merges[entry >> 32];
        const uint32_t at = (uint32_t)entry;
        struct g4_symbol *left = &symbols[at];
        if (left->id != merge->left || left->next == G4_SYMBOL_NONE ||
            symbols[left->next].id != merge->right)
            continue;
        struct g4_symbol *right = &symbols[left->next];
        left->id = merge->merged;
        left->next = right->next;
        right->id = -1;
        if (left->next != G4_SYMBOL_NONE)
            symbols[left->next].previous = at;
        consider(bpe, vocab, left->previous);
        consider(bpe, vocab, at);
    }
}

static int encode_run(struct g4_bpe *bpe, const struct g4_vocab *vocab, const char *text, size_t n,
                      struct g4_ids *out, struct g4_err *err)
{
    size_t count = 0;
    int status = reserve(bpe, n, err);
    if (status < 0 || (status = split(bpe, vocab, text, n, &count, err)) < 0)
        return status;
    join(bpe, vocab, count);
    for (size_t i = 0; status == 0 && i < count; i++)
        if (bpe->symbols[i].id >= 0)
            status = g4_ids_push(out, bpe->symbols[i].id, 1, err);
    return status;
}

int g4_bpe_encode(struct g4_bpe *bpe, const struct g4_vocab *vocab, const char *text, size_t n,
                  struct g4_ids *out, struct g4_err *err)
{
    int status = 0;
    for (size_t i = 0; status == 0 && i < n;) {
        size_t end = n;
        if (vocab->newlines_apart) {
            bool newline = text[i] == '\n';
            for (end = i + 1; end < n && (text[end] == '\n') == newline;)
                end++;
        }
        status = encode_run(bpe, vocab, text + i, end - i, out, err);
        i = end;
    }
    return status;
}

/* vocab.c - pieces and merges behind two hash tables, which grow by doubling while the file is
 * read. */
#include "decoder/vocab.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/mem.h"

/* At half load the longest walk to a free slot is some 70 slots in a million. */
enum { FIRST_SLOTS = 2048, LONGEST_WALK = 512 };

static const char space_mark[] = "\xe2\x96\x81"; /* U+2581 */

void g4_vocab_init(struct g4_vocab *vocab, size_t limit)
{
    assert(limit >= 1 && limit <= G4_VOCAB_LIMIT);
    *vocab = (struct g4_vocab){.limit = limit, .newlines_apart = true};
    for (size_t i = 0; i < G4_SPECIALS; i++)
        vocab->special[i] = -1;
    for (int i = 0; i < 256; i++)
        vocab->bytes[i] = (char)i;
    memset(vocab->byte, -1, sizeof vocab->byte);
    memset(vocab->ascii, -1, sizeof vocab->ascii);
}

void g4_vocab_release(struct g4_vocab *vocab)
{
    g4_text_release(&vocab->texts);
    free(vocab->pieces);
    free(vocab->by_text.slots);
    free(vocab->merges);
    free(vocab->by_pair.slots);
    *vocab = (struct g4_vocab){0};
}

/* Multiply and fold: every input bit reaches the low bits that choose the slot. */
static uint64_t mix(uint64_t a)
{
    a *= 0x9e3779b97f4a7c15u;
    a ^= a >> 32;
    a *= 0xd6e8feb86659fd93u;
    return a ^ a >> 32;
}

/* 32 bits of the hash are kept, and choose among at most 2^32 slots. */
static uint32_t text_hash(const char *text, size_t n)
{
    uint64_t hash = n, word;
    for (; n >= sizeof word; n -= sizeof word, text += sizeof word) {
        memcpy(&word, text, sizeof word);
        hash = mix(hash ^ word);
    }
    word = 0;
    memcpy(&word, text, n);
    return (uint32_t)mix(hash ^ word);
}

static uint32_t pair_hash(int32_t left, int32_t right)
{
    return (uint32_t)mix((uint64_t)(uint32_t)left << 32 | (uint32_t)right);
}

/* Room for one more entry. */
static int table_reserve(struct g4_hash_table *table, struct g4_err *err)
{
    struct g4_hash_table grown = {
        .slot_count = table->slot_count ? 2 * table->slot_count : FIRST_SLOTS, .used = table->used};
    void *slots;
    if (2 * (table->used + 1) <= table->slot_count)
        return 0;
    int status = g4_alloc(&slots, grown.slot_count, sizeof *grown.slots, "the vocabulary", err);
    if (status < 0)
        return status;
    grown.slots = slots;
    for (size_t i = 0; i < table->slot_count; i++) {
        size_t at = (table->slots[i] >> 32) & (grown.slot_count - 1);
        while (table->slots[i] && grown.slots[at])
            at = (at + 1) & (grown.slot_count - 1);
        if (table->slots[i])
            grown.slots[at] = table->slots[i];
    }
    free(table->slots);
    *table = grown;
    return 0;
}

/* Files made so that their hashes collide would take a day to read: they are refused. */
static int table_fill(struct g4_hash_table *table, uint64_t *slot, uint32_t hash, size_t index,
                      struct g4_err *err)
{
    const size_t walked = ((size_t)(slot - table->slots) - hash) & (table->slot_count - 1);
    if (walked > LONGEST_WALK)
        return g4_err_set(err, G4_EINPUT, "more than %d colliding entries", LONGEST_WALK);
    *slot = (uint64_t)hash << 32 | (index + 1);
    table->used++;
    return 0;
}

/* Index of a filled slot, -1 of a free one. */
static int32_t slot_index(uint64_t slot)
{
    return (int32_t)(uint32_t)slot - 1;
}

/* The slot of the piece with this text, or the free one where it would stand. */
static uint64_t *piece_slot(const struct g4_vocab *vocab, const char *text, size_t n, uint32_t hash)
{
    const struct g4_hash_table *table = &vocab->by_text;
    size_t mask = table->slot_count - 1, at = hash & mask;
    for (; table->slots[at]; at = (at + 1) & mask) {
        if (table->slots[at] >> 32 != hash)
            continue;
        const struct g4_piece *piece = &vocab->pieces[slot_index(table->slots[at])];
        if (piece->n == n && memcmp(vocab->texts.text + piece->at, text, n) == 0)
            break;
    }
    return &table->slots[at];
}

static uint64_t *merge_slot(const struct g4_vocab *vocab, int32_t left, int32_t right,
                            uint32_t hash)
{
    const struct g4_hash_table *table = &vocab->by_pair;
    size_t mask = table->slot_count - 1, at = hash & mask;
    for (; table->slots[at]; at = (at + 1) & mask) {
        if (table->slots[at] >> 32 != hash)
            continue;
        const struct g4_merge *merge = &vocab->merges[slot_index(table->slots[at])];
        if (merge->left == left && merge->right == right)
            break;
    }
    return &table->slots[at];
}

int32_t g4_vocab_find(const struct g4_vocab *vocab, const char *text, size_t n)
{
    return vocab->by_text.used ? slot_index(*piece_slot(vocab, text, n, text_hash(text, n))) : -1;
}

int32_t g4_vocab_rank(const struct g4_vocab *vocab, int32_t left, int32_t right)
{
    return vocab->by_pair.used ? slot_index(*merge_slot(vocab, left, right, pair_hash(left, right)))
                               : -1;
}

/* Makes room for one more element of `size` bytes behind `count`; capacity stays at most `limit`.
 */
static int grow_array(void **array, size_t count, size_t *capacity, size_t size, size_t limit,
                      struct g4_err *err)
{
    size_t grown = *capacity ? *capacity : 1024;
    if (count < *capacity)
        return 0;
    while (grown <= count)
        grown *= 2;
    if (grown > limit)
        grown = limit;
    void *memory = realloc(*array, grown * size);
    if (!memory)
        return g4_err_nomem(err, grown * size, "the vocabulary");
    memset((char *)memory + *capacity * size, 0, (grown - *capacity) * size);
    *array = memory;
    *capacity = grown;
    return 0;
}

/* Writes the text with U+2581 as space to out (room for n bytes); returns the length. A raw space
 * cannot be met in a normalised text, so a piece with one must not pass for a piece with U+2581. */
static size_t put_piece(char *out, const char *text, size_t n, bool *raw_space)
{
    size_t length = 0;
    *raw_space = memchr(text, ' ', n) != NULL;
    for (size_t i = 0; i < n;) {
        bool mark = n - i >= 3 && memcmp(text + i, space_mark, 3) == 0;
        out[length++] = mark ? ' ' : text[i];
        i += mark ? 3 : 1;
    }
    return length;
}

static int refuse(struct g4_err *err, const char *why, const char *text, size_t n)
{
    int shown = n < 200 ? (int)n : 200;
    return g4_err_set(err, G4_EINPUT, "%s: '%.*s'", why, shown, text);
}

int g4_vocab_add(struct g4_vocab *vocab, const char *text, size_t n, int64_t id, bool ordinary,
                 struct g4_err *err)
{
    bool raw_space;
    int status;
    if (n > G4_VOCAB_PIECE)
        return refuse(err, "piece too long", text, n);
    if (id < 0 || (uint64_t)id >= vocab->limit)
        return g4_err_set(err, G4_EINPUT,
                          "id %lld is not in 0..%zu, the rows of the embedding: '%.*s'",
                          (long long)id, vocab->limit - 1, n < 200 ? (int)n : 200, text);
    void *pieces = vocab->pieces;
    status =
        grow_array(&pieces, (size_t)id, &vocab->capacity, sizeof *vocab->pieces, vocab->limit, err);
    vocab->pieces = pieces;
    if (status < 0 || (status = table_reserve(&vocab->by_text, err)) < 0 ||
        (status = g4_text_reserve(&vocab->texts, n, err)) < 0)
        return status;
    if (vocab->texts.n > UINT32_MAX - G4_VOCAB_PIECE)
        return refuse(err, "more text than a vocabulary may have", text, n);

    char *stored = vocab->texts.text + vocab->texts.n;
    const size_t length = put_piece(stored, text, n, &raw_space);
    const uint32_t hash = text_hash(stored, length);
    uint64_t *slot = piece_slot(vocab, stored, length, hash);
    struct g4_piece *piece = &vocab->pieces[id];
    if (!raw_space && !ordinary && slot_index(*slot) == id)
        return 0;
    if (!raw_space && *slot)
        return refuse(err, "piece that is there already", text, n);
    if (piece->present)
        return g4_err_set(err, G4_EINPUT, "two pieces with id %lld: '%.*s'", (long long)id,
                          n < 200 ? (int)n : 200, text);
    *piece = (struct g4_piece){.at = (uint32_t)vocab->texts.n,
                               .n = (uint32_t)length,
                               .byte = -1,
                               .special = -1,
                               .present = true};
    vocab->texts.n += length;
    if ((size_t)id >= vocab->size)
        vocab->size = (size_t)id + 1;
    if (ordinary && !raw_space)
        return table_fill(&vocab->by_text, slot, hash, (size_t)id, err);
    return 0;
}

int g4_vocab_merge(struct g4_vocab *vocab, const char *left, size_t left_n, const char *right,
                   size_t right_n, struct g4_err *err)
{
    bool left_space, right_space;
    int status;
    if (left_n > G4_VOCAB_PIECE || right_n > G4_VOCAB_PIECE)
        return refuse(err, "merge of a piece too long", left, left_n);
    if ((status = g4_text_reserve(&vocab->texts, left_n + right_n, err)) < 0)
        return status;
    char *both = vocab->texts.text + vocab->texts.n; /* scratch: the room behind the last piece */
    const size_t split = put_piece(both, left, left_n, &left_space);
    const size_t n = split + put_piece(both + split, right, right_n, &right_space);
    struct g4_merge merge = {.left = left_space ? -1 : g4_vocab_find(vocab, both, split),
                             .right =
                                 right_space ? -1 : g4_vocab_find(vocab, both + split, n - split),
                             .merged = g4_vocab_find(vocab, both, n)};
    if (merge.left < 0)
        return refuse(err, "merge of what is not a piece", left, left_n);
    if (merge.right < 0)
        return refuse(err, "merge of what is not a piece", right, right_n);
    if (merge.merged < 0)
        return refuse(err, "merge to what is not a piece", both, n);
    void *merges = vocab->merges;
    status = grow_array(&merges, vocab->merge_count, &vocab->merge_capacity, sizeof merge,
                        INT32_MAX, err);
    vocab->merges = merges;
    if (status < 0)
        return status;
    if ((status = table_reserve(&vocab->by_pair, err)) < 0)
        return status;
    const uint32_t hash = pair_hash(merge.left, merge.right);
    uint64_t *slot = merge_slot(vocab, merge.left, merge.right, hash);
    if (*slot)
        return refuse(err, "merge that is there already", both, n);
    if ((status = table_fill(&vocab->by_pair, slot, hash, vocab->merge_count, err)) < 0)
        return status;
    vocab->merges[vocab->merge_count++] = merge;
    const char *newline = memchr(both, '\n', n);
    for (size_t i = 0; newline && i < n; i++)
        vocab->newlines_apart &= both[i] == '\n';
    return 0;
}

void g4_vocab_finish(struct g4_vocab *vocab)
{
    for (int i = 0; i < 256; i++) {
        char name[8];
        snprintf(name, sizeof name, "<0x%02X>", (unsigned)i);
        vocab->byte[i] = g4_vocab_find(vocab, name, strlen(name));
        if (vocab->byte[i] >= 0)
            vocab->pieces[vocab->byte[i]].byte = (int16_t)i;
    }
    for (int i = 0; i < 128; i++) {
        char c = (char)i;
        vocab->ascii[i] = g4_vocab_find(vocab, &c, 1);
    }
    for (size_t id = 0; id < vocab->size; id++) {
        struct g4_piece *piece = &vocab->pieces[id];
        const char *text = vocab->texts.text + piece->at;
        for (int i = 0; piece->present && piece->n > 2 && text[0] == '<' && i < G4_SPECIALS; i++) {
            const char *spelling = g4_special_text((enum g4_special)i);
            if (strlen(spelling) == piece->n && memcmp(spelling, text, piece->n) == 0) {
                vocab->special[i] = (int32_t)id;
                piece->special = (int8_t)i;
            }
        }
    }
}

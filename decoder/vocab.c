/* vocab.c - pieces and merges behind two hash tables: sized up front where the reader knows how
 * much there is, growing by doubling otherwise. */
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

/* The last n < 8 bytes of a text as a number; with n it tells any two of them apart. */
static uint64_t last_bytes(const char *text, size_t n)
{
    if (n >= 4) {
        uint32_t first, last;
        memcpy(&first, text, 4);
        memcpy(&last, text + n - 4, 4); /* may overlap */
        return first | (uint64_t)last << 32;
    }
    const unsigned char *b = (const unsigned char *)text;
    return n ? b[0] | (uint32_t)b[n / 2] << 8 | (uint32_t)b[n - 1] << 16 : 0;
}

static bool same_text(const char *a, const char *b, size_t n)
{
    for (; n >= 8; n -= 8, a += 8, b += 8)
        if (memcmp(a, b, 8) != 0)
            return false;
    return last_bytes(a, n) == last_bytes(b, n);
}

/* 32 bits of the hash are kept, and choose among at most 2^32 slots. */
static uint32_t text_hash(const char *text, size_t n)
{
    uint64_t hash = n, word;
    for (; n >= sizeof word; n -= sizeof word, text += sizeof word) {
        memcpy(&word, text, sizeof word);
        hash = mix(hash ^ word);
    }
    return (uint32_t)mix(hash ^ last_bytes(text, n));
}

static uint32_t pair_hash(int32_t left, int32_t right)
{
    return (uint32_t)mix((uint64_t)(uint32_t)left << 32 | (uint32_t)right);
}

/* Room for `entries` entries in all. */
static int table_reserve(struct g4_hash_table *table, size_t entries, struct g4_err *err)
{
    struct g4_hash_table grown = {.slot_count = FIRST_SLOTS, .used = table->used};
    void *slots;
    if (entries <= table->slot_count / 2)
        return 0;
    while (grown.slot_count / 2 < entries)
        grown.slot_count *= 2;
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

static bool piece_is(const struct g4_vocab *vocab, int32_t id, const char *text, size_t n)
{
    const struct g4_piece *piece = &vocab->pieces[id];
    return piece->n == n && same_text(vocab->texts.text + piece->at, text, n);
}

/* The slot of the piece with this text, or the free one where it would stand. */
static uint64_t *piece_slot(const struct g4_vocab *vocab, const char *text, size_t n, uint32_t hash)
{
    const struct g4_hash_table *table = &vocab->by_text;
    size_t mask = table->slot_count - 1, at = hash & mask;
    for (; table->slots[at]; at = (at + 1) & mask) {
        if (table->slots[at] >> 32 != hash)
            continue;
        if (piece_is(vocab, slot_index(table->slots[at]), text, n))
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

/* Makes room for `count` elements of `size` bytes; those that are new are not set. */
static int grow_array(void **array, size_t count, size_t *capacity, size_t size, struct g4_err *err)
{
    size_t grown = *capacity ? *capacity : 1024, bytes;
    if (count <= *capacity)
        return 0;
    while (grown < count)
        grown *= 2;
    if (!g4_mul_size(grown, size, &bytes))
        return g4_err_nomem(err, SIZE_MAX, "the vocabulary");
    void *memory = realloc(*array, bytes);
    if (!memory)
        return g4_err_nomem(err, bytes, "the vocabulary");
    *array = memory;
    *capacity = grown;
    return 0;
}

static int reserve_pieces(struct g4_vocab *vocab, size_t count, struct g4_err *err)
{
    void *pieces = vocab->pieces;
    const size_t before = vocab->capacity;
    int status = grow_array(&pieces, count, &vocab->capacity, sizeof *vocab->pieces, err);
    vocab->pieces = pieces;
    if (status == 0 && vocab->capacity > before)
        memset(vocab->pieces + before, 0, (vocab->capacity - before) * sizeof *vocab->pieces);
    return status;
}

static int reserve_merges(struct g4_vocab *vocab, size_t count, struct g4_err *err)
{
    void *merges = vocab->merges;
    int status = grow_array(&merges, count, &vocab->merge_capacity, sizeof *vocab->merges, err);
    vocab->merges = merges;
    return status;
}

int g4_vocab_reserve(struct g4_vocab *vocab, size_t pieces, size_t bytes, size_t merges,
                     struct g4_err *err)
{
    pieces = pieces < vocab->limit ? pieces : vocab->limit;
    merges = merges < INT32_MAX ? merges : INT32_MAX;
    int status = reserve_pieces(vocab, pieces, err);
    if (status == 0)
        status = g4_text_reserve(&vocab->texts, bytes < UINT32_MAX ? bytes : UINT32_MAX, err);
    if (status == 0)
        status = table_reserve(&vocab->by_text, pieces, err);
    if (status == 0)
        status = reserve_merges(vocab, merges, err);
    return status < 0 ? status : table_reserve(&vocab->by_pair, merges, err);
}

/* What is asked about a text besides its bytes. */
struct spelling {
    size_t n;        /* bytes as it is kept */
    size_t newlines; /* of them */
    bool raw_space;  /* cannot be met in a normalised text, so it must not pass for U+2581 */
};

/* Writes the text with U+2581 as space to out (room for n bytes). */
static struct spelling put_piece(char *out, const char *text, size_t n)
{
    struct spelling s = {0};
    for (size_t i = 0; i < n; i++) {
        char c = text[i];
        if (c == space_mark[0] && n - i >= 3 && text[i + 1] == space_mark[1] &&
            text[i + 2] == space_mark[2]) {
            c = ' ';
            i += 2;
        } else {
            s.raw_space |= c == ' ';
        }
        s.newlines += c == '\n';
        out[s.n++] = c;
    }
    return s;
}

static int refuse(struct g4_err *err, const char *why, const char *text, size_t n)
{
    int shown = n < 200 ? (int)n : 200;
    return g4_err_set(err, G4_EINPUT, "%s: '%.*s'", why, shown, text);
}

int g4_vocab_add(struct g4_vocab *vocab, const char *text, size_t n, int64_t id, bool ordinary,
                 struct g4_err *err)
{
    int status;
    if (n > G4_VOCAB_PIECE)
        return refuse(err, "piece too long", text, n);
    if (id < 0 || (uint64_t)id >= vocab->limit)
        return g4_err_set(err, G4_EINPUT,
                          "id %lld is not in 0..%zu, the rows of the embedding: '%.*s'",
                          (long long)id, vocab->limit - 1, n < 200 ? (int)n : 200, text);
    if ((status = reserve_pieces(vocab, (size_t)id + 1, err)) < 0 ||
        (status = table_reserve(&vocab->by_text, vocab->by_text.used + 1, err)) < 0 ||
        (status = g4_text_reserve(&vocab->texts, n, err)) < 0)
        return status;
    if (vocab->texts.n > UINT32_MAX - G4_VOCAB_PIECE)
        return refuse(err, "more text than a vocabulary may have", text, n);

    char *stored = vocab->texts.text + vocab->texts.n;
    const struct spelling spelling = put_piece(stored, text, n);
    const uint32_t hash = text_hash(stored, spelling.n);
    uint64_t *slot = piece_slot(vocab, stored, spelling.n, hash);
    struct g4_piece *piece = &vocab->pieces[id];
    if (!spelling.raw_space && !ordinary && slot_index(*slot) == id)
        return 0;
    if (!spelling.raw_space && *slot)
        return refuse(err, "piece that is there already", text, n);
    if (piece->present)
        return g4_err_set(err, G4_EINPUT, "two pieces with id %lld: '%.*s'", (long long)id,
                          n < 200 ? (int)n : 200, text);
    *piece = (struct g4_piece){.at = (uint32_t)vocab->texts.n,
                               .n = (uint32_t)spelling.n,
                               .byte = -1,
                               .special = -1,
                               .present = true};
    vocab->texts.n += spelling.n;
    if ((size_t)id >= vocab->size)
        vocab->size = (size_t)id + 1;
    if (ordinary && !spelling.raw_space)
        return table_fill(&vocab->by_text, slot, hash, (size_t)id, err);
    return 0;
}

/* A merge on its way into the table: left, right, and both together. */
struct joining {
    const struct g4_merge_text *text;
    size_t at[3], n[3]; /* their texts in the room behind the last piece */
    uint32_t hash[3];
    int32_t near[3];            /* first piece with this hash, nearly always the one; -1 = none */
    bool raw_space[2], crosses; /* a newline and something else */
    struct g4_merge merge;
    uint32_t pair;
};

/* Writes the texts of a merge behind *used bytes of the room, and hashes them. */
static void spell(const struct g4_vocab *vocab, struct joining *j, size_t *used)
{
    char *room = vocab->texts.text + vocab->texts.n;
    const struct spelling left = put_piece(room + *used, j->text->left, j->text->left_n);
    const struct spelling right =
        put_piece(room + *used + left.n, j->text->right, j->text->right_n);
    const size_t n = left.n + right.n, newlines = left.newlines + right.newlines;
    j->at[0] = j->at[2] = *used;
    j->at[1] = *used + left.n;
    j->n[0] = left.n;
    j->n[1] = right.n;
    j->n[2] = n;
    j->raw_space[0] = left.raw_space;
    j->raw_space[1] = right.raw_space;
    j->crosses = newlines > 0 && newlines < n;
    *used += n;
    for (int k = 0; k < 3; k++)
        j->hash[k] = text_hash(room + j->at[k], j->n[k]);
}

/* Reads memory that will be needed soon. The tables are larger than the caches: reads that wait for
 * nothing wait together, where a search would wait for one after the other. So these loops do
 * nothing else. */
static void touch(const void *memory)
{
    (void)*(const volatile char *)memory;
}

static void approach(const struct g4_vocab *vocab, struct joining *joining, size_t count)
{
    const struct g4_hash_table *table = &vocab->by_text;
    const size_t mask = table->slot_count - 1;
    for (size_t i = 0; i < count; i++)
        for (int k = 0; k < 3; k++)
            touch(&table->slots[joining[i].hash[k] & mask]);
    for (size_t i = 0; i < count; i++)
        for (int k = 0; k < 3; k++) {
            size_t at = joining[i].hash[k] & mask;
            while (table->slots[at] && table->slots[at] >> 32 != joining[i].hash[k])
                at = (at + 1) & mask;
            joining[i].near[k] = slot_index(table->slots[at]);
        }
    for (size_t i = 0; i < count; i++)
        for (int k = 0; k < 3; k++)
            if (joining[i].near[k] >= 0)
                touch(vocab->texts.text + vocab->pieces[joining[i].near[k]].at);
}

static int resolve(const struct g4_vocab *vocab, struct joining *j, struct g4_err *err)
{
    const char *room = vocab->texts.text + vocab->texts.n;
    int32_t id[3];
    for (int k = 0; k < 3; k++) {
        const char *text = room + j->at[k];
        id[k] = j->near[k];
        if (id[k] >= 0 && !piece_is(vocab, id[k], text, j->n[k]))
            id[k] = slot_index(*piece_slot(vocab, text, j->n[k], j->hash[k]));
    }
    if (id[0] < 0 || j->raw_space[0])
        return refuse(err, "merge of what is not a piece", j->text->left, j->text->left_n);
    if (id[1] < 0 || j->raw_space[1])
        return refuse(err, "merge of what is not a piece", j->text->right, j->text->right_n);
    if (id[2] < 0)
        return refuse(err, "merge to what is not a piece", room + j->at[2], j->n[2]);
    j->merge = (struct g4_merge){.left = id[0], .right = id[1], .merged = id[2]};
    j->pair = pair_hash(id[0], id[1]);
    return 0;
}

static int enter(struct g4_vocab *vocab, const struct joining *j, struct g4_err *err)
{
    uint64_t *slot = merge_slot(vocab, j->merge.left, j->merge.right, j->pair);
    if (*slot)
        return refuse(err, "merge that is there already",
                      vocab->texts.text + vocab->texts.n + j->at[2], j->n[2]);
    int status = table_fill(&vocab->by_pair, slot, j->pair, vocab->merge_count, err);
    if (status < 0)
        return status;
    vocab->merges[vocab->merge_count++] = j->merge;
    vocab->newlines_apart &= !j->crosses;
    return 0;
}

/* Room for a batch, its texts included. */
static int reserve_batch(struct g4_vocab *vocab, const struct g4_merge_text *merges, size_t count,
                         size_t *i, struct g4_err *err)
{
    size_t bytes = 0;
    int status = 0;
    for (*i = 0; *i < count; ++*i) {
        const struct g4_merge_text *m = &merges[*i];
        if (m->left_n > G4_VOCAB_PIECE || m->right_n > G4_VOCAB_PIECE)
            return refuse(err, "merge of a piece too long", m->left, m->left_n);
        bytes += m->left_n + m->right_n;
    }
    if ((status = g4_text_reserve(&vocab->texts, bytes, err)) == 0 &&
        (status = reserve_merges(vocab, vocab->merge_count + count, err)) == 0 &&
        (status = table_reserve(&vocab->by_text, 1, err)) == 0)
        status = table_reserve(&vocab->by_pair, vocab->by_pair.used + count, err);
    return status;
}

int g4_vocab_merge(struct g4_vocab *vocab, const struct g4_merge_text *merges, size_t count,
                   size_t *refused, struct g4_err *err)
{
    struct joining joining[G4_VOCAB_BATCH];
    size_t used = 0, i;
    assert(count <= G4_VOCAB_BATCH);
    int status = reserve_batch(vocab, merges, count, &i, err);
    if (status < 0)
        goto out;
    for (i = 0; i < count; i++) {
        joining[i].text = &merges[i];
        spell(vocab, &joining[i], &used);
    }
    approach(vocab, joining, count);
    for (i = 0; i < count; i++)
        if ((status = resolve(vocab, &joining[i], err)) < 0)
            goto out;
    for (i = 0; i < count; i++)
        touch(&vocab->by_pair.slots[joining[i].pair & (vocab->by_pair.slot_count - 1)]);
    for (i = 0; i < count; i++)
        if ((status = enter(vocab, &joining[i], err)) < 0)
            goto out;
out:
    if (status < 0 && refused)
        *refused = i;
    return status;
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

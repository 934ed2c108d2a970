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

enum {
    NEAR = 4,         /* how far behind a result the next one is expected */
    ITEM_BATCHES = 8, /* of merges that a thread takes at a time */
    BATCHES = G4_VOCAB_BLOCK / G4_VOCAB_BATCH,
};

static const char space_mark[] = "\xe2\x96\x81"; /* U+2581 */

void g4_vocab_init(struct g4_vocab *vocab, size_t limit)
{
    assert(limit >= 1 && limit <= G4_VOCAB_LIMIT);
    *vocab = (struct g4_vocab){.limit = limit, .by_result = true, .newlines_apart = true};
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
    g4_arena_release(&vocab->piece_memory);
    g4_arena_release(&vocab->by_text.memory);
    g4_arena_release(&vocab->merge_memory);
    g4_arena_release(&vocab->by_pair.memory);
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

/* New memory for `count` elements of `size` bytes, zeroed. Arenas, because large ones lie on huge
 * pages, and these tables are read in no order. */
static void *new_array(struct g4_arena *memory, size_t count, size_t size, struct g4_err *err)
{
    *memory = (struct g4_arena){0};
    g4_arena_take(memory, count, size);
    return g4_arena_alloc(memory, "the vocabulary", err) < 0 ? NULL
                                                             : g4_arena_take(memory, count, size);
}

/* Room for `entries` entries in all. */
static int table_reserve(struct g4_hash_table *table, size_t entries, struct g4_err *err)
{
    struct g4_hash_table grown = {.slot_count = FIRST_SLOTS, .used = table->used};
    if (entries <= table->slot_count / 2)
        return 0;
    while (grown.slot_count / 2 < entries)
        grown.slot_count *= 2;
    grown.slots = new_array(&grown.memory, grown.slot_count, sizeof *grown.slots, err);
    if (!grown.slots)
        return G4_ENOMEM;
    for (size_t i = 0; i < table->slot_count; i++) {
        size_t at = (table->slots[i] >> 32) & (grown.slot_count - 1);
        while (table->slots[i] && grown.slots[at])
            at = (at + 1) & (grown.slot_count - 1);
        if (table->slots[i])
            grown.slots[at] = table->slots[i];
    }
    g4_arena_release(&table->memory);
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

/* Makes room for `count` elements of `size` bytes; those that are new are zero. */
static int grow_array(void **array, struct g4_arena *memory, size_t count, size_t *capacity,
                      size_t size, struct g4_err *err)
{
    size_t grown = *capacity ? *capacity : 1024;
    struct g4_arena fresh;
    if (count <= *capacity)
        return 0;
    while (grown < count)
        grown *= 2;
    void *larger = new_array(&fresh, grown, size, err);
    if (!larger)
        return G4_ENOMEM;
    if (*capacity > 0)
        memcpy(larger, *array, *capacity * size);
    g4_arena_release(memory);
    *memory = fresh;
    *array = larger;
    *capacity = grown;
    return 0;
}

static int reserve_pieces(struct g4_vocab *vocab, size_t count, struct g4_err *err)
{
    void *pieces = vocab->pieces;
    int status = grow_array(&pieces, &vocab->piece_memory, count, &vocab->capacity,
                            sizeof *vocab->pieces, err);
    vocab->pieces = pieces;
    return status;
}

static int reserve_merges(struct g4_vocab *vocab, size_t count, struct g4_err *err)
{
    void *merges = vocab->merges;
    int status = grow_array(&merges, &vocab->merge_memory, count, &vocab->merge_capacity,
                            sizeof *vocab->merges, err);
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

/* Not 0 if one of the eight bytes of a word is c. */
static uint64_t has_byte(uint64_t word, unsigned char c)
{
    const uint64_t ones = 0x0101010101010101u, other = word ^ ones * c;
    return (other - ones) & ~other & ones << 7;
}

/* Nothing in the text is a space, a newline, or may begin U+2581? False now and then without need:
 * for fewer than four bytes. */
static bool is_plain(const char *text, size_t n)
{
    uint64_t word, found = 0;
    if (n < 4)
        return n == 0;
    for (size_t i = 0; i < n; i += sizeof word) {
        word = 0;
        if (n >= sizeof word)
            memcpy(&word, text + (n - i < sizeof word ? n - sizeof word : i), sizeof word);
        else
            word = last_bytes(text, n);
        found |= has_byte(word, ' ') | has_byte(word, '\n') |
                 has_byte(word, (unsigned char)space_mark[0]);
    }
    return !found;
}

static bool is_mark(const char *text, size_t n)
{
    return n >= 3 && text[0] == space_mark[0] && text[1] == space_mark[1] &&
           text[2] == space_mark[2];
}

/* Writes the text with U+2581 as space to out (room for n bytes). */
static struct spelling put_piece(char *out, const char *text, size_t n)
{
    struct spelling s = {0};
    size_t i = 0;
    if (is_mark(text, n)) {
        out[s.n++] = ' ';
        i = 3;
    }
    if (is_plain(text + i, n - i)) {
        memcpy(out + s.n, text + i, n - i);
        s.n += n - i;
        return s;
    }
    for (; i < n; i++) {
        char c = text[i];
        if (is_mark(text + i, n - i)) {
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

/* A piece on its way into the table. */
struct adding {
    size_t at; /* of its text behind the last piece */
    struct spelling spelling;
    uint32_t hash;
};

/* Reads memory that will be needed soon. The tables are larger than the caches: reads that wait for
 * nothing wait together, where a search would wait for one after the other. So these loops do
 * nothing else. */
static void touch(const void *memory)
{
    (void)*(const volatile char *)memory;
}

static int insert(struct g4_vocab *vocab, const struct g4_piece_text *text, int64_t id,
                  bool ordinary, const struct adding *a, struct g4_err *err)
{
    const int shown = text->n < 200 ? (int)text->n : 200;
    if (id < 0 || (uint64_t)id >= vocab->limit)
        return g4_err_set(err, G4_EINPUT,
                          "id %lld is not in 0..%zu, the rows of the embedding: '%.*s'",
                          (long long)id, vocab->limit - 1, shown, text->text);
    if (a->at > UINT32_MAX - G4_VOCAB_PIECE)
        return refuse(err, "more text than a vocabulary may have", text->text, text->n);
    const struct spelling *s = &a->spelling;
    uint64_t *slot = piece_slot(vocab, vocab->texts.text + a->at, s->n, a->hash);
    struct g4_piece *piece = &vocab->pieces[id];
    if (!s->raw_space && !ordinary && slot_index(*slot) == id)
        return 0;
    if (!s->raw_space && *slot)
        return refuse(err, "piece that is there already", text->text, text->n);
    if (piece->present)
        return g4_err_set(err, G4_EINPUT, "two pieces with id %lld: '%.*s'", (long long)id, shown,
                          text->text);
    *piece = (struct g4_piece){.at = (uint32_t)a->at,
                               .n = (uint32_t)s->n,
                               .byte = -1,
                               .special = -1,
                               .present = true,
                               .ordinary = ordinary && !s->raw_space};
    vocab->texts.n = a->at + s->n;
    if ((size_t)id >= vocab->size)
        vocab->size = (size_t)id + 1;
    return piece->ordinary ? table_fill(&vocab->by_text, slot, a->hash, (size_t)id, err) : 0;
}

/* Room for the pieces; ids that are out of range are refused one by one. */
static int reserve_adding(struct g4_vocab *vocab, const struct g4_piece_text *texts, size_t count,
                          int64_t first, size_t *refused, struct g4_err *err)
{
    size_t bytes = 0, end = first >= 0 ? (size_t)first + count : 0;
    for (*refused = 0; *refused < count; ++*refused) {
        const struct g4_piece_text *text = &texts[*refused];
        if (text->n > G4_VOCAB_PIECE)
            return refuse(err, "piece too long", text->text, text->n);
        bytes += text->n;
    }
    *refused = 0;
    int status = reserve_pieces(vocab, end < vocab->limit ? end : vocab->limit, err);
    if (status == 0)
        status = table_reserve(&vocab->by_text, vocab->by_text.used + count, err);
    return status < 0 ? status : g4_text_reserve(&vocab->texts, bytes, err);
}

int g4_vocab_add_all(struct g4_vocab *vocab, const struct g4_piece_text *texts, size_t count,
                     int64_t first, bool ordinary, size_t *refused, struct g4_err *err)
{
    struct adding adding[G4_VOCAB_BATCH];
    size_t at = vocab->texts.n;
    assert(count <= G4_VOCAB_BATCH);
    int status = reserve_adding(vocab, texts, count, first, refused, err);
    if (status < 0)
        return status;
    for (size_t i = 0; i < count; i++) {
        struct adding *a = &adding[i];
        a->at = at;
        a->spelling = put_piece(vocab->texts.text + at, texts[i].text, texts[i].n);
        a->hash = text_hash(vocab->texts.text + at, a->spelling.n);
        at += a->spelling.n;
    }
    for (size_t i = 0; i < count; i++)
        touch(&vocab->by_text.slots[adding[i].hash & (vocab->by_text.slot_count - 1)]);
    for (*refused = 0; *refused < count; ++*refused) {
        const size_t i = *refused;
        status = insert(vocab, &texts[i], first + (int64_t)i, ordinary, &adding[i], err);
        if (status < 0)
            return status;
    }
    return 0;
}

int g4_vocab_add(struct g4_vocab *vocab, const char *text, size_t n, int64_t id, bool ordinary,
                 struct g4_err *err)
{
    const struct g4_piece_text piece = {text, n};
    size_t refused;
    return g4_vocab_add_all(vocab, &piece, 1, id, ordinary, &refused, err);
}

/* A merge on its way into the table: left, right, and both together. */
struct joining {
    const struct g4_merge_text *text;
    const char *part[3]; /* their texts */
    size_t n[3];
    uint32_t hash[3];
    int32_t near[3];            /* first piece with this hash, nearly always the one; -1 = none */
    bool raw_space[2], crosses; /* a newline and something else */
};

/* How many of the three are looked up in batches. */
static int looked_up(const struct g4_vocab *vocab)
{
    return vocab->by_result ? 2 : 3;
}

/* Writes the texts of a merge to room, and hashes them. Returns the room behind. */
static char *spell(const struct g4_vocab *vocab, struct joining *j, char *room)
{
    const struct spelling left = put_piece(room, j->text->left, j->text->left_n);
    const struct spelling right = put_piece(room + left.n, j->text->right, j->text->right_n);
    const size_t n = left.n + right.n, newlines = left.newlines + right.newlines;
    j->part[0] = j->part[2] = room;
    j->part[1] = room + left.n;
    j->n[0] = left.n;
    j->n[1] = right.n;
    j->n[2] = n;
    j->raw_space[0] = left.raw_space;
    j->raw_space[1] = right.raw_space;
    j->crosses = newlines > 0 && newlines < n;
    for (int k = 0; k < looked_up(vocab); k++)
        j->hash[k] = text_hash(j->part[k], j->n[k]);
    return room + n;
}

static void approach(const struct g4_vocab *vocab, struct joining *joining, size_t count)
{
    const struct g4_hash_table *table = &vocab->by_text;
    const size_t mask = table->slot_count - 1;
    const int parts = looked_up(vocab);
    for (size_t i = 0; i < count; i++)
        for (int k = 0; k < parts; k++)
            touch(&table->slots[joining[i].hash[k] & mask]);
    for (size_t i = 0; i < count; i++)
        for (int k = 0; k < parts; k++) {
            size_t at = joining[i].hash[k] & mask;
            while (table->slots[at] && table->slots[at] >> 32 != joining[i].hash[k])
                at = (at + 1) & mask;
            joining[i].near[k] = slot_index(table->slots[at]);
        }
    for (size_t i = 0; i < count; i++)
        for (int k = 0; k < parts; k++)
            if (joining[i].near[k] >= 0)
                touch(vocab->texts.text + vocab->pieces[joining[i].near[k]].at);
}

/* The piece that the merge of the next rank makes, where they come in its order: that of the one
 * before, or one soon after it. -1: none of these. */
static int32_t next_result(const struct g4_vocab *vocab, int32_t before, const char *text, size_t n)
{
    for (int32_t id = before; id - before < NEAR && (size_t)id < vocab->size; id++)
        if (vocab->pieces[id].ordinary && piece_is(vocab, id, text, n))
            return id;
    return -1;
}

/* before: what the merge before this one makes. */
static int resolve(const struct g4_vocab *vocab, const struct joining *j, int32_t before,
                   struct g4_merge *out, struct g4_err *err)
{
    const int parts = looked_up(vocab);
    int32_t id[3] = {-1, -1, -1};
    for (int k = 0; k < parts; k++) {
        id[k] = j->near[k];
        if (id[k] >= 0 && !piece_is(vocab, id[k], j->part[k], j->n[k]))
            id[k] = slot_index(*piece_slot(vocab, j->part[k], j->n[k], j->hash[k]));
    }
    if (parts < 3)
        id[2] = next_result(vocab, before, j->part[2], j->n[2]);
    if (parts < 3 && id[2] < 0)
        id[2] = g4_vocab_find(vocab, j->part[2], j->n[2]);
    if (id[0] < 0 || j->raw_space[0])
        return refuse(err, "merge of what is not a piece", j->text->left, j->text->left_n);
    if (id[1] < 0 || j->raw_space[1])
        return refuse(err, "merge of what is not a piece", j->text->right, j->text->right_n);
    if (id[2] < 0)
        return refuse(err, "merge to what is not a piece", j->part[2], j->n[2]);
    *out = (struct g4_merge){.left = id[0], .right = id[1], .merged = id[2]};
    return 0;
}

/* ---- merges, many at a time ---- */

/* At most G4_VOCAB_BLOCK merges, taken apart into batches. */
struct block {
    const struct g4_vocab *vocab;
    const struct g4_merge_text *merges;
    size_t count;
    size_t at[BATCHES]; /* where the texts of a batch begin in the room behind the last piece */
    struct g4_merge *out;
    bool refused[BATCHES];
    bool crosses[BATCHES];
};

static size_t batch_size(const struct block *b, size_t batch)
{
    const size_t left = b->count - batch * G4_VOCAB_BATCH;
    return left < G4_VOCAB_BATCH ? left : G4_VOCAB_BATCH;
}

/* *refused: the index in the batch of the merge that is wrong. */
static int resolve_batch(struct block *b, size_t batch, size_t *refused, struct g4_err *err)
{
    struct joining joining[G4_VOCAB_BATCH];
    const struct g4_vocab *vocab = b->vocab;
    const size_t n = batch_size(b, batch), first = batch * G4_VOCAB_BATCH;
    char *room = vocab->texts.text + vocab->texts.n + b->at[batch];
    for (size_t i = 0; i < n; i++) {
        joining[i].text = &b->merges[first + i];
        room = spell(vocab, &joining[i], room);
    }
    approach(vocab, joining, n);
    int32_t before = 0;
    for (*refused = 0; *refused < n; ++*refused) {
        struct g4_merge *out = &b->out[first + *refused];
        const struct joining *j = &joining[*refused];
        int status = resolve(vocab, j, before, out, err);
        if (status < 0)
            return status;
        before = out->merged;
        b->crosses[batch] |= j->crosses;
    }
    return 0;
}

static void resolve_item(void *ctx, size_t item, int worker)
{
    struct block *b = ctx;
    const size_t end = (item + 1) * ITEM_BATCHES;
    size_t ignored;
    (void)worker;
    for (size_t batch = item * ITEM_BATCHES; batch < end; batch++)
        if (batch * G4_VOCAB_BATCH < b->count)
            b->refused[batch] = resolve_batch(b, batch, &ignored, NULL) < 0;
}

/* Keeps expecting the order of results as long as few merges leave it. */
static bool in_order(const struct g4_merge *merges, size_t count)
{
    size_t jumps = 0;
    for (size_t i = 1; i < count; i++)
        jumps += merges[i].merged < merges[i - 1].merged ||
                 merges[i].merged - merges[i - 1].merged >= NEAR;
    return jumps <= count / 4;
}

/* Room for a block, its texts included. */
static int reserve_block(struct g4_vocab *vocab, struct block *b, size_t *i, struct g4_err *err)
{
    size_t bytes = 0;
    int status = 0;
    for (*i = 0; *i < b->count; ++*i) {
        const struct g4_merge_text *m = &b->merges[*i];
        if (m->left_n > G4_VOCAB_PIECE || m->right_n > G4_VOCAB_PIECE)
            return refuse(err, "merge of a piece too long", m->left, m->left_n);
        if (*i % G4_VOCAB_BATCH == 0)
            b->at[*i / G4_VOCAB_BATCH] = bytes;
        bytes += m->left_n + m->right_n;
    }
    *i = 0;
    if ((status = g4_text_reserve(&vocab->texts, bytes, err)) == 0 &&
        (status = reserve_merges(vocab, vocab->merge_count + b->count, err)) == 0 &&
        (status = table_reserve(&vocab->by_text, 1, err)) == 0)
        status = table_reserve(&vocab->by_pair, vocab->by_pair.used + b->count, err);
    b->out = vocab->merges + vocab->merge_count;
    return status;
}

/* Enters the next n merges, which are resolved. */
static int enter(struct g4_vocab *vocab, size_t n, size_t *refused, struct g4_err *err)
{
    uint32_t pair[G4_VOCAB_BATCH];
    const struct g4_merge *merges = vocab->merges + vocab->merge_count;
    for (size_t i = 0; i < n; i++) {
        pair[i] = pair_hash(merges[i].left, merges[i].right);
        touch(&vocab->by_pair.slots[pair[i] & (vocab->by_pair.slot_count - 1)]);
    }
    for (*refused = 0; *refused < n; ++*refused) {
        const struct g4_merge *m = &merges[*refused];
        const struct g4_piece *result = &vocab->pieces[m->merged];
        uint64_t *slot = merge_slot(vocab, m->left, m->right, pair[*refused]);
        if (*slot)
            return refuse(err, "merge that is there already", vocab->texts.text + result->at,
                          result->n);
        int status = table_fill(&vocab->by_pair, slot, pair[*refused], vocab->merge_count, err);
        if (status < 0)
            return status;
        vocab->merge_count++;
    }
    return 0;
}

int g4_vocab_merge(struct g4_vocab *vocab, const struct g4_merge_text *merges, size_t count,
                   struct g4_pool *pool, size_t *refused, struct g4_err *err)
{
    struct block b = {.vocab = vocab, .merges = merges, .count = count};
    const size_t batches = (count + G4_VOCAB_BATCH - 1) / G4_VOCAB_BATCH;
    const size_t items = (batches + ITEM_BATCHES - 1) / ITEM_BATCHES;
    size_t within = 0, batch = 0;
    assert(count <= G4_VOCAB_BLOCK);
    if (count == 0)
        return 0; /* and there may be no array yet */
    int status = reserve_block(vocab, &b, &within, err);
    if (status < 0)
        goto out;
    if (pool && items > 1)
        g4_pool_run(pool, resolve_item, &b, items);
    else
        for (size_t i = 0; i < items; i++)
            resolve_item(&b, i, 0);
    for (; batch < batches; batch++) {
        status = b.refused[batch] ? resolve_batch(&b, batch, &within, err)
                                  : enter(vocab, batch_size(&b, batch), &within, err);
        if (status < 0)
            goto out;
        vocab->newlines_apart &= !b.crosses[batch];
    }
    vocab->by_result = in_order(b.out, count);
out:
    if (status < 0 && refused)
        *refused = batch * G4_VOCAB_BATCH + within;
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

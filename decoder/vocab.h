/*
 * vocab.h - the pieces, the merges, and the fixed tokens of a vocabulary; built once, then
 * read-only.
 *
 * Pieces are kept as people read them: U+2581, which stands for a space in the files, is stored as
 * a space. Text to be encoded goes the same way (its own U+2581 too), so both meet without a
 * detour.
 */
#ifndef G4_DECODER_VOCAB_H
#define G4_DECODER_VOCAB_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "decoder/text_buffer.h"
#include "decoder/tokenizer.h"
#include "lib/base/err.h"
#include "lib/base/mem.h"
#include "lib/base/pool.h"

enum { G4_VOCAB_LIMIT = 1 << 24, G4_VOCAB_PIECE = 1 << 16 };

struct g4_piece {
    uint32_t at;       /* where its text begins in `texts` */
    uint32_t n;        /* bytes */
    int16_t byte;      /* the byte of a byte token, else -1 */
    int8_t special;    /* enum g4_special, else -1 */
    bool present : 1;  /* ids may have gaps */
    bool ordinary : 1; /* found by its text */
};

/* (left, right) -> merged. Its rank is its index: the lowest is applied first. */
struct g4_merge {
    int32_t left, right, merged;
};

/* Open addressing: slots of hash << 32 | (index + 1), 0 = free; at most half of them in use. The
 * hash in the slot spares a look at the entry itself, and lets the table grow without one. */
struct g4_hash_table {
    struct g4_arena memory; /* of the slots */
    uint64_t *slots;
    size_t slot_count; /* a power of two, or 0 */
    size_t used;
};

struct g4_vocab {
    struct g4_text texts;    /* every piece, one after the other */
    struct g4_piece *pieces; /* [size], by id */
    struct g4_arena piece_memory;
    size_t size; /* highest id + 1 */
    size_t capacity;
    size_t limit;                 /* ids must lie below */
    struct g4_hash_table by_text; /* ordinary pieces -> id */

    struct g4_merge *merges; /* [merge_count], by rank */
    struct g4_arena merge_memory;
    bool by_result; /* the merges come in the order of what they make, as far as they were added */
    size_t merge_count, merge_capacity;
    struct g4_hash_table by_pair; /* (left, right) -> rank */
    bool newlines_apart;          /* no merge joins a newline with another character */

    int32_t special[G4_SPECIALS]; /* ids, -1 = none */
    int32_t byte[256];            /* ids of <0x00>..<0xFF>, -1 = none */
    char bytes[256];              /* 0..255: the text of byte tokens */
    int32_t ascii[128];           /* ids of the one-byte characters, -1 = none; space for U+2581 */
};

/* Empty; ids will have to lie below `limit` (1..G4_VOCAB_LIMIT, asserted). */
void g4_vocab_init(struct g4_vocab *vocab, size_t limit);
void g4_vocab_release(struct g4_vocab *vocab); /* safe on a zeroed struct and twice */

/* Makes room for so many pieces of `bytes` bytes altogether, and merges, so that adding them grows
 * no table. Only a hint: more may come. */
int g4_vocab_reserve(struct g4_vocab *vocab, size_t pieces, size_t bytes, size_t merges,
                     struct g4_err *err);

/*
 * Adds a piece as the file spells it. `ordinary`: the merges may use it; otherwise it is known by
 * id and as special token only. The same text with the same id twice is accepted only as !ordinary.
 * Messages end in the piece, without naming a file: the caller prefixes it.
 * G4_EINPUT: id out of range or taken, text twice, longer than G4_VOCAB_PIECE.
 */
int g4_vocab_add(struct g4_vocab *vocab, const char *text, size_t n, int64_t id, bool ordinary,
                 struct g4_err *err);

/* A piece as the file spells it. */
struct g4_piece_text {
    const char *text;
    size_t n; /* bytes */
};

/* Together at a time: many are looked up faster than one by one, because the tables are larger than
 * the caches. */
enum { G4_VOCAB_BATCH = 64, G4_VOCAB_BLOCK = 16384 };

/* The same for `count` pieces (at most G4_VOCAB_BATCH, asserted) of the ids first, first + 1, ...
 * *refused is the index of the one that is wrong; those before it may have been added. */
int g4_vocab_add_all(struct g4_vocab *vocab, const struct g4_piece_text *texts, size_t count,
                     int64_t first, bool ordinary, size_t *refused, struct g4_err *err);

/* A merge as the file spells it. */
struct g4_merge_text {
    const char *left, *right;
    size_t left_n, right_n; /* bytes */
};

/* Adds `count` merges (at most G4_VOCAB_BLOCK, asserted) of the next ranks. pool: threads that
 * help; NULL: none. G4_EINPUT: a part or the result is not a piece, or the pair was there; *refused
 * (may be NULL) is the index of that one. */
int g4_vocab_merge(struct g4_vocab *vocab, const struct g4_merge_text *merges, size_t count,
                   struct g4_pool *pool, size_t *refused, struct g4_err *err);

/* Ends building: finds special tokens, byte tokens and single characters. */
void g4_vocab_finish(struct g4_vocab *vocab);

/* Id of an ordinary piece by its text with spaces (not U+2581); -1 = none. */
int32_t g4_vocab_find(const struct g4_vocab *vocab, const char *text, size_t n);

/* Rank of a pair; -1 = not in the list. */
int32_t g4_vocab_rank(const struct g4_vocab *vocab, int32_t left, int32_t right);

#endif

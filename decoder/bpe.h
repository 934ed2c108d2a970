/*
 * bpe.h - one segment of plain text to ids.
 *
 * 1. characters: the piece of each; where there is none, the byte tokens of its bytes
 * 2. of all neighbours that the merge list knows, join the pair of lowest rank, leftmost first
 * 3. until no pair is in the list
 * A linked list of symbols and a heap of (rank, left position): O(n log n). Runs of newlines and
 * runs of anything else are taken apart first where the vocabulary lets no merge cross, which keeps
 * the heap small.
 */
#ifndef G4_DECODER_BPE_H
#define G4_DECODER_BPE_H

#include <stddef.h>
#include <stdint.h>

#include "decoder/tokenizer.h"
#include "decoder/vocab.h"
#include "lib/base/err.h"

struct g4_symbol {
    int32_t id;              /* -1 once joined to the symbol on its left */
    uint32_t previous, next; /* positions; G4_SYMBOL_NONE at the ends */
};
#define G4_SYMBOL_NONE UINT32_MAX

/* Scratch memory, kept between segments. Zero it first. */
struct g4_bpe {
    struct g4_symbol *symbols; /* [capacity] */
    uint64_t *heap;            /* [2 * capacity] rank << 32 | left position, smallest on top */
    size_t capacity, heap_count;
};

/* Appends the ids of n bytes. A space and U+2581 are the same. G4_EUNSUPPORTED: the text needs a
 * byte token that the vocabulary lacks; G4_ELIMIT: 2^31 bytes or more without a newline. */
int g4_bpe_encode(struct g4_bpe *bpe, const struct g4_vocab *vocab, const char *text, size_t n,
                  struct g4_ids *out, struct g4_err *err);
void g4_bpe_release(struct g4_bpe *bpe);

#endif

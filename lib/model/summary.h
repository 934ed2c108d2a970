/*
 * summary.h - a model in numbers: how many bytes of what, and what a run of it keeps in memory.
 */
#ifndef G4_MODEL_SUMMARY_H
#define G4_MODEL_SUMMARY_H

#include <stddef.h>
#include <stdint.h>

#include "lib/model/model.h"

enum g4_model_part {
    G4_PART_TEXT,            /* all of the text model but the next two */
    G4_PART_PER_LAYER_TABLE, /* per-layer embeddings: one row per token is read, the rest is not */
    G4_PART_UNUSED,          /* keys and values of layers that borrow theirs */
    G4_PART_VISION,
    G4_PART_AUDIO,
    G4_PART_OTHER, /* nothing that the programs know */
    G4_PARTS
};

struct g4_amount {
    size_t tensors;
    uint64_t bytes;
};

struct g4_model_summary {
    struct g4_amount part[G4_PARTS];
    struct g4_amount dtype[G4_DTYPES]; /* codes with their scales: lib/model/stored.h */
    struct g4_amount embedding;        /* of the text's: the vocabulary's rows */
    struct g4_amount head;             /* of the text's: lm_head, if it is another matrix */
    struct g4_amount total;
    uint64_t parameters; /* numbers of the model, scales of codes not counted */
    uint64_t mapped;     /* bytes of the mapped files, headers included */
    uint64_t resident;   /* estimate: what a run touches as a whole: text, vision, audio, without
                            an embedding that is not the head as well */
};

void g4_model_summarise(struct g4_model_summary *summary, const struct g4_model *model);

/* The type that most matrices of the text have (of the towers, where there is no text). */
enum g4_dtype g4_model_main_dtype(const struct g4_model *model);

/* The part that a tensor of this published name is of. */
enum g4_model_part g4_model_part_of(const struct g4_model *model, const char *name);

const char *g4_model_part_name(enum g4_model_part part);

/*
 * Bytes of keys and values at 16 bits for a sequence of n positions: over the owning layers
 *     2 (keys, values) * kv_heads * head_dim * 2 bytes * m
 * with m = n for full attention and min(n, window) for a sliding layer. A run keeps a little more:
 * the ring of a sliding layer has room for the tokens of one call.
 */
uint64_t g4_cache_bytes(const struct g4_text_config *text, size_t n);

#endif

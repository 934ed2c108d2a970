/*
 * tokenizer_metadata.h - a vocabulary, and how a model wants to be sampled, as GGUF metadata.
 *
 * From a GGUF model the values tokenizer.* are handed on. From a folder they are made of
 * tokenizer.json (pieces, merges), tokenizer_config.json (which token ends an answer),
 * chat_template.jinja or what the configuration has in its place, and generation_config.json
 * (temperature, top_k, top_p, suppress_tokens). Only tokenizer.json must be there.
 */
#ifndef G4_DECODER_TOKENIZER_METADATA_H
#define G4_DECODER_TOKENIZER_METADATA_H

#include "decoder/vocab.h"
#include "lib/base/err.h"
#include "lib/format/gguf_write.h"
#include "lib/model/model.h"

int g4_tokenizer_metadata_put(struct g4_gguf_writer *writer, const struct g4_model *model,
                              struct g4_err *err);

/* The part that is the vocabulary: as many tokens as `rows`; ids without a piece are marked unused.
 * Public for tests. */
int g4_tokenizer_metadata_put_vocab(struct g4_gguf_writer *writer, const struct g4_vocab *vocab,
                                    size_t rows, struct g4_err *err);

#endif

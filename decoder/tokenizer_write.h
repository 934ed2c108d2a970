/*
 * tokenizer_write.h - a vocabulary as tokenizer.json, and settings as generation_config.json: what
 * a model whose metadata held them needs in a folder of its own.
 */
#ifndef G4_DECODER_TOKENIZER_WRITE_H
#define G4_DECODER_TOKENIZER_WRITE_H

#include "decoder/generation_config.h"
#include "decoder/text_buffer.h"
#include "decoder/vocab.h"
#include "lib/base/err.h"

/* Appends the document, which g4_tokenizer_json_read reads back as the same vocabulary: pieces with
 * spaces as U+2581, merges as pairs, special tokens among the added ones. */
int g4_tokenizer_write(struct g4_text *out, const struct g4_vocab *vocab, struct g4_err *err);

/* Appends the document that g4_generation_config_load reads back as the same: when to stop, what is
 * never said, how to sample. */
int g4_generation_config_write(struct g4_text *out, const struct g4_generation_config *config,
                               struct g4_err *err);

#endif

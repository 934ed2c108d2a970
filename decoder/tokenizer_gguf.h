/*
 * tokenizer_gguf.h - the metadata of a GGUF file to a vocabulary.
 *
 * Read: tokenizer.ggml.tokens [piece, ...] by id, tokenizer.ggml.merges ["left right", ...] by
 * rank. Not read: scores, which are all alike here, and token_type, which writers fill in as they
 * like: special and byte tokens are told by their text. tokenizer.ggml.model is "gemma4" or, of the
 * same content, "llama" with tokenizer.ggml.pre "gemma4"; where general.architecture is gemma4 a
 * list of merges suffices, whatever the vocabulary is called.
 */
#ifndef G4_DECODER_TOKENIZER_GGUF_H
#define G4_DECODER_TOKENIZER_GGUF_H

#include "decoder/vocab.h"
#include "lib/base/err.h"
#include "lib/format/gguf.h"

/* `vocab` was initialised; it is finished after success, and the caller's to release either way.
 * Nothing of it points into the file. G4_EINPUT: malformed; G4_EUNSUPPORTED: another vocabulary, or
 * one without merges. pool: threads that help, or NULL. */
int g4_tokenizer_gguf_read(struct g4_vocab *vocab, const struct g4_gguf *file, struct g4_pool *pool,
                           struct g4_err *err);

#endif

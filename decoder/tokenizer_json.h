/*
 * tokenizer_json.h - tokenizer.json to a vocabulary.
 *
 * Read: model.vocab {piece: id}, model.merges [["left", "right"] or "left right", ...] by rank,
 * added_tokens [{id, content}]. Checked, because another value means another algorithm: model.type
 * BPE, no prefix or suffix of words, merges not ignored, no dropout; normalizer: space to U+2581 or
 * none; pre_tokenizer: a split on spaces, of which the normalizer left none, or none. The rest says
 * how text is shown or what a template adds, which is built in.
 */
#ifndef G4_DECODER_TOKENIZER_JSON_H
#define G4_DECODER_TOKENIZER_JSON_H

#include <stddef.h>

#include "decoder/vocab.h"
#include "lib/base/err.h"

enum { G4_TOKENIZER_FILE_LIMIT = 1 << 29 };

/* `vocab` was initialised; it is finished after success, and the caller's to release either way.
 * `what` names the bytes in messages. G4_EINPUT: malformed; G4_EUNSUPPORTED: another algorithm. */
int g4_tokenizer_json_read(struct g4_vocab *vocab, const char *what, const char *bytes, size_t n,
                           struct g4_err *err);

#endif

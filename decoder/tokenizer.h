/*
 * tokenizer.h - text to ids and back: byte-fallback BPE with an explicit merge list.
 *
 *     text -> segments between special tokens -> characters (bytes where a character has no piece)
 *          -> the pair of lowest rank, leftmost first, is joined until none is in the list -> ids
 *
 * Special tokens are found by their text, never by an id or a type flag. With specials off, their
 * spelling is ordinary text, so nobody can forge a turn by typing one.
 */
#ifndef G4_DECODER_TOKENIZER_H
#define G4_DECODER_TOKENIZER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/base/err.h"
#include "lib/base/pool.h"
#include "lib/format/gguf.h"
#include "lib/model/model.h"

enum g4_special {
    G4_TOKEN_PAD,
    G4_TOKEN_EOS,
    G4_TOKEN_BOS,
    G4_TOKEN_UNK,
    G4_TOKEN_MASK,
    G4_TOKEN_TOOL_OPEN,
    G4_TOKEN_TOOL_CLOSE, /* <|tool> <tool|> */
    G4_TOKEN_CALL_OPEN,
    G4_TOKEN_CALL_CLOSE, /* <|tool_call> <tool_call|> */
    G4_TOKEN_RESPONSE_OPEN,
    G4_TOKEN_RESPONSE_CLOSE, /* <|tool_response> <tool_response|> */
    G4_TOKEN_QUOTE,          /* <|"|> */
    G4_TOKEN_THINK,          /* <|think|> */
    G4_TOKEN_CHANNEL_OPEN,
    G4_TOKEN_CHANNEL_CLOSE, /* <|channel> <channel|> */
    G4_TOKEN_TURN_OPEN,
    G4_TOKEN_TURN_CLOSE, /* <|turn> <turn|> */
    G4_TOKEN_IMAGE_OPEN,
    G4_TOKEN_AUDIO_OPEN, /* <|image> <|audio> */
    G4_TOKEN_IMAGE_SOFT,
    G4_TOKEN_AUDIO_SOFT, /* <|image|> <|audio|> */
    G4_TOKEN_IMAGE_CLOSE,
    G4_TOKEN_AUDIO_CLOSE, /* <image|> <audio|> */
    G4_TOKEN_VIDEO_SOFT,  /* <|video|> */
    G4_SPECIALS
};

/* Spelling of a special token: "<bos>". */
const char *g4_special_text(enum g4_special special);

struct g4_tokenizer;

/* Reads tokenizer.json; ids must lie below vocab_size (the rows of the embedding). G4_EINPUT with
 * file and place when it is malformed; G4_EUNSUPPORTED when it asks for another algorithm. */
int g4_tokenizer_open(struct g4_tokenizer **tokenizer, const char *path, size_t vocab_size,
                      struct g4_err *err);
/* The same from the metadata of a GGUF file, which may be closed afterwards. G4_EUNSUPPORTED also
 * where it holds no merges. pool: threads that help to build it, or NULL; the result does not
 * depend on them. */
int g4_tokenizer_open_gguf(struct g4_tokenizer **tokenizer, const struct g4_gguf *file,
                           size_t vocab_size, struct g4_pool *pool, struct g4_err *err);
/* What the model has: the metadata of its GGUF file, or tokenizer.json in its folder. */
int g4_tokenizer_open_model(struct g4_tokenizer **tokenizer, const struct g4_model *model,
                            struct g4_pool *pool, struct g4_err *err);
void g4_tokenizer_close(struct g4_tokenizer *tokenizer);

/* Id of a special token; -1 when this vocabulary lacks it. */
int32_t g4_tokenizer_special(const struct g4_tokenizer *tokenizer, enum g4_special special);
/* Which special an id is; -1 for ordinary pieces. */
int g4_tokenizer_special_of(const struct g4_tokenizer *tokenizer, int32_t id);

/* A growing list of ids. Zero it first; free ids. */
struct g4_ids {
    int32_t *ids;
    size_t count, capacity;
};
/* Appends `count` times the same id. 0 or G4_ENOMEM. */
int g4_ids_push(struct g4_ids *list, int32_t id, size_t count, struct g4_err *err);

/* A run of text: `specials` says whether special tokens in it are tokens (template) or plain text
 * (payload). Runs that touch are merged across their border where no special stands between. */
struct g4_text_run {
    const char *text;
    size_t n;
    bool specials;
};

/* Appends the ids of the runs. O(n log n); bad UTF-8 goes byte by byte. G4_EUNSUPPORTED: the
 * vocabulary lacks a special token that a template spells, or a byte token that the text needs. */
int g4_tokenizer_encode(const struct g4_tokenizer *tokenizer, const struct g4_text_run *runs,
                        size_t count, struct g4_ids *out, struct g4_err *err);

/* Bytes of an id as text: a piece with U+2581 as space, one raw byte for byte tokens, nothing for
 * specials and for ids without a piece. Borrowed; *is_byte (may be NULL) tells byte tokens. */
const char *g4_tokenizer_text(const struct g4_tokenizer *tokenizer, int32_t id, size_t *n,
                              bool *is_byte);

size_t g4_tokenizer_size(const struct g4_tokenizer *tokenizer); /* highest id + 1 */

/* Streams ids to valid UTF-8: incomplete characters are held back, broken ones become U+FFFD each
 * byte. Zero it first. */
struct g4_detokenizer {
    char held[4];
    size_t held_bytes;
};
/* Appends what is ready to out (room for G4_DETOKENIZER_ROOM + piece length bytes). Returns bytes.
 */
enum { G4_DETOKENIZER_ROOM = 16 };
size_t g4_detokenizer_push(struct g4_detokenizer *d, const struct g4_tokenizer *tokenizer,
                           int32_t id, char *out);
/* At the end: held bytes as U+FFFD. */
size_t g4_detokenizer_finish(struct g4_detokenizer *d, char *out);

#endif

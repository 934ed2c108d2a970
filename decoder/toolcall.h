/*
 * toolcall.h - the text of one tool call of the model, and its arguments as JSON.
 *
 *     call   = "call:" name object              get_weather{city:<|"|>Paris<|"|>,days:2}
 *     object = "{" [ key ":" value { "," key ":" value } ] "}"
 *     value  = <|"|> any text <|"|> | JSON number | true | false | null | object | "[" values "]"
 *
 * White space may follow { [ , and :. Nothing is escaped inside a string, so only the next <|"|>
 * ends it. A text that breaks the grammar is read once more leniently: quoted keys, values in plain
 * quotes, bare words as strings, a missing "call:" or "call", missing closers at the end, text
 * behind the end.
 */
#ifndef G4_DECODER_TOOLCALL_H
#define G4_DECODER_TOOLCALL_H

#include <stddef.h>

#include "decoder/text_buffer.h"
#include "lib/base/err.h"

struct g4_toolcall {
    struct g4_text name;
    struct g4_text arguments; /* a JSON object; numbers keep their spelling */
};

enum { G4_TOOLCALL_DEPTH = 64 };

/* Parses n bytes of valid UTF-8 (what stands between the two call tokens). G4_EINPUT: no name,
 * nested too deep, or an object that even the lenient reading cannot make sense of. `call` is
 * zeroed before use by the caller and holds nothing after an error. */
int g4_toolcall_parse(struct g4_toolcall *call, const char *text, size_t n, struct g4_err *err);
void g4_toolcall_release(struct g4_toolcall *call);

#endif

/*
 * chat_tools.h - JSON values, tool calls, results and declarations in the layout the models know:
 *
 *     {city:<|"|>Paris<|"|>,days:2}             keys sorted without regard to ASCII case, strings
 * as they are
 *     <|tool_call>call:NAME{k:v,...}<tool_call|>
 *     <|tool_response>response:NAME{k:v,...}<tool_response|>, or {value:v} for what is not an
 * object
 *     <|tool>declaration:NAME{description:..,parameters:{..},response:{..}}<tool|>
 *
 * Every string and key is payload, so a <|"|> inside one stays plain text and cannot end it.
 */
#ifndef G4_DECODER_CHAT_TOOLS_H
#define G4_DECODER_CHAT_TOOLS_H

#include <jansson.h>

#include "decoder/chat_writer.h"

/* Spelling of a real number as Python's repr: the shortest digits that read back as the same
 * number, "0.1", "1.0", "1e+16", "1e-05". Returns the length. */
enum { G4_NUMBER_ROOM = 40 };
size_t g4_chat_number(char out[G4_NUMBER_ROOM], double value);

/* Any value. quote_keys: object keys between <|"|>, as inside array items of a declaration. */
void g4_chat_value(struct g4_chat_writer *w, const struct g4_json_place *place, const json_t *value,
                   bool quote_keys);

/* One call; arguments: an object, null or NULL (none), or a string that holds a JSON object. */
void g4_chat_call(struct g4_chat_writer *w, const struct g4_json_place *place, const char *name,
                  const json_t *arguments);

/* One result; response of any type, NULL as null. */
void g4_chat_result(struct g4_chat_writer *w, const struct g4_json_place *place, const char *name,
                    const json_t *response);

/* One declaration: {function: {...}} or the function itself. Of JSON Schema the layout has
 * description, type, enum of strings, items, nullable, properties and required; other members are
 * not shown. */
void g4_chat_declaration(struct g4_chat_writer *w, const struct g4_json_place *place,
                         const json_t *tool);

#endif

/* chat_tools.c - values, calls and results. Declarations: chat_declare.c. */
#include "decoder/chat_tools.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "decoder/chat_sorted.h"
#include "lib/format/json_read.h"

size_t g4_chat_number(char out[G4_NUMBER_ROOM], double value)
{
    char digits[32], *mantissa = digits;
    int precision = 0;
    do
        snprintf(digits, sizeof digits, "%.*e", precision, value);
    while (strtod(digits, NULL) != value && ++precision < 17);
    const char *sign = *mantissa == '-' ? "-" : "";
    mantissa += *sign == '-';
    char *e = strchr(mantissa, 'e');
    const int exponent = atoi(e + 1);
    if (exponent < -4 || exponent >= 16)
        return (size_t)snprintf(out, G4_NUMBER_ROOM, "%s%.*se%+03d", sign, (int)(e - mantissa),
                                mantissa, exponent);
    /* Enough digits behind the point for the shortest mantissa, and one at least. */
    const int decimals = precision > exponent ? precision - exponent : 1;
    return (size_t)snprintf(out, G4_NUMBER_ROOM, "%.*f", decimals, value);
}

/* Members "key:value" in sorted order, commas between. */
static void put_members(struct g4_chat_writer *w, const struct g4_json_place *place,
                        const json_t *object, bool quote_keys)
{
    struct g4_sorted sorted = {0};
    if (w->status == 0)
        w->status = g4_sorted_open(&sorted, object, w->err);
    for (size_t i = 0; i < sorted.count && w->status == 0; i++) {
        const char *key = sorted.members[i].key;
        const struct g4_json_place at = {.parent = place, .key = key};
        if (i > 0)
            g4_chat_put(w, ",");
        if (quote_keys)
            g4_chat_quoted(w, key, strlen(key));
        else
            g4_chat_payload(w, key, strlen(key));
        g4_chat_put(w, ":");
        g4_chat_value(w, &at, sorted.members[i].value, quote_keys);
    }
    g4_sorted_release(&sorted);
}

void g4_chat_value(struct g4_chat_writer *w, const struct g4_json_place *place, const json_t *value,
                   bool quote_keys)
{
    char number[G4_NUMBER_ROOM];
    if (++w->depth > G4_JSON_DEPTH)
        g4_chat_refuse(w, place, "nested deeper than %d", G4_JSON_DEPTH);
    switch (w->status < 0 ? JSON_NULL : value ? json_typeof(value) : JSON_NULL) {
    case JSON_OBJECT:
        g4_chat_put(w, "{");
        put_members(w, place, value, quote_keys);
        g4_chat_put(w, "}");
        break;
    case JSON_ARRAY:
        g4_chat_put(w, "[");
        for (size_t i = 0; i < json_array_size(value) && w->status == 0; i++) {
            const struct g4_json_place at = {.parent = place, .index = i};
            if (i > 0)
                g4_chat_put(w, ",");
            g4_chat_value(w, &at, json_array_get(value, i), quote_keys);
        }
        g4_chat_put(w, "]");
        break;
    case JSON_STRING: g4_chat_quoted(w, json_string_value(value), json_string_length(value)); break;
    case JSON_INTEGER:
        snprintf(number, sizeof number, "%" JSON_INTEGER_FORMAT, json_integer_value(value));
        g4_chat_put(w, number);
        break;
    case JSON_REAL:
        g4_chat_number(number, json_real_value(value));
        g4_chat_put(w, number);
        break;
    case JSON_TRUE: g4_chat_put(w, "true"); break;
    case JSON_FALSE: g4_chat_put(w, "false"); break;
    case JSON_NULL: g4_chat_put(w, "null"); break;
    }
    w->depth--;
}

void g4_chat_call(struct g4_chat_writer *w, const struct g4_json_place *place, const char *name,
                  const json_t *arguments)
{
    const struct g4_json_place at = {.parent = place, .key = "arguments"};
    json_t *parsed = NULL;
    if (json_is_string(arguments)) {
        if (g4_json_parse(&parsed, json_string_value(arguments), json_string_length(arguments),
                          "arguments", NULL) < 0)
            g4_chat_refuse(w, &at, "a string that is not JSON");
        arguments = parsed;
    }
    g4_chat_put(w, "<|tool_call>call:");
    g4_chat_payload(w, name, strlen(name));
    g4_chat_put(w, "{");
    if (json_is_object(arguments))
        put_members(w, &at, arguments, false);
    else if (arguments && !json_is_null(arguments))
        g4_chat_refuse(w, &at, "expected an object");
    g4_chat_put(w, "}<tool_call|>");
    json_decref(parsed);
}

void g4_chat_result(struct g4_chat_writer *w, const struct g4_json_place *place, const char *name,
                    const json_t *response)
{
    g4_chat_put(w, "<|tool_response>response:");
    g4_chat_payload(w, name, strlen(name));
    g4_chat_put(w, "{");
    if (json_is_object(response)) {
        put_members(w, place, response, false);
    } else {
        g4_chat_put(w, "value:");
        g4_chat_value(w, place, response, false);
    }
    g4_chat_put(w, "}<tool_response|>");
}

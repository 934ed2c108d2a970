/*
 * chat_declare.c - tool declarations from JSON Schema.
 *
 *     property = key:{description, enum | items, nullable, properties, required, type}   each if it
 * applies
 *
 * What is not a schema object counts as an empty one: the layout lets unknown members of an object
 * without "properties" pass for properties, and those may be anything.
 */
#include <stdlib.h>
#include <string.h>

#include "decoder/chat_sorted.h"
#include "decoder/chat_tools.h"
#include "decoder/text_buffer.h"
#include "lib/format/json_read.h"

static void put_properties(struct g4_chat_writer *w, const struct g4_json_place *place,
                           const json_t *properties, bool own_members);

/* What a condition of the template would take for true. */
static bool truthy(const json_t *value)
{
    switch (value ? json_typeof(value) : JSON_NULL) {
    case JSON_OBJECT: return json_object_size(value) > 0;
    case JSON_ARRAY: return json_array_size(value) > 0;
    case JSON_STRING: return json_string_length(value) > 0;
    case JSON_INTEGER:
    case JSON_REAL: return json_number_value(value) != 0;
    case JSON_TRUE: return true;
    default: return false;
    }
}

static bool is_type(const json_t *schema, const char *type)
{
    const char *value = json_string_value(json_object_get(schema, "type"));
    return value && strcasecmp(value, type) == 0;
}

static int append_upper(struct g4_text *text, const char *word, struct g4_err *err)
{
    int status = 0;
    for (; *word && status == 0; word++) {
        char c = *word >= 'a' && *word <= 'z' ? (char)(*word - 'a' + 'A') : *word;
        status = g4_text_append(text, &c, 1, err);
    }
    return status;
}

/* ['STRING', 'NULL']: several types read as a Python list. */
static void append_types(struct g4_chat_writer *w, const struct g4_json_place *place,
                         struct g4_text *text, const json_t *types)
{
    for (size_t i = 0; i < json_array_size(types) && w->status == 0; i++) {
        const char *word = json_string_value(json_array_get(types, i));
        if (!word)
            g4_chat_refuse(w, place, "expected strings");
        else if ((w->status = g4_text_puts(text, i ? ", '" : "['", w->err)) == 0 &&
                 (w->status = append_upper(text, word, w->err)) == 0)
            w->status = g4_text_puts(text, "'", w->err);
    }
    if (w->status == 0)
        w->status = g4_text_puts(text, json_array_size(types) ? "]" : "[]", w->err);
}

/* type:<|"|>UPPER<|"|> */
static void put_type(struct g4_chat_writer *w, const struct g4_json_place *place,
                     const json_t *type)
{
    const struct g4_json_place at = {.parent = place, .key = "type"};
    struct g4_text text = {0};
    if (json_is_array(type))
        append_types(w, &at, &text, type);
    else if (json_is_string(type) && w->status == 0)
        w->status = append_upper(&text, json_string_value(type), w->err);
    else if (json_is_null(type) && w->status == 0)
        w->status = g4_text_puts(&text, "NONE", w->err); /* what the template makes of a null */
    else if (type)
        g4_chat_refuse(w, &at, "expected a string");
    g4_chat_put(w, "type:");
    g4_chat_quoted(w, text.text, text.n);
    g4_text_release(&text);
}

/* required:[<|"|>a<|"|>,...] */
static void put_required(struct g4_chat_writer *w, const struct g4_json_place *place,
                         const json_t *schema)
{
    const json_t *required = g4_chat_array(w, place, schema, "required");
    g4_chat_put(w, "required:[");
    for (size_t i = 0; i < json_array_size(required); i++) {
        const json_t *name = json_array_get(required, i);
        const struct g4_json_place list = {.parent = place, .key = "required"};
        const struct g4_json_place at = {.parent = &list, .index = i};
        if (!json_is_string(name))
            g4_chat_refuse(w, &at, "expected a string");
        if (i > 0)
            g4_chat_put(w, ",");
        if (w->status == 0)
            g4_chat_quoted(w, json_string_value(name), json_string_length(name));
    }
    g4_chat_put(w, "]");
}

/* One member of the items of an array. */
static void put_items_member(struct g4_chat_writer *w, const struct g4_json_place *place,
                             const json_t *items, const struct g4_sorted_member *member)
{
    const struct g4_json_place at = {.parent = place, .key = member->key};
    if (strcmp(member->key, "properties") == 0) {
        g4_chat_put(w, "properties:{");
        put_properties(w, &at, member->value, false);
        g4_chat_put(w, "}");
    } else if (strcmp(member->key, "required") == 0) {
        put_required(w, place, items);
    } else if (strcmp(member->key, "type") == 0 && !json_is_array(member->value)) {
        put_type(w, place, member->value);
    } else if (strcmp(member->key, "type") == 0) {
        /* Here several types are a list of strings. */
        g4_chat_put(w, "type:[");
        for (size_t i = 0; i < json_array_size(member->value); i++) {
            const char *word = json_string_value(json_array_get(member->value, i));
            struct g4_text text = {0};
            if (!word)
                g4_chat_refuse(w, &at, "expected strings");
            else if (w->status == 0)
                w->status = append_upper(&text, word, w->err);
            if (i > 0)
                g4_chat_put(w, ",");
            g4_chat_quoted(w, text.text ? text.text : "", text.n);
            g4_text_release(&text);
        }
        g4_chat_put(w, "]");
    } else {
        g4_chat_payload(w, member->key, strlen(member->key));
        g4_chat_put(w, ":");
        g4_chat_value(w, &at, member->value, true);
    }
}

static void put_items(struct g4_chat_writer *w, const struct g4_json_place *place,
                      const json_t *items)
{
    struct g4_sorted sorted = {0};
    bool comma = false;
    if (w->status == 0)
        w->status = g4_sorted_open(&sorted, items, w->err);
    g4_chat_put(w, "items:{");
    for (size_t i = 0; i < sorted.count && w->status == 0; i++) {
        if (json_is_null(sorted.members[i].value))
            continue;
        if (comma)
            g4_chat_put(w, ",");
        comma = true;
        put_items_member(w, place, items, &sorted.members[i]);
    }
    g4_chat_put(w, "}");
    g4_sorted_release(&sorted);
}

/* The members of one property, in the order the models know. */
static void put_property(struct g4_chat_writer *w, const struct g4_json_place *place,
                         const json_t *schema)
{
    const char *description =
        json_is_object(schema) ? g4_chat_string(w, place, schema, "description", false) : NULL;
    const struct g4_json_place enum_at = {.parent = place, .key = "enum"};
    const struct g4_json_place items_at = {.parent = place, .key = "items"};
    const struct g4_json_place properties_at = {.parent = place, .key = "properties"};
    const json_t *words = json_object_get(schema, "enum"),
                 *items = json_object_get(schema, "items");
    const json_t *properties = json_object_get(schema, "properties");
    if (description && *description) {
        g4_chat_put(w, "description:");
        g4_chat_quoted(w, description, strlen(description));
        g4_chat_put(w, ",");
    }
    if (is_type(schema, "string") && truthy(words)) {
        g4_chat_put(w, "enum:");
        g4_chat_value(w, &enum_at, words, true);
        g4_chat_put(w, ",");
    }
    if (is_type(schema, "array") && json_is_object(items) && truthy(items)) {
        put_items(w, &items_at, items);
        g4_chat_put(w, ",");
    }
    if (truthy(json_object_get(schema, "nullable")))
        g4_chat_put(w, "nullable:true,");
    if (is_type(schema, "object")) {
        const bool own = !json_is_object(properties);
        g4_chat_put(w, "properties:{");
        put_properties(w, own ? place : &properties_at, own ? schema : properties, own);
        g4_chat_put(w, "},");
        if (truthy(json_object_get(schema, "required"))) {
            put_required(w, place, schema);
            g4_chat_put(w, ",");
        }
    }
    put_type(w, place, json_object_get(schema, "type"));
}

/* own_members: `properties` is a schema of its own, whose standard members are not properties. */
static void put_properties(struct g4_chat_writer *w, const struct g4_json_place *place,
                           const json_t *properties, bool own_members)
{
    static const char *const standard[] = {"description", "type", "properties", "required",
                                           "nullable"};
    struct g4_sorted sorted = {0};
    bool comma = false;
    if (++w->depth > G4_JSON_DEPTH)
        g4_chat_refuse(w, place, "nested deeper than %d", G4_JSON_DEPTH);
    if (w->status == 0)
        w->status = g4_sorted_open(&sorted, properties, w->err);
    for (size_t i = 0; i < sorted.count && w->status == 0; i++) {
        const struct g4_sorted_member *member = &sorted.members[i];
        const struct g4_json_place at = {.parent = place, .key = member->key};
        bool hidden = false;
        for (size_t k = 0; own_members && k < sizeof standard / sizeof *standard; k++)
            hidden |= strcmp(member->key, standard[k]) == 0;
        if (hidden)
            continue;
        if (comma)
            g4_chat_put(w, ",");
        comma = true;
        g4_chat_payload(w, member->key, strlen(member->key));
        g4_chat_put(w, ":{");
        put_property(w, &at, member->value);
        g4_chat_put(w, "}");
    }
    g4_sorted_release(&sorted);
    w->depth--;
}

/* The type of parameters and responses: an object unless the schema says otherwise. */
static void put_outer_type(struct g4_chat_writer *w, const struct g4_json_place *place,
                           const json_t *schema)
{
    const json_t *type = json_object_get(schema, "type");
    if (truthy(type))
        put_type(w, place, type);
    else
        g4_chat_put(w, "type:<|\"|>OBJECT<|\"|>");
}

static void put_parameters(struct g4_chat_writer *w, const struct g4_json_place *place,
                           const json_t *parameters)
{
    const struct g4_json_place at = {.parent = place, .key = "properties"};
    const json_t *properties = json_object_get(parameters, "properties");
    g4_chat_put(w, ",parameters:{");
    if (truthy(properties)) {
        if (!json_is_object(properties))
            g4_chat_refuse(w, &at, "expected an object");
        g4_chat_put(w, "properties:{");
        put_properties(w, &at, properties, false);
        g4_chat_put(w, "},");
    }
    if (truthy(json_object_get(parameters, "required"))) {
        put_required(w, place, parameters);
        g4_chat_put(w, ",");
    }
    put_outer_type(w, place, parameters);
    g4_chat_put(w, "}");
}

static void put_response(struct g4_chat_writer *w, const struct g4_json_place *place,
                         const json_t *response)
{
    const char *description = g4_chat_string(w, place, response, "description", false);
    g4_chat_put(w, ",response:{");
    if (description && *description) {
        g4_chat_put(w, "description:");
        g4_chat_quoted(w, description, strlen(description));
        g4_chat_put(w, ",");
    }
    put_outer_type(w, place, response);
    g4_chat_put(w, "}");
}

void g4_chat_declaration(struct g4_chat_writer *w, const struct g4_json_place *place,
                         const json_t *tool)
{
    const struct g4_json_place inner = {.parent = place, .key = "function"};
    const json_t *function = json_object_get(tool, "function");
    const struct g4_json_place *at = function ? &inner : place;
    const struct g4_json_place parameters_at = {.parent = at, .key = "parameters"};
    const struct g4_json_place response_at = {.parent = at, .key = "response"};
    if (!function)
        function = tool;
    if (!json_is_object(function)) {
        g4_chat_refuse(w, at, "expected an object");
        return;
    }
    const char *name = g4_chat_string(w, at, function, "name", true);
    const char *description = g4_chat_string(w, at, function, "description", false);
    const json_t *parameters = json_object_get(function, "parameters");
    const json_t *response = json_object_get(function, "response");
    if (w->status < 0)
        return;
    g4_chat_put(w, "<|tool>declaration:");
    g4_chat_payload(w, name, strlen(name));
    g4_chat_put(w, "{description:");
    g4_chat_quoted(w, description ? description : "", description ? strlen(description) : 0);
    if (truthy(parameters)) {
        if (!json_is_object(parameters))
            g4_chat_refuse(w, &parameters_at, "expected an object");
        put_parameters(w, &parameters_at, parameters);
    }
    if (response && !json_is_null(response)) {
        if (!json_is_object(response))
            g4_chat_refuse(w, &response_at, "expected an object");
        put_response(w, &response_at, response);
    }
    g4_chat_put(w, "}<tool|>");
}

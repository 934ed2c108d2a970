/* stream_meta.c - the payloads that are words: TEXT, FAIL, and the JSON of meta. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/utf8.h"
#include "lib/format/json_read.h"
#include "lib/format/stream_rules.h"

/* Longest operand that is kept whole: twice PATH_MAX, and the cap of a meta record even if each
 * byte becomes six (\u00HH in JSON). */
enum { OPERAND_BYTES = 8192 };

int g4_stream_check_text(const char *text, size_t n, struct g4_err *err)
{
    for (size_t i = 0; i < n;) {
        size_t length = g4_utf8_next(text + i, n - i, NULL);
        if (length == 0)
            return g4_err_set(err, G4_EINPUT, "byte %zu of the text is not UTF-8", i);
        if (text[i] == '\0')
            return g4_err_set(err, G4_EINPUT, "byte %zu of the text is NUL", i);
        i += length;
    }
    return 0;
}

static int parse_object(json_t **object, const char *text, size_t n, struct g4_err *err)
{
    int status = g4_json_parse(object, text, n, "meta", err);
    if (status == 0 && !json_is_object(*object)) {
        json_decref(*object);
        *object = NULL;
        status = g4_err_set(err, G4_EINPUT, "'meta': not a JSON object");
    }
    return status;
}

int g4_stream_check_meta(struct g4_stream_rules *rules, const char *text, size_t n,
                         struct g4_err *err)
{
    static const char *const names[] = {"program", "version", "model"};
    json_t *object;
    int status = g4_stream_check_text(text, n, err);
    if (status == 0)
        status = parse_object(&object, text, n, err);
    if (status < 0)
        return status;
    for (int i = 0; !rules->has_meta && status == 0 && i < 3; i++)
        if (!json_is_string(json_object_get(object, names[i])))
            status = g4_err_set(err, G4_EINPUT,
                                "the first meta record of a stream has no string '%s'", names[i]);
    json_decref(object);
    if (status == 0)
        rules->has_meta = true;
    return status;
}

int g4_stream_meta_string(const struct g4_record *meta, const char *key, char **value,
                          struct g4_err *err)
{
    json_t *object;
    *value = NULL;
    int status = parse_object(&object, meta->text, meta->text_bytes, err);
    if (status < 0)
        return status;
    const char *text = json_string_value(json_object_get(object, key));
    if (text != NULL && (*value = strdup(text)) == NULL)
        status = g4_err_nomem(err, strlen(text) + 1, "a meta record");
    json_decref(object);
    return status;
}

int g4_stream_meta_part(const struct g4_record *meta, long *part, struct g4_err *err)
{
    json_t *object;
    *part = -1;
    int status = parse_object(&object, meta->text, meta->text_bytes, err);
    if (status < 0)
        return status;
    const json_t *value = json_object_get(object, "part");
    json_int_t number = json_integer_value(value);
    if (json_is_integer(value) && number >= 0 && number <= INT32_MAX)
        *part = (long)number;
    json_decref(object);
    return 0;
}

char *g4_stream_source_name(const char *operand)
{
    size_t n = strlen(operand);
    char *name = n <= SIZE_MAX / 4 - 1 ? malloc(4 * n + 1) : NULL;
    if (name == NULL)
        return NULL;
    char *out = name;
    for (size_t i = 0; i < n;) {
        size_t length = g4_utf8_next(operand + i, n - i, NULL);
        if (length == 0) {
            out += snprintf(out, 5, "\\x%02x", (unsigned char)operand[i++]);
            continue;
        }
        if (operand[i] == '\\')
            *out++ = '\\';
        memcpy(out, operand + i, length);
        out += length;
        i += length;
    }
    *out = '\0';
    return name;
}

/* Sends `object` (reference taken over, NULL = out of memory) as a meta record. */
static int send_object(struct g4_stream_writer *writer, uint32_t source, json_t *object,
                       struct g4_err *err)
{
    char *text = object != NULL ? json_dumps(object, JSON_COMPACT) : NULL;
    json_decref(object);
    if (text == NULL)
        return g4_err_nomem(err, 0, "a meta record");
    int status = g4_stream_meta(writer, source, text, err);
    free(text);
    return status;
}

int g4_stream_meta_program(struct g4_stream_writer *writer, const char *program,
                           const char *version, const char *model, struct g4_err *err)
{
    char *name = g4_stream_source_name(model);
    if (name == NULL)
        return g4_err_nomem(err, strlen(model), "a meta record");
    json_t *object =
        json_pack("{s:s, s:s, s:s}", "program", program, "version", version, "model", name);
    free(name);
    return send_object(writer, 0, object, err);
}

int g4_stream_meta_source(struct g4_stream_writer *writer, uint32_t source, const char *operand,
                          long part, struct g4_err *err)
{
    char *shown = strndup(operand, OPERAND_BYTES);
    char *name = shown != NULL ? g4_stream_source_name(shown) : NULL;
    free(shown);
    if (name == NULL)
        return g4_err_nomem(err, strlen(operand), "a meta record");
    json_t *object = json_pack("{s:s}", "source", name);
    free(name);
    if (object != NULL && part >= 0 &&
        json_object_set_new(object, "part", json_integer(part)) < 0) {
        json_decref(object);
        object = NULL;
    }
    return send_object(writer, source, object, err);
}

/*
 * gguf_value.c - values of a GGUF file in the types that a reader asks for.
 *
 * Writers differ in the width of integers and in whether a list of equal numbers is a list, so
 * readers ask for a range; whatever else stands there is refused with what it is.
 */
#include <assert.h>
#include <stdio.h>
#include <string.h>

#include "lib/format/gguf.h"

enum { SHOWN = 40 /* bytes of a string in a message */, DESCRIPTION = 80 };

/* Values have no alignment, hence memcpy. */
#define LOAD(type)                                                                                 \
    ((void)memcpy(&number.type##_, p + i * sizeof number.type##_, sizeof number.type##_),          \
     number.type##_)

/* Element i where the type is one of integers or booleans; what is beyond int64_t is its last. */
static bool load_int(const struct g4_gguf_value *value, size_t i, int64_t *out)
{
    const unsigned char *p = value->data;
    union {
        int8_t i8_;
        uint8_t u8_;
        int16_t i16_;
        uint16_t u16_;
        int32_t i32_;
        uint32_t u32_;
        int64_t i64_;
        uint64_t u64_;
    } number;
    switch (value->type) {
    case G4_GGUF_BOOL:
    case G4_GGUF_U8: *out = LOAD(u8); return true;
    case G4_GGUF_I8: *out = LOAD(i8); return true;
    case G4_GGUF_U16: *out = LOAD(u16); return true;
    case G4_GGUF_I16: *out = LOAD(i16); return true;
    case G4_GGUF_U32: *out = LOAD(u32); return true;
    case G4_GGUF_I32: *out = LOAD(i32); return true;
    case G4_GGUF_I64: *out = LOAD(i64); return true;
    case G4_GGUF_U64: *out = LOAD(u64) > INT64_MAX ? INT64_MAX : (int64_t)number.u64_; return true;
    default: return false;
    }
}

static bool load_number(const struct g4_gguf_value *value, size_t i, double *out)
{
    const unsigned char *p = value->data;
    int64_t whole;
    union {
        float f32_;
        double f64_;
    } number;
    switch (value->type) {
    case G4_GGUF_F32: *out = (double)LOAD(f32); return true;
    case G4_GGUF_F64: *out = LOAD(f64); return true;
    case G4_GGUF_BOOL: return false;
    default:
        if (!load_int(value, i, &whole))
            return false;
        *out = (double)whole;
        return true;
    }
}

#undef LOAD

static void load_string(const struct g4_gguf_value *value, struct g4_gguf_text *out)
{
    const unsigned char *at = NULL;
    *out = (struct g4_gguf_text){"", 0};
    g4_gguf_next_string(value, &at, out);
}

/* Element i as it stands there, for messages. */
static const char *describe(char out[DESCRIPTION], const struct g4_gguf_value *value, size_t i)
{
    struct g4_gguf_text text;
    int64_t whole = 0;
    double number = 0;
    if (value->type == G4_GGUF_STRING && value->array) {
        snprintf(out, DESCRIPTION, "a string");
    } else if (value->type == G4_GGUF_STRING) {
        load_string(value, &text);
        snprintf(out, DESCRIPTION, "'%.*s'", text.n < SHOWN ? (int)text.n : SHOWN, text.text);
    } else if (!load_int(value, i, &whole)) {
        load_number(value, i, &number);
        snprintf(out, DESCRIPTION, "the real number %g", number);
    } else if (value->type == G4_GGUF_U64 && whole == INT64_MAX) {
        snprintf(out, DESCRIPTION, "%lld or more", (long long)whole);
    } else {
        snprintf(out, DESCRIPTION, value->type == G4_GGUF_BOOL ? "the boolean %lld" : "%lld",
                 (long long)whole);
    }
    return out;
}

/* *value = NULL, where it is missing and need not be there. */
static int look_up(const struct g4_gguf *file, const char *key, bool required,
                   const struct g4_gguf_value **value, struct g4_err *err)
{
    *value = g4_gguf_value(file, key);
    if (*value || !required)
        return 0;
    return g4_err_set(err, G4_EINPUT, "'%s': %s: missing", file->path, key);
}

static int refuse_array(const struct g4_gguf *file, const struct g4_gguf_value *value,
                        const char *expected, struct g4_err *err)
{
    return g4_err_set(err, G4_EINPUT, "'%s': %s: expected %s, got an array of %zu", file->path,
                      value->key, expected, value->count);
}

static int refuse_int(const struct g4_gguf *file, const struct g4_gguf_value *value, size_t i,
                      int64_t min, int64_t max, struct g4_err *err)
{
    char element[DESCRIPTION] = "", range[DESCRIPTION] = "", got[DESCRIPTION];
    if (value->array)
        snprintf(element, sizeof element, "element %zu: ", i);
    if (min > INT64_MIN || max < INT64_MAX)
        snprintf(range, sizeof range, " in %lld..%lld", (long long)min, (long long)max);
    return g4_err_set(err, G4_EINPUT, "'%s': %s: %sexpected an integer%s, got %s", file->path,
                      value->key, element, range, describe(got, value, i));
}

int g4_gguf_int(const struct g4_gguf *file, const char *key, bool required, int64_t min,
                int64_t max, int64_t *out, struct g4_err *err)
{
    const struct g4_gguf_value *value;
    int64_t number;
    int status = look_up(file, key, required, &value, err);
    if (!value)
        return status;
    if (value->array)
        return refuse_array(file, value, "an integer", err);
    if (value->type == G4_GGUF_BOOL || !load_int(value, 0, &number) || number < min || number > max)
        return refuse_int(file, value, 0, min, max, err);
    *out = number;
    return 0;
}

int g4_gguf_number(const struct g4_gguf *file, const char *key, bool required, double min,
                   double max, double *out, struct g4_err *err)
{
    const struct g4_gguf_value *value;
    char got[DESCRIPTION];
    double number;
    int status = look_up(file, key, required, &value, err);
    if (!value)
        return status;
    if (value->array)
        return refuse_array(file, value, "a number", err);
    /* What is no number compares with none. */
    if (!load_number(value, 0, &number) || !(number >= min && number <= max))
        return g4_err_set(err, G4_EINPUT, "'%s': %s: expected a number in %g..%g, got %s",
                          file->path, key, min, max, describe(got, value, 0));
    *out = number;
    return 0;
}

int g4_gguf_bool(const struct g4_gguf *file, const char *key, bool required, bool *out,
                 struct g4_err *err)
{
    const struct g4_gguf_value *value;
    char got[DESCRIPTION];
    int64_t number;
    int status = look_up(file, key, required, &value, err);
    if (!value)
        return status;
    if (value->array)
        return refuse_array(file, value, "a boolean", err);
    if (value->type != G4_GGUF_BOOL || !load_int(value, 0, &number) || number > 1)
        return g4_err_set(err, G4_EINPUT, "'%s': %s: expected a boolean, 0 or 1, got %s",
                          file->path, key, describe(got, value, 0));
    *out = number == 1;
    return 0;
}

int g4_gguf_string(const struct g4_gguf *file, const char *key, bool required,
                   struct g4_gguf_text *out, struct g4_err *err)
{
    const struct g4_gguf_value *value;
    char got[DESCRIPTION];
    int status = look_up(file, key, required, &value, err);
    if (!value)
        return status;
    if (value->array)
        return refuse_array(file, value, "a string", err);
    if (value->type != G4_GGUF_STRING)
        return g4_err_set(err, G4_EINPUT, "'%s': %s: expected a string, got %s", file->path, key,
                          describe(got, value, 0));
    load_string(value, out);
    return 0;
}

int g4_gguf_ints(const struct g4_gguf *file, const char *key, bool required, size_t n, int64_t min,
                 int64_t max, int64_t *out, struct g4_err *err)
{
    const struct g4_gguf_value *value;
    char expected[DESCRIPTION];
    int status = look_up(file, key, required, &value, err);
    if (!value)
        return status;
    if (value->array && value->count != n) {
        snprintf(expected, sizeof expected, "one integer or an array of %zu", n);
        return refuse_array(file, value, expected, err);
    }
    for (size_t i = 0; i < n; i++) {
        const size_t at = value->array ? i : 0;
        int64_t number;
        if (!load_int(value, at, &number) || number < min || number > max)
            return refuse_int(file, value, at, min, max, err);
        out[i] = number;
    }
    return 0;
}

int64_t g4_gguf_int_at(const struct g4_gguf_value *array, size_t i)
{
    int64_t number = 0;
    bool integer = load_int(array, i, &number);
    assert(integer && i < array->count);
    (void)integer;
    return number;
}

bool g4_gguf_next_string(const struct g4_gguf_value *array, const unsigned char **at,
                         struct g4_gguf_text *out)
{
    const unsigned char *p = *at ? *at : array->data;
    uint64_t n;
    assert(array->type == G4_GGUF_STRING);
    /* Checked when the file was opened, and again: another may have written to it since. */
    if ((size_t)(array->end - p) < sizeof n)
        return false;
    memcpy(&n, p, sizeof n);
    p += sizeof n;
    if (n > (size_t)(array->end - p))
        return false;
    *out = (struct g4_gguf_text){(const char *)p, (size_t)n};
    *at = p + n;
    return true;
}

bool g4_gguf_text_is(const struct g4_gguf_text *text, const char *word)
{
    return strlen(word) == text->n && memcmp(text->text, word, text->n) == 0;
}

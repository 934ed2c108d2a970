/*
 * golden_sizes.c - media-sizes*: sizes.json, a list of {"height", "width", "budget"} and the
 * expected
 * {"to_height", "to_width", "soft_tokens"} or {"error": true}.
 */
#include <jansson.h>

#include "encoders/vision/resize.h"
#include "lib/format/json_read.h"
#include "tests/golden/golden.h"

enum { MAX_JSON = 16 << 20 };

static size_t number(const json_t *row, const char *key)
{
    return (size_t)json_integer_value(json_object_get(row, key));
}

static bool row_is_right(const json_t *row)
{
    struct g4_err err;
    size_t width, height;
    int status = g4_target_size(number(row, "width"), number(row, "height"),
                                (long)number(row, "budget"), &width, &height, &err);
    if (json_is_true(json_object_get(row, "error")))
        return status < 0;
    return status == 0 && width == number(row, "to_width") && height == number(row, "to_height") &&
           width / G4_TOKEN_PIXELS * (height / G4_TOKEN_PIXELS) == number(row, "soft_tokens");
}

void golden_sizes(struct golden *g)
{
    struct g4_err err;
    json_t *rows = NULL;
    if (g4_json_load(&rows, golden_path(g, "sizes.json"), MAX_JSON, &err) < 0) {
        golden_ok(g, false, "%s", err.text);
        return;
    }
    size_t i, wrong = 0;
    json_t *row;
    json_array_foreach(rows, i, row)
    {
        if (row_is_right(row))
            continue;
        wrong++;
        golden_ok(g, false, "%zu x %zu at %zu", number(row, "width"), number(row, "height"),
                  number(row, "budget"));
    }
    golden_ok(g, json_array_size(rows) > 0 && wrong == 0, "%zu of %zu sizes wrong", wrong,
              json_array_size(rows));
    json_decref(rows);
}

/*
 * golden_vision.c - vision-*, and the pictures of unified-*: every stage that is stored.
 *
 * cases.json: {"cases": [{"image", "budget", "height", "width", "soft_tokens", "resized_sha256"}]};
 * the vectors hold image.NAME and NAME.BUDGET.STAGE. Pixels and positions must be equal.
 */
#include <jansson.h>
#include <math.h>
#include <sha256.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "encoders/vision/vision_encoder.h"
#include "lib/format/json_read.h"
#include "tests/golden/golden.h"

enum { MAX_JSON = 16 << 20 };

static const double LIMIT = 1e-4;

struct picture {
    struct golden *g;
    const json_t *entry;
    const char *name; /* of the image */
    long budget;
    bool channels_first; /* patches are cut as the columns of these weights lie */
    unsigned compared;   /* stored stages that were */
};

static long number(const struct picture *p, const char *key)
{
    return (long)json_integer_value(json_object_get(p->entry, key));
}

static void compare_equal(struct picture *p, const char *stage, const struct g4_tensor *expected,
                          const float *got, size_t n)
{
    size_t wrong = g4_tensor_count(expected) == n ? 0 : n;
    for (size_t i = 0; i < n && wrong < n; i++)
        wrong += got[i] != g4_tensor_get(expected, i);
    golden_ok(p->g, wrong == 0, "%s.%ld.%s: %zu of %zu differ", p->name, p->budget, stage, wrong,
              n);
}

static void compare_sha256(struct picture *p, const float *pixels, size_t n)
{
    const char *expected = json_string_value(json_object_get(p->entry, "resized_sha256"));
    char hex[SHA256_DIGEST_STRING_LENGTH];
    SHA2_CTX sha;
    SHA256Init(&sha);
    for (size_t i = 0; i < n; i++)
        SHA256Update(&sha, &(uint8_t){(uint8_t)pixels[i]}, 1);
    SHA256End(&sha, hex);
    golden_ok(p->g, expected && strcmp(hex, expected) == 0, "%s.%ld resized: SHA-256 of the pixels",
              p->name, p->budget);
}

/* Patches [rows, cols] in the order row, column, channel, whatever they are cut in. The caller
 * frees. */
static float *channels_last(const struct picture *p, const float *data, size_t ld, size_t rows,
                            size_t cols)
{
    float *out = malloc(rows * cols * sizeof *out);
    const size_t pixels = cols / 3;
    for (size_t r = 0; out && r < rows; r++)
        for (size_t i = 0; i < cols; i++)
            out[r * cols + (p->channels_first ? i % pixels * 3 + i / pixels : i)] =
                data[r * ld + i];
    return out;
}

static void put(void *ctx, const char *name, int index, const float *data, size_t ld, size_t rows,
                size_t cols)
{
    struct picture *p = ctx;
    char stage[64], what[256];
    if (index >= 0)
        snprintf(stage, sizeof stage, "%s%d", name, index);
    else
        snprintf(stage, sizeof stage, "%s%s", name, strcmp(name, "patches") == 0 ? "_head" : "");
    if (strcmp(name, "resized") == 0)
        compare_sha256(p, data, rows * cols);
    const struct g4_tensor *expected = golden_tensor(p->g, "%s.%ld.%s", p->name, p->budget, stage);
    if (!expected)
        return;
    p->compared++;
    if (strcmp(name, "resized") == 0 || strcmp(name, "positions") == 0) {
        compare_equal(p, stage, expected, data, rows * cols);
        return;
    }
    snprintf(what, sizeof what, "%s.%ld.%s", p->name, p->budget, stage);
    if (strcmp(name, "patches") != 0) {
        golden_close(p->g, what, expected, data, ld, rows, cols, LIMIT,
                     strcmp(name, "soft") == 0 ? GOLDEN_VISION : GOLDEN_STAGE);
        return;
    }
    if (g4_tensor_count(expected) / cols < rows)
        rows = g4_tensor_count(expected) / cols; /* only the first are stored */
    float *patches = channels_last(p, data, ld, rows, cols);
    if (patches)
        golden_close(p->g, what, expected, patches, cols, rows, cols, LIMIT, GOLDEN_STAGE);
    else
        golden_ok(p->g, false, "%s: out of memory", what);
    free(patches);
}

/* The stages of this picture and budget in the vectors. */
static unsigned stored_stages(const struct picture *p)
{
    char prefix[256];
    unsigned n = 0;
    snprintf(prefix, sizeof prefix, "%s.%ld.", p->name, p->budget);
    for (size_t i = 0; i < p->g->vectors.count; i++)
        n += strncmp(p->g->vectors.tensors[i].name, prefix, strlen(prefix)) == 0;
    return n;
}

static bool load_image(struct picture *p, struct g4_image *image)
{
    const struct g4_tensor *t = golden_tensor(p->g, "image.%s", p->name);
    struct g4_err err = {0};
    if (!t || t->dtype != G4_DTYPE_U8 || t->dims != 3 || t->shape[2] != 3) {
        golden_ok(p->g, false, "image.%s: not stored as [height, width, 3] bytes", p->name);
        return false;
    }
    if (g4_image_new(image, t->shape[1], t->shape[0], &err) < 0) {
        golden_ok(p->g, false, "image.%s: %s", p->name, err.text);
        return false;
    }
    memcpy(image->rgb, t->data, t->bytes);
    return true;
}

static void run_picture(struct picture *p, struct g4_vision_encoder *encoder)
{
    struct g4_image image = {0};
    struct g4_vision_plan plan;
    struct g4_err err = {0};
    float *rows = NULL;
    if (!load_image(p, &image))
        return;
    if (g4_vision_encoder_load(encoder, &image, p->budget, &plan, &err) < 0) {
        golden_ok(p->g, false, "%s.%ld: %s", p->name, p->budget, err.text);
        goto out;
    }
    golden_ok(p->g,
              (long)plan.width == number(p, "width") && (long)plan.height == number(p, "height") &&
                  (long)plan.rows == number(p, "soft_tokens"),
              "%s.%ld: %zu x %zu, %zu soft tokens", p->name, p->budget, plan.width, plan.height,
              plan.rows);
    rows = malloc(plan.rows * g4_vision_encoder_width(encoder) * sizeof *rows);
    if (!rows) {
        golden_ok(p->g, false, "%s.%ld: out of memory", p->name, p->budget);
        goto out;
    }
    g4_vision_encoder_run(encoder, rows, &(struct g4_trace){put, p});
    golden_ok(p->g, p->compared > 0 && p->compared == stored_stages(p),
              "%s.%ld: %u of %u stored stages seen", p->name, p->budget, p->compared,
              stored_stages(p));
out:
    free(rows);
    g4_image_release(&image);
}

void golden_vision(struct golden *g)
{
    struct g4_err err = {0};
    struct g4_model model = {0};
    struct g4_vision_encoder *encoder = NULL;
    json_t *cases = NULL;
    if (g4_json_load(&cases, golden_path(g, "cases.json"), MAX_JSON, &err) < 0 ||
        g4_model_open(&model, g->model, "", &err) < 0 ||
        g4_vision_encoder_open(&encoder, &model, &g->exec, &err) < 0) {
        golden_ok(g, false, "%s", err.text);
        goto out;
    }
    size_t i, pictures = 0;
    json_t *entry;
    json_array_foreach(json_object_get(cases, "cases"), i, entry)
    {
        const char *name = json_string_value(json_object_get(entry, "image"));
        if (!name)
            continue;
        struct picture p = {.g = g,
                            .entry = entry,
                            .name = name,
                            .channels_first = model.weights.form.channels_first};
        p.budget = number(&p, "budget");
        run_picture(&p, encoder);
        pictures++;
    }
    golden_ok(g, pictures > 0, "%zu pictures", pictures);
out:
    g4_vision_encoder_close(encoder);
    g4_model_close(&model);
    json_decref(cases);
}

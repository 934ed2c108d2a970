/*
 * golden_decode_image.c - media-decode*: each tensor [height, width, 3] of the vectors bears the
 * name of a file in the folder and holds its upright pixels. PNG must be equal; JPEG within 2.
 */
#include <stdlib.h>
#include <string.h>

#include "encoders/vision/image.h"
#include "tests/golden/golden.h"

enum { JPEG_LIMIT = 2 };

static bool is_jpeg(const char *name)
{
    size_t n = strlen(name);
    return n > 4 && strcmp(name + n - 4, ".jpg") == 0;
}

static int largest_difference(const struct g4_image *image, const struct g4_tensor *expected)
{
    if (expected->dims != 3 || image->width != expected->shape[1] ||
        image->height != expected->shape[0])
        return 256;
    int largest = 0;
    for (size_t i = 0; i < expected->bytes; i++) {
        int d = abs(image->rgb[i] - ((const uint8_t *)expected->data)[i]);
        largest = d > largest ? d : largest;
    }
    return largest;
}

static void compare_file(struct golden *g, const struct g4_tensor *expected)
{
    static const struct g4_image_limits limits = {.orient = true};
    struct g4_err err = {0};
    struct g4_image image;
    if (g4_image_load(&image, golden_path(g, expected->name), &limits, NULL, &err) < 0) {
        golden_ok(g, false, "%s", err.text);
        return;
    }
    int limit = is_jpeg(expected->name) ? JPEG_LIMIT : 0;
    int largest = largest_difference(&image, expected);
    golden_ok(g, largest <= limit, "%s: largest difference %d (limit %d)", expected->name, largest,
              limit);
    g4_image_release(&image);
}

void golden_decode_image(struct golden *g)
{
    for (size_t i = 0; i < g->vectors.count; i++)
        compare_file(g, &g->vectors.tensors[i]);
    golden_ok(g, g->vectors.count > 0, "%zu files", g->vectors.count);
}

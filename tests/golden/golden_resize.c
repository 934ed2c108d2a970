/*
 * golden_resize.c - media-resize*: the vectors hold pairs inNN, outNN [height, width, 3]; resizing
 * one to the size of the other must give its bytes. inNN.png and outNN.png, where present, are the
 * same pixels.
 */
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "encoders/vision/resize.h"
#include "tests/golden/golden.h"

static bool is_picture(const struct g4_tensor *t)
{
    return t && t->dtype == G4_DTYPE_U8 && t->dims == 3 && t->shape[2] == 3;
}

static size_t differing(const struct g4_image *image, const struct g4_tensor *expected)
{
    if (image->width != expected->shape[1] || image->height != expected->shape[0])
        return expected->bytes;
    size_t n = 0;
    for (size_t i = 0; i < expected->bytes; i++)
        n += image->rgb[i] != ((const uint8_t *)expected->data)[i];
    return n;
}

/* The PNG of that name, if there is one, holds the tensor's pixels. */
static void compare_file(struct golden *g, const struct g4_tensor *tensor)
{
    static const struct g4_image_limits no_limits = {0};
    struct g4_err err = {0};
    struct g4_image image;
    char file[64];
    snprintf(file, sizeof file, "%s.png", tensor->name);
    if (access(golden_path(g, file), R_OK) != 0)
        return;
    if (g4_image_load(&image, golden_path(g, file), &no_limits, NULL, &err) < 0)
        golden_ok(g, false, "%s", err.text);
    else
        golden_ok(g, differing(&image, tensor) == 0, "%s: %zu bytes differ", file,
                  differing(&image, tensor));
    g4_image_release(&image);
}

static void compare_pair(struct golden *g, const struct g4_tensor *in, const struct g4_tensor *out)
{
    struct g4_err err = {0};
    struct g4_image from = {0}, to = {0};
    if (!is_picture(in) || !is_picture(out)) {
        golden_ok(g, false, "%s: no pair of pictures", in->name);
        return;
    }
    if (g4_image_new(&from, in->shape[1], in->shape[0], &err) < 0) {
        golden_ok(g, false, "%s: %s", in->name, err.text);
        return;
    }
    memcpy(from.rgb, in->data, in->bytes);
    if (g4_resize(g->exec.pool, &to, &from, out->shape[1], out->shape[0], &err) < 0)
        golden_ok(g, false, "%s: %s", in->name, err.text);
    else
        golden_ok(g, differing(&to, out) == 0, "%s: %zu of %zu bytes differ", in->name,
                  differing(&to, out), out->bytes);
    compare_file(g, in);
    compare_file(g, out);
    g4_image_release(&from);
    g4_image_release(&to);
}

void golden_resize(struct golden *g)
{
    size_t pairs = 0;
    for (size_t i = 0; i < g->vectors.count; i++) {
        const struct g4_tensor *in = &g->vectors.tensors[i];
        if (strncmp(in->name, "in", 2) != 0)
            continue;
        compare_pair(g, in, golden_tensor(g, "out%s", in->name + 2));
        pairs++;
    }
    golden_ok(g, pairs > 0, "%zu pairs", pairs);
}

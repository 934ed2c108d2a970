/* image.c - the memory of a picture. */
#include "encoders/vision/image.h"

#include <stdlib.h>
#include <string.h>

#include "lib/base/mem.h"

void g4_image_release(struct g4_image *image)
{
    free(image->rgb);
    *image = (struct g4_image){0};
}

int g4_image_new(struct g4_image *image, size_t width, size_t height, struct g4_err *err)
{
    *image = (struct g4_image){0};
    size_t pixels;
    if (width == 0 || height == 0)
        return g4_err_set(err, G4_EINPUT, "picture of %zu x %zu pixels", width, height);
    if (!g4_mul_size(width, height, &pixels))
        return g4_err_nomem(err, SIZE_MAX, "a picture");
    int status = g4_alloc((void **)&image->rgb, pixels, 3, "a picture", err);
    if (status < 0)
        return status;
    image->width = width;
    image->height = height;
    return 0;
}

int g4_image_check(size_t width, size_t height, const struct g4_image_limits *limits,
                   struct g4_err *err)
{
    size_t pixels;
    if (width == 0 || height == 0)
        return g4_err_set(err, G4_EINPUT, "picture of %zu x %zu pixels", width, height);
    if (limits->max_pixels != 0 &&
        (!g4_mul_size(width, height, &pixels) || pixels > limits->max_pixels))
        return g4_err_set(
            err, G4_ELIMIT,
            "picture of %zu x %zu, more than %llu pixels; --max-pixels lifts the limit", width,
            height, (unsigned long long)limits->max_pixels);
    return 0;
}

int g4_image_crop(struct g4_image *image, size_t w, size_t h, size_t x, size_t y,
                  struct g4_err *err)
{
    if (w == 0 || h == 0 || x > image->width || w > image->width - x || y > image->height ||
        h > image->height - y)
        return g4_err_set(err, G4_EINPUT,
                          "rectangle %zux%zu+%zu+%zu does not lie inside the picture of %zu x %zu",
                          w, h, x, y, image->width, image->height);
    /* Rows move towards the beginning, so none is overwritten before it was moved. */
    for (size_t row = 0; row < h; row++)
        memmove(image->rgb + row * w * 3, image->rgb + ((y + row) * image->width + x) * 3, w * 3);
    image->width = w;
    image->height = h;
    return 0;
}

/*
 * image_load.c - an operand becomes a picture: whole file, format by content, rows, orientation.
 *
 * The rows of a decoder go into the picture, or, where it is to be fitted and stands upright
 * already, block by block through the resizer.
 */
#include <assert.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "encoders/vision/av_image.h"
#include "encoders/vision/image.h"
#include "encoders/vision/jpeg.h"
#include "encoders/vision/orient.h"
#include "encoders/vision/png.h"
#include "encoders/vision/ppm.h"
#include "encoders/vision/resize.h"
#include "encoders/vision/rows.h"
#include "lib/base/file.h"
#include "lib/base/mem.h"

enum { BLOCK_ROWS = 128, BLOCK_BYTES = 1 << 20 }; /* given to the resizer together: the larger */

struct loader {
    struct g4_image *image;
    const struct g4_image_limits *limits;
    long budget; /* 0: not to be fitted */
    struct g4_pool *pool;
    int orientation;
    size_t row;                 /* bytes */
    size_t next, height;        /* row to come; of the file's picture */
    struct g4_resizer *resizer; /* NULL: rows go straight into image */
    uint8_t *block;             /* [block_rows][row] */
    size_t block_rows;
};

static int begin_fitted(struct loader *l, size_t width, struct g4_err *err)
{
    size_t to_width, to_height;
    const size_t rows = BLOCK_BYTES / l->row > BLOCK_ROWS ? BLOCK_BYTES / l->row : BLOCK_ROWS;
    l->block_rows = l->height < rows ? l->height : rows;
    int status = g4_target_size(width, l->height, l->budget, &to_width, &to_height, err);
    if (status >= 0)
        status = g4_alloc((void **)&l->block, l->block_rows, l->row, "rows of pixels", err);
    if (status >= 0)
        status = g4_resizer_new(&l->resizer, l->pool, l->image, width, l->height, to_width,
                                to_height, err);
    if (status >= 0)
        l->image->fitted = l->budget;
    return status;
}

static int begin(void *ctx, size_t width, size_t height, int orientation, struct g4_err *err)
{
    struct loader *l = ctx;
    int status = g4_image_check(width, height, l->limits, err);
    if (status < 0)
        return status;
    if (!g4_mul_size(width, 3, &l->row))
        return g4_err_nomem(err, SIZE_MAX, "a picture");
    l->orientation = l->limits->orient ? orientation : 1;
    l->height = height;
    if (l->budget != 0 && l->orientation == 1)
        return begin_fitted(l, width, err);
    return g4_image_new(l->image, width, height, err);
}

static int put(void *ctx, const uint8_t *rgb, struct g4_err *err)
{
    (void)err;
    struct loader *l = ctx;
    assert(l->next < l->height);
    if (!l->resizer) {
        memcpy(l->image->rgb + l->next++ * l->row, rgb, l->row);
        return 0;
    }
    const size_t waiting = l->next++ % l->block_rows + 1;
    memcpy(l->block + (waiting - 1) * l->row, rgb, l->row);
    if (waiting == l->block_rows || l->next == l->height)
        g4_resizer_put(l->resizer, l->block, waiting);
    return 0;
}

/* By content. The readers of this project give errors without a name. */
static int decode(struct loader *l, const unsigned char *data, size_t n, const char *operand,
                  bool *animated, struct g4_err *err)
{
    const struct g4_rows rows = {begin, put, l};
    int status;
    if (g4_png_is(data, n))
        status = g4_png_read(&rows, data, n, animated, err);
    else if (g4_jpeg_is(data, n))
        status = g4_jpeg_read(&rows, data, n, l->limits->max_scans, err);
    else if (g4_ppm_is(data, n))
        status = g4_ppm_read(&rows, data, n, err);
    else
        return g4_av_image_load(l->image, data, n, operand, l->limits, animated, &l->orientation,
                                err);
    if (status < 0)
        g4_err_prefix(err, "'%s'", operand);
    return status;
}

/* The operands that people mistake for pictures get the command that works. */
static int explain(int status, const char *operand, struct g4_err *err)
{
    struct stat st;
    if (status == G4_ENOTFOUND && strstr(operand, "://"))
        return g4_err_set(err, status, "'%s': a URL; fetch it first: curl -L '%s' | g4-vision",
                          operand, operand);
    if (status == G4_EIO && stat(operand, &st) == 0 && S_ISDIR(st.st_mode))
        return g4_err_set(err, status,
                          "'%s': is a directory; for all files in it: find '%s' -type f "
                          "-print0 | g4-vision --files0-from=-",
                          operand, operand);
    return status;
}

static int load(struct loader *l, const char *operand, bool *animated, struct g4_err *err)
{
    char *bytes;
    size_t n;
    const bool from_stdin = strcmp(operand, "-") == 0;
    *l->image = (struct g4_image){0};
    if (animated)
        *animated = false;
    uint64_t most = l->limits->max_bytes;
    int status = g4_read_file(&bytes, &n, operand, most ? (size_t)most : SIZE_MAX / 2, err);
    if (status == G4_ELIMIT)
        return g4_err_set(err, G4_ELIMIT, "'%s': larger than %llu bytes (--max-bytes)",
                          from_stdin ? "stdin" : operand, (unsigned long long)most);
    if (status < 0)
        return from_stdin ? status : explain(status, operand, err);
    if (n == 0 && from_stdin)
        status =
            g4_err_set(err, G4_EINPUT, "'stdin': empty (did the program before the pipe fail?)");
    else if (n == 0)
        status = g4_err_set(err, G4_EINPUT, "'%s': empty", operand);
    else
        status = decode(l, (const unsigned char *)bytes, n, from_stdin ? "stdin" : operand,
                        animated, err);
    free(bytes);
    if (status >= 0 && l->limits->orient)
        status = g4_image_orient(l->image, l->orientation, err);
    g4_resizer_free(l->resizer);
    free(l->block);
    if (status < 0)
        g4_image_release(l->image);
    return status;
}

int g4_image_load(struct g4_image *image, const char *operand, const struct g4_image_limits *limits,
                  bool *animated, struct g4_err *err)
{
    struct loader l = {.image = image, .limits = limits, .orientation = 1};
    return load(&l, operand, animated, err);
}

int g4_image_load_fitted(struct g4_image *image, const char *operand,
                         const struct g4_image_limits *limits, long budget, struct g4_pool *pool,
                         bool *animated, struct g4_err *err)
{
    struct loader l = {
        .image = image,
        .limits = limits,
        .budget = budget,
        .pool = pool,
        .orientation = 1,
    };
    return load(&l, operand, animated, err);
}

/* png.c - libpng with its error jumps kept inside this file. */
#include "encoders/vision/png.h"

#include <png.h>
#include <setjmp.h>
#include <stdlib.h>
#include <string.h>

#include "encoders/vision/orient.h"
#include "lib/base/mem.h"

enum { SIGNATURE_BYTES = 8, CHUNK_BYTES = 12 /* length, type, CRC */ };

struct png_job {
    png_structp png;
    png_infop info;
    const unsigned char *data;
    size_t size, at;
    const struct g4_rows *rows;
    size_t width, height, channels;
    bool interlaced;
    uint8_t *pixels; /* one row, or all of an interlaced picture: [..][width][channels] */
    uint8_t *rgb;    /* one row over white */
    int status;
    struct g4_err *err;
};

bool g4_png_is(const unsigned char *data, size_t n)
{
    return n >= SIGNATURE_BYTES && memcmp(data, "\x89PNG\r\n\x1a\n", SIGNATURE_BYTES) == 0;
}

static _Noreturn void on_error(png_structp png, png_const_charp text)
{
    struct png_job *job = png_get_error_ptr(png);
    job->status = g4_err_set(job->err, G4_EINPUT, "broken PNG: %s", text);
    png_longjmp(png, 1);
}

/* Warnings are about what we ignore: odd profiles, texts, times. */
static void on_warning(png_structp png, png_const_charp text)
{
    (void)png;
    (void)text;
}

static void on_read(png_structp png, png_bytep out, size_t n)
{
    struct png_job *job = png_get_io_ptr(png);
    if (n > job->size - job->at)
        png_error(png, "truncated");
    memcpy(out, job->data + job->at, n);
    job->at += n;
}

static uint32_t big_endian(const unsigned char *p)
{
    return (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 | (uint32_t)p[2] << 8 | p[3];
}

/*
 * What libpng is told to skip, read from the chunk list: the orientation (eXIf may stand behind the
 * pixels, but is needed before them) and the number of frames of an animated PNG.
 */
static int scan_chunks(const struct png_job *job, bool *animated)
{
    int orientation = 1;
    size_t at = SIGNATURE_BYTES;
    while (job->size - at >= CHUNK_BYTES) {
        size_t length = big_endian(job->data + at);
        const unsigned char *type = job->data + at + 4, *body = type + 4;
        if (length > job->size - at - CHUNK_BYTES)
            break;
        if (memcmp(type, "eXIf", 4) == 0)
            orientation = g4_exif_orientation(body, length);
        else if (memcmp(type, "acTL", 4) == 0 && length >= 4 && big_endian(body) > 1 && animated)
            *animated = true;
        at += CHUNK_BYTES + length;
    }
    return orientation;
}

static void configure(struct png_job *job)
{
    static const png_byte skipped[] = "bKGD\0cHRM\0eXIf\0gAMA\0hIST\0iCCP\0iTXt\0oFFs\0pCAL\0pHYs\0"
                                      "sBIT\0sCAL\0sPLT\0sRGB\0tEXt\0tIME\0zTXt";
    png_set_keep_unknown_chunks(job->png, PNG_HANDLE_CHUNK_NEVER, skipped, sizeof skipped / 5);
    /* Our own limit counts pixels; what is skipped costs no memory, however long it is. */
    png_set_user_limits(job->png, PNG_UINT_31_MAX, PNG_UINT_31_MAX);
    png_set_chunk_malloc_max(job->png, 0);
    png_set_read_fn(job->png, job, on_read);
}

/* From here to the pixels: 8 bits, 3 channels or 4 with alpha. */
static int read_header(struct png_job *job, int orientation)
{
    png_read_info(job->png, job->info);
    job->width = png_get_image_width(job->png, job->info);
    job->height = png_get_image_height(job->png, job->info);
    int status = job->rows->begin(job->rows->ctx, job->width, job->height, orientation, job->err);
    if (status < 0)
        return status;
    png_set_expand(job->png);
    png_set_strip_16(job->png);
    png_set_gray_to_rgb(job->png);
    job->interlaced = png_set_interlace_handling(job->png) > 1;
    png_read_update_info(job->png, job->info);
    job->channels = png_get_channels(job->png, job->info);

    size_t pixels = job->width;
    if (job->interlaced && !g4_mul_size(job->width, job->height, &pixels))
        return g4_err_nomem(job->err, SIZE_MAX, "an interlaced picture");
    status =
        g4_alloc((void **)&job->pixels, pixels, job->channels, "the pixels of a PNG", job->err);
    if (status < 0)
        return status;
    return g4_alloc((void **)&job->rgb, job->width, 3, "a row of pixels", job->err);
}

static void over_white(uint8_t *rgb, const uint8_t *rgba, size_t width)
{
    for (size_t x = 0; x < width; x++) {
        unsigned a = rgba[x * 4 + 3];
        for (size_t c = 0; c < 3; c++)
            rgb[x * 3 + c] = (uint8_t)((rgba[x * 4 + c] * a + 255 * (255 - a) + 127) / 255);
    }
}

static int put_row(struct png_job *job, const uint8_t *pixels)
{
    if (job->channels == 4) {
        over_white(job->rgb, pixels, job->width);
        pixels = job->rgb;
    }
    return job->rows->put(job->rows->ctx, pixels, job->err);
}

static int read_rows(struct png_job *job)
{
    enum { ADAM7_PASSES = 7 };
    const size_t stride = job->interlaced ? job->width * job->channels : 0;
    int status = 0;
    for (int pass = 0; job->interlaced && pass < ADAM7_PASSES; pass++)
        for (size_t y = 0; y < job->height; y++)
            png_read_row(job->png, job->pixels + y * stride, NULL);
    for (size_t y = 0; y < job->height && status >= 0; y++) {
        if (!job->interlaced)
            png_read_row(job->png, job->pixels, NULL);
        status = put_row(job, job->pixels + y * stride);
    }
    if (status >= 0)
        png_read_end(job->png, NULL);
    return status;
}

/* Everything that may jump. Nothing is held in local variables: the jump would lose them. */
static int decode(struct png_job *job, int orientation)
{
    if (setjmp(png_jmpbuf(job->png)))
        return job->status;
    configure(job);
    job->status = read_header(job, orientation);
    if (job->status >= 0)
        job->status = read_rows(job);
    return job->status;
}

int g4_png_read(const struct g4_rows *rows, const unsigned char *data, size_t n, bool *animated,
                struct g4_err *err)
{
    struct png_job job = {.data = data, .size = n, .rows = rows, .err = err};
    int status;
    job.png = png_create_read_struct(PNG_LIBPNG_VER_STRING, &job, on_error, on_warning);
    if (job.png)
        job.info = png_create_info_struct(job.png);
    if (job.info)
        status = decode(&job, scan_chunks(&job, animated));
    else
        status = g4_err_set(err, G4_ENOMEM, "cannot set up libpng");
    png_destroy_read_struct(&job.png, &job.info, NULL);
    free(job.pixels);
    free(job.rgb);
    return status;
}

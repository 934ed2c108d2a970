/* jpeg.c - libjpeg-turbo with its error jumps kept inside this file. */
#include "encoders/vision/jpeg.h"

#include <setjmp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <jpeglib.h>

#include <jerror.h>

#include "encoders/vision/orient.h"
#include "lib/base/mem.h"

#define MAX_SCAN_PIXELS UINT64_C(0x80000000)

struct jpeg_job {
    struct jpeg_decompress_struct jpeg;
    struct jpeg_error_mgr errors;
    struct jpeg_progress_mgr progress;
    jmp_buf jump;
    const struct g4_rows *rows;
    uint64_t max_scans;
    uint8_t *line; /* one row as libjpeg gives it: 3 or 4 channels */
    int status;
    struct g4_err *err;
};

bool g4_jpeg_is(const unsigned char *data, size_t n)
{
    return n >= 3 && memcmp(data, "\xff\xd8\xff", 3) == 0;
}

static _Noreturn void fail(j_common_ptr jpeg, int code, const char *what)
{
    struct jpeg_job *job = jpeg->client_data;
    char text[JMSG_LENGTH_MAX];
    jpeg->err->format_message(jpeg, text);
    job->status = g4_err_set(job->err, code, "%s: %s", what, text);
    longjmp(job->jump, 1);
}

static _Noreturn void on_error(j_common_ptr jpeg)
{
    switch (jpeg->err->msg_code) {
    case JERR_OUT_OF_MEMORY: fail(jpeg, G4_ENOMEM, "cannot decode JPEG");
    case JERR_BAD_PRECISION:
    case JERR_SOF_UNSUPPORTED:
    case JERR_ARITH_NOTIMPL: fail(jpeg, G4_EUNSUPPORTED, "JPEG of an unsupported kind");
    default: fail(jpeg, G4_EINPUT, "broken JPEG");
    }
}

/* libjpeg goes on after damaged data and paints it grey; we do not. A few warnings harm no pixel:
 * cameras leave stray bytes between their markers. */
static void on_message(j_common_ptr jpeg, int level)
{
    if (level >= 0)
        return;
    switch (jpeg->err->msg_code) {
    case JWRN_EXTRANEOUS_DATA:
    case JWRN_TOO_MUCH_DATA:
    case JWRN_JFIF_MAJOR:
    case JWRN_ADOBE_XFORM: return;
    default: fail(jpeg, G4_EINPUT, "truncated or corrupt JPEG");
    }
}

static void ignore_output(j_common_ptr jpeg)
{
    (void)jpeg;
}

/* Called often while a file of several scans is read: each costs a walk over the whole picture. */
static void on_progress(j_common_ptr common)
{
    struct jpeg_job *job = common->client_data;
    const uint64_t scans = (uint64_t)job->jpeg.input_scan_number;
    const uint64_t pixels = (uint64_t)job->jpeg.image_width * job->jpeg.image_height;
    if (job->max_scans == 0)
        return;
    if (scans > job->max_scans)
        job->status = g4_err_set(job->err, G4_ELIMIT,
                                 "JPEG of more than %llu scans; --max-scans lifts the limit",
                                 (unsigned long long)job->max_scans);
    else if (scans > 1 && scans * pixels > MAX_SCAN_PIXELS)
        job->status =
            g4_err_set(job->err, G4_ELIMIT,
                       "JPEG of %llu pixels in %llu scans, more than 2 Gpx; --max-scans=0 "
                       "lifts the limit",
                       (unsigned long long)pixels, (unsigned long long)scans);
    else
        return;
    longjmp(job->jump, 1);
}

static int orientation_of(const struct jpeg_job *job)
{
    static const char exif[6] = "Exif\0";
    for (jpeg_saved_marker_ptr m = job->jpeg.marker_list; m; m = m->next)
        if (m->data_length > sizeof exif && memcmp(m->data, exif, sizeof exif) == 0)
            return g4_exif_orientation(m->data + sizeof exif, m->data_length - sizeof exif);
    return 1;
}

static int read_header(struct jpeg_job *job)
{
    struct jpeg_decompress_struct *jpeg = &job->jpeg;
    jpeg_read_header(jpeg, TRUE);
    int status = job->rows->begin(job->rows->ctx, jpeg->image_width, jpeg->image_height,
                                  orientation_of(job), job->err);
    if (status < 0)
        return status;
    switch (jpeg->jpeg_color_space) {
    case JCS_GRAYSCALE:
    case JCS_RGB:
    case JCS_YCbCr: jpeg->out_color_space = JCS_RGB; break;
    case JCS_CMYK:
    case JCS_YCCK: jpeg->out_color_space = JCS_CMYK; break;
    default:
        return g4_err_set(job->err, G4_EUNSUPPORTED,
                          "JPEG of %d colour channels of unknown meaning", jpeg->num_components);
    }
    return g4_alloc((void **)&job->line, jpeg->image_width, 4, "a row of pixels", job->err);
}

/* In place: 4 bytes of ink become 3 of light. */
static void cmyk_to_rgb(uint8_t *line, size_t width, bool inverted)
{
    const unsigned flip = inverted ? 0 : 255;
    for (size_t x = 0; x < width; x++) {
        unsigned k = line[x * 4 + 3] ^ flip;
        for (size_t c = 0; c < 3; c++)
            line[x * 3 + c] = (uint8_t)(((line[x * 4 + c] ^ flip) * k + 127) / 255);
    }
}

static int read_rows(struct jpeg_job *job)
{
    struct jpeg_decompress_struct *jpeg = &job->jpeg;
    int status = 0;
    jpeg_start_decompress(jpeg);
    while (jpeg->output_scanline < jpeg->output_height && status >= 0) {
        jpeg_read_scanlines(jpeg, &job->line, 1);
        if (jpeg->out_color_space == JCS_CMYK)
            cmyk_to_rgb(job->line, jpeg->output_width, jpeg->saw_Adobe_marker);
        status = job->rows->put(job->rows->ctx, job->line, job->err);
    }
    if (status >= 0)
        jpeg_finish_decompress(jpeg);
    return status;
}

/* Everything that may jump. Nothing is held in local variables: the jump would lose them. */
static int decode(struct jpeg_job *job, const unsigned char *data, size_t n)
{
    if (setjmp(job->jump))
        return job->status;
    jpeg_create_decompress(&job->jpeg); /* keeps err and client_data, clears the rest */
    job->jpeg.progress = &job->progress;
    jpeg_mem_src(&job->jpeg, data, n);
    jpeg_save_markers(&job->jpeg, JPEG_APP0 + 1, 0xffff);
    job->status = read_header(job);
    if (job->status >= 0)
        job->status = read_rows(job);
    return job->status;
}

int g4_jpeg_read(const struct g4_rows *rows, const unsigned char *data, size_t n,
                 uint64_t max_scans, struct g4_err *err)
{
    struct jpeg_job job = {.rows = rows, .max_scans = max_scans, .err = err};
    job.jpeg.err = jpeg_std_error(&job.errors);
    job.errors.error_exit = on_error;
    job.errors.emit_message = on_message;
    job.errors.output_message = ignore_output;
    job.jpeg.client_data = &job;
    job.progress.progress_monitor = on_progress;
    int status = decode(&job, data, n);
    jpeg_destroy_decompress(&job.jpeg);
    free(job.line);
    return status;
}

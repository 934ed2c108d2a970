/* g4-vision - pictures to soft tokens. */
#include <stdlib.h>

#include "bin/encode.h"
#include "bin/features.h"
#include "bin/picture.h"
#include "lib/base/log.h"

struct vision {
    struct g4_picture picture;
    const char *crop; /* WxH+X+Y */
    size_t crop_w, crop_h, crop_x, crop_y;
    bool no_orient;
    struct g4_image_limits limits;

    struct g4_pool *pool;
};

static int vision_open(void *state, const struct g4_model *model, const struct g4_exec *exec,
                       struct g4_stream_head *head, struct g4_err *err)
{
    struct vision *v = state;
    v->pool = exec->pool;
    return g4_picture_open(&v->picture, model, exec, head, err);
}

static void vision_close(void *state)
{
    struct vision *v = state;
    g4_picture_close(&v->picture);
}

static int load_picture(const struct vision *v, struct g4_image *image, const char *operand,
                        const char *shown, struct g4_err *err)
{
    bool animated = false;
    int status = v->crop ? g4_image_load(image, operand, &v->limits, &animated, err)
                         : g4_image_load_fitted(image, operand, &v->limits, (long)v->picture.budget,
                                                v->pool, &animated, err);
    if (status == 0 && animated)
        g4_log_note("'%s': animated, only the first frame is looked at", shown);
    if (status == 0 && v->crop) {
        status = g4_image_crop(image, v->crop_w, v->crop_h, v->crop_x, v->crop_y, err);
        if (status < 0)
            g4_err_prefix(err, "'%s'", shown);
    }
    return status;
}

static int vision_encode(void *state, struct g4_sink *sink, const char *operand, struct g4_err *err)
{
    struct vision *v = state;
    struct g4_image image = {0};
    int status = load_picture(v, &image, operand, sink->shown, err);
    if (status == 0) {
        status = g4_picture_encode(&v->picture, &image, err);
        if (status < 0)
            g4_err_prefix(err, "'%s'", sink->shown);
    }
    g4_image_release(&image);
    if (status < 0)
        return status;
    const struct g4_vision_plan *plan = &v->picture.plan;
    g4_log_info(1, "'%s': %zu x %zu pixels, %zu soft tokens", sink->shown, plan->width,
                plan->height, plan->rows);
    struct g4_segment segment = g4_picture_segment(&v->picture, G4_KIND_IMAGE, -1, -1);
    status = g4_sink_source(sink, -1, err);
    return status < 0 ? status : g4_sink_segment(sink, &segment, v->picture.rows, err);
}

/* WxH+X+Y, all whole numbers, W and H at least 1. */
static int parse_crop(struct vision *v, struct g4_err *err)
{
    unsigned long part[4];
    static const char separators[4] = {'x', '+', '+', '\0'};
    const char *s = v->crop;
    for (int i = 0; i < 4; i++) {
        char *end;
        part[i] = strtoul(s, &end, 10);
        if (*s < '0' || *s > '9' || *end != separators[i] || part[i] > UINT32_MAX ||
            (i < 2 && !part[i]))
            return g4_err_set(err, G4_EUSAGE, "--crop '%s': expected WxH+X+Y", v->crop);
        s = end + 1;
    }
    v->crop_w = part[0];
    v->crop_h = part[1];
    v->crop_x = part[2];
    v->crop_y = part[3];
    return 0;
}

static int vision_check(void *state, struct g4_err *err)
{
    struct vision *v = state;
    v->limits.orient = !v->no_orient;
    int status = g4_picture_check(&v->picture, err);
    return status == 0 && v->crop ? parse_crop(v, err) : status;
}

int main(int argc, char **argv)
{
    struct vision v = {.picture = {.budget = 280},
                       .limits = {.max_pixels = 128000000, .max_bytes = 1 << 30, .max_scans = 100}};
    struct g4_encode_options common = {0};
    /* clang-format off */
    const struct g4_opt own[] = {
        {.letter = 't', .name = "tokens", .argument = "N", .type = G4_OPT_INT,
         .value = &v.picture.budget,
         .help = "soft tokens per picture: 70, 140, 280 (default), 560 or 1120"},
        {.name = "crop", .argument = "WxH+X+Y", .type = G4_OPT_STRING, .value = &v.crop,
         .help = "use this part of the upright picture, in pixels"},
        {.name = "no-orient", .type = G4_OPT_FLAG, .value = &v.no_orient,
         .help = "ignore the EXIF orientation"},
        {.name = "max-pixels", .argument = "N", .type = G4_OPT_SIZE, .value = &v.limits.max_pixels,
         .help = "most pixels of a picture (default 128000000; 0: any)"},
        {.name = "max-bytes", .argument = "BYTES", .type = G4_OPT_SIZE,
         .value = &v.limits.max_bytes, .help = "largest file (default 1G; 0: any)"},
        {.name = "max-scans", .argument = "N", .type = G4_OPT_SIZE, .value = &v.limits.max_scans,
         .help = "most scans of a progressive JPEG (default 100; 0: any)"},
    };
    /* clang-format on */
    struct g4_opt table[G4_ENCODE_TABLE];
    g4_encode_table(table, own, sizeof own / sizeof *own, &common);
    const struct g4_program program = {
        .name = "g4-vision",
        .purpose = "turn pictures into soft tokens",
        .synopsis = "[options] [file ...]",
        .options = table,
        .features = g4_features,
        .examples = "  g4-vision photo.jpg | g4-decode -p 'Describe this image.'\n"
                    "  find . -name '*.jpg' -print0 | xargs -0 g4-vision -t 70 |\n"
                    "      g4-decode --each --format tsv -p 'Caption this image.'\n"};
    const struct g4_encoder encoder = {&program,      &v,          vision_check, NULL, vision_open,
                                       vision_encode, vision_close};
    return g4_encode_main(&encoder, &common, argc, argv);
}

/* vision_encoder.c - one picture at a time through the tower, or through the embedder of 12B. */
#include "encoders/vision/vision_encoder.h"

#include <assert.h>
#include <stdlib.h>

#include "encoders/vision/patch.h"
#include "encoders/vision/resize.h"
#include "encoders/vision/tower.h"
#include "encoders/vision/unified_vision.h"

struct g4_vision_encoder {
    const struct g4_model *model;
    const struct g4_exec *exec;
    const struct g4_vision_config *config;
    union {
        struct g4_vision_weights tower;
        struct g4_unified_weights unified;
    } weights;
    struct g4_image resized;
    size_t side;           /* of a patch, pixels */
    struct g4_arena arena; /* of the plan */
    union {
        struct g4_tower_plan tower;
        struct g4_unified_plan unified;
    } plan;
};

static int no_vision(const struct g4_model *model, struct g4_err *err)
{
    if (model->weights.text && !model->weights.media)
        return g4_err_set(err, G4_EUNSUPPORTED,
                          "'%s' holds no vision tower: name its companion with --mmproj",
                          model->path);
    return g4_err_set(err, G4_EUNSUPPORTED, "'%s': the model has no vision input", model->name);
}

static int check_config(const struct g4_model *model, struct g4_err *err)
{
    const struct g4_vision_config *c = &model->config.vision;
    if (!c->present)
        return no_vision(model, err);
    if (model->config.text.hidden_size == 0)
        return g4_err_set(err, G4_EINPUT,
                          "'%s': no text_config, which has the width of the soft tokens",
                          model->name);
    if (c->patch_size * c->pooling_kernel_size != G4_TOKEN_PIXELS)
        return g4_err_set(
            err, G4_EUNSUPPORTED,
            "'%s': vision_config: patch_size %zu x pooling_kernel_size %zu, expected %d "
            "pixels per soft token",
            model->name, c->patch_size, c->pooling_kernel_size, G4_TOKEN_PIXELS);
    return 0;
}

int g4_vision_encoder_open(struct g4_vision_encoder **out, const struct g4_model *model,
                           const struct g4_exec *exec, struct g4_err *err)
{
    struct g4_vision_encoder *e;
    *out = NULL;
    int status = check_config(model, err);
    if (status < 0)
        return status;
    status = g4_alloc((void **)&e, 1, sizeof *e, "the vision encoder", err);
    if (status < 0)
        return status;
    e->model = model;
    e->exec = exec;
    e->config = &model->config.vision;
    e->side = e->config->unified ? G4_TOKEN_PIXELS : e->config->patch_size;
    if (e->config->unified)
        status = g4_unified_weights_bind(&e->weights.unified, model, err);
    else
        status = g4_vision_weights_bind(&e->weights.tower, model, err);
    if (status < 0) {
        g4_err_prefix(err, "model '%s'", model->name);
        free(e);
        return status;
    }
    *out = e;
    return 0;
}

void g4_vision_encoder_close(struct g4_vision_encoder *e)
{
    if (!e)
        return;
    if (e->config->unified)
        g4_unified_weights_release(&e->weights.unified);
    else
        g4_vision_weights_release(&e->weights.tower);
    g4_image_release(&e->resized);
    g4_arena_release(&e->arena);
    free(e);
}

size_t g4_vision_encoder_width(const struct g4_vision_encoder *e)
{
    return e->model->config.text.hidden_size;
}

int g4_vision_encoder_id(const struct g4_vision_encoder *e, uint8_t id[G4_ID_BYTES],
                         struct g4_err *err)
{
    return g4_vision_weights_id(e->model, id, err);
}

static void lay_out(struct g4_vision_encoder *e, struct g4_arena *arena, size_t grid_w,
                    size_t grid_h)
{
    if (e->config->unified)
        g4_unified_plan(&e->plan.unified, arena, e->config, grid_w, grid_h);
    else
        g4_tower_plan(&e->plan.tower, arena, e->config, grid_w, grid_h);
}

/* Keeps the memory of an earlier picture when it suffices. */
static int plan_memory(struct g4_vision_encoder *e, size_t grid_w, size_t grid_h,
                       struct g4_err *err)
{
    struct g4_arena measure = {0};
    lay_out(e, &measure, grid_w, grid_h);
    if (measure.overflow || measure.used > e->arena.size) {
        g4_arena_release(&e->arena);
        e->arena = measure;
        int status = g4_arena_alloc(&e->arena, "the vision encoder", err);
        if (status < 0) {
            g4_arena_release(&e->arena);
            return status;
        }
    }
    e->arena.used = 0;
    lay_out(e, &e->arena, grid_w, grid_h);
    return 0;
}

int g4_vision_encoder_load(struct g4_vision_encoder *e, const struct g4_image *image, long budget,
                           struct g4_vision_plan *plan, struct g4_err *err)
{
    size_t width = image->width, height = image->height;
    int status = 0;
    assert(image->fitted == 0 || image->fitted == budget);
    if (image->fitted == 0)
        status = g4_target_size(image->width, image->height, budget, &width, &height, err);
    if (status < 0)
        return status;
    const size_t grid_w = width / e->side, grid_h = height / e->side;
    const size_t positions = e->config->position_embedding_size;
    if (grid_w > positions || grid_h > positions)
        return g4_err_set(
            err, G4_EUNSUPPORTED,
            "a picture of %zu x %zu patches, but the model has %zu positions per side", grid_w,
            grid_h, positions);
    g4_image_release(&e->resized);
    status = g4_resize(e->exec->pool, &e->resized, image, width, height, err);
    if (status >= 0)
        status = plan_memory(e, grid_w, grid_h, err);
    if (status < 0)
        return status;
    *plan = (struct g4_vision_plan){
        .width = width,
        .height = height,
        .grid_w = width / G4_TOKEN_PIXELS,
        .grid_h = height / G4_TOKEN_PIXELS,
        .rows = width / G4_TOKEN_PIXELS * (height / G4_TOKEN_PIXELS),
    };
    return 0;
}

/* The pixels and positions as numbers, in the memory that will hold the patches. */
static void trace_input(const struct g4_vision_encoder *e, float *room,
                        const struct g4_trace *trace)
{
    const size_t width = e->resized.width, height = e->resized.height;
    const size_t grid_w = width / e->side, n = grid_w * (height / e->side);
    for (size_t i = 0; i < width * height * 3; i++)
        room[i] = e->resized.rgb[i];
    g4_trace_put(trace, "resized", -1, room, width * 3, height, width * 3);
    for (size_t i = 0; i < n; i++) {
        room[i * 2] = (float)(i % grid_w);
        room[i * 2 + 1] = (float)(i / grid_w);
    }
    g4_trace_put(trace, "positions", -1, room, 2, n, 2);
}

void g4_vision_encoder_run(struct g4_vision_encoder *e, float *rows, const struct g4_trace *trace)
{
    const bool unified = e->config->unified;
    const size_t patches = e->resized.width / e->side * (e->resized.height / e->side);
    const size_t tokens =
        e->resized.width / G4_TOKEN_PIXELS * (e->resized.height / G4_TOKEN_PIXELS);
    const size_t values = e->side * e->side * 3, width = g4_vision_encoder_width(e);
    float *input = unified ? e->plan.unified.patches : e->plan.tower.patches;
    if (trace)
        trace_input(e, input, trace);
    g4_patchify(e->exec->pool, input, &e->resized, e->side, e->model->weights.form.channels_first);
    g4_trace_put(trace, "patches", -1, input, values, patches, values);

    float *x;
    const struct g4_embed *embed;
    if (unified) {
        x = g4_unified_vision_run(e->exec, &e->weights.unified, &e->plan.unified, trace);
        embed = &e->weights.unified.embed;
    } else {
        x = g4_tower_run(e->exec, e->config, &e->weights.tower, &e->plan.tower, trace);
        embed = &e->weights.tower.embed;
    }
    g4_embed_run(e->exec, embed, rows, x, tokens);
    g4_trace_put(trace, "soft", -1, rows, width, tokens, width);
}

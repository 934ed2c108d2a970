/* patch.c - cutting pixels into rows. */
#include "encoders/vision/patch.h"

struct cut {
    float *patches;
    const struct g4_image *image;
    size_t side;
    size_t step, plane; /* from a pixel to the next, from a channel to the next */
    float value[256];   /* of a byte */
};

/* One row of patches. */
static void cut_item(void *ctx, size_t item, int worker)
{
    (void)worker;
    const struct cut *cut = ctx;
    const size_t line = cut->side * 3, grid_w = cut->image->width / cut->side;
    for (size_t col = 0; col < grid_w; col++) {
        float *out = cut->patches + (item * grid_w + col) * cut->side * line;
        for (size_t py = 0; py < cut->side; py++) {
            size_t y = item * cut->side + py;
            const uint8_t *in = cut->image->rgb + (y * grid_w + col) * line;
            for (size_t px = 0; px < cut->side; px++, out += cut->step)
                for (size_t c = 0; c < 3; c++)
                    out[c * cut->plane] = cut->value[*in++];
        }
    }
}

void g4_patchify(struct g4_pool *pool, float *patches, const struct g4_image *image, size_t side,
                 bool channels_first)
{
    struct cut cut = {.patches = patches,
                      .image = image,
                      .side = side,
                      .step = channels_first ? 1 : 3,
                      .plane = channels_first ? side * side : 1};
    for (int i = 0; i < 256; i++)
        cut.value[i] = (float)i * (float)(1.0 / 255.0);
    g4_pool_run(pool, cut_item, &cut, image->height / side);
}

void g4_patch_positions(int32_t *x, int32_t *y, size_t grid_w, size_t grid_h)
{
    for (size_t row = 0; row < grid_h; row++)
        for (size_t col = 0; col < grid_w; col++) {
            x[row * grid_w + col] = (int32_t)col;
            y[row * grid_w + col] = (int32_t)row;
        }
}

struct placing {
    const struct g4_exec *exec;
    float *rows, *tmp;
    const struct g4_matrix *table[2];
    const int32_t *at[2];
};

static void place_item(void *ctx, size_t item, int worker)
{
    (void)worker;
    const struct placing *p = ctx;
    for (int axis = 0; axis < 2; axis++) {
        const size_t width = p->table[axis]->cols;
        float *tmp = p->tmp + item * width;
        g4_matrix_row(p->exec, p->table[axis], (size_t)p->at[axis][item], 1.0f, tmp);
        p->exec->kernels->axpy(p->rows + item * width, tmp, 1.0f, width);
    }
}

void g4_patch_add_positions(const struct g4_exec *exec, float *rows, size_t n,
                            const struct g4_matrix *table_x, const struct g4_matrix *table_y,
                            const int32_t *x, const int32_t *y, float *tmp)
{
    struct placing placing = {exec, rows, tmp, {table_x, table_y}, {x, y}};
    g4_pool_run(exec->pool, place_item, &placing, n);
}

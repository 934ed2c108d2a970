/* picture.c - see the header. The rows are kept from picture to picture and only grow. */
#include "bin/picture.h"

#include <stdlib.h>

#include "encoders/vision/resize.h"
#include "lib/base/mem.h"

int g4_picture_check(const struct g4_picture *p, struct g4_err *err)
{
    if (g4_vision_budget_ok((long)p->budget))
        return 0;
    return g4_err_set(err, G4_EUSAGE, "-t %lld: expected 70, 140, 280, 560 or 1120",
                      (long long)p->budget);
}

int g4_picture_open(struct g4_picture *p, const struct g4_model *model, const struct g4_exec *exec,
                    struct g4_stream_head *head, struct g4_err *err)
{
    int status = g4_vision_encoder_open(&p->encoder, model, exec, err);
    if (status < 0)
        return status;
    p->width = g4_vision_encoder_width(p->encoder);
    head->width = (uint32_t)p->width;
    status = g4_vision_encoder_id(p->encoder, head->encoder_id, err);
    if (status < 0)
        g4_vision_encoder_close(p->encoder);
    return status;
}

void g4_picture_close(struct g4_picture *p)
{
    g4_vision_encoder_close(p->encoder);
    free(p->rows);
}

static int reserve_rows(struct g4_picture *p, struct g4_err *err)
{
    size_t need = p->plan.rows * p->width;
    if (need <= p->rows_capacity)
        return 0;
    free(p->rows);
    p->rows_capacity = 0;
    void *memory;
    int status = g4_alloc(&memory, need, sizeof *p->rows, "the soft tokens", err);
    p->rows = memory;
    p->rows_capacity = status < 0 ? 0 : need;
    return status;
}

int g4_picture_encode(struct g4_picture *p, const struct g4_image *image, struct g4_err *err)
{
    int status = g4_vision_encoder_load(p->encoder, image, (long)p->budget, &p->plan, err);
    if (status == 0)
        status = reserve_rows(p, err);
    if (status == 0)
        g4_vision_encoder_run(p->encoder, p->rows, NULL);
    return status;
}

struct g4_segment g4_picture_segment(const struct g4_picture *p, enum g4_stream_kind kind,
                                     int64_t t0, int64_t t1)
{
    return (struct g4_segment){.kind = kind,
                               .t0 = t0,
                               .t1 = t1,
                               .rows = (uint32_t)p->plan.rows,
                               .grid_w = (uint16_t)p->plan.grid_w,
                               .grid_h = (uint16_t)p->plan.grid_h};
}

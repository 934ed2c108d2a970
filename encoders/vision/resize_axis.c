/* resize_axis.c - weights in float64, kept as 16-bit integers. */
#include "encoders/vision/resize_axis.h"

#include <math.h>
#include <stdlib.h>

#include "lib/base/mem.h"

static double cubic(double x)
{
    x = fabs(x);
    if (x < 1)
        return ((1.5 * x - 2.5) * x) * x + 1;
    if (x < 2)
        return ((-0.5 * x + 2.5) * x - 4) * x + 2;
    return 0;
}

/* The mapping of one axis; scale > 1 shrinks. */
struct map {
    size_t n_in;
    double scale, support, inv;
};

static struct map map_of(size_t n_in, size_t n_out)
{
    double scale = (double)n_in / (double)n_out;
    double wide = scale >= 1 ? scale : 1;
    return (struct map){n_in, scale, 2 * wide, 1 / wide};
}

static struct g4_axis_tap tap_of(const struct map *map, size_t i)
{
    const double c = map->scale * ((double)i + 0.5);
    const size_t most = 2 * (size_t)ceil(map->support) + 1;
    const double low = c - map->support + 0.5, high = c + map->support + 0.5;
    struct g4_axis_tap tap = {.lo = low > 0 ? (size_t)low : 0};
    size_t end = high < (double)map->n_in ? (size_t)high : map->n_in;
    tap.n = end > tap.lo ? end - tap.lo : 0;
    if (tap.n > most)
        tap.n = most;
    return tap;
}

static void weights_of(const struct map *map, const struct g4_axis_tap *tap, size_t i, double *w)
{
    const double c = map->scale * ((double)i + 0.5);
    double sum = 0;
    for (size_t j = 0; j < tap->n; j++) {
        w[j] = cubic(((double)(j + tap->lo) - c + 0.5) * map->inv);
        sum += w[j];
    }
    for (size_t j = 0; sum != 0 && j < tap->n; j++)
        w[j] /= sum;
}

static int bits_for(double top)
{
    int bits = 0;
    while (bits < 22 && (int64_t)(0.5 + top * (double)(1 << (bits + 1))) < 32768)
        bits++;
    return bits;
}

int g4_axis_init(struct g4_axis *axis, size_t n_in, size_t n_out, struct g4_err *err)
{
    const struct map map = map_of(n_in, n_out);
    double *w = NULL;
    size_t total = 0;
    *axis = (struct g4_axis){.n_out = n_out};
    int status = g4_alloc((void **)&axis->taps, n_out, sizeof *axis->taps, "the resize", err);
    for (size_t i = 0; i < n_out && status >= 0; i++) {
        struct g4_axis_tap tap = tap_of(&map, i);
        tap.at = total;
        axis->taps[i] = tap;
        total += tap.n; /* at most 5 n_out + 5 n_in */
        axis->reach = tap.n > axis->reach ? tap.n : axis->reach;
    }
    if (status >= 0)
        status = g4_alloc((void **)&w, axis->reach, sizeof *w, "the resize", err);
    if (status >= 0)
        status = g4_alloc((void **)&axis->q, total, sizeof *axis->q, "the resize", err);
    if (status < 0)
        goto out;

    /* Twice over the weights: the largest decides the fixed point of all, and keeping them all in
     * float64 would take four times the memory of the result. */
    double top = 0;
    for (size_t i = 0; i < n_out; i++) {
        weights_of(&map, &axis->taps[i], i, w);
        for (size_t j = 0; j < axis->taps[i].n; j++)
            top = w[j] > top ? w[j] : top;
    }
    axis->bits = bits_for(top);
    const double one = (double)(1 << axis->bits);
    for (size_t i = 0; i < n_out; i++) {
        weights_of(&map, &axis->taps[i], i, w);
        for (size_t j = 0; j < axis->taps[i].n; j++)
            axis->q[axis->taps[i].at + j] = (int16_t)(w[j] * one + (w[j] < 0 ? -0.5 : 0.5));
    }
out:
    free(w);
    if (status < 0)
        g4_axis_release(axis);
    return status;
}

void g4_axis_release(struct g4_axis *axis)
{
    free(axis->taps);
    free(axis->q);
    *axis = (struct g4_axis){0};
}

/*
 * golden_rope.c - decoder-rope*: angles per position and turned heads at the released head widths.
 *
 * positions I32 [n]; sliding.freq [d/2] (theta 1e4, every pair turns), full.freq [d/2] (theta 1e6,
 * a quarter turns); NAME.x -> NAME.y [n, d], one head, row i at positions[i].
 */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include "lib/nn/rope.h"
#include "tests/golden/golden.h"

/* At position 511 an angle moves by 3e-5 with the last bit of a float32 frequency. */
static const double LIMIT = 1e-4;

static float *copy_floats(const struct g4_tensor *t)
{
    size_t n = g4_tensor_count(t);
    float *out = malloc(n * sizeof *out);
    for (size_t i = 0; out && i < n; i++)
        out[i] = g4_tensor_get(t, i);
    return out;
}

static void compare(struct golden *g, const char *name, double theta, double factor,
                    const int32_t *positions, size_t n)
{
    char what[64];
    const struct g4_tensor *freq = golden_tensor(g, "%s.freq", name);
    const struct g4_tensor *x = golden_tensor(g, "%s.x", name);
    const struct g4_tensor *y = golden_tensor(g, "%s.y", name);
    if (!freq || !x || !y || g4_tensor_count(x) != n * 2 * g4_tensor_count(freq)) {
        golden_ok(g, false, "%s.freq, %s.x, %s.y: missing or of unlike sizes", name, name, name);
        return;
    }
    size_t half = g4_tensor_count(freq), d = 2 * half;
    float *got = malloc(half * sizeof *got), *turned = copy_floats(x);
    float *cosines = malloc(n * half * sizeof *cosines), *sines = malloc(n * half * sizeof *sines);
    if (got && turned && cosines && sines) {
        g4_rope_freq(got, half, (size_t)(factor * (double)half), d, theta);
        snprintf(what, sizeof what, "%s.freq", name);
        golden_close(g, what, freq, got, half, 1, half, LIMIT, GOLDEN_STAGE);
        g4_rope_table(&g->exec, cosines, sines, positions, n, got, half);
        g4_rope(&g->exec, turned, d, n, 1, d, cosines, sines, half);
        snprintf(what, sizeof what, "%s.y", name);
        golden_close(g, what, y, turned, d, n, d, LIMIT, GOLDEN_STAGE);
    } else {
        golden_ok(g, false, "%s: out of memory", name);
    }
    free(got);
    free(turned);
    free(cosines);
    free(sines);
}

void golden_rope(struct golden *g)
{
    const struct g4_tensor *stored = golden_tensor(g, "positions");
    size_t n = stored ? g4_tensor_count(stored) : 0;
    int32_t *positions = malloc((n + 1) * sizeof *positions);
    if (!positions || n == 0) {
        golden_ok(g, false, "positions: missing");
        free(positions);
        return;
    }
    for (size_t i = 0; i < n; i++)
        positions[i] = (int32_t)g4_tensor_get(stored, i);
    compare(g, "sliding", 1e4, 1.0, positions, n);
    compare(g, "full", 1e6, 0.25, positions, n);
    free(positions);
}

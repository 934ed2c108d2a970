/*
 * quantise_k.c - the search behind Q4_K, Q5_K and Q6_K.
 *
 *     1. for each group of 16 or 32 elements, scale and minimum: for some candidates of the step,
 *        levels are rounded and the best scale (and minimum) for these levels follows in closed
 *        form from sums; the candidate of least error wins
 *     2. the groups' scales, rounded to integers times one d of the block (minimums likewise)
 *     3. levels for the rounded scales; then d again, the best for these levels and integers
 *
 * A group's candidates stand side by side in arrays of LANES: the inner loops run over them.
 */
#include "lib/tensor/quantise_k.h"

#include <math.h>
#include <stdint.h>
#include <string.h>

#include "lib/tensor/half.h"

enum {
    K = 256,    /* elements of a block */
    LANES = 16, /* candidates */
    PASSES = 2, /* of rounding, each with a better d */
};

/* x to the nearest whole number, ties to even, |x| < 2^22: beyond 2^23 floats have no fraction. */
static float nearest(float x)
{
    const float big = 12582912.0f; /* 1.5 * 2^23 */
    return x + big - big;
}

static float limit(float x, float low, float high)
{
    x = x > low ? x : low;
    return x < high ? x : high;
}

static float inverse(float d)
{
    const float i = 1.0f / d;
    return isfinite(i) ? i : 0.0f;
}

/* w: what an element's error counts, its size plus the group's usual size. */
static void weigh(float *w, const float *x, int n)
{
    float squares = 0;
    for (int k = 0; k < n; k++)
        squares += x[k] * x[k];
    const float usual = sqrtf(squares / (float)n);
    for (int k = 0; k < n; k++)
        w[k] = usual + fabsf(x[k]);
}

/* Steps to try: those that put the range of x on levels + FIRST .. levels + LAST. The ends of the
 * range may be cut: often the others gain more. */
static void candidates(float *step, float levels, float range)
{
    const float first = -1.5f, last = 0.9f, inverted = inverse(range);
    for (int c = 0; c < LANES; c++)
        step[c] = (levels + first + (last - first) / (LANES - 1) * (float)c) * inverted;
}

/* x[16] ~ scale q, q in -32..31:
 *     scale = sum(w q x) / sum(w q q), and the error falls by scale sum(w q x) */
static float fit_scale(const float *x, const float *w)
{
    float step[LANES], qq[LANES] = {0}, qx[LANES] = {0};
    float extreme = 0, scale = 0, best = 0;
    for (int k = 0; k < 16; k++)
        extreme = fabsf(x[k]) > fabsf(extreme) ? x[k] : extreme;
    candidates(step, 32, -extreme);
    for (int k = 0; k < 16; k++) {
        for (int c = 0; c < LANES; c++) {
            const float q = limit(nearest(x[k] * step[c]), -32, 31);
            qq[c] += w[k] * q * q;
            qx[c] += w[k] * q * x[k];
        }
    }
    for (int c = 0; c < LANES; c++) {
        const float s = qx[c] / qq[c];
        if (s * qx[c] > best) {
            best = s * qx[c];
            scale = s;
        }
    }
    return scale;
}

/* Sums over the elements of a group, each times its weight. */
struct sums {
    float one, x, q[LANES], qq[LANES], qx[LANES];
};

/* Scale and low of candidate c by least squares, low <= 0; returns by how much the error falls. */
static float solve(const struct sums *sum, int c, float *scale, float *low)
{
    const float qq = sum->qq[c], q = sum->q[c], qx = sum->qx[c];
    const float det = sum->one * qq - q * q;
    *low = (qq * sum->x - q * qx) / det;
    *scale = (sum->one * qx - q * sum->x) / det;
    if (*low > 0 || !(det > 1e-4f * sum->one * qq)) { /* or all levels are about the same */
        *low = 0;
        *scale = qx / qq;
    }
    return *scale * qx + *low * sum->x;
}

/* x[32] ~ scale q + low, q in 0..top, low <= 0. */
static float fit_affine(const float *x, const float *w, float top, float *low)
{
    float step[LANES], min = 0, max = x[0], scale = 0, best = 0;
    struct sums sum = {0};
    for (int k = 0; k < 32; k++) {
        min = x[k] < min ? x[k] : min;
        max = x[k] > max ? x[k] : max;
        sum.one += w[k];
        sum.x += w[k] * x[k];
    }
    candidates(step, top, max - min);
    for (int k = 0; k < 32; k++) {
        for (int c = 0; c < LANES; c++) {
            const float q = limit(nearest((x[k] - min) * step[c]), 0, top);
            sum.q[c] += w[k] * q;
            sum.qq[c] += w[k] * q * q;
            sum.qx[c] += w[k] * q * x[k];
        }
    }
    *low = min; /* all that is needed where x has one value below zero */
    for (int c = 0; c < LANES; c++) {
        float s, l;
        const float gain = solve(&sum, c, &s, &l);
        if (gain > best) {
            best = gain;
            scale = s;
            *low = l;
        }
    }
    return scale;
}

/* Levels and integers for scales s[16] and a given d; returns the best d for these. */
static float round_scales(unsigned char *integers, int *q, const float *x, const float *w,
                          const float *s, float d)
{
    double qq = 0, qx = 0;
    for (int j = 0; j < 16; j++) {
        const int scale = (int)limit(nearest(s[j] * inverse(d)), -128, 127);
        const float id = inverse(d * (float)scale);
        integers[j] = (unsigned char)scale;
        for (int k = j * 16; k < j * 16 + 16; k++) {
            q[k] = (int)limit(nearest(x[k] * id), -32, 31);
            const float level = (float)(q[k] * scale);
            qq += w[k] * level * level;
            qx += w[k] * level * x[k];
        }
    }
    return qq > 0 ? (float)(qx / qq) : d;
}

void g4_quantise_q6_k(unsigned char *b, const float *x)
{
    float w[K], s[16], extreme = 0;
    int q[K];
    for (int j = 0; j < 16; j++) {
        weigh(w + j * 16, x + j * 16, 16);
        s[j] = fit_scale(x + j * 16, w + j * 16);
        extreme = fabsf(s[j]) > fabsf(extreme) ? s[j] : extreme;
    }
    float d = g4_f16_put(b + 208, extreme / -128);
    for (int pass = 0; pass < PASSES; pass++)
        d = g4_f16_put(b + 208, round_scales(b + 192, q, x, w, s, d));

    memset(b, 0, 192);
    for (int k = 0; k < K; k++) {
        const int u = q[k] + 32;
        b[k / 128 * 64 + k % 64] |= (unsigned char)((u & 15) << k % 128 / 64 * 4);
        b[128 + k / 128 * 32 + k % 32] |= (unsigned char)(u >> 4 << k % 128 / 32 * 2);
    }
}

/* A block of eight groups with minimums on the way to its bytes: x ~ d scale q - dm minimum. */
struct affine {
    float w[K], s[8], m[8]; /* weights; scales and minimums as fitted */
    float d, dm;
    int scale[8], minimum[8], q[K];
};

/* Integers and levels for the present d and dm, then the best d and dm for these. */
static void round_affine(struct affine *a, const float *x, float top)
{
    double qq = 0, qm = 0, mm = 0, qx = 0, mx = 0;
    for (int j = 0; j < 8; j++) {
        a->scale[j] = (int)limit(nearest(a->s[j] * inverse(a->d)), 0, 63);
        a->minimum[j] = (int)limit(nearest(a->m[j] * inverse(a->dm)), 0, 63);
        const float id = inverse(a->d * (float)a->scale[j]), m = (float)a->minimum[j];
        for (int k = j * 32; k < j * 32 + 32; k++) {
            a->q[k] = (int)limit(nearest((x[k] + a->dm * m) * id), 0, top);
            const float level = (float)(a->q[k] * a->scale[j]), w = a->w[k];
            qq += w * level * level;
            qm += w * level * m;
            mm += w * m * m;
            qx += w * level * x[k];
            mx += w * m * x[k];
        }
    }
    const double det = qq * mm - qm * qm;
    const double d = (qx * mm - mx * qm) / det, dm = (qx * qm - mx * qq) / det;
    if (det > 1e-6 * qq * mm && d > 0 && dm > 0) {
        a->d = (float)d;
        a->dm = (float)dm;
    }
}

/* Writes d, dm and the integers to head[16], the first bytes of both types; leaves the levels. */
static void quantise_affine(struct affine *a, unsigned char *head, const float *x, float top)
{
    unsigned char *t = head + 4;
    float most = 0, lowest = 0;
    for (int j = 0; j < 8; j++) {
        weigh(a->w + j * 32, x + j * 32, 32);
        a->s[j] = fit_affine(x + j * 32, a->w + j * 32, top, &a->m[j]);
        a->m[j] = -a->m[j];
        most = a->s[j] > most ? a->s[j] : most;
        lowest = a->m[j] > lowest ? a->m[j] : lowest;
    }
    a->d = g4_f16_put(head, most / 63);
    a->dm = g4_f16_put(head + 2, lowest / 63);
    for (int pass = 0; pass < PASSES; pass++) {
        round_affine(a, x, top);
        a->d = g4_f16_put(head, a->d);
        a->dm = g4_f16_put(head + 2, a->dm);
    }
    for (int j = 0; j < 4; j++) {
        const int s = a->scale[j + 4], m = a->minimum[j + 4];
        t[j] = (unsigned char)(a->scale[j] | s >> 4 << 6);
        t[j + 4] = (unsigned char)(a->minimum[j] | m >> 4 << 6);
        t[j + 8] = (unsigned char)((s & 15) | (m & 15) << 4);
    }
}

void g4_quantise_q4_k(unsigned char *b, const float *x)
{
    struct affine a;
    quantise_affine(&a, b, x, 15);
    memset(b + 16, 0, 128);
    for (int k = 0; k < K; k++)
        b[16 + k / 64 * 32 + k % 32] |= (unsigned char)(a.q[k] << k % 64 / 32 * 4);
}

void g4_quantise_q5_k(unsigned char *b, const float *x)
{
    struct affine a;
    quantise_affine(&a, b, x, 31);
    memset(b + 16, 0, 160);
    for (int k = 0; k < K; k++) {
        b[48 + k / 64 * 32 + k % 32] |= (unsigned char)((a.q[k] & 15) << k % 64 / 32 * 4);
        b[16 + k % 32] |= (unsigned char)(a.q[k] >> 4 << k / 32);
    }
}

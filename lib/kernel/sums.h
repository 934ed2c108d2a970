/*
 * sums.h - from the integer sums of a group to its part of the result, for gemmq.h and gemmq_amx.c.
 * An including file has panels.h, floats of registers by name and
 *
 *     AT_ONCE        groups whose starts are found together
 *     MAGIC          the bits of the float 3 * 2^22: adding n to them adds n to it
 *     find_starts    of AT_ONCE groups at most
 *     find_half_starts
 *                    of the halves of GROUPS groups
 *
 * What the offset of codes adds to an integer sum is the same for all rows of W: sums begin with
 * MAGIC minus it (a "start"). MAGIC makes a float of the sum without a conversion.
 */
#ifndef G4_KERNEL_SUMS_H
#define G4_KERNEL_SUMS_H

/* The start of a group. */
static inline int32_t start_of(int offset, const int8_t *q)
{
    int sum = 0;
    for (size_t i = 0; i < GROUP; i++)
        sum += q[i];
    return MAGIC - offset * sum;
}

/* Of groups from .. from+here-1 of n rows of x: a start for each, of Q6_K two. */
G4_INLINE void starts_of_rows(enum g4_dtype dtype, int32_t (*start)[2 * AT_ONCE],
                              const struct g4_q8 *x, size_t first, size_t n, size_t from,
                              size_t here)
{
    const int offset = panel_offset(dtype);
    for (size_t j = 0; j < n; j++) {
        const int8_t *q = x->q + (first + j) * x->ldq + from * GROUP;
        const size_t at = (first + j) * x->ldd + from;
        if (kind_of(dtype) == SIXTEENS) {
            for (size_t g = 0; g < here; g += GROUPS)
                find_half_starts(offset, start[j] + 2 * g, q + g * GROUP);
            continue;
        }
        uint32_t odd = find_starts(offset, start[j], x->d + at, x->m + at, here);
        for (size_t g = 0; odd; g++, odd >>= 1)
            if (odd & 1)
                start[j][g] = start_of(offset, q + g * GROUP);
    }
}

/* What sum number s of a row of x begins with in group g; Q6_K has two. */
G4_INLINE ivec start_at(enum g4_dtype dtype, const int32_t *start, size_t g, size_t half)
{
    if (kind_of(dtype) == SIXTEENS)
        return words_of(start[2 * g + half]);
    return words_of(half ? 0 : panel_offset(dtype) ? start[g] : MAGIC);
}

/* sum + the group of a strip whose integer sums, with their starts, are a; of Q6_K a and b. */
G4_INLINE fvec add_scaled(enum g4_dtype dtype, fvec sum, ivec a, ivec b, const unsigned char *strip,
                          fvec d, fvec m)
{
    const enum kind kind = kind_of(dtype);
    const fvec scale = multiply(floats_at(strip, AT_SCALE), d);
    fvec t = float_of(a);
    if (kind == SIXTEENS) /* below 2^24: exact */
        t = multiply_add(t, floats_at(strip, AT_SCALE + 1),
                         multiply(float_of(b), floats_at(strip, AT_SCALE + 2)));
    t = multiply_add(t, scale, sum);
    return kind == MINIMA ? multiply_add(floats_at(strip, AT_SCALE + 1), m, t) : t;
}

#endif

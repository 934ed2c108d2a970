/*
 * blocks_avx512.h - quantised blocks in registers of 64 bytes: a unit is four groups, half a chunk.
 * See blocks.h. Included by *_avx512.c and *_avx512vnni.c only.
 */
#ifndef G4_KERNEL_BLOCKS_AVX512_H
#define G4_KERNEL_BLOCKS_AVX512_H

#include "lib/kernel/avx512.h"
#include "lib/kernel/blocks.h"

enum { UNIT = 4, UNITS = GROUPS / UNIT };

typedef __m512i ivec;
typedef __m512 fvec;

/* A load that straddles lines is dear: the compiler is kept from a second one that would save a
 * register. */
G4_INLINE ivec load_once(const unsigned char *p)
{
    ivec v = _mm512_loadu_si512(p);
    __asm__("" : "+v"(v));
    return v;
}

/* Bytes at .. at+63 of p; those from `end` on are 0 and not touched. */
G4_INLINE ivec load_bytes(const unsigned char *p, size_t at, size_t end)
{
    if (end >= at + 64)
        return load_once(p + at);
    if (end <= at)
        return _mm512_setzero_si512();
    return _mm512_maskz_loadu_epi8(((__mmask64)1 << (end - at)) - 1, p + at);
}

G4_INLINE ivec low_nibbles(ivec v)
{
    return _mm512_and_si512(v, _mm512_set1_epi8(15));
}

G4_INLINE ivec high_nibbles(ivec v)
{
    return low_nibbles(_mm512_srli_epi16(v, 4));
}

/* Where bit i of `mask` is set 16 is added to code i. */
G4_INLINE ivec add_16(ivec code, __mmask64 mask)
{
    return _mm512_mask_add_epi8(code, mask, code, _mm512_set1_epi8(16));
}

/* ------------------------------------------------------------------------------ blocks of 32 */

/* Four blocks of `size` bytes: what lies in the first two is within `first`, what lies in the last
 * two within `last`. Blocks of 34 bytes do not fit; of them the scales do. */
struct quad {
    ivec first, last;
};

G4_INLINE struct quad load_quad(enum g4_dtype dtype, const unsigned char *p, size_t here)
{
    const size_t size = block_size(dtype), end = here * size;
    const size_t at = dtype == G4_DTYPE_Q8_0 ? 2 * size : 4 * size - 64;
    return (struct quad){load_bytes(p, 0, end), load_bytes(p, at, end)};
}

/* How far the numbering of 16-bit words runs ahead when it goes on in `last`. */
G4_INLINE int quad_gap(enum g4_dtype dtype)
{
    const int words = (int)block_size(dtype) / 2;
    return dtype == G4_DTYPE_Q8_0 ? 32 - 2 * words : 64 - 4 * words;
}

/* The words of a quad that hold nibbles: the last eight of every block, a quarter each. */
G4_INLINE ivec nibble_words(enum g4_dtype dtype)
{
    const int words = (int)block_size(dtype) / 2, front = words - 8, gap = quad_gap(dtype);
    const ivec i = _mm512_set_epi16(31, 30, 29, 28, 27, 26, 25, 24, 23, 22, 21, 20, 19, 18, 17, 16,
                                    15, 14, 13, 12, 11, 10, 9, 8, 7, 6, 5, 4, 3, 2, 1, 0);
    const long long b0 = front * 0x0001000100010001LL, b1 = b0 + front * 0x0001000100010001LL;
    const long long b2 = b1 + (front + gap) * 0x0001000100010001LL;
    const long long b3 = b2 + front * 0x0001000100010001LL;
    return _mm512_add_epi16(i, _mm512_set_epi64(b3, b3, b2, b2, b1, b1, b0, b0));
}

/* The words of quads that hold the first half of every block, in word 4 g + r (g the block, r the
 * row), and the second half in word 16 + 4 g + r. */
G4_INLINE ivec half_words(enum g4_dtype dtype)
{
    const long long words = (long long)block_size(dtype) / 2, gap = quad_gap(dtype);
    const long long each = 0x0001000100010001LL, b1 = words * each, b2 = (2 * words + gap) * each,
                    b3 = (3 * words + gap) * each;
    return _mm512_set_epi64(b3 + each, b2 + each, b1 + each, each, b3, b2, b1, 0);
}

/* The scales, and minima, of a unit of four rows: block g of row r in lane 4 g + r. */
G4_INLINE void quad_scales(enum g4_dtype dtype, const struct quad quad[4], fvec *scale, fvec *min)
{
    /* words that are not chosen stay what they are: indices that wait for their row */
    ivec v = half_words(dtype);
#pragma GCC unroll UNROLL
    for (int r = 0; r < 4; r++)
        v = _mm512_mask2_permutex2var_epi16(quad[r].first, v, 0x11111111u << r, quad[r].last);
    *scale = _mm512_cvtph_ps(_mm512_castsi512_si256(v));
    if (has_min(dtype))
        *min = _mm512_cvtph_ps(_mm512_extracti64x4_epi64(v, 1));
}

/* Bits from .. from+15 of the 32 in front of the nibbles, of each of four blocks. */
G4_INLINE __mmask64 fifth_bits(enum g4_dtype dtype, const unsigned char *p, size_t here, int from)
{
    const size_t size = block_size(dtype);
    uint64_t bits = 0;
#pragma GCC unroll UNROLL
    for (size_t g = 0; g < UNIT; g++)
        if (g < here)
            bits |= (uint64_t)load_u16(p + g * size + size - 20 + (size_t)from / 8) << 16 * g;
    return bits;
}

G4_INLINE void quad_codes(enum g4_dtype dtype, const unsigned char *p, size_t here,
                          const struct quad *quad, ivec *a, ivec *b)
{
    const ivec v = _mm512_permutex2var_epi16(quad->first, nibble_words(dtype), quad->last);
    *a = low_nibbles(v);
    *b = high_nibbles(v);
    if (dtype == G4_DTYPE_IQ4_NL) {
        const ivec values = _mm512_broadcast_i32x4(nonlinear_values());
        *a = _mm512_shuffle_epi8(values, *a);
        *b = _mm512_shuffle_epi8(values, *b);
    }
    if (has_fifth_bits(dtype)) {
        *a = add_16(*a, fifth_bits(dtype, p, here, 0));
        *b = add_16(*b, fifth_bits(dtype, p, here, 16));
    }
}

/* From four groups as they lie to the first and the last halves of each. */
G4_INLINE void split_groups(ivec g01, ivec g23, ivec *a, ivec *b)
{
    *a = _mm512_shuffle_i64x2(g01, g23, 0x88);
    *b = _mm512_shuffle_i64x2(g01, g23, 0xdd);
}

/* Two blocks of Q8_0, of which `here` exist. */
G4_INLINE ivec load_two_q8(const unsigned char *p, size_t here)
{
    const __m256i zero = _mm256_setzero_si256();
    const __m256i first = here > 0 ? _mm256_loadu_si256((const void *)(p + 2)) : zero;
    const __m256i last = here > 1 ? _mm256_loadu_si256((const void *)(p + 36)) : zero;
    return _mm512_inserti64x4(_mm512_castsi256_si512(first), last, 1);
}

/* ------------------------------------------------------------------------------ blocks of 256 */

/* A number for each quarter. */
G4_INLINE ivec quarters(int q0, int q1, int q2, int q3)
{
    return _mm512_set_epi32(q3, q3, q3, q3, q2, q2, q2, q2, q1, q1, q1, q1, q0, q0, q0, q0);
}

/* Half a block of Q4_K or Q5_K: groups 0 and 1 are the low and the high nibbles of 32 bytes, groups
 * 2 and 3 of the next 32. */
G4_INLINE void pair_codes(enum g4_dtype dtype, const unsigned char *p, size_t u, ivec *a, ivec *b)
{
    const ivec v = load_once(p + (dtype == G4_DTYPE_Q5_K ? 48 : 16) + 64 * u);
    ivec even = low_nibbles(v), odd = high_nibbles(v);
    if (dtype == G4_DTYPE_Q5_K) {
        /* bit j of byte k is the fifth of element k of group j */
        const int e = 0x01010101 << 4 * u, f = e << 2;
        const ivec fifth = _mm512_broadcast_i64x4(_mm256_loadu_si256((const void *)(p + 16)));
        even = add_16(even, _mm512_test_epi8_mask(fifth, quarters(e, e, f, f)));
        odd = add_16(odd, _mm512_test_epi8_mask(_mm512_srli_epi16(fifth, 1), quarters(e, e, f, f)));
    }
    const ivec order = _mm512_set_epi64(13, 12, 5, 4, 9, 8, 1, 0);
    *a = _mm512_permutex2var_epi64(even, order, odd);
    *b = _mm512_permutex2var_epi64(even, _mm512_add_epi64(order, _mm512_set1_epi64(2)), odd);
}

/* Half a block of Q6_K: groups 0 and 1 are low nibbles, 2 and 3 the high ones; two more bits of
 * each are bits 2 g of 32 bytes, and go to bits 4 and 5. */
G4_INLINE void q6_k_codes(const unsigned char *p, size_t u, ivec *a, ivec *b)
{
    const long long one = 0x0001000100010001LL;
    const ivec low = load_once(p + 64 * u), three = _mm512_set1_epi8(0x30);
    const ivec top = _mm512_broadcast_i64x4(_mm256_loadu_si256((const void *)(p + 128 + 32 * u)));
    const ivec up =
        _mm512_set_epi64(2 * one, 2 * one, 2 * one, 2 * one, 4 * one, 4 * one, 4 * one, 4 * one);
    const ivec down = _mm512_set_epi64(2 * one, 2 * one, 2 * one, 2 * one, 0, 0, 0, 0);
    const ivec top01 = _mm512_and_si512(_mm512_sllv_epi16(top, up), three);
    const ivec top23 = _mm512_and_si512(_mm512_srlv_epi16(top, down), three);
    split_groups(_mm512_or_si512(low_nibbles(low), top01),
                 _mm512_or_si512(high_nibbles(low), top23), a, b);
}

/* The scales of the sixteens in a and in b of a unit of Q6_K, 16 bits each, as packing sums of a
 * and b wants them: in every quarter four times a's, then four times b's. */
G4_INLINE ivec q6_k_scales(const unsigned char *p, size_t u)
{
    const ivec s = _mm512_castsi256_si512(_mm256_cvtepi8_epi16(load_16_bytes(p + 192)));
    const long long one = 0x0001000100010001LL, first = (long long)(8 * u) * one;
    return _mm512_permutexvar_epi16(
        _mm512_set_epi64(first + 7 * one, first + 6 * one, first + 5 * one, first + 4 * one,
                         first + 3 * one, first + 2 * one, first + one, first),
        s);
}

/* ------------------------------------------------------------------------------ four rows */

G4_INLINE fvec times_bytes(fvec v, __m128i bytes)
{
    return _mm512_mul_ps(v, _mm512_cvtepi32_ps(_mm512_cvtepu8_epi32(bytes)));
}

/* What four K blocks begin (or end) with. */
struct heads {
    __m128 d;              /* Q6_K: of the four rows */
    fvec scale[2], min[2]; /* Q4_K, Q5_K: of both units, as in struct unit */
};

/* Halves d and m, then 6-bit scales and minima in twelve bytes: see packed_bytes. */
G4_INLINE void packed_scales(const unsigned char *const w[4], struct heads *heads)
{
    ivec v = _mm512_broadcast_i32x4(load_16_bytes(w[0])); /* a quarter for each row */
    v = _mm512_mask_broadcast_i32x4(v, 0x00f0, load_16_bytes(w[1]));
    v = _mm512_mask_broadcast_i32x4(v, 0x0f00, load_16_bytes(w[2]));
    v = _mm512_mask_broadcast_i32x4(v, 0xf000, load_16_bytes(w[3]));

    /* words 1 and 2 of a quarter: scales and minima of groups 0 .. 3, of groups 4 .. 7 */
    const ivec low = _mm512_and_si512(v, _mm512_set1_epi8(63));
    const ivec top = _mm512_and_si512(_mm512_srli_epi16(v, 2), _mm512_set1_epi8(0x30));
    const ivec nibbles =
        low_nibbles(_mm512_srlv_epi32(_mm512_shuffle_epi32(v, _MM_PERM_DDDD),
                                      _mm512_set1_epi64(4))); /* word 2: the high ones */
    const ivec high = _mm512_or_si512(top, nibbles);

    /* a quarter each: scales of groups 0 .. 3, of 4 .. 7, minima of 0 .. 3, of 4 .. 7; byte
     * 4 r + g, then 4 g + r */
    const ivec rows = _mm512_permutex2var_epi32(
        low, _mm512_set_epi32(30, 26, 22, 18, 14, 10, 6, 2, 29, 25, 21, 17, 13, 9, 5, 1), high);
    const __m128i turned = _mm_setr_epi8(0, 4, 8, 12, 1, 5, 9, 13, 2, 6, 10, 14, 3, 7, 11, 15);
    const ivec bytes = _mm512_shuffle_epi8(rows, _mm512_broadcast_i32x4(turned));

    /* d of the four rows, then m with the sign changed, since it is taken away */
    const __m128i pairs = _mm512_castsi512_si128(_mm512_permutexvar_epi32(
        _mm512_set_epi32(0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 12, 8, 4, 0), v));
    const __m128i halves = _mm_shuffle_epi8(pairs, _mm_setr_epi8(0, 1, 4, 5, 8, 9, 12, 13, 2, 3, 6,
                                                                 7, 10, 11, 14, 15));
    const fvec dm = _mm512_castps256_ps512(
        _mm256_cvtph_ps(_mm_xor_si128(halves, _mm_set_epi64x((long long)0x8000800080008000, 0))));
    const fvec d = _mm512_shuffle_f32x4(dm, dm, 0x00), m = _mm512_shuffle_f32x4(dm, dm, 0x55);
    heads->scale[0] = times_bytes(d, _mm512_castsi512_si128(bytes));
    heads->scale[1] = times_bytes(d, _mm512_extracti32x4_epi32(bytes, 1));
    heads->min[0] = times_bytes(m, _mm512_extracti32x4_epi32(bytes, 2));
    heads->min[1] = times_bytes(m, _mm512_extracti32x4_epi32(bytes, 3));
}

G4_INLINE void load_heads(enum g4_dtype dtype, const unsigned char *const w[4], struct heads *heads)
{
    if (dtype == G4_DTYPE_Q6_K)
        heads->d = half_of_rows(w, 208);
    else if (is_k(dtype))
        packed_scales(w, heads);
}

/* A unit of four rows. Scale and minimum of group g of row r: lane 4 g + r. */
struct unit {
    ivec a[4], b[4];
    ivec within[4];      /* Q6_K: q6_k_scales; `scale` is what they are multiplied with */
    struct quad quad[4]; /* blocks of 32 */
    fvec scale, min;
};

/* Row r of unit u of the chunks at w[4], in which `here` groups exist, at least one. */
G4_INLINE void load_row(enum g4_dtype dtype, const unsigned char *const w[4],
                        const struct heads *heads, size_t u, size_t here, size_t r,
                        struct unit *unit)
{
    const unsigned char *p = w[r] + u * UNIT * block_size(dtype);
    (void)heads;
    if (dtype == G4_DTYPE_Q6_K) {
        q6_k_codes(w[r], u, &unit->a[r], &unit->b[r]);
        unit->within[r] = q6_k_scales(w[r], u);
        return;
    }
    if (is_k(dtype)) {
        pair_codes(dtype, w[r], u, &unit->a[r], &unit->b[r]);
        return;
    }
    unit->quad[r] = load_quad(dtype, p, here);
    if (dtype == G4_DTYPE_Q8_0)
        split_groups(load_two_q8(p, here), load_two_q8(p + 68, here > 2 ? here - 2 : 0),
                     &unit->a[r], &unit->b[r]);
    else
        quad_codes(dtype, p, here, &unit->quad[r], &unit->a[r], &unit->b[r]);
}

/* The scales of the unit, once its rows are there. */
G4_INLINE void load_scales(enum g4_dtype dtype, const unsigned char *const w[4],
                           const struct heads *heads, size_t u, size_t here, struct unit *unit)
{
    (void)w;
    (void)here;
    if (!is_k(dtype)) {
        quad_scales(dtype, unit->quad, &unit->scale, &unit->min);
    } else if (dtype == G4_DTYPE_Q6_K) {
        unit->scale = _mm512_broadcast_f32x4(heads->d);
    } else {
        unit->scale = heads->scale[u];
        unit->min = heads->min[u];
    }
}

#endif

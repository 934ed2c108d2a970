/*
 * blocks_avx2.h - quantised blocks in registers of 32 bytes: a unit is two groups. See blocks.h.
 * Included by *_avx2.c only.
 */
#ifndef G4_KERNEL_BLOCKS_AVX2_H
#define G4_KERNEL_BLOCKS_AVX2_H

#include "lib/kernel/avx2.h"
#include "lib/kernel/blocks.h"

enum { UNIT = 2, UNITS = GROUPS / UNIT };

typedef __m256i ivec;
typedef __m256 fvec;

/* 16 bytes at p and 16 at q, or zeros if there are no second ones. */
G4_INLINE ivec load_two(const void *p, const void *q, bool second)
{
    return _mm256_set_m128i(second ? load_16_bytes(q) : _mm_setzero_si128(), load_16_bytes(p));
}

/* The same 16 bytes twice. */
G4_INLINE ivec load_twice(const void *p)
{
    return _mm256_broadcastsi128_si256(load_16_bytes(p));
}

/* A number for each half. */
G4_INLINE ivec halves_32(int low, int high)
{
    return _mm256_set_epi32(high, high, high, high, low, low, low, low);
}

G4_INLINE ivec low_nibbles(ivec v)
{
    return _mm256_and_si256(v, _mm256_set1_epi8(15));
}

G4_INLINE ivec high_nibbles(ivec v)
{
    return low_nibbles(_mm256_srli_epi16(v, 4));
}

/* 16 is added to the codes where bits of v are those of `bit`, one in every byte. */
G4_INLINE ivec add_16(ivec code, ivec v, ivec bit)
{
    const ivec set = _mm256_cmpeq_epi8(_mm256_and_si256(v, bit), bit);
    return _mm256_or_si256(code, _mm256_and_si256(set, _mm256_set1_epi8(16)));
}

/* ------------------------------------------------------------------------------ blocks of 32 */

/* Fifth bits of elements from .. from+15 of two blocks: of the 32 bits at p and q. */
G4_INLINE ivec add_fifth_bits(ivec code, const unsigned char *p, const unsigned char *q,
                              bool second, int from)
{
    const long long byte = from / 8 * 0x0101010101010101, next = byte + 0x0101010101010101;
    const __m128i h0 = _mm_set1_epi32((int)load_u32(p));
    const __m128i h1 = second ? _mm_set1_epi32((int)load_u32(q)) : _mm_setzero_si128();
    const ivec v =
        _mm256_shuffle_epi8(_mm256_set_m128i(h1, h0), _mm256_set_epi64x(next, byte, next, byte));
    return add_16(code, v, _mm256_set1_epi64x((long long)0x8040201008040201));
}

/* Two blocks of nibbles, of which `here` exist. */
G4_INLINE void nibble_codes(enum g4_dtype dtype, const unsigned char *p, size_t here, ivec *a,
                            ivec *b)
{
    const size_t size = block_size(dtype);
    const ivec v = load_two(p + size - 16, p + 2 * size - 16, here > 1);
    *a = low_nibbles(v);
    *b = high_nibbles(v);
    if (dtype == G4_DTYPE_IQ4_NL) {
        const ivec values = _mm256_broadcastsi128_si256(nonlinear_values());
        *a = _mm256_shuffle_epi8(values, *a);
        *b = _mm256_shuffle_epi8(values, *b);
    }
    if (has_fifth_bits(dtype)) {
        const unsigned char *h = p + size - 20;
        *a = add_fifth_bits(*a, h, h + size, here > 1, 0);
        *b = add_fifth_bits(*b, h, h + size, here > 1, 16);
    }
}

G4_INLINE void q8_codes(const unsigned char *p, size_t here, ivec *a, ivec *b)
{
    *a = load_two(p + 2, p + 36, here > 1);
    *b = load_two(p + 18, p + 52, here > 1);
}

/* ------------------------------------------------------------------------------ blocks of 256 */

/* The two groups of a unit of Q4_K or Q5_K are the low and the high nibbles of the same bytes. */
G4_INLINE void pair_codes(enum g4_dtype dtype, const unsigned char *p, size_t u, ivec *a, ivec *b)
{
    const unsigned char *q = p + (dtype == G4_DTYPE_Q5_K ? 48 : 16) + 32 * u;
    const ivec shift = halves_32(0, 4);
    *a = low_nibbles(_mm256_srlv_epi32(load_twice(q), shift));
    *b = low_nibbles(_mm256_srlv_epi32(load_twice(q + 16), shift));
    if (dtype == G4_DTYPE_Q5_K) {
        /* bit j of byte k is the fifth of element k of group j */
        const int bit = 0x01010101 << 2 * u;
        *a = add_16(*a, load_twice(p + 16), halves_32(bit, (int)(2u * (unsigned)bit)));
        *b = add_16(*b, load_twice(p + 32), halves_32(bit, (int)(2u * (unsigned)bit)));
    }
}

/* Groups 0 .. 3 of half a block of Q6_K are the low nibbles of 64 bytes, then the high ones; two
 * more bits of each are bits 2 g of 32 bytes, and go to bits 4 and 5. */
G4_INLINE ivec q6_k_codes(const unsigned char *p, size_t u, size_t from)
{
    const unsigned char *low = p + 64 * (u / 2) + from;
    const ivec top = load_twice(p + 128 + 32 * (u / 2) + from), v = load_two(low, low + 32, true);
    const ivec moved =
        u % 2 ? _mm256_srlv_epi32(top, halves_32(0, 2)) : _mm256_sllv_epi32(top, halves_32(4, 2));
    return _mm256_or_si256(u % 2 ? high_nibbles(v) : low_nibbles(v),
                           _mm256_and_si256(moved, _mm256_set1_epi8(0x30)));
}

/* Scales of sixteens, 16 bits each: those of the first group of every unit in the low half. */
G4_INLINE ivec q6_k_scales(const unsigned char *p)
{
    const __m128i order = _mm_setr_epi8(0, 1, 4, 5, 8, 9, 12, 13, 2, 3, 6, 7, 10, 11, 14, 15);
    return _mm256_cvtepi8_epi16(_mm_shuffle_epi8(load_16_bytes(p + 192), order));
}

/* Word i of each half, everywhere in that half. */
G4_INLINE ivec word_of_halves(ivec v, size_t i)
{
    return _mm256_shuffle_epi8(v, _mm256_set1_epi16((short)(2 * i | (2 * i + 1) << 8)));
}

/* ------------------------------------------------------------------------------ four rows */

/* The same of four rows: bytes[0] scales of groups 0..3, group g of row r in byte 4 g + r; bytes[1]
 * of groups 4..7; bytes[2] and [3] minima. */
G4_INLINE void packed_bytes_of_rows(const unsigned char *const w[4], __m128i bytes[4])
{
    const __m128i r0 = packed_bytes(w[0] + 4), r1 = packed_bytes(w[1] + 4);
    const __m128i r2 = packed_bytes(w[2] + 4), r3 = packed_bytes(w[3] + 4);
    const __m128i s01 = _mm_unpacklo_epi8(r0, r1), s23 = _mm_unpacklo_epi8(r2, r3);
    const __m128i m01 = _mm_unpackhi_epi8(r0, r1), m23 = _mm_unpackhi_epi8(r2, r3);
    bytes[0] = _mm_unpacklo_epi16(s01, s23);
    bytes[1] = _mm_unpackhi_epi16(s01, s23);
    bytes[2] = _mm_unpacklo_epi16(m01, m23);
    bytes[3] = _mm_unpackhi_epi16(m01, m23);
}

/* The halves d and m that four K blocks begin with: m with the sign changed, since it is taken
 * away. */
G4_INLINE void halves_of_rows(const unsigned char *const w[4], __m128 *d, __m128 *m)
{
    const __m128i halves = _mm_set_epi32((int)load_u32(w[3]), (int)load_u32(w[2]),
                                         (int)load_u32(w[1]), (int)load_u32(w[0]));
    const __m256 v = _mm256_cvtph_ps(_mm_xor_si128(halves, _mm_set1_epi32((int)0x80000000)));
    const __m128 r01 = _mm256_castps256_ps128(v), r23 = _mm256_extractf128_ps(v, 1);
    *d = _mm_shuffle_ps(r01, r23, 0x88);
    *m = _mm_shuffle_ps(r01, r23, 0xdd);
}

/* What a chunk of four rows begins (or ends) with, in types whose blocks are chunks. */
struct heads {
    __m128 d, m;      /* of the four rows */
    __m128i bytes[4]; /* 6-bit scales and minima: see packed_bytes_of_rows */
    ivec words[4];    /* Q6_K: q6_k_scales */
};

G4_INLINE void load_heads(enum g4_dtype dtype, const unsigned char *const w[4], struct heads *heads)
{
    if (dtype == G4_DTYPE_Q6_K) {
        heads->d = half_of_rows(w, 208);
        for (size_t r = 0; r < 4; r++)
            heads->words[r] = q6_k_scales(w[r]);
    } else if (is_k(dtype)) {
        halves_of_rows(w, &heads->d, &heads->m);
        packed_bytes_of_rows(w, heads->bytes);
    }
}

/* A unit of four rows. Scale and minimum of group g of row r: lane 4 g + r. */
struct unit {
    ivec a[4], b[4];
    ivec within_a[4], within_b[4]; /* Q6_K: the scales of a and b, 16 bits each; `scale` is what
                                      they are multiplied with */
    fvec scale, min;
};

/* The halves at `at` of four rows and of their next block. */
G4_INLINE fvec halves_of_blocks(enum g4_dtype dtype, const unsigned char *const w[4], size_t at,
                                size_t here)
{
    const size_t next = at + block_size(dtype);
    const __m128i first = half_bits_of_rows(w, at);
    const __m128i second = here > 1 ? half_bits_of_rows(w, next) : _mm_setzero_si128();
    return _mm256_cvtph_ps(_mm_unpacklo_epi64(first, second));
}

G4_INLINE fvec times_bytes(__m128 v, __m128i bytes)
{
    const fvec f = _mm256_cvtepi32_ps(_mm256_cvtepu8_epi32(bytes));
    return _mm256_mul_ps(_mm256_set_m128(v, v), f);
}

/* Row r of unit u of the chunks at w[4], in which `here` groups exist, at least one. */
G4_INLINE void load_row(enum g4_dtype dtype, const unsigned char *const w[4],
                        const struct heads *heads, size_t u, size_t here, size_t r,
                        struct unit *unit)
{
    const unsigned char *p = w[r] + u * UNIT * block_size(dtype);
    if (dtype == G4_DTYPE_Q6_K) {
        unit->a[r] = q6_k_codes(w[r], u, 0);
        unit->b[r] = q6_k_codes(w[r], u, 16);
        unit->within_a[r] = word_of_halves(heads->words[r], 2 * u);
        unit->within_b[r] = word_of_halves(heads->words[r], 2 * u + 1);
    } else if (is_k(dtype)) {
        pair_codes(dtype, w[r], u, &unit->a[r], &unit->b[r]);
    } else if (dtype == G4_DTYPE_Q8_0) {
        q8_codes(p, here, &unit->a[r], &unit->b[r]);
    } else {
        nibble_codes(dtype, p, here, &unit->a[r], &unit->b[r]);
    }
}

/* The scales of the unit. */
G4_INLINE void load_scales(enum g4_dtype dtype, const unsigned char *const w[4],
                           const struct heads *heads, size_t u, size_t here, struct unit *unit)
{
    const size_t at = u * UNIT * block_size(dtype);
    if (dtype == G4_DTYPE_Q6_K) {
        unit->scale = _mm256_set_m128(heads->d, heads->d);
    } else if (is_k(dtype)) {
        const __m128i s = heads->bytes[u / 2], m = heads->bytes[2 + u / 2];
        unit->scale = times_bytes(heads->d, u % 2 ? _mm_srli_si128(s, 8) : s);
        unit->min = times_bytes(heads->m, u % 2 ? _mm_srli_si128(m, 8) : m);
    } else {
        unit->scale = halves_of_blocks(dtype, w, at, here);
        if (has_min(dtype))
            unit->min = halves_of_blocks(dtype, w, at + 2, here);
    }
}

#endif

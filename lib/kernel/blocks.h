/*
 * blocks.h - what the readers of quantised blocks in registers share (blocks_avx2.h,
 * blocks_avx512.h, blocks_neon.h).
 *
 *     w[k] = scale * (code[k] - offset) + min
 *
 * Rows are taken a chunk of 256 elements at a time: a block of a K type, or eight blocks of 32. Its
 * groups of 32 elements go to units, as many to each as there are quarters (16 bytes) in a
 * register, and the codes of a unit to two registers:
 *
 *     a   the first 16 elements of every group of the unit, a quarter each
 *     b   the last 16
 *
 * Chunks of types with blocks of 32 may be short: `left` is the number of groups that exist; codes
 * and scales of the others read as 0, and no byte of them is touched. The type is a constant
 * wherever these functions are called.
 */
#ifndef G4_KERNEL_BLOCKS_H
#define G4_KERNEL_BLOCKS_H

#if defined(__x86_64__)
#include <immintrin.h>
#endif
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "lib/kernel/product_types.h"

enum {
    CHUNK = 256,            /* elements */
    GROUPS = CHUNK / GROUP, /* of a chunk */
};

/* The others that are blocks. */
#define OTHER_BLOCK_TYPES(X)                                                                       \
    X(q2_k, G4_DTYPE_Q2_K)                                                                         \
    X(q3_k, G4_DTYPE_Q3_K)                                                                         \
    X(iq4_xs, G4_DTYPE_IQ4_XS)                                                                     \
    X(mxfp4, G4_DTYPE_MXFP4)

/* Bytes of a block. */
G4_INLINE size_t block_size(enum g4_dtype dtype)
{
    switch (dtype) {
    case G4_DTYPE_Q4_1: return 20;
    case G4_DTYPE_Q5_0: return 22;
    case G4_DTYPE_Q5_1: return 24;
    case G4_DTYPE_Q8_0: return 34;
    case G4_DTYPE_MXFP4: return 17;
    case G4_DTYPE_Q2_K: return 84;
    case G4_DTYPE_Q3_K: return 110;
    case G4_DTYPE_IQ4_XS: return 136;
    case G4_DTYPE_Q4_K: return 144;
    case G4_DTYPE_Q5_K: return 176;
    case G4_DTYPE_Q6_K: return 210;
    default: return 18; /* Q4_0, IQ4_NL */
    }
}

/* Blocks are of 256 elements, else of 32. */
G4_INLINE bool is_k(enum g4_dtype dtype)
{
    switch (dtype) {
    case G4_DTYPE_Q2_K:
    case G4_DTYPE_Q3_K:
    case G4_DTYPE_Q4_K:
    case G4_DTYPE_Q5_K:
    case G4_DTYPE_Q6_K:
    case G4_DTYPE_IQ4_XS: return true;
    default: return false;
    }
}

G4_INLINE size_t chunk_size(enum g4_dtype dtype)
{
    return is_k(dtype) ? block_size(dtype) : GROUPS * block_size(dtype);
}

G4_INLINE bool has_min(enum g4_dtype dtype)
{
    switch (dtype) {
    case G4_DTYPE_Q4_1:
    case G4_DTYPE_Q5_1:
    case G4_DTYPE_Q2_K:
    case G4_DTYPE_Q4_K:
    case G4_DTYPE_Q5_K: return true;
    default: return false;
    }
}

G4_INLINE bool has_fifth_bits(enum g4_dtype dtype)
{
    return dtype == G4_DTYPE_Q5_0 || dtype == G4_DTYPE_Q5_1;
}

/* Codes are signed bytes, else unsigned and at most 63. */
G4_INLINE bool is_signed(enum g4_dtype dtype)
{
    return dtype == G4_DTYPE_Q8_0 || dtype == G4_DTYPE_IQ4_NL;
}

G4_INLINE int code_offset(enum g4_dtype dtype)
{
    switch (dtype) {
    case G4_DTYPE_Q4_0: return 8;
    case G4_DTYPE_Q5_0: return 16;
    case G4_DTYPE_Q6_K: return 32;
    default: return 0;
    }
}

G4_INLINE uint16_t load_u16(const unsigned char *p)
{
    uint16_t v;
    memcpy(&v, p, sizeof v);
    return v;
}

G4_INLINE uint32_t load_u32(const unsigned char *p)
{
    uint32_t v;
    memcpy(&v, p, sizeof v);
    return v;
}

G4_INLINE uint64_t load_u64(const unsigned char *p)
{
    uint64_t v;
    memcpy(&v, p, sizeof v);
    return v;
}

/* The 6-bit scales (words[0]) and minima (words[1]) of the eight groups of Q4_K and Q5_K, a byte
 * each, from t[12]: those of groups 0..3 are the low bits of t[0..3] and t[4..7]; of groups 4..7
 * the low four bits are the nibbles of t[8..11], the others on top of t[0..7]. */
G4_INLINE void packed_words(const unsigned char *t, uint64_t words[2])
{
    const uint64_t each = 0x01010101, low = load_u64(t), nibbles = load_u32(t + 8);
    const uint64_t s = (nibbles & 15 * each) | (low >> 2 & 0x30 * each);
    const uint64_t m = (nibbles >> 4 & 15 * each) | (low >> 34 & 0x30 * each);
    words[0] = (low & 63 * each) | s << 32;
    words[1] = (low >> 32 & 63 * each) | m << 32;
}

#if defined(__x86_64__)

G4_INLINE __m128i load_16_bytes(const void *p)
{
    return _mm_loadu_si128(p);
}

/* The numbers that the codes of IQ4_NL stand for. */
G4_INLINE __m128i nonlinear_values(void)
{
    return _mm_setr_epi8(-127, -104, -83, -65, -49, -35, -22, -10, 1, 13, 25, 38, 53, 69, 89, 113);
}

/* Both words of packed_words: scales in the low half. */
G4_INLINE __m128i packed_bytes(const unsigned char *t)
{
    uint64_t words[2];
    packed_words(t, words);
    return _mm_set_epi64x((long long)words[1], (long long)words[0]);
}

/* The half at p of each of eight rows. */
G4_INLINE __m128i eight_halves(const unsigned char *p, size_t stride)
{
    __m128i v = _mm_cvtsi32_si128(load_u16(p));
    v = _mm_insert_epi16(v, load_u16(p + stride), 1);
    v = _mm_insert_epi16(v, load_u16(p + 2 * stride), 2);
    v = _mm_insert_epi16(v, load_u16(p + 3 * stride), 3);
    p += 4 * stride;
    v = _mm_insert_epi16(v, load_u16(p), 4);
    v = _mm_insert_epi16(v, load_u16(p + stride), 5);
    v = _mm_insert_epi16(v, load_u16(p + 2 * stride), 6);
    return _mm_insert_epi16(v, load_u16(p + 3 * stride), 7);
}

/* The bits of one half of each of four rows, at `at`. */
G4_INLINE __m128i half_bits_of_rows(const unsigned char *const w[4], size_t at)
{
    __m128i v = _mm_cvtsi32_si128(load_u16(w[0] + at));
    v = _mm_insert_epi16(v, load_u16(w[1] + at), 1);
    v = _mm_insert_epi16(v, load_u16(w[2] + at), 2);
    return _mm_insert_epi16(v, load_u16(w[3] + at), 3);
}

G4_INLINE __m128 half_of_rows(const unsigned char *const w[4], size_t at)
{
    return _mm_cvtph_ps(half_bits_of_rows(w, at));
}

#endif /* x86-64 */

#endif

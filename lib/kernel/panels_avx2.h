/*
 * panels_avx2.h - registers of 32 bytes for panels.h. Included by *_avx2.c only.
 */
#ifndef G4_KERNEL_PANELS_AVX2_H
#define G4_KERNEL_PANELS_AVX2_H

#include "lib/kernel/avx2.h"
#include "lib/kernel/blocks.h"

enum { UNSIGNED = 0, LANES = 8, STRIPS = 4 };

typedef __m256i ivec;
typedef __m256 fvec;

G4_INLINE ivec bytes_of(int v)
{
    return _mm256_set1_epi8((char)v);
}

G4_INLINE ivec words_of(int v)
{
    return _mm256_set1_epi32(v);
}

G4_INLINE ivec and_bits(ivec a, ivec b)
{
    return _mm256_and_si256(a, b);
}

G4_INLINE ivec or_bits(ivec a, ivec b)
{
    return _mm256_or_si256(a, b);
}

G4_INLINE ivec xor_bits(ivec a, ivec b)
{
    return _mm256_xor_si256(a, b);
}

G4_INLINE ivec up_16(ivec v, int n)
{
    return _mm256_slli_epi16(v, n);
}

G4_INLINE ivec down_16(ivec v, int n)
{
    return _mm256_srli_epi16(v, n);
}

G4_INLINE ivec down_32(ivec v, int n)
{
    return _mm256_srli_epi32(v, n);
}

G4_INLINE fvec to_floats(ivec v)
{
    return _mm256_cvtepi32_ps(v);
}

G4_INLINE fvec multiply(fvec a, fvec b)
{
    return _mm256_mul_ps(a, b);
}

/* Signed byte i of every lane. */
G4_INLINE fvec signed_byte(ivec v, int i)
{
    return to_floats(_mm256_srai_epi32(_mm256_slli_epi32(v, 24 - 8 * i), 24));
}

/* The half in the low 16 bits of every lane. */
G4_INLINE fvec low_halves(ivec v)
{
    const ivec low = and_bits(v, words_of(0xffff));
    return _mm256_cvtph_ps(
        _mm_packus_epi32(_mm256_castsi256_si128(low), _mm256_extracti128_si256(low, 1)));
}

G4_INLINE void put(unsigned char *panel, size_t i, ivec v)
{
    _mm256_store_si256((void *)(panel + i * sizeof v), v);
}

G4_INLINE void put_floats(unsigned char *panel, size_t i, fvec v)
{
    _mm256_store_ps((void *)(panel + i * sizeof v), v);
}

G4_INLINE void load_rows(const unsigned char *p, size_t stride, ivec v[4])
{
    ivec t[4], u[4];
#pragma GCC unroll UNROLL
    for (size_t i = 0; i < 4; i++) /* rows i, 4 + i */
        t[i] = _mm256_set_m128i(load_16_bytes(p + (4 + i) * stride), load_16_bytes(p + i * stride));
    u[0] = _mm256_unpacklo_epi32(t[0], t[1]);
    u[1] = _mm256_unpackhi_epi32(t[0], t[1]);
    u[2] = _mm256_unpacklo_epi32(t[2], t[3]);
    u[3] = _mm256_unpackhi_epi32(t[2], t[3]);
    v[0] = _mm256_unpacklo_epi64(u[0], u[2]);
    v[1] = _mm256_unpackhi_epi64(u[0], u[2]);
    v[2] = _mm256_unpacklo_epi64(u[1], u[3]);
    v[3] = _mm256_unpackhi_epi64(u[1], u[3]);
}

G4_INLINE fvec halves_of_rows(const unsigned char *p, size_t stride)
{
    return _mm256_cvtph_ps(eight_halves(p, stride));
}

G4_INLINE ivec words_of_rows(const unsigned char *p, size_t stride)
{
    __m128i four[2];
#pragma GCC unroll UNROLL
    for (size_t i = 0; i < 2; i++, p += 4 * stride)
        four[i] = _mm_setr_epi32((int)load_u32(p), (int)load_u32(p + stride),
                                 (int)load_u32(p + 2 * stride), (int)load_u32(p + 3 * stride));
    return _mm256_set_m128i(four[1], four[0]);
}

G4_INLINE ivec add_16(ivec code, ivec v, ivec bit)
{
    const ivec set = _mm256_cmpeq_epi8(and_bits(v, bit), bit);
    return or_bits(code, and_bits(set, bytes_of(16)));
}

G4_INLINE ivec add_fifth(ivec code, ivec bits, size_t i)
{
    /* byte i / 2 of a lane everywhere in it */
    const long long byte = (long long)(i / 2) * 0x0101010101010101;
    const ivec order = _mm256_set_epi64x(byte + 0x0c0c0c0c08080808, byte + 0x0404040400000000,
                                         byte + 0x0c0c0c0c08080808, byte + 0x0404040400000000);
    return add_16(code, _mm256_shuffle_epi8(bits, order),
                  words_of(i % 2 ? (int)0x80402010 : 0x08040201));
}

/* What codes of IQ4_NL stand for. */
G4_INLINE ivec nonlinear(ivec code)
{
    return _mm256_shuffle_epi8(_mm256_broadcastsi128_si256(nonlinear_values()), code);
}

#include "lib/kernel/panels.h"

#endif

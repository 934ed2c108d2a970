/*
 * panels_avx512.h - registers of 64 bytes for panels.h. Included by *_avx512.c and *_avx512vnni.c
 * only.
 */
#ifndef G4_KERNEL_PANELS_AVX512_H
#define G4_KERNEL_PANELS_AVX512_H

#include "lib/kernel/avx512.h"
#include "lib/kernel/blocks.h"

#if defined(__AVX512VNNI__)
enum { UNSIGNED = 1 };
#else
enum { UNSIGNED = 0 };
#endif

enum { LANES = 16, STRIPS = 2 };

typedef __m512i ivec;
typedef __m512 fvec;

G4_INLINE ivec bytes_of(int v)
{
    return _mm512_set1_epi8((char)v);
}

G4_INLINE ivec words_of(int v)
{
    return _mm512_set1_epi32(v);
}

G4_INLINE ivec and_bits(ivec a, ivec b)
{
    return _mm512_and_si512(a, b);
}

G4_INLINE ivec or_bits(ivec a, ivec b)
{
    return _mm512_or_si512(a, b);
}

G4_INLINE ivec xor_bits(ivec a, ivec b)
{
    return _mm512_xor_si512(a, b);
}

G4_INLINE ivec up_16(ivec v, int n)
{
    return _mm512_slli_epi16(v, (unsigned)n);
}

G4_INLINE ivec down_16(ivec v, int n)
{
    return _mm512_srli_epi16(v, (unsigned)n);
}

G4_INLINE ivec down_32(ivec v, int n)
{
    return _mm512_srli_epi32(v, (unsigned)n);
}

G4_INLINE fvec to_floats(ivec v)
{
    return _mm512_cvtepi32_ps(v);
}

G4_INLINE fvec multiply(fvec a, fvec b)
{
    return _mm512_mul_ps(a, b);
}

/* Signed byte i of every lane. */
G4_INLINE fvec signed_byte(ivec v, int i)
{
    return to_floats(_mm512_srai_epi32(_mm512_slli_epi32(v, (unsigned)(24 - 8 * i)), 24));
}

/* The half in the low 16 bits of every lane. */
G4_INLINE fvec low_halves(ivec v)
{
    return _mm512_cvtph_ps(_mm512_cvtepi32_epi16(v));
}

G4_INLINE void put(unsigned char *panel, size_t i, ivec v)
{
    _mm512_store_si512(panel + i * sizeof v, v);
}

G4_INLINE void put_floats(unsigned char *panel, size_t i, fvec v)
{
    _mm512_store_ps(panel + i * sizeof v, v);
}

G4_INLINE void load_rows(const unsigned char *p, size_t stride, ivec v[4])
{
    ivec t[4], u[4];
#pragma GCC unroll UNROLL
    for (size_t i = 0; i < 4; i++) { /* rows i, 4 + i, 8 + i, 12 + i */
        const unsigned char *q = p + i * stride;
        t[i] = _mm512_castsi128_si512(load_16_bytes(q));
        t[i] = _mm512_inserti32x4(t[i], load_16_bytes(q + 4 * stride), 1);
        const __m256i last =
            _mm256_inserti128_si256(_mm256_castsi128_si256(load_16_bytes(q + 8 * stride)),
                                    load_16_bytes(q + 12 * stride), 1);
        t[i] = _mm512_inserti64x4(t[i], last, 1);
    }
    u[0] = _mm512_unpacklo_epi32(t[0], t[1]);
    u[1] = _mm512_unpackhi_epi32(t[0], t[1]);
    u[2] = _mm512_unpacklo_epi32(t[2], t[3]);
    u[3] = _mm512_unpackhi_epi32(t[2], t[3]);
    v[0] = _mm512_unpacklo_epi64(u[0], u[2]);
    v[1] = _mm512_unpackhi_epi64(u[0], u[2]);
    v[2] = _mm512_unpacklo_epi64(u[1], u[3]);
    v[3] = _mm512_unpackhi_epi64(u[1], u[3]);
}

G4_INLINE fvec halves_of_rows(const unsigned char *p, size_t stride)
{
    return _mm512_cvtph_ps(
        _mm256_set_m128i(eight_halves(p + 8 * stride, stride), eight_halves(p, stride)));
}

G4_INLINE ivec words_of_rows(const unsigned char *p, size_t stride)
{
    ivec v = _mm512_setzero_si512();
#pragma GCC unroll UNROLL
    for (size_t i = 0; i < 4; i++) {
        __m128i four = _mm_cvtsi32_si128((int)load_u32(p + 4 * i * stride));
        four = _mm_insert_epi32(four, (int)load_u32(p + (4 * i + 1) * stride), 1);
        four = _mm_insert_epi32(four, (int)load_u32(p + (4 * i + 2) * stride), 2);
        four = _mm_insert_epi32(four, (int)load_u32(p + (4 * i + 3) * stride), 3);
        v = _mm512_mask_broadcast_i32x4(v, (__mmask16)(15u << 4 * i), four);
    }
    return v;
}

G4_INLINE ivec add_fifth(ivec code, ivec bits, size_t i)
{
    /* byte i / 2 of a lane everywhere in it */
    const long long byte = (long long)(i / 2) * 0x0101010101010101;
    const ivec order = _mm512_set_epi64(byte + 0x0c0c0c0c08080808, byte + 0x0404040400000000,
                                        byte + 0x0c0c0c0c08080808, byte + 0x0404040400000000,
                                        byte + 0x0c0c0c0c08080808, byte + 0x0404040400000000,
                                        byte + 0x0c0c0c0c08080808, byte + 0x0404040400000000);
    const ivec which = _mm512_set1_epi32(i % 2 ? (int)0x80402010 : 0x08040201);
    const ivec spread = _mm512_shuffle_epi8(bits, order), by = _mm512_set1_epi8(16);
    return _mm512_mask_add_epi8(code, _mm512_test_epi8_mask(spread, which), code, by);
}

G4_INLINE ivec add_16(ivec code, ivec v, ivec bit)
{
    return _mm512_mask_add_epi8(code, _mm512_test_epi8_mask(v, bit), code, bytes_of(16));
}

/* What codes of IQ4_NL stand for. */
G4_INLINE ivec nonlinear(ivec code)
{
    return _mm512_shuffle_epi8(_mm512_broadcast_i32x4(nonlinear_values()), code);
}

#include "lib/kernel/panels.h"

#endif

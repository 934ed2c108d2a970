/*
 * widen_blocks.h - quantised weights as floats: how sixteen neighbours are found, for registers of
 * any size. An including file has
 *
 *     put_16     y[16] = (code * scale + min) * factor; without min where the type has none
 *     put_bf16   y[16] = the bf16 in a and b * factor
 *
 * Products of a half, a scale and a code are exact in float32, and the minimum is added with one
 * rounding, so that the bits are those of lib/tensor/quant.h in whatever order.
 */
#ifndef G4_KERNEL_WIDEN_BLOCKS_H
#define G4_KERNEL_WIDEN_BLOCKS_H

#include "lib/kernel/blocks.h"
#include "lib/kernel/isa.h"

static inline float half_at(const unsigned char *p)
{
    return _mm_cvtss_f32(_mm_cvtph_ps(_mm_cvtsi32_si128(load_u16(p))));
}

G4_INLINE __m128i low_16(__m128i v)
{
    return _mm_and_si128(v, _mm_set1_epi8(15));
}

G4_INLINE __m128i high_16(__m128i v)
{
    return low_16(_mm_srli_epi16(v, 4));
}

/* 16 where a byte of v has the bit of the byte of `bit`. */
G4_INLINE __m128i sixteen_where(__m128i v, __m128i bit)
{
    return _mm_and_si128(_mm_cmpeq_epi8(_mm_and_si128(v, bit), bit), _mm_set1_epi8(16));
}

/* Fifth bits of sixteen elements: the 16 bits at p. */
G4_INLINE __m128i fifth_bits_at(const unsigned char *p)
{
    const __m128i which = _mm_set_epi64x(0x0101010101010101, 0);
    const __m128i v = _mm_shuffle_epi8(_mm_cvtsi32_si128(load_u16(p)), which);
    return sixteen_where(v, _mm_set1_epi64x((long long)0x8040201008040201));
}

/* A block of 32. */
G4_INLINE void widen_32(enum g4_dtype dtype, float *y, const unsigned char *p, float factor)
{
    const size_t size = block_size(dtype);
    const __m128i offset = _mm_set1_epi8((char)code_offset(dtype));
    const float scale = half_at(p), min = has_min(dtype) ? half_at(p + 2) : 0;
    __m128i a, b;
    if (dtype == G4_DTYPE_Q8_0) {
        a = load_16_bytes(p + 2);
        b = load_16_bytes(p + 18);
    } else {
        const __m128i v = load_16_bytes(p + size - 16);
        a = low_16(v);
        b = high_16(v);
    }
    if (dtype == G4_DTYPE_IQ4_NL) {
        a = _mm_shuffle_epi8(nonlinear_values(), a);
        b = _mm_shuffle_epi8(nonlinear_values(), b);
    }
    if (has_fifth_bits(dtype)) {
        a = _mm_or_si128(a, fifth_bits_at(p + size - 20));
        b = _mm_or_si128(b, fifth_bits_at(p + size - 18));
    }
    if (code_offset(dtype)) {
        a = _mm_sub_epi8(a, offset);
        b = _mm_sub_epi8(b, offset);
    }
    put_16(dtype, y, a, scale, min, factor);
    put_16(dtype, y + 16, b, scale, min, factor);
}

/* A block of Q4_K or Q5_K. */
G4_INLINE void widen_pairs(enum g4_dtype dtype, float *y, const unsigned char *p, float factor)
{
    const unsigned char *q = p + (dtype == G4_DTYPE_Q5_K ? 48 : 16);
    const float d = half_at(p), m = half_at(p + 2);
    unsigned char s[16]; /* scales, then minima */
    _mm_storeu_si128((void *)s, packed_bytes(p + 4));
#pragma GCC unroll UNROLL
    for (size_t j = 0; j < GROUPS; j++) {
        const float scale = d * (float)s[j], min = -m * (float)s[8 + j];
        for (size_t i = 0; i < GROUP; i += 16) {
            const __m128i v = load_16_bytes(q + j / 2 * GROUP + i);
            __m128i code = j % 2 ? high_16(v) : low_16(v);
            if (dtype == G4_DTYPE_Q5_K)
                code = _mm_or_si128(code, sixteen_where(load_16_bytes(p + 16 + i),
                                                        _mm_set1_epi8((char)(1 << j))));
            put_16(dtype, y + j * GROUP + i, code, scale, min, factor);
        }
    }
}

/* Bits 2 g and 2 g + 1 of every byte as bits 4 and 5. */
G4_INLINE __m128i top_bits(__m128i v, size_t g)
{
    switch (g) {
    case 0: v = _mm_slli_epi16(v, 4); break;
    case 1: v = _mm_slli_epi16(v, 2); break;
    case 3: v = _mm_srli_epi16(v, 2); break;
    default: break;
    }
    return _mm_and_si128(v, _mm_set1_epi8(0x30));
}

/* A block of Q6_K. */
G4_INLINE void widen_q6_k(float *y, const unsigned char *p, float factor)
{
    const float d = half_at(p + 208);
    for (size_t half = 0; half < 2; half++) {
#pragma GCC unroll UNROLL
        for (size_t i = 0; i < 8; i++) {
            const size_t g = i / 2, at = i % 2 * 16, sixteen = 8 * half + i;
            const __m128i low = load_16_bytes(p + 64 * half + g % 2 * 32 + at);
            const __m128i top = load_16_bytes(p + 128 + 32 * half + at);
            const __m128i code = _mm_or_si128(g < 2 ? low_16(low) : high_16(low), top_bits(top, g));
            put_16(G4_DTYPE_Q6_K, y + 16 * sixteen, _mm_sub_epi8(code, _mm_set1_epi8(32)),
                   d * (float)(int8_t)p[192 + sixteen], 0, factor);
        }
    }
}

/* A block of Q2_K: sixteen scales and minima, four bits each; of every 128 elements, the lowest two
 * bits of 32 bytes come first. */
G4_INLINE void widen_q2_k(float *y, const unsigned char *p, float factor)
{
    const float d = half_at(p + 80), m = half_at(p + 82);
#pragma GCC unroll UNROLL
    for (size_t i = 0; i < CHUNK / 16; i++) {
        const __m128i v = load_16_bytes(p + 16 + i / 8 * 32 + i % 2 * 16);
        const __m128i code =
            _mm_and_si128(_mm_srli_epi16(v, (int)(i % 8 / 2 * 2)), _mm_set1_epi8(3));
        put_16(G4_DTYPE_Q2_K, y + 16 * i, code, d * (float)(p[i] & 15), -m * (float)(p[i] >> 4),
               factor);
    }
}

/* A block of Q3_K: codes as in Q2_K at 32, less 4 where a bit of the first 32 bytes is not set (bit
 * g of byte k for element k of group g); scales of six bits, less 32: four low bits are nibbles of
 * s[0..7], two more are bits 2 (i / 4) of s[8..11]. */
G4_INLINE void widen_q3_k(float *y, const unsigned char *p, float factor)
{
    const unsigned char *s = p + 96;
    const float d = half_at(p + 108);
#pragma GCC unroll UNROLL
    for (size_t i = 0; i < CHUNK / 16; i++) {
        const __m128i v = load_16_bytes(p + 32 + i / 8 * 32 + i % 2 * 16);
        const __m128i low =
            _mm_and_si128(_mm_srli_epi16(v, (int)(i % 8 / 2 * 2)), _mm_set1_epi8(3));
        const __m128i bit = _mm_set1_epi8((char)(1 << i / 2));
        const __m128i clear =
            _mm_cmpeq_epi8(_mm_and_si128(load_16_bytes(p + i % 2 * 16), bit), _mm_setzero_si128());
        const __m128i code = _mm_sub_epi8(low, _mm_and_si128(clear, _mm_set1_epi8(4)));
        const int scale = (s[i % 8] >> i / 8 * 4 & 15) | (s[8 + i % 4] >> i / 4 * 2 & 3) << 4;
        put_16(G4_DTYPE_Q3_K, y + 16 * i, code, d * (float)(scale - 32), 0, factor);
    }
}

/* A block of IQ4_XS: scales of six bits, less 32: two high bits in the 16 at 2, four low ones are
 * nibbles at 4. */
G4_INLINE void widen_iq4_xs(float *y, const unsigned char *p, float factor)
{
    const float d = half_at(p);
    const int top = load_u16(p + 2);
#pragma GCC unroll UNROLL
    for (size_t g = 0; g < GROUPS; g++) {
        const __m128i v = load_16_bytes(p + 8 + 16 * g);
        const int scale = (p[4 + g / 2] >> g % 2 * 4 & 15) | (top >> 2 * g & 3) << 4;
        const float each = d * (float)(scale - 32);
        put_16(G4_DTYPE_IQ4_XS, y + GROUP * g, _mm_shuffle_epi8(nonlinear_values(), low_16(v)),
               each, 0, factor);
        put_16(G4_DTYPE_IQ4_XS, y + GROUP * g + 16,
               _mm_shuffle_epi8(nonlinear_values(), high_16(v)), each, 0, factor);
    }
}

/* A block of MXFP4: an exponent e, then nibbles that stand for halves of small numbers. */
G4_INLINE void widen_mxfp4(float *y, const unsigned char *p, float factor)
{
    const __m128i twice = _mm_setr_epi8(0, 1, 2, 3, 4, 6, 8, 12, 0, -1, -2, -3, -4, -6, -8, -12);
    const __m128i v = load_16_bytes(p + 1);
    /* 2^(e - 128); the two smallest are subnormal */
    const uint32_t bits = p[0] >= 2 ? (p[0] - 1u) << 23 : 0x00200000u << p[0];
    float scale;
    memcpy(&scale, &bits, sizeof scale);
    put_16(G4_DTYPE_MXFP4, y, _mm_shuffle_epi8(twice, low_16(v)), scale, 0, factor);
    put_16(G4_DTYPE_MXFP4, y + 16, _mm_shuffle_epi8(twice, high_16(v)), scale, 0, factor);
}

G4_INLINE void widen_blocks(enum g4_dtype dtype, float *y, const void *w, size_t n, float factor)
{
    const size_t elements = is_k(dtype) ? CHUNK : GROUP;
    const unsigned char *p = w;
    for (size_t i = 0; i < n; i += elements, p += block_size(dtype)) {
        switch (dtype) {
        case G4_DTYPE_Q2_K: widen_q2_k(y + i, p, factor); break;
        case G4_DTYPE_Q3_K: widen_q3_k(y + i, p, factor); break;
        case G4_DTYPE_Q4_K:
        case G4_DTYPE_Q5_K: widen_pairs(dtype, y + i, p, factor); break;
        case G4_DTYPE_Q6_K: widen_q6_k(y + i, p, factor); break;
        case G4_DTYPE_IQ4_XS: widen_iq4_xs(y + i, p, factor); break;
        case G4_DTYPE_MXFP4: widen_mxfp4(y + i, p, factor); break;
        default: widen_32(dtype, y + i, p, factor); break;
        }
    }
}

/* ------------------------------------------------------------------------------ codes */

G4_INLINE size_t code_bits(enum g4_dtype dtype)
{
    return dtype == G4_DTYPE_I2 ? 2 : dtype == G4_DTYPE_I4 ? 4 : 8;
}

/* Sixteen numbers of up to eight bits; the lowest bits of a byte come first. */
G4_INLINE __m128i sixteen_codes(enum g4_dtype dtype, const unsigned char *p)
{
    if (dtype == G4_DTYPE_I4) {
        const __m128i v = _mm_cvtepu8_epi16(_mm_cvtsi64_si128((long long)load_u64(p)));
        return _mm_sub_epi8(low_16(_mm_or_si128(v, _mm_slli_epi16(v, 4))), _mm_set1_epi8(8));
    }
    if (dtype == G4_DTYPE_I2) {
        const __m128i v = _mm_cvtepu8_epi32(_mm_cvtsi32_si128((int)load_u32(p)));
        const __m128i two = _mm_or_si128(v, _mm_slli_epi32(v, 6));
        const __m128i four = _mm_or_si128(two, _mm_slli_epi32(two, 12));
        return _mm_sub_epi8(_mm_and_si128(four, _mm_set1_epi8(3)), _mm_set1_epi8(2));
    }
    return load_16_bytes(p);
}

/* SFP8 as bf16: below 64 the code is moved up by five bits, else by four, under an exponent; 0 is 0
 * with either sign. */
G4_INLINE __m128i sfp8_to_bf16(__m128i bytes)
{
    const __m128i v = _mm_cvtepu8_epi16(bytes), code = _mm_and_si128(v, _mm_set1_epi16(127));
    const __m128i sign = _mm_slli_epi16(_mm_xor_si128(v, code), 8);
    const __m128i small = _mm_add_epi16(_mm_slli_epi16(code, 5), _mm_set1_epi16(0x3400));
    const __m128i large = _mm_add_epi16(_mm_slli_epi16(code, 4), _mm_set1_epi16(0x3800));
    const __m128i is_large = _mm_cmpgt_epi16(code, _mm_set1_epi16(63));
    const __m128i bits = _mm_or_si128(sign, _mm_blendv_epi8(small, large, is_large));
    return _mm_andnot_si128(_mm_cmpeq_epi16(code, _mm_setzero_si128()), bits);
}

G4_INLINE void widen_16_codes(enum g4_dtype dtype, float *y, const unsigned char *p, float factor)
{
    const __m128i code = sixteen_codes(dtype, p);
    if (dtype == G4_DTYPE_SFP8)
        put_bf16(y, sfp8_to_bf16(code), sfp8_to_bf16(_mm_srli_si128(code, 8)), factor);
    else
        put_16(dtype, y, code, 1, 0, factor);
}

G4_INLINE void widen_codes(enum g4_dtype dtype, float *y, const void *w, size_t n, float factor)
{
    const size_t step = 2 * code_bits(dtype); /* bytes of sixteen */
    const unsigned char *p = w;
    size_t i = 0;
    for (; i + 16 <= n; i += 16, p += step)
        widen_16_codes(dtype, y + i, p, factor);
    if (i < n) {
        unsigned char rest[16] = {0};
        float out[16];
        memcpy(rest, p, (n - i) * code_bits(dtype) / 8);
        widen_16_codes(dtype, out, rest, factor);
        memcpy(y + i, out, (n - i) * sizeof *y);
    }
}

/* ------------------------------------------------------------------------------ to_q8 */

/* What 32 elements of x are divided by, from the bits of the largest of them without its sign. */
struct q8_scale {
    float d, inverse;
    bool zero; /* all q are 0: x is (as good as) 0, or not finite, and then d is that */
};

static inline struct q8_scale q8_scale(uint32_t bits)
{
    float largest;
    memcpy(&largest, &bits, sizeof largest);
    if (bits < 0x0d800000) /* 2^-100 */
        return (struct q8_scale){0, 0, true};
    if (bits >= 0x7f800000)
        return (struct q8_scale){largest, 0, true};
    return (struct q8_scale){largest / 127.0f, 1.0f / (largest / 127.0f), false};
}

/* ------------------------------------------------------------------------------ slots */

#define CODE_TYPES(X)                                                                              \
    X(i2, G4_DTYPE_I2)                                                                             \
    X(i4, G4_DTYPE_I4)                                                                             \
    X(i8, G4_DTYPE_I8)                                                                             \
    X(sfp8, G4_DTYPE_SFP8)

#define WIDEN_BLOCKS(name, dtype)                                                                  \
    static void slot_##name(float *y, const void *w, size_t n, float factor)                       \
    {                                                                                              \
        widen_blocks(dtype, y, w, n, factor);                                                      \
    }

#define WIDEN_CODES(name, dtype)                                                                   \
    static void slot_##name(float *y, const void *w, size_t n, float factor)                       \
    {                                                                                              \
        widen_codes(dtype, y, w, n, factor);                                                       \
    }

PRODUCT_TYPES(WIDEN_BLOCKS)
OTHER_BLOCK_TYPES(WIDEN_BLOCKS)
CODE_TYPES(WIDEN_CODES)

#define SET_WIDEN(name, dtype_) kernels->dtype[dtype_].widen = slot_##name;

static void set_widen(struct g4_kernels *kernels)
{
    PRODUCT_TYPES(SET_WIDEN)
    OTHER_BLOCK_TYPES(SET_WIDEN)
    CODE_TYPES(SET_WIDEN)
}

#endif

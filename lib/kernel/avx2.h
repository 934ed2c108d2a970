/*
 * avx2.h - vectors of 8 floats: loading any stored type, and exp. Included by *_avx2.c only.
 *
 * Loads and stores take the number of elements left; past the end nothing is touched and lanes are
 * 0.
 */
#ifndef G4_KERNEL_AVX2_H
#define G4_KERNEL_AVX2_H

#include <immintrin.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "lib/kernel/inline.h"
#include "lib/tensor/dtype.h"

/* The first `left` (at most 8) lanes. */
G4_INLINE __m256i mask8(size_t left)
{
    static const int32_t ones[16] = {-1, -1, -1, -1, -1, -1, -1, -1};
    return _mm256_loadu_si256((const __m256i *)(const void *)(ones + 8 - (left < 8 ? left : 8)));
}

G4_INLINE __m256 load(const float *x, size_t left)
{
    return left >= 8 ? _mm256_loadu_ps(x) : _mm256_maskload_ps(x, mask8(left));
}

G4_INLINE void store(float *y, size_t left, __m256 v)
{
    if (left >= 8)
        _mm256_storeu_ps(y, v);
    else
        _mm256_maskstore_ps(y, mask8(left), v);
}

G4_INLINE size_t element_bytes(enum g4_dtype dtype)
{
    return dtype == G4_DTYPE_F32 ? 4 : 2;
}

/* Stored elements, widened. dtype is a constant wherever this is called. */
G4_INLINE __m256 load_stored(enum g4_dtype dtype, const void *w, size_t left)
{
    __m128i half = _mm_setzero_si128();
    if (dtype == G4_DTYPE_F32)
        return load(w, left);
    if (left >= 8)
        half = _mm_loadu_si128(w);
    else
        memcpy(&half, w, left * 2);
    if (dtype == G4_DTYPE_F16)
        return _mm256_cvtph_ps(half);
    return _mm256_castsi256_ps(_mm256_slli_epi32(_mm256_cvtepu16_epi32(half), 16));
}

G4_INLINE float reduce_add(__m256 v)
{
    __m128 s = _mm_add_ps(_mm256_castps256_ps128(v), _mm256_extractf128_ps(v, 1));
    s = _mm_add_ps(s, _mm_movehl_ps(s, s));
    return _mm_cvtss_f32(_mm_add_ss(s, _mm_movehdup_ps(s)));
}

/* 2^n for whole n in -126..127. */
G4_INLINE __m256 power_of_two(__m256i n)
{
    return _mm256_castsi256_ps(_mm256_slli_epi32(_mm256_add_epi32(n, _mm256_set1_epi32(127)), 23));
}

/*
 * exp(x): x = n ln 2 + r with |r| <= ln 2 / 2; e^r by a polynomial of degree 6, times 2^n in two
 * steps, so that results may be subnormal or overflow. Relative error at most 0.9e-7; -inf gives 0,
 * what overflows gives inf, NaN stays.
 */
G4_INLINE __m256 exp8(__m256 x)
{
    /* max and min give their second operand when one is NaN */
    x = _mm256_min_ps(_mm256_set1_ps(110.0f), _mm256_max_ps(_mm256_set1_ps(-110.0f), x));
    const __m256 n = _mm256_round_ps(_mm256_mul_ps(x, _mm256_set1_ps(1.44269504f)),
                                     _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC);
    __m256 r = _mm256_fnmadd_ps(n, _mm256_set1_ps(0.693359375f), x); /* ln 2 in two parts */
    r = _mm256_fnmadd_ps(n, _mm256_set1_ps(-2.12194440e-4f), r);
    __m256 p = _mm256_set1_ps(1.9875691500e-4f);
    p = _mm256_fmadd_ps(p, r, _mm256_set1_ps(1.3981999507e-3f));
    p = _mm256_fmadd_ps(p, r, _mm256_set1_ps(8.3334519073e-3f));
    p = _mm256_fmadd_ps(p, r, _mm256_set1_ps(4.1665795894e-2f));
    p = _mm256_fmadd_ps(p, r, _mm256_set1_ps(1.6666665459e-1f));
    p = _mm256_fmadd_ps(p, r, _mm256_set1_ps(5.0000001201e-1f));
    p = _mm256_fmadd_ps(p, _mm256_mul_ps(r, r), r);
    p = _mm256_add_ps(p, _mm256_set1_ps(1.0f));
    const __m256i whole = _mm256_cvtps_epi32(n), half = _mm256_srai_epi32(whole, 1);
    p = _mm256_mul_ps(p, power_of_two(half));
    return _mm256_mul_ps(p, power_of_two(_mm256_sub_epi32(whole, half)));
}

#endif

/*
 * avx512.h - vectors of 16 floats: loading any stored type, and exp. Included by *_avx512*.c only.
 *
 * Loads and stores take the number of elements left; past the end nothing is touched and lanes are
 * 0.
 */
#ifndef G4_KERNEL_AVX512_H
#define G4_KERNEL_AVX512_H

#include <immintrin.h>
#include <stddef.h>

#include "lib/kernel/inline.h"
#include "lib/tensor/dtype.h"

G4_INLINE __mmask16 mask16(size_t left)
{
    return left >= 16 ? 0xffff : (__mmask16)((1u << left) - 1);
}

G4_INLINE __m512 load(const float *x, size_t left)
{
    return left >= 16 ? _mm512_loadu_ps(x) : _mm512_maskz_loadu_ps(mask16(left), x);
}

G4_INLINE void store(float *y, size_t left, __m512 v)
{
    if (left >= 16)
        _mm512_storeu_ps(y, v);
    else
        _mm512_mask_storeu_ps(y, mask16(left), v);
}

G4_INLINE size_t element_bytes(enum g4_dtype dtype)
{
    return dtype == G4_DTYPE_F32 ? 4 : 2;
}

/* Stored elements, widened. dtype is a constant wherever this is called. */
G4_INLINE __m512 load_stored(enum g4_dtype dtype, const void *w, size_t left)
{
    if (dtype == G4_DTYPE_F32)
        return load(w, left);
    const __m256i half =
        left >= 16 ? _mm256_loadu_si256(w) : _mm256_maskz_loadu_epi16(mask16(left), w);
    if (dtype == G4_DTYPE_F16)
        return _mm512_cvtph_ps(half);
    return _mm512_castsi512_ps(_mm512_slli_epi32(_mm512_cvtepu16_epi32(half), 16));
}

/*
 * exp(x): x = n ln 2 + r with |r| <= ln 2 / 2; e^r by a polynomial of degree 6, times 2^n.
 * Relative error at most 0.9e-7; -inf gives 0, what overflows gives inf, NaN stays.
 */
G4_INLINE __m512 exp16(__m512 x)
{
    /* max and min give their second operand when one is NaN */
    x = _mm512_min_ps(_mm512_set1_ps(110.0f), _mm512_max_ps(_mm512_set1_ps(-110.0f), x));
    const __m512 n = _mm512_roundscale_ps(_mm512_mul_ps(x, _mm512_set1_ps(1.44269504f)),
                                          _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC);
    __m512 r = _mm512_fnmadd_ps(n, _mm512_set1_ps(0.693359375f), x); /* ln 2 in two parts */
    r = _mm512_fnmadd_ps(n, _mm512_set1_ps(-2.12194440e-4f), r);
    __m512 p = _mm512_set1_ps(1.9875691500e-4f);
    p = _mm512_fmadd_ps(p, r, _mm512_set1_ps(1.3981999507e-3f));
    p = _mm512_fmadd_ps(p, r, _mm512_set1_ps(8.3334519073e-3f));
    p = _mm512_fmadd_ps(p, r, _mm512_set1_ps(4.1665795894e-2f));
    p = _mm512_fmadd_ps(p, r, _mm512_set1_ps(1.6666665459e-1f));
    p = _mm512_fmadd_ps(p, r, _mm512_set1_ps(5.0000001201e-1f));
    p = _mm512_fmadd_ps(p, _mm512_mul_ps(r, r), r);
    return _mm512_scalef_ps(_mm512_add_ps(p, _mm512_set1_ps(1.0f)), n);
}

/* Transposes 16 x 16 words of 32 bits in place. */
G4_INLINE void transpose16(__m512i v[16])
{
    __m512i t[16];
#pragma GCC unroll UNROLL
    for (int i = 0; i < 16; i += 2) { /* pairs of rows: words of two rows interleaved */
        t[i] = _mm512_unpacklo_epi32(v[i], v[i + 1]);
        t[i + 1] = _mm512_unpackhi_epi32(v[i], v[i + 1]);
    }
#pragma GCC unroll UNROLL
    for (int i = 0; i < 16; i += 4) { /* 4 rows: each 128-bit lane holds a column of them */
        v[i] = _mm512_unpacklo_epi64(t[i], t[i + 2]);
        v[i + 1] = _mm512_unpackhi_epi64(t[i], t[i + 2]);
        v[i + 2] = _mm512_unpacklo_epi64(t[i + 1], t[i + 3]);
        v[i + 3] = _mm512_unpackhi_epi64(t[i + 1], t[i + 3]);
    }
#pragma GCC unroll UNROLL
    for (int i = 0; i < 4; i++) { /* lanes of rows 0-3, 4-7, 8-11, 12-15 brought together */
        const __m512i a = _mm512_shuffle_i32x4(v[i], v[i + 4], 0x88);
        const __m512i b = _mm512_shuffle_i32x4(v[i], v[i + 4], 0xdd);
        const __m512i c = _mm512_shuffle_i32x4(v[i + 8], v[i + 12], 0x88);
        const __m512i d = _mm512_shuffle_i32x4(v[i + 8], v[i + 12], 0xdd);
        t[i] = _mm512_shuffle_i32x4(a, c, 0x88);
        t[i + 4] = _mm512_shuffle_i32x4(b, d, 0x88);
        t[i + 8] = _mm512_shuffle_i32x4(a, c, 0xdd);
        t[i + 12] = _mm512_shuffle_i32x4(b, d, 0xdd);
    }
#pragma GCC unroll UNROLL
    for (int i = 0; i < 16; i++)
        v[i] = t[i];
}

#endif

/*
 * vec_avx512bf16.c - element-wise kernels that give bf16.
 */
#include "lib/kernel/isa.h"

#if defined(__AVX512BF16__)

#include <string.h>

#include "lib/kernel/avx512.h"

enum { SUM_BLOCK = 1024 }; /* elements whose sum may be float32 */

/*
 * exp(x) = 2^t for t = x log2 e = n + f with |f| <= 1/2: 2^f by a polynomial of degree 4, times
 * 2^n. Relative error at most 3e-6 beside that of t, enough for what becomes bf16; -inf gives 0,
 * 0 gives 1.
 */
G4_INLINE __m512 exp16_short(__m512 x)
{
    const __m512 log2_e = _mm512_set1_ps(1.44269504f);
    /* far below what a float can be; the difference of infinities would be none */
    const __m512 t = _mm512_max_ps(_mm512_set1_ps(-200.0f), _mm512_mul_ps(x, log2_e));
    const __m512 n = _mm512_roundscale_ps(t, _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC);
    const __m512 f = _mm512_sub_ps(t, n);
    __m512 p = _mm512_set1_ps(9.58285294e-3f);
    p = _mm512_fmadd_ps(p, f, _mm512_set1_ps(5.59064262e-2f));
    p = _mm512_fmadd_ps(p, f, _mm512_set1_ps(2.40240991e-1f));
    p = _mm512_fmadd_ps(p, f, _mm512_set1_ps(6.93124175e-1f));
    p = _mm512_fmadd_ps(p, f, _mm512_set1_ps(1.0f));
    return _mm512_scalef_ps(p, n);
}

/* 32 exps from x on, of which `left` exist; the others are 0. */
G4_INLINE void exp32(__m512 e[2], const float *x, size_t left, __m512 max)
{
    const size_t second = left > 16 ? left - 16 : 0;
    e[0] = exp16_short(_mm512_sub_ps(load(x, left), max));
    e[1] = exp16_short(_mm512_sub_ps(second ? load(x + 16, second) : max, max));
    if (left < 32) {
        e[0] = _mm512_maskz_mov_ps(mask16(left), e[0]);
        e[1] = _mm512_maskz_mov_ps(mask16(second), e[1]);
    }
}

static float exp_sum_bf16_avx512bf16(uint16_t *y, const float *x, float max, size_t n)
{
    const __m512 m = _mm512_set1_ps(max);
    double sum = 0;
    for (size_t from = 0; from < n; from += SUM_BLOCK) {
        const size_t to = n - from < SUM_BLOCK ? n : from + SUM_BLOCK;
        __m512 part[2] = {_mm512_setzero_ps(), _mm512_setzero_ps()};
        for (size_t i = from; i < to; i += 32) {
            const size_t left = to - i;
            __m512 e[2];
            exp32(e, x + i, left, m);
            part[0] = _mm512_add_ps(part[0], e[0]);
            part[1] = _mm512_add_ps(part[1], e[1]);
            const __m512bh halves = _mm512_cvtne2ps_pbh(e[1], e[0]);
            __m512i words;
            memcpy(&words, &halves, sizeof words);
            if (left >= 32)
                _mm512_storeu_si512(y + i, words);
            else
                _mm512_mask_storeu_epi16(y + i, ((__mmask32)1 << left) - 1, words);
        }
        sum += _mm512_reduce_add_ps(_mm512_add_ps(part[0], part[1]));
    }
    return (float)sum;
}

void g4_kernels_init_vec_avx512bf16(struct g4_kernels *kernels)
{
    kernels->exp_sum_bf16 = exp_sum_bf16_avx512bf16;
}

#else

void g4_kernels_init_vec_avx512bf16(struct g4_kernels *kernels)
{
    (void)kernels;
}

#endif

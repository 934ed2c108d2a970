/*
 * test_cpu.c - $G4_CPU masks downwards, and says so when it cannot.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "lib/kernel/cpu.h"
#include "lib/kernel/kernel.h"

static void test_unset(void **state)
{
    enum g4_cpu cpu;
    struct g4_err err = {0};
    (void)state;
    unsetenv("G4_CPU");
    assert_int_equal(g4_cpu_choose(&cpu, &err), 0);
    assert_int_equal(cpu, g4_cpu_detect());
    setenv("G4_CPU", "", 1);
    assert_int_equal(g4_cpu_choose(&cpu, &err), 0);
    assert_int_equal(cpu, g4_cpu_detect());
}

static void test_every_level(void **state)
{
    const enum g4_cpu have = g4_cpu_detect();
    (void)state;
    for (int i = 0; i < G4_CPU_LEVELS; i++) {
        enum g4_cpu cpu;
        struct g4_err err = {0};
        const char *name = g4_cpu_name((enum g4_cpu)i);
        setenv("G4_CPU", name, 1);
        assert_int_equal(g4_cpu_choose(&cpu, &err), 0);
        assert_int_equal(cpu, i < (int)have ? i : (int)have);
    }
}

static void test_unknown(void **state)
{
    enum g4_cpu cpu;
    struct g4_err err = {0};
    (void)state;
    setenv("G4_CPU", "avx", 1);
    assert_int_equal(g4_cpu_choose(&cpu, &err), G4_EUSAGE);
    assert_non_null(strstr(err.text, "'avx'"));
}

/* Levels of the other architecture are none here. */
static void test_foreign(void **state)
{
    enum g4_cpu cpu;
    struct g4_err err = {0};
    (void)state;
#if defined(__aarch64__)
    setenv("G4_CPU", "avx2", 1);
    assert_int_equal(g4_cpu_choose(&cpu, &err), G4_EUSAGE);
    assert_non_null(strstr(err.text, "'avx2': generic, neon, dotprod or i8mm"));
#else
    setenv("G4_CPU", "neon", 1);
    assert_int_equal(g4_cpu_choose(&cpu, &err), G4_EUSAGE);
    assert_non_null(strstr(err.text, "'neon': generic, avx2"));
#endif
}

/* The highest level with a product of float32 factors, and the lowest with one of bf16 factors. */
#if defined(__aarch64__)
enum { BEST_F32 = G4_CPU_NEON, FIRST_BF16 = G4_CPU_I8MM };
#else
enum { BEST_F32 = G4_CPU_AVX512, FIRST_BF16 = G4_CPU_AVX512BF16 };
#endif

static void check_record(const struct g4_gemm *gemm, enum g4_dtype type, size_t pair)
{
    assert_int_equal(gemm->type, type);
    assert_true(gemm->mr > 0 && gemm->rows_to_pack > 0 && gemm->convert && gemm->multiply);
    assert_true(gemm->nr > 0 && gemm->nr % 16 == 0);
    assert_true(gemm->kc > 0 && gemm->kc % gemm->step == 0 && gemm->step % pair == 0);
    for (int w = 0; w < G4_DTYPE_FLOATS; w++)
        assert_true(gemm->pack_rows[w] && gemm->pack_cols[w]);
}

/* The table of a level has every slot, and says whose it is. */
static void test_tables(void **state)
{
    (void)state;
    for (int i = 0; i <= (int)g4_cpu_detect(); i++) {
        struct g4_kernels k;
        g4_kernels_init(&k, (enum g4_cpu)i, false);
        assert_int_equal(k.cpu, i);
        assert_string_equal(k.gemm_f32.name,
                            g4_cpu_name((enum g4_cpu)(i < BEST_F32 ? i : BEST_F32)));
        assert_string_equal(k.gemm_bf16.name,
                            g4_cpu_name((enum g4_cpu)(i < FIRST_BF16 ? G4_CPU_GENERIC : i)));
        assert_int_equal(k.float_products, i < FIRST_BF16);
        assert_ptr_equal(g4_kernels_gemm(&k), k.float_products ? &k.gemm_f32 : &k.gemm_bf16);
        check_record(&k.gemm_f32, G4_DTYPE_F32, 1);
        check_record(&k.gemm_bf16, G4_DTYPE_BF16, 2);
        for (int type = 0; type < G4_DTYPE_FLOATS; type++) {
            const struct g4_kernels_dtype *d = &k.dtype[type];
            assert_true(d->gemv && d->widen && d->weighted_sum);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_unset),   cmocka_unit_test(test_every_level),
        cmocka_unit_test(test_unknown), cmocka_unit_test(test_foreign),
        cmocka_unit_test(test_tables),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

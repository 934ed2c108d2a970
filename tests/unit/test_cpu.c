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

/* The table of a level has every slot, and says whose it is. */
static void test_tables(void **state)
{
    (void)state;
    for (int i = 0; i <= (int)g4_cpu_detect(); i++) {
        struct g4_kernels k;
        g4_kernels_init(&k, (enum g4_cpu)i, false);
        assert_int_equal(k.cpu, i);
        assert_string_equal(k.gemm_name,
                            g4_cpu_name(i < G4_CPU_AVX512 ? (enum g4_cpu)i : G4_CPU_AVX512));
        assert_true(k.float_products && k.gemm && k.gemm_nr % 16 == 0);
        for (int type = 0; type < G4_DTYPE_FLOATS; type++) {
            const struct g4_kernels_dtype *d = &k.dtype[type];
            assert_true(d->gemv && d->pack_rows && d->pack_cols && d->widen && d->weighted_sum);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_unset),
        cmocka_unit_test(test_every_level),
        cmocka_unit_test(test_unknown),
        cmocka_unit_test(test_tables),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

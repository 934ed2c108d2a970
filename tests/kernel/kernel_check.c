/*
 * kernel_check.c - every slot of every level this machine has, against generic, as TAP.
 *
 *     ok 12 - gemv.bf16 avx512: largest error 1.2e-07 of sum |x w| (limit 1e-06)
 *
 * Run with the name of a slot or a level to run only those.
 */
#include <stdio.h>
#include <string.h>

#include "tests/kernel/check.h"

struct tap {
    int run, failed;
    const char *only;
};

static void run_slots(struct tap *tap, const struct check_slot *slots, const char *level,
                      const struct g4_kernels *generic, const struct g4_kernels *isa)
{
    for (const struct check_slot *slot = slots; slot->name; slot++) {
        if (tap->only && strcmp(tap->only, slot->name) != 0 && strcmp(tap->only, level) != 0)
            continue;
        struct check check = {
            .generic = generic,
            .isa = isa,
            .dtype = slot->dtype,
            .limit = slot->limit,
        };
        slot->run(&check);
        tap->run++;
        tap->failed += check.failed;
        printf("%s %d - %s %s: largest error %.2g of %s (limit %.2g)\n",
               check.failed ? "not ok" : "ok", tap->run, slot->name, level, check.worst, slot->unit,
               slot->limit);
        if (check.failed)
            printf("# %s\n", check.why);
        fflush(stdout);
    }
}

static void run_level(struct tap *tap, const struct g4_kernels *generic, enum g4_cpu cpu)
{
    struct g4_kernels kernels;
    g4_kernels_init(&kernels, cpu, false);
    run_slots(tap, check_mm_slots, g4_cpu_name(cpu), generic, &kernels);
    run_slots(tap, check_q_slots, g4_cpu_name(cpu), generic, &kernels);
    run_slots(tap, check_vec_slots, g4_cpu_name(cpu), generic, &kernels);
}

/* OpenBLAS brings one product, and its width of panels. */
static void run_blas(struct tap *tap, const struct g4_kernels *generic)
{
    struct g4_kernels kernels;
    g4_kernels_init(&kernels, G4_CPU_GENERIC, true);
    if (kernels.gemm_f32.multiply != generic->gemm_f32.multiply)
        run_slots(tap, check_mm_slots, kernels.gemm_f32.name, generic, &kernels);
    else
        printf("# openblas not checked: the library is not there\n");
}

int main(int argc, char **argv)
{
    struct tap tap = {.only = argc > 1 ? argv[1] : NULL};
    struct g4_kernels generic;
    g4_kernels_init(&generic, G4_CPU_GENERIC, false);
    const enum g4_cpu have = g4_cpu_detect();
    printf("# this machine: %s\n", g4_cpu_name(have));
    for (int cpu = 0; cpu < G4_CPU_LEVELS; cpu++) {
        if (cpu <= (int)have)
            run_level(&tap, &generic, (enum g4_cpu)cpu);
        else
            printf("# level %s not checked: this machine has no such instructions\n",
                   g4_cpu_name((enum g4_cpu)cpu));
    }
    run_blas(&tap, &generic);
    printf("1..%d\n", tap.run);
    return tap.failed > 0;
}

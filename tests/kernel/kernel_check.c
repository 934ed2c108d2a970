/*
 * kernel_check.c - every slot of every level this machine has, against generic, as TAP.
 *
 *     ok 12 - gemv.bf16 avx512: largest error 1.2e-07 of sum |x w| (limit 1e-06)
 *
 * Run with the name of a slot or a level to run only those.
 */
#include <stdio.h>
#include <string.h>

#include "tests/kernel/amx_emulator.h"
#include "tests/kernel/check.h"

#if defined(__SANITIZE_ADDRESS__)
enum { SANITISED = 1 }; /* signals take long enough without */
#else
enum { SANITISED = 0 };
#endif

struct tap {
    int run, failed;
    const char *only;
};

static void run_slot(struct tap *tap, const struct check_slot *slot, const char *level,
                     const struct g4_kernels *generic, const struct g4_kernels *isa)
{
    struct check check = {
        .generic = generic,
        .isa = isa,
        .dtype = slot->dtype,
        .limit = slot->limit,
    };
    if (tap->only && strcmp(tap->only, slot->name) != 0 && strcmp(tap->only, level) != 0)
        return;
    slot->run(&check);
    tap->run++;
    tap->failed += check.failed;
    printf("%s %d - %s %s: largest error %.2g of %s (limit %.2g)\n", check.failed ? "not ok" : "ok",
           tap->run, slot->name, level, check.worst, slot->unit, slot->limit);
    if (check.failed)
        printf("# %s\n", check.why);
    fflush(stdout);
}

static void run_slots(struct tap *tap, const struct check_slot *slots, const char *level,
                      const struct g4_kernels *generic, const struct g4_kernels *isa)
{
    for (const struct check_slot *slot = slots; slot->name; slot++)
        run_slot(tap, slot, level, generic, isa);
}

static void run_level(struct tap *tap, const struct g4_kernels *generic, enum g4_cpu cpu)
{
    struct g4_kernels kernels;
    g4_kernels_init(&kernels, cpu, false);
    run_slots(tap, check_mm_slots, g4_cpu_name(cpu), generic, &kernels);
    run_slots(tap, check_q_slots, g4_cpu_name(cpu), generic, &kernels);
    run_slots(tap, check_gemmq_slots, g4_cpu_name(cpu), generic, &kernels);
    run_slots(tap, check_vec_slots, g4_cpu_name(cpu), generic, &kernels);
}

/* Whether a slot of the amx level has tile instructions of its own: one of each layout will do. */
static bool has_tiles(const struct check_slot *slot)
{
    if (strncmp(slot->name, "gemm_q8.", strlen("gemm_q8.")) == 0 && !SANITISED)
        return slot->dtype == G4_DTYPE_Q8_0 || slot->dtype == G4_DTYPE_Q4_K ||
               slot->dtype == G4_DTYPE_Q6_K;
    return strcmp(slot->name, "gemm_bf16.multiply") == 0;
}

/* The tile instructions on a machine that has everything but them. Each is a signal: slow. */
static void run_emulated_amx(struct tap *tap, const struct g4_kernels *generic)
{
    static const struct check_slot *const slots[] = {check_mm_slots, check_gemmq_slots};
    struct g4_kernels kernels;
    if (!amx_emulator_start())
        return;
    printf("# level amx: its instructions emulated\n");
    g4_kernels_init(&kernels, G4_CPU_AMX, false);
    for (size_t i = 0; i < sizeof slots / sizeof *slots; i++)
        for (const struct check_slot *slot = slots[i]; slot->name; slot++)
            if (has_tiles(slot))
                run_slot(tap, slot, "amx", generic, &kernels);
    if (tap->only)
        return;
    tap->run++;
    tap->failed += amx_emulator_count() == 0;
    printf("%s %d - amx: %lu instructions emulated\n", amx_emulator_count() == 0 ? "not ok" : "ok",
           tap->run, amx_emulator_count());
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
        else if (cpu != G4_CPU_AMX || have != G4_CPU_AVX512BF16)
            printf("# level %s not checked: this machine has no such instructions\n",
                   g4_cpu_name((enum g4_cpu)cpu));
    }
    if (have == G4_CPU_AVX512BF16)
        run_emulated_amx(&tap, &generic);
    run_blas(&tap, &generic);
    printf("1..%d\n", tap.run);
    return tap.failed > 0;
}

/*
 * cpu.c - CPUID feature bits and the register state the system saves, or HWCAP; and $G4_CPU.
 *
 * A level counts only if every level below it does: the table of kernels is filled upwards.
 */
#include "lib/kernel/cpu.h"

#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#if defined(__x86_64__)
#include <cpuid.h>
#include <sys/syscall.h>
#include <unistd.h>
#elif defined(__aarch64__) && defined(__linux__)
#include <sys/auxv.h>
#endif

static const char *const names[G4_CPU_LEVELS] = {
    [G4_CPU_GENERIC] = "generic",
#if defined(__x86_64__)
    [G4_CPU_AVX2] = "avx2",       [G4_CPU_AVX512] = "avx512", [G4_CPU_AVX512BF16] = "avx512bf16",
    [G4_CPU_AMX] = "amx",
#elif defined(__aarch64__)
    [G4_CPU_NEON] = "neon",
    [G4_CPU_DOTPROD] = "dotprod",
    [G4_CPU_I8MM] = "i8mm",
#endif
};

/* What $G4_CPU may be. */
#if defined(__x86_64__)
#define WORDS "generic, avx2, avx512, avx512bf16 or amx"
#elif defined(__aarch64__)
#define WORDS "generic, neon, dotprod or i8mm"
#else
#define WORDS "generic"
#endif

const char *g4_cpu_name(enum g4_cpu cpu)
{
    return names[cpu];
}

#if defined(__x86_64__)

/* Bits of XCR0: state that the system saves when it switches threads. */
enum {
    XCR0_AVX = 1 << 1 | 1 << 2,                        /* xmm, ymm */
    XCR0_AVX512 = XCR0_AVX | 1 << 5 | 1 << 6 | 1 << 7, /* masks, upper halves, zmm16-31 */
    XCR0_AMX = 1 << 17 | 1 << 18,                      /* tile configuration, tile data */
};

/* Registers of the CPUID leaves used here; all zero for leaves this CPU does not have. */
struct features {
    uint32_t leaf1_ecx, leaf7_ebx, leaf7_ecx, leaf7_edx, leaf7_1_eax;
    uint64_t xcr0;
};

static bool all(uint64_t word, uint64_t bits)
{
    return (word & bits) == bits;
}

static uint32_t bit(int n)
{
    return (uint32_t)1 << n;
}

static void read_features(struct features *f)
{
    uint32_t eax, ebx, ecx, edx;
    memset(f, 0, sizeof *f);
    if (!__get_cpuid_count(1, 0, &eax, &ebx, &ecx, &edx))
        return;
    f->leaf1_ecx = ecx;
    if (__get_cpuid_count(7, 0, &eax, &ebx, &ecx, &edx)) {
        const uint32_t last = eax;
        f->leaf7_ebx = ebx;
        f->leaf7_ecx = ecx;
        f->leaf7_edx = edx;
        if (last >= 1 && __get_cpuid_count(7, 1, &eax, &ebx, &ecx, &edx))
            f->leaf7_1_eax = eax;
    }
    if (all(f->leaf1_ecx, bit(27))) { /* OSXSAVE: xgetbv exists */
        __asm__ volatile("xgetbv" : "=a"(eax), "=d"(edx) : "c"(0));
        f->xcr0 = (uint64_t)edx << 32 | eax;
    }
}

/* Linux hands out the 8 KiB of tile registers only to processes that ask. */
static bool amx_permitted(void)
{
#if defined(__linux__) && defined(SYS_arch_prctl)
    enum { ARCH_REQ_XCOMP_PERM = 0x1023, XFEATURE_XTILEDATA = 18 };
    return syscall(SYS_arch_prctl, ARCH_REQ_XCOMP_PERM, XFEATURE_XTILEDATA) == 0;
#else
    return false;
#endif
}

enum g4_cpu g4_cpu_detect(void)
{
    struct features f;
    read_features(&f);
    /* FMA, AVX, F16C; AVX2 */
    if (!all(f.leaf1_ecx, bit(12) | bit(28) | bit(29)) || !all(f.leaf7_ebx, bit(5)) ||
        !all(f.xcr0, XCR0_AVX))
        return G4_CPU_GENERIC;
    /* AVX512 F, DQ, BW, VL */
    if (!all(f.leaf7_ebx, bit(16) | bit(17) | bit(30) | bit(31)) || !all(f.xcr0, XCR0_AVX512))
        return G4_CPU_AVX2;
    /* AVX512 VNNI, BF16 */
    if (!all(f.leaf7_ecx, bit(11)) || !all(f.leaf7_1_eax, bit(5)))
        return G4_CPU_AVX512;
    /* AMX BF16, TILE, INT8 */
    if (!all(f.leaf7_edx, bit(22) | bit(24) | bit(25)) || !all(f.xcr0, XCR0_AMX) ||
        !amx_permitted())
        return G4_CPU_AVX512BF16;
    return G4_CPU_AMX;
}

#elif defined(__aarch64__) && defined(__linux__)

enum g4_cpu g4_cpu_detect(void)
{
    const unsigned long first = getauxval(AT_HWCAP), second = getauxval(AT_HWCAP2);
    if (!(first & HWCAP_ASIMD))
        return G4_CPU_GENERIC;
    if (!(first & HWCAP_ASIMDDP))
        return G4_CPU_NEON;
    if (!(second & HWCAP2_I8MM) || !(second & HWCAP2_BF16))
        return G4_CPU_DOTPROD;
    return G4_CPU_I8MM;
}

#else

enum g4_cpu g4_cpu_detect(void)
{
    return G4_CPU_GENERIC;
}

#endif

int g4_cpu_choose(enum g4_cpu *cpu, struct g4_err *err)
{
    const enum g4_cpu have = g4_cpu_detect();
    const char *want = getenv("G4_CPU");
    *cpu = have;
    if (!want || want[0] == '\0')
        return 0;
    for (int i = 0; i < G4_CPU_LEVELS; i++) {
        if (strcmp(want, names[i]) != 0)
            continue;
        if (i < (int)have)
            *cpu = (enum g4_cpu)i;
        return 0;
    }
    return g4_err_set(err, G4_EUSAGE, "unknown G4_CPU '%s': " WORDS, want);
}

/*
 * cpu.h - which instruction sets this machine has and this process may use.
 *
 * Decided from feature bits and the state the system saves (CPUID and XGETBV, or HWCAP), never from
 * family or model. $G4_CPU masks downwards: generic, avx2, avx512, avx512bf16, amx; a level above
 * what the machine has changes nothing, an unknown word is an error of the person (G4_EUSAGE).
 */
#ifndef G4_KERNEL_CPU_H
#define G4_KERNEL_CPU_H

#include "lib/base/err.h"

enum g4_cpu {
    G4_CPU_GENERIC,
    G4_CPU_AVX2,       /* AVX2, FMA, F16C */
    G4_CPU_AVX512,     /* F, BW, VL, DQ */
    G4_CPU_AVX512BF16, /* and VNNI, BF16 */
    G4_CPU_AMX,        /* and AMX-TILE, AMX-BF16, AMX-INT8, permission granted */
    G4_CPU_LEVELS
};

const char *g4_cpu_name(enum g4_cpu cpu);

/* The best level of this machine, whatever $G4_CPU says. */
enum g4_cpu g4_cpu_detect(void);

/* The level to use: min(detected, $G4_CPU). */
int g4_cpu_choose(enum g4_cpu *cpu, struct g4_err *err);

#endif

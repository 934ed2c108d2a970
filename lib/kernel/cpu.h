/*
 * cpu.h - which instruction sets this machine has and this process may use.
 *
 * Decided from feature bits and the state the system saves (CPUID and XGETBV, or HWCAP), never from
 * family or model. $G4_CPU masks downwards by the name of a level; a level above what the machine
 * has changes nothing, a word that is no level of this architecture is an error of the person
 * (G4_EUSAGE).
 */
#ifndef G4_KERNEL_CPU_H
#define G4_KERNEL_CPU_H

#include "lib/base/err.h"

/* Levels count from generic upwards within an architecture, and each has all that those below it
 * have. Numbers of two architectures are not to be compared: a program knows one of them. */
enum g4_cpu {
    G4_CPU_GENERIC,

    /* x86-64 */
    G4_CPU_AVX2 = 1,       /* AVX2, FMA, F16C */
    G4_CPU_AVX512 = 2,     /* F, BW, VL, DQ */
    G4_CPU_AVX512BF16 = 3, /* and VNNI, BF16 */
    G4_CPU_AMX = 4,        /* and AMX-TILE, AMX-BF16, AMX-INT8, permission granted */

    /* 64-bit Arm */
    G4_CPU_NEON = 1,    /* ASIMD: every such machine */
    G4_CPU_DOTPROD = 2, /* and SDOT */
    G4_CPU_I8MM = 3,    /* and SMMLA, BFMMLA */

#if defined(__x86_64__)
    G4_CPU_LEVELS = G4_CPU_AMX + 1
#elif defined(__aarch64__)
    G4_CPU_LEVELS = G4_CPU_I8MM + 1
#else
    G4_CPU_LEVELS = G4_CPU_GENERIC + 1
#endif
};

/* The word for a level of this architecture, as in $G4_CPU. */
const char *g4_cpu_name(enum g4_cpu cpu);

/* The best level of this machine, whatever $G4_CPU says. */
enum g4_cpu g4_cpu_detect(void);

/* The level to use: min(detected, $G4_CPU). */
int g4_cpu_choose(enum g4_cpu *cpu, struct g4_err *err);

#endif

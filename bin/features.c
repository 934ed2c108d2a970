/* features.c - the further lines of --version. */
#include "bin/features.h"

#include <stdio.h>

#include "lib/kernel/cpu.h"

#if defined(__clang__)
#define COMPILER "clang " __clang_version__
#else
#define COMPILER "gcc " __VERSION__
#endif

#if defined(__x86_64__)
#define MACHINE "x86_64"
#elif defined(__aarch64__)
#define MACHINE "aarch64"
#else
#define MACHINE "other"
#endif

const char *g4_features(void)
{
    static char text[256];
    struct g4_err err;
    enum g4_cpu cpu;
    const char *best = g4_cpu_name(g4_cpu_detect());
    if (g4_cpu_choose(&cpu, &err) < 0)
        snprintf(text, sizeof text,
                 "built: " COMPILER ", " MACHINE "\ncpu: best %s; $G4_CPU refused", best);
    else
        snprintf(text, sizeof text, "built: " COMPILER ", " MACHINE "\ncpu: %s of %s",
                 g4_cpu_name(cpu), best);
    return text;
}

/*
 * amx_emulator.h - the AMX instructions on x86-64 machines without them: each is undefined there,
 * and a handler of SIGILL carries it out. So the code the compiler made for the amx level runs, and
 * is checked, anywhere that AVX512-BF16 is.
 */
#ifndef G4_TESTS_KERNEL_AMX_EMULATOR_H
#define G4_TESTS_KERNEL_AMX_EMULATOR_H

#include <stdbool.h>

/* Installs the handler. False where it cannot be (another architecture). An instruction that is not
 * of AMX, or that the processor would refuse in this state, ends the program as without it. */
bool amx_emulator_start(void);

/* Tile instructions carried out so far: a test that made none proved nothing. */
unsigned long amx_emulator_count(void);

#endif

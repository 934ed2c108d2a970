/*
 * inline.h - how kernels ask for straight code. Included by the headers of registers.
 */
#ifndef G4_KERNEL_INLINE_H
#define G4_KERNEL_INLINE_H

#define G4_INLINE static inline __attribute__((always_inline))

/* Loops over the registers of a tile disappear. Not under the sanitisers: with a check at every
 * access the straight code would take minutes to compile. */
#if defined(__SANITIZE_ADDRESS__)
enum { UNROLL = 1 };
#else
enum { UNROLL = 16 };
#endif

#endif

/*
 * product_types.h - the types of weights that rows of x in eight bits are multiplied with.
 */
#ifndef G4_KERNEL_PRODUCT_TYPES_H
#define G4_KERNEL_PRODUCT_TYPES_H

#include "lib/tensor/dtype.h"

enum { GROUP = 32 }; /* elements that share a scale of x */

/* The types that products in eight bits know, with their names in functions. */
#define PRODUCT_TYPES(X)                                                                           \
    X(q4_0, G4_DTYPE_Q4_0)                                                                         \
    X(q4_1, G4_DTYPE_Q4_1)                                                                         \
    X(q5_0, G4_DTYPE_Q5_0)                                                                         \
    X(q5_1, G4_DTYPE_Q5_1)                                                                         \
    X(q8_0, G4_DTYPE_Q8_0)                                                                         \
    X(iq4_nl, G4_DTYPE_IQ4_NL)                                                                     \
    X(q4_k, G4_DTYPE_Q4_K)                                                                         \
    X(q5_k, G4_DTYPE_Q5_K)                                                                         \
    X(q6_k, G4_DTYPE_Q6_K)

#endif

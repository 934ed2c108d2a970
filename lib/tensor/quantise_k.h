/*
 * quantise_k.h - the encoders of the types with 256 elements in a block; for quantise.c.
 *
 * b = one block of x[256], finite. Scales and minimums are those with the least weighted square
 * error found among some candidates; elements of larger size weigh more.
 */
#ifndef G4_TENSOR_QUANTISE_K_H
#define G4_TENSOR_QUANTISE_K_H

void g4_quantise_q4_k(unsigned char *b, const float *x);
void g4_quantise_q5_k(unsigned char *b, const float *x);
void g4_quantise_q6_k(unsigned char *b, const float *x);

#endif

/*
 * check.h - what the parts of the kernel check share.
 *
 * Every array a slot sees lies against a page that may not be touched, inside bytes that must not
 * change: reading past an end is a signal, writing past one is found.
 */
#ifndef G4_TESTS_KERNEL_CHECK_H
#define G4_TESTS_KERNEL_CHECK_H

#include "lib/kernel/kernel.h"

/* One slot of one level. */
struct check {
    const struct g4_kernels *generic, *isa;
    enum g4_dtype dtype; /* of a slot that depends on it */
    double worst;        /* largest error met, in units of `limit` */
    double limit;        /* what an error may be; what it is relative to, the slot says */
    bool failed;
    char why[200]; /* of the first failure */
};

struct check_slot {
    const char *name;
    void (*run)(struct check *check);
    enum g4_dtype dtype;
    double limit;
    const char *unit; /* what the error is relative to */
};

/* They end with name NULL. */
extern const struct check_slot check_mm_slots[], check_q_slots[], check_gemmq_slots[],
    check_vec_slots[];

/* The odd sizes; ends with SIZE_MAX. */
extern const size_t check_sizes[];

/* A fenced array of `bytes` bytes that ends `shift` bytes before the forbidden page. */
struct area {
    struct ground *ground;
    size_t bytes, shift;
    void *data;
};

struct area area_open(size_t bytes, size_t shift);
void area_close(struct area *area);

/* An area of n floats, in -1..1 and the same in every run with this seed. */
struct area area_floats(size_t n, size_t shift, uint32_t seed);

/* An area of n elements of check->dtype, of the same kind. */
struct area area_weights(const struct check *check, size_t n, size_t shift, uint32_t seed);
size_t weight_bytes(enum g4_dtype dtype);

/* Bytes of n elements, whole blocks, of check->dtype; an area of them, filled at random. */
size_t block_bytes(const struct check *check, size_t n);
struct area area_blocks(const struct check *check, size_t n, size_t shift, uint32_t seed);

/* Room for n rows of x in eight bits, in fenced memory; rows of scales are further apart than they
 * are long. Closing looks at the fences. */
struct rounded {
    struct area q, d, m;
    struct g4_q8 q8;
};

struct rounded rounded_open(size_t n, size_t k);
void rounded_close(struct check *check, struct rounded *rounded);

/* The same bits, or both NaN. */
bool same_float(float a, float b);

/* A copy of `from`, equally placed, so that two slots can work on the same bytes. */
struct area area_copy(const struct area *from, size_t shift);

/* Fails when bytes around the array changed. */
void check_fence(struct check *check, const struct area *area, const char *what);

/* One number: |got - want| / scale against check->limit. */
void check_value(struct check *check, double got, double want, double scale, const char *what);

/* The first failure is kept. */
void check_fail(struct check *check, const char *format, ...) __attribute__((format(printf, 2, 3)));

#endif

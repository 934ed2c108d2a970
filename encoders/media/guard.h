/*
 * guard.h - calls into a media decoder that cannot take the program with them.
 *
 * A damaged file may send a decoder into a loop. Its calls run on a thread of their own; the caller
 * waits and watches that thread's CPU clock. Without progress for the given CPU time the thread is
 * abandoned, with all it holds, and the call fails with G4_ELIMIT. Waiting for input costs no CPU
 * and so does not count.
 */
#ifndef G4_ENCODERS_MEDIA_GUARD_H
#define G4_ENCODERS_MEDIA_GUARD_H

#include <stdbool.h>

#include "lib/base/err.h"

struct g4_guard;

typedef int g4_guard_fn(void *ctx, struct g4_err *err);

/* max_cpu: seconds without progress; 0 = any. */
int g4_guard_open(struct g4_guard **guard, double max_cpu, struct g4_err *err);

/* Ends the thread; one that was abandoned is left alone. NULL is fine. */
void g4_guard_close(struct g4_guard *guard);

/*
 * Runs fn(ctx, err) on the thread and returns what it returned. name is for the message. After a
 * call that was given up, `ctx` and all it leads to belong to the lost thread: the caller must
 * neither use nor free them; further calls fail at once.
 */
int g4_guard_call(struct g4_guard *guard, g4_guard_fn *fn, void *ctx, const char *name,
                  struct g4_err *err);

/* From inside fn: something came out; the time starts anew. */
void g4_guard_progress(struct g4_guard *guard);

/* Whether a call was given up. */
bool g4_guard_lost(const struct g4_guard *guard);

#endif

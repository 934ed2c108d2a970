/*
 * spool.h - a temporary file that takes the bytes of a pipe, for readers that must seek.
 *
 * The file has no name (O_TMPFILE, or unlinked at once), so nothing is left behind however we end.
 */
#ifndef G4_ENCODERS_MEDIA_SPOOL_H
#define G4_ENCODERS_MEDIA_SPOOL_H

#include <stddef.h>
#include <stdint.h>

#include "lib/base/err.h"

struct g4_spool {
    int fd;         /* -1: not open */
    uint64_t size;  /* bytes in it */
    uint64_t limit; /* most bytes it may hold; 0 = none */
};

/* An empty spool in $TMPDIR. */
int g4_spool_open(struct g4_spool *spool, uint64_t limit, struct g4_err *err);

/* Appends n bytes. G4_ELIMIT names --max-spool; G4_EIO a full disk. */
int g4_spool_write(struct g4_spool *spool, const void *data, size_t n, struct g4_err *err);

/* Safe on a spool that was never opened (fd -1) and twice. */
void g4_spool_close(struct g4_spool *spool);

#endif

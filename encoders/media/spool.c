/* spool.c - a temporary file without a name. */
#include "encoders/media/spool.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "lib/base/file.h"

int g4_spool_open(struct g4_spool *spool, const char *directory, uint64_t limit, struct g4_err *err)
{
    *spool = (struct g4_spool){.fd = -1, .limit = limit};
    int fd = open(directory, O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
    if (fd < 0) {
        /* Not every file system knows O_TMPFILE. */
        char path[4096];
        int n = snprintf(path, sizeof path, "%s/g4-spool-XXXXXX", directory);
        if (n < 0 || (size_t)n >= sizeof path)
            return g4_err_set(err, G4_EIO, "cannot spool in '%s': path too long", directory);
        fd = mkostemp(path, O_CLOEXEC);
        if (fd >= 0)
            unlink(path);
    }
    if (fd < 0)
        return g4_err_set(err, G4_EIO, "cannot spool in '%s': %s", directory, strerror(errno));
    spool->fd = fd;
    return 0;
}

int g4_spool_write(struct g4_spool *spool, const void *data, size_t n, struct g4_err *err)
{
    if (spool->limit && (spool->size > spool->limit || n > spool->limit - spool->size))
        return g4_err_set(err, G4_ELIMIT,
                          "needs more than %llu bytes of temporary space (--max-spool)",
                          (unsigned long long)spool->limit);
    int status = g4_write_full(spool->fd, data, n, err);
    if (status < 0) {
        g4_err_prefix(err, "temporary file");
        return status;
    }
    spool->size += n;
    return 0;
}

void g4_spool_close(struct g4_spool *spool)
{
    if (spool->fd >= 0)
        close(spool->fd);
    *spool = (struct g4_spool){.fd = -1};
}

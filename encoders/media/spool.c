/* spool.c - a temporary file without a name. */
#include "encoders/media/spool.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "lib/base/file.h"
#include "lib/base/temp.h"

int g4_spool_open(struct g4_spool *spool, uint64_t limit, struct g4_err *err)
{
    *spool = (struct g4_spool){.fd = -1, .limit = limit};
    return g4_temp_open(&spool->fd, err);
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

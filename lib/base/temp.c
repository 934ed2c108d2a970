/* temp.c - nameless temporary files. */
#include "lib/base/temp.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "lib/base/tmpdir.h"

int g4_temp_open(int *fd, struct g4_err *err)
{
    const char *folder = g4_tmpdir();
    size_t size = strlen(folder) + sizeof "/g4-XXXXXX";
    char *path = malloc(size);
    *fd = -1;
    if (path == NULL)
        return g4_err_nomem(err, size, "a temporary file");
    snprintf(path, size, "%s/g4-XXXXXX", folder);
    int status = 0;
    *fd = mkstemp(path);
    if (*fd >= 0) {
        unlink(path);
        fcntl(*fd, F_SETFD, FD_CLOEXEC);
    } else {
        status = g4_err_set(err, G4_EIO, "cannot create a temporary file in '%s': %s", folder,
                            strerror(errno));
    }
    free(path);
    return status;
}

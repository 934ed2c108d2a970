/* temp.c - nameless temporary files. */
#include "lib/base/temp.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static const char *folder_of_temporaries(void)
{
    const char *folder = getenv("TMPDIR");
    return folder && folder[0] == '/' ? folder : "/tmp";
}

/* For file systems that do not know O_TMPFILE. */
static int open_and_unlink(const char *folder)
{
    char *path;
    if (asprintf(&path, "%s/g4-XXXXXX", folder) < 0) {
        errno = ENOMEM;
        return -1;
    }
    int fd = mkostemp(path, O_CLOEXEC);
    if (fd >= 0)
        unlink(path);
    int reason = errno;
    free(path);
    errno = reason;
    return fd;
}

int g4_temp_open(int *fd, struct g4_err *err)
{
    const char *folder = folder_of_temporaries();
    *fd = open(folder, O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
    if (*fd < 0)
        *fd = open_and_unlink(folder);
    if (*fd < 0)
        return g4_err_set(err, G4_EIO, "cannot create a temporary file in '%s': %s", folder,
                          strerror(errno));
    return 0;
}

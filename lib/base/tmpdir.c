/* tmpdir.c - $TMPDIR. */
#include "lib/base/tmpdir.h"

#include <stdlib.h>

const char *g4_tmpdir(void)
{
    const char *directory = getenv("TMPDIR");
    return directory && directory[0] == '/' ? directory : "/tmp";
}

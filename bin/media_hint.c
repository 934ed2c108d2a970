/* media_hint.c - magic numbers of the media people have. */
#include "bin/media_hint.h"

#include <stdbool.h>
#include <string.h>

struct magic {
    size_t offset;
    const char *bytes;
    size_t n;
    const char *program;
};

#define MAGIC(offset, text, program)                                                               \
    {                                                                                              \
        offset, text, sizeof(text) - 1, program                                                    \
    }

static const struct magic magics[] = {
    MAGIC(0, "\x89PNG\r\n\x1a\n", "g4-vision"),
    MAGIC(0, "\xff\xd8\xff", "g4-vision"),
    MAGIC(0, "GIF8", "g4-vision"),
    MAGIC(8, "WEBP", "g4-vision"),
    MAGIC(8, "WAVE", "g4-audio"),
    MAGIC(8, "AVI ", "g4-video"),
    MAGIC(0, "fLaC", "g4-audio"),
    MAGIC(0, "OggS", "g4-audio"),
    MAGIC(0, "ID3", "g4-audio"),
    MAGIC(0, "\xff\xfb", "g4-audio"),
    MAGIC(4, "ftypM4A", "g4-audio"),
    MAGIC(4, "ftyp", "g4-video"),
    MAGIC(0, "\x1a\x45\xdf\xa3", "g4-video"),
};

const char *g4_media_hint(const unsigned char *bytes, size_t n)
{
    for (size_t i = 0; i < sizeof magics / sizeof *magics; i++) {
        const struct magic *m = &magics[i];
        if (n >= m->offset + m->n && memcmp(bytes + m->offset, m->bytes, m->n) == 0)
            return m->program;
    }
    return NULL;
}

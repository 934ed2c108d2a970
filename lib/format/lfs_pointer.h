/*
 * lfs_pointer.h - what people take for the weights: the text that stands for a file kept elsewhere.
 */
#ifndef G4_FORMAT_LFS_POINTER_H
#define G4_FORMAT_LFS_POINTER_H

#include <stdbool.h>
#include <stddef.h>
#include <string.h>

/* Whether the first of `size` bytes are those of a Git LFS pointer. */
static inline bool g4_is_lfs_pointer(const void *bytes, size_t size)
{
    static const char start[] = "version https://git-lfs";
    return size >= sizeof start - 1 && memcmp(bytes, start, sizeof start - 1) == 0;
}

#endif

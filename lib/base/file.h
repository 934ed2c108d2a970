/*
 * file.h - reading, writing and mapping whole files, with errors that name them.
 */
#ifndef G4_BASE_FILE_H
#define G4_BASE_FILE_H

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "lib/base/err.h"

/* A regular file mapped read-only and shared (no copy, pages come from the page cache). */
struct g4_map {
    const unsigned char *data; /* NULL for an empty file */
    size_t size;               /* bytes */
};

/* Maps `path`; refuses what is not a regular file. The descriptor is closed again. */
int g4_map_open(struct g4_map *map, const char *path, struct g4_err *err);
void g4_map_close(struct g4_map *map);

/* Part of a mapping will be read a few bytes here and a few there: what is not in memory comes page
 * by page, without neighbours. Advice; what is read in order would become many times slower. */
void g4_map_random(const void *data, size_t bytes);

/* The other way round: all of it will be read once, from its beginning. */
void g4_map_sequential(const void *data, size_t bytes);

/*
 * A mapped file may shrink under us; touching the lost pages raises SIGBUS. Installs a handler that
 * ends the program with one line naming `program` and status 1 instead of a signal.
 */
void g4_map_guard(const char *program);

/* Reads up to n bytes, retrying EINTR and short reads; *got < n only at end of file. */
int g4_read_full(int fd, void *buffer, size_t n, size_t *got, struct g4_err *err);

/* Writes all n bytes, retrying EINTR and short writes. Text without a file name: the caller
 * prefixes it. */
int g4_write_full(int fd, const void *buffer, size_t n, struct g4_err *err);

/* Whole file into memory (caller frees), NUL-terminated behind its size bytes. More than `limit`
 * bytes: G4_ELIMIT. path "-" reads stdin. */
int g4_read_file(char **data, size_t *size, const char *path, size_t limit, struct g4_err *err);

#endif

/*
 * output.h - where a program's result goes: stdout, or a file that appears whole or not at all.
 *
 *     g4_output_open(&out, path, force, &err)      path NULL: stdout
 *     write to out.fd, or to g4_output_file(&out)
 *     g4_output_commit(&out, &err)                 flush, fsync, close, rename; each checked
 *     g4_output_discard(&out)                      instead of commit: nothing appears
 *
 * A regular file is written as a temporary beside it and renamed; symbolic links are followed, the
 * file they name is replaced. What exists and is not a regular file (/dev/null, a FIFO), and
 * /dev/stdout, /dev/stderr, /dev/fd/N and /proc/self/fd/N, are written to directly. SIGINT, SIGTERM
 * and SIGHUP remove the temporaries and are raised again. Several outputs may follow each other in
 * one process, and up to sixteen may be open at a time.
 */
#ifndef G4_BIN_OUTPUT_H
#define G4_BIN_OUTPUT_H

#include <stdbool.h>
#include <stdio.h>

#include "lib/base/err.h"

struct g4_output {
    int fd;           /* write here; -1 when not open */
    FILE *file;       /* by g4_output_file, else NULL */
    char *name;       /* for messages: "stdout", or the path as given in single quotes */
    char *path;       /* the file to replace, links resolved; NULL when written to directly */
    char *temporary;  /* what is written meanwhile, or NULL */
    bool force;       /* an existing file may be replaced */
    bool reader_gone; /* commit failed for that reason; outlives commit */
};

/* Descriptors 0, 1 and 2 that are closed get a place holder that refuses reading (0) and writing
 * (1, 2), so that no file opened later takes their number. First call of every main. */
void g4_output_startup(void);

/* Refuses at once what could not be committed: an existing regular file without force, a directory,
 * a folder that cannot be written to. On failure the struct is closed. path is borrowed for the
 * call. */
int g4_output_open(struct g4_output *out, const char *path, bool force, struct g4_err *err);

/* G4_EUSAGE when the output is a terminal: `what` ("a stream") is not for reading. */
int g4_output_refuse_terminal(const struct g4_output *out, const char *what, struct g4_err *err);

/* A stdio stream on the same descriptor, owned by the output; NULL when out of memory. */
FILE *g4_output_file(struct g4_output *out);

/* All bytes, or an error that names the output. */
int g4_output_write(struct g4_output *out, const void *bytes, size_t n, struct g4_err *err);

/* After success or failure the output is closed; after failure nothing was replaced. */
int g4_output_commit(struct g4_output *out, struct g4_err *err);

/* Closes and removes the temporary. Safe on a closed output and on a zeroed struct. */
void g4_output_discard(struct g4_output *out);

/* Whether the reader of a pipe has gone away. With SIGPIPE ignored by whoever started the program
 * this is how a failed write is told from a full disk: status 1 without a message. */
bool g4_output_reader_gone(const struct g4_output *out);

/* Makes a folder for several outputs; *made tells that it was not there. Until the other is called,
 * SIGINT, SIGTERM and SIGHUP remove it again, if it is empty then. */
int g4_output_make_folder(const char *path, bool *made, struct g4_err *err);

/* For a folder that was made: it stays, or it is removed if it is empty. */
void g4_output_end_folder(const char *path, bool stays);

/* What a program does with a failed write to `out`, or with any error (`out` may be NULL): prints
 * it, unless the reader has gone away. Returns the exit status: 2 for G4_EUSAGE, else 1. Also after
 * a failed commit. */
int g4_output_report(const struct g4_output *out, const struct g4_err *err);

/* For help and version, which stdio wrote: flushes and closes stdout. Returns the exit status. */
int g4_output_close_stdout(void);

#endif

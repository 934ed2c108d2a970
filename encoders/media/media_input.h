/*
 * media_input.h - the bytes of one operand: a file, a pipe, stdin.
 *
 * A regular file is read where it lies (from its present offset when it is stdin). Anything else is
 * a pipe: it is read once, in order, and what was looked at first is kept; g4_media_input_spool
 * makes it seekable. Several readers may share a seekable input, each with its own position.
 */
#ifndef G4_ENCODERS_MEDIA_MEDIA_INPUT_H
#define G4_ENCODERS_MEDIA_MEDIA_INPUT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/base/err.h"

struct g4_media_limits {
    uint64_t max_spool;    /* bytes of a pipe kept on disk; 0 = none. --max-spool */
    double max_decode_cpu; /* seconds of CPU in one call of a decoder without progress; 0 = none.
                              --max-decode-cpu */
};
#define G4_MEDIA_LIMITS                                                                            \
    {                                                                                              \
        (uint64_t)16 << 30, 10.0                                                                   \
    }

struct g4_media_input;

/*
 * Opens operand: a path, taken literally, or "-" for stdin. program ("g4-audio") is named in hints.
 * A directory, a URL, an empty file are errors. Strings are borrowed, limits are copied.
 */
int g4_media_input_open(struct g4_media_input **input, const char *operand, const char *program,
                        const struct g4_media_limits *limits, struct g4_err *err);
void g4_media_input_close(struct g4_media_input *input); /* NULL is fine */

/* For messages: the operand, "stdin" for "-". */
const char *g4_media_input_name(const struct g4_media_input *input);
const char *g4_media_input_program(const struct g4_media_input *input);
const struct g4_media_limits *g4_media_input_limits(const struct g4_media_input *input);

/* A pipe, a terminal, a socket: not seekable as it is. */
bool g4_media_input_is_pipe(const struct g4_media_input *input);
bool g4_media_input_seekable(const struct g4_media_input *input);

/* Reads a pipe to its end into a spool in $TMPDIR. Nothing to do when seekable already. */
int g4_media_input_spool(struct g4_media_input *input, struct g4_err *err);

/*
 * The first bytes, at most n, kept for reading again: *got < n only when the input has no more.
 * A pipe gives what came as soon as `enough` bytes are there. *data is valid until the next call.
 */
int g4_media_input_peek(struct g4_media_input *input, size_t enough, size_t n,
                        const unsigned char **data, size_t *got, struct g4_err *err);

/*
 * Reads up to n bytes at offset; *got is 0 only at the end. A pipe can be read forward only, so
 * offset is at least what was read last (or within what was peeked): bytes in between are passed
 * over.
 */
int g4_media_input_read(struct g4_media_input *input, uint64_t offset, void *buffer, size_t n,
                        size_t *got, struct g4_err *err);

/* Total bytes, -1 when not known (a pipe that has not ended). */
int64_t g4_media_input_size(const struct g4_media_input *input);

/* Whether the input is known to end before its container says (extent.h): G4_EINPUT "'x':
 * truncated:
 * ...", else 0. For a pipe that is known only after it was read to its end. */
int g4_media_input_check_end(struct g4_media_input *input, struct g4_err *err);

/* A decoder that never came back may still read here: the descriptor and the memory stay. */
void g4_media_input_abandon(struct g4_media_input *input);

#endif

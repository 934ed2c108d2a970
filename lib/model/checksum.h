/*
 * checksum.h - SHA-256 of a model's files, and who says what they should be.
 *
 *     a list beside the file    SHA256SUMS, sha256sum.txt, NAME.sha256 ...: "HEX  NAME",
 *                               "HEX *NAME", "SHA256 (NAME) = HEX"; in NAME.sha256 "HEX" alone
 *     the name of its blob      in the Hugging Face cache 64 hexadecimal digits, in Ollama's store
 *                               behind "sha256-"
 */
#ifndef G4_MODEL_CHECKSUM_H
#define G4_MODEL_CHECKSUM_H

#include <stddef.h>

#include "lib/base/err.h"
#include "lib/base/pool.h"

enum { G4_SHA256_HEX = 65 };

struct g4_checksum {
    const char *path;        /* borrowed */
    char hex[G4_SHA256_HEX]; /* expected, lower case; "" = nobody says */
    char *source;            /* who says so, for messages; owned */
};

/* Fills hex and source for `path`. Lists that cannot be read, and lines that are none, are passed
 * over; of several lists the first by name counts, and a list before the name of the blob. Only
 * memory can fail. */
int g4_checksum_expect(struct g4_checksum *sum, const char *path, struct g4_err *err);

/* Computes the sums of those files that one is expected for, several at a time, and draws a line of
 * progress. G4_EINPUT: the first file in the list that has another. */
int g4_checksum_verify(const struct g4_checksum *sums, size_t count, struct g4_pool *pool,
                       struct g4_err *err);

void g4_checksum_release(struct g4_checksum *sum);

#endif

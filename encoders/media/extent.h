/*
 * extent.h - how far a file must reach, by what its container states. Tells a truncated file from a
 * whole one; libav plays both alike.
 *
 *     WAV, RF64, W64, AIFF, AU, CAF    end of the sample data
 *                                      (streamed ones, of unknown length: none)
 *     AVI, ASF                         end of the last RIFF list; of the data object
 *     MP4, MOV                         end of the last top-level box
 *     Matroska, WebM                   end of the segment (unknown size: none)
 *     MP3                              end of the frames, where a Xing or Info header states it
 *     others                           none
 *
 * Only the headers of the outermost parts are looked at: feed the file in order, or jump from one
 * header to the next with g4_extent_wants.
 */
#ifndef G4_ENCODERS_MEDIA_EXTENT_H
#define G4_ENCODERS_MEDIA_EXTENT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { G4_EXTENT_HEADER = 40 }; /* bytes of a header that a step looks at, at most */

/* A struct of zeros is an extent that wants offset 0. */
struct g4_extent {
    int kind;                               /* which container; set by the first step */
    bool done;                              /* nothing more to learn */
    uint64_t next;                          /* offset of the header that is wanted */
    uint64_t end;                           /* bytes that the file must have, as far as known */
    uint64_t wide;                          /* RF64: size of the data */
    size_t steps;                           /* a hostile file is not followed forever */
    unsigned char header[G4_EXTENT_HEADER]; /* the wanted header, as far as it came */
    size_t have;
};

/* Looks at n bytes that stand at `offset`; bytes before the wanted header are passed over. */
void g4_extent_feed(struct g4_extent *extent, uint64_t offset, const unsigned char *data, size_t n);

/* Whether a header is wanted, and which byte next. */
bool g4_extent_wants(const struct g4_extent *extent, uint64_t *offset);

/* Whether a file of `size` bytes ends before its container says. */
bool g4_extent_truncated(const struct g4_extent *extent, uint64_t size);

#endif

/*
 * stream_layout.h - where the fields of the stream format lie, for the reader and the writer alike.
 *
 * Little-endian; a record header leaves zero what its type does not use.
 *
 *     stream header                           record header
 *      0  magic, 8 bytes                       0  type, four letters
 *      8  major 1, minor (2 + 2)               4  flags 0
 *     12  header bytes 64                      8  payload bytes (8)
 *     16  dtype (1), zero (3)                 16  segment   20  source
 *     20  width                               24  t0 (8)    32  t1 (8)
 *     24  space id (16)                       40  rows      44  kind
 *     40  encoder id (16)                     48  grid width, height (2 + 2)
 *     56  zero                                52  microseconds per row
 *     60  CRC-32 of 0..59                     56  CRC-32 of the payload   60  CRC-32 of 0..59
 */
#ifndef G4_FORMAT_STREAM_LAYOUT_H
#define G4_FORMAT_STREAM_LAYOUT_H

#include "lib/format/stream.h"

/* Types as they stand in a file, read as a little-endian number. */
#define G4_STREAM_TYPE(a, b, c, d)                                                                 \
    ((uint32_t)(a) | (uint32_t)(b) << 8 | (uint32_t)(c) << 16 | (uint32_t)(d) << 24)
#define G4_TYPE_SEGM G4_STREAM_TYPE('S', 'E', 'G', 'M')
#define G4_TYPE_ROWS G4_STREAM_TYPE('R', 'O', 'W', 'S')
#define G4_TYPE_SEGE G4_STREAM_TYPE('S', 'E', 'G', 'E')
#define G4_TYPE_TEXT G4_STREAM_TYPE('T', 'E', 'X', 'T')
#define G4_TYPE_META G4_STREAM_TYPE('m', 'e', 't', 'a')
#define G4_TYPE_FAIL G4_STREAM_TYPE('F', 'A', 'I', 'L')
#define G4_TYPE_ENDS G4_STREAM_TYPE('E', 'N', 'D', 'S')

enum { G4_STREAM_ENDS_BYTES = 16, G4_STREAM_HEAD_MAX = 4096 };

extern const unsigned char g4_stream_magic[8];

/* A record header, field by field. */
struct g4_record_header {
    uint32_t type, flags;
    uint64_t bytes;            /* of the payload, without padding */
    struct g4_segment segment; /* number, source, kind, t0, t1, rows, grid, us_per_row */
    uint32_t kind;             /* as it stands there; segment.kind only if it is 0..3 */
    uint32_t payload_crc;
};

uint32_t g4_stream_crc(uint32_t crc, const void *bytes, size_t n);
void g4_put_u32(unsigned char *p, uint32_t v);
void g4_put_u64(unsigned char *p, uint64_t v);
uint16_t g4_get_u16(const unsigned char *p);
uint32_t g4_get_u32(const unsigned char *p);
uint64_t g4_get_u64(const unsigned char *p);

/* bytes [64] <-> fields. Encoding computes the header's checksum; decoding checks nothing. */
void g4_stream_head_encode(unsigned char *bytes, const struct g4_stream_head *head);
void g4_record_encode(unsigned char *bytes, const struct g4_record_header *record);
void g4_record_decode(struct g4_record_header *record, const unsigned char *bytes);

/* Whether the type is one of the seven. */
bool g4_record_known(uint32_t type);

/* Whether it is four ASCII letters. */
bool g4_record_letters(uint32_t type);

/* "ROWS", or the four bytes in hexadecimal if they are not letters. out has room for 16 bytes. */
const char *g4_record_name(char *out, uint32_t type);

#endif

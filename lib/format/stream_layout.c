/* stream_layout.c - header fields to bytes and back. */
#include "lib/format/stream_layout.h"

#include <stdio.h>
#include <string.h>
#include <zlib.h>

const unsigned char g4_stream_magic[8] = {0x89, 'G', '4', 'S', '\r', '\n', 0x1a, '\n'};

uint32_t g4_stream_crc(uint32_t crc, const void *bytes, size_t n)
{
    return (uint32_t)crc32_z(crc, bytes, n);
}

void g4_put_u32(unsigned char *p, uint32_t v)
{
    for (int i = 0; i < 4; i++)
        p[i] = (unsigned char)(v >> 8 * i);
}

void g4_put_u64(unsigned char *p, uint64_t v)
{
    g4_put_u32(p, (uint32_t)v);
    g4_put_u32(p + 4, (uint32_t)(v >> 32));
}

static void put_u16(unsigned char *p, uint16_t v)
{
    p[0] = (unsigned char)v;
    p[1] = (unsigned char)(v >> 8);
}

uint16_t g4_get_u16(const unsigned char *p)
{
    return (uint16_t)(p[0] | p[1] << 8);
}

uint32_t g4_get_u32(const unsigned char *p)
{
    return p[0] | (uint32_t)p[1] << 8 | (uint32_t)p[2] << 16 | (uint32_t)p[3] << 24;
}

uint64_t g4_get_u64(const unsigned char *p)
{
    return g4_get_u32(p) | (uint64_t)g4_get_u32(p + 4) << 32;
}

void g4_stream_head_encode(unsigned char *bytes, const struct g4_stream_head *head)
{
    memset(bytes, 0, G4_STREAM_UNIT);
    memcpy(bytes, g4_stream_magic, sizeof g4_stream_magic);
    put_u16(bytes + 8, 1);
    g4_put_u32(bytes + 12, G4_STREAM_UNIT);
    bytes[16] = (unsigned char)head->dtype;
    g4_put_u32(bytes + 20, head->width);
    memcpy(bytes + 24, head->space_id, sizeof head->space_id);
    memcpy(bytes + 40, head->encoder_id, sizeof head->encoder_id);
    g4_put_u32(bytes + 60, g4_stream_crc(0, bytes, 60));
}

void g4_record_encode(unsigned char *bytes, const struct g4_record_header *record)
{
    const struct g4_segment *s = &record->segment;
    g4_put_u32(bytes, record->type);
    g4_put_u32(bytes + 4, record->flags);
    g4_put_u64(bytes + 8, record->bytes);
    g4_put_u32(bytes + 16, s->number);
    g4_put_u32(bytes + 20, s->source);
    g4_put_u64(bytes + 24, (uint64_t)s->t0);
    g4_put_u64(bytes + 32, (uint64_t)s->t1);
    g4_put_u32(bytes + 40, s->rows);
    g4_put_u32(bytes + 44, record->kind);
    put_u16(bytes + 48, s->grid_w);
    put_u16(bytes + 50, s->grid_h);
    g4_put_u32(bytes + 52, s->us_per_row);
    g4_put_u32(bytes + 56, record->payload_crc);
    g4_put_u32(bytes + 60, g4_stream_crc(0, bytes, 60));
}

void g4_record_decode(struct g4_record_header *record, const unsigned char *bytes)
{
    struct g4_segment *s = &record->segment;
    record->type = g4_get_u32(bytes);
    record->flags = g4_get_u32(bytes + 4);
    record->bytes = g4_get_u64(bytes + 8);
    s->number = g4_get_u32(bytes + 16);
    s->source = g4_get_u32(bytes + 20);
    s->t0 = (int64_t)g4_get_u64(bytes + 24);
    s->t1 = (int64_t)g4_get_u64(bytes + 32);
    s->rows = g4_get_u32(bytes + 40);
    record->kind = g4_get_u32(bytes + 44);
    s->kind = record->kind <= G4_KIND_FRAME ? (enum g4_stream_kind)record->kind : G4_KIND_NONE;
    s->grid_w = g4_get_u16(bytes + 48);
    s->grid_h = g4_get_u16(bytes + 50);
    s->us_per_row = g4_get_u32(bytes + 52);
    record->payload_crc = g4_get_u32(bytes + 56);
}

const char *g4_stream_dtype_name(enum g4_stream_dtype dtype)
{
    return dtype == G4_STREAM_F32 ? "f32" : "bf16";
}

const char *g4_stream_kind_name(enum g4_stream_kind kind)
{
    static const char *const names[] = {"none", "image", "audio", "frame"};
    return names[kind];
}

bool g4_record_known(uint32_t type)
{
    return type == G4_TYPE_SEGM || type == G4_TYPE_ROWS || type == G4_TYPE_SEGE ||
           type == G4_TYPE_TEXT || type == G4_TYPE_META || type == G4_TYPE_FAIL ||
           type == G4_TYPE_ENDS;
}

static bool is_letter(unsigned c)
{
    return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z');
}

bool g4_record_letters(uint32_t type)
{
    return is_letter(type & 255) && is_letter(type >> 8 & 255) && is_letter(type >> 16 & 255) &&
           is_letter(type >> 24);
}

const char *g4_record_name(char *out, uint32_t type)
{
    if (g4_record_letters(type))
        snprintf(out, 16, "%c%c%c%c", (int)(type & 255), (int)(type >> 8 & 255),
                 (int)(type >> 16 & 255), (int)(type >> 24));
    else
        snprintf(out, 16, "0x%08x", type);
    return out;
}

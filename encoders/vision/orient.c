/* orient.c - a bounds-checked look into the EXIF directory, and one copy with two strides. */
#include "encoders/vision/orient.h"

#include <string.h>

struct tiff {
    const unsigned char *data;
    size_t size;
    bool big_endian;
};

/* Bytes at..at+n-1 as a number, n <= 4; 0 beyond the end. */
static uint32_t number(const struct tiff *tiff, size_t at, size_t n)
{
    if (at > tiff->size || n > tiff->size - at)
        return 0;
    uint32_t value = 0;
    for (size_t i = 0; i < n; i++)
        value = value << 8 | tiff->data[at + (tiff->big_endian ? i : n - 1 - i)];
    return value;
}

bool g4_tiff_find(const unsigned char *data, size_t n, unsigned tag, uint32_t *value)
{
    enum { LONG = 4, ENTRY_BYTES = 12 };
    static const unsigned char bytes[LONG + 1] = {0, 1, 0, 2, 4}; /* BYTE, text, SHORT, LONG */
    *value = 0;
    if (n < 8 || (memcmp(data, "II*\0", 4) != 0 && memcmp(data, "MM\0*", 4) != 0))
        return false;
    const struct tiff tiff = {data, n, data[0] == 'M'};
    size_t directory = number(&tiff, 4, 4);
    size_t entries = number(&tiff, directory, 2);
    for (size_t i = 0; i < entries; i++) {
        size_t entry = directory + 2 + i * ENTRY_BYTES;
        if (number(&tiff, entry, 2) != tag)
            continue;
        uint32_t type = number(&tiff, entry + 2, 2);
        *value = number(&tiff, entry + 8, type <= LONG ? bytes[type] : 0);
        return true;
    }
    return false;
}

int g4_exif_orientation(const unsigned char *tiff, size_t n)
{
    enum { TAG_ORIENTATION = 0x0112 };
    uint32_t value;
    g4_tiff_find(tiff, n, TAG_ORIENTATION, &value);
    return value >= 1 && value <= 8 ? (int)value : 1;
}

/* Copies tile by tile: one of the two pictures is walked across its rows. */
static void copy_turned(struct g4_image *out, const uint8_t *origin, ptrdiff_t right,
                        ptrdiff_t down)
{
    enum { TILE = 32 };
    for (size_t top = 0; top < out->height; top += TILE)
        for (size_t left = 0; left < out->width; left += TILE)
            for (size_t y = top; y < out->height && y < top + TILE; y++) {
                uint8_t *to = out->rgb + (y * out->width + left) * 3;
                const uint8_t *from = origin + (ptrdiff_t)y * down + (ptrdiff_t)left * right;
                for (size_t x = left; x < out->width && x < left + TILE; x++) {
                    memcpy(to, from, 3);
                    to += 3;
                    from += right;
                }
            }
}

int g4_image_orient(struct g4_image *image, int orientation, struct g4_err *err)
{
    /* Where the upright picture's first pixel lies, and the steps to its right and lower
     * neighbours. */
    static const struct {
        bool from_right, from_bottom, swapped;
    } turns[9] = {
        [2] = {true, false, false}, [3] = {true, true, false}, [4] = {false, true, false},
        [5] = {false, false, true}, [6] = {false, true, true}, [7] = {true, true, true},
        [8] = {true, false, true},
    };
    if (orientation < 2 || orientation > 8)
        return 0;
    const size_t w = image->width, h = image->height;
    const bool swapped = turns[orientation].swapped;
    struct g4_image out;
    int status = g4_image_new(&out, swapped ? h : w, swapped ? w : h, err);
    if (status < 0)
        return status;
    const uint8_t *origin = image->rgb;
    ptrdiff_t pixel = 3, row = (ptrdiff_t)(w * 3);
    if (turns[orientation].from_right) {
        origin += (w - 1) * 3;
        pixel = -pixel;
    }
    if (turns[orientation].from_bottom) {
        origin += (h - 1) * w * 3;
        row = -row;
    }
    copy_turned(&out, origin, swapped ? row : pixel, swapped ? pixel : row);
    g4_image_release(image);
    *image = out;
    return 0;
}

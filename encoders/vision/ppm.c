/* ppm.c - a header of three numbers, then samples. */
#include "encoders/vision/ppm.h"

#include <stdlib.h>
#include <string.h>

#include "lib/base/mem.h"

static bool is_space(unsigned char c)
{
    return c == ' ' || (c >= '\t' && c <= '\r');
}

bool g4_ppm_is(const unsigned char *data, size_t n)
{
    return n >= 3 && data[0] == 'P' && (data[1] == '5' || data[1] == '6') &&
           (is_space(data[2]) || data[2] == '#');
}

/* The next number of the header; leaves *at behind its last digit. False: none, or out of range. */
static bool read_number(const unsigned char *data, size_t n, size_t *at, size_t *value)
{
    size_t i = *at;
    while (i < n && (is_space(data[i]) || data[i] == '#')) {
        if (data[i] == '#')
            while (i < n && data[i] != '\n')
                i++;
        else
            i++;
    }
    size_t start = i;
    for (*value = 0; i < n && data[i] >= '0' && data[i] <= '9' && *value <= INT32_MAX; i++)
        *value = *value * 10 + (size_t)(data[i] - '0');
    *at = i;
    return i > start && *value <= INT32_MAX;
}

/* Sample of a file whose largest is `max`, as 8 bits. */
static uint8_t to_byte(size_t sample, size_t max)
{
    if (sample > max)
        sample = max;
    if (max < 256)
        return (uint8_t)((sample * 255 + max / 2) / max);
    return (uint8_t)((sample * 65535 + max / 2) / max >> 8);
}

static void convert_row(uint8_t *rgb, const unsigned char *samples, size_t width, size_t channels,
                        size_t max)
{
    const size_t wide = max > 255;
    for (size_t x = 0; x < width; x++)
        for (size_t c = 0; c < 3; c++) {
            const unsigned char *s = samples + ((x * channels + (channels == 3 ? c : 0)) << wide);
            rgb[x * 3 + c] = to_byte(wide ? (size_t)s[0] << 8 | s[1] : s[0], max);
        }
}

int g4_ppm_read(const struct g4_rows *rows, const unsigned char *data, size_t n, struct g4_err *err)
{
    size_t at = 2, width, height, max;
    if (!read_number(data, n, &at, &width) || !read_number(data, n, &at, &height) ||
        !read_number(data, n, &at, &max) || at >= n || !is_space(data[at]))
        return g4_err_set(err, G4_EINPUT, "broken PPM header");
    if (max < 1 || max > 65535)
        return g4_err_set(err, G4_EINPUT, "broken PPM: largest sample %zu, expected 1..65535", max);
    at++;
    int status = rows->begin(rows->ctx, width, height, 1, err);
    if (status < 0)
        return status;
    const size_t channels = data[1] == '6' ? 3 : 1;
    const size_t row_bytes = width * channels << (max > 255); /* width < 2^31 */
    if (height > (n - at) / row_bytes)
        return g4_err_set(err, G4_EINPUT, "truncated PPM: %zu of %zu rows", (n - at) / row_bytes,
                          height);
    uint8_t *rgb;
    status = g4_alloc((void **)&rgb, width, 3, "a row of pixels", err);
    for (size_t y = 0; y < height && status >= 0; y++) {
        convert_row(rgb, data + at + y * row_bytes, width, channels, max);
        status = rows->put(rows->ctx, rgb, err);
    }
    free(rgb);
    return status;
}

/* av_orientation.c - the display matrix of a stream or a frame. */
#include "encoders/media/av_orientation.h"

#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

static const int32_t *stream_matrix(const AVStream *stream)
{
#if LIBAVFORMAT_VERSION_MAJOR >= 61
    const AVCodecParameters *p = stream->codecpar;
    const AVPacketSideData *side =
        av_packet_side_data_get(p->coded_side_data, p->nb_coded_side_data,
                                AV_PKT_DATA_DISPLAYMATRIX);
    return side && side->size >= 9 * sizeof(int32_t) ? (const int32_t *)side->data : NULL;
#else
    size_t size = 0;
    const uint8_t *data = av_stream_get_side_data(stream, AV_PKT_DATA_DISPLAYMATRIX, &size);
    return data && size >= 9 * sizeof(int32_t) ? (const int32_t *)(const void *)data : NULL;
#endif
}

int g4_av_orientation(const AVStream *stream, const AVFrame *frame)
{
    const int32_t *m = stream_matrix(stream);
    if (!m) {
        const AVFrameSideData *side = av_frame_get_side_data(frame, AV_FRAME_DATA_DISPLAYMATRIX);
        if (side && side->size >= 9 * sizeof(int32_t))
            m = (const int32_t *)(const void *)side->data;
    }
    if (!m)
        return 1;
    /* A pixel at (x, y) is shown at (m0 x + m3 y, m1 x + m4 y), up to a shift. */
    int64_t a = m[0], b = m[1], c = m[3], d = m[4];
    if (llabs(a) + llabs(d) >= llabs(b) + llabs(c)) {
        if (a >= 0)
            return d >= 0 ? 1 : 4;
        return d >= 0 ? 2 : 3;
    }
    if (b >= 0)
        return c >= 0 ? 5 : 6;
    return c >= 0 ? 8 : 7;
}

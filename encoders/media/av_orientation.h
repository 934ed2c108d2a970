/*
 * av_orientation.h - how a video's frames want to be turned.
 */
#ifndef G4_ENCODERS_MEDIA_AV_ORIENTATION_H
#define G4_ENCODERS_MEDIA_AV_ORIENTATION_H

#include <libavformat/avformat.h>
#include <libavutil/frame.h>

/* The display matrix of the stream, else of the frame, as the EXIF orientation 1..8 that turns and
 * mirrors alike (the nearest one for slanted matrices). */
int g4_av_orientation(const AVStream *stream, const AVFrame *frame);

#endif

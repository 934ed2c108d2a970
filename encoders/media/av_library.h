/*
 * av_library.h - libav's libraries, loaded when they are needed.
 *
 * They bring more than a hundred others with them, which takes longer to load than a model to open
 * or a small picture to encode. No program is linked with them: av_library.c has the functions that
 * this program calls, by libav's own names, and each goes on to the real one. Of which version is
 * decided by the headers, as a linker would.
 */
#ifndef G4_ENCODERS_MEDIA_AV_LIBRARY_H
#define G4_ENCODERS_MEDIA_AV_LIBRARY_H

#include "lib/base/err.h"

/* Each with those before it. */
enum g4_av_part {
    G4_AV_TOOLS,   /* libavutil, libswresample, libswscale: about 2 ms */
    G4_AV_CODECS,  /* libavcodec: 14 ms */
    G4_AV_FORMATS, /* libavformat: 11 ms */
    G4_AV_PARTS
};

/*
 * To be called before anything of the part; waits where another thread is loading it. From any
 * thread, any number of times. G4_EUNSUPPORTED: a library, or a function in it, is missing.
 */
int g4_av_library_load(enum g4_av_part part, struct g4_err *err);

/* Begins to load all parts on a thread of its own, which has ended when the program exits. Errors
 * are told by g4_av_library_load. At most once, by a program that is about to need them. */
void g4_av_library_begin(void);

#endif

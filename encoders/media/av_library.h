/*
 * av_library.h - whether libav's libraries are there.
 *
 * They bring more than a hundred others with them, which takes longer to load than a small picture
 * to encode. g4-vision needs them for rare kinds of pictures only, so it is linked with
 * av_deferred.c, which loads them at the first use; all other programs are linked with them.
 */
#ifndef G4_ENCODERS_MEDIA_AV_LIBRARY_H
#define G4_ENCODERS_MEDIA_AV_LIBRARY_H

#include "lib/base/err.h"

/* To be called before anything of libav's in code that g4-vision runs. G4_EUNSUPPORTED: a library
 * cannot be loaded. From any thread, any number of times. */
int g4_av_library_load(struct g4_err *err);

#endif

/*
 * av_message.h - what libav says, as an error of ours. It prints nothing itself: its last complaint
 * on this thread is kept and goes into the message.
 */
#ifndef G4_ENCODERS_MEDIA_AV_MESSAGE_H
#define G4_ENCODERS_MEDIA_AV_MESSAGE_H

#include "lib/base/err.h"

/* Takes libav's log over for the process, and forgets what this thread kept. */
void g4_av_message_begin(void);

/* What libav complained of on this thread since then, "" if nothing. */
const char *g4_av_complaint(void);

/* "'name': cannot WHAT: reason (complaint)" for libav's error code averror. Returns the code set.
 */
int g4_av_error(struct g4_err *err, const char *name, const char *what, int averror);

#endif

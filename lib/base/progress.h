/*
 * progress.h - one line on a terminal, redrawn at most ten times a second, erased at the end.
 * Does nothing when stderr is not a terminal, or with -q.
 */
#ifndef G4_BASE_PROGRESS_H
#define G4_BASE_PROGRESS_H

/* "g4-audio: talk.mp3 12/60". total 0 = not known; both 0: `what` alone. */
void g4_progress(const char *what, unsigned long done, unsigned long total);

/* Erases the line if one is shown. */
void g4_progress_clear(void);

#endif

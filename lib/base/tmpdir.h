/*
 * tmpdir.h - where temporary files go.
 */
#ifndef G4_BASE_TMPDIR_H
#define G4_BASE_TMPDIR_H

/* $TMPDIR if it is an absolute path, else "/tmp". Not owned. */
const char *g4_tmpdir(void);

#endif

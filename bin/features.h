/*
 * features.h - what --version says behind the version: compiler, architecture, the CPU path chosen.
 */
#ifndef G4_BIN_FEATURES_H
#define G4_BIN_FEATURES_H

/* For struct g4_program.features. The text is static. */
const char *g4_features(void);

#endif

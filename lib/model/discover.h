/*
 * discover.h - which model a program runs: the first place that has one wins.
 *
 *     -m PATH|NAME, $G4_MODEL, $XDG_DATA_HOME/g4/models, $XDG_DATA_DIRS, Hugging Face cache,
 *     Ollama's store
 *
 * Never the network, never a copy, and never the demo model unless it is named.
 */
#ifndef G4_MODEL_DISCOVER_H
#define G4_MODEL_DISCOVER_H

#include <stddef.h>

#include "lib/base/err.h"

/* given: the -m argument or NULL. *path: the folder or file to open; the caller frees. *companion:
 * the towers' file where the place itself says which (Ollama's manifests), else NULL; the caller
 * frees. G4_ENOTFOUND: nothing found; the text says where was looked and which command downloads a
 * model. G4_EUSAGE: several candidates, listed. */
int g4_discover(char **path, char **companion, const char *given, struct g4_err *err);

struct g4_discovered {
    char *path;
    char *companion;   /* NULL = none named by the place */
    char *name;        /* what -m takes: a folder, org/repo, one of several files, name:tag */
    const char *place; /* "G4_MODEL", "XDG_DATA_HOME", "XDG_DATA_DIRS", "Hugging Face cache",
                          "Ollama" */
    char *problem;     /* why it cannot be opened, where its place tells; else NULL */
};

/* Every Gemma 4 that discovery could find by a name, in its order, for `g4-model list`: also those
 * that it would not choose unasked, and what cannot be opened but is named like one. */
int g4_discover_all(struct g4_discovered **list, size_t *count, struct g4_err *err);
void g4_discovered_free(struct g4_discovered *list, size_t count);

#endif

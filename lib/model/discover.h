/*
 * discover.h - which model a program runs: the first place that has one wins (cli.md rule 11).
 *
 *     -m PATH|NAME, $G4_MODEL, $XDG_DATA_HOME/g4/models, $XDG_DATA_DIRS, Hugging Face cache
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
    char *name;        /* folder name or org/repo */
    const char *place; /* "G4_MODEL", "XDG_DATA_HOME", "XDG_DATA_DIRS", "Hugging Face cache" */
};

/* Every model that discovery could find, in its order, for `g4-model list`. */
int g4_discover_all(struct g4_discovered **list, size_t *count, struct g4_err *err);
void g4_discovered_free(struct g4_discovered *list, size_t count);

#endif

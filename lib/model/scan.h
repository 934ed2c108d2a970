/*
 * scan.h - what may be a model below a folder, told by names alone: no file is opened but those
 * that name others. Internal to discovery.
 *
 *     folder        config.json beside safetensors; or, where no GGUF file is, config.json alone
 *     GGUF file     in a folder that is none of the above
 *     manifest      of Ollama's store (lib/model/ollama.h)
 *
 * What cannot be read is passed over as if it were not there; only memory can fail.
 */
#ifndef G4_MODEL_SCAN_H
#define G4_MODEL_SCAN_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/stat.h>

#include "lib/base/err.h"
#include "lib/model/candidate.h"

struct g4_scan {
    struct g4_candidate *items;
    size_t count;
};

void g4_scan_release(struct g4_scan *scan);

/* Appends; takes over both strings, which are freed when it fails. group: see g4_candidate. */
int g4_scan_add(struct g4_scan *scan, enum g4_candidate_kind kind, char *path, char *name,
                size_t group, struct g4_err *err);

/* Removes item i, keeping the order of the others. */
void g4_scan_drop(struct g4_scan *scan, size_t i);

/* Appends what is right in `folder`: itself, or its GGUF files; with `deeper` those of its folders,
 * too. `name` is what the folder goes by: it names the folder itself, and its files behind a slash;
 * "" = files have names of their own. */
int g4_scan_model(struct g4_scan *scan, const char *folder, const char *name, bool deeper,
                  struct g4_err *err);

/* Appends every model folder/NAME and folder/ORG/NAME, then every file folder/NAME.gguf, each in
 * the order of their bytes. */
int g4_scan_folder(struct g4_scan *scan, const char *folder, struct g4_err *err);

/* Appends what the snapshot of every models--ORG--REPO of a Hugging Face cache holds. */
int g4_scan_hub(struct g4_scan *scan, const char *folder, struct g4_err *err);

/* *path: the snapshot of one models--ORG--REPO folder: of those that hold weights, else a
 * configuration, the one that refs/main names, else the first by name. The caller frees; NULL when
 * there is none. */
int g4_scan_snapshot(char **path, const char *repository, struct g4_err *err);

/* "a/b"; NULL when out of memory. */
char *g4_scan_join(const char *a, const char *b);

/* Whether folder/name is there, links followed; kind: S_IFREG or S_IFDIR. */
bool g4_scan_is(const char *folder, const char *name, mode_t kind);

/* Names in a folder that do not begin with a dot, in the order of their bytes. How many, 0 for a
 * folder that cannot be read; or G4_ENOMEM. g4_scan_names_free afterwards, whatever came. */
struct dirent;
int g4_scan_names(struct dirent ***entries, const char *folder, struct g4_err *err);
void g4_scan_names_free(struct dirent **entries, int n);

#endif

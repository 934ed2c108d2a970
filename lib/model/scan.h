/*
 * scan.h - which model folders lie below a folder. Internal to discovery.
 *
 * What cannot be read is passed over as if it were not there; only memory can fail.
 */
#ifndef G4_MODEL_SCAN_H
#define G4_MODEL_SCAN_H

#include <stdbool.h>
#include <stddef.h>

#include "lib/base/err.h"
#include "lib/model/discover.h"

struct g4_scan {
    struct g4_discovered *items;
    size_t count;
};

void g4_scan_release(struct g4_scan *scan);

/* Appends; takes over both strings, which are freed when it fails. */
int g4_scan_add(struct g4_scan *scan, char *path, char *name, const char *place,
                struct g4_err *err);

/* Appends every folder/NAME and folder/ORG/NAME that holds a config.json, in the order of their
 * bytes. `place` is kept as a pointer. */
int g4_scan_folder(struct g4_scan *scan, const char *folder, const char *place, struct g4_err *err);

/* Appends every models--ORG--REPO of a Hugging Face cache whose snapshot has a config.json. */
int g4_scan_hub(struct g4_scan *scan, const char *folder, const char *place, struct g4_err *err);

/* The snapshot of one models--ORG--REPO folder: what refs/main names, else the first by name. The
 * caller frees; NULL when there is none. */
char *g4_scan_snapshot(const char *repository);

bool g4_scan_has_config(const char *folder); /* a config.json */
bool g4_scan_has_gguf(const char *folder);   /* a file named *.gguf */

/*
 * Whether discovery may choose the model unasked: model_type is Gemma 4's (no drafter), the weights
 * are there and not quantised, and it is instruction-tuned: it has a chat template
 * (chat_template.jinja, chat_template.json, or a member of tokenizer_config.json), or "-it" is a
 * part of its name. Returns 1 or 0, or G4_ENOMEM.
 */
int g4_scan_usable(const char *folder, const char *name, struct g4_err *err);

#endif

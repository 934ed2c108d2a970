/*
 * candidate.h - what may be a model, and what a look at it says. Internal to discovery.
 */
#ifndef G4_MODEL_CANDIDATE_H
#define G4_MODEL_CANDIDATE_H

#include <stdbool.h>
#include <stddef.h>

#include "lib/base/err.h"

enum g4_candidate_kind {
    G4_CANDIDATE_FOLDER,
    G4_CANDIDATE_GGUF,
    G4_CANDIDATE_MANIFEST, /* becomes a GGUF file when it is looked at */
};

/* In rising order. */
enum g4_candidate_worth {
    G4_WORTH_OTHER,  /* another family, a drafter, an adapter, towers alone */
    G4_WORTH_PART,   /* not the first part of a split model */
    G4_WORTH_BROKEN, /* cannot be opened */
    G4_WORTH_MODEL,  /* says that it is a Gemma 4 */
    G4_WORTH_CHOICE, /* and may be chosen unasked */
};

struct g4_candidate {
    enum g4_candidate_kind kind;
    char *path;
    char *companion; /* file of towers that a manifest names, else NULL */
    char *name;      /* "repo", "org/repo", "org/repo/file.gguf", "gemma4:e2b" */
    size_t group;    /* of a GGUF file in a folder: bytes of `name` that name the folder; else 0 */
    enum g4_candidate_worth worth; /* after a look */
    char *problem;                 /* after a look: why a manifest cannot be followed; else NULL */
};

void g4_candidate_release(struct g4_candidate *candidate);

/*
 * How well it goes by `wanted`: 2 by its name, 1 by a part of the name that begins behind a slash,
 * 0 not. Of a GGUF file also the folder counts, and ".gguf" may be left out; for the names of
 * Ollama's store see lib/model/ollama.h.
 */
int g4_candidate_match(const struct g4_candidate *candidate, const char *wanted);

/*
 * Sets worth. A choice is a Gemma 4 whose weights are there in a form that is read and which is
 * instruction-tuned: of a folder, it has a chat template (chat_template.jinja, chat_template.json,
 * or a member of tokenizer_config.json); of a GGUF file, tokenizer.chat_template is there, or
 * general.finetune or general.name have the word "it"; of a manifest, it has a template or is of
 * Ollama's own library; or, of any, "it" is a part of its name between dashes, dots, spaces or
 * lines. Headers are opened, nothing else is read. Only memory can fail.
 */
int g4_candidate_look(struct g4_candidate *candidate, struct g4_err *err);

/* Whether a name speaks of this family: what cannot be opened is listed only then. */
bool g4_candidate_named_gemma4(const struct g4_candidate *candidate);

#endif

/*
 * model_info.h - what g4-model says about models: as text for people, as JSON for programs.
 *
 *     model_info.c gathers the facts, model_info_text.c and model_info_json.c print them
 */
#ifndef G4_BIN_MODEL_INFO_H
#define G4_BIN_MODEL_INFO_H

#include <jansson.h>
#include <stdbool.h>
#include <stdio.h>

#include "lib/base/err.h"
#include "lib/model/config_family.h"
#include "lib/model/discover.h"
#include "lib/model/model.h"
#include "lib/model/summary.h"

/* Variant, modalities, shapes, types, ids, memory, and what the family needs. */
int g4_model_print_info(const struct g4_model *model, bool json, FILE *out, struct g4_err *err);

/* One line per model, in columns: name, variant, form, size, place, path; or an array of objects.
 * Every model is opened; what does not open is listed without variant, and why with -v. */
int g4_model_print_list(const struct g4_discovered *list, size_t count, bool json, FILE *out,
                        struct g4_err *err);

/* ------------------------------------------------------------ for the files that print */

enum { G4_INFO_CONTEXTS = 4, G4_INFO_HEX = 2 * G4_ID_BYTES + 1, G4_INFO_TYPES = 3 };

/* Bytes of a published model with all matrices in one type. */
struct g4_family_need {
    uint64_t file;     /* of the text */
    uint64_t resident; /* of these, what a run touches as a whole */
};

struct g4_family_member {
    const char *name;
    struct g4_family_need need[G4_INFO_TYPES]; /* g4_info_types */
    uint64_t vision, audio;                    /* bytes in BF16 */
    uint64_t cache[G4_INFO_CONTEXTS];          /* g4_info_contexts; 0 = more than it was made for */
};

extern const enum g4_dtype g4_info_types[G4_INFO_TYPES]; /* BF16, Q8_0, Q4_0 */
extern const size_t g4_info_contexts[G4_INFO_CONTEXTS];  /* 4K, 32K, 128K, 256K */

struct g4_info {
    const struct g4_model *model;
    struct g4_model_summary summary;
    char space_id[G4_INFO_HEX];
    char vision_id[G4_INFO_HEX], audio_id[G4_INFO_HEX]; /* "" = no such encoder */
    const char *modality[4];                            /* what the stored tensors can take in */
    size_t modalities;
    size_t context[G4_INFO_CONTEXTS]; /* lengths for the table of caches, ascending */
    size_t contexts;
    struct g4_family_member family[G4_FAMILY];
};

void g4_info_print_text(const struct g4_info *info, FILE *out);
json_t *g4_info_json(const struct g4_info *info); /* NULL when out of memory */

/* The file of towers beside a GGUF text model; NULL: there is none. */
const char *g4_info_towers(const struct g4_model *model);

/* "safetensors", "GGUF". */
const char *g4_info_format(const struct g4_model *model);

/* The layout of conversations: "small", "large" (decoder/chat.h); NULL without a text model. */
const char *g4_info_chat(const struct g4_model *model);

/* "9.5 GiB". Returns out. */
const char *g4_info_size(uint64_t bytes, char *out, size_t size);

/* Appends to *array or sets a member of *object. Where memory ran out, there or in the value, the
 * whole becomes NULL, and so does all that is made of it. */
void g4_info_append(json_t **array, json_t *value);
void g4_info_set(json_t **object, const char *key, json_t *value);

/* A string safe for terminals and for JSON. */
json_t *g4_info_string(const char *text);

/* Prints and releases `root`, which is NULL when memory ran out on the way. */
int g4_info_print_json(json_t *root, FILE *out, struct g4_err *err);

#endif

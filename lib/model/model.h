/*
 * model.h - an opened model: where it lies, its configuration, its mapped tensors, its space id.
 *
 * Opening reads the configuration and the tensor table; weights are touched when they are used.
 */
#ifndef G4_MODEL_MODEL_H
#define G4_MODEL_MODEL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/base/err.h"
#include "lib/model/config.h"
#include "lib/model/weights.h"

enum { G4_ID_BYTES = 16 };

struct g4_model {
    char *path;   /* folder or file as found */
    char *folder; /* the folder that holds config.json, tokenizer.json ...; a GGUF file needs
                     neither, see weights.text */
    char *name;   /* for people: see g4_model_name; general.name of a GGUF file not named so */
    struct g4_config config;
    struct g4_weights weights;
};

/*
 * path: a folder with config.json, a safetensors file beside one, or a GGUF file (text model, part
 * of a split one, or towers). companion: the GGUF file with the towers for a GGUF text model;
 * NULL = look for one beside it (lib/model/companion.h); "" = none. On failure *model is zeroed.
 * G4_EUNSUPPORTED: a model that the configuration or the metadata says is another.
 */
int g4_model_open(struct g4_model *model, const char *path, const char *companion,
                  struct g4_err *err);
void g4_model_close(struct g4_model *model); /* safe on a zeroed struct */

/* Path of a companion file in the model's folder ("tokenizer.json"); the caller frees. NULL when
 * out of memory. Whether it exists is for the caller to find out. */
char *g4_model_file(const struct g4_model *model, const char *name);

/* A GGUF file's name without its suffix and without the number of its part; for anything else
 * "org/repo" for a snapshot in the Hugging Face cache, else the last part of the path (which need
 * not exist). The caller frees; NULL when out of memory. */
char *g4_model_name(const char *path);

/*
 * Space id: first 16 bytes of SHA-256 over "g4-space-1", the width as u32, then the RMS-norm weight
 * vectors of the text model as float32. For each layer: input, post_attention, pre_feedforward,
 * post_feedforward, q_norm, k_norm (only where the layer owns its keys), then those the model has
 * of post_feedforward_1, pre_feedforward_2, post_feedforward_2, post_per_layer_input; after all
 * layers per_layer_projection_norm if there is one, last the final norm. All zero, and no error,
 * when the text tensors are not in the file (an encoder alone).
 */
int g4_model_space_id(const struct g4_model *model, uint8_t id[G4_ID_BYTES], struct g4_err *err);

/*
 * Encoder id: SHA-256 over "g4-encoder-1", a preprocessing version, every norm vector of the tower
 * (tensors whose published name begins with `tower_prefix`, sorted, at most 8192 elements, 1-D) and
 * the first 4096 values of the tensor `projection`, as float32; first 16 bytes.
 */
int g4_model_encoder_id(const struct g4_model *model, const char *tower_prefix,
                        const char *projection, uint32_t preprocessing_version,
                        uint8_t id[G4_ID_BYTES], struct g4_err *err);

#endif

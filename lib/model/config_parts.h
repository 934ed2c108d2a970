/*
 * config_parts.h - the parts of config.json, one reader each. Internal to lib/model/config*.c.
 *
 * A part is read by tables of fields: key, place in the struct, limits. The limits keep every
 * product of two or three sizes that the program forms below 2^63.
 */
#ifndef G4_MODEL_CONFIG_PARTS_H
#define G4_MODEL_CONFIG_PARTS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/format/json_read.h"
#include "lib/model/config.h"

enum {
    G4_CONFIG_WIDTH = 65536, /* hidden sizes: what a row of a stream may have */
    G4_CONFIG_FEED_FORWARD = 1 << 20,
    G4_CONFIG_LAYERS = 1024,
    G4_CONFIG_HEADS = 1024,
    G4_CONFIG_HEAD_DIM = 4096,
    G4_CONFIG_VOCABULARY = 1 << 24,
    G4_CONFIG_POSITIONS = 1 << 24,
};

/* A size_t member of the struct that `base` points to. */
struct g4_size_field {
    const char *key;
    size_t offset;
    bool required;
    int64_t min, max;
};

/* A float member. */
struct g4_float_field {
    const char *key;
    size_t offset;
    bool required;
    double min, max;
};

int g4_config_sizes(const struct g4_json_at *at, void *base, const struct g4_size_field *fields,
                    size_t n, struct g4_err *err);
int g4_config_floats(const struct g4_json_at *at, void *base, const struct g4_float_field *fields,
                     size_t n, struct g4_err *err);

/* A member that, if there is one, must have the value the programs compute with. */
int g4_config_fixed_string(const struct g4_json_at *at, const char *key, const char *value,
                           struct g4_err *err);
int g4_config_fixed_bool(const struct g4_json_at *at, const char *key, bool value,
                         struct g4_err *err);

/* quantization_config, where there is one: a form that is read, or G4_EUNSUPPORTED naming the
 * member that is another's. `at` is the root. */
int g4_config_check_quantised(const struct g4_json_at *at, struct g4_err *err);

int g4_config_read_text(struct g4_text_config *text, const struct g4_json_at *at,
                        struct g4_err *err);
/* What holds for a layer whatever file it was read from: an even head_dim, query heads that share
 * the key/value heads evenly. Sets its source; the layers before it are complete. `what` names the
 * file. */
int g4_config_link_layer(struct g4_text_config *text, size_t i, const char *what,
                         struct g4_err *err);

/* What holds for the towers whatever file they were read from; `where` is the part in it. */
int g4_config_check_vision(const struct g4_vision_config *vision, const char *what,
                           const char *where, struct g4_err *err);
int g4_config_check_audio(const struct g4_audio_config *audio, const char *what, const char *where,
                          struct g4_err *err);

/* own_head from tie_word_embeddings; where there is none it stays. */
int g4_config_read_head(struct g4_text_config *text, const struct g4_json_at *at,
                        struct g4_err *err);
int g4_config_read_vision(struct g4_vision_config *vision, const struct g4_json_at *at,
                          struct g4_err *err);
int g4_config_read_audio(struct g4_audio_config *audio, const struct g4_json_at *at,
                         struct g4_err *err);

#endif

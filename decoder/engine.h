/*
 * engine.h - inside of an engine: what every session of a model reads and none writes.
 */
#ifndef G4_DECODER_ENGINE_H
#define G4_DECODER_ENGINE_H

#include "decoder/decoder.h"
#include "decoder/text_weights.h"

struct g4_engine {
    const struct g4_model *model;        /* borrowed */
    const struct g4_exec *exec;          /* borrowed */
    const struct g4_text_config *config; /* the model's */
    struct g4_text_weights weights;
};

#endif

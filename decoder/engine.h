/*
 * engine.h - inside of an engine: what the sessions of a model share.
 */
#ifndef G4_DECODER_ENGINE_H
#define G4_DECODER_ENGINE_H

#include "decoder/decoder.h"
#include "decoder/text_weights.h"

struct g4_forward;

struct g4_engine {
    const struct g4_model *model;        /* borrowed */
    const struct g4_exec *exec;          /* borrowed */
    const struct g4_text_config *config; /* the model's */
    struct g4_text_weights weights;
    struct g4_forward *forward; /* the memory of a pass, for whichever session runs one */
};

#endif

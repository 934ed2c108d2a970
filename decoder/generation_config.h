/*
 * generation_config.h - how a checkpoint wants to be sampled and where it stops.
 *
 * generation_config.json: eos_token_id (a number or a list), do_sample, temperature, top_k, top_p,
 * suppress_tokens. Of a GGUF model its metadata instead: general.sampling.temp, .top_k and .top_p,
 * and under tokenizer.ggml: eos_token_id, eos_token_ids, eot_token_id and suppress_tokens; an id
 * that is no row of the vocabulary is how such files say "none". Missing file or members:
 * temperature 1.0, top_k 64, top_p 0.95, sampling. The media placeholders and begin markers are
 * always suppressed; <eos>, <turn|> and <|tool_response> always stop.
 */
#ifndef G4_DECODER_GENERATION_CONFIG_H
#define G4_DECODER_GENERATION_CONFIG_H

#include "decoder/sampler.h"
#include "decoder/tokenizer.h"
#include "lib/model/model.h"

struct g4_generation_config {
    struct g4_sampling sampling;
    struct g4_ids stop;     /* owned */
    struct g4_ids suppress; /* owned */
};

int g4_generation_config_load(struct g4_generation_config *config, const struct g4_model *model,
                              const struct g4_tokenizer *tokenizer, struct g4_err *err);
void g4_generation_config_release(struct g4_generation_config *config);

/* Whether id ends an answer. */
bool g4_generation_stops(const struct g4_generation_config *config, int32_t id);

#endif

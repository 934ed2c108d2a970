/*
 * config_gguf.h - every number of a model from GGUF metadata and the shapes of its tensors.
 *
 * The result is that of config.h, as if config.json had been read. What has no key is told by the
 * tensors: attn_v missing in an owning layer = keys are values; rows of token_embd = vocabulary;
 * presence of clip scalars, of v.std_bias; widths of the convolutions. Rotation factors stay a
 * tensor (rope_freqs, published name "rope_freqs.weight"), so partial_rotary_factor is 1. Integers
 * come in any width, per-layer keys as one value or one per layer. Limits are those of config.json.
 */
#ifndef G4_MODEL_CONFIG_GGUF_H
#define G4_MODEL_CONFIG_GGUF_H

#include "lib/base/err.h"
#include "lib/model/config.h"
#include "lib/model/weights.h"

/* weights are those of a GGUF model. Errors as g4_config_read. */
int g4_config_from_gguf(struct g4_config *config, const struct g4_weights *weights,
                        struct g4_err *err);

#endif

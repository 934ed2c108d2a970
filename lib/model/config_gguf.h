/*
 * config_gguf.h - every number of a model from GGUF metadata and the shapes of its tensors.
 *
 * The result is that of config.h, as if config.json had been read. Keys: gemma4.* for the text,
 * clip.* for the towers in a file of their own, gemma4.vision.* and gemma4.audio.* where one file
 * has all. What has no key is told by the tensors: attn_v missing in a full layer that owns its
 * keys = keys are values; rows of token_embd = vocabulary; presence of clip scalars, of v.std_bias;
 * widths of the convolutions. What neither says is as published: the sound tower's window of 13,
 * cap of 50, half residuals and epsilon of 1e-6 (some files state a wrong one), the picture tower's
 * angles of base 100 and pooling by 3, pictures whose tokens see each other where the text model
 * has no per-layer inputs. Rotation factors stay a tensor (rope_freqs, published name
 * "rope_freqs.weight"), so partial_rotary_factor is 1; without that tensor it is the published
 * 0.25. Integers come in any width, per-layer keys as one value or one per layer. Limits are those
 * of config.json.
 *
 * Without a text model (towers alone) text.present is false and only text.hidden_size is set: the
 * width that the towers project into.
 */
#ifndef G4_MODEL_CONFIG_GGUF_H
#define G4_MODEL_CONFIG_GGUF_H

#include "lib/base/err.h"
#include "lib/model/config.h"
#include "lib/model/weights.h"

/* weights are those of a GGUF model. On failure *config is zeroed. G4_EUNSUPPORTED: towers of
 * another family; G4_EINPUT: a key that is missing, of the wrong type or beyond its limits, a
 * tensor that tells a size and is missing, towers for another width than the text model's. */
int g4_config_from_gguf(struct g4_config *config, const struct g4_weights *weights,
                        struct g4_err *err);

#endif

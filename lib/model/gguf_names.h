/*
 * gguf_names.h - what the tensors of a model are called in GGUF files, in both directions.
 *
 *     model.language_model.layers.3.self_attn.q_proj.weight  <->  blk.3.attn_q.weight
 *     model.vision_tower.encoder.layers.0.mlp.up_proj.linear.weight  <->  v.blk.0.ffn_up.weight
 *     model.vision_tower.encoder.layers.0.mlp.up_proj.input_min  <->  v.blk.0.ffn_up.input_min
 *
 * Two dialects: that of llama.cpp's converter, which nearly all files are in, and that of Ollama's
 * own conversions, where a few names of the audio tower mean other tensors. Without towers (12B)
 * two names of llama.cpp's dialect, v.patch_embd.weight and v.position_embd.weight, stand for other
 * tensors, too; that is `unified`.
 */
#ifndef G4_MODEL_GGUF_NAMES_H
#define G4_MODEL_GGUF_NAMES_H

#include <stdbool.h>
#include <stddef.h>

enum g4_store { G4_STORE_SAFETENSORS, G4_STORE_GGUF, G4_STORE_OLLAMA };

enum { G4_NAME_BYTES = 512 };

/* The name in a GGUF file of a published name. false: these files have no such tensor (fused
 * experts that a file keeps apart are two names: experts.gate_proj, experts.up_proj). `store` is
 * one of the two dialects. */
bool g4_gguf_name(char out[G4_NAME_BYTES], enum g4_store store, const char *published);

/* The published name of a tensor of a GGUF file; false: none has it. Older spellings are understood
 * as well, so several stored names may have one published name. */
bool g4_gguf_published(char out[G4_NAME_BYTES], enum g4_store store, bool unified,
                       const char *stored);

#endif

#!/usr/bin/env python3
"""The space id of a model folder (man page g4-stream(5)): which decoder input space soft tokens live in.

  space_id.py DIR...        prints the 32 hexadecimal digits of each folder
"""
import hashlib, sys
import numpy as np
from tensors import read_model

LAYER_NORMS = ("input_layernorm", "post_attention_layernorm", "pre_feedforward_layernorm", "post_feedforward_layernorm",
               "self_attn.q_norm", "self_attn.k_norm", "post_feedforward_layernorm_1", "pre_feedforward_layernorm_2",
               "post_feedforward_layernorm_2", "post_per_layer_input_norm")
PREFIXES = ("model.language_model.", "language_model.model.", "model.")


def space_id(config, tensors):
    """16 bytes. Only norm vectors of the text model count; k_norm only in layers that own their keys."""
    text = config.get("text_config") or config
    prefix = next(p for p in PREFIXES if p + "norm.weight" in tensors)
    layers = text["num_hidden_layers"]
    owners = layers - (text.get("num_kv_shared_layers") or 0)
    digest = hashlib.sha256(b"g4-space-1" + np.uint32(text["hidden_size"]).tobytes())

    def add(name):
        if prefix + name + ".weight" in tensors:
            digest.update(np.ascontiguousarray(tensors[prefix + name + ".weight"], np.float32).tobytes())

    for i in range(layers):
        for norm in LAYER_NORMS:
            if norm != "self_attn.k_norm" or i < owners:
                add(f"layers.{i}.{norm}")
    add("per_layer_projection_norm")
    add("norm")
    return digest.digest()[:16]


if __name__ == "__main__":
    for folder in sys.argv[1:]:
        print(space_id(*read_model(folder)).hex(), folder)

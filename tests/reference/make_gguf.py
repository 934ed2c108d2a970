#!/usr/bin/env python3
"""GGUF twins of small model folders (config.json, model.safetensors in BF16), as llama.cpp's converter lays them out.

    make_gguf.py [OPTIONS] OUT DIR...     OUT/NAME/model.gguf and OUT/NAME/mmproj.gguf, NAME = last part of DIR;
                                          only what DIR has: its text model, its towers

    --type f32     every tensor F32 (default bf16: matrices BF16, the rest F32)
    --wide         integers of 64 bits, one value per layer wherever that is allowed
    --split N      model-00001-of-0000N.gguf ... instead of model.gguf
    --ollama       one file, model.gguf, with the names and keys of Ollama's own conversions

Other than in the folder: numbers of a patch by channel, row, column; softplus applied to per_dim_scale; the norms of the
sound tower's convolution under each other's name; the position table of models without towers by axis; scalars as [1];
a depthwise convolution as [channels, taps]; the angles that full layers leave alone as rope_freqs.
Needs nothing but Python.
"""
import argparse
import array
import json
import math
import os
import re
import struct

U16, U32, I32, F32, BOOL, STRING, ARRAY, U64 = 2, 4, 5, 6, 7, 8, 9, 10
TYPES = {"F32": (0, 4), "BF16": (30, 2)}
ALIGNMENT = 32


# ------------------------------------------------------------------------------------------ tensors

class Tensor:
    """Numbers as BF16 bit patterns (array "H"), or as they are (array "f")."""

    def __init__(self, shape, values):
        self.shape, self.values = list(shape), values

    def picked(self, shape, order):
        return Tensor(shape, array.array(self.values.typecode, [self.values[i] for i in order]))

    def floats(self):
        if self.values.typecode == "f":
            return self.values
        return array.array("f", array.array("I", [v << 16 for v in self.values]).tobytes())

    def reshaped(self, *shape):
        return Tensor(shape, self.values)


def read_folder(folder):
    with open(os.path.join(folder, "config.json")) as f:
        config = json.load(f)
    with open(os.path.join(folder, "model.safetensors"), "rb") as f:
        data = f.read()
    n = struct.unpack("<Q", data[:8])[0]
    tensors = {}
    for name, t in json.loads(data[8:8 + n]).items():
        if name == "__metadata__":
            continue
        if t["dtype"] != "BF16":
            raise SystemExit(f"{folder}: {name}: {t['dtype']}, expected BF16")
        begin, end = t["data_offsets"]
        values = array.array("H")
        values.frombytes(data[8 + n + begin:8 + n + end])
        tensors[name] = Tensor(t["shape"], values)
    return config, tensors


def channels_first(t, side):
    """Columns (row, column, channel) of a square patch -> (channel, row, column)."""
    order = [(i % (side * side)) * 3 + i // (side * side) for i in range(3 * side * side)]
    width = len(order)
    rows = len(t.values) // width
    return t.picked(t.shape, [r * width + i for r in range(rows) for i in order])


def axis_first(t):
    """[positions, 2, D] -> [2, positions, D]."""
    n, axes, d = t.shape
    return t.picked([axes, n, d], [(p * axes + a) * d + i for a in range(axes) for p in range(n) for i in range(d)])


def softplus(t):
    return Tensor(t.shape, array.array("f", [math.log1p(math.exp(v)) for v in t.floats()]))


# ------------------------------------------------------------------------------------------ names

TEXT_WHOLE = {"embed_tokens.weight": "token_embd.weight", "norm.weight": "output_norm.weight",
              "embed_tokens_per_layer.weight": "per_layer_token_embd.weight",
              "per_layer_model_projection.weight": "per_layer_model_proj.weight",
              "per_layer_projection_norm.weight": "per_layer_proj_norm.weight"}
TEXT_LAYER = {"input_layernorm.weight": "attn_norm.weight", "post_attention_layernorm.weight": "post_attention_norm.weight",
              "pre_feedforward_layernorm.weight": "ffn_norm.weight", "post_feedforward_layernorm.weight": "post_ffw_norm.weight",
              "layer_scalar": "layer_output_scale.weight", "self_attn.o_proj.weight": "attn_output.weight",
              "per_layer_input_gate.weight": "inp_gate.weight", "per_layer_projection.weight": "proj.weight",
              "post_per_layer_input_norm.weight": "post_norm.weight", "router.proj.weight": "ffn_gate_inp.weight",
              "router.scale": "ffn_gate_inp.scale", "router.per_expert_scale": "ffn_down_exps.scale",
              "experts.gate_up_proj": "ffn_gate_up_exps.weight", "experts.down_proj": "ffn_down_exps.weight",
              "pre_feedforward_layernorm_2.weight": "pre_ffw_norm_2.weight",
              "post_feedforward_layernorm_1.weight": "post_ffw_norm_1.weight",
              "post_feedforward_layernorm_2.weight": "post_ffw_norm_2.weight"}
for x in "qkv":
    TEXT_LAYER[f"self_attn.{x}_proj.weight"] = f"attn_{x}.weight"
    TEXT_LAYER[f"self_attn.{x}_norm.weight"] = f"attn_{x}_norm.weight"
for x in ("gate", "up", "down"):
    TEXT_LAYER[f"mlp.{x}_proj.weight"] = f"ffn_{x}.weight"

VISION_LAYER = {"input_layernorm": "ln1", "post_attention_layernorm": "attn_post_norm", "pre_feedforward_layernorm": "ln2",
                "post_feedforward_layernorm": "ffn_post_norm", "self_attn.q_norm": "attn_q_norm", "self_attn.k_norm": "attn_k_norm",
                "self_attn.q_proj": "attn_q", "self_attn.k_proj": "attn_k", "self_attn.v_proj": "attn_v",
                "self_attn.o_proj": "attn_out", "mlp.gate_proj": "ffn_gate", "mlp.up_proj": "ffn_up", "mlp.down_proj": "ffn_down"}
AUDIO_LAYER = {"norm_pre_attn": "attn_pre_norm", "norm_post_attn": "attn_post_norm", "norm_out": "ln2",
               "self_attn.q_proj": "attn_q", "self_attn.k_proj": "attn_k", "self_attn.v_proj": "attn_v", "self_attn.post": "attn_out",
               "self_attn.relative_k_proj": "attn_k_rel", "self_attn.per_dim_scale": "per_dim_scale",
               "lconv1d.linear_start": "conv_pw1", "lconv1d.linear_end": "conv_pw2", "lconv1d.depthwise_conv1d": "conv_dw",
               "lconv1d.pre_layer_norm": "conv_norm", "lconv1d.conv_norm": "norm_conv"}
for x, tail in ((1, ""), (2, "_1")):
    AUDIO_LAYER.update({f"feed_forward{x}.pre_layer_norm": "ffn_norm" + tail, f"feed_forward{x}.post_layer_norm": "ffn_post_norm" + tail,
                        f"feed_forward{x}.ffw_layer_1": "ffn_up" + tail, f"feed_forward{x}.ffw_layer_2": "ffn_down" + tail})
MEDIA_WHOLE = {"vision_tower.patch_embedder.input_proj": "v.patch_embd", "vision_tower.std_bias": "v.std_bias",
               "vision_tower.patch_embedder.position_embedding_table": "v.position_embd", "vision_tower.std_scale": "v.std_scale",
               "embed_vision.embedding_projection": "mm.input_projection", "embed_audio.embedding_projection": "mm.a.input_projection",
               "audio_tower.output_proj": "a.pre_encode.out",
               "vision_embedder.patch_dense": "v.patch_embd", "vision_embedder.pos_embedding": "v.position_embd",
               "vision_embedder.patch_ln1": "v.patch_norm.1", "vision_embedder.patch_ln2": "v.patch_norm.2",
               "vision_embedder.pos_norm": "v.patch_norm.3",
               "audio_tower.subsample_conv_projection.input_proj_linear": "a.input_projection"}
for x in "01":
    MEDIA_WHOLE[f"audio_tower.subsample_conv_projection.layer{x}.conv"] = f"a.conv1d.{x}"
    MEDIA_WHOLE[f"audio_tower.subsample_conv_projection.layer{x}.norm"] = f"a.conv1d.{x}.norm"
OLLAMA_AUDIO = {"a.pre_encode.out": "mm.a.fc", "a.input_projection": "a.pre_encode.out"}
OLLAMA_AUDIO_LAYER = {"attn_pre_norm": "ln1", "attn_post_norm": "ln2", "ln2": "layer_pre_norm", "attn_k_rel": "linear_pos"}


def text_name(name):
    m = re.fullmatch(r"layers\.(\d+)\.(.*)", name)
    return f"blk.{m[1]}.{TEXT_LAYER[m[2]]}" if m else TEXT_WHOLE[name]


def media_name(name, ollama):
    name, tail = re.fullmatch(r"(.*?)((?:\.linear)?\.(?:weight|bias|(?:in|out)put_m(?:in|ax)))?", name).groups()
    tail = (tail or "").replace(".linear", "")
    m = re.fullmatch(r"(vision_tower\.encoder|audio_tower)\.layers\.(\d+)\.(.*)", name)
    if not m:
        stored = MEDIA_WHOLE[name]
        stored = OLLAMA_AUDIO.get(stored, stored) if ollama else stored
        return stored + (tail or ("" if ".std_" in stored else ".weight"))
    if m[1] == "audio_tower":
        inner = AUDIO_LAYER[m[3]]
        inner = OLLAMA_AUDIO_LAYER.get(inner, inner) if ollama else inner
        return f"a.blk.{m[2]}.{inner}{tail or '.weight'}"
    return f"v.blk.{m[2]}.{VISION_LAYER[m[3]]}{tail or '.weight'}"


# ------------------------------------------------------------------------------------------ content

def convert_text(tensors, text, ollama):
    out = {}
    rope = text["rope_parameters"]["full_attention"]
    half = text["global_head_dim"] // 2
    turning = int(text["global_head_dim"] * rope["partial_rotary_factor"] / 2)
    out["rope_freqs.weight"] = Tensor([half], array.array("f", [1.0] * turning + [1e30] * (half - turning)))
    for name, t in tensors.items():
        stored = text_name(name)
        if ollama and stored.endswith("ffn_gate_up_exps.weight"):
            experts, rows, cols = t.shape
            part = rows * cols // 2
            for i, kind in enumerate(("gate", "up")):
                picked = array.array("H")
                for e in range(experts):
                    picked += t.values[(2 * e + i) * part:(2 * e + i + 1) * part]
                out[stored.replace("gate_up", kind)] = Tensor([experts, rows // 2, cols], picked)
            continue
        if ollama:
            stored = stored.replace("ffn_down_exps.scale", "ffn_gate_inp.per_expert_scale")
        out[stored] = t
    return out


def convert_media(tensors, config, ollama):
    out = {}
    vision = config.get("vision_config") or {}
    side = vision.get("patch_size", 0)
    unified = vision.get("model_type") == "gemma4_unified_vision"
    for name, t in tensors.items():
        if name.endswith("patch_embedder.input_proj.weight"):
            t = channels_first(t, side).reshaped(t.shape[0], 3, side, side)
        elif unified and (".patch_ln1." in name or name.endswith("patch_dense.weight")):
            t = channels_first(t, side * vision["pooling_kernel_size"])
        elif name.endswith(".pos_embedding"):
            t = axis_first(t)
        elif name.endswith(".per_dim_scale"):
            t = softplus(t)
        elif name.endswith(".depthwise_conv1d.weight"):
            t = t.reshaped(t.shape[0], t.shape[2])
        if not t.shape:
            t = t.reshaped(1)
        out[media_name(name, ollama)] = t
    return out


def text_values(text, put, wide):
    layers, shared = text["num_hidden_layers"], text.get("num_kv_shared_layers") or 0
    sliding = [kind == "sliding_attention" for kind in text["layer_types"]]
    narrow, full = text["num_key_value_heads"], text.get("num_global_key_value_heads")
    feed = text["intermediate_size"]
    feeds = [feed * 2 if text.get("use_double_wide_mlp") and i >= layers - shared else feed for i in range(layers)]
    heads = [narrow if s or full is None or not text["attention_k_eq_v"] else full for s in sliding]

    def per_layer(key, values):
        put(key, values if wide or len(set(values)) > 1 else values[0])

    put("gemma4.block_count", layers)
    put("gemma4.context_length", text["max_position_embeddings"])
    put("gemma4.embedding_length", text["hidden_size"])
    per_layer("gemma4.feed_forward_length", feeds)
    per_layer("gemma4.attention.head_count", [text["num_attention_heads"]] * layers)
    per_layer("gemma4.attention.head_count_kv", heads)
    put("gemma4.attention.key_length", text["global_head_dim"])
    put("gemma4.attention.value_length", text["global_head_dim"])
    put("gemma4.attention.key_length_swa", text["head_dim"])
    put("gemma4.attention.value_length_swa", text["head_dim"])
    put("gemma4.attention.layer_norm_rms_epsilon", float(text["rms_norm_eps"]))
    put("gemma4.attention.sliding_window", text["sliding_window"])
    put("gemma4.attention.sliding_window_pattern", sliding)
    put("gemma4.attention.shared_kv_layers", shared)
    put("gemma4.embedding_length_per_layer_input", text.get("hidden_size_per_layer_input") or 0)
    put("gemma4.rope.freq_base", float(text["rope_parameters"]["full_attention"]["rope_theta"]))
    put("gemma4.rope.freq_base_swa", float(text["rope_parameters"]["sliding_attention"]["rope_theta"]))
    put("gemma4.rope.dimension_count", text["global_head_dim"])
    put("gemma4.rope.dimension_count_swa", text["head_dim"])
    if text.get("final_logit_softcapping"):
        put("gemma4.final_logit_softcapping", float(text["final_logit_softcapping"]))
    if text.get("enable_moe_block"):
        put("gemma4.expert_count", text["num_experts"])
        put("gemma4.expert_used_count", text["top_k_experts"])
        put("gemma4.expert_feed_forward_length", text["moe_intermediate_size"])
    put("tokenizer.ggml.padding_token_id", text["pad_token_id"])


def media_values(config, put, ollama):
    vision, audio = config.get("vision_config"), config.get("audio_config")
    width = config["text_config"]["hidden_size"]
    prefix = "gemma4" if ollama else "clip"
    if not ollama:
        put("clip.has_vision_encoder", bool(vision))
        put("clip.has_audio_encoder", bool(audio))
    for kind, part in (("vision", vision), ("audio", audio)):
        if not part:
            continue
        unified = part["model_type"].startswith("gemma4_unified")
        key = f"{prefix}.{kind}."
        dim = part["mm_embed_dim" if kind == "vision" else "audio_embed_dim"] if unified else part["hidden_size"]
        put(key + "embedding_length", dim)
        put(key + "block_count", 0 if unified else part["num_hidden_layers"])
        put(key + "attention.head_count", 0 if unified else part["num_attention_heads"])
        put(key + "feed_forward_length", 0 if unified else part.get("intermediate_size", 4 * dim))
        # The sound tower's is known to be wrong in some files.
        put(key + "attention.layer_norm_epsilon", 1e-6 if kind == "vision" else 1e-3)
        if not ollama:
            put(key + "projection_dim", width)
            put(key + "projector_type", "gemma4" + ("u" if unified else "") + kind[0])
        if kind == "vision":
            put(key + "patch_size", part["patch_size"])
            if ollama or part["pooling_kernel_size"] != 3:
                put(key + "projector.scale_factor", part["pooling_kernel_size"])
        elif not ollama:
            put(key + "num_mel_bins", 128)


# ------------------------------------------------------------------------------------------ files

def string(text):
    raw = text.encode()
    return struct.pack("<Q", len(raw)) + raw


class File:
    def __init__(self, wide):
        self.values, self.wide = [], wide

    def number(self, value):
        if isinstance(value, bool):
            return BOOL, struct.pack("<?", value)
        if isinstance(value, float):
            return F32, struct.pack("<f", value)
        return (U64, struct.pack("<Q", value)) if self.wide else (U32, struct.pack("<I", value))

    def put(self, key, value, kind=None):
        if isinstance(value, str):
            kind, raw = STRING, string(value)
        elif isinstance(value, list):
            items = [self.number(v) for v in value]
            kind, raw = ARRAY, struct.pack("<IQ", items[0][0], len(items)) + b"".join(r for _, r in items)
        elif kind in ("u16", "i32"):
            kind, raw = (U16, struct.pack("<H", value)) if kind == "u16" else (I32, struct.pack("<i", value))
        else:
            kind, raw = self.number(value)
        self.values.append(string(key) + struct.pack("<I", kind) + raw)

    def write(self, path, tensors, kind):
        infos, data = [], []
        offset = 0
        for name, t in tensors.items():
            wanted = "F32" if kind == "f32" or forced_f32(name, t) else "BF16"
            raw = t.floats().tobytes() if wanted == "F32" else t.values.tobytes()
            code, _ = TYPES[wanted]
            ne = t.shape[::-1]
            infos.append(string(name) + struct.pack(f"<I{len(ne)}QIQ", len(ne), *ne, code, offset))
            data.append(raw + bytes(-len(raw) % ALIGNMENT))
            offset += len(data[-1])
        head = b"GGUF" + struct.pack("<IQQ", 3, len(tensors), len(self.values)) + b"".join(self.values) + b"".join(infos)
        with open(path, "wb") as f:
            f.write(head + bytes(-len(head) % ALIGNMENT) + b"".join(data))


def forced_f32(name, t):
    return (len(t.shape) == 1 or t.values.typecode == "f" or "conv" in name and len(t.shape) != 2 or
            re.search(r"\.conv_dw\.|^a\.input_projection|position_embd|patch_embd|ffn_gate_inp\.weight", name) is not None)


def start(options, name, architecture):
    out = File(options.wide)
    out.put("general.architecture", architecture)
    out.put("general.type", "model" if architecture == "gemma4" else "mmproj")
    out.put("general.name", name)
    return out


def write_parts(folder, out, tensors, count, kind):
    names = list(tensors)
    for no in range(count):
        part = out if no == 0 else File(False)
        for key, value in (("no", no), ("count", count)):
            part.put("split." + key, value, "u16")
        part.put("split.tensors.count", len(names), "i32")
        some = names[len(names) * no // count:len(names) * (no + 1) // count]
        part.write(os.path.join(folder, f"model-{no + 1:05d}-of-{count:05d}.gguf"), {n: tensors[n] for n in some}, kind)


def twin(options, folder):
    name = os.path.basename(os.path.normpath(folder))
    target = os.path.join(options.out, name)
    os.makedirs(target, exist_ok=True)
    config, tensors = read_folder(folder)
    of_text = "model.language_model."
    text = {n[len(of_text):]: t for n, t in tensors.items() if n.startswith(of_text)}
    media = {n[len("model."):]: t for n, t in tensors.items() if not n.startswith(of_text)}
    media = convert_media(media, config, options.ollama)
    if text:
        out = start(options, name, "gemma4")
        text_values(config["text_config"], out.put, options.wide)
        text = convert_text(text, config["text_config"], options.ollama)
        out.put("tokenizer.ggml.model", "llama" if options.ollama else "gemma4")
        if options.ollama and media:
            media_values(config, out.put, True)
            text.update(media)
        if options.split:
            write_parts(target, out, text, options.split, options.type)
        else:
            out.write(os.path.join(target, "model.gguf"), text, options.type)
    if media and not (options.ollama and text):
        out = start(options, name, "clip")
        media_values(config, out.put, False)
        out.write(os.path.join(target, "mmproj.gguf"), media, options.type)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--type", choices=("bf16", "f32"), default="bf16")
    parser.add_argument("--wide", action="store_true")
    parser.add_argument("--split", type=int)
    parser.add_argument("--ollama", action="store_true")
    parser.add_argument("out")
    parser.add_argument("folders", nargs="+")
    options = parser.parse_args()
    for folder in options.folders:
        twin(options, folder)


if __name__ == "__main__":
    main()

#!/usr/bin/env python3
"""Make the quantised twins: tiny random models in the layouts of quantised safetensors.

  make_side_formats.py OUT        OUT/decoder-w4a16, -mobile, -sfp8, vision-mobile, audio-mobile

Each folder is a golden case.  A twin is rounded, written, read back from its stored bytes (tests/reference/quantised.py),
and the expected values are what the float32 reference computes with the numbers read back.  Needs numpy only.
"""
import copy, hashlib, json, os, re, sys
import numpy as np
sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import audio, decoder, vision
from quantised import (BF16, quantise_groups, quantise_rows, quantise_sfp8, to_bf16, widened, write_safetensors)
from tensors import read_model

GOLDEN = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "data", "golden")
TEXT = "model.language_model."
LINEARS = r"(q_proj|k_proj|v_proj|o_proj|gate_proj|up_proj|down_proj|per_layer_input_gate|per_layer_projection)\.weight$"
PROMPT, NEW = 24, 24
SUPPRESS = [0, 125]
S, F = "sliding_attention", "full_attention"


# ------------------------------------------------------------------------------------------ the decoder
def decoder_config():
    text = dict(model_type="gemma4_text", vocab_size=128, hidden_size=64, intermediate_size=64, num_hidden_layers=4,
                layer_types=[S, F, S, F], num_attention_heads=2, num_key_value_heads=1,
                num_global_key_value_heads=None, head_dim=32, global_head_dim=64, attention_k_eq_v=False,
                attention_bias=False, hidden_activation="gelu_pytorch_tanh", rms_norm_eps=1e-6,
                final_logit_softcapping=30.0, sliding_window=8, max_position_embeddings=4096, num_kv_shared_layers=2,
                use_double_wide_mlp=True, use_bidirectional_attention=None, tie_word_embeddings=True,
                hidden_size_per_layer_input=32, vocab_size_per_layer_input=128, enable_moe_block=False,
                rope_parameters={S: {"rope_type": "default", "rope_theta": 10000.0},
                                 F: {"rope_type": "proportional", "partial_rotary_factor": 0.25, "rope_theta": 1000000.0}},
                pad_token_id=0, eos_token_id=1, bos_token_id=2)
    return dict(architectures=["Gemma4ForConditionalGeneration"], model_type="gemma4", dtype="bfloat16",
                tie_word_embeddings=True, text_config=text, vision_config=None, audio_config=None)


def decoder_weights(r, config):
    """Published names -> float32; everything that an E2B release has, keys and values of borrowing layers included."""
    c = config["text_config"]
    H, L, V, P, nh = (c[k] for k in ("hidden_size", "num_hidden_layers", "vocab_size", "hidden_size_per_layer_input",
                                     "num_attention_heads"))
    matrix = lambda out, n, gain=1.0: (r.standard_normal((out, n)) * gain / np.sqrt(n)).astype(np.float32)
    norm = lambda n, lo=0.5, hi=1.5: r.uniform(lo, hi, n).astype(np.float32)
    w = {"embed_tokens.weight": matrix(V, H, 4), "norm.weight": norm(H),
         "embed_tokens_per_layer.weight": r.standard_normal((V, L * P)).astype(np.float32) / np.float32(np.sqrt(P)),
         "per_layer_model_projection.weight": matrix(L * P, H, 2), "per_layer_projection_norm.weight": norm(P)}
    for i, kind in enumerate(c["layer_types"]):
        d = c["global_head_dim" if kind == F else "head_dim"]
        wide = c["intermediate_size"] * (2 if i >= L - c["num_kv_shared_layers"] else 1)
        layer = {"self_attn.q_proj.weight": matrix(nh * d, H), "self_attn.k_proj.weight": matrix(d, H),
                 "self_attn.v_proj.weight": matrix(d, H), "self_attn.o_proj.weight": matrix(H, nh * d),
                 "self_attn.q_norm.weight": norm(d, 0.2, 0.7), "self_attn.k_norm.weight": norm(d),
                 "mlp.gate_proj.weight": matrix(wide, H), "mlp.up_proj.weight": matrix(wide, H),
                 "mlp.down_proj.weight": matrix(H, wide), "per_layer_input_gate.weight": matrix(P, H),
                 "per_layer_projection.weight": matrix(H, P), "layer_scalar": norm(1, 0.3, 1.2)}
        for n in ("input_layernorm", "post_attention_layernorm", "pre_feedforward_layernorm",
                  "post_feedforward_layernorm", "post_per_layer_input_norm"):
            layer[n + ".weight"] = norm(H)
        w.update({f"layers.{i}.{k}": v for k, v in layer.items()})
    out = {TEXT + k: v for k, v in w.items()}
    out["lm_head.weight"] = matrix(V, H, 4)                          # not the embedding: it must be the one that is used
    return out


def borrows(config, name):
    c = config["text_config"]
    layer = re.search(r"layers\.(\d+)\.", name)
    return layer and int(layer[1]) >= c["num_hidden_layers"] - c["num_kv_shared_layers"]


def make_w4a16(config, weights):
    """int4 linears of the layers and of the per-layer projection; the rest stays BF16."""
    scheme = dict(actorder=None, block_structure=None, dynamic=False, group_size=32, num_bits=4, observer="minmax",
                  observer_kwargs={}, strategy="group", symmetric=True, type="int")
    config["quantization_config"] = dict(
        config_groups={"group_0": dict(input_activations=None, output_activations=None, targets=["Linear"], weights=scheme)},
        format="pack-quantized", ignore=["lm_head", "re:.*embed.*"], kv_cache_scheme=None,
        quant_method="compressed-tensors", quantization_status="compressed", transform_config={})
    out = {}
    for name, w in weights.items():
        if borrows(config, name) and re.search(r"k_proj|v_proj|k_norm", name):
            continue                                                 # not in these files
        if re.search(LINEARS + "|per_layer_model_projection", name):
            out.update({name[:-len(".weight")] + k: v for k, v in quantise_groups(w).items()})
        else:
            out[name] = BF16(w)
    return out


def mobile_linear(out, module, w, bits, r):
    out[module + ".weight"], out[module + ".weight_scale"] = quantise_rows(w, bits)
    for end in ("input", "output"):                                  # what a reader may ignore
        out[f"{module}.{end}_activation_scale"] = np.float32(r.uniform(0.01, 1)).reshape(())


def make_mobile(config, weights, r):
    """2, 4 and 8 bits as in E2B: tables with 1 and with L scales per row, a head of its own."""
    c = config["text_config"]
    del config["architectures"]
    config["tie_word_embeddings"] = c["tie_word_embeddings"] = False
    config["quantization_config"] = dict(quant_method="gemma", num_bits=4, quantize_embeddings=True,
                                         module_quant_configs={".*per_layer_(input_gate|projection)": {"num_bits": 8}},
                                         modules_to_not_convert=["per_layer_model_projection"])
    out = {}
    for name, w in weights.items():
        module = name[:-len(".weight")]
        if borrows(config, name) and "k_norm" in name:
            continue
        if name == "lm_head.weight":
            mobile_linear(out, module, w, 2, r)
        elif re.search("embed_tokens", name):
            bits, blocks = (4, c["num_hidden_layers"]) if "per_layer" in name else (2, 1)
            out[module + ".embedding_quantized"], out[module + ".embedding_scale"] = quantise_rows(w, bits, blocks)
        elif re.search(LINEARS, name):
            bits = 8 if "per_layer" in name else 2 if ".mlp." in name and borrows(config, name) else 4
            mobile_linear(out, module, w, bits, r)
        else:
            out[name] = BF16(w)
    for i in range(c["num_hidden_layers"]):
        for end in ("k", "v"):
            out[f"{TEXT}layers.{i}.self_attn.{end}_cache_scale"] = np.float32(0.5).reshape(())
    return out


def make_sfp8(config, weights):
    """Every matrix in eight bits of floating point."""
    out = {}
    for name, w in weights.items():
        if w.ndim == 2 and name != "lm_head.weight":
            out[name], scale = quantise_sfp8(w)
            out[name + ".scale"] = np.float32(scale).reshape(())
        elif w.ndim == 1:
            out[name] = BF16(w)
    return out


def run_decoder(folder, r):
    """A prompt whose greedy continuation is never a close call."""
    config, tensors = read_model(folder)
    model = decoder.Decoder(config, widened(config, tensors))
    for attempt in range(500):
        ids = [2] + [int(i) for i in r.integers(3, model.c.V, PROMPT - 1)]
        got = {}
        model.forward(ids, None, keep=got)
        new, _ = decoder.generate(model, ids, NEW, suppress=SUPPRESS)
        _, rest = model.forward(ids + new[:-1])
        top = np.sort(np.delete(rest[PROMPT - 1:], SUPPRESS, -1), axis=-1)
        if (top[:, -1] - top[:, -2]).min() > 0.05 and len(set(new)) > 1:
            break
    else:
        raise SystemExit(folder + ": no prompt found")
    chunks = [7, 1, 9, PROMPT - 17]
    i32 = lambda a: np.asarray(a, np.int32)
    f32 = lambda a: np.ascontiguousarray(a, np.float32)
    write_safetensors(os.path.join(folder, "vectors.safetensors"), {
        "text.ids": i32(ids), "text.greedy": i32(new), "text.chunks": i32(chunks), "suppress": i32(SUPPRESS),
        "text.inputs_embeds": f32(got["inputs_embeds"]), "text.per_layer_inputs": f32(got["per_layer_inputs"]),
        "text.layers": f32(got["layers"]), "text.logits": f32(got["logits"])})
    print(os.path.basename(folder), f"attempt {attempt}, {len(set(new))} different ids, largest logit {np.abs(top).max():.1f}")


# ------------------------------------------------------------------------------------------ the towers
def shortened(case, part, layers):
    """A golden tower without its clip limits and with fewer layers."""
    config, weights = read_model(os.path.join(GOLDEN, case))
    config[part]["num_hidden_layers"] = layers
    keep = lambda n: not re.search(r"_(min|max)$", n) and not any(f"layers.{i}." in n for i in range(layers, 9))
    return config, {n: w for n, w in weights.items() if keep(n)}


def make_tower(config, weights, bits_of, plain, r):
    config = copy.deepcopy(config)
    config["quantization_config"] = dict(quant_method="gemma", num_bits=4, module_quant_configs={}, modules_to_not_convert=[])
    out = {}
    for name, w in weights.items():
        if name.endswith(".linear.weight"):
            mobile_linear(out, name[:-len(".weight")], w, bits_of(name), r)
        else:
            out[name] = plain(name, w)
    return config, out


def run_vision(folder, r):
    config, tensors = read_model(folder)
    y, x = np.mgrid[:40, :56]
    rgb = np.stack([127 + 120 * np.sin(x / 9), 127 + 120 * np.cos(y / 7), (x * y) % 256], -1).astype(np.uint8)
    trace = {}
    soft = vision.encode(rgb, 70, widened(config, tensors), config, trace)
    h, w = trace["resized"].shape[:2]
    case = dict(image="waves", budget=70, height=h, width=w, soft_tokens=len(soft),
                resized_sha256=hashlib.sha256(np.ascontiguousarray(trace["resized"]).tobytes()).hexdigest())
    write_json(os.path.join(folder, "cases.json"), {"cases": [case]})
    write_safetensors(os.path.join(folder, "vectors.safetensors"), {
        "image.waves": rgb, "waves.70.pooled": trace["pooled"], "waves.70.soft": soft})


def run_audio(folder, r):
    config, tensors = read_model(folder)
    t = np.arange(8000) / 16000
    pcm = np.round(9000 * np.sin(2 * np.pi * (200 + 900 * t) * t) + 600 * r.standard_normal(len(t))).astype(np.int16)
    trace = {}
    soft = audio.encode(pcm.astype(np.float32) / np.float32(32768), widened(config, tensors), config, trace)
    write_json(os.path.join(folder, "cases.json"), {"cases": [dict(clip="chirp", samples=len(pcm), soft_tokens=len(soft))]})
    write_safetensors(os.path.join(folder, "vectors.safetensors"),
                      {"chirp.samples": pcm, **{"chirp." + k: np.ascontiguousarray(v, np.float32) for k, v in trace.items()}})


# ------------------------------------------------------------------------------------------ all
def write_json(path, value):
    with open(path, "w") as f:
        json.dump(value, f, indent=1)
        f.write("\n")


def write_case(out, name, config, tensors, run, r):
    folder = os.path.join(out, name)
    os.makedirs(folder, exist_ok=True)
    write_json(os.path.join(folder, "config.json"), config)
    write_safetensors(os.path.join(folder, "model.safetensors"), tensors, "mobile" not in name)
    run(folder, r)


def main():
    out, r = sys.argv[1], np.random.default_rng(4)
    weights = decoder_weights(r, decoder_config())
    for name, make in (("w4a16", make_w4a16), ("mobile", lambda c, w: make_mobile(c, w, r)), ("sfp8", make_sfp8)):
        config = decoder_config()
        tensors = make(config, weights)
        write_case(out, "decoder-" + name, config, tensors, run_decoder, r)
    config, weights = shortened("vision-small", "vision_config", 2)
    config["vision_config"]["position_embedding_size"] = 64
    table = "model.vision_tower.patch_embedder.position_embedding_table"
    weights[table] = np.ascontiguousarray(weights[table][:, :64])
    config, tensors = make_tower(config, weights, lambda n: 8, lambda n, w: w if "embed_vision" in n else BF16(w), r)
    write_case(out, "vision-mobile", config, tensors, run_vision, r)
    config, weights = shortened("audio-e2b", "audio_config", 2)
    config, tensors = make_tower(config, weights, lambda n: 4 if "linear_start" in n else 2, lambda n, w: w, r)
    write_case(out, "audio-mobile", config, tensors, run_audio, r)


if __name__ == "__main__":
    main()

#!/usr/bin/env python3
"""Make a model folder of full size without its numbers: the header is the published one, the data a hole.

  make_published_layout.py w4a16|mobile FOLDER

E2B as published in int4 groups and in 2, 4 and 8 bits: every tensor name, type and shape.  The file has the length of the
published one to the byte, header included, which this program checks; on disk it takes little more than the header.
Only the shapes that int4 groups repeat are written.  Plain Python.
"""
import json, os, struct, sys

H, L, P, V, NH, F, OWNERS = 1536, 35, 256, 262144, 8, 6144, 15
D, FF, LAYERS, POSITIONS = 768, 3072, 16, 10240                       # pictures
A, BLOCKS, OUT = 1024, 12, 1536                                       # sound
BYTES = {"I64": 8, "F32": 4, "I32": 4, "BF16": 2, "I8": 1, "U8": 1}   # in the order in which the writer sorts types
PUBLISHED = {"w4a16": (2504, 8316306646), "mobile": (2780, 2458111846)}   # tensors, bytes of the file
TEXT, VISION, AUDIO = "model.language_model.", "model.vision_tower.", "model.audio_tower."
FULL = [i for i in range(L) if i % 5 == 4]


class Layout:
    def __init__(self, kind):
        self.kind, self.tensors, self.shapes = kind, {}, {}

    def add(self, name, shape, dtype="BF16"):
        assert name not in self.tensors, name
        self.tensors[name] = (dtype, shape)

    def linear(self, module, out, n, bits=None):
        """bits: of the mobile form; None: not quantised there"""
        if self.kind == "mobile" and bits:
            self.add(module + ".weight", [out, n * bits // 8], "I8" if bits == 8 else "U8")
            self.add(module + ".weight_scale", [out, 1], "F32")
            self.add(module + ".input_activation_scale", [], "F32")
            self.add(module + ".output_activation_scale", [], "F32")
        else:
            self.add(module + ".weight", [out, n])

    def words(self, module, out, n, bits=None):
        """int4 groups in w4a16"""
        if self.kind == "mobile":
            return self.linear(module, out, n, bits)
        self.add(module + ".weight_packed", [out, n // 8], "I32")
        self.add(module + ".weight_scale", [out, n // 32])
        self.add(module + ".weight_shape", [2], "I64")
        self.shapes[module + ".weight_shape"] = (out, n)

    def table(self, module, n, bits, blocks):
        if self.kind == "mobile":
            self.add(module + ".embedding_quantized", [V, n * bits // 8], "U8")
            self.add(module + ".embedding_scale", [V, blocks], "F32")
        else:
            self.add(module + ".weight", [V, n])

    def clipped(self, module, out, n, bits):
        self.linear(module + ".linear", out, n, bits)
        if self.kind != "mobile":                                     # the limits went into the rounding of activations
            for end in ("input_min", "input_max", "output_min", "output_max"):
                self.add(f"{module}.{end}", [])


def text(m):
    m.table(TEXT + "embed_tokens", H, 2, 1)
    m.table(TEXT + "embed_tokens_per_layer", L * P, 4, L)
    m.linear("lm_head", V, H, 2)
    m.words(TEXT + "per_layer_model_projection", L * P, H)
    m.add(TEXT + "per_layer_projection_norm.weight", [P])
    m.add(TEXT + "norm.weight", [H])
    for i in range(L):
        p, d, own = f"{TEXT}layers.{i}.", 512 if i in FULL else 256, i < OWNERS
        wide, bits = (F, 4) if own else (2 * F, 2)
        for n in ("input_layernorm", "post_attention_layernorm", "pre_feedforward_layernorm", "post_feedforward_layernorm",
                  "post_per_layer_input_norm"):
            m.add(f"{p}{n}.weight", [H])
        m.add(p + "layer_scalar", [1])
        m.words(p + "self_attn.q_proj", NH * d, H, 4)
        m.words(p + "self_attn.o_proj", H, NH * d, 4)
        m.add(p + "self_attn.q_norm.weight", [d])
        if own or m.kind == "mobile":
            m.words(p + "self_attn.k_proj", d, H, 4)
            m.words(p + "self_attn.v_proj", d, H, 4)
        if own:
            m.add(p + "self_attn.k_norm.weight", [d])
        if m.kind == "mobile":
            m.add(p + "self_attn.k_cache_scale", [], "F32")
            m.add(p + "self_attn.v_cache_scale", [], "F32")
        m.words(p + "mlp.gate_proj", wide, H, bits)
        m.words(p + "mlp.up_proj", wide, H, bits)
        m.words(p + "mlp.down_proj", H, wide, bits)
        m.words(p + "per_layer_input_gate", P, H, 8)
        m.words(p + "per_layer_projection", H, P, 8)


def pictures(m):
    plain = "F32" if m.kind == "mobile" else "BF16"
    m.add(VISION + "patch_embedder.input_proj.weight", [D, 768])
    m.add(VISION + "patch_embedder.position_embedding_table", [2, POSITIONS, D])
    m.add("model.embed_vision.embedding_projection.weight", [H, D], plain)
    for i in range(LAYERS):
        p = f"{VISION}encoder.layers.{i}."
        for n in ("input_layernorm", "post_attention_layernorm", "pre_feedforward_layernorm", "post_feedforward_layernorm"):
            m.add(f"{p}{n}.weight", [D])
        m.add(p + "self_attn.q_norm.weight", [64])
        m.add(p + "self_attn.k_norm.weight", [64])
        for n in "qkvo":
            m.clipped(f"{p}self_attn.{n}_proj", D, D, 8)
        m.clipped(p + "mlp.gate_proj", FF, D, 8)
        m.clipped(p + "mlp.up_proj", FF, D, 8)
        m.clipped(p + "mlp.down_proj", D, FF, 8)


def sound(m):
    plain = "F32" if m.kind == "mobile" else "BF16"
    stem = AUDIO + "subsample_conv_projection."
    m.add(stem + "layer0.conv.weight", [128, 1, 3, 3], plain)
    m.add(stem + "layer0.norm.weight", [128], plain)
    m.add(stem + "layer1.conv.weight", [32, 128, 3, 3], plain)
    m.add(stem + "layer1.norm.weight", [32], plain)
    m.add(stem + "input_proj_linear.weight", [A, A], plain)
    m.add(AUDIO + "output_proj.weight", [OUT, A], plain)
    m.add(AUDIO + "output_proj.bias", [OUT], plain)
    m.add("model.embed_audio.embedding_projection.weight", [H, OUT], plain)
    for i in range(BLOCKS):
        p = f"{AUDIO}layers.{i}."
        for half in ("feed_forward1.", "feed_forward2."):
            m.add(p + half + "pre_layer_norm.weight", [A], plain)
            m.add(p + half + "post_layer_norm.weight", [A], plain)
            m.clipped(p + half + "ffw_layer_1", 4 * A, A, 2)
            m.clipped(p + half + "ffw_layer_2", A, 4 * A, 2)
        for n in ("q_proj", "k_proj", "v_proj", "post"):
            m.clipped(f"{p}self_attn.{n}", A, A, 2)
        m.add(p + "self_attn.relative_k_proj.weight", [A, A], plain)
        m.add(p + "self_attn.per_dim_scale", [128], plain)
        m.clipped(p + "lconv1d.linear_start", 2 * A, A, 4)
        m.clipped(p + "lconv1d.linear_end", A, A, 2)
        m.add(p + "lconv1d.depthwise_conv1d.weight", [A, 1, 5], plain)
        m.add(p + "lconv1d.pre_layer_norm.weight", [A], plain)
        m.add(p + "lconv1d.conv_norm.weight", [A], plain)
        for n in ("norm_pre_attn", "norm_post_attn", "norm_out"):
            m.add(f"{p}{n}.weight", [A], plain)


def write_file(m, path):
    header = {"__metadata__": {"format": "pt"}} if m.kind != "mobile" else {}
    at = 0
    for name in sorted(m.tensors, key=lambda n: (list(BYTES).index(m.tensors[n][0]), n)):
        dtype, shape = m.tensors[name]
        size = BYTES[dtype]
        for n in shape:
            size *= n
        header[name] = {"dtype": dtype, "shape": shape, "data_offsets": [at, at + size]}
        at += size
    raw = json.dumps(header, separators=(",", ":")).encode()
    raw += b" " * (-len(raw) % 8)
    length = 8 + len(raw) + at
    assert (len(m.tensors), length) == PUBLISHED[m.kind], (len(m.tensors), length, PUBLISHED[m.kind], len(raw), at)
    with open(path, "wb") as f:
        f.write(struct.pack("<Q", len(raw)) + raw)
        for name, shape in m.shapes.items():
            f.seek(8 + len(raw) + header[name]["data_offsets"][0])
            f.write(struct.pack("<2q", *shape))
        f.truncate(length)


def config(kind):
    rope = {"sliding_attention": {"rope_type": "default", "rope_theta": 10000.0},
            "full_attention": {"rope_type": "proportional", "partial_rotary_factor": 0.25, "rope_theta": 1000000.0}}
    c = dict(model_type="gemma4", tie_word_embeddings=kind != "mobile",
             text_config=dict(
                 model_type="gemma4_text", hidden_size=H, num_hidden_layers=L, vocab_size=V, intermediate_size=F,
                 num_attention_heads=NH, num_key_value_heads=1, head_dim=256, global_head_dim=512, sliding_window=512,
                 layer_types=["full_attention" if i in FULL else "sliding_attention" for i in range(L)],
                 num_kv_shared_layers=L - OWNERS, use_double_wide_mlp=True, hidden_size_per_layer_input=P, rms_norm_eps=1e-6,
                 final_logit_softcapping=30.0, max_position_embeddings=131072, rope_parameters=rope, pad_token_id=0),
             vision_config=dict(
                 model_type="gemma4_vision", hidden_size=D, intermediate_size=FF, num_hidden_layers=LAYERS,
                 num_attention_heads=12, head_dim=64, patch_size=16, pooling_kernel_size=3, position_embedding_size=POSITIONS,
                 use_clipped_linears=True, rms_norm_eps=1e-6, rope_parameters={"rope_theta": 100.0}),
             audio_config=dict(
                 model_type="gemma4_audio", hidden_size=A, num_hidden_layers=BLOCKS, num_attention_heads=8,
                 subsampling_conv_channels=[128, 32], conv_kernel_size=5, attention_context_left=13, attention_logit_cap=50.0,
                 residual_weight=0.5, rms_norm_eps=1e-6, output_proj_dims=OUT))
    if kind == "mobile":
        c["quantization_config"] = dict(quant_method="gemma", num_bits=4, quantize_embeddings=True)
    else:
        weights = dict(num_bits=4, type="int", symmetric=True, strategy="group", group_size=32)
        c["quantization_config"] = dict(quant_method="compressed-tensors", format="pack-quantized",
                                        config_groups={"group_0": {"targets": ["Linear"], "weights": weights}})
    return c


def main():
    kind, folder = sys.argv[1:]
    m = Layout(kind)
    text(m), pictures(m), sound(m)
    os.makedirs(folder, exist_ok=True)
    write_file(m, os.path.join(folder, "model.safetensors"))
    with open(os.path.join(folder, "config.json"), "w") as f:
        json.dump(config(kind), f)


if __name__ == "__main__":
    main()

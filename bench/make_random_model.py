#!/usr/bin/env python3
"""Write a full-size Gemma 4 checkpoint with random weights, for benchmarks and load tests.

The files have the real architecture, tensor names, shapes and block formats of the
published GGUF files, and a made-up vocabulary
of the published size, so any engine that runs Gemma 4 GGUF files can be timed on them.
The weights are random: the text that comes out means nothing.  Needs python3 and numpy (Debian: python3-numpy), nothing else.

  make_random_model.py --variant e2b --quant q4_0 --out DIR
      -> DIR/e2b-q4_0.gguf            text model
      -> DIR/mmproj-e2b-bf16.gguf     vision (+ audio) towers

  --layers N      keep only the first N decoder layers (quick smoke tests)
  --no-text / --no-mmproj
  --mmproj-quant bf16|f16|q8_0|f32
"""
import argparse, json, os, struct, sys
import numpy as np

F32, F16, Q4_0, Q8_0, Q4_K, Q6_K, BF16 = 0, 1, 2, 8, 12, 14, 30
BLOCK = {F32: (1, 4), F16: (1, 2), BF16: (1, 2), Q4_0: (32, 18), Q8_0: (32, 34),
         Q4_K: (256, 144), Q6_K: (256, 210)}
TYPE = {"f32": F32, "f16": F16, "bf16": BF16, "q4_0": Q4_0, "q8_0": Q8_0, "q4_k": Q4_K, "q6_k": Q6_K}
V = 262144

# heads, kv (SWA), kv (FULL), period of the layer pattern, shared kv layers, PLE width, k_eq_v
VARIANT = {
    "e2b": dict(H=1536, L=35, F=6144, nh=8, kv=1, kvg=1, period=5, shared=20, ple=256, keqv=False,
                window=512, ctx=131072, wide=True, vis="small", audio=True),
    "e4b": dict(H=2560, L=42, F=10240, nh=8, kv=2, kvg=2, period=6, shared=18, ple=256, keqv=False,
                window=512, ctx=131072, wide=False, vis="small", audio=True),
    "26b": dict(H=2816, L=30, F=2112, nh=16, kv=8, kvg=2, period=6, shared=0, ple=0, keqv=True,
                window=1024, ctx=262144, wide=False, vis="large", audio=False, experts=128, top=8, FE=704),
    "31b": dict(H=5376, L=60, F=21504, nh=32, kv=16, kvg=4, period=6, shared=0, ple=0, keqv=True,
                window=1024, ctx=262144, wide=False, vis="large", audio=False),
}
SPECIAL = {0: "<pad>", 1: "<eos>", 2: "<bos>", 3: "<unk>", 4: "<mask>", 5: "[multimodal]",
           46: "<|tool>", 47: "<tool|>", 48: "<|tool_call>", 49: "<tool_call|>", 50: "<|tool_response>",
           51: "<tool_response|>", 52: '<|"|>', 98: "<|think|>", 100: "<|channel>", 101: "<channel|>",
           105: "<|turn>", 106: "<turn|>", 255999: "<|image>", 256000: "<|audio>", 258880: "<|image|>",
           258881: "<|audio|>", 258882: "<image|>", 258883: "<audio|>", 258884: "<|video|>"}


class Gguf:
    """Minimal GGUF v3 writer: metadata, tensor infos, then data streamed in order."""

    def __init__(self, rng):
        self.kv, self.tensors, self.rng = [], [], rng
        self.pool = {}

    @staticmethod
    def _str(s):
        b = s.encode()
        return struct.pack("<Q", len(b)) + b

    def add(self, key, kind, value):
        fmt = {"u32": (4, "<I"), "i32": (5, "<i"), "f32": (6, "<f"), "bool": (7, "<?")}
        if kind == "str":
            body = struct.pack("<I", 8) + self._str(value)
        elif kind in fmt:
            t, f = fmt[kind]
            body = struct.pack("<I", t) + struct.pack(f, value)
        elif kind == "str[]":
            body = struct.pack("<IIQ", 9, 8, len(value)) + b"".join(self._str(s) for s in value)
        else:
            t, f = fmt[kind[:-2]]
            body = struct.pack("<IIQ", 9, t, len(value)) + b"".join(struct.pack(f, v) for v in value)
        self.kv.append(self._str(key) + body)

    def tensor(self, name, ne, typ, fill="normal", value=1.0, std=0.02):
        """ne: fastest dimension first.  fill: normal | const | ones (1 +- 5 %) | array."""
        n, b = BLOCK[typ]
        if ne[0] % n:
            raise SystemExit(f"{name}: {ne[0]} is not a multiple of {n}")
        size = int(np.prod(ne, dtype=np.int64)) // n * b
        self.tensors.append((name, list(ne), typ, size, fill, value, std))

    def _noise(self, typ, std):
        """About 16 MiB of random blocks of one type, reused at random offsets."""
        key = (typ, std)
        if key in self.pool:
            return self.pool[key]
        rng, nblk = self.rng, (1 << 24) // BLOCK[typ][1]
        if typ == F32:
            a = (rng.standard_normal(nblk, dtype=np.float32) * std)
        elif typ == F16:
            a = (rng.standard_normal(nblk, dtype=np.float32) * std).astype(np.float16)
        elif typ == BF16:
            u = (rng.standard_normal(nblk, dtype=np.float32) * std).view(np.uint32)
            a = ((u + 0x7fff + ((u >> 16) & 1)) >> 16).astype(np.uint16)
        elif typ == Q4_0:
            a = rng.integers(0, 256, (nblk, 18), dtype=np.uint8)
            a[:, 0:2] = (np.full(nblk, std / 4.6) * rng.uniform(0.7, 1.3, nblk)).astype(np.float16).view(np.uint8).reshape(-1, 2)
        elif typ == Q8_0:
            a = rng.integers(0, 256, (nblk, 34), dtype=np.uint8)
            a[:, 0:2] = (np.full(nblk, std / 74.0) * rng.uniform(0.7, 1.3, nblk)).astype(np.float16).view(np.uint8).reshape(-1, 2)
        elif typ == Q6_K:
            a = rng.integers(0, 256, (nblk, 210), dtype=np.uint8)
            a[:, 192:208] = rng.integers(40, 90, (nblk, 16), dtype=np.uint8)
            a[:, 208:210] = np.full(nblk, std / (18.5 * 65), dtype=np.float16).view(np.uint8).reshape(-1, 2)
        elif typ == Q4_K:
            a = rng.integers(0, 256, (nblk, 144), dtype=np.uint8)
            a[:, 0:2] = np.full(nblk, std / (4.6 * 32), dtype=np.float16).view(np.uint8).reshape(-1, 2)
            a[:, 2:4] = np.full(nblk, 7.5 * std / (4.6 * 32), dtype=np.float16).view(np.uint8).reshape(-1, 2)
        else:
            raise SystemExit(f"cannot fill type {typ}")
        self.pool[key] = np.ascontiguousarray(a).view(np.uint8).reshape(-1)
        return self.pool[key]

    def _bytes(self, typ, size, fill, value, std):
        if fill == "array":
            yield np.asarray(value, dtype=np.float32).tobytes()
        elif fill == "const":
            yield np.full(size // 4, value, dtype=np.float32).tobytes()
        elif fill == "ones":
            yield (value * (1 + 0.05 * self.rng.standard_normal(size // 4))).astype(np.float32).tobytes()
        else:
            buf = self._noise(typ, std)
            step = BLOCK[typ][1]
            left = size
            while left:
                off = int(self.rng.integers(0, len(buf) // step // 2)) * step
                take = min(left, len(buf) - off)
                yield buf[off:off + take].tobytes()
                left -= take

    def write(self, path):
        offset, infos = 0, []
        for name, ne, typ, size, *_ in self.tensors:
            infos.append(self._str(name) + struct.pack("<I", len(ne)) + struct.pack(f"<{len(ne)}q", *ne)
                         + struct.pack("<IQ", typ, offset))
            offset += (size + 31) // 32 * 32
        with open(path, "wb") as f:
            f.write(b"GGUF" + struct.pack("<Iqq", 3, len(self.tensors), len(self.kv)))
            f.write(b"".join(self.kv) + b"".join(infos))
            f.write(b"\0" * (-f.tell() % 32))
            for name, ne, typ, size, fill, value, std in self.tensors:
                for chunk in self._bytes(typ, size, fill, value, std):
                    f.write(chunk)
                f.write(b"\0" * (-size % 32))
        print(f"{path}: {len(self.tensors)} tensors, {os.path.getsize(path) / 1e9:.3f} GB", file=sys.stderr)


def vocabulary(merge_count=514906):
    """262,144 pieces and 514,906 merges, the published numbers; the words are made up (letters a..z and the space mark)."""
    toks = dict(SPECIAL)
    for b in range(256):
        toks[238 + b] = f"<0x{b:02X}>"
    for n in range(1, 32):
        toks[106 + n] = "\n" * n
        toks[255967 + n] = "\t" * n
        if n > 1:
            toks[136 + n] = "\u2581" * n
    toks[236743] = "\u2581"
    for k, c in enumerate(map(chr, range(33, 127))):
        toks[236744 + k] = c
    free = [i for i in range(494, 255968) if i not in toks]
    rng, letters = np.random.default_rng(7), [chr(97 + k) for k in range(26)] + ["\u2581"]
    known, by_length = set(toks.values()), {1: letters}
    made = []                                                 # (piece, left, right), strongest first
    def add(left, right):
        w = left + right
        if w not in known:
            known.add(w); made.append((w, left, right)); by_length.setdefault(len(w), []).append(w)
    for n in (2, 3):
        for left in by_length[n - 1]:
            for right in letters:
                if (left + right).strip("\u2581"):
                    add(left, right)
    while len(made) < len(free):
        n = 4 + int(rng.exponential(2.0)) % 12
        k = int(rng.integers(1, n))
        if by_length.get(k) and by_length.get(n - k):
            add(by_length[k][rng.integers(len(by_length[k]))], by_length[n - k][rng.integers(len(by_length[n - k]))])
    made = made[:len(free)]
    known = set(toks.values()) | {w for w, _, _ in made}
    toks.update({i: w for i, (w, _, _) in zip(free, made)})
    runs = [(c * k, c * (n - k)) for c in "\n\u2581\t" for n in range(2, 32) for k in range(1, n)]
    spare, merges = merge_count - len(runs) - len(made), list(runs)
    for w, left, right in made:
        merges.append((left, right))
        for k in range(1, len(w)):
            if spare > 0 and k != len(left) and w[:k] in known and w[k:] in known:
                merges.append((w[:k], w[k:])); spare -= 1
    out = [toks.get(i, f"<unused{i}>") for i in range(V)]
    types = [3 if i in SPECIAL and i != 5 else 6 if 238 <= i < 494 else 1 for i in range(V)]
    return out, types, [f"{a} {b}" for a, b in merges]


def text_model(v, quant, layers, rng):
    g = Gguf(rng)
    L = layers or v["L"]
    H, ple, a = v["H"], v["ple"], "gemma4."
    full = [(i + 1) % v["period"] == 0 or i == L - 1 for i in range(L)]
    shared = v["shared"] if L == v["L"] else min(v["shared"], max(0, L - v["period"]))
    first_shared = L - shared
    g.add("general.architecture", "str", "gemma4")
    g.add("general.type", "str", "model")
    g.add("general.name", "str", "random-weights")
    g.add("general.quantization_version", "u32", 2)
    g.add(a + "block_count", "u32", L)
    g.add(a + "context_length", "u32", v["ctx"])
    g.add(a + "embedding_length", "u32", H)
    ff = [v["F"] * (2 if v["wide"] and i >= first_shared else 1) for i in range(L)]
    if len(set(ff)) > 1:
        g.add(a + "feed_forward_length", "i32[]", ff)
    else:
        g.add(a + "feed_forward_length", "u32", ff[0])
    g.add(a + "attention.head_count", "u32", v["nh"])
    kv = [v["kvg"] if full[i] else v["kv"] for i in range(L)]
    if len(set(kv)) > 1:
        g.add(a + "attention.head_count_kv", "i32[]", kv)
    else:
        g.add(a + "attention.head_count_kv", "u32", kv[0])
    for k, n in (("key_length", 512), ("value_length", 512), ("key_length_swa", 256), ("value_length_swa", 256)):
        g.add(a + "attention." + k, "u32", n)
    g.add(a + "attention.layer_norm_rms_epsilon", "f32", 1e-6)
    g.add(a + "attention.sliding_window", "u32", v["window"])
    g.add(a + "attention.sliding_window_pattern", "bool[]", [not x for x in full])
    g.add(a + "attention.shared_kv_layers", "u32", shared)
    g.add(a + "embedding_length_per_layer_input", "u32", ple)
    g.add(a + "rope.freq_base", "f32", 1e6)
    g.add(a + "rope.freq_base_swa", "f32", 1e4)
    g.add(a + "rope.dimension_count", "u32", 512)
    g.add(a + "rope.dimension_count_swa", "u32", 256)
    g.add(a + "final_logit_softcapping", "f32", 30.0)
    if "experts" in v:
        g.add(a + "expert_count", "u32", v["experts"])
        g.add(a + "expert_used_count", "u32", v["top"])
        g.add(a + "expert_feed_forward_length", "u32", v["FE"])
    toks, types, merges = vocabulary()
    g.add("tokenizer.ggml.model", "str", "gemma4")
    g.add("tokenizer.ggml.tokens", "str[]", toks)
    g.add("tokenizer.ggml.scores", "f32[]", [-1000.0] * V)
    g.add("tokenizer.ggml.token_type", "i32[]", types)
    g.add("tokenizer.ggml.merges", "str[]", merges)
    for k, n in (("bos", 2), ("eos", 106), ("unknown", 3), ("padding", 0), ("mask", 4)):
        g.add(f"tokenizer.ggml.{k}_token_id", "u32", n)
    g.add("tokenizer.ggml.add_space_prefix", "bool", False)
    g.add("tokenizer.ggml.add_bos_token", "bool", True)

    big = {Q4_0: Q6_K, Q4_K: Q6_K}.get(quant, quant)
    def q(n):  # block types that do not divide fall back as the real files do
        return quant if n % BLOCK[quant][0] == 0 else Q8_0
    g.tensor("token_embd.weight", [H, V], big)
    g.tensor("output_norm.weight", [H], F32, "ones")
    g.tensor("rope_freqs.weight", [256], F32, "array", [1.0] * 64 + [1e30] * 192)
    if ple:
        g.tensor("per_layer_token_embd.weight", [L * ple, V], big)
        g.tensor("per_layer_model_proj.weight", [H, L * ple], BF16)
        g.tensor("per_layer_proj_norm.weight", [ple], F32, "ones")
    for i in range(L):
        p, d = f"blk.{i}.", 512 if full[i] else 256
        owns = i < first_shared
        g.tensor(p + "attn_norm.weight", [H], F32, "ones")
        g.tensor(p + "attn_q.weight", [H, v["nh"] * d], q(H))
        if owns:
            g.tensor(p + "attn_k.weight", [H, kv[i] * d], q(H))
            if not (v["keqv"] and full[i]):
                g.tensor(p + "attn_v.weight", [H, kv[i] * d], q(H))
            g.tensor(p + "attn_k_norm.weight", [d], F32, "ones", 1.0 / 16)
        g.tensor(p + "attn_q_norm.weight", [d], F32, "ones")
        g.tensor(p + "attn_output.weight", [v["nh"] * d, H], q(v["nh"] * d))
        g.tensor(p + "post_attention_norm.weight", [H], F32, "ones")
        g.tensor(p + "ffn_norm.weight", [H], F32, "ones")
        g.tensor(p + "ffn_gate.weight", [H, ff[i]], q(H))
        g.tensor(p + "ffn_up.weight", [H, ff[i]], q(H))
        g.tensor(p + "ffn_down.weight", [ff[i], H], q(ff[i]))
        g.tensor(p + "post_ffw_norm.weight", [H], F32, "ones")
        g.tensor(p + "layer_output_scale.weight", [1], F32, "const", 0.5 + 0.5 * (i % 7) / 7)
        if ple:
            g.tensor(p + "inp_gate.weight", [H, ple], q(H))
            g.tensor(p + "proj.weight", [ple, H], q(ple))
            g.tensor(p + "post_norm.weight", [H], F32, "ones")
        if "experts" in v:
            E, FE = v["experts"], v["FE"]
            g.tensor(p + "ffn_gate_inp.weight", [H, E], F32)
            g.tensor(p + "ffn_gate_inp.scale", [H], F32, "ones")
            g.tensor(p + "pre_ffw_norm_2.weight", [H], F32, "ones")
            g.tensor(p + "post_ffw_norm_1.weight", [H], F32, "ones")
            g.tensor(p + "post_ffw_norm_2.weight", [H], F32, "ones")
            g.tensor(p + "ffn_gate_up_exps.weight", [H, 2 * FE, E], q(H))
            g.tensor(p + "ffn_down_exps.weight", [FE, H, E], q(FE))
            g.tensor(p + "ffn_down_exps.scale", [E], F32, "ones")
    return g


def mmproj(v, quant, rng):
    g = Gguf(rng)
    small = v["vis"] == "small"
    D, nh, FF, L, hd = (768, 12, 3072, 16, 64) if small else (1152, 16, 4304, 27, 72)
    H = v["H"]
    g.add("general.architecture", "str", "clip")
    g.add("general.type", "str", "mmproj")
    g.add("general.name", "str", "random-weights")
    g.add("clip.has_vision_encoder", "bool", True)
    g.add("clip.has_audio_encoder", "bool", v["audio"])
    c = "clip.vision."
    g.add(c + "projector_type", "str", "gemma4v")
    for k, n in (("embedding_length", D), ("feed_forward_length", FF), ("block_count", L),
                 ("attention.head_count", nh), ("projection_dim", H), ("image_size", 224), ("patch_size", 16)):
        g.add(c + k, "u32", n)
    g.add(c + "attention.layer_norm_epsilon", "f32", 1e-6)
    g.add(c + "image_mean", "f32[]", [0.0] * 3)
    g.add(c + "image_std", "f32[]", [1.0] * 3)
    def q(n):
        return quant if n % BLOCK[quant][0] == 0 else F16
    def clip(name):
        for k, x in (("input_min", -40.0), ("input_max", 40.0), ("output_min", -60.0), ("output_max", 60.0)):
            g.tensor(f"{name}.{k}", [1], F32, "const", x)
    g.tensor("v.patch_embd.weight", [16, 16, 3, D], F32)
    g.tensor("v.position_embd.weight", [D, 10240, 2], F32)
    if not small:
        g.tensor("v.std_bias", [D], F32)
        g.tensor("v.std_scale", [D], F32, "ones")
    for i in range(L):
        p = f"v.blk.{i}."
        for n in ("ln1", "attn_post_norm", "ln2", "ffn_post_norm"):
            g.tensor(p + n + ".weight", [D], F32, "ones")
        for n in ("attn_q", "attn_k", "attn_v", "attn_out"):
            g.tensor(p + n + ".weight", [D, D], q(D))
        g.tensor(p + "attn_q_norm.weight", [hd], F32, "ones", 0.35)
        g.tensor(p + "attn_k_norm.weight", [hd], F32, "ones", 0.35)
        g.tensor(p + "ffn_gate.weight", [D, FF], q(D))
        g.tensor(p + "ffn_up.weight", [D, FF], q(D))
        g.tensor(p + "ffn_down.weight", [FF, D], q(FF))
        if small:
            for n in ("attn_q", "attn_k", "attn_v", "attn_out", "ffn_gate", "ffn_up", "ffn_down"):
                clip(p + n)
    g.tensor("mm.input_projection.weight", [D, H], q(D))
    if v["audio"]:
        c = "clip.audio."
        g.add(c + "projector_type", "str", "gemma4a")
        for k, n in (("embedding_length", 1024), ("feed_forward_length", 4096), ("block_count", 12),
                     ("attention.head_count", 8), ("projection_dim", H), ("num_mel_bins", 128)):
            g.add(c + k, "u32", n)
        g.add(c + "attention.layer_norm_epsilon", "f32", 1e-6)
        A = 1024
        g.tensor("a.conv1d.0.weight", [3, 3, 1, 128], F32, std=0.3)
        g.tensor("a.conv1d.1.weight", [3, 3, 128, 32], F32, std=0.05)
        g.tensor("a.conv1d.0.norm.weight", [128], F32, "ones")
        g.tensor("a.conv1d.1.norm.weight", [32], F32, "ones")
        g.tensor("a.input_projection.weight", [A, A], F32)
        g.tensor("a.pre_encode.out.weight", [A, 1536], q(A))
        g.tensor("a.pre_encode.out.bias", [1536], F32, "normal")
        g.tensor("mm.a.input_projection.weight", [1536, H], q(1536))
        for i in range(12):
            p = f"a.blk.{i}."
            for n in ("ffn_norm", "ffn_post_norm", "ffn_norm_1", "ffn_post_norm_1", "attn_pre_norm",
                      "attn_post_norm", "conv_norm", "norm_conv", "ln2"):
                g.tensor(p + n + ".weight", [A], F32, "ones")
            for n in ("ffn_up", "ffn_up_1"):
                g.tensor(p + n + ".weight", [A, 4 * A], q(A)); clip(p + n)
            for n in ("ffn_down", "ffn_down_1"):
                g.tensor(p + n + ".weight", [4 * A, A], q(4 * A)); clip(p + n)
            for n in ("attn_q", "attn_k", "attn_v", "attn_out"):
                g.tensor(p + n + ".weight", [A, A], q(A)); clip(p + n)
            g.tensor(p + "attn_k_rel.weight", [A, A], q(A))
            g.tensor(p + "per_dim_scale.weight", [128], F32, "ones", 0.69)
            g.tensor(p + "conv_pw1.weight", [A, 2 * A], q(A)); clip(p + "conv_pw1")
            g.tensor(p + "conv_dw.weight", [5, A], F32, std=0.4)
            g.tensor(p + "conv_pw2.weight", [A, A], q(A)); clip(p + "conv_pw2")
    return g


def main():
    ap = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    ap.add_argument("--variant", choices=VARIANT, default="e2b")
    ap.add_argument("--quant", choices=TYPE, default="q4_0")
    ap.add_argument("--mmproj-quant", choices=TYPE, default="bf16")
    ap.add_argument("--layers", type=int, default=0)
    ap.add_argument("--no-text", action="store_true")
    ap.add_argument("--no-mmproj", action="store_true")
    ap.add_argument("--seed", type=int, default=1)
    ap.add_argument("--out", required=True)
    a = ap.parse_args()
    os.makedirs(a.out, exist_ok=True)
    v, rng = VARIANT[a.variant], np.random.default_rng(a.seed)
    if not a.no_text:
        text_model(v, TYPE[a.quant], a.layers, rng).write(os.path.join(a.out, f"{a.variant}-{a.quant}.gguf"))
    if not a.no_mmproj:
        mmproj(v, TYPE[a.mmproj_quant], rng).write(os.path.join(a.out, f"mmproj-{a.variant}-{a.mmproj_quant}.gguf"))


if __name__ == "__main__":
    main()

"""Quantised safetensors in numpy: how numbers are laid out, in both directions.

    int4 groups  M.weight_packed I32 [out, in/8], M.weight_scale BF16 [out, in/group], M.weight_shape I64 [2]
    mobile       M.weight U8 (2, 4 bits) or I8 [out, in*bits/8], M.weight_scale F32 [out, 1]
    mobile       M.embedding_quantized U8 [V, in*bits/8], M.embedding_scale F32 [V, blocks]
    SFP8         NAME U8 [...], NAME.scale F32 []

Bits of a byte or word are filled from the lowest up.  Unsigned codes are stored + 2^(bits-1).
"""
import json, re, struct
import numpy as np

STORED = {"F32": np.float32, "I64": np.int64, "I32": np.int32, "I16": np.int16, "I8": np.int8, "U8": np.uint8}


def to_bf16(x):
    """Nearest, ties to even; the result is still float32."""
    u = np.ascontiguousarray(x, np.float32).view(np.uint32)
    return ((u + 0x7fff + (u >> 16 & 1)) & 0xffff0000).astype(np.uint32).view(np.float32).reshape(np.shape(x))


class BF16:
    """Marks an array to be stored as BF16."""

    def __init__(self, a):
        self.a = to_bf16(a)
        self.shape = self.a.shape

    def tobytes(self):
        return (np.atleast_1d(self.a).view(np.uint32) >> 16).astype(np.uint16).tobytes()


# ------------------------------------------------------------------------------------------ codes
def pack_words(codes):
    """[out, in] in -8..7 -> I32 [out, in/8]"""
    u = (codes + 8).astype(np.uint32).reshape(codes.shape[0], -1, 8)
    return (u << np.arange(0, 32, 4, dtype=np.uint32)).sum(-1, dtype=np.uint32).view(np.int32)


def unpack_words(words):
    u = words.view(np.uint32)[:, :, None] >> np.arange(0, 32, 4, dtype=np.uint32)
    return (u & 15).astype(np.int32).reshape(words.shape[0], -1) - 8


def pack_bytes(codes, bits):
    """[out, in] -> U8 [out, in*bits/8], or I8 as it is"""
    if bits == 8:
        return codes.astype(np.int8)
    per = 8 // bits
    u = (codes + (1 << bits - 1)).astype(np.uint8).reshape(codes.shape[0], -1, per)
    return (u << np.arange(0, 8, bits, dtype=np.uint8)).sum(-1, dtype=np.uint8)


def unpack_bytes(stored, bits):
    if bits == 8:
        return stored.astype(np.int32)
    u = stored[:, :, None] >> np.arange(0, 8, bits, dtype=np.uint8)
    return (u & (1 << bits) - 1).astype(np.int32).reshape(stored.shape[0], -1) - (1 << bits - 1)


def sfp8_values():
    """[256]: sign, then two or three bits of mantissa with different exponents; 128 is another zero."""
    m = np.arange(128)
    low = 2.0 ** ((m >> 2) - 23) * (1 + (m & 3) / 4)
    high = 2.0 ** ((m >> 3) - 15) * (1 + (m & 7) / 8)
    v = np.where(m == 0, 0.0, np.where(m < 64, low, high))
    return np.concatenate([v, -v]).astype(np.float32)


# ------------------------------------------------------------------------------------------ rounding weights
def quantise_groups(w, group=32):
    """float [out, in] -> {ending: array}, int4 with a BF16 scale per group"""
    g = w.reshape(w.shape[0], -1, group)
    scale = to_bf16(np.abs(g).max(-1) / 7)
    codes = np.clip(np.rint(g / scale[..., None]), -8, 7).astype(np.int32).reshape(w.shape)
    return {".weight_packed": pack_words(codes), ".weight_scale": BF16(scale),
            ".weight_shape": np.array(w.shape, np.int64)}


def quantise_rows(w, bits, blocks=1):
    """float [out, in] -> (stored bytes, F32 scales [out, blocks])"""
    g = w.reshape(w.shape[0], blocks, -1)
    top = (1 << bits - 1) - 0.5
    scale = (np.abs(g).max(-1) / (top if bits > 2 else 2.2)).astype(np.float32)
    codes = np.clip(np.rint(g / scale[..., None]), -(1 << bits - 1), (1 << bits - 1) - 1)
    return pack_bytes(codes.astype(np.int32).reshape(w.shape), bits), scale


def quantise_sfp8(w):
    """float -> (bytes, F32 scale []); the largest value becomes 1.875"""
    values = sfp8_values()
    scale = np.float32(np.abs(w).max() / 1.875)
    order = np.argsort(values[:255], kind="stable")                  # without one of the two zeros
    middle = (values[order][1:] + values[order][:-1]) / 2
    return order[np.searchsorted(middle, w / scale)].astype(np.uint8).reshape(w.shape), scale


# ------------------------------------------------------------------------------------------ files
def write_safetensors(path, tensors, metadata=True):
    """By type in the usual order, then by name; the header ends at a multiple of 8."""
    kind = lambda a: "BF16" if isinstance(a, BF16) else next(k for k, t in STORED.items() if a.dtype == t)
    order = ["I64", "F32", "I32", "BF16", "I16", "I8", "U8"]
    header, data = {"__metadata__": {"format": "pt"}} if metadata else {}, b""
    for name in sorted(tensors, key=lambda n: (order.index(kind(tensors[n])), n)):
        a = tensors[name]
        raw = a.tobytes()
        header[name] = {"dtype": kind(a), "shape": list(a.shape), "data_offsets": [len(data), len(data) + len(raw)]}
        data += raw
    text = json.dumps(header, separators=(",", ":")).encode()
    text += b" " * (-len(text) % 8)
    with open(path, "wb") as f:
        f.write(struct.pack("<Q", len(text)) + text + data)


def columns(config, name):
    """Inputs of a linear, or width of a table, by its published name."""
    if "vision_tower." in name:
        c = config["vision_config"]
        return c["intermediate_size" if ".down_proj." in name else "hidden_size"]
    if "audio_tower." in name:
        return config["audio_config"]["hidden_size"] * (4 if ".ffw_layer_2." in name else 1)
    c = config.get("text_config") or config
    layer = re.search(r"layers\.(\d+)\.", name)
    i = int(layer[1]) if layer else 0
    full = c["layer_types"][i] == "full_attention" or i == c["num_hidden_layers"] - 1
    borrows = i >= c["num_hidden_layers"] - (c.get("num_kv_shared_layers") or 0)
    if "embed_tokens_per_layer." in name:
        return c["num_hidden_layers"] * c["hidden_size_per_layer_input"]
    if ".per_layer_projection." in name:
        return c["hidden_size_per_layer_input"]
    if ".o_proj." in name:
        return c["num_attention_heads"] * c["global_head_dim" if full else "head_dim"]
    if ".down_proj." in name:
        return c["intermediate_size"] * (2 if borrows and c.get("use_double_wide_mlp") else 1)
    return c["hidden_size"]


def widen_rows(stored, scale, n):
    codes = unpack_bytes(stored, 8 * stored.shape[1] // n).astype(np.float32)
    return codes * np.repeat(scale, n // scale.shape[1], 1)


def widened(config, tensors):
    """A model as read -> plain float32 matrices under their published names, for any of the layouts."""
    out = dict(tensors)
    for name in tensors:
        if name + ".scale" in tensors:
            out[name] = sfp8_values()[tensors[name]] * out.pop(name + ".scale")
        elif name.endswith(".weight_packed"):
            m = name[:-len("_packed")]
            scale, shape = out.pop(m + "_scale"), out.pop(m + "_shape")
            codes = unpack_words(out.pop(name)).astype(np.float32)
            assert codes.shape == tuple(shape), name
            out[m] = codes * np.repeat(scale, codes.shape[1] // scale.shape[1], 1)
        elif name.endswith(".embedding_quantized"):
            m = name[:-len("embedding_quantized")]
            out[m + "weight"] = widen_rows(out.pop(name), out.pop(m + "embedding_scale"), columns(config, name))
        elif name.endswith(".weight") and name + "_scale" in tensors:
            out[name] = widen_rows(tensors[name], out.pop(name + "_scale"), columns(config, name))
    return out

"""GGUF files by hand: reading one into lists, changing them, writing them back, right or wrong.

A value is [key, type, value]; an array's type is ("array", element type). A tensor is [name, ne, type, offset],
ne with the fastest axis first. Types are the numbers of the format.
"""
import struct

U8, I8, U16, I16, U32, I32, F32, BOOL, STRING, ARRAY, U64, I64, F64 = range(13)
PLAIN = {U8: "B", I8: "b", U16: "H", I16: "h", U32: "I", I32: "i", F32: "f", BOOL: "B", U64: "Q", I64: "q", F64: "d"}
TYPES = {"F32": 0, "F16": 1, "Q4_0": 2, "Q8_0": 8, "BF16": 30}
BLOCKS = {0: (1, 4), 1: (1, 2), 2: (32, 18), 8: (32, 34), 30: (1, 2)}


def string(text):
    data = text.encode(errors="surrogateescape")
    return struct.pack("<Q", len(data)) + data


def element(kind, value):
    """Bytes are taken as they are, whatever the type says."""
    if isinstance(value, bytes):
        return value
    return string(value) if kind == STRING else struct.pack("<" + PLAIN[kind], value)


def value_bytes(kind, value):
    if isinstance(kind, tuple):
        head = struct.pack("<IIQ", ARRAY, kind[1], len(value))
        if not isinstance(value, bytes) and kind[1] != STRING:
            return head + struct.pack(f"<{len(value)}{PLAIN[kind[1]]}", *value)
        return head + (value if isinstance(value, bytes) else b"".join(element(kind[1], v) for v in value))
    return struct.pack("<I", kind) + element(kind, value)


def info(name, ne, kind, offset):
    return string(name) + struct.pack(f"<I{len(ne)}qIQ", len(ne), *ne, kind, offset)


def padded(data, alignment=32):
    return data + bytes(-len(data) % alignment)


def header(values, tensors, version=3, counts=None):
    n, m = counts or (len(tensors), len(values))
    return b"GGUF" + struct.pack("<Iqq", version, n, m) + \
        b"".join(string(k) + value_bytes(t, v) for k, t, v in values) + b"".join(info(*t) for t in tensors)


def write(values, tensors, data=b"", alignment=32, **more):
    return padded(header(values, tensors, **more), alignment) + data


def size_of(ne, kind):
    elements, size = BLOCKS[kind]
    n = 1
    for d in ne:
        n *= d
    return n // elements * size


def place(tensors, alignment=32):
    """[name, ne, type] -> with offsets one behind another; the bytes of all."""
    out, at = [], 0
    for name, ne, kind in tensors:
        at += -at % alignment
        out.append([name, ne, kind, at])
        at += size_of(ne, kind)
    return out, at


class Reader:
    def __init__(self, data):
        self.data, self.at = data, 0

    def take(self, form):
        out, = struct.unpack_from("<" + form, self.data, self.at)
        self.at += struct.calcsize("<" + form)
        return out

    def string(self):
        n = self.take("Q")
        self.at += n
        return self.data[self.at - n:self.at].decode(errors="surrogateescape")

    def element(self, kind):
        return self.string() if kind == STRING else self.take(PLAIN[kind])

    def value(self):
        kind = self.take("I")
        if kind != ARRAY:
            return kind, self.element(kind)
        kind, n = self.take("I"), self.take("Q")
        return ("array", kind), [self.element(kind) for _ in range(n)]


def read(data):
    """(values, tensors, the data section) of a good file."""
    r = Reader(data)
    r.at = 8
    n, m = r.take("q"), r.take("q")
    values, tensors = [], []
    for _ in range(m):
        key = r.string()
        values.append([key, *r.value()])
    for _ in range(n):
        name = r.string()
        ne = [r.take("q") for _ in range(r.take("I"))]
        tensors.append([name, ne, r.take("I"), r.take("Q")])
    alignment = next((v for k, _, v in values if k == "general.alignment"), 32)
    return values, tensors, data[r.at + -r.at % alignment:]


# --------------------------------------------------------------------------------- the smallest models

def text_model(layers=2, hidden=8, matrix="BF16", vocabulary=8, per_layer=0, experts=0, factors=False, alignment=8):
    """(values, tensors): a text model, the last layer with wide heads, the first with narrow ones."""
    heads, width = 2, {False: 4, True: 8}
    full = [i == layers - 1 for i in range(layers)]
    values = [["general.architecture", STRING, "gemma4"], ["general.alignment", U32, alignment]]
    for key, kind, value in (
            ("block_count", U32, layers), ("context_length", U32, 64), ("embedding_length", U32, hidden),
            ("feed_forward_length", ("array", I32), [2 * hidden] * layers), ("attention.head_count", U32, heads),
            ("attention.head_count_kv", U32, 1), ("attention.key_length", U32, width[True]),
            ("attention.value_length", U32, width[True]), ("attention.key_length_swa", U32, width[False]),
            ("attention.value_length_swa", U32, width[False]), ("attention.layer_norm_rms_epsilon", F32, 1e-6),
            ("attention.sliding_window", U32, 16),
            ("attention.sliding_window_pattern", ("array", BOOL), [0 if f else 1 for f in full]),
            ("attention.shared_kv_layers", U32, 0), ("embedding_length_per_layer_input", U32, per_layer),
            ("rope.freq_base", F32, 1e6), ("rope.freq_base_swa", F32, 1e4),
            ("rope.dimension_count", U32, width[True]), ("rope.dimension_count_swa", U32, width[False]),
            ("final_logit_softcapping", F32, 30.0)):
        values.append(["gemma4." + key, kind, value])
    if experts:
        values += [["gemma4.expert_count", U32, experts], ["gemma4.expert_used_count", U32, 1],
                   ["gemma4.expert_feed_forward_length", U32, hidden]]
    m, f = TYPES[matrix], TYPES["F32"]
    tensors = [["token_embd.weight", [hidden, vocabulary], m], ["output_norm.weight", [hidden], f]]
    if factors:
        tensors.append(["rope_freqs.weight", [width[True] // 2], f])
    if per_layer:
        tensors += [["per_layer_token_embd.weight", [per_layer * layers, vocabulary], m],
                    ["per_layer_model_proj.weight", [hidden, per_layer * layers], m],
                    ["per_layer_proj_norm.weight", [per_layer], f]]
    for i in range(layers):
        d = width[full[i]]
        rows = [("attn_norm", [hidden], f), ("attn_q", [hidden, heads * d], m), ("attn_k", [hidden, d], m),
                ("attn_v", [hidden, d], m), ("attn_output", [heads * d, hidden], m), ("attn_q_norm", [d], f),
                ("attn_k_norm", [d], f), ("post_attention_norm", [hidden], f), ("ffn_norm", [hidden], f),
                ("ffn_gate", [hidden, 2 * hidden], m), ("ffn_up", [hidden, 2 * hidden], m),
                ("ffn_down", [2 * hidden, hidden], m), ("post_ffw_norm", [hidden], f)]
        if per_layer:
            rows += [("inp_gate", [hidden, per_layer], m), ("proj", [per_layer, hidden], m), ("post_norm", [hidden], f)]
        if experts:
            rows += [("ffn_gate_inp", [hidden, experts], f), ("ffn_gate_up_exps", [hidden, 2 * hidden, experts], m),
                     ("ffn_down_exps", [hidden, hidden, experts], m), ("pre_ffw_norm_2", [hidden], f),
                     ("post_ffw_norm_1", [hidden], f), ("post_ffw_norm_2", [hidden], f)]
        tensors += [[f"blk.{i}.{name}.weight", ne, f if ne[0] % BLOCKS[kind][0] else kind] for name, ne, kind in rows]
        if experts:
            tensors += [[f"blk.{i}.ffn_gate_inp.scale", [hidden], f], [f"blk.{i}.ffn_down_exps.scale", [experts], f]]
    return values, tensors


def tower_model(hidden=8, text=8):
    """(values, tensors): a vision tower of one layer, and one without sound."""
    values = [["general.architecture", STRING, "clip"], ["general.alignment", U32, 8],
              ["clip.has_vision_encoder", BOOL, 1], ["clip.has_audio_encoder", BOOL, 0],
              ["clip.vision.projector_type", STRING, "gemma4v"], ["clip.vision.embedding_length", U32, hidden],
              ["clip.vision.feed_forward_length", U32, 2 * hidden], ["clip.vision.block_count", U32, 1],
              ["clip.vision.attention.head_count", U32, 2], ["clip.vision.patch_size", U32, 4],
              ["clip.vision.projection_dim", U32, text], ["clip.vision.attention.layer_norm_epsilon", F32, 1e-6]]
    m, f, half = TYPES["BF16"], TYPES["F32"], hidden // 2
    tensors = [["v.patch_embd.weight", [4, 4, 3, hidden], m], ["v.position_embd.weight", [hidden, 4, 2], f],
               ["v.std_bias", [hidden], f], ["v.std_scale", [hidden], f],
               ["mm.input_projection.weight", [hidden, text], m]]
    for name, ne, kind in (("ln1", [hidden], f), ("ln2", [hidden], f), ("attn_post_norm", [hidden], f),
                           ("ffn_post_norm", [hidden], f), ("attn_q_norm", [half], f), ("attn_k_norm", [half], f),
                           ("attn_q", [hidden, hidden], m), ("attn_k", [hidden, hidden], m),
                           ("attn_v", [hidden, hidden], m), ("attn_out", [hidden, hidden], m),
                           ("ffn_gate", [hidden, 2 * hidden], m), ("ffn_up", [hidden, 2 * hidden], m),
                           ("ffn_down", [2 * hidden, hidden], m)):
        tensors.append([f"v.blk.0.{name}.weight", ne, kind])
    tensors.append(["v.blk.0.ffn_up.input_min", [1], f])
    return values, tensors


def whole(model, data=None, alignment=8):
    """The bytes of a model of this module; its data are zeros unless given."""
    values, tensors = model
    placed, size = place(tensors, alignment)
    return write(values, placed, bytes(size) if data is None else data, alignment)

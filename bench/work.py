"""What a stage must compute and read at least, from the shapes that `g4-model info --json` prints.

Operations are counted as two per multiply-add. Rows that no answer needs are not counted: layers
that borrow keys and values see the last row of a prompt alone, and of the last layer with keys and
values of its own only those are needed for the rows before.
"""

FLOATS = ("F32", "F16", "BF16")


def quantised(info):
    return info["dtype"] not in FLOATS


def _layer(text, layer):
    """Parameters of a layer: those that make keys and values, and the rest that a row passes."""
    wide, heads = text["hidden_size"], text["num_attention_heads"]
    keys = wide * layer["kv_heads"] * layer["head_dim"] * (1 if layer["k_eq_v"] else 2)
    rest = 2 * wide * heads * layer["head_dim"] + 3 * wide * layer["intermediate_size"]
    rest += 2 * wide * text["hidden_size_per_layer_input"]
    if text["num_experts"]:
        rest += 3 * wide * text["moe_intermediate_size"] * text["top_k_experts"]
        rest += wide * text["num_experts"]
    return keys, rest


def _pairs(text, layer, first, count):
    """Pairs of query and key that `count` positions from `first` on look at."""
    if layer["type"] == "full":
        return count * first + count * (count + 1) // 2
    window = text["sliding_window"]
    return sum(min(i + 1, window) for i in range(first, first + count))


def prompt(info, tokens):
    """Operations of reading a prompt, up to the first answer's logits."""
    text, total = info["text"], 0
    layers = text["layers"]
    owners = sum(layer["kv_source"] == i for i, layer in enumerate(layers))
    for i, layer in enumerate(layers):
        keys, rest = _layer(text, layer)
        rows = tokens if i + 1 < owners else 1
        total += 2 * keys * (tokens if i < owners else 0) + 2 * rest * rows
        pairs = _pairs(text, layer, tokens - rows, rows)
        total += 4 * text["num_attention_heads"] * layer["head_dim"] * pairs
        total += 2 * text["hidden_size"] * text["hidden_size_per_layer_input"] * (tokens if i < owners else 1)
    return total + 2 * text["hidden_size"] * text["vocab_size"]


def token_bytes(info, context):
    """Bytes that one token of an answer reads: weights once, keys and values of `context` positions."""
    text, weights = info["text"], info["parts"]["text"]["bytes"]
    if text["num_experts"]:
        expert = 3 * text["hidden_size"] * text["moe_intermediate_size"] * len(text["layers"])
        dense = text["hidden_size"] * text["vocab_size"]
        dense += sum(map(sum, (_layer(text, layer) for layer in text["layers"])))
        dense -= expert * text["top_k_experts"]
        weights *= (dense + expert * text["top_k_experts"]) / (dense + expert * text["num_experts"])
    for layer in text["layers"]:
        seen = context if layer["type"] == "full" else min(context, text["sliding_window"])
        weights += 2 * 2 * layer["kv_heads"] * layer["head_dim"] * seen
    return weights


def picture(info, tokens):
    """Operations of a picture of so many soft tokens; None: not a tower of patches."""
    v = info.get("vision")
    if not v or v["unified"]:
        return None
    wide = v["num_attention_heads"] * v["head_dim"]
    n = tokens * v["pooling_kernel_size"] ** 2
    layer = 2 * n * (4 * v["hidden_size"] * wide + 3 * v["hidden_size"] * v["intermediate_size"]) + 4 * n * n * wide
    ends = 2 * n * 3 * v["patch_size"] ** 2 * v["hidden_size"]
    ends += 2 * tokens * v["hidden_size"] * info["text"]["hidden_size"]
    return v["num_hidden_layers"] * layer + ends


def sound(info, seconds):
    """Operations of so many seconds of sound: 100 frames of 128 bands each; None: no tower."""
    a = info.get("audio")
    if not a or a["unified"]:
        return None
    wide, (first, second) = a["hidden_size"], a["subsampling_conv_channels"]
    frames, bands = 100 * seconds, 128
    n = frames // 4
    stem = frames // 2 * bands // 2 * first * 9 + n * bands // 4 * second * first * 9
    stem += n * bands // 4 * second * wide
    layer = n * wide * wide * (2 * 8 + 4 + 3) + n * wide * a["conv_kernel_size"] + n * 2 * wide * 24
    ends = n * (wide * a["output_proj_dims"] + a["output_proj_dims"] * info["text"]["hidden_size"])
    return 2 * (stem + a["num_hidden_layers"] * layer + ends)

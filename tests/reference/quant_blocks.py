#!/usr/bin/env python3
"""Writes tests/data/quant-blocks.safetensors: stored blocks of every weight type with the numbers they mean, and
numbers with the bytes that writers must give for them.  usage: quant_blocks.py OUT

Numpy only; each type again from its formula, in float64 (all products are exact there and sums of two are, so that
one rounding at the end is what float32 arithmetic must give).  Encoders follow the formulas in float32."""
import json
import sys
import numpy as np

rng = np.random.default_rng(4)
NONLINEAR = np.array([-127, -104, -83, -65, -49, -35, -22, -10, 1, 13, 25, 38, 53, 69, 89, 113])
E2M1 = np.array([0, 1, 2, 3, 4, 6, 8, 12, 0, -1, -2, -3, -4, -6, -8, -12])


# ---- decoders: b [n, bytes] -> [n, elements]

def half(b, at):
    return b[:, at:at + 2].copy().view(np.float16).astype(np.float64)


def halves_of_bytes(q):
    """[n, 16] -> [n, 32]: low nibbles first"""
    return np.concatenate([q & 15, q >> 4], axis=1).astype(int)


def bits_of_bytes(q):
    """[n, m] -> [n, 8 m], lowest bit first"""
    return np.unpackbits(q, axis=1, bitorder="little").astype(int)


def by_parts(q, part, bits):
    """Fields of some bits: of every `part` bytes the lowest fields come first."""
    n, m = q.shape
    q = q.reshape(n, m // part, 1, part) >> np.arange(0, 8, bits, dtype=np.uint8).reshape(1, 1, -1, 1)
    return (q & ((1 << bits) - 1)).reshape(n, -1).astype(int)


def q4_0(b):
    return (halves_of_bytes(b[:, 2:]) - 8) * half(b, 0)


def q4_1(b):
    return halves_of_bytes(b[:, 4:]) * half(b, 0) + half(b, 2)


def q5_0(b):
    return (halves_of_bytes(b[:, 6:]) + 16 * bits_of_bytes(b[:, 2:6]) - 16) * half(b, 0)


def q5_1(b):
    return (halves_of_bytes(b[:, 8:]) + 16 * bits_of_bytes(b[:, 4:8])) * half(b, 0) + half(b, 2)


def q8_0(b):
    return b[:, 2:].copy().view(np.int8) * half(b, 0)


def iq4_nl(b):
    return NONLINEAR[halves_of_bytes(b[:, 2:])] * half(b, 0)


def mxfp4(b):
    return E2M1[halves_of_bytes(b[:, 1:])] * 2.0 ** (b[:, :1].astype(int) - 128)


def groups(values, size):
    return np.repeat(values, size, axis=1)


def q2_k(b):
    s = b[:, :16].astype(int)
    return half(b, 80) * groups(s & 15, 16) * by_parts(b[:, 16:80], 32, 2) - half(b, 82) * groups(s >> 4, 16)


def q3_k(b):
    low = halves_of_bytes(b[:, 96:104]).reshape(-1, 16)
    high = by_parts(b[:, 104:108], 4, 2)
    scale = (low | high << 4) - 32
    keep = by_parts(b[:, :32], 32, 1)
    return half(b, 108) * groups(scale, 16) * (by_parts(b[:, 32:96], 32, 2) - 4 * (1 - keep))


def scales_and_minimums(t):
    t = t.astype(int)
    first, second, third = t[:, :4], t[:, 4:8], t[:, 8:]
    s = np.concatenate([first & 63, third & 15 | first >> 6 << 4], axis=1)
    m = np.concatenate([second & 63, third >> 4 | second >> 6 << 4], axis=1)
    return s, m


def q4_k(b):
    s, m = scales_and_minimums(b[:, 4:16])
    return half(b, 0) * groups(s, 32) * by_parts(b[:, 16:], 32, 4) - half(b, 2) * groups(m, 32)


def q5_k(b):
    s, m = scales_and_minimums(b[:, 4:16])
    q = by_parts(b[:, 48:], 32, 4) + 16 * by_parts(b[:, 16:48], 32, 1)
    return half(b, 0) * groups(s, 32) * q - half(b, 2) * groups(m, 32)


def q6_k(b):
    q = by_parts(b[:, :128], 64, 4) + 16 * by_parts(b[:, 128:192], 32, 2)
    return half(b, 208) * groups(b[:, 192:208].copy().view(np.int8).astype(int), 16) * (q - 32)


def iq4_xs(b):
    high = by_parts(b[:, 2:4], 1, 2)
    low = by_parts(b[:, 4:8], 1, 4)
    q = np.concatenate([halves_of_bytes(b[:, 8 + 16 * g:24 + 16 * g]) for g in range(8)], axis=1)
    return half(b, 0) * groups((low | high << 4) - 32, 32) * NONLINEAR[q]


def sfp8_of_code(c):
    size = np.where(c < 64, 2.0 ** ((c >> 2) - 23) * (1 + (c & 3) / 4), 2.0 ** ((c >> 3) - 15) * (1 + (c & 7) / 8))
    return np.where(c == 0, 0.0, size)


def sfp8(b):
    size = sfp8_of_code(b.astype(int) & 127)
    return np.where((b > 127) & (size > 0), -size, size)


DECODERS = {"Q4_0": (q4_0, 18, 0), "Q4_1": (q4_1, 20, 0, 2), "Q5_0": (q5_0, 22, 0), "Q5_1": (q5_1, 24, 0, 2),
            "Q8_0": (q8_0, 34, 0), "Q2_K": (q2_k, 84, 80, 82), "Q3_K": (q3_k, 110, 108), "Q4_K": (q4_k, 144, 0, 2),
            "Q5_K": (q5_k, 176, 0, 2), "Q6_K": (q6_k, 210, 208), "IQ4_NL": (iq4_nl, 18, 0), "IQ4_XS": (iq4_xs, 136, 0),
            "MXFP4": (mxfp4, 17)}
# every byte there is
CODES = {"I2": lambda b: by_parts(b, 1, 2) - 2, "I4": lambda b: by_parts(b, 1, 4) - 8,
         "I8": lambda b: b.view(np.int8).astype(int), "SFP8": sfp8}
HALVES = np.array([0x1c07, 0xa311, 0x0001, 0x83ff, 0x7bff, 0x8000], dtype=np.uint16)  # plain, subnormal, largest, -0


def blocks_of(size, *halves):
    b = rng.integers(0, 256, (len(HALVES), size), dtype=np.uint8)
    for i, at in enumerate(halves):
        b[:, at:at + 2] = np.roll(HALVES, 2 * i).reshape(-1, 1).view(np.uint8)
    return b


# ---- encoders: x [n, 32] float32 -> bytes

def extreme(x):
    return x[np.arange(len(x)), np.argmax(np.abs(x), axis=1)].reshape(-1, 1)


def reciprocal(d):
    with np.errstate(divide="ignore", over="ignore"):
        i = np.float32(1) / d
    return np.where(np.isfinite(i), i, np.float32(0)).astype(np.float32)


def to_bytes(values, dtype):
    return values.astype(dtype).view(np.uint8)


def nibbles(q):
    q = q.astype(np.uint8) & 15
    return q[:, :16] | q[:, 16:] << 4


def fifth(q):
    return np.packbits(q.astype(np.uint8) >> 4, axis=1, bitorder="little")


def signed_levels(x, steps):
    d = (extreme(x) / np.float32(-steps)).astype(np.float32)
    q = np.minimum((x * reciprocal(d) + np.float32(steps + 0.5)).astype(int), 2 * steps - 1)
    return to_bytes(d, np.float16), q


def unsigned_levels(x, top):
    low = x.min(axis=1, keepdims=True)
    d = ((x.max(axis=1, keepdims=True) - low) / np.float32(top)).astype(np.float32)
    q = np.minimum(((x - low) * reciprocal(d) + np.float32(0.5)).astype(int), top)
    return np.concatenate([to_bytes(d, np.float16), to_bytes(low, np.float16)], axis=1), q


def to_q4_0(x):
    d, q = signed_levels(x, 8)
    return np.concatenate([d, nibbles(q)], axis=1)


def to_q4_1(x):
    d, q = unsigned_levels(x, 15)
    return np.concatenate([d, nibbles(q)], axis=1)


def to_q5_0(x):
    d, q = signed_levels(x, 16)
    return np.concatenate([d, fifth(q), nibbles(q)], axis=1)


def to_q5_1(x):
    d, q = unsigned_levels(x, 31)
    return np.concatenate([d, fifth(q), nibbles(q)], axis=1)


def to_q8_0(x):
    d = (np.abs(extreme(x)) / np.float32(127)).astype(np.float32)
    t = x * reciprocal(d)
    q = np.sign(t) * np.floor(np.abs(t).astype(np.float64) + 0.5)  # half away from zero
    return np.concatenate([to_bytes(d, np.float16), q.astype(np.int8).view(np.uint8)], axis=1)


def to_sfp8(x):
    table = sfp8_of_code(np.arange(128))
    distance = np.abs(np.abs(x).reshape(-1, 1).astype(np.float64) - table)
    best = distance == distance.min(axis=1, keepdims=True)
    code = np.argmax(best, axis=1)
    code += (best.sum(axis=1) == 2) & (code % 2 == 1)  # of two at the same distance the even one
    return np.where(code > 0, code + 128 * (x.reshape(-1) < 0), 0).astype(np.uint8).reshape(x.shape)


def to_bf16(x):
    bits = x.view(np.uint32)
    return to_bytes((bits + 0x7fff + (bits >> 16 & 1)) >> 16, np.uint16)


ENCODERS = {"Q4_0": to_q4_0, "Q4_1": to_q4_1, "Q5_0": to_q5_0, "Q5_1": to_q5_1, "Q8_0": to_q8_0, "SFP8": to_sfp8,
            "BF16": to_bf16, "F16": lambda x: to_bytes(x, np.float16)}


def inputs():
    """[8, 32]: gaussian, few bits, ties, all zero, one extreme, two of one size, tiny, nearly nothing"""
    x = rng.standard_normal((8, 32)).astype(np.float32)
    x[1] = (to_bf16(x[1:2] * np.float32(0.03)).view(np.uint16).astype(np.uint32) << 16).view(np.float32)
    x[2] = rng.integers(-15, 16, 32) / np.float32(8)
    x[3] = 0
    x[4] *= np.float32(0.01)
    x[4, 17] = -1.7
    x[5] = np.clip(x[5], -1, 1)
    x[5, 3], x[5, 9] = -1, 1
    x[6] *= np.float32(1e-7)
    x[7] = 0
    x[7, 5] = -1e-41
    return x


def write(path, tensors):
    names = {"float32": "F32", "uint8": "U8"}
    header, data = {}, b""
    for name, t in tensors.items():
        raw = np.ascontiguousarray(t).tobytes()
        header[name] = {"dtype": names[t.dtype.name], "shape": list(t.shape), "data_offsets": [len(data), len(data) + len(raw)]}
        data += raw
    text = json.dumps(header, separators=(",", ":")).encode()
    text += b" " * (-len(text) % 8)
    with open(path, "wb") as f:
        f.write(len(text).to_bytes(8, "little") + text + data)


def main():
    tensors = {}
    for name, (decode, *layout) in DECODERS.items():
        b = blocks_of(*layout)
        if name == "MXFP4":
            b[:, 0] = [0, 1, 2, 120, 128, 250]
        tensors[name + ".bytes"], tensors[name + ".values"] = b, decode(b).astype(np.float32)
    for name, decode in CODES.items():
        b = np.arange(256, dtype=np.uint8).reshape(-1, 1)
        tensors[name + ".bytes"], tensors[name + ".values"] = b, decode(b).astype(np.float32)
    x = inputs()
    tensors["inputs"] = x
    for name, encode in ENCODERS.items():
        tensors[name + ".encoded"] = encode(x)
    write(sys.argv[1], dict(sorted(tensors.items(), key=lambda t: (t[1].dtype.name != "float32", t[0]))))


main()

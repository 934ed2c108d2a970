#!/usr/bin/env python3
"""Reads soft-token streams (see g4-stream(5)) with every check, and says what they hold.

  stream-reader.py [FILE ...]     stdin without FILE; status 1 and a line on stderr if not valid
"""
import array, struct, sys, zlib

MAGIC = b"\x89G4S\r\n\x1a\n"
HEAD = struct.Struct("<8sHHIB3sI16s16sII")
RECORD = struct.Struct("<4sIQIIqqIIHHIII")
MIB, UNKNOWN = 1 << 20, 0xFFFFFFFF
SIZES = {b"SEGM": (0, 0), b"ROWS": (1, 64 * MIB), b"SEGE": (0, 0), b"TEXT": (1, MIB),
         b"meta": (1, MIB // 16), b"FAIL": (1, MIB // 16),
         b"ENDS": (16, 16)}                             # least and most bytes of payload


class Bad(Exception):
    pass


def need(condition, rule):
    if not condition:
        raise Bad(rule)


def checksum(data, stored):
    return zlib.crc32(data) == int.from_bytes(stored, "little")


def take(file, n):
    data = file.read(n)
    need(len(data) == n, "truncated")
    return data


def finite(payload, dtype):
    """bf16 and float32 alike: a value is finite unless all bits of its exponent are set."""
    values = array.array("H" if dtype == 1 else "I", payload)
    if sys.byteorder == "big":
        values.byteswap()
    exponent = 0x7F80 if dtype == 1 else 0x7F800000
    return all(value & exponent != exponent for value in values)


def read_header(file, raw, agreed):
    need(len(raw) == 64 and raw[:8] == MAGIC, "not a stream")
    _, major, minor, size, dtype, zero, width, space, encoder, zero2, crc = HEAD.unpack(raw)
    need(major == 1 and crc == zlib.crc32(raw[:60]), "version or checksum of the stream header")
    need(size == 64 or (minor > 0 and size in range(128, 4097, 64)), "size of the stream header")
    more = take(file, size - 64)
    need(not more or checksum(more[:-4], more[-4:]), "checksum of the appended bytes")
    need(dtype in (1, 2) and width <= 65536, "dtype or width")
    need(not any(zero) and zero2 == 0, "reserved bytes")
    need(width or not any(space + encoder), "ids in a stream of width 0")
    need(not width or agreed.setdefault("width", width) == width, "widths differ")
    need(not any(space) or agreed.setdefault("space", space) == space, "space ids differ")
    return dtype, width


def read_record(file):
    """Fields and payload of the next record that is known."""
    while True:
        raw = take(file, 64)
        need(checksum(raw[:60], raw[60:]), "checksum of a record header")
        kind4, flags, size, *fields, payload_crc, _ = RECORD.unpack(raw)
        known = kind4 in SIZES
        need(known or (kind4.isalpha() and kind4[:1].islower()), f"unknown record {kind4!r}")
        low, high = SIZES.get(kind4, (0, 64 * MIB))
        need(low <= size <= high and not (known and flags), f"size or flags of {kind4!r}")
        payload = take(file, size)
        need(zlib.crc32(payload) == payload_crc, f"checksum of {kind4!r}")
        need(not any(take(file, -size % 64)), f"padding of {kind4!r}")
        if known:
            return kind4, fields, payload


def check_segm(s, width, state):
    number, source, t0, t1, rows, kind, gw, gh, us = s
    need(width and number == state["segments"], "segment number")
    if kind == 2:
        need(gw == gh == 0 < us and (rows == UNKNOWN or 1 <= rows <= 65536), "shape of audio")
    else:
        need(kind in (1, 3) and us == 0 and 1 <= gw * gh == rows <= 65536, "shape of an image")
    need(t0 == t1 == -1 if kind == 1 else 0 <= t0 and (t1 == -1 or t0 <= t1), "times of a segment")
    new, (last, last_t0) = source == state["sources"], state["last"]
    again = source == last and source not in state["failed"] and t0 >= last_t0
    need(new or again, "source of a segment")
    state.update(segments=number + 1, sources=state["sources"] + new, last=(source, t0))


def read_stream(file, raw, agreed):
    dtype, width = read_header(file, raw, agreed)
    state = {"segments": 0, "sources": 0, "last": (-1, 0), "failed": set()}
    total, came, open_, words = 0, 0, None, []
    while True:
        kind4, s, payload = read_record(file)
        number, source, t0, t1, rows, kind, gw, gh, us = s
        if kind4 in (b"ROWS", b"SEGE"):
            need(open_ and [number, source] == open_[:2], "record outside its segment")
        else:
            need(open_ is None or kind4 == b"FAIL", "record inside a segment")
        if kind4 not in (b"SEGM", b"SEGE"):
            need(t0 == t1 == -1 and not (kind or gw or gh or us), "a field that must be empty")
        if kind4 in (b"TEXT", b"meta", b"FAIL", b"ENDS"):
            need(number == rows == 0, "a field that must be empty")
        if kind4 in (b"TEXT", b"meta", b"FAIL"):
            words.append(kind4.decode() + " " + payload.decode("utf-8"))
            need(kind4 == b"meta" or 0 not in payload, "NUL in a text")
        if kind4 == b"SEGM":
            check_segm(s, width, state)
            open_, came = s, 0
        elif kind4 == b"ROWS":
            came, total = came + rows, total + rows
            need(1 <= rows and came <= min(open_[4], 65536), "rows of a segment")
            need(len(payload) == rows * width * 2 * dtype, "bytes of rows")
            need(finite(payload, dtype), "a value that is not finite")
        elif kind4 == b"SEGE":
            need([t0, kind, gw, gh, us] == [open_[2], *open_[5:]], "end of a segment")
            need(rows == came >= 1, "rows of a segment")
            need(open_[4] in (rows, UNKNOWN), "rows announced")
            need(t1 == open_[3] if open_[3] >= 0 or kind == 1 else t1 >= t0, "end time")
            open_ = None
        elif kind4 == b"FAIL":
            need(source == open_[1] if open_ else source <= state["sources"], "source of FAIL")
            state["sources"] += source == state["sources"]
            state["failed"].add(source)
            open_ = None
        elif kind4 == b"ENDS":
            counts = (state["segments"], total)
            need(source == 0 and struct.unpack("<QQ", payload) == counts, "counts")
            return f"width {width}, {state['segments']} segments, {total} rows", words


def main(names):
    for name in names or ["-"]:
        file = sys.stdin.buffer if name == "-" else open(name, "rb")
        agreed, raw = {}, file.read(64)
        need(raw, "empty")
        while raw:
            summary, words = read_stream(file, raw, agreed)
            print(summary, *words, sep="\n  ")
            raw = file.read(64)


try:
    main(sys.argv[1:])
except (Bad, OSError, UnicodeDecodeError) as reason:
    sys.exit(f"stream-reader.py: {reason}")

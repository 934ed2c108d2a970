#!/usr/bin/env python3
"""Soft-token streams that keep every rule, and streams that break one each.

  streams.py DIR     writes DIR/good/NAME.g4s; DIR/failed/NAME.g4s, valid but with FAIL records;
                     DIR/bad/NAME.g4s and DIR/bad.tsv: name, tab, a part of the message that must come;
                     DIR/bad-meta likewise: bad only for readers that use meta

The encoder here is written from the page of the format and shares nothing with the project's own.
"""
import os
import struct
import sys
import zlib

MAGIC = b"\x89G4S\r\n\x1a\n"
META = b'{"program":"test","version":"1","model":"none"}'
NONE = dict(segment=0, source=0, t0=-1, t1=-1, rows=0, kind=0, gw=0, gh=0, us=0)
UNKNOWN = 0xFFFFFFFF
SPACE, ENCODER = bytes(range(1, 17)), bytes(range(17, 33))


def head(width=4, dtype=1, space=SPACE, encoder=ENCODER, major=1, minor=0, size=64, reserved=bytes(3),
         tail=0, magic=MAGIC, crc=None, more=None):
    raw = struct.pack("<8sHHIB3sI16s16sI", magic, major, minor, size, dtype, reserved, width, space, encoder, tail)
    raw += struct.pack("<I", zlib.crc32(raw) if crc is None else crc)
    if more is None:
        more = bytes(size - 68) if 64 < size <= 8192 else b""
        more += struct.pack("<I", zlib.crc32(more)) if more else b""
    return raw + more


def record(kind4, payload=b"", size=None, flags=0, pad=None, crc=None, payload_crc=None, **fields):
    f = {**NONE, **fields}
    size = len(payload) if size is None else size
    payload_crc = zlib.crc32(payload) if payload_crc is None else payload_crc
    raw = struct.pack("<4sIQIIqqIIHHII", kind4, flags, size, f["segment"], f["source"], f["t0"], f["t1"],
                      f["rows"], f["kind"], f["gw"], f["gh"], f["us"], payload_crc)
    raw += struct.pack("<I", zlib.crc32(raw) if crc is None else crc)
    return raw + payload + (bytes(-len(payload) % 64) if pad is None else pad)


def bf16(values):
    return b"".join(struct.pack("<f", v)[2:] for v in values)


def rows(n=2, width=4, segment=0, source=0, value=1.5, payload=None, **f):
    payload = bf16([value] * (n * width)) if payload is None else payload
    return record(b"ROWS", payload, **{**dict(segment=segment, source=source, rows=n), **f})


def image(segment=0, source=0, **f):
    return {**NONE, **dict(segment=segment, source=source, kind=1, gw=2, gh=1, rows=2), **f}


def audio(segment=0, source=0, t0=0, t1=80000, total=UNKNOWN, **f):
    return {**dict(segment=segment, source=source, kind=2, us=40000, t0=t0, t1=t1, rows=total), **f}


def frame(segment=0, source=0, t0=0, t1=-1, **f):
    return {**dict(segment=segment, source=source, kind=3, gw=2, gh=1, rows=2, t0=t0, t1=t1), **f}


def whole(shape, end=None, **change):
    """SEGM, ROWS of two rows, SEGE; `end` changes fields of the SEGE, `change` those of the ROWS."""
    key = dict(segment=shape["segment"], source=shape["source"])
    return (record(b"SEGM", **shape) + rows(**{**key, **change}) +
            record(b"SEGE", **{**shape, "rows": 2, "t1": max(shape["t1"], shape["t0"]), **(end or {})}))


def meta(text=META, **f):
    return record(b"meta", text, **f)


def text(payload=b"and now:", **f):
    return record(b"TEXT", payload, **f)


def fail(payload=b"cannot read", **f):
    return record(b"FAIL", payload, **f)


def ends(segments=0, total=0, payload=None, **f):
    return record(b"ENDS", struct.pack("<QQ", segments, total) if payload is None else payload, **f)


def one(shape=None, end=None, **change):
    """A stream of one segment."""
    return head() + meta() + whole(shape or image(), end, **change) + ends(1, 2)


def unknown(name=b"note", payload=b"anything", **f):
    return record(name, payload, **{**dict(flags=7, segment=9, source=9, t0=5, rows=3, kind=77), **f})


TEXT_ONLY = head(0, space=bytes(16), encoder=bytes(16))

GOOD = {
    "image": one(),
    "audio": one(audio()),
    "audio-total-known": one(audio(total=2)),
    "audio-open-end": one(audio(t1=-1), end=dict(t1=80000)),
    "frame": one(frame()),
    "f32": head(dtype=2) + whole(image(), payload=struct.pack("<8f", *range(8))) + ends(1, 2),
    "no-meta": head() + whole(image()) + ends(1, 2),
    "text-only": TEXT_ONLY + meta() + text() + text(b"b") + ends(),
    "text-only-f32": head(0, 2, bytes(16), bytes(16)) + ends(),
    "fail-width-0": TEXT_ONLY + fail() + ends(),
    "nothing": head() + ends(),
    "any-space": head(space=bytes(16)) + whole(image()) + ends(1, 2),
    "many-rows": head() + record(b"SEGM", **audio()) + rows(1) + rows(2) + rows(3) +
                 record(b"SEGE", **audio(total=6)) + ends(1, 6),
    "two-segments": head() + whole(frame()) + whole(frame(1, t0=5)) + ends(2, 4),
    "two-sources": head() + whole(frame(t0=9)) + whole(frame(1, 1, t0=0)) + ends(2, 4),
    "fail-first": head() + fail() + whole(image(0, 1)) + fail(source=2) + whole(image(1, 3)) + ends(2, 4),
    "fail-inside": head() + record(b"SEGM", **audio()) + rows() + fail() + whole(image(1, 1)) + ends(2, 4),
    "fail-inside-no-rows": head() + record(b"SEGM", **image()) + fail() + ends(1, 0),
    "fail-after": head() + whole(image()) + fail() + whole(image(1, 1)) + ends(2, 4),
    "fail-of-earlier-source": head() + whole(image()) + whole(image(1, 1)) + fail(source=0) +
                              whole(image(2, 1)) + ends(3, 6),
    "meta-source": head() + meta() + meta(b'{"source":"a\\\\\\\\b.png","part":0}') + whole(image()) + ends(1, 2),
    "meta-cap": head() + meta(META[:-1] + b',"x":"' + b"x" * (65536 - len(META) - 7) + b'"}') + ends(),
    "unknown-skippable": head(minor=1) + unknown() + meta() + record(b"SEGM", **image()) +
                         unknown(b"xYZa", b"") + rows() + unknown() + record(b"SEGE", **image()) + unknown() +
                         ends(1, 2),
    "unknown-minor-0": head() + unknown() + ends(),
    "higher-minor": head(minor=9, size=4096) + whole(image()) + ends(1, 2),
    "two-streams": one() + one(audio()),
    "two-streams-text": TEXT_ONLY + text() + ends() + one() + TEXT_ONLY + text() + ends() + one(),
    "two-streams-dtype": one() + head(dtype=2) + whole(image(), payload=bytes(32)) + ends(1, 2),
    "two-streams-any-space": one() + head(space=bytes(16)) + whole(image()) + ends(1, 2) + one(),
    "text-cap": head() + text(b"x" * (1 << 20)) + ends(),
    "text-utf8": head() + text("\u00e9\u4e2d\U0001f600\ufffd\u0001".encode()) + ends(),
    "widest": head(65536) + record(b"SEGM", **image()) + rows(width=65536) + record(b"SEGE", **image()) + ends(1, 2),
    "largest-grid": head(1) + record(b"SEGM", **{**image(), "gw": 256, "gh": 256, "rows": 65536}) +
                    rows(65536, 1) + record(b"SEGE", **{**image(), "gw": 256, "gh": 256, "rows": 65536}) +
                    ends(1, 65536),
    "long-audio": head() + whole(audio(t0=10**15, t1=2 * 10**15)) + ends(1, 2),
}


def in_segm(says, shape=image, **fields):
    """A field of SEGM, with the CRC right."""
    return head() + record(b"SEGM", **{**shape(), **fields}), says


def in_sege(says, shape=image, **fields):
    return one(shape(), fields), says


def in_rows(says, **fields):
    return one(None, None, **fields), says


def in_head(says, **fields):
    return head(**fields) + ends(), says


NAN, INF = b"\xc0\x7f", b"\x80\xff"
BIG = record(b"ROWS", size=65535 * 2 * 32769, rows=32769)

BAD = {
    # what is not a stream at all
    "empty": (b"", "empty, no stream"),
    "one-byte": (b"\x89", "truncated: ends inside the stream header"),
    "foreign": (b"RIFF\x24\x08\x00\x00WAVE" + bytes(64), "not a soft-token stream"),
    "zeros": (bytes(4096), "not a soft-token stream"),
    "newlines-converted": (one().replace(b"\r\n", b"\n"), "not a soft-token stream"),
    # stream header
    "head-major": in_head("major version 2, 1 expected", major=2),
    "head-major-0": in_head("major version 0, 1 expected", major=0),
    "head-size": in_head("header bytes 128, 64 expected", size=128),
    "head-size-0": in_head("header bytes 0, a multiple of 64", size=0, minor=1),
    "head-size-odd": in_head("header bytes 100, a multiple of 64", size=100, minor=1),
    "head-size-large": in_head("header bytes 4160, a multiple of 64", size=4160, minor=1),
    "head-more-crc": in_head("checksum of the appended bytes", size=128, minor=1, more=bytes(63) + b"\x01"),
    "head-more-cut": (head(size=128, minor=1)[:100], "stream header: truncated"),
    "head-dtype-0": in_head("dtype 0, 1 (bf16) or 2 (f32) expected", dtype=0),
    "head-dtype-3": in_head("dtype 3,", dtype=3),
    "head-reserved": in_head("reserved byte 18 is 1, 0 expected", reserved=b"\0\1\0"),
    "head-reserved-end": in_head("reserved bytes 56..59 256, 0 expected", tail=256),
    "head-width": in_head("width 65537, at most 65536 expected", width=65537),
    "head-crc": in_head("stream header: checksum 0x00000001", crc=1),
    "head-text-space": in_head("space id is not zero", width=0, encoder=bytes(16)),
    "head-text-encoder": in_head("encoder id is not zero", width=0, space=bytes(16)),
    "head-text-dtype": in_head("dtype 0", width=0, dtype=0, space=bytes(16), encoder=bytes(16)),
    # any record
    "type-not-letters": (head() + record(b"SE\x07M"), "type is not four letters"),
    "type-digits": (head() + record(b"no1e"), "type is not four letters"),
    "type-unknown": (head() + unknown(b"Note"), "(Note): unknown type, and one that must be understood"),
    "flags": (head() + text(flags=1), "flags 1, 0 expected"),
    "header-crc": (head() + text(crc=5), "header checksum 0x00000005"),
    "payload-crc": (head() + text(payload_crc=5), "payload checksum 0x00000005"),
    "empty-crc": (head() + record(b"SEGM", **image(), payload_crc=5), "payload checksum 0x00000005"),
    "padding": (head() + text(pad=bytes(55) + b"\1"), "padding byte 55 is 1, 0 expected"),
    "unknown-cap": (head() + unknown(size=(64 << 20) + 1), "payload bytes 67108865"),
    "unknown-crc": (head() + unknown(payload_crc=1) + ends(), "payload checksum"),
    "unknown-padding": (head() + unknown(pad=bytes(55) + b"x") + ends(), "padding byte"),
    "size-4-gib": (head(65535) + record(b"SEGM", **audio()) + BIG, "payload bytes 4295032830, 1..67108864 expected"),
    "size-2-64": (head() + text(size=2**64 - 1), "payload bytes 18446744073709551615"),
    # SEGM
    "segm-inside": (head() + record(b"SEGM", **image()) * 2, "(SEGM): inside segment 0"),
    "segm-width-0": (TEXT_ONLY + record(b"SEGM", **image()), "in a stream of width 0"),
    "segm-payload": (head() + record(b"SEGM", b"x", **image()), "payload bytes 1, 0 expected"),
    "segm-number": in_segm("segment 1, 0 expected", segment=1),
    "segm-number-again": (head() + whole(image()) + record(b"SEGM", **image()), "segment 0, 1 expected"),
    "segm-number-skips": (head() + whole(image()) + record(b"SEGM", **image(2)), "segment 2, 1 expected"),
    "segm-kind-0": in_segm("kind 0, 1 (image)", kind=0),
    "segm-kind-4": in_segm("kind 4, 1 (image)", kind=4),
    "segm-kind-large": in_segm("kind 65537, 1 (image)", kind=65537),
    "image-grid-w": in_segm("grid width 0, at least 1", gw=0),
    "image-grid-h": in_segm("grid height 0, at least 1", gh=0),
    "image-rows": in_segm("rows 3, 2 expected", rows=3),
    "image-rows-unknown": in_segm("rows 4294967295, 2 expected", rows=UNKNOWN),
    "image-grid-large": in_segm("grid product 65792, at most 65536", gw=257, gh=256, rows=65792),
    "image-grid-wraps": in_segm("grid product 4294836225,", gw=65535, gh=65535, rows=4294836225),
    "image-us": in_segm("microseconds per row 40000, 0 expected", us=40000),
    "image-t0": in_segm("t0 0, -1 expected", t0=0, t1=0),
    "image-t1": in_segm("t1 0, -1 expected", t1=0),
    "frame-t0": in_segm("t0 -1, at least 0", frame, t0=-1),
    "frame-t1": in_segm("t1 4, not before t0", frame, t0=5, t1=4),
    "frame-t1-negative": in_segm("t1 -2, not before t0", frame, t1=-2),
    "frame-rows": in_segm("rows 1, 2 expected", frame, rows=1),
    "frame-us": in_segm("microseconds per row 1, 0 expected", frame, us=1),
    "frame-grid": in_segm("grid height 0, at least 1", frame, gh=0),
    "audio-grid": in_segm("grid width 2, 0 expected", audio, gw=2),
    "audio-grid-h": in_segm("grid height 2, 0 expected", audio, gh=2),
    "audio-us": in_segm("microseconds per row 0, more", audio, us=0),
    "audio-rows-0": in_segm("rows 0, 1..65536", audio, rows=0),
    "audio-rows-large": in_segm("rows 65537, 1..65536", audio, rows=65537),
    "audio-t0": in_segm("t0 -5, at least 0", audio, t0=-5),
    "audio-t1": in_segm("t1 1, not before t0", audio, t0=2, t1=1),
    "source-first": in_segm("source 1, at most 0 expected", source=1),
    "source-skips": (head() + whole(image()) + record(b"SEGM", **image(1, 2)), "source 2, at most 1 expected"),
    "source-back": (head() + whole(image()) + whole(image(1, 1)) + record(b"SEGM", **image(2, 0)),
                    "source 0, but 1 had begun"),
    "source-failed": (head() + whole(image()) + fail() + record(b"SEGM", **image(1)), "source 0, which has failed"),
    "source-failed-inside": (head() + record(b"SEGM", **image()) + fail() + record(b"SEGM", **image(1)),
                             "source 0, which has failed"),
    "source-failed-first": (head() + fail() + record(b"SEGM", **image()), "source 0, which has failed"),
    "source-failed-between": (head() + whole(image()) + fail(source=1) + fail(source=2) +
                              record(b"SEGM", **image(1, 1)), "source 1, which has failed"),
    "time-back": (head() + whole(frame(t0=9)) + record(b"SEGM", **frame(1, t0=8)), "t0 8, but 9 in the segment"),
    # ROWS
    "rows-outside": (head() + rows(), "(ROWS): outside a segment"),
    "rows-0": in_rows("record 3 (ROWS): rows 0, at least 1 expected", rows=0, payload=b""),
    "rows-too-many": in_rows("rows 3, at most 2 of 2 are left", n=3),
    "rows-again": (head() + record(b"SEGM", **image()) + rows() + rows(1), "rows 1, at most 0 of 2 are left"),
    "rows-payload": in_rows("payload bytes 8, 16 expected", payload=bytes(8)),
    "rows-payload-long": in_rows("payload bytes 18, 16 expected", payload=bytes(18)),
    "rows-dtype": (head(dtype=2) + record(b"SEGM", **image()) + rows(), "payload bytes 16, 32 expected"),
    "rows-segment": in_rows("segment 1, 0 expected", segment=1),
    "rows-source": in_rows("source 1, 0 expected", source=1),
    "rows-t0": in_rows("t0 0, -1 expected", t0=0, t1=0),
    "rows-t1": in_rows("t1 0, -1 expected", t1=0),
    "rows-kind": in_rows("kind 1, 0 expected", kind=1),
    "rows-grid": in_rows("grid width 2, 0 expected", gw=2),
    "rows-grid-h": in_rows("grid height 1, 0 expected", gh=1),
    "rows-us": in_rows("microseconds per row 40000, 0 expected", us=40000),
    "rows-nan": in_rows("row 1, element 1 is not finite", payload=bytes(10) + NAN + bytes(4)),
    "rows-inf": in_rows("row 0, element 0 is not finite", payload=INF + bytes(14)),
    "rows-nan-f32": (head(dtype=2) + record(b"SEGM", **image()) +
                     rows(payload=bytes(28) + b"\x01\0\x80\x7f"), "row 1, element 3 is not finite"),
    "rows-unbounded": (head(1) + record(b"SEGM", **audio()) + rows(65536, 1) + rows(1, 1), "at most 0 of 65536"),
    # SEGE
    "sege-outside": (head() + record(b"SEGE", **image()), "(SEGE): outside a segment"),
    "sege-payload": (head() + record(b"SEGM", **image()) + rows() + record(b"SEGE", b"x", **image()),
                     "payload bytes 1, 0 expected"),
    "sege-no-rows": (head() + record(b"SEGM", **image()) + record(b"SEGE", **image()), "rows 2, 0 expected"),
    "sege-no-rows-0": (head() + record(b"SEGM", **audio()) + record(b"SEGE", **audio(total=0)), "rows 0, at least 1"),
    "sege-few-rows": (head() + record(b"SEGM", **image()) + rows(1) + record(b"SEGE", **{**image(), "rows": 1}),
                      "rows 1, but 2 were announced"),
    "sege-few-audio": (head() + record(b"SEGM", **audio(total=3)) + rows(2) + record(b"SEGE", **audio(total=2)),
                       "rows 2, but 3 were announced"),
    "sege-rows": in_sege("rows 1, 2 expected", rows=1),
    "sege-rows-unknown": in_sege("rows 4294967295, 2 expected", audio, rows=UNKNOWN),
    "sege-segment": in_sege("segment 1, 0 expected", segment=1),
    "sege-source": in_sege("source 1, 0 expected", source=1),
    "sege-kind": in_sege("kind 3, 1 expected", kind=3),
    "sege-grid": in_sege("grid width 1, 2 expected", gw=1, gh=2),
    "sege-grid-h": in_sege("grid height 2, 1 expected", gh=2),
    "sege-us": in_sege("microseconds per row 0, 40000 expected", audio, us=0),
    "sege-t0": in_sege("t0 1, 0 expected", audio, t0=1),
    "sege-t1": in_sege("t1 80001, 80000 expected", audio, t1=80001),
    "sege-t1-none": in_sege("t1 -1, not before t0", frame, t1=-1),
    "sege-t1-before": (one(frame(t0=7), dict(t1=6)), "t1 6, not before t0"),
    "sege-image-t1": in_sege("t1 0, -1 expected", t1=0),
    # words
    "text-inside": (head() + record(b"SEGM", **image()) + text(), "(TEXT): inside segment 0"),
    "text-empty": (head() + text(b""), "payload bytes 0, 1..1048576 expected"),
    "text-cap": (head() + text(b"x" * ((1 << 20) + 1)), "payload bytes 1048577,"),
    "text-nul": (head() + text(b"a\0b") + ends(), "byte 1 of the text is NUL"),
    "text-not-utf8": (head() + text(b"ab\xff") + ends(), "byte 2 of the text is not UTF-8"),
    "text-overlong": (head() + text(b"\xc0\xaf") + ends(), "byte 0 of the text is not UTF-8"),
    "text-surrogate": (head() + text(b"\xed\xa0\x80") + ends(), "byte 0 of the text is not UTF-8"),
    "text-beyond": (head() + text(b"\xf4\x90\x80\x80") + ends(), "byte 0 of the text is not UTF-8"),
    "text-cut-character": (head() + text("\u4e2d".encode()[:2]) + ends(), "byte 0 of the text is not UTF-8"),
    "text-segment": (head() + text(segment=1), "segment 1, 0 expected"),
    "text-t0": (head() + text(t0=0), "t0 0, -1 expected"),
    "text-t1": (head() + text(t1=3), "t1 3, -1 expected"),
    "text-rows": (head() + text(rows=1), "rows 1, 0 expected"),
    "text-kind": (head() + text(kind=1), "kind 1, 0 expected"),
    "text-grid": (head() + text(gw=1), "grid width 1, 0 expected"),
    "text-us": (head() + text(us=1), "microseconds per row 1, 0 expected"),
    "meta-inside": (head() + record(b"SEGM", **image()) + meta(), "(meta): inside segment 0"),
    "meta-empty": (head() + meta(b""), "payload bytes 0, 1..65536 expected"),
    "meta-cap": (head() + meta(b'{"x":"' + b"x" * 65535 + b'"}'), "payload bytes 65543, 1..65536 expected"),
    "meta-not-utf8": (head() + meta(b'{"x":"\xff"}') + ends(), "is not UTF-8"),
    "meta-segment": (head() + meta(segment=1), "segment 1, 0 expected"),
    "fail-empty": (head() + fail(b""), "payload bytes 0, 1..65536 expected"),
    "fail-cap": (head() + fail(b"x" * 65537), "payload bytes 65537, 1..65536 expected"),
    "fail-nul": (head() + fail(b"\0") + ends(), "byte 0 of the text is NUL"),
    "fail-not-utf8": (head() + fail(b"\x80") + ends(), "byte 0 of the text is not UTF-8"),
    "fail-source": (head() + fail(source=1), "source 1, at most 0 expected"),
    "fail-inside-source": (head() + whole(image()) + record(b"SEGM", **image(1, 1)) + fail(source=0),
                           "source 0, 1 expected"),
    "fail-segment": (head() + whole(image()) + record(b"SEGM", **image(1)) + fail(segment=1),
                     "segment 1, 0 expected"),
    "fail-t0": (head() + fail(t0=0, t1=0), "t0 0, -1 expected"),
    # ENDS and what follows
    "ends-inside": (head() + record(b"SEGM", **image()) + rows() + ends(1, 2), "(ENDS): inside segment 0"),
    "ends-segments": (head() + whole(image()) + ends(0, 2), "counts 0 segments, but 1 came"),
    "ends-rows": (head() + whole(image()) + ends(1, 3), "counts 3 rows, but 2 came"),
    "ends-rows-failed": (head() + record(b"SEGM", **image()) + rows(1) + fail() + ends(1, 0),
                         "counts 0 rows, but 1 came"),
    "ends-payload": (head() + ends(payload=bytes(8)), "payload bytes 8, 16 expected"),
    "ends-payload-long": (head() + ends(payload=bytes(24)), "payload bytes 24, 16 expected"),
    "ends-source": (head() + ends(source=1), "source 1, 0 expected"),
    "ends-segment": (head() + ends(segment=1), "segment 1, 0 expected"),
    "ends-t0": (head() + ends(t0=0, t1=0), "t0 0, -1 expected"),
    "no-ends": (one()[:-128], "truncated: no ENDS (4 records came)"),
    "no-records": (head(), "truncated: no ENDS (0 records came)"),
    "two-ends": (one() + ends(1, 2), "bytes behind ENDS that are not a stream"),
    "record-behind-ends": (one() + text(), "bytes behind ENDS that are not a stream"),
    "trailing-byte": (one() + b"\n", "bytes behind ENDS that are not a stream"),
    "trailing-zeros": (one() + bytes(64), "bytes behind ENDS that are not a stream"),
    "trailing-header": (one() + head()[:30], "truncated: ends inside the stream header"),
    "second-cut": (one() + one()[:-1], "stream 2: record 5 (ENDS): truncated: ends inside the padding"),
    "second-width": (one() + head(8) + ends(), "width 8, but 4 in a stream before it"),
    "second-space": (one() + head(space=ENCODER) + ends(), "space id 11121314..., but 01020304... in a stream"),
    "third-width": (one() + TEXT_ONLY + ends() + head(8) + ends(), "header of stream 3: width 8"),
    "third-space": (one() + head(space=bytes(16)) + ends() + head(space=ENCODER) + ends(),
                    "header of stream 3: space id"),
    "two-writers": (one()[:192] + one(audio()) + one()[192:], "type is not four letters"),
}

# Bad for a reader that uses meta, good for one that skips it.
BAD_META = {
    "meta-list": (head() + meta(b"[1]") + ends(), "not a JSON object"),
    "meta-not-json": (head() + meta(b"{,}") + ends(), "'meta': line 1"),
    "meta-two-objects": (head() + meta(META + META) + ends(), "'meta': line 1"),
    "meta-cut": (head() + meta(META[:-1]) + ends(), "'meta': line 1"),
    "meta-deep": (head() + meta(META[:-1] + b',"x":' + b"[" * 5000 + b"]" * 5000 + b"}") + ends(), "nested deeper"),
    "meta-nul": (head() + meta(META + b"\0") + ends(), "is NUL"),
    "meta-first-program": (head() + meta(b'{"version":"1","model":"x"}') + ends(), "no string 'program'"),
    "meta-first-version": (head() + meta(b'{"program":"p","version":1,"model":"x"}') + ends(), "no string 'version'"),
    "meta-first-model": (head() + meta(b'{"program":"p","version":"1"}') + ends(), "no string 'model'"),
}


def main(folder):
    for name in ("good", "failed", "bad", "bad-meta"):
        os.makedirs(os.path.join(folder, name), exist_ok=True)
    for name, data in GOOD.items():
        group = "failed" if name.startswith("fail-") else "good"
        open(os.path.join(folder, group, name + ".g4s"), "wb").write(data)
    for group, streams in (("bad", BAD), ("bad-meta", BAD_META)):
        with open(os.path.join(folder, group + ".tsv"), "w") as table:
            for name, (data, says) in streams.items():
                open(os.path.join(folder, group, name + ".g4s"), "wb").write(data)
                table.write(f"{name}\t{says}\n")


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    main(sys.argv[1])

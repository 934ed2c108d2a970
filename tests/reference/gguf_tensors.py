#!/usr/bin/env python3
"""Prints a line for each tensor of a GGUF file: name, number of its type, shape, SHA-256 of its bytes; sorted by name.
usage: gguf_tensors.py FILE

Needs nothing but Python. Sizes follow from the offsets: a tensor ends where the next begins, padding included."""
import hashlib
import struct
import sys

SIZES = {0: 1, 1: 1, 2: 2, 3: 2, 4: 4, 5: 4, 6: 4, 7: 1, 10: 8, 11: 8, 12: 8}
STRING, ARRAY = 8, 9


class Reader:
    def __init__(self, path):
        with open(path, "rb") as f:
            self.bytes = f.read()
        self.at = 0

    def number(self, form):
        value, = struct.unpack_from("<" + form, self.bytes, self.at)
        self.at += struct.calcsize("<" + form)
        return value

    def text(self):
        n = self.number("Q")
        self.at += n
        return self.bytes[self.at - n:self.at].decode()

    def skip(self, kind):
        if kind == STRING:
            self.text()
        elif kind == ARRAY:
            of, n = self.number("I"), self.number("Q")
            for _ in range(n):
                self.skip(of)
        else:
            self.at += SIZES[kind]


def main():
    r = Reader(sys.argv[1])
    r.at = 8
    tensors, values = r.number("Q"), r.number("Q")
    for _ in range(values):
        r.text()
        r.skip(r.number("I"))
    rows = []
    for _ in range(tensors):
        name = r.text()
        ne = [r.number("Q") for _ in range(r.number("I"))]
        rows.append((r.number("I"), name, ne, r.number("Q")))
    begin = (r.at + 31) // 32 * 32
    rows.sort(key=lambda row: row[3])
    ends = [row[3] for row in rows[1:]] + [len(r.bytes) - begin]
    lines = []
    for (kind, name, ne, offset), end in zip(rows, ends):
        digest = hashlib.sha256(r.bytes[begin + offset:begin + end]).hexdigest()
        lines.append(f"{name} {kind} {'x'.join(map(str, ne))} {digest}")
    print("\n".join(sorted(lines)))


main()

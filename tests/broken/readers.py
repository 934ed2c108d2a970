#!/usr/bin/env python3
"""Runs the readers of the stream format over the streams of streams.py; all must judge alike.

  readers.py SET STREAM-GREP CASE     SET: folder made by streams.py; STREAM-GREP: the built example;
                                      CASE: good, failed, bad, bad-meta or damaged

g4-stream is taken from PATH, stream-reader.py from examples/. Prints what was tried, or what differs.
"""
import os
import subprocess
import sys

TOP = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
READER = [sys.executable, os.path.join(TOP, "examples", "stream-reader.py")]
CHECK = ["g4-stream", "check", "-"]
KINDS = ("image", "audio", "frame")


def run(command, data):
    """Status, stdout, lines of stderr. Programs may leave their input unread."""
    done = subprocess.run(command, input=data, capture_output=True, timeout=20)
    return done.returncode, done.stdout, done.stderr.decode("utf-8").splitlines()


def expect(name, command, data, status, says=""):
    got, out, lines = run(command, data)
    if got != status or (status and (not lines or says not in lines[-1])):
        sys.exit(f"{name}: {command[0:2]}: status {got}, expected {status} and '{says}'; said {lines}")
    if status and says and len([line for line in lines if " failed: " not in line]) > 1:
        sys.exit(f"{name}: {command[0:2]}: more than one line: {lines}")
    return out


def load(folder, group):
    path = os.path.join(folder, group)
    return {name[:-4]: open(os.path.join(path, name), "rb").read() for name in sorted(os.listdir(path))}


def messages(folder, group):
    return dict(line.rstrip("\n").split("\t") for line in open(os.path.join(folder, group + ".tsv")))


def good(folder, grep):
    for name, data in load(folder, "good").items():
        expect(name, CHECK, data, 0)
        expect(name, READER, data, 0)
        for kind in KINDS:
            expect(name, CHECK, expect(name, [grep, kind], data, 0), 0)


def failed(folder, grep):
    for name, data in load(folder, "failed").items():
        expect(name, CHECK, data, 1, "" if data.count(b"FAIL") > 1 else "failed: cannot read")
        assert b"FAIL cannot read" in expect(name, READER, data, 0)
        for kind in KINDS:
            assert b"FAIL cannot read" in expect(name, READER, expect(name, [grep, kind], data, 0), 0)


def bad(folder, grep):
    says = messages(folder, "bad")
    for name, data in load(folder, "bad").items():
        expect(name, CHECK, data, 1, says[name])
        expect(name, READER, data, 1, "stream-reader.py: ")
        for kind in KINDS:
            expect(name, [grep, kind], data, 1, "stream-grep: stdin: ")


def bad_meta(folder, grep):
    says = messages(folder, "bad-meta")
    for name, data in load(folder, "bad-meta").items():
        expect(name, CHECK, data, 1, says[name])
        expect(name, READER, data, 0)
        expect(name, [grep, "image"], data, 0)


def damaged(folder, grep):
    """Cut at every byte, bits flipped; the slow reader gets a sample."""
    data = load(folder, "good")["meta-source"]
    for i in range(len(data)):
        expect(f"cut at {i}", [grep, "image"], data[:i], 1)
        if i % 13 == 0:
            expect(f"cut at {i}", READER, data[:i], 1)
    for i in range(0, len(data) * 8, 11):
        flipped = bytearray(data)
        flipped[i // 8] ^= 1 << i % 8
        expect(f"bit {i}", [grep, "image"], bytes(flipped), 1)
        if i % 13 == 0:
            expect(f"bit {i}", CHECK, bytes(flipped), 1)
            expect(f"bit {i}", READER, bytes(flipped), 1)


if __name__ == "__main__":
    if len(sys.argv) != 4:
        sys.exit(__doc__)
    cases = {"good": good, "failed": failed, "bad": bad, "bad-meta": bad_meta, "damaged": damaged}
    cases[sys.argv[3]](sys.argv[1], sys.argv[2])

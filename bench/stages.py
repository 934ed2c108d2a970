#!/usr/bin/env python3
"""Time the stages of a full-size model: start, pictures, sound, prompt, answer, memory.

  bench/stages.py MODEL [--mmproj FILE] [--threads N] [--bin DIR] [--json FILE] [--keep DIR]

MODEL may be made up (bench/make_random_model.py): only its sizes matter. Every stage runs three
times in processes of its own; the best counts. A table on stdout; --json appends JSON lines, each
with the CPU path and the number of threads. Needs the programs in bin/ and python3.
"""
import argparse
import json
import os
import re
import struct
import subprocess
import sys
import tempfile
import threading
import time
import wave
import zlib
from pathlib import Path

TOP = Path(__file__).resolve().parent.parent
RUNS = 3


def private_bytes(pid):
    """Memory of a process that it shares with nobody, in bytes; 0 once it has ended."""
    try:
        text = Path(f"/proc/{pid}/smaps_rollup").read_text()
    except OSError:
        return 0
    kilobytes = re.findall(r"^Private_(?:Dirty|Hugetlb): +(\d+) kB", text, re.M)
    return sum(map(int, kilobytes)) * 1024


class Run:
    """One process: wall seconds, what it wrote, the peak of its private memory (if asked for)."""

    def __init__(self, command, watch=False):
        start = time.monotonic()
        process = subprocess.Popen(list(map(str, command)), stdin=subprocess.DEVNULL,
                                   stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        self.private = 0
        if watch:
            threading.Thread(target=self._watch, args=(process,), daemon=True).start()
        self.out, stderr = process.communicate()
        self.seconds = time.monotonic() - start
        self.err = stderr.decode(errors="replace")
        if process.returncode:
            sys.exit(f"{' '.join(map(str, command))}: status {process.returncode}: {self.err}")

    def _watch(self, process):
        while process.poll() is None:
            self.private = max(self.private, private_bytes(process.pid))
            time.sleep(0.02)


def best(command):
    return min((Run(command) for _ in range(RUNS)), key=lambda run: run.seconds)


def write_picture(path, width, height):
    """A PNG with some structure; what is on it does not matter."""
    def chunk(kind, data):
        body = kind + data
        return struct.pack(">I", len(data)) + body + struct.pack(">I", zlib.crc32(body))
    rows = b"".join(b"\0" + bytes((x * y // 64 + c * 40) & 255 for x in range(width) for c in range(3))
                    for y in range(height))
    path.write_bytes(b"\x89PNG\r\n\x1a\n" +
                     chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)) +
                     chunk(b"IDAT", zlib.compress(rows, 1)) + chunk(b"IEND", b""))


def write_sound(path, seconds):
    with wave.open(str(path), "wb") as out:
        out.setnchannels(1)
        out.setsampwidth(2)
        out.setframerate(16000)
        samples = ((i * i // 977 + i * 31) % 20000 - 10000 for i in range(16000 * seconds))
        out.writeframes(b"".join(struct.pack("<h", s) for s in samples))


def prompt_of(decode, model, tokens):
    """Words that make a prompt of about so many tokens."""
    def count(words):
        text = " ".join(f"word{i}" for i in range(words))
        run = Run([*decode, "-m", model, "--no-media", "--dry-run", "-p", text])
        return text, int(re.search(rb"prompt_tokens (\d+)", run.out).group(1))
    few, at_few = count(8)
    _, at_more = count(40)
    return count(max(1, 8 + round((tokens - at_few) * 32 / (at_more - at_few))))


def decode_times(run):
    m = re.search(r"prompt (\d+) tokens in ([\d.]+) s, answer (\d+) tokens in ([\d.]+) s", run.err)
    return int(m[1]), float(m[2]), int(m[3]), float(m[4])


class Table:
    def __init__(self, facts, path):
        self.facts, self.path = facts, path

    def row(self, stage, value, unit, note=""):
        print(f"  {stage:<34} {value:>10.3f} {unit:<8} {note}", flush=True)
        if self.path:
            with open(self.path, "a") as out:
                print(json.dumps({"stage": stage, "value": value, "unit": unit, **self.facts}), file=out)


def encoders(table, program, model, mmproj, scratch):
    options = ["-m", model] + (["--mmproj", mmproj] if mmproj else [])
    picture, sound = scratch / "picture.png", scratch / "sound.wav"
    write_picture(picture, 1024, 768)
    write_sound(sound, 30)
    for tokens in (70, 280, 1120):
        out = scratch / f"picture-{tokens}.g4s"
        run = best([program("g4-vision"), *options, "-t", tokens, "-f", "-o", out, picture])
        table.row(f"picture, budget {tokens}", run.seconds, "s")
    out = scratch / "sound.g4s"
    run = best([program("g4-audio"), *options, "-f", "-o", out, sound])
    table.row("sound, 30 s", run.seconds, "s")


def decoder(table, program, model, threads):
    decode = [program("g4-decode"), *threads]
    run = best([*decode, "--help"])
    table.row("g4-decode --help", run.seconds * 1e3, "ms")
    common = ["-m", model, "--no-media", "--greedy", "-v"]
    run = best([*decode, *common, "-n", "1", "-p", "one"])
    table.row("start to the first token, short", run.seconds, "s")
    text, _ = prompt_of(decode, model, 512)
    runs = [Run([*decode, *common, "-n", "1", "-p", text]) for _ in range(RUNS)]
    n, seconds, _, _ = min(map(decode_times, runs), key=lambda t: t[1])
    table.row(f"prompt of {n} tokens", n / seconds, "tokens/s")
    runs = [Run([*decode, *common, "-n", "64", "-p", "one"], watch=True) for _ in range(RUNS)]
    _, _, made, seconds = min(map(decode_times, runs), key=lambda t: t[3] / t[2])
    table.row(f"answer of {made} tokens", made / seconds, "tokens/s")
    table.row("private memory of the answer", max(r.private for r in runs) / 1e6, "MB")


def whole(table, program, model, mmproj, scratch, threads):
    options = ["-m", model] + (["--mmproj", mmproj] if mmproj else [])
    for name, command in (("picture 280 -> 8 tokens", ["g4-vision", "-t", "280", scratch / "picture.png"]),
                          ("sound 30 s -> 8 tokens", ["g4-audio", scratch / "sound.wav"])):
        times = []
        for _ in range(RUNS):
            start = time.monotonic()
            left = subprocess.Popen(list(map(str, [program(command[0]), *options, *command[1:]])),
                                    stdout=subprocess.PIPE)
            right = subprocess.run([*map(str, [program("g4-decode"), *threads]), "-q", "-m", str(model),
                                    "--greedy", "-n", "8", "-p", "What is this?"],
                                   stdin=left.stdout, stdout=subprocess.DEVNULL)
            if right.returncode or left.wait():
                sys.exit(f"{name}: failed")
            times.append(time.monotonic() - start)
        table.row(f"pipe, {name}", min(times), "s")


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("model", type=Path)
    parser.add_argument("--mmproj", type=Path)
    parser.add_argument("--threads", type=int)
    parser.add_argument("--bin", type=Path, default=TOP / "bin")
    parser.add_argument("--json", type=Path)
    parser.add_argument("--keep", type=Path, help="leave the picture and the sound in this folder")
    options = parser.parse_args()

    def program(name):
        return options.bin / name

    if options.threads:
        os.environ["G4_THREADS"] = str(options.threads)
    threads = ["--threads", str(options.threads)] if options.threads else []
    version = Run([program("g4-decode"), "--version"]).out.decode()
    cpu = re.search(r"cpu: (\S+)", version)[1]
    facts = {"model": options.model.name, "cpu": cpu, "threads": options.threads or os.cpu_count(),
             "date": time.strftime("%Y-%m-%d")}
    print(f"{options.model.name}, {cpu}, {facts['threads']} threads; best of {RUNS}")
    table = Table(facts, options.json)
    with tempfile.TemporaryDirectory() as folder:
        scratch = options.keep or Path(folder)
        decoder(table, program, options.model, threads)
        if options.mmproj or options.model.is_dir():
            encoders(table, program, options.model, options.mmproj, scratch)
            whole(table, program, options.model, options.mmproj, scratch, threads)


if __name__ == "__main__":
    main()

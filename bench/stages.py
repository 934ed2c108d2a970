#!/usr/bin/env python3
"""Time the stages of a model: start, prompt, answer, batch, pictures, sound, pipes, memory, threads.

  bench/stages.py MODEL [--mmproj FILE] [--threads N] [--only NAME,...] [--bin DIR] [--limits FILE]
                  [--json FILE] [--keep DIR] [--budgets N,...] [--frames N] [--long]

MODEL may be made up (bench/make_random_model.py): only its sizes matter. The limits of the machine
are measured first; what a stage must compute or read at least is counted from the shapes of the
model, and its share of the limit printed beside it. Each figure is that of processes of its own,
the best of three where that takes no minutes. A table on stdout; --json appends JSON lines, each
with the machine's features, the threads, the date and the limits measured. Needs python3; ffmpeg for
the stage `overlap`.

stages: help start prompt answer batch pictures sound pipes overlap threads memory long
"""
import argparse
import json
import math
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

sys.dont_write_bytecode = True
import work  # noqa: E402

TOP = Path(__file__).resolve().parent.parent
PROGRAMS = ("g4-audio", "g4-vision", "g4-video", "g4-decode", "g4-stream", "g4-model")
RUNS = 3


def memory_of(pid):
    """Bytes of a process that it shares with nobody, and the most that was ever resident; 0 once it has
    ended."""
    try:
        rollup = Path(f"/proc/{pid}/smaps_rollup").read_text()
        status = Path(f"/proc/{pid}/status").read_text()
    except OSError:
        return 0, 0
    private = re.findall(r"^Private_(?:Dirty|Hugetlb): +(\d+) kB", rollup, re.M)
    resident = re.findall(r"^VmHWM:\s+(\d+) kB", status, re.M)
    return sum(map(int, private)) * 1024, sum(map(int, resident)) * 1024


class Run:
    """One process: wall seconds, what it wrote, and if watched its peaks of private and resident memory."""

    def __init__(self, command, watch=False, may_fail=False):
        command = list(map(str, command))
        with tempfile.TemporaryFile() as out, tempfile.TemporaryFile() as err:
            start = time.monotonic()
            process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=out, stderr=err)
            self.private, self.resident, self.ended = 0, 0, False
            if watch:
                threading.Thread(target=self._watch, args=(process.pid,), daemon=True).start()
            _, status = os.waitpid(process.pid, 0)
            self.seconds = time.monotonic() - start
            self.ended = True
            process.returncode = os.waitstatus_to_exitcode(status)
            out.seek(0)
            err.seek(0)
            self.out, self.err = out.read(), err.read().decode(errors="replace")
        if process.returncode and not may_fail:
            sys.exit(f"{' '.join(command)}: status {process.returncode}: {self.err}")

    def _watch(self, pid):
        while not self.ended:
            private, resident = memory_of(pid)
            self.private, self.resident = max(self.private, private), max(self.resident, resident)
            time.sleep(0.02)


def best(command, runs=RUNS, **options):
    return min((Run(command, **options) for _ in range(runs)), key=lambda run: run.seconds)


def first_byte(command):
    """Seconds from exec to the first byte on stdout."""
    start = time.monotonic()
    with subprocess.Popen(list(map(str, command)), stdout=subprocess.PIPE, stderr=subprocess.DEVNULL) as process:
        os.read(process.stdout.fileno(), 1)
        seconds = time.monotonic() - start
        process.stdout.read()
    return seconds


def pipe(left, right):
    """Wall seconds of left | right."""
    start = time.monotonic()
    first = subprocess.Popen(list(map(str, left)), stdin=subprocess.DEVNULL, stdout=subprocess.PIPE)
    second = subprocess.run(list(map(str, right)), stdin=first.stdout, stdout=subprocess.DEVNULL)
    first.stdout.close()
    if second.returncode or first.wait():
        sys.exit(f"{left[0]} | {right[0]}: failed")
    return time.monotonic() - start


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


class Bench:
    """The model, the machine and the table that all stages share."""

    def __init__(self, options):
        self.options, self.model, self.mmproj = options, options.model, options.mmproj
        self.threads = options.threads or len(os.sched_getaffinity(0))
        self.info = json.loads(Run([self.program("g4-model"), "info", "--json", self.model]).out)
        self.large = self.info["bytes"] > 256 << 20  # what is smaller says nothing about the goals
        self.media = bool(options.mmproj) or self.model.is_dir()
        version = Run([self.program("g4-decode"), "--version"]).out.decode()
        self.cpu = re.search(r"cpu: (.*)", version)[1]
        self.limits, self.features = self.measure_limits()
        self.facts = {"model": self.model.name, "machine": machine_name(), "cpu": self.cpu,
                      "features": self.features, "threads": self.threads,
                      "date": time.strftime("%Y-%m-%d"), "limits": self.limits}

    def program(self, name):
        return self.options.bin / name

    def run_limits(self, *more):
        path = self.model if self.model.is_file() else next(self.model.glob("*.safetensors"), self.model)
        return json.loads(Run([self.options.limits, "-j", *more, "-t", self.threads, "-f", path]).out)

    def measure_limits(self):
        limits = self.run_limits()
        names = ("f32", "bf16", "int8", "read", "gemm", "gemm_by", "q8_rows")
        return {k: limits[k] for k in names}, limits["features"]

    def decode(self, *more, threads=None):
        return [self.program("g4-decode"), "--threads", threads or self.threads, "-m", self.model, "--greedy", *more]

    def encode(self, program, *more, threads=None):
        towers = ["--mmproj", self.mmproj] if self.mmproj else []
        return [self.program(program), "--threads", threads or self.threads, "-m", self.model, *towers, *more]

    def scratch(self, name):
        return self.options.keep / name

    def picture(self):
        path = self.scratch("picture.png")
        if not path.exists():
            write_picture(path, 1024, 768)
        return path

    def sound(self):
        path = self.scratch("sound.wav")
        if not path.exists():
            write_sound(path, 30)
        return path

    def clip(self, frames):
        path = self.scratch(f"clip-{frames}.mkv")
        if not path.exists():
            subprocess.run(["ffmpeg", "-v", "error", "-y", "-f", "lavfi", "-i",
                            f"testsrc2=size=640x480:rate=2:duration={frames}", "-c:v", "mpeg4", "-q:v", "4",
                            "-g", "10", str(path)], check=True)
        return path

    def prompt_of(self, tokens):
        """Words that make a prompt of about so many tokens."""
        def count(words):
            text = " ".join(f"word{i}" for i in range(words))
            path = self.scratch("prompt.txt")
            path.write_text(text)
            run = Run(self.decode("--no-media", "--dry-run", "--prompt-file", path))
            return text, int(re.search(rb"prompt_tokens (\d+)", run.out).group(1))
        few, at_few = count(100)
        _, at_more = count(400)
        return count(max(1, 100 + math.floor((tokens - at_few) * 300 / (at_more - at_few))))[0]

    def prompt_file(self, tokens):
        path = self.scratch(f"prompt-{tokens}.txt")
        if not path.exists():
            path.write_text(self.prompt_of(tokens))
        return path

    def row(self, stage, label, value, unit, **more):
        """more: ops and kind, or bytes, with seconds: the share of a limit; goal, of ('share' or
        'value') and sense ('>=' or '<='); tokens; note."""
        entry = {"bench": "stage", "stage": stage, "label": label, "value": value, "unit": unit}
        text = f"  {label:<44} {value:>10.3f} {unit:<8}"
        if more.get("ops") or more.get("bytes"):
            amount = more.get("ops") or more["bytes"]
            entry["kind"] = more.get("kind", "read")
            entry["rate"] = amount / more["seconds"] * 1e-9
            entry["share"] = entry["rate"] / self.limits[entry["kind"]]
            text += f" {100 * entry['share']:>4.0f} % of {entry['kind']:<5}"
        if "goal" in more and self.large:
            reached = entry.get("share") if more["of"] == "share" else value
            if reached is not None:
                met = reached >= more["goal"] if more["sense"] == ">=" else reached <= more["goal"]
                entry.update(goal=more["goal"], goal_of=more["of"], sense=more["sense"], met=met)
                goal = f"{100 * more['goal']:.0f} %" if more["of"] == "share" else f"{more['goal']:g}"
                text += f"  {more['sense']} {goal}: {'met' if met else 'missed'}"
        if "tokens" in more:
            entry["tokens"] = more["tokens"]
        if more.get("note"):
            entry["note"] = more["note"]
            text += f"  ({more['note']})"
        print(text, flush=True)
        if self.options.json:
            with open(self.options.json, "a") as out:
                print(json.dumps({**entry, **self.facts}), file=out)

    def float_kind(self):
        return "bf16" if self.limits["gemm_by"] == "bf16" else "f32"

    def text_kind(self, rows):
        """What products of so many rows with the weights of the text are made of."""
        eight = work.quantised(self.info) and rows <= self.limits["q8_rows"]
        return "int8" if eight and self.limits["int8"] else self.float_kind()


SHARE_60 = {"goal": 0.60, "of": "share", "sense": ">="}
SHARE_85 = {"goal": 0.85, "of": "share", "sense": ">="}


def at_most(value):
    return {"goal": value, "of": "value", "sense": "<="}


def at_least(value):
    return {"goal": value, "of": "value", "sense": ">="}


def machine_name():
    found = re.search(r"^model name\s*: (.*)", Path("/proc/cpuinfo").read_text(), re.M)
    return found[1] if found else os.uname().machine


def decode_times(run):
    m = re.search(r"prompt (\d+) tokens in ([\d.]+) s, answer (\d+) tokens in ([\d.]+) s", run.err)
    return int(m[1]), float(m[2]), int(m[3]), float(m[4])


def help_stage(b):
    for name in PROGRAMS:
        seconds = min(first_byte([b.program(name), "--help"]) for _ in range(10))
        b.row(f"help-{name}", f"{name} --help, first byte", seconds * 1e3, "ms", **at_most(5))


def start_stage(b):
    runs = [Run(b.decode("--no-media", "-v", "-n", "1", "-p", "one")) for _ in range(RUNS + 2)]
    run = min(runs, key=lambda r: r.seconds)
    n, prompt_seconds, _, answer_seconds = decode_times(run)
    b.row("first-token", f"exec to the first token, prompt of {n}", run.seconds, "s")
    outside = min(r.seconds - decode_times(r)[1] - decode_times(r)[3] for r in runs)
    b.row("start-decode", "of it before and after the work", outside, "s", **at_most(0.15))
    if b.media:
        absent = b.scratch("absent")
        for name, stage in (("g4-vision", "start-vision"), ("g4-audio", "start-audio")):
            run = best(b.encode(name, absent), RUNS + 2, may_fail=True)
            b.row(stage, f"{name}, exec to the opening of a file", run.seconds * 1e3, "ms", **at_most(30))


def prompt_run(b, tokens, runs, threads=None):
    command = b.decode("--no-media", "-v", "-n", "1", "--prompt-file", b.prompt_file(tokens), threads=threads)
    times = [decode_times(Run(command)) for _ in range(runs)]
    n, seconds, _, _ = min(times, key=lambda t: t[1])
    return n, seconds


def prompt_row(b, tokens, runs, **goal):
    n, seconds = prompt_run(b, tokens, runs)
    b.row(f"prompt-{tokens}", f"prompt of {n} tokens", n / seconds, "tokens/s", ops=work.prompt(b.info, n), tokens=n,
          kind=b.text_kind(min(n, 512)), seconds=seconds, **goal)
    return n, seconds


def prompt_stage(b):
    prompt_row(b, 512, RUNS, **SHARE_60)


def answer_run(b, tokens, runs, threads=None):
    command = b.decode("--no-media", "-v", "-n", tokens, "-p", "one", threads=threads)
    times = [decode_times(Run(command)) for _ in range(runs)]
    n, _, made, seconds = min(times, key=lambda t: t[3] / t[2])
    return n, made, seconds


def answer_stage(b):
    """The limit is measured again on both sides: other guests of a machine take their share of it."""
    before = b.run_limits("-r")["read"]
    n, made, seconds = answer_run(b, 64, RUNS)
    b.limits["read"] = max(before, b.run_limits("-r")["read"])
    if seconds < 0.02:
        print("  answer: too short to measure")
        return
    b.row("answer", f"answer of {made} tokens", made / seconds, "tokens/s",
          bytes=work.token_bytes(b.info, n + made // 2) * made, seconds=seconds, **SHARE_85)


def stream_of_picture(b, tokens):
    path = b.scratch(f"picture-{tokens}.g4s")
    if not path.exists():
        Run(b.encode("g4-vision", "-q", "-t", tokens, "-f", "-o", path, b.picture()))
    return path


def batch_stage(b):
    if not b.media:
        return
    streams = [stream_of_picture(b, 70)] * 8
    rates = {}
    for batch, tokens in ((1, 16), (8, 64)):
        command = b.decode("-v", "-n", tokens, "--each", "--batch", batch, "-p", "What is this?", *streams)
        found = [re.search(r"answers, (\d+) tokens in [\d.]+ s: ([\d.]+) tokens/s", Run(command).err)
                 for _ in range(2)]
        if not all(found):
            print("  batch: the answers were too short to measure")
            return
        rates[batch] = max(float(m[2]) for m in found)
        b.row(f"batch-{batch}", f"{batch} answers together", rates[batch], "tokens/s")
    b.row("batch-ratio", "8 answers together, times one", rates[8] / rates[1], "times", **at_least(4))


def pictures_stage(b):
    if not b.media:
        return
    for tokens in map(int, b.options.budgets.split(",")):
        out = b.scratch(f"picture-{tokens}.g4s")
        run = best(b.encode("g4-vision", "-v", "-t", tokens, "-f", "-o", out, b.picture()), 1 if tokens > 280 else RUNS)
        made = int(re.search(r"(\d+) soft tokens", run.err)[1])
        b.row(f"picture-{tokens}", f"picture, budget {tokens}, {made} tokens", run.seconds, "s",
              ops=work.picture(b.info, made), kind=b.float_kind(), seconds=run.seconds, tokens=made, **SHARE_60)


def sound_stage(b):
    if not b.media:
        return
    run = best(b.encode("g4-audio", "-f", "-o", b.scratch("sound.g4s"), b.sound()))
    b.row("sound-30", "sound of 30 s", run.seconds, "s", ops=work.sound(b.info, 30), kind=b.float_kind(),
          seconds=run.seconds, **SHARE_60)


def pipes_stage(b):
    if not b.media:
        return
    ask = b.decode("-q", "-n", "8", "-p", "What is this?")
    for stage, label, left in (
            ("pipe-picture", "picture 280 -> 8 tokens, whole run", b.encode("g4-vision", "-q", "-t", "280", b.picture())),
            ("pipe-sound", "sound 30 s -> 8 tokens, whole run", b.encode("g4-audio", "-q", b.sound()))):
        b.row(stage, label, min(pipe(left, ask) for _ in range(RUNS)), "s")


def overlap_stage(b):
    """Each side with half of the threads: two that share all processors cannot overlap in time."""
    if not b.media:
        return
    half, frames = max(1, b.threads // 2), b.options.frames
    clip, stream = b.clip(frames), b.scratch("clip.g4s")
    encode = b.encode("g4-video", "-q", "-t", "70", threads=half)
    decode = b.decode("-q", "-n", "8", "-p", "What happens?", threads=half)
    left = Run([*encode, "-f", "-o", stream, clip]).seconds
    right = Run([*decode, stream]).seconds
    both = pipe([*encode, clip], decode)
    note = f"encoder alone {left:.2f} s, decoder alone {right:.2f} s, {half} of {b.threads} threads each"
    b.row("overlap-clip", f"clip of {frames} frames -> 8 tokens", both, "s")
    if b.threads > 1:
        b.row("overlap-ratio", "the pipe, times the slower side", both / max(left, right), "times", note=note,
              **at_most(1.1))
    pictures = [b.picture()] * 4
    encode = b.encode("g4-vision", "-q", "-t", "70", threads=half)
    decode = b.decode("-q", "-n", "8", "--each", "-p", "What is this?", threads=half)
    left = Run([*encode, "-f", "-o", stream, *pictures]).seconds
    right = Run([*decode, stream]).seconds
    both = pipe([*encode, *pictures], decode)
    b.row("overlap-pictures", "4 pictures -> 8 tokens each", both, "s")
    if b.threads > 1:
        b.row("overlap-pictures-ratio", "the pipe, times the slower side", both / max(left, right), "times",
              note=f"encoder alone {left:.2f} s, decoder alone {right:.2f} s")


def threads_stage(b):
    if b.threads == 1:
        return
    def row(stage, label, seconds):
        one, all_of_them = seconds(1), seconds(b.threads)
        if min(one, all_of_them) > 0.01:
            b.row(stage, f"{label}: {b.threads} threads, times one", one / all_of_them, "times")
    row("threads-prompt", "prompt of 512", lambda t: prompt_run(b, 512, 2, t)[1])
    row("threads-answer", "answer of 24", lambda t: answer_run(b, 24, 2, t)[2])
    if b.media:
        out = b.scratch("threads.g4s")
        row("threads-picture", "picture, budget 280", lambda t: best(
            b.encode("g4-vision", "-q", "-t", 280, "-f", "-o", out, b.picture(), threads=t), 2).seconds)
        row("threads-sound", "sound of 30 s", lambda t: best(
            b.encode("g4-audio", "-q", "-f", "-o", out, b.sound(), threads=t), 2).seconds)


def memory_stage(b):
    cache = min(b.info["memory"]["cache"], key=lambda c: c["context"])["bytes"]
    jobs = [("decode", "g4-decode, prompt of 512, 16 tokens",
             b.decode("--no-media", "-q", "-n", "16", "--prompt-file", b.prompt_file(512)))]
    if b.media:
        out = ["-q", "-f", "-o", b.scratch("memory.g4s")]
        jobs += [("picture-280", "g4-vision, budget 280", b.encode("g4-vision", *out, "-t", 280, b.picture())),
                 ("sound", "g4-audio, 30 s", b.encode("g4-audio", *out, b.sound()))]
        if "1120" in b.options.budgets:
            jobs.append(("picture-1120", "g4-vision, budget 1120",
                         b.encode("g4-vision", *out, "-t", 1120, b.picture())))
    private = {}
    for stage, label, command in jobs:
        run = Run(command, watch=True)
        private[stage] = run.private
        limit = at_most((cache + 300e6) / 1e6) if stage == "decode" else {}
        b.row(f"private-{stage}", f"{label}: private memory", run.private / 1e6, "MB", **limit)
        b.row(f"resident-{stage}", f"{label}: peak of resident memory", run.resident / 1e6, "MB")
    if private.get("picture-1120"):
        b.row("memory-picture-ratio", "private memory, 1120 tokens times 280",
              private["picture-1120"] / private["picture-280"], "times", **at_most(4.4))


def long_stage(b):
    context = b.info["text"]["max_position_embeddings"]
    sizes = [n for n in (2048, 8192, *([32768] if b.options.long else [])) if n < context]
    done = [prompt_row(b, tokens, 1) for tokens in sizes]
    for n, seconds in done:
        b.row(f"token-of-{n}", f"a token of a prompt of {n}", seconds / n * 1e3, "ms")
    if len(done) > 1:
        (n0, t0), (n1, t1) = done[0], done[1]
        b.row("prompt-exponent", "time grows as length to the power of", math.log(t1 / t0) / math.log(n1 / n0), "",
              **at_most(1.15))


STAGES = {"help": help_stage, "start": start_stage, "prompt": prompt_stage, "answer": answer_stage,
          "batch": batch_stage, "pictures": pictures_stage, "sound": sound_stage, "pipes": pipes_stage,
          "overlap": overlap_stage, "threads": threads_stage, "memory": memory_stage, "long": long_stage}


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("model", type=Path)
    parser.add_argument("--mmproj", type=Path, help="the towers of a GGUF model")
    parser.add_argument("--threads", type=int)
    parser.add_argument("--only", default=",".join(STAGES), help="of " + ", ".join(STAGES))
    parser.add_argument("--bin", type=Path, default=TOP / "bin", help="folder of the programs")
    parser.add_argument("--limits", type=Path, default=TOP / "build/bench/limits", help="the program")
    parser.add_argument("--json", type=Path, help="append JSON lines to this file")
    parser.add_argument("--keep", type=Path, help="leave pictures, sound and streams in this folder")
    parser.add_argument("--budgets", default="70,280,1120", help="of `pictures`")
    parser.add_argument("--frames", type=int, default=24, help="of the clip of `overlap` (default 24)")
    parser.add_argument("--long", action="store_true", help="`long` reads a prompt of 32768 tokens, too")
    options = parser.parse_args()
    chosen = options.only.split(",")
    if not set(chosen) <= set(STAGES):
        parser.error(f"no such stage: {', '.join(sorted(set(chosen) - set(STAGES)))}")
    if options.threads:
        os.environ["G4_THREADS"] = str(options.threads)
    with tempfile.TemporaryDirectory() as folder:
        options.keep = options.keep or Path(folder)
        options.keep.mkdir(parents=True, exist_ok=True)
        b = Bench(options)
        l = b.limits
        print(f"{b.model.name} on {b.facts['machine']}, {b.cpu}, {b.threads} threads")
        print(f"limits: f32 {l['f32']:.0f}, bf16 {l['bf16']:.0f}, int8 {l['int8']:.0f} GOP/s, "
              f"reading {l['read']:.1f} GB/s")
        for name in chosen:
            STAGES[name](b)


if __name__ == "__main__":
    main()

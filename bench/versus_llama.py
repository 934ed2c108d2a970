"""The peer's side of bench/versus-llama.sh: runs llama.cpp's programs, prints ratios to ours."""
import argparse
import json
import re
import subprocess
import sys
import tempfile
import time
from pathlib import Path

sys.dont_write_bytecode = True
import stages  # noqa: E402

NEEDED = "start,prompt,answer,pictures,sound,pipes,memory"
BUDGETS = "70,280"

# stage of ours: its name here, whether less is better, the ratio wanted without and with AMX
ROWS = {
    "prompt-512": ("prompt of 512 tokens, tokens/s", False, 5, 15),
    "answer": ("answer of 64 tokens, tokens/s", False, 1.15, 1.15),
    "picture-70": ("picture, budget 70, s", True, 5, 10),
    "picture-280": ("picture, budget 280, s", True, 5, 10),
    "sound-30": ("sound of 30 s, s", True, 2, 10),
    "pipe-picture": ("picture 280 -> 8 tokens, whole run, s", True, 4, 4),
    "pipe-sound": ("sound 30 s -> 8 tokens, whole run, s", True, 4, 4),
    "first-token": ("exec to the end of one token, s", True, 10, 10),
    "private-decode": ("private memory of an answer, MB", True, 3, 3),
    "resident-decode": ("peak of resident memory, MB", True, None, None),
}


def rates(llama, model, threads):
    """Tokens a second of a prompt of 512 and of an answer of 64, by llama-bench."""
    command = [llama / "llama-bench", "-m", model, "-p", "512", "-n", "64", "-t", threads, "-r", "2", "-o", "jsonl"]
    done = subprocess.run(list(map(str, command)), capture_output=True, text=True, check=True)
    found = {}
    for row in map(json.loads, done.stdout.splitlines()):
        # the best of the runs, as on our side
        rate = max(row.get("samples_ts") or [row["avg_ts"]])
        found["prompt-512" if row["n_prompt"] else "answer"] = rate
    return found


def whole(llama, model, mmproj, threads, *media):
    """A whole run with a picture or a sound; and the seconds of the tower by its own messages."""
    run = stages.Run([llama / "llama-mtmd-cli", "-m", model, "--mmproj", mmproj, "--chat-template", "gemma", "-v",
                      "-t", threads, "-n", "8", "--temp", "0", "-p", "What is this?", *media])
    tower = re.search(r"encoding done in (\d+) ms", run.err + run.out.decode(errors="replace"))
    return run.seconds, int(tower[1]) / 1e3 if tower else None


def alone(llama, model, threads, tokens, watch):
    return stages.Run([llama / "llama-completion", "-m", model, "-t", threads, "-n", tokens, "--temp", "0", "-no-cnv",
                       "-p", "one"], watch=watch)


def measure(llama, model, mmproj, threads, folder):
    stages.write_picture(folder / "picture.png", 1024, 768)
    stages.write_sound(folder / "sound.wav", 30)
    theirs = rates(llama, model, threads)
    starts = [alone(llama, model, threads, 1, False).seconds for _ in range(2)]
    theirs["first-token"] = min(starts)
    run = alone(llama, model, threads, 16, True)
    theirs["private-decode"], theirs["resident-decode"] = run.private / 1e6, run.resident / 1e6
    for tokens in (70, 280):
        seconds, tower = whole(llama, model, mmproj, threads, "--image", folder / "picture.png",
                               "--image-min-tokens", tokens, "--image-max-tokens", tokens)
        theirs[f"picture-{tokens}"] = tower
        if tokens == 280:
            theirs["pipe-picture"] = seconds
    theirs["pipe-sound"], theirs["sound-30"] = whole(llama, model, mmproj, threads, "--audio", folder / "sound.wav")
    return theirs


def our_side(options, folder):
    path = options.ours
    if not path:
        path = folder / "ours.jsonl"
        subprocess.run([sys.executable, stages.TOP / "bench/stages.py", options.model, "--mmproj", options.mmproj,
                        "--threads", str(options.threads), "--only", NEEDED, "--budgets", BUDGETS, "--json", path,
                        "--bin", options.build / "bin", "--limits", options.build / "bench/limits"], check=True)
    with open(path) as lines:
        return {row["stage"]: row for row in map(json.loads, lines) if row.get("bench") == "stage"}


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("model", type=Path)
    parser.add_argument("mmproj", type=Path)
    parser.add_argument("--llama", type=Path, required=True)
    parser.add_argument("--threads", type=int, required=True)
    parser.add_argument("--ours", type=Path)
    parser.add_argument("--json", type=Path)
    parser.add_argument("--build", type=Path, default=stages.TOP / "build")
    options = parser.parse_args()
    found = stages.Run([options.llama / "llama-completion", "--version"])
    version = re.search(r"version: (\S+)", found.out.decode() + found.err)
    engine = "llama.cpp " + (version[1] if version else "")
    with tempfile.TemporaryDirectory() as name:
        ours = our_side(options, Path(name))
        theirs = measure(options.llama, options.model, options.mmproj, options.threads, Path(name))
    print(f"\n  {'':<40} {'g4':>10} {engine:>20} {'ratio':>8}")
    for stage, (label, less, plain, amx) in ROWS.items():
        if stage not in ours or not theirs.get(stage):
            continue
        a, b, facts = ours[stage]["value"], theirs[stage], ours[stage]
        ratio = b / a if less else a / b
        goal = amx if "amx" in facts["cpu"] else plain
        verdict = "" if goal is None else f"  >= {goal:g}: {'met' if ratio >= goal else 'missed'}"
        print(f"  {label:<40} {a:>10.3f} {b:>20.3f} {ratio:>7.2f}x{verdict}")
        if options.json:
            row = {"bench": "versus", "engine": engine, "stage": stage, "label": label, "ours": a, "theirs": b,
                   "ratio": ratio, "goal": goal, "met": goal is None or ratio >= goal,
                   "date": time.strftime("%Y-%m-%d"), "threads": options.threads,
                   **{key: facts[key] for key in ("model", "machine", "cpu", "features", "limits")}}
            with open(options.json, "a") as out:
                print(json.dumps(row), file=out)
    print("  (our picture and sound times are whole processes; llama.cpp's are its tower alone)")


if __name__ == "__main__":
    main()

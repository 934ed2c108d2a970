#!/bin/bash
# The same full-size files through g4 and through llama.cpp, side by side: seconds, rates, ratios.
#
#   LLAMA_BIN=llama.cpp/build/bin bench/versus-llama.sh MODEL.gguf MMPROJ.gguf [THREADS]
#
# llama.cpp must be built for this machine (GGML_NATIVE), with llama-bench and llama-mtmd-cli. The
# files may be made up (bench/make_random_model.py). Run it on a quiet machine: each program runs
# three times (whole runs of llama.cpp once) and the best counts.
set -eu
here=$(cd "$(dirname "$0")" && pwd)
model=${1:?usage: bench/versus-llama.sh MODEL.gguf MMPROJ.gguf [THREADS]}
mmproj=${2:?usage: bench/versus-llama.sh MODEL.gguf MMPROJ.gguf [THREADS]}
threads=${3:-$(nproc)}
: "${LLAMA_BIN:?set LLAMA_BIN to the folder of llama-bench and llama-mtmd-cli}"
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

"$here/stages.py" "$model" --mmproj "$mmproj" --threads "$threads" --json "$work/g4.jsonl" \
    --keep "$work"

"$LLAMA_BIN/llama-bench" -m "$model" -p 512 -n 64 -t "$threads" -r 3 -o jsonl \
    >"$work/bench.jsonl" 2>/dev/null

# One whole run; its own messages tell how long the tower took.
whole() { # NAME OPTIONS...
    local name=$1 start end
    shift
    start=$(date +%s.%N)
    command time -f %M -o "$work/$name.memory" \
        "$LLAMA_BIN/llama-mtmd-cli" -m "$model" --mmproj "$mmproj" --chat-template gemma -v \
        -t "$threads" -n 8 --temp 0 -p 'What is this?' "$@" >"$work/$name.log" 2>&1
    end=$(date +%s.%N)
    echo "$start $end" >"$work/$name.span"
}
for tokens in 70 280; do
    whole "picture-$tokens" --image "$work/picture.png" \
        --image-min-tokens "$tokens" --image-max-tokens "$tokens"
done
whole sound --audio "$work/sound.wav"

python3 - "$work" <<'PYTHON'
import json, re, sys
from pathlib import Path
work = Path(sys.argv[1])
ours = {row["stage"]: row["value"] for row in map(json.loads, open(work / "g4.jsonl"))}
prefix = lambda name: next(value for stage, value in ours.items() if stage.startswith(name))
bench = [json.loads(line) for line in open(work / "bench.jsonl")]
rate = lambda key: next(row["avg_ts"] for row in bench if row[key])

def tower(name):
    found = re.search(r"encoding done in (\d+) ms", (work / f"{name}.log").read_text(errors="replace"))
    return int(found[1]) / 1e3 if found else float("nan")

def span(name):
    start, end = map(float, (work / f"{name}.span").read_text().split())
    return end - start

rows = [("prompt, tokens/s", prefix("prompt of"), rate("n_prompt"), False),
        ("answer, tokens/s", prefix("answer of"), rate("n_gen"), False),
        ("picture 70, s", ours["picture, budget 70"], tower("picture-70"), True),
        ("picture 280, s", ours["picture, budget 280"], tower("picture-280"), True),
        ("sound 30 s, s", ours["sound, 30 s"], tower("sound"), True),
        ("picture 280 -> 8 tokens, s", ours["pipe, picture 280 -> 8 tokens"], span("picture-280"), True),
        ("sound 30 s -> 8 tokens, s", ours["pipe, sound 30 s -> 8 tokens"], span("sound"), True),
        ("memory, MB (ours: private)", ours["private memory of the answer"],
         int((work / "sound.memory").read_text().split()[-1]) / 1e3, True)]
print(f"\n  {'':<28} {'g4':>10} {'llama.cpp':>10} {'ratio':>7}")
for name, a, b, less in rows:
    print(f"  {name:<28} {a:>10.3f} {b:>10.3f} {b / a if less else a / b:>6.2f}x")
PYTHON
echo "  (our picture and sound times are whole processes; llama.cpp's are its tower alone)"

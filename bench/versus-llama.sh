#!/bin/bash
# The same full-size files through g4 and through llama.cpp, side by side: seconds, rates, ratios.
#
#   LLAMA_BIN=llama.cpp/build/bin bench/versus-llama.sh MODEL.gguf MMPROJ.gguf [THREADS]
#
# llama.cpp must be built for this machine (GGML_NATIVE), with llama-bench, llama-completion and
# llama-mtmd-cli. The files may be made up (bench/make_random_model.py). Run it on a quiet machine.
# G4_BENCH_OURS=FILE: JSON lines that bench/stages.py has just written, instead of running our side
# again. G4_BENCH_JSON=FILE: append JSON lines. G4_BENCH_BUILD=DIR: where our programs are built.
set -eu
usage='usage: bench/versus-llama.sh MODEL.gguf MMPROJ.gguf [THREADS]'
: "${1:?$usage}" "${2:?$usage}" "${LLAMA_BIN:?set LLAMA_BIN to the folder of llama-bench and llama-mtmd-cli}"
[ -x "$LLAMA_BIN/llama-bench" ] || { echo "versus-llama.sh: no llama-bench in '$LLAMA_BIN'" >&2; exit 1; }
exec python3 "$(dirname "$0")/versus_llama.py" "$1" "$2" --llama "$LLAMA_BIN" --threads "${3:-$(nproc)}" \
    ${G4_BENCH_OURS:+--ours "$G4_BENCH_OURS"} ${G4_BENCH_JSON:+--json "$G4_BENCH_JSON"} \
    ${G4_BENCH_BUILD:+--build "$G4_BENCH_BUILD"}

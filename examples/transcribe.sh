#!/bin/sh
# transcribe.sh FILE...: one line per 30 s of sound: file, begin, text. Tab-separated.
set -eu
[ $# -gt 0 ] || { echo "usage: transcribe.sh FILE..." >&2; exit 2; }
g4-audio -q -- "$@" |
    g4-decode --each --greedy --format jsonl -p "${PROMPT:-Transcribe the audio.}" |
    jq -r '[.source, (.t0 // 0), (.text // "")] | @tsv'
